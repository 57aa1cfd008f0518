//! `lockgate plugin test`: case files through the real sandbox and the host's own chain.
//!
//! A case file is what the SDK's `testing::cases` runs natively: a config and input rows, and
//! the rows, the rejections or the error that must come of them.

use super::{diff, rows};
use crate::{
    diagnostic::{Diagnostic, KeyPath, Place, Result},
    pipeline::plan::{Limits, OnFailure, PluginRef, StagePlan},
    source::schema::parse_schema,
    stage::{Chain, ChainOutput, Component, ConfiguredStage, Lineage},
};
use arrow_schema::Schema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// What one call may use; the defaults of a pipeline.
const LIMITS: Limits = Limits {
    memory_bytes: 256 << 20,
    time_per_batch: Duration::from_secs(10),
    output_bytes: 256 << 20,
    rows_per_row: 10_000,
};

/// One case file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    about: String,
    pub(super) config: Value,
    pub(super) schema: Map<String, Value>,
    #[serde(default)]
    pub(super) input: Vec<Value>,
    expect: Option<Vec<Value>>,
    #[serde(default)]
    rejections: Vec<Rejection>,
    pub(super) error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejection {
    row: usize,
    code: String,
    disposition: Disposition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Disposition {
    Quarantine,
    Note,
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let disposition = match self.disposition {
            Disposition::Quarantine => "quarantine",
            Disposition::Note => "note",
        };
        write!(f, "row {} {disposition} `{}`", self.row, self.code)
    }
}

/// What came of the cases.
#[derive(Debug)]
pub(super) struct Report {
    /// One line per case, and what differs.
    pub text: String,
    /// Number of cases.
    pub cases: usize,
    /// Number of those that failed.
    pub failed: usize,
}

/// Runs every case of a directory.
///
/// # Errors
/// Fails when the directory cannot be read or holds no case.
pub(super) fn run(component: &Component, dir: &Path) -> Result<Report> {
    let files = files(dir)?;
    let mut report = Report { text: String::new(), cases: files.len(), failed: 0 };
    for file in files {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let (about, differences) = match read(&file) {
            Ok(case) => {
                let differences =
                    check(component, &case).unwrap_or_else(|error| format!("{error}\n"));
                (case.about, differences)
            }
            Err(error) => (String::new(), format!("{error}\n")),
        };
        let verdict = if differences.is_empty() { "ok  " } else { "FAIL" };
        let _ = writeln!(report.text, "{}", format!("{verdict}  {name}  {about}").trim_end());
        for line in differences.lines() {
            let _ = writeln!(report.text, "      {line}");
        }
        report.failed += usize::from(!differences.is_empty());
    }
    Ok(report)
}

/// The case files of a directory, by name.
///
/// # Errors
/// Fails when the directory cannot be read or holds no case.
pub(super) fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let hint = "a case is a JSON file with `about`, `config`, `schema`, `input` and `expect`; give its directory with `--cases DIR`";
    let failed = |error: std::io::Error| {
        Diagnostic::config(format!("cannot read the cases in `{}`", dir.display()))
            .cause(error)
            .hint(hint)
    };
    let entries = fs::read_dir(dir).map_err(failed)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    if files.is_empty() {
        let message = format!("there is no case in `{}`", dir.display());
        return Err(Diagnostic::config(message).hint(hint));
    }
    Ok(files)
}

/// Reads a case file.
///
/// # Errors
/// Fails when there is none, or it is no case.
pub(super) fn read(file: &Path) -> Result<Case> {
    let text = fs::read_to_string(file)
        .map_err(|error| Diagnostic::config("the file cannot be read").cause(error))?;
    serde_json::from_str(&text).map_err(|error| Diagnostic::config("this is no case").cause(error))
}

/// What differs from the case; empty when nothing does.
fn check(component: &Component, case: &Case) -> Result<String> {
    let outcome = process(component, case);
    let (output, expect) = match (outcome, &case.error, &case.expect) {
        (Err(error), Some(part), _) => {
            let error = refusal(&error);
            let is_expected = error.contains(part.as_str());
            let difference = format!("- an error with: {part}\n+ {error}\n");
            return Ok(if is_expected { String::new() } else { difference });
        }
        (Ok(_), Some(part), _) => return Ok(format!("- an error with: {part}\n+ no error\n")),
        (Err(error), None, _) => return Err(error),
        (Ok(_), None, None) => return Ok("it has neither `expect` nor `error`\n".to_owned()),
        (Ok(output), None, Some(expect)) => (output, expect),
    };
    let mut differences = compare_rows(&output, expect)?;
    differences.push_str(&compare_rejections(&output, &case.rejections));
    Ok(differences)
}

/// A refusal as the plugin said it, with the bytes of the config that it means.
fn refusal(error: &Diagnostic) -> String {
    match &error.at {
        Some(Place::Key(_, Some(bytes))) => format!("{error}\n@{}..{}", bytes.start, bytes.end),
        _ => error.to_string(),
    }
}

fn process(component: &Component, case: &Case) -> Result<ChainOutput> {
    let schema = parse_schema(&Value::Object(case.schema.clone()))?;
    let mut chain = Chain::open(&[stage(component, &case.config)], &schema)?;
    chain.process(&rows::decode(&schema, &case.input)?, &Lineage::default())
}

/// A stage of its own, with the limits that a pipeline gives by default.
pub(super) fn stage(component: &Component, config: &Value) -> ConfiguredStage {
    let plan = StagePlan {
        name: component.name().to_owned(),
        plugin: PluginRef::File(PathBuf::from(component.name())),
        config: config.clone(),
        limits: LIMITS,
        on_failure: OnFailure::Stop,
        key: KeyPath::default(),
    };
    ConfiguredStage { plan, component: component.clone() }
}

