//! The report of a comparison: lines for the terminal, a page in Markdown, and its charts.

use super::{
    Comparison, json,
    machine::Machine,
    outcome::{Medians, Row},
};
use crate::Result;
use crate::bench::chart::{Bar, Chart};
use std::{fmt::Write as _, fs, path::Path};

const COLUMNS: [&str; 10] = [
    "",
    "version",
    "wall s",
    "CPU s",
    "MB/CPU s",
    "MB/wall s",
    "peak MB",
    "files",
    "CPU, lockgate = 1",
    "wall, lockgate = 1",
];

/// The table of a scenario for the terminal, each column as wide as it needs.
pub(super) fn text(comparison: &Comparison) -> String {
    let mut lines = vec![COLUMNS.map(str::to_owned)];
    lines.extend(ranked(&comparison.rows).map(|row| cells(comparison, row)));
    let mut text = heading(comparison);
    for cells in &lines {
        text.push('\n');
        for (index, cell) in cells.iter().enumerate() {
            let width = lines.iter().map(|line| line[index].len()).max().unwrap_or_default();
            // Writing to a string does not fail.
            let _ = match index {
                0 => write!(text, "{cell:width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
    }
    for (name, remark) in remarks(comparison) {
        let _ = write!(text, "\n{name}: {remark}");
    }
    text
}

/// Writes the page, the runs as JSON, and the charts into this directory.
///
/// # Errors
/// Fails when the disk refuses.
pub(super) fn write(folder: &Path, machine: &Machine, comparisons: &[Comparison]) -> Result {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("peers.md"), page(machine, comparisons))?;
    fs::write(folder.join("peers.json"), json::document(machine, comparisons))?;
    for comparison in comparisons {
        fs::write(folder.join(chart_name(comparison)), chart(comparison).svg())?;
    }
    Ok(())
}

fn chart_name(comparison: &Comparison) -> String {
    format!("peers-{}.svg", comparison.scenario.name)
}

fn heading(comparison: &Comparison) -> String {
    let Comparison { scenario, expected, .. } = comparison;
    let (files, rows) = (counted(scenario.files, "file"), expected.rows);
    let (size, records) = (megabytes(comparison), scenario.records);
    format!("{}: {files} of {records} records, {size:.1} MB of JSON, {rows} rows", scenario.name)
}

fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn megabytes(comparison: &Comparison) -> f64 {
    comparison.expected.bytes as f64 / 1e6
}

/// Rows in the order of their CPU time, those without figures last.
fn ranked(rows: &[Row]) -> impl Iterator<Item = &Row> {
    let mut rows: Vec<_> = rows.iter().collect();
    let key = |row: &Row| row.medians().map_or(f64::INFINITY, |medians| medians.cpu_secs);
    rows.sort_by(|a, b| key(a).total_cmp(&key(b)));
    rows.into_iter()
}

fn cells(comparison: &Comparison, row: &Row) -> [String; COLUMNS.len()] {
    let mut cells = COLUMNS.map(|_| "-".to_owned());
    row.name.clone_into(&mut cells[0]);
    row.version.clone_into(&mut cells[1]);
    let Some(medians) = row.medians() else {
        let trouble = if row.wrong().is_some() { "wrong" } else { "failed" };
        trouble.clone_into(&mut cells[2]);
        return cells;
    };
    let (wall, cpu) = (medians.wall_secs, medians.cpu_secs);
    cells[2] = format!("{wall:.3}");
    cells[3] = format!("{cpu:.2}");
    cells[4] = short(megabytes(comparison) / cpu);
    cells[5] = short(megabytes(comparison) / wall);
    cells[6] = format!("{:.0}", medians.peak_bytes / 1e6);
    cells[7] = medians.files.to_string();
    if let Some(ours) = comparison.rows.first().and_then(Row::medians) {
        cells[8] = short(cpu / ours.cpu_secs);
        cells[9] = short(wall / ours.wall_secs);
    }
    cells
}

/// Two digits or more: `0.42`, `4.2`, `42`, `420`.
fn short(value: f64) -> String {
    match value {
        ..1.0 => format!("{value:.2}"),
        1.0..10.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// What a reader must know of a row: what went wrong, fewer runs than others had, its note.
fn remarks(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let rounds = comparison.rows.iter().map(|row| row.runs.len()).max().unwrap_or_default();
    let mut remarks = Vec::new();
    for row in &comparison.rows {
        let runs = row.medians().map_or(0, |medians| medians.runs);
        if let Some(message) = row.wrong() {
            remarks.push((row.name, format!("the table is wrong, so no figures: {message}")));
        } else if runs < rounds {
            let why: Vec<_> = row.failures().collect();
            remarks.push((
                row.name,
                format!("{runs} of {rounds} runs counted, for one failed: {}", why.join("; ")),
            ));
        }
        if !row.note.is_empty() {
            remarks.push((row.name, row.note.to_owned()));
        }
    }
    remarks
}

fn page(machine: &Machine, comparisons: &[Comparison]) -> String {
    let mut page = format!(
        "{INTRODUCTION}\n\
         | | |\n|---|---|\n\
         | processor | {}, {} cores |\n\
         | memory | {:.0} GiB |\n\
         | kernel | {} |\n\
         | day | {} |\n\
         | lockgate | {} |\n",
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.date,
        machine.commit,
    );
    for comparison in comparisons {
        let runs = comparison.rows.iter().map(|row| row.runs.len()).max().unwrap_or_default();
        let (name, file) = (comparison.scenario.name, chart_name(comparison));
        let alternative = chart(comparison).description;
        let _ = write!(
            page,
            "\n## {name}\n\n{}; medians of {}.\n\n![{alternative}]({file})\n\n| {} |\n|---|{}\n",
            heading(comparison),
            counted(runs as u64, "run"),
            COLUMNS.join(" | "),
            "---:|".repeat(COLUMNS.len() - 1),
        );
        for row in ranked(&comparison.rows) {
            let mut cells = cells(comparison, row);
            if comparison.rows.first().is_some_and(|ours| ours.name == row.name) {
                cells[0] = format!("**{}**", cells[0]);
            }
            let _ = writeln!(page, "| {} |", cells.join(" | "));
        }
        page.push('\n');
        for (name, remark) in remarks(comparison) {
            let _ = writeln!(page, "- {name}: {}", remark.replace('|', "\\|"));
        }
    }
    page
}

const INTRODUCTION: &str = "# Peers on the same job

Written by `cargo xtask bench --peers`, which installs the engines in the versions below, makes the data by seed, and
runs everybody in turn on the same files: documents `{\"payment\": [{nested record}, ...]}` -> explode -> parse
`eventTime` -> structs to columns -> `amount > 0 AND timestamp IS NOT NULL` -> snappy Parquet by date. Every peer gets
the schema, a thread per core, and the settings and the way of reading that were fastest for it; its program is in
`xtask/peers/`.

Every table of every run was read back by one independent program: rows, the sum of amounts in cents and the rows of each
date are what the data says. Every second round goes backwards. Time is from start to exit, CPU time is user and system time of all processes, peak memory
is the largest sum of their resident sets (looked at every 20 ms; pages they share count in each). Programs and
documents are in the page cache; lockgate's plugins were compiled by an earlier run, and its rescued column is off. Only
lockgate and Spark Structured Streaming keep a checkpoint and commit; only lockgate syncs what it
writes to the disk. `peers.json` has each run.
";

/// Bars of bytes per CPU second; of start times where there are hardly any bytes. The best first.
fn chart(comparison: &Comparison) -> Chart<'_> {
    let megabytes = megabytes(comparison);
    let is_start = megabytes < 1.0;
    let bars = ranked(&comparison.rows).filter_map(|row| {
        let Medians { wall_secs, cpu_secs, .. } = row.medians()?;
        let value = if is_start { wall_secs } else { megabytes / cpu_secs };
        let is_ours = comparison.rows.first().is_some_and(|ours| ours.name == row.name);
        Some(Bar { label: row.name, value, text: short(value), is_ours })
    });
    let mut bars: Vec<_> = bars.collect();
    bars.sort_by(
        |a, b| if is_start { a.value.total_cmp(&b.value) } else { b.value.total_cmp(&a.value) },
    );
    let (unit, better) = if is_start {
        ("seconds from start to exit", "less is better")
    } else {
        ("MB of JSON per CPU second", "more is better")
    };
    let said: Vec<_> = bars.iter().map(|bar| format!("{} {}", bar.label, bar.text)).collect();
    Chart {
        title: format!("{}: {unit} ({better})", comparison.scenario.name),
        description: format!("{unit}: {}", said.join(", ")),
        bars,
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::{Outcome, row};
    use super::*;
    use crate::bench::{generate::Expected, scenario::SCENARIOS};

    fn comparison(rows: Vec<Row>) -> Comparison {
        let expected = Expected { bytes: 100_000_000, rows: 7, ..Expected::default() };
        Comparison { scenario: &SCENARIOS[2], expected, rows }
    }

    #[test]
    fn rows_are_ranked_by_cpu_time_and_ratios_are_to_the_first() {
        let both = comparison(vec![row("ours", &[0.25]), row("fast", &[0.1]), row("slow", &[5.0])]);
        let text = text(&both);
        let at = |name: &str| text.find(name).unwrap();
        assert!(at("\nfast") < at("\nours") && at("\nours") < at("\nslow"), "{text}");
        let slow = cells(&both, &both.rows[2]);
        assert_eq!(slow[2..7], ["5.000", "10.00", "10", "20", "50"]);
        assert_eq!(slow[8..], ["20", "20"]);
    }

    #[test]
    fn a_row_without_figures_says_why() {
        let mut wrong = row("b", &[]);
        wrong.runs.push(Outcome::Wrong("found: rows 3".into()));
        let mut failed = row("c", &[]);
        failed.runs.push(Outcome::Failed("no java".into()));
        let text = text(&comparison(vec![row("a", &[1.0]), wrong, failed]));
        assert!(text.contains("b: the table is wrong, so no figures: found: rows 3"), "{text}");
        assert!(text.contains("c: 0 of 1 runs counted, for one failed: no java"), "{text}");
    }

    #[test]
    fn the_page_shows_every_scenario_with_its_chart() {
        let machine = Machine {
            processor: "Some CPU".into(),
            cores: 2,
            memory_gib: 23.5,
            kernel: "Linux 6".into(),
            date: "2026-03-01".into(),
            commit: "abc".into(),
        };
        let page = page(&machine, &[comparison(vec![row("a", &[1.0]), row("b", &[2.0])])]);
        assert!(page.contains("| processor | Some CPU, 2 cores |"), "{page}");
        assert!(
            page.contains("MB of JSON per CPU second: a 50, b 25](peers-medium.svg)"),
            "{page}"
        );
        let head = page.lines().find(|line| line.starts_with("| **a**")).unwrap();
        assert_eq!(head.matches('|').count(), COLUMNS.len() + 1);
    }
}
