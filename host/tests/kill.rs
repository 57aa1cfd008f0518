//! `kill -9` at random moments of real runs: what readers see in between, and what is left.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const KILLS: u64 = 200;
/// Runs that are killed side by side.
const THREADS: u64 = 2;
const MICRO_BATCHES: u64 = 6;

const PIPELINE: &str = "[pipeline]\nname = \"kill\"\n[source]\npath = \"in/*.json\"\nmax_files_per_trigger = 1\n\
    schema = { id = \"bigint\", k = \"bigint\" }\n\
    [checkpoint]\npath = \"state\"\n\
    [[stage]]\nplugin = \"filter\"\nconfig = { where = \"id >= 0\" }\n\
    [sink]\npath = \"out\"\npartition_by = [\"k\"]\n";

/// Path and content of every visible file.
type Table = BTreeMap<String, Vec<u8>>;

/// A pipeline of several micro-batches, in memory where there is such a place: processes die
/// here, not machines.
fn job() -> TempDir {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    fs::write(dir.path().join("pipeline.toml"), PIPELINE).unwrap();
    fs::create_dir(dir.path().join("in")).unwrap();
    for file in 0..MICRO_BATCHES {
        let line = |id: u64| format!("{{\"id\": {id}, \"k\": {}}}", id % 3);
        let lines: Vec<_> = (file * 100..file * 100 + 50).map(line).collect();
        let path = dir.path().join(format!("in/{file}.json"));
        fs::write(&path, lines.join("\n")).unwrap();
        let time = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    dir
}

fn start(job: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["run", "--available-now", "--no-progress"]).arg(job.join("pipeline.toml"));
    // Compiled once for all runs, wherever the user's cache is.
    command.env("LOCKGATE_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/kill-cache"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs to the end, which must be a good one.
fn finish(job: &Path) -> Duration {
    let start_of_run = Instant::now();
    let done = start(job).wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    start_of_run.elapsed()
}

/// Runs and is killed that much later; false when it came to its end before.
fn kill(job: &Path, after: Duration) -> bool {
    let mut child = start(job);
    let until = Instant::now() + after;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().unwrap() {
            let said = child.wait_with_output().unwrap().stderr;
            assert!(status.success(), "{}", String::from_utf8_lossy(&said));
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    // A code means that it came to its end in the last moment.
    child.wait().unwrap().code().is_none()
}

fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// What a `**/*.parquet` glob finds.
fn table(job: &Path) -> Table {
    let out = job.join("out");
    let names = files(&out).into_iter().filter(|name| name.ends_with(".parquet"));
    names.map(|name| (name.clone(), fs::read(out.join(name)).unwrap())).collect()
}

/// Names where tables differ: shows more than their bytes.
fn differing(a: &Table, b: &Table) -> Vec<String> {
    let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    names.into_iter().filter(|name| a.get(*name) != b.get(*name)).cloned().collect()
}

/// How far a run came: micro-batches begun, committed, and files published.
fn progress(job: &Path) -> [usize; 3] {
    let state = |log: &str| files(&job.join("state").join(log)).len();
    [state("offsets"), state("commits"), table(job).len()]
}

/// Numbers that follow from a seed (`SplitMix64`), from 0 up to, but not, 1.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Kills so many runs; gives how far each of them had come. Every other one is followed by one
/// that comes to its end, the others by one that may be killed, too.
fn kill_many(golden: &Table, run: Duration, kills: u64, seed: u64) -> Vec<[usize; 3]> {
    let (mut dice, mut moments, mut current) = (Dice(seed), Vec::new(), job());
    while (moments.len() as u64) < kills {
        if kill(current.path(), run.mul_f64(dice.roll())) {
            moments.push(progress(current.path()));
            let visible = table(current.path());
            let mut expected = golden.clone();
            expected.retain(|name, _| visible.contains_key(name));
            let wrong = differing(&visible, &expected);
            assert_eq!(wrong, [""; 0], "seed {seed}, kill {}: a reader sees this", moments.len());
            if dice.roll() < 0.5 && (moments.len() as u64) < kills {
                continue;
            }
            finish(current.path());
        }
        let wrong = differing(&table(current.path()), golden);
        assert_eq!(wrong, [""; 0], "seed {seed}, after kill {}", moments.len());
        let pending = files(&current.path().join("out/_lockgate/pending"));
        assert_eq!(pending, [""; 0], "seed {seed}, after kill {}", moments.len());
        current = job();
    }
    moments
}

#[test]
fn two_hundred_kills_lose_and_double_nothing() {
    let undisturbed = job();
    finish(undisturbed.path());
    let golden = table(undisturbed.path());
    assert_eq!(golden.len() as u64, 3 * MICRO_BATCHES);
    // The length of a run that finds its component compiled.
    let run = finish(job().path());
    let seed = env::var("LOCKGATE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let start = Instant::now();
    let moments: Vec<[usize; 3]> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                scope.spawn({
                    let golden = &golden;
                    move || kill_many(golden, run, KILLS / THREADS, seed ^ (n << 32))
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let different: BTreeSet<_> = moments.iter().collect();
    let begun = moments.iter().filter(|[offsets, commits, _]| offsets > commits).count();
    eprintln!(
        "seed {seed}: {} kills at {} different moments of a run of {run:?}, {begun} within a \
         micro-batch; {:?}",
        moments.len(),
        different.len(),
        start.elapsed()
    );
    assert!(moments.len() as u64 >= KILLS && different.len() >= 6 && begun > 0, "{different:?}");
}
