//! `cargo xtask bench`: how fast the payments job is, on data made for it.
//!
//! Owns the scenarios and the report. A run is the released binary as a user starts it, process
//! start and fsync included; what it wrote is read back by a program that shares none of its
//! code, and a wrong table ends the benchmark.

mod child;
mod generate;
mod pipeline;

use crate::{Result, command, plugins};
use child::Usage;
use generate::Expected;
use std::{fs, path::Path, process::Command};

/// Measured runs of each scenario; their median counts.
const RUNS: usize = 3;

struct Scenario {
    name: &'static str,
    files: u64,
    records: u64,
    /// What it stands for.
    about: &'static str,
}

const SCENARIOS: [Scenario; 3] = [
    Scenario { name: "tiny", files: 1, records: 20, about: "start to exit" },
    Scenario { name: "small", files: 5_000, records: 20, about: "many small files" },
    Scenario { name: "medium", files: 200, records: 1_200, about: "throughput" },
];

/// Builds the binary, makes the data that is missing, and measures these scenarios (none
/// named: all).
///
/// # Errors
/// Fails when something does not build or run, or a table is not what the data says.
pub fn run(root: &Path, names: &[&str]) -> Result {
    if let Some(name) = names.iter().find(|name| SCENARIOS.iter().all(|s| s.name != **name)) {
        let known = SCENARIOS.map(|scenario| scenario.name).join(", ");
        return Err(format!("`{name}` is no scenario of the benchmark; there are {known}").into());
    }
    plugins::run(root)?;
    command::run(root, "cargo", &["build", "--release", "--package", "lockgate"])?;
    let facts = ["--package", "xtask", "--features", "bench", "--bin", "table-facts"];
    command::run(root, "cargo", &[&["build", "--release"][..], &facts].concat())?;
    println!("{HEADER}");
    for scenario in SCENARIOS {
        if names.is_empty() || names.contains(&scenario.name) {
            measure(root, &scenario)?;
        }
    }
    if names.is_empty() || names.contains(&"medium") {
        sandbox_tax(root)?;
    }
    Ok(())
}

/// What the sandbox costs on the `medium` job: the stages as components and compiled in,
/// taking turns in one process.
fn sandbox_tax(root: &Path) -> Result {
    let program = ["--package", "lockgate-tests", "--bin", "sandbox_tax"];
    command::run(root, "cargo", &[&["build", "--release"][..], &program].concat())?;
    let pipeline = root.join("target/bench/medium/run/pipeline.toml");
    let report = Command::new(root.join("target/release/sandbox_tax")).arg(pipeline).output()?;
    if !report.status.success() {
        return Err(String::from_utf8_lossy(&report.stderr).into_owned().into());
    }
    println!("\nsandbox tax: {}", String::from_utf8_lossy(&report.stdout).trim());
    Ok(())
}

const HEADER: &str = "scenario  MB JSON  wall s  CPU s  MB/wall s  MB/CPU s  peak MB  \
                      decode  stages  write  files  what it stands for";

fn measure(root: &Path, scenario: &Scenario) -> Result {
    let folder = root.join("target/bench").join(scenario.name);
    let expected = data(&folder, scenario)?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(run_once(root, &folder, &expected)?);
    }
    let wall = median(&runs, |run| run.usage.wall_secs);
    let cpu = median(&runs, |run| run.usage.cpu_secs);
    let peak = median(&runs, |run| run.usage.peak_bytes as f64);
    let share = |part: fn(&Shares) -> f64| median(&runs, |run| part(&run.shares) * 100.0);
    let megabytes = expected.bytes as f64 / 1e6;
    println!(
        "{:8}  {megabytes:7.1}  {wall:6.3}  {cpu:5.2}  {:9.0}  {:8.0}  {:7.0}  {:5.0}%  {:5.0}%  {:4.0}%  {:5}  {}",
        scenario.name,
        megabytes / wall,
        megabytes / cpu,
        peak / 1e6,
        share(|shares| shares.decode),
        share(|shares| shares.stages),
        share(|shares| shares.write),
        runs.first().map_or(0, |run| run.files),
        scenario.about,
    );
    Ok(())
}

struct Run {
    usage: Usage,
    shares: Shares,
    files: usize,
}

/// Shares of the CPU time of all micro-batches.
#[derive(Default)]
struct Shares {
    decode: f64,
    stages: f64,
    write: f64,
}

/// Generated once; the file of expectations is written last, so half-made data is made again.
fn data(folder: &Path, scenario: &Scenario) -> Result<Expected> {
    let input = folder.join("input");
    let note = folder.join("expected.txt");
    let version = format!("shape {}\n", generate::SHAPE);
    if let Ok(text) = fs::read_to_string(&note)
        && let Some(expected) = text.strip_prefix(&version).and_then(Expected::parse)
    {
        return Ok(expected);
    }
    eprintln!("making {} files below {}", scenario.files, input.display());
    if input.exists() {
        fs::remove_dir_all(&input)?;
    }
    let expected = generate::generate(&input, scenario.files, scenario.records)?;
    fs::write(&note, format!("{version}{expected}"))?;
    Ok(expected)
}

fn run_once(root: &Path, folder: &Path, expected: &Expected) -> Result<Run> {
    let work = folder.join("run");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let file = work.join("pipeline.toml");
    fs::write(&file, pipeline::TEXT)?;
    let records = work.join("progress.jsonl");
    let mut command = Command::new(root.join("target/release/lockgate"));
    command.arg("run").arg(&file).args(["--available-now", "--no-progress", "--progress-json"]);
    let usage = child::run(command.arg(&records))?;
    let table = work.join("table");
    let facts = Command::new(root.join("target/release/table-facts")).arg(&table).output()?;
    let found = String::from_utf8_lossy(&facts.stdout);
    if !facts.status.success() {
        return Err(format!(
            "the table cannot be read: {}",
            String::from_utf8_lossy(&facts.stderr)
        )
        .into());
    }
    if found != expected.facts() {
        let expected = expected.facts();
        return Err(format!("the table is wrong\nexpected:\n{expected}found:\n{found}").into());
    }
    let shares = shares(&fs::read_to_string(&records)?).ok_or("progress records lack `cpuMs`")?;
    Ok(Run { usage, shares, files: count_files(&table)? })
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

fn count_files(folder: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files += match path.extension() {
            _ if path.is_dir() => count_files(&path)?,
            Some(extension) => usize::from(extension == "parquet"),
            None => 0,
        };
    }
    Ok(files)
}

fn median(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<_> = runs.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_data_of_the_promised_size() {
        let folder = std::env::temp_dir().join(format!("lockgate-bench-{}", std::process::id()));
        let first = generate::generate(&folder.join("a"), 2, 100).unwrap();
        let again = generate::generate(&folder.join("b"), 2, 100).unwrap();
        assert_eq!(first, again);
        let text = |name: &str| fs::read(folder.join(name).join("payments-00001.json")).unwrap();
        assert_eq!(text("a"), text("b"));
        assert_eq!(first.records, 200);
        let size = first.bytes / first.records;
        assert!((1_250..1_300).contains(&size), "{size} bytes a record");
        assert!(first.rows < 200, "some amounts are zero or less");
        assert_eq!(first.rows_by_date.values().sum::<u64>(), first.rows);
        assert_eq!(Expected::parse(&first.to_string()), Some(first));
        fs::remove_dir_all(folder).unwrap();
    }

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
