//! A mistake in the predicate: what, and at which bytes of it.

use lockgate_sdk::Error;
use std::fmt;
use std::ops::Range;

/// What is wrong with the predicate, and where.
///
/// Printed as the message and a last line `@START..END`, the range in bytes of the text of
/// `where`: the host puts a caret under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    pub(crate) at: Range<usize>,
}

impl Mistake {
    pub(crate) fn new(at: &Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), at: at.clone() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n@{}..{}", self.message, self.at.start, self.at.end)
    }
}

impl From<Mistake> for Error {
    fn from(mistake: Mistake) -> Self {
        Self::config(mistake.to_string())
    }
}

/// The text of the predicate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a>(pub(crate) &'a str);

impl Source<'_> {
    /// A piece of the predicate, short enough to quote in a message.
    pub(crate) fn quote(&self, at: &Range<usize>) -> String {
        let text = self.0.get(at.clone()).unwrap_or("");
        if text.chars().count() <= 60 {
            return text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        let start: String = text.chars().take(57).collect();
        format!("{start}...")
    }
}

/// The smallest range that covers both.
pub(crate) fn cover(left: &Range<usize>, right: &Range<usize>) -> Range<usize> {
    left.start.min(right.start)..left.end.max(right.end)
}
