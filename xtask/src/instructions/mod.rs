//! `cargo xtask instructions`: how many instructions three fixed jobs take, against a baseline.
//!
//! Time says little on a machine that others use; the number of instructions hardly changes
//! from run to run. The released binary runs under callgrind, confined to one processor so that
//! it has one worker, with components that an earlier run compiled. Valgrind's own processor
//! has the same features on every machine with AVX2; it lacks the SHA instructions, so digests
//! are left out: in software they would be half of some counts.

mod baseline;
mod job;

use crate::{Result, command, install, plugins};
use baseline::Counts;
use job::{JOBS, Job};
use std::{fs, path::Path, path::PathBuf, process::Command};

/// The baseline, below the root of the repository.
const BASELINE: &str = "xtask/src/instructions/baseline.txt";

/// Counts the instructions of these jobs (none named: all) and compares them with the baseline;
/// `--update` among the words writes it instead.
///
/// # Errors
/// Fails when something does not build or run, and says which job is how far from the baseline.
pub fn run(root: &Path, words: &[&str]) -> Result {
    let (update, jobs) = asked(words)?;
    if !cfg!(target_arch = "x86_64") {
        eprintln!("instructions are compared on x86_64 only: the baseline is of that");
        return Ok(());
    }
    install::provide(root, "valgrind", &["--version"], &["valgrind"])?;
    plugins::run(root)?;
    command::run(root, "cargo", &["build", "--release", "--package", "lockgate"])?;
    let place = Place { root, folder: root.join("target/instructions") };
    place.compile_components()?;
    let file = root.join(BASELINE);
    let before = Counts::parse(&fs::read_to_string(&file)?)?;
    let compiler = command::output(root, "rustc", &["--version"])?.trim().to_owned();
    let mut counted = Counts { compiler, ..Counts::default() };
    for job in jobs {
        let count = place.count(job)?;
        println!("{}", before.line(job.name(), count));
        counted.jobs.insert(job.name().into(), count);
    }
    if update {
        let kept =
            before.jobs.into_iter().filter(|(job, _)| JOBS.iter().any(|it| it.name() == job));
        let jobs = kept.chain(counted.jobs).collect();
        fs::write(&file, Counts { jobs, ..counted }.text())?;
        println!("written to {BASELINE}");
        return Ok(());
    }
    let objections = before.objections(&counted);
    if objections.is_empty() {
        return Ok(());
    }
    Err(objections.join("\n").into())
}

/// Whether to write the baseline, and the jobs to count.
fn asked(words: &[&str]) -> Result<(bool, Vec<Job>)> {
    let (options, names): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| **word == "--update");
    if let Some(name) = names.iter().find(|name| JOBS.iter().all(|job| job.name() != **name)) {
        let known = JOBS.map(Job::name).join(", ");
        return Err(format!(
            "`{name}` is no job whose instructions are counted; there are {known}"
        )
        .into());
    }
    let wanted = |job: &Job| names.is_empty() || names.contains(&job.name());
    Ok((!options.is_empty(), JOBS.into_iter().filter(wanted).collect()))
}

/// Where jobs run.
struct Place<'a> {
    root: &'a Path,
    folder: PathBuf,
}

impl Place<'_> {
    /// Fills the cache of compiled components, so that compiling counts in no job. Done under
    /// valgrind, too: code is compiled for the processor at hand.
    fn compile_components(&self) -> Result {
        let file = Job::SmallFiles.make(self.root, &self.folder.join("compile"))?;
        self.valgrind(&["--tool=none"], &["check", &file.to_string_lossy()])
    }

    /// The instructions of a job, from the start of the process to its end.
    fn count(&self, job: Job) -> Result<u64> {
        let file = job.make(self.root, &self.folder.join(job.name()))?;
        let profile = self.folder.join(job.name()).with_extension("callgrind");
        let out = format!("--callgrind-out-file={}", profile.display());
        let run = ["run", &file.to_string_lossy(), "--available-now", "--no-progress"];
        // The order matters: to name a function alone turns counting off at the start.
        let digests = ["--toggle-collect=sha2::sha256::soft::*", "--collect-atstart=yes"];
        self.valgrind(&[&["--tool=callgrind", &out], &digests[..]].concat(), &run)?;
        let text = fs::read_to_string(&profile)?;
        total(&text).ok_or_else(|| format!("{} has no total", profile.display()).into())
    }

    /// Runs the released binary on the first processor that this process may use.
    fn valgrind(&self, options: &[&str], words: &[&str]) -> Result {
        let status = fs::read_to_string("/proc/self/status")?;
        let mut command = Command::new("taskset");
        command.args(["-c", first_processor(&status).unwrap_or("0"), "valgrind", "--quiet"]);
        command.args(options).arg(self.root.join("target/release/lockgate")).args(words);
        command.env("LOCKGATE_CACHE_DIR", self.folder.join("cache"));
        let output =
            command.output().map_err(|error| format!("`taskset` does not start: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{command:?} failed: {}\n{}", output.status, said.trim()).into())
    }
}

/// The first number of `Cpus_allowed_list`, such as 2 of `2-3,7`.
fn first_processor(status: &str) -> Option<&str> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    list.trim().split([',', '-']).next()
}

/// The count at the end of what callgrind writes.
fn total(profile: &str) -> Option<u64> {
    let line = profile.lines().rev().find_map(|line| line.strip_prefix("totals: "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_has_every_job_and_no_other() {
        let counts = Counts::parse(include_str!("baseline.txt")).unwrap();
        let mut names = JOBS.map(Job::name);
        names.sort_unstable();
        assert!(counts.jobs.keys().map(String::as_str).eq(names));
        assert!(counts.compiler.starts_with("rustc "));
    }

    #[test]
    fn words_are_jobs_and_update() {
        assert_eq!(asked(&[]).unwrap(), (false, JOBS.to_vec()));
        assert_eq!(asked(&["--update", "payments"]).unwrap(), (true, vec![Job::Payments]));
        let Err(error) = asked(&["paymnts"]) else { panic!("no such job") };
        assert!(error.to_string().ends_with("there are payments, small-files, cloudtrail"));
    }

    #[test]
    fn the_first_processor_and_the_total_are_found() {
        assert_eq!(first_processor("Name:\tx\nCpus_allowed_list:\t2-3,7\n"), Some("2"));
        assert_eq!(first_processor("Cpus_allowed_list:\t11\n"), Some("11"));
        assert_eq!(total("events: Ir\nfn=(1) x\n1 2\n\ntotals: 4711\n"), Some(4711));
        assert_eq!(total("events: Ir\n"), None);
    }
}
