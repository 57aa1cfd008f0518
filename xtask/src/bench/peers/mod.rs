//! `cargo xtask bench --peers`: the payments job in lockgate and in other engines, side by side.
//!
//! Owns the order of runs. In a round everybody runs once, one after the other, so that what
//! disturbs the machine disturbs all; programs and documents are in the page cache, and what others
//! wrote is on disk before a run starts. Every second round goes backwards, so that nobody always runs
//! after the same one: an engine that gives gigabytes back to a virtual machine's host leaves it to the
//! next to ask for them again. Every table of every run is read back and held against the data.
//!
//! ```text
//! options -> install -> rounds of runs -> outcome (medians) -> report, chart
//! ```

mod json;
mod machine;
mod options;
mod outcome;
mod report;
mod roster;

use super::{
    child,
    generate::Expected,
    run as ours,
    scenario::{SCENARIOS, Scenario},
    table,
};
use crate::{Result, install};
use machine::Machine;
use outcome::{Outcome, Row};
use roster::Peer;
use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    time::Duration,
};

/// A peer that takes longer than this is killed.
const LIMIT: Duration = Duration::from_mins(5);

/// Where what is installed lies below `target/`.
const ENVIRONMENT: &str = "bench/peers";

/// What was measured of a scenario: lockgate's row first, then the peers'.
pub(super) struct Comparison {
    scenario: &'static Scenario,
    expected: Expected,
    rows: Vec<Row>,
}

/// Installs the peers, runs everybody, prints the tables and writes them with their charts: to
/// `docs/benchmarks/` when the run was complete, else to `target/bench/`.
///
/// # Errors
/// Fails when a word is wrong, something does not build or install, lockgate fails, or a table is
/// wrong. A peer that fails is a row that says so.
pub(super) fn run(root: &Path, words: &[&str]) -> Result {
    let options = options::parse(words)?;
    let packages: Vec<_> = roster::packages().collect();
    install::python(root, ENVIRONMENT, &packages)?;
    if options.peers.iter().any(|peer| peer.needs_java)
        && let Err(error) = install::provide(root, "java", &["-version"], &[JAVA])
    {
        eprintln!("Spark will fail: {error}");
    }
    ours::build(root)?;
    table::build_reader(root)?;
    let machine = Machine::here(root)?;
    eprintln!("everybody once, uncounted: programs come into the page cache");
    compare(root, &SCENARIOS[0], &options.peers, 1)?;
    let mut comparisons = Vec::new();
    for scenario in options.scenarios {
        let comparison = compare(root, scenario, &options.peers, options.rounds)?;
        println!("\n{}", report::text(&comparison));
        comparisons.push(comparison);
    }
    let folder = if options.is_complete { "docs/benchmarks" } else { "target/bench" };
    report::write(&root.join(folder), &machine, &comparisons)?;
    println!("\nwritten to {folder}/: peers.md, peers.json, and a chart of each scenario");
    verdict(&comparisons)
}

/// Spark needs Java 17 or later.
const JAVA: &str = "openjdk-17-jre-headless";

/// Fails when a table was wrong, or lockgate has no figures.
fn verdict(comparisons: &[Comparison]) -> Result {
    let mut bad = Vec::new();
    for Comparison { scenario, rows, .. } in comparisons {
        let is_bad = |(index, row): &(usize, &Row)| {
            row.wrong().is_some() || (*index == 0 && row.failures().next().is_some())
        };
        let names = rows.iter().enumerate().filter(is_bad).map(|(_, row)| row.name);
        bad.extend(names.map(|name| format!("{name} on {}", scenario.name)));
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(format!("a table is wrong, or lockgate failed: {}", bad.join(", ")).into())
}

fn compare(
    root: &Path,
    scenario: &'static Scenario,
    peers: &[&'static Peer],
    rounds: usize,
) -> Result<Comparison> {
    let expected = scenario.data(root)?;
    let input = scenario.folder(root).join("input");
    let first =
        Row { name: OURS, version: env!("CARGO_PKG_VERSION"), note: OUR_NOTE, runs: Vec::new() };
    let mut rows = vec![first];
    rows.extend(peers.iter().map(|peer| Row {
        name: peer.name,
        version: peer.version(),
        note: peer.note,
        runs: Vec::new(),
    }));
    for round in 1..=rounds {
        for index in order(rows.len(), round) {
            let row = &mut rows[index];
            if row.is_given_up() {
                continue;
            }
            warm(&input)?;
            let outcome = match index.checked_sub(1) {
                None => ours_once(root, scenario, &expected),
                Some(index) => peer_once(root, scenario, peers[index], &expected),
            };
            let outcome = outcome.unwrap_or_else(|error| Outcome::Failed(error.to_string()));
            eprintln!("{}, round {round} of {rounds}: {}: {outcome}", scenario.name, row.name);
            row.runs.push(outcome.without(root));
        }
    }
    Ok(Comparison { scenario, expected, rows })
}

/// Who runs in a round, first to last.
fn order(rows: usize, round: usize) -> Vec<usize> {
    if round % 2 == 1 { (0..rows).collect() } else { (0..rows).rev().collect() }
}

const OURS: &str = "lockgate";
const OUR_NOTE: &str = "sandboxed stages, checkpoint and commit per micro-batch, fsync";

/// Brings the documents into the page cache, and what was written before to the disk.
fn warm(input: &Path) -> Result {
    for entry in fs::read_dir(input)? {
        std::io::copy(&mut File::open(entry?.path())?, &mut std::io::sink())?;
    }
    if Command::new("sync").status()?.success() { Ok(()) } else { Err("`sync` failed".into()) }
}

fn ours_once(root: &Path, scenario: &Scenario, expected: &Expected) -> Result<Outcome> {
    match ours::run_once(root, scenario, expected) {
        Ok(run) => Ok(Outcome::Right { usage: run.usage, files: run.files }),
        Err(error) => wrong(error),
    }
}

/// Runs a peer from an empty directory. What it says stays in `NAME.log` beside the documents.
fn peer_once(
    root: &Path,
    scenario: &Scenario,
    peer: &Peer,
    expected: &Expected,
) -> Result<Outcome> {
    let folder = scenario.folder(root);
    let work = scenario.fresh(root, peer.word)?;
    let log = folder.join(peer.word).with_extension("log");
    let output = File::create(&log)?;
    let environment = root.join("target").join(ENVIRONMENT);
    let mut command = Command::new(environment.join("venv/bin/python"));
    command.arg(root.join("xtask/peers").join(peer.program).with_extension("py"));
    command.arg(folder.join("input")).arg(work.join("table"));
    command.arg(scenario.max_files_per_trigger.to_string()).current_dir(&work);
    // Compiled modules stay out of the tree of sources.
    command.env("PYTHONPYCACHEPREFIX", environment.join("compiled"));
    command.stdout(output.try_clone()?).stderr(output);
    let usage = match child::run(&mut command, LIMIT) {
        Ok(usage) => usage,
        Err(child::Failure::Ended(status)) => {
            let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            return Ok(Outcome::Failed(format!("{status}: {}", last.unwrap_or("said nothing"))));
        }
        Err(error) => return Err(error.into()),
    };
    let table = work.join("table");
    match table::verify(root, &table, expected) {
        Ok(()) => Ok(Outcome::Right { usage, files: table::count_files(&table)? }),
        Err(error) => wrong(error),
    }
}

/// A wrong table is an outcome; other errors stay what they are.
fn wrong(error: Box<dyn std::error::Error>) -> Result<Outcome> {
    error.downcast::<table::Wrong>().map(|wrong| Outcome::Wrong(wrong.to_string()))
}
