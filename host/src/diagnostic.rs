//! What went wrong, where, and what to do next: the one error type of the host.
//!
//! Owns the wording of failures and their exit codes; knows nothing of how they came about.
//! A [`Diagnostic`] that belongs to the pipeline file carries a [`KeyPath`]; the line and
//! column are looked up in the file when it is printed, so no other type carries spans.

use std::fmt;

/// Result of everything in the host that can fail.
pub type Result<T, E = Diagnostic> = std::result::Result<T, E>;

/// Whose turn it is to act; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The pipeline file, a command line or a plugin's config must change.
    Config,
    /// The input data stops the pipeline.
    Data,
    /// A plugin does not load, breaks the contract, or exceeds its limits.
    Plugin,
    /// A file system or store refuses.
    Storage,
    /// A signal ended the run before its work was done.
    Interrupted,
    /// A bug of lockgate itself.
    Internal,
}

impl Kind {
    /// Exit code of the process.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Config => 2,
            Self::Data => 3,
            Self::Plugin => 4,
            Self::Storage => 5,
            Self::Interrupted => 130,
        }
    }
}

/// A key of the pipeline file: `stage[2].config.where`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPath(pub Vec<Key>);

/// One step of a [`KeyPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A key of a table.
    Name(String),
    /// An element of an array, from 0.
    Index(usize),
}

impl KeyPath {
    /// This path and a key of the table it names.
    #[must_use]
    pub fn name(&self, name: impl Into<String>) -> Self {
        let mut keys = self.0.clone();
        keys.push(Key::Name(name.into()));
        Self(keys)
    }

    /// This path and an element of the array it names.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut keys = self.0.clone();
        keys.push(Key::Index(index));
        Self(keys)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, key) in self.0.iter().enumerate() {
            match key {
                Key::Name(name) if i > 0 => write!(f, ".{name}")?,
                Key::Name(name) => f.write_str(name)?,
                Key::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Where in the user's world a failure sits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A key of the pipeline file, and optionally a byte range inside its string value.
    Key(KeyPath, Option<std::ops::Range<usize>>),
    /// A byte range of the pipeline file's text.
    Span(std::ops::Range<usize>),
}

/// A failure: what, where, why, what next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whose turn it is.
    pub kind: Kind,
    /// What is wrong: lower case, no full stop, backquotes round literals.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// Where in the pipeline file, if it belongs there.
    pub at: Option<Place>,
    /// What to do next.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// A failure of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let (causes, hints) = (Vec::new(), Vec::new());
        Self { kind, message: message.into(), causes, at: None, hints }
    }

    /// The pipeline file or command line must change.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    /// The input data stops the pipeline.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Kind::Data, message)
    }

    /// A plugin is at fault.
    pub fn plugin(message: impl Into<String>) -> Self {
        Self::new(Kind::Plugin, message)
    }

    /// A store refuses.
    pub fn storage(message: impl Into<String>) -> Self {
        Self::new(Kind::Storage, message)
    }

    /// A bug of lockgate.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
            .hint("this is a bug in lockgate; please report it with this message")
    }

    /// Adds why it failed.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says which key of the pipeline file is at fault, unless that is known already.
    #[must_use]
    pub fn at(mut self, key: &KeyPath) -> Self {
        self.at.get_or_insert_with(|| Place::Key(key.clone(), None));
        self
    }

    /// Wraps the failure in what was being done: the old message becomes the first cause.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Diagnostic {}
