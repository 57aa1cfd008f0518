//! `cargo xtask bench latency`: from the close of a small file to its rows in the table.
//!
//! The payments job, a file of 20 records at a time, on the disk below `target/`, fsync
//! included. Percentiles are over single files; nothing is left out but the first ones, which
//! find the process starting and the table without directories.

use super::{
    arriving::{Arriving, Way},
    generate, pipeline, run,
};
use crate::Result;
use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// Files measured each way.
const FILES: usize = 200;
/// Files before that.
const WARM_UP: usize = 20;
/// Between one file's rows and the next file: arrivals that know nothing of each other.
const PAUSE: Duration = Duration::from_millis(20);
/// Runs from start to exit.
const STARTS: usize = 21;

/// Builds the binary, and measures.
///
/// # Errors
/// Fails when something does not build or run, or a file does not become visible.
pub(super) fn measure(root: &Path) -> Result {
    run::build(root)?;
    let program = root.join("target/release/lockgate");
    // ext4 is slow to make files where many were deleted a minute ago: nothing is deleted before.
    let folder = root.join("target/bench/latency").join(std::process::id().to_string());
    let documents = folder.join("documents");
    generate::generate(&documents, (WARM_UP + 3 * FILES) as u64, 20)?;
    let document = |n: usize| fs::read(documents.join(format!("payments-{n:05}.json")));

    let work = folder.join("run");
    write_pipeline(&work)?;
    let mut arriving = Arriving::start(&program, &work, 0)?;
    for n in 0..WARM_UP {
        arriving.give(&format!("{n:05}.json"), &document(n)?, Way::Moved)?;
    }
    println!("a file of 20 records  p50 ms  p95 ms  p99 ms  max ms  files");
    let mut number = WARM_UP;
    for (what, way, pause) in [
        ("moved into place", Way::Moved, PAUSE),
        ("written in place", Way::Written, PAUSE),
        ("one after another", Way::Moved, Duration::ZERO),
    ] {
        let mut times = Vec::with_capacity(FILES);
        for _ in 0..FILES {
            thread::sleep(pause);
            let took = arriving.give(&format!("{number:05}.json"), &document(number)?, way)?;
            times.push(took.as_secs_f64() * 1e3);
            number += 1;
        }
        println!("{}", line(what, times));
    }
    drop(arriving);
    from_start_to_exit(&program, &folder.join("once"), &document(0)?)?;
    Ok(fs::remove_dir_all(folder)?)
}

/// `run --once` on one file, from an empty checkpoint, compiled components in the cache.
fn from_start_to_exit(program: &Path, folder: &Path, document: &[u8]) -> Result {
    let mut times = Vec::with_capacity(STARTS);
    for number in 0..STARTS {
        let work = folder.join(number.to_string());
        write_pipeline(&work)?;
        fs::write(work.join("input/a.json"), document)?;
        let mut command = Command::new(program);
        command.arg("run").arg(work.join("pipeline.toml")).args(["--once", "--no-progress"]);
        let start = Instant::now();
        if !command.status()?.success() {
            return Err(format!("{command:?} failed").into());
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("{}", line("run --once, all of it", times));
    Ok(())
}

/// The directory of a run, without any input.
fn write_pipeline(folder: &Path) -> Result {
    fs::create_dir_all(folder.join("input"))?;
    let text = pipeline::text(100).replace("../input/*.json", "input/*.json");
    Ok(fs::write(folder.join("pipeline.toml"), text)?)
}

fn line(what: &str, times: Vec<f64>) -> String {
    let files = times.len();
    let [p50, p95, p99, max] = percentiles(times);
    format!("{what:21} {p50:6.1}  {p95:6.1}  {p99:6.1}  {max:6.1}  {files:5}")
}

/// The values that 50, 95, 99 and 100 of 100 do not exceed.
fn percentiles(mut values: Vec<f64>) -> [f64; 4] {
    values.sort_by(f64::total_cmp);
    [50, 95, 99, 100].map(|share| {
        let rank = (values.len() * share).div_ceil(100).saturating_sub(1);
        values.get(rank).copied().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_occurred() {
        let values = (1..=200).rev().map(f64::from).collect();
        let texts = |values| percentiles(values).map(|value| value.to_string());
        assert_eq!(texts(values), ["100", "190", "198", "200"]);
        assert_eq!(texts(vec![7.0]), ["7"; 4]);
    }
}
