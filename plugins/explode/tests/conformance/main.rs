//! Other projects' expected results, where their files are present.

#![expect(clippy::panic, clippy::unwrap_used, clippy::print_stdout, reason = "all of it is a test")]

mod drill;
mod infer;
mod sql_on_fhir;

use lockgate_explode::Explode;
use lockgate_sdk::testing::{self, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A directory of test data beside the repository; `None` says so and lets the test pass.
fn data(name: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !dir.is_dir() {
        println!("skipped: there is no {}", dir.display());
        return None;
    }
    Some(dir)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows after these explode stages; `types` overrides what the rows look like.
fn exploded(rows: &[Value], types: &[(&str, &str)], stages: &[&str]) -> Vec<Value> {
    let mut schema = infer::schema(rows, types);
    let mut rows = rows.to_vec();
    for config in stages {
        let config: Value = config.parse().unwrap();
        let outcome = testing::run::<Explode>(config, &schema, &rows).unwrap();
        (schema, rows) = (outcome.schema, outcome.rows);
    }
    rows
}

/// The value at a dotted path, without the members that are null: a schema gives every struct
/// all its members, JSON text only those that are there.
fn value_at(row: &Value, path: &str) -> Value {
    let value = path.split('.').try_fold(row, |value, step| value.get(step));
    without_nulls(value.unwrap_or(&Value::Null))
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let present = members.iter().filter(|(_, value)| !value.is_null());
            present.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(elements) => elements.iter().map(without_nulls).collect(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// Rows in an order of their own, for results that have none; numbers as `double`.
fn unordered(rows: impl IntoIterator<Item = Value>) -> Vec<String> {
    let canonical = |row: Value| {
        let row: Vec<String> = match row {
            Value::Array(cells) => cells.iter().map(sorted_text).collect(),
            other => vec![sorted_text(&other)],
        };
        row.join("\t")
    };
    let mut rows: Vec<_> = rows.into_iter().map(canonical).collect();
    rows.sort();
    rows
}

/// JSON text with members sorted by name.
fn sorted_text(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut texts: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{name:?}:{}", sorted_text(value)))
                .collect();
            texts.sort();
            format!("{{{}}}", texts.join(","))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(sorted_text).collect::<Vec<_>>().join(","))
        }
        other => without_nulls(other).to_string(),
    }
}
