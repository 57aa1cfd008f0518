//! The text of a pipeline file as a JSON value, references replaced.
//!
//! Owns the step from TOML to values; knows nothing of which keys exist.

use super::{
    interpolate::{Environment, interpolate},
    secrets::Secrets,
};
use crate::diagnostic::{Diagnostic, KeyPath, Place};
use serde_json::{Map, Number, Value};
use toml::de::{DeInteger, DeTable, DeValue};

/// A TOML file as values.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Its tables.
    pub(super) tables: Map<String, Value>,
    /// The strings that held references, as written.
    pub(super) references: Vec<(KeyPath, String)>,
    /// What the references stand for.
    pub(super) secrets: Secrets,
}

/// Reads TOML. Values with a bad reference are left out, and what is wrong is added to
/// `failures`; text that is not TOML gives an empty document.
pub(super) fn read(
    text: &str,
    environment: &dyn Environment,
    failures: &mut Vec<Diagnostic>,
) -> Document {
    read_with(text, Some(environment), failures)
}

/// Reads TOML whose strings are taken as they are, such as a schema file.
pub(super) fn read_plain(text: &str, failures: &mut Vec<Diagnostic>) -> Map<String, Value> {
    read_with(text, None, failures).tables
}

fn read_with(
    text: &str,
    environment: Option<&dyn Environment>,
    failures: &mut Vec<Diagnostic>,
) -> Document {
    let mut reader = Reader { environment, failures, document: Document::default() };
    match DeTable::parse(text) {
        Ok(table) => {
            let tables = reader.table(table.get_ref(), &KeyPath::default());
            reader.document.tables = tables;
        }
        Err(error) => {
            let failure = Diagnostic::config(format!("not valid TOML: {}", error.message()));
            let again = error.span().filter(|_| error.message() == "duplicate key");
            let failure = match again.and_then(|at| header(text, at.start)) {
                Some("stage") => failure.hint("write every stage as `[[stage]]`"),
                _ => failure,
            };
            reader.failures.push(Diagnostic { at: error.span().map(Place::Span), ..failure });
        }
    }
    reader.document
}

/// The name in the `[header]` that this position is in.
fn header(text: &str, at: usize) -> Option<&str> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |line| line + 1);
    let line = text[start..].lines().next()?.trim();
    Some(line.strip_prefix('[')?.split_once(']')?.0.trim())
}

struct Reader<'a> {
    environment: Option<&'a dyn Environment>,
    failures: &'a mut Vec<Diagnostic>,
    document: Document,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, path: &KeyPath) -> Map<String, Value> {
        let entries = table.iter().filter_map(|(key, value)| {
            let key = key.get_ref().to_string();
            let value = self.value(value.get_ref(), &path.name(&key))?;
            Some((key, value))
        });
        entries.collect()
    }

    fn value(&mut self, value: &DeValue<'_>, path: &KeyPath) -> Option<Value> {
        let number = match value {
            DeValue::String(text) => return self.string(text, path).map(Value::String),
            DeValue::Boolean(value) => return Some(Value::Bool(*value)),
            DeValue::Datetime(value) => return Some(Value::String(value.to_string())),
            DeValue::Table(table) => return Some(Value::Object(self.table(table, path))),
            DeValue::Array(array) => {
                // A bad element stays as null, so that the ones after it keep their index.
                let elements = array.iter().enumerate().map(|(index, value)| {
                    self.value(value.get_ref(), &path.index(index)).unwrap_or_default()
                });
                return Some(Value::Array(elements.collect()));
            }
            DeValue::Integer(value) => integer(value),
            DeValue::Float(value) => value.as_str().parse().ok().and_then(Number::from_f64),
        };
        if number.is_none() {
            let failure = Diagnostic::config("number cannot be represented")
                .hint("write an integer of at most 64 bits, or a finite number");
            self.failures.push(failure.at(path));
        }
        number.map(Value::Number)
    }

    fn string(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        let Some(environment) = self.environment else { return Some(text.to_owned()) };
        match interpolate(text, environment) {
            Ok(done) => {
                if !done.values.is_empty() {
                    self.document.references.push((path.clone(), text.to_owned()));
                }
                for (value, reference) in &done.values {
                    self.document.secrets.add(value, reference);
                }
                Some(done.text)
            }
            Err((failure, bytes)) => {
                let at = Some(Place::Written(path.clone(), bytes));
                self.failures.push(Diagnostic { at, ..failure });
                None
            }
        }
    }
}

fn integer(value: &DeInteger<'_>) -> Option<Number> {
    let signed = i64::from_str_radix(value.as_str(), value.radix()).map(Number::from);
    let any =
        signed.or_else(|_| u64::from_str_radix(value.as_str(), value.radix()).map(Number::from));
    any.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::interpolate::Process;

    fn document(text: &str) -> (Value, Vec<Diagnostic>) {
        let process = Process { directory: "/nowhere".into() };
        let mut failures = Vec::new();
        let document = read(text, &process, &mut failures);
        (Value::Object(document.tables), failures)
    }

    #[test]
    fn every_kind_of_value_becomes_json() {
        let (value, failures) =
            document("a = [1, 0x1f, -2.5, true, 2026-03-01, 'x']\n[b]\nz.y = 1\na = {}");
        assert_eq!(failures, []);
        assert_eq!(
            value.to_string(),
            r#"{"a":[1,31,-2.5,true,"2026-03-01","x"],"b":{"z":{"y":1},"a":{}}}"#
        );
    }

    #[test]
    fn a_bad_value_leaves_its_neighbours() {
        let (value, failures) = document("a = [nan, 1]\nb = '${env:LOCKGATE_NO_SUCH}'\nc = 2");
        assert_eq!(value.to_string(), r#"{"a":[null,1],"c":2}"#);
        assert_eq!(failures.len(), 2);
    }

    #[test]
    fn a_hundred_thousand_brackets_are_an_error_not_a_crash() {
        let (_, failures) = document(&format!("a = {}", "[".repeat(100_000)));
        assert_eq!(failures.len(), 1);
    }
}
