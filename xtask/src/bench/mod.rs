//! `cargo xtask bench`: how fast the payments job is, on data made for it.
//!
//! Owns the order of things. A run is the released binary as a user starts it, process start and
//! fsync included; what it wrote is read back by a program that shares none of its code, and a
//! wrong table ends the benchmark.
//!
//! ```text
//! scenario -> generate -> run (pipeline, child) -> table -> report
//! ```

mod arriving;
mod chart;
mod child;
pub(crate) mod generate;
mod history;
mod latency;
mod peers;
pub(crate) mod pipeline;
mod report;
mod run;
mod scenario;
mod table;

use crate::{Result, command};
use scenario::Scenario;
use std::{path::Path, process::Command};

/// Measured runs of each scenario; their median counts.
const RUNS: usize = 3;

/// Builds the binary, makes the data that is missing, and measures these scenarios (none
/// named: all); with `--peers`, beside other engines.
///
/// # Errors
/// Fails when something does not build or run, or a table is not what the data says.
pub fn run(root: &Path, names: &[&str]) -> Result {
    match names {
        ["latency"] => return latency::measure(root),
        ["history"] => return history::measure(root),
        _ => {}
    }
    let is_beside_peers = names.iter().any(|name| name.starts_with("--peers"));
    let result = if is_beside_peers { peers::run(root, names) } else { alone(root, names) };
    result.and(scenario::clean(root))
}

fn alone(root: &Path, names: &[&str]) -> Result {
    let scenarios = scenario::named(names)?;
    run::build(root)?;
    table::build_reader(root)?;
    println!("{}", report::HEADER);
    for scenario in &scenarios {
        let expected = scenario.data(root)?;
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(run::run_once(root, scenario, &expected)?);
        }
        println!("{}", report::line(scenario, &expected, &runs));
    }
    match scenarios.iter().find(|scenario| scenario.name == "medium") {
        Some(medium) => sandbox_tax(root, medium),
        None => Ok(()),
    }
}

/// What the sandbox costs on the job of this scenario: the stages as components and compiled in,
/// taking turns in one process.
fn sandbox_tax(root: &Path, scenario: &Scenario) -> Result {
    let program = ["--package", "lockgate-tests", "--bin", "sandbox_tax"];
    command::run(root, "cargo", &[&["build", "--release"][..], &program].concat())?;
    let pipeline = run::write_pipeline(scenario, &scenario.fresh(root, "sandbox-tax")?)?;
    let report = Command::new(root.join("target/release/sandbox_tax")).arg(pipeline).output()?;
    if !report.status.success() {
        return Err(String::from_utf8_lossy(&report.stderr).into_owned().into());
    }
    println!("\nsandbox tax: {}", String::from_utf8_lossy(&report.stdout).trim());
    Ok(())
}
