//! Every run as JSON, for those who want other figures than medians.

use super::{Comparison, machine::Machine, outcome::Outcome, outcome::Row};
use std::fmt::Write as _;

/// The document: the machine, then scenarios, their rows, and the runs of each.
pub(super) fn document(machine: &Machine, comparisons: &[Comparison]) -> String {
    let scenarios: Vec<_> = comparisons.iter().map(scenario).collect();
    let Machine { processor, cores, memory_gib, kernel, date, commit } = machine;
    let machine = [
        format!("\"processor\": {}", quoted(processor)),
        format!("\"cores\": {cores}"),
        format!("\"memory_gib\": {memory_gib:.1}"),
        format!("\"kernel\": {}", quoted(kernel)),
        format!("\"date\": {}", quoted(date)),
        format!("\"commit\": {}", quoted(commit)),
    ];
    format!(
        "{{\n\"machine\": {{{}}},\n\"scenarios\": [\n{}\n]\n}}\n",
        machine.join(", "),
        scenarios.join(",\n")
    )
}

fn scenario(comparison: &Comparison) -> String {
    let Comparison { scenario, expected, rows } = comparison;
    let rows: Vec<_> = rows.iter().map(row).collect();
    format!(
        "{{\"scenario\": {}, \"files\": {}, \"bytes\": {}, \"records\": {}, \"rows\": {}, \"competitors\": [\n{}\n]}}",
        quoted(scenario.name),
        scenario.files,
        expected.bytes,
        expected.records,
        expected.rows,
        rows.join(",\n"),
    )
}

fn row(row: &Row) -> String {
    let runs: Vec<_> = row.runs.iter().map(run).collect();
    format!(
        "  {{\"name\": {}, \"version\": {}, \"runs\": [\n{}\n  ]}}",
        quoted(row.name),
        quoted(row.version),
        runs.join(",\n"),
    )
}

fn run(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Right { usage, files } => format!(
            "    {{\"wall_secs\": {:.4}, \"cpu_secs\": {:.4}, \"peak_bytes\": {}, \"files\": {files}}}",
            usage.wall_secs, usage.cpu_secs, usage.peak_bytes,
        ),
        Outcome::Wrong(message) => format!("    {{\"wrong\": {}}}", quoted(message)),
        Outcome::Failed(message) => format!("    {{\"failed\": {}}}", quoted(message)),
    }
}

/// A string of JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '.. => quoted.push(c),
            _ => {
                // Writing to a string does not fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(quoted("a\"b\\c\td\u{1b}é"), r#""a\"b\\c\u0009d\u001bé""#);
    }

    #[test]
    fn each_run_says_what_it_took_or_why_there_is_nothing() {
        let mut taken = super::super::outcome::row("a", &[0.5]);
        taken.runs.push(Outcome::Failed("no \"java\"".into()));
        let text = row(&taken);
        assert!(text.contains("{\"wall_secs\": 0.5000, \"cpu_secs\": 1.0000,"), "{text}");
        assert!(text.contains(r#"{"failed": "no \"java\""}"#), "{text}");
    }
}
