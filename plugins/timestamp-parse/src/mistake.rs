//! A mistake in a format: what, and at which bytes of it.

use std::ops::Range;

/// What is wrong with a format and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    /// The bytes that are meant; `None` for all of them.
    pub(crate) at: Option<Range<usize>>,
}

impl Mistake {
    /// A mistake in these bytes.
    pub(crate) fn at(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), at: Some(at) }
    }

    /// The same mistake in a longer text, in which the format starts here.
    pub(crate) fn moved(mut self, start: usize) -> Self {
        self.at = self.at.map(|at| at.start + start..at.end + start);
        self
    }
}

impl From<String> for Mistake {
    fn from(message: String) -> Self {
        Self { message, at: None }
    }
}

impl From<&str> for Mistake {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}