fn compare_rows(output: &ChainOutput, expect: &[Value]) -> Result<String> {
    let all: Vec<usize> = (0..output.view.schema().fields().len()).collect();
    let batch = output.view.gather_all(&all)?;
    let schema = batch.schema();
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let expected = rows::decode(&schema, expect)
        .map_err(|error| error.context("`expect` does not fit what comes out"))?;
    let lines = |rows: Vec<Value>| rows.iter().map(Value::to_string).collect::<Vec<_>>();
    Ok(diff::lines(&lines(rows::encode(&expected)?), &lines(rows::encode(&batch)?)))
}

fn compare_rejections(output: &ChainOutput, expected: &[Rejection]) -> String {
    let quarantined = output.rejected.iter().map(|row| (row, Disposition::Quarantine));
    let noted = output.noted.iter().map(|row| (row, Disposition::Note));
    let rejection = |(row, disposition): (&crate::stage::RejectedRow, _)| {
        (
            Rejection { row: row.row, code: row.code.to_string(), disposition },
            Arc::clone(&row.message),
        )
    };
    let mut actual: Vec<_> = quarantined.chain(noted).map(rejection).collect();
    actual.sort();
    let mut text = String::new();
    for missing in expected.iter().filter(|expected| !actual.iter().any(|(a, _)| a == *expected)) {
        let _ = writeln!(text, "- {missing}");
    }
    for (extra, message) in actual.iter().filter(|(actual, _)| !expected.contains(actual)) {
        let _ = writeln!(text, "+ {extra}: {message}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Engine, standard};

    fn component(name: &str) -> Component {
        let bytes = standard::standard(name).unwrap();
        Component::new(&Engine::with_user_cache().unwrap(), name, bytes).unwrap()
    }

    fn report(case: &str) -> Report {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("one.json"), case).unwrap();
        run(&component("explode"), dir.path()).unwrap()
    }

    #[test]
    fn the_standard_plugins_do_in_the_sandbox_what_their_cases_say() {
        for name in standard::names() {
            let cases = format!("{}/../plugins/{name}/cases", env!("CARGO_MANIFEST_DIR"));
            let report = run(&component(name), Path::new(&cases)).unwrap();
            assert!(report.failed == 0 && report.cases > 3, "{name}\n{}", report.text);
        }
    }

    #[test]
    fn rows_that_differ_are_shown_beside_each_other() {
        let report = report(
            r#"{
                "about": "two rows", "config": {"column": "l"}, "schema": {"l": "array<int>"},
                "input": [{"l": [1, 2, 3]}], "expect": [{"l": 1}, {"l": 4}, {"l": 3}],
                "rejections": [{"row": 1, "code": "odd", "disposition": "note"}]
            }"#,
        );
        assert_eq!(report.failed, 1);
        assert_eq!(
            report.text,
            "FAIL  one  two rows\n        {\"l\":1}\n      - {\"l\":4}\n      + {\"l\":2}\n        {\"l\":3}\n      - row 1 note `odd`\n"
        );
    }

    #[test]
    fn an_error_must_be_the_expected_one() {
        for (error, expect, text) in [
            ("\"use two explode stages\"", "null", "ok    one  e\n"),
            (
                "\"anything else\"",
                "null",
                "FAIL  one  e\n      - an error with: anything else\n      + `l.x` steps into the list `l`, which a path cannot do; use two explode stages: first `l`, then `l.x`\n",
            ),
            (
                "null",
                "[]",
                "FAIL  one  e\n      `l.x` steps into the list `l`, which a path cannot do; use two explode stages: first `l`, then `l.x`\n",
            ),
        ] {
            let case = format!(
                r#"{{"about": "e", "config": {{"column": "l.x"}}, "schema": {{"l": "array<struct<x: array<int>>>"}}, "expect": {expect}, "error": {error}}}"#
            );
            assert_eq!(report(&case).text, text);
        }
        let missed = report(
            r#"{"about": "e", "config": {"column": "l"}, "schema": {"l": "array<int>"}, "error": "x"}"#,
        );
        assert_eq!(missed.text, "FAIL  one  e\n      - an error with: x\n      + no error\n");
    }

    #[test]
    fn a_file_that_is_no_case_fails_and_a_directory_without_cases_is_refused() {
        for (case, part) in [
            ("{", "this is no case: EOF"),
            (
                r#"{"about": "x", "config": {}, "schema": {}, "inputs": []}"#,
                "unknown field `inputs`",
            ),
            (
                r#"{"about": "x", "config": {"column": "l"}, "schema": {"l": "array<int>"}}"#,
                "neither `expect` nor `error`",
            ),
            (
                r#"{"about": "x", "config": {}, "schema": {"l": "arr"}, "expect": []}"#,
                "unknown type `arr`",
            ),
            (
                r#"{"about": "x", "config": {"column": "l"}, "schema": {"l": "array<int>"}, "expect": [{"m": 1}]}"#,
                "`expect` does not fit what comes out: there is no `m` in the schema; it has `l`",
            ),
        ] {
            let report = report(case);
            assert!(report.failed == 1 && report.text.contains(part), "{}", report.text);
        }
        let empty = tempfile::tempdir().unwrap();
        assert!(
            run(&component("explode"), empty.path())
                .unwrap_err()
                .message
                .starts_with("there is no case in")
        );
        let missing = empty.path().join("cases");
        assert!(
            run(&component("explode"), &missing)
                .unwrap_err()
                .message
                .starts_with("cannot read the cases in")
        );
    }
}
