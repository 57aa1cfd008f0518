//! `cargo xtask bench history`: what a micro-batch costs after a hundred, and after a hundred
//! thousand before it.
//!
//! Two pipelines that differ in nothing but their history take turns with single files, so that
//! what else the machine does hits both. Both histories are real ones: the released binary has
//! carried out every micro-batch. They lie in memory, where there is a file system in memory,
//! since a disk would hide the difference in its fsyncs.

use super::{
    arriving::{Arriving, Way},
    report::median,
    run,
};
use crate::Result;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Micro-batches before those that are measured.
const HISTORIES: [u64; 2] = [100, 100_000];
/// Files measured after each.
const FILES: u64 = 50;
/// Files before that, whose turn finds the process starting.
const WARM_UP: u64 = 5;

const PIPELINE: &str = "[pipeline]\nname = \"history\"\n\
    [source]\npath = \"input/*.json\"\nschema = { id = \"bigint\" }\n\
    order = \"lexicographic\"\nmax_files_per_trigger = 1\n\
    [checkpoint]\npath = \"state\"\n[sink]\npath = \"table\"\n";

/// Builds the binary, makes both histories, and measures.
///
/// # Errors
/// Fails when something does not build or run, or a file does not become visible.
pub(super) fn measure(root: &Path) -> Result {
    run::build(root)?;
    let program = root.join("target/release/lockgate");
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let place = Place(place.join(format!("lockgate-history-{}", std::process::id())));
    let mut arriving = Vec::new();
    for history in HISTORIES {
        let folder = place.0.join(history.to_string());
        make(&program, &folder, history)?;
        arriving.push((history, Arriving::start(&program, &folder, history)?, Vec::new()));
    }
    for turn in 0..WARM_UP + FILES {
        for (history, arriving, times) in &mut arriving {
            let took = arriving.give(&name(*history + turn), b"{\"id\": 1}\n", Way::Moved)?;
            if turn >= WARM_UP {
                times.push(took.as_secs_f64() * 1e3);
            }
        }
    }
    println!("micro-batches before  median ms of {FILES}");
    for (history, _, times) in &arriving {
        println!("{history:20}  {:15.2}", median(times.iter().copied()));
    }
    Ok(())
}

/// Carries out that many micro-batches of one file each.
fn make(program: &Path, folder: &Path, micro_batches: u64) -> Result {
    eprintln!("making {micro_batches} micro-batches below {}", folder.display());
    let input = folder.join("input");
    fs::create_dir_all(&input)?;
    fs::write(folder.join("pipeline.toml"), PIPELINE)?;
    for number in 0..micro_batches {
        fs::write(input.join(name(number)), "{\"id\": 1}\n")?;
    }
    let mut command = Command::new(program);
    command.arg("run").arg(folder.join("pipeline.toml"));
    if command.args(["--available-now", "--no-progress"]).status()?.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed").into())
}

fn name(number: u64) -> String {
    format!("{number:010}.json")
}

/// A directory that goes when it is done with.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
