//! What went wrong, where, and what to do next: the one error type of the host.
//!
//! Owns the wording of failures and their exit codes; knows nothing of how they came about.
//! A [`Diagnostic`] that belongs to the pipeline file carries a [`KeyPath`]; the line and
//! column are looked up in the file when it is printed, so no other type carries spans.
//!
//! ```text
//! Diagnostic --locate--> byte range of the file --render--> lines for a person
//! ```

mod locate;
mod render;
mod suggest;
mod toml_string;

pub use render::Renderer;
pub use suggest::suggest;

use serde_json::Value;
use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

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
    /// The value of a key, and optionally a byte range inside it when it is a string.
    Key(KeyPath, Option<Range<usize>>),
    /// Bytes of a string value as written, before `${...}` references are replaced.
    Written(KeyPath, Range<usize>),
    /// A key itself, not its value.
    Name(KeyPath),
    /// A byte range of the file's text.
    Span(Range<usize>),
}

/// A TOML file as read: what a [`Place`] is looked up in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceText {
    /// Its path, as the user named it.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
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
    /// Where in `file`, if it belongs to a key.
    pub at: Option<Place>,
    /// The file it belongs to. Nothing but [`in_file`](Self::in_file) sets it: whoever
    /// reads a TOML file attaches it to the failures that come of it.
    pub file: Option<Arc<SourceText>>,
    /// What to do next.
    pub hints: Vec<String>,
    /// Whether a store refused for want of permission: trying again does not help.
    pub is_denied: bool,
}

impl Diagnostic {
    /// A failure of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let (causes, hints) = (Vec::new(), Vec::new());
        Self {
            kind,
            message: message.into(),
            causes,
            at: None,
            file: None,
            hints,
            is_denied: false,
        }
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

    /// Says that a key itself is at fault, not its value; unless the place is known already.
    #[must_use]
    pub fn at_name(mut self, key: &KeyPath) -> Self {
        self.at.get_or_insert_with(|| Place::Name(key.clone()));
        self
    }

    /// Says which bytes of a key's string value are at fault, unless the place is known
    /// already.
    #[must_use]
    pub fn at_bytes(mut self, key: &KeyPath, bytes: Range<usize>) -> Self {
        self.at.get_or_insert_with(|| Place::Key(key.clone(), Some(bytes)));
        self
    }

    /// Says which file the failure belongs to, unless that is known already.
    #[must_use]
    pub fn in_file(mut self, file: &Arc<SourceText>) -> Self {
        self.file.get_or_insert_with(|| Arc::clone(file));
        self
    }

    /// Where it stands in its file, in bytes; `None` when it belongs to the file as a whole.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        let (file, place) = (self.file.as_ref()?, self.at.as_ref()?);
        locate::locate(&file.text, place).map(|span| span.start)
    }

    /// What a plugin says of its config, which stands at that key of the pipeline file.
    ///
    /// The place is the key that the message names first in backquotes, or whose value it
    /// names; when that is not one alone, the config as a whole. A
    /// message whose last line is `@START..END` means those bytes of a string of the config;
    /// that line is not shown.
    #[must_use]
    pub fn from_plugin(message: &str, key: &KeyPath, config: &Value) -> Self {
        let (message, bytes) = split_byte_range(message);
        let said = message.split('`').nth(1);
        let has = |(name, value): &(&String, &Value)| {
            said == Some(name.as_str()) || (value.is_string() && value.as_str() == said)
        };
        let named: Vec<_> = config.as_object().into_iter().flatten().filter(has).collect();
        let named = if let [(name, _)] = named[..] { Some(name.as_str()) } else { None };
        let failure = Self::config(message);
        let Some(bytes) = bytes else {
            return match named {
                Some(name) => failure.at(&key.name(name)),
                None => failure.at(key),
            };
        };
        let fits =
            |value: &Value| value.as_str().is_some_and(|text| text.get(bytes.clone()).is_some());
        let fitting = config.as_object().into_iter().flatten().filter(|(_, value)| fits(value));
        let fitting: Vec<&str> = fitting.map(|(name, _)| name.as_str()).collect();
        match (fitting.as_slice(), named) {
            ([only], _) => failure.at_bytes(&key.name(*only), bytes),
            (several, Some(name)) if several.contains(&name) => {
                failure.at_bytes(&key.name(name), bytes)
            }
            (_, Some(name)) => failure.at(&key.name(name)),
            (_, None) => failure.at(key),
        }
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

/// Splits a last line `@START..END` off a message.
#[must_use]
pub fn split_byte_range(message: &str) -> (&str, Option<Range<usize>>) {
    let text = message.trim_end();
    let Some((rest, line)) = text.rsplit_once('\n') else { return (text, None) };
    let range = line.trim().strip_prefix('@').and_then(|range| {
        let (start, end) = range.split_once("..")?;
        Some(start.parse().ok()?..end.parse().ok()?)
    });
    if range.is_some() { (rest.trim_end(), range) } else { (text, None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_line_with_a_byte_range_is_split_off() {
        assert_eq!(split_byte_range("no such column\n@3..9"), ("no such column", Some(3..9)));
        assert_eq!(split_byte_range("two\nlines\n"), ("two\nlines", None));
        assert_eq!(split_byte_range("mail me @1..2"), ("mail me @1..2", None));
        assert_eq!(split_byte_range("odd\n@x..2"), ("odd\n@x..2", None));
    }

    #[test]
    fn a_plugin_points_into_its_config() {
        let key = KeyPath::default().name("stage").index(1).name("config");
        let at = |message: &str, config: Value| {
            let failure = Diagnostic::from_plugin(message, &key, &config);
            assert!(!failure.message.contains('@'), "{failure}");
            failure.at.unwrap()
        };
        let where_ = serde_json::json!({ "where": "amont > 0", "on": 1 });
        let in_where = |bytes| Place::Key(key.name("where"), bytes);
        assert_eq!(at("no column `amont`\n@0..5", where_.clone()), in_where(Some(0..5)));
        assert_eq!(at("`where` is empty", where_.clone()), in_where(None));
        assert_eq!(at("`column` is missing", where_.clone()), Place::Key(key.clone(), None));
        assert_eq!(at("`amont > 0` is odd", where_.clone()), in_where(None));
        // Out of range, or in one of several strings: no byte is better than a wrong one.
        assert_eq!(at("odd\n@0..99", where_), Place::Key(key.clone(), None));
        let two = serde_json::json!({ "a": "text", "b": "text" });
        assert_eq!(at("odd\n@0..1", two.clone()), Place::Key(key.clone(), None));
        assert_eq!(at("`b` is odd\n@0..1", two), Place::Key(key.name("b"), Some(0..1)));
    }
}
