//! Case files: a config and input rows, and what must come of them.

use super::{Outcome, Rejected, notation, rows, run};
use crate::{Disposition, Error, Field, Schema, Stage, config};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

/// One case file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    config: Value,
    schema: Map<String, Value>,
    #[serde(default)]
    input: Vec<Value>,
    expect: Option<Vec<Value>>,
    #[serde(default)]
    rejections: Vec<ExpectedRejection>,
    error: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct ExpectedRejection {
    row: usize,
    code: String,
    disposition: ExpectedDisposition,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum ExpectedDisposition {
    Quarantine,
    Note,
}

/// The cases that failed, each with what differs; prints one line per difference.
#[derive(Clone, PartialEq, Eq)]
pub struct Failures(Vec<String>);

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed\n\n{}", self.0.len(), self.0.join("\n"))
    }
}

impl std::error::Error for Failures {}

/// Runs every `*.json` file of a directory (relative to the crate) through a stage, and
/// checks that the examples of its [`About`](crate::About) are configs.
///
/// ```no_run
/// # use lockgate_sdk::{Stage, testing};
/// # fn wrapped<MyFilter: Stage>() -> Result<(), testing::Failures> {
/// testing::cases::<MyFilter>("cases")?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// Fails when a case differs, a file is no case, or there is none.
pub fn cases<S: Stage>(directory: impl AsRef<Path>) -> Result<(), Failures> {
    let directory = directory.as_ref();
    let mut failures = Vec::new();
    for example in S::ABOUT.examples {
        if let Err(error) = config::parse::<S::Config>(example) {
            failures.push(format!("example {example}: {error}\n"));
        }
    }
    match files(directory) {
        Err(error) => failures.push(format!("{}: {error}\n", directory.display())),
        Ok(files) if files.is_empty() => {
            failures.push(format!("{}: there is no `*.json` file\n", directory.display()));
        }
        Ok(files) => {
            failures.extend(files.iter().filter_map(|file| {
                let failure = check_file::<S>(file).err()?;
                Some(format!("{}: {failure}", file.display()))
            }));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(Failures(failures)) }
}

fn files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

fn check_file<S: Stage>(file: &Path) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{error}\n"))?;
    let case: Case = serde_json::from_str(&text).map_err(|error| format!("{error}\n"))?;
    check::<S>(&case).map_err(|difference| format!("{}\n{difference}", case.about))
}

fn check<S: Stage>(case: &Case) -> Result<(), String> {
    let line = |error: Error| format!("  {error}\n");
    let schema = schema(&case.schema).map_err(line)?;
    let result = run::<S>(case.config.clone(), &schema, &case.input);
    let outcome = match (result, &case.error) {
        (Err(error), Some(part)) if error.message().contains(part.as_str()) => return Ok(()),
        (Err(error), Some(part)) => {
            return Err(format!("  expected an error with `{part}`\n  actual   {error}\n"));
        }
        (Ok(_), Some(part)) => {
            return Err(format!("  expected an error with `{part}`, got none\n"));
        }
        (Err(error), None) => return Err(line(error)),
        (Ok(outcome), None) => outcome,
    };
    let expected = case.expect.as_deref().ok_or("  `expect` is missing\n")?;
    let mut differences = compare_rows(&outcome, expected)?;
    differences.push_str(&compare_rejections(&outcome.rejections, &case.rejections));
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}

fn schema(columns: &Map<String, Value>) -> Result<Schema, Error> {
    let field = |(name, text): (&String, &Value)| {
        let text = text.as_str().ok_or_else(|| {
            Error::input(format!("the type of column `{name}` must be text, not {text}"))
        })?;
        Ok(Field::new(name.clone(), notation::parse(text)?))
    };
    Ok(Schema::new(columns.iter().map(field).collect::<Result<_, Error>>()?))
}

/// One line per row that differs, in the order of rows.
fn compare_rows(outcome: &Outcome, expected: &[Value]) -> Result<String, String> {
    let expected = rows::Rows::new(&nullable(&outcome.schema), expected)
        .map_err(|error| {
            format!(
                "  `expect`, {error}; the columns that come out are {}\n",
                names(&outcome.schema)
            )
        })?
        .objects();
    let mut lines = Vec::new();
    for row in 0..expected.len().max(outcome.rows.len()) {
        match (expected.get(row), outcome.rows.get(row)) {
            (Some(expected), Some(actual)) if expected == actual => {}
            (Some(expected), Some(actual)) => {
                lines.push(format!(
                    "  row {row} expected {expected}\n  row {row} actual   {actual}\n"
                ));
            }
            (Some(expected), None) => lines.push(format!("  row {row} missing  {expected}\n")),
            (None, Some(actual)) => lines.push(format!("  row {row} too many {actual}\n")),
            (None, None) => {}
        }
    }
    Ok(lines.concat())
}

/// The same columns; an expectation may say null anywhere.
fn nullable(schema: &Schema) -> Schema {
    let field = |field: &Field| Field { nullable: true, ..field.clone() };
    Schema::new(schema.fields.iter().map(field).collect())
}

fn names(schema: &Schema) -> String {
    let column = |field: &Field| format!("`{}: {}`", field.name, field.data_type);
    schema.fields.iter().map(column).collect::<Vec<_>>().join(", ")
}

fn compare_rejections(actual: &[Rejected], expected: &[ExpectedRejection]) -> String {
    let fits = |actual: &Rejected, expected: &ExpectedRejection| {
        let disposition = match actual.disposition {
            Disposition::Quarantine => ExpectedDisposition::Quarantine,
            Disposition::Note => ExpectedDisposition::Note,
        };
        (actual.row, actual.code.as_str(), disposition)
            == (expected.row, expected.code.as_str(), expected.disposition)
    };
    let mut lines = Vec::new();
    for expected in expected.iter().filter(|e| !actual.iter().any(|a| fits(a, e))) {
        let ExpectedRejection { row, code, disposition } = expected;
        lines.push(format!("  row {row} not rejected: `{code}`, {disposition:?}\n"));
    }
    for actual in actual.iter().filter(|a| !expected.iter().any(|e| fits(a, e))) {
        let Rejected { row, code, disposition, message } = actual;
        lines.push(format!("  row {row} rejected: `{code}`, {disposition:?}: {message}\n"));
    }
    lines.concat()
}
