//! Column paths: `record.eventTime`, with backquotes round names that hold a dot.

use crate::Error;
use schemars::{JsonSchema, Schema as JsonSchemaValue, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{borrow::Cow, fmt, str::FromStr};

/// A column, then struct members: `userIdentity.arn` or `` record.`odd.name` ``.
///
/// A path cannot step into a list or a map. In a config it is written as one string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Vec<String>);

impl Path {
    /// A path of these steps, taken literally.
    pub fn from_steps<S: AsRef<str>>(steps: &[S]) -> Self {
        Self(steps.iter().map(|step| step.as_ref().to_owned()).collect())
    }

    /// The names along the path.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    /// Number of names.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a path that names something is not empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The last name, empty for an empty path.
    #[must_use]
    pub fn leaf(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// This path and one more step.
    #[must_use]
    pub fn join(&self, step: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.to_owned());
        Self(steps)
    }
}

impl IntoIterator for Path {
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (step, tail) = next_step(rest).ok_or_else(|| {
                Error::config(format!(
                    "`{text}` is not a column path; write `column` or `column.member`, with backquotes round a name that holds a dot"
                ))
            })?;
            steps.push(step);
            match tail {
                Some(tail) => rest = tail,
                None => return Ok(Self(steps)),
            }
        }
    }
}

/// The first step of a non-empty path, and what follows its dot.
fn next_step(text: &str) -> Option<(String, Option<&str>)> {
    let Some(quoted) = text.strip_prefix('`') else {
        let (step, tail) = match text.split_once('.') {
            Some((step, tail)) => (step, Some(tail)),
            None => (text, None),
        };
        return (!step.is_empty() && !step.contains('`')).then(|| (step.to_owned(), tail));
    };
    let mut step = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '`' if chars.peek().is_some_and(|(_, next)| *next == '`') => {
                chars.next();
                step.push('`');
            }
            '`' => {
                let tail = quoted.get(at + 1..)?;
                return match tail.strip_prefix('.') {
                    Some(tail) => Some((step, Some(tail))),
                    None => tail.is_empty().then_some((step, None)),
                };
            }
            c => step.push(c),
        }
    }
    None
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            if step.is_empty() || step.contains(['.', '`']) {
                f.write_str("`")?;
                for part in step.split_inclusive('`') {
                    f.write_str(part)?;
                    f.write_str(if part.ends_with('`') { "`" } else { "" })?;
                }
                f.write_str("`")?;
            } else {
                f.write_str(step)?;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| serde::de::Error::custom(error.message()))
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Path {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Path".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> JsonSchemaValue {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_round_trip_through_text() {
        for (text, steps) in [
            ("a", &["a"][..]),
            ("record.eventTime", &["record", "eventTime"]),
            ("`a.b`.c", &["a.b", "c"]),
            ("a.`b``c`", &["a", "b`c"]),
            ("a:b", &["a:b"]),
        ] {
            let path: Path = text.parse().unwrap();
            assert_eq!(path.steps(), steps);
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn broken_paths_are_refused() {
        for text in ["", ".", "a.", ".a", "`a", "`a`b", "a`b"] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }
}
