//! Values that came from the environment or from files, and must not be shown.
//!
//! Owns the replacement of such values in text by the reference they were written as.
//! Everything that prints, logs or stores text made from a plan passes it through here.

use crate::diagnostic::Diagnostic;
use serde_json::Value;
use std::{borrow::Cow, fmt};

/// Shorter values are only replaced where they stand alone: `5` is no secret inside `2026-05`.
const ANYWHERE_BYTES: usize = 6;

/// Shorter values are only replaced in diagnostics, which may quote them: elsewhere `5` is the
/// number of something.
const EVERYWHERE_BYTES: usize = 4;

/// Values and the references they are shown as.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Shows `value` as `reference` from now on.
    pub fn add(&mut self, value: &str, reference: &str) {
        let debug = format!("{value:?}");
        let escaped = debug.get(1..debug.len() - 1).unwrap_or_default();
        let json = serde_json::to_string(value).unwrap_or_default();
        let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
        for spelling in [value, value.trim(), escaped, json] {
            let pair = (spelling.to_owned(), reference.to_owned());
            if !spelling.is_empty() && !self.0.contains(&pair) {
                self.0.push(pair);
            }
        }
        // Longest first, so that a value inside another one does not tear it apart.
        self.0.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
    }

    /// The text with every such value replaced that is long enough to be told from a number
    /// or a word of lockgate's own.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.replace(text, EVERYWHERE_BYTES)
    }

    /// The strings of a JSON value with every such value replaced; it stays the same JSON.
    pub fn redact_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text).into_owned(),
            Value::Array(elements) => elements.iter_mut().for_each(|e| self.redact_json(e)),
            Value::Object(table) => table.values_mut().for_each(|v| self.redact_json(v)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn replace<'a>(&self, text: &'a str, least_bytes: usize) -> Cow<'a, str> {
        if self.0.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        while let Some(c) = text[at..].chars().next() {
            let hit = self.0.iter().find(|(value, _)| {
                value.len() >= least_bytes
                    && text[at..].starts_with(value.as_str())
                    && (value.len() >= ANYWHERE_BYTES || alone(text, at, value.len()))
            });
            if let Some((value, reference)) = hit {
                out.push_str(reference);
                at += value.len();
            } else {
                out.push(c);
                at += c.len_utf8();
            }
        }
        Cow::Owned(out)
    }

    /// The diagnostic with every such value replaced.
    #[must_use]
    pub fn redact_diagnostic(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let texts = diagnostic.causes.iter_mut().chain(&mut diagnostic.hints);
        for text in texts.chain([&mut diagnostic.message]) {
            *text = self.replace(text, 1).into_owned();
        }
        diagnostic
    }
}

fn alone(text: &str, at: usize, len: usize) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (before, after) = (&text[..at], &text[at + len..]);
    !before.chars().next_back().is_some_and(word) && !after.chars().next().is_some_and(word)
}

/// How many there are, never what they are.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add("hunter2", "${env:A}");
        secrets.add("hunter2-long", "${env:B}");
        secrets.add("5", "${env:C}");
        secrets.add("pa\"ss", "${env:D}");
        secrets
    }

    #[test]
    fn values_give_way_to_their_references() {
        let redacted = |text| secrets().redact(text).into_owned();
        assert_eq!(redacted("s3://hunter2@x/hunter2-long"), "s3://${env:A}@x/${env:B}");
        assert_eq!(redacted("5 files"), "5 files");
        let failure = secrets().redact_diagnostic(Diagnostic::config("2026-05, `5`, é5"));
        assert_eq!(failure.message, "2026-05, `${env:C}`, é5");
        assert_eq!(redacted(r#"{"k":"pa\"ss"}"#), r#"{"k":"${env:D}"}"#);
        assert_eq!(Secrets::default().redact("hunter2"), "hunter2");
    }

    #[test]
    fn json_stays_json() {
        let mut value = serde_json::json!({ "a": [5, "at hunter2"], "hunter2": true });
        secrets().redact_json(&mut value);
        assert_eq!(value, serde_json::json!({ "a": [5, "at ${env:A}"], "hunter2": true }));
    }

    #[test]
    fn every_text_of_a_diagnostic_is_redacted_and_debug_shows_none() {
        let failure = Diagnostic::storage("hunter2").cause("hunter2!").hint("not hunter2");
        let redacted = format!("{:?}", secrets().redact_diagnostic(failure));
        assert!(!redacted.contains("hunter2"), "{redacted}");
        assert!(!format!("{:?}", secrets()).contains("hunter2"));
    }
}
