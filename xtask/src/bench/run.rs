//! One run of ours: the released binary as a user starts it, on the data of a scenario.

use super::{child, child::Usage, generate::Expected, pipeline, scenario::Scenario, table};
use crate::{Result, command, plugins};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What a run took and gave.
pub(super) struct Run {
    pub(super) usage: Usage,
    pub(super) shares: Shares,
    /// Committed ones.
    pub(super) micro_batches: usize,
    /// Of the table.
    pub(super) files: usize,
}

/// Shares of the CPU time of all micro-batches.
#[derive(Default)]
pub(super) struct Shares {
    pub(super) decode: f64,
    pub(super) stages: f64,
    pub(super) write: f64,
}

/// Far more than any scenario takes.
const LIMIT: Duration = Duration::from_mins(5);

/// Builds the binary.
///
/// # Errors
/// Fails when it or a plugin does not build.
pub(super) fn build(root: &Path) -> Result {
    plugins::run(root)?;
    command::run(root, "cargo", &["build", "--release", "--package", "lockgate"])
}

/// Runs the payments job from an empty table and an empty checkpoint, and verifies the table.
///
/// # Errors
/// Fails when the run does, or the table is not what the data says.
pub(super) fn run_once(root: &Path, scenario: &Scenario, expected: &Expected) -> Result<Run> {
    let work = scenario.fresh(root, "lockgate")?;
    let file = write_pipeline(scenario, &work)?;
    let records = work.join("progress.jsonl");
    let mut command = Command::new(root.join("target/release/lockgate"));
    command.arg("run").arg(&file).args(["--available-now", "--no-progress", "--progress-json"]);
    let usage = child::run(command.arg(&records), LIMIT)?;
    let table = work.join("table");
    table::verify(root, &table, expected)?;
    let records = fs::read_to_string(&records)?;
    let shares = shares(&records).ok_or("progress records lack `cpuMs`")?;
    let micro_batches = records.lines().count();
    Ok(Run { usage, shares, micro_batches, files: table::count_files(&table)? })
}

/// Writes the pipeline file of the job into a directory beside the documents.
///
/// # Errors
/// Fails when the disk refuses.
pub(super) fn write_pipeline(scenario: &Scenario, work: &Path) -> Result<PathBuf> {
    let file = work.join("pipeline.toml");
    fs::write(&file, pipeline::text(scenario.max_files_per_trigger))?;
    Ok(file)
}

/// Sums the parts of `cpuMs` over all micro-batches.
fn shares(records: &str) -> Option<Shares> {
    let (mut parts, mut total) = ([0.0; 3], 0.0);
    for record in records.lines() {
        let cpu = record.split_once("\"cpuMs\":{")?.1.split_once('}')?.0;
        let part = |name: &str| -> Option<f64> {
            let value = cpu.split_once(&format!("\"{name}\":"))?.1;
            value.split(',').next()?.trim().parse().ok()
        };
        for (sum, name) in parts.iter_mut().zip(["decode", "stages", "write"]) {
            *sum += part(name)?;
        }
        total += part("total")?;
    }
    let [decode, stages, write] = parts.map(|part| part / f64::max(total, 1.0));
    Some(Shares { decode, stages, write })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_cpu_time_of_all_micro_batches() {
        let record = "{\"durationMs\":{\"write\":9},\"cpuMs\":{\"decode\":50,\"stages\":5,\"write\":40,\"total\":100}}";
        let shares = shares(&format!("{record}\n{record}\n")).unwrap();
        let percent =
            [shares.decode, shares.stages, shares.write].map(|share| (share * 100.0) as u32);
        assert_eq!(percent, [50, 5, 40]);
        assert!(super::shares("{}").is_none());
    }
}
