//! What a micro-batch and a start cost after many files and many micro-batches.
//!
//! What is counted (calls, names, bytes) is asserted as it is; times are shown, and held
//! only where they would be off by a multiple. `--nocapture` prints the tables.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a test may fail, and shows figures")]

mod counted;

use counted::{Counts, MadeUp, log_file};
use lockgate::{
    checkpoint::{Checkpoint, Written, history::History, this_runner},
    clock::Stopwatch,
    metrics::Silent,
    pipeline::plan::Trigger,
    run::{Run, Stop, Stores},
    storage::{Storage, open, silent},
    types::{BatchId, CommitRecord, InputFile, OffsetRecord, Position, Sighting},
};
use lockgate_tests::{ENGINE, Job};
use std::{
    fs::{self, File},
    ops::Range,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};
use tempfile::TempDir;

/// Commits before those that are measured: enough that what is moved out of the logs and merged
/// meanwhile are commits of the same kind.
const WARM_UP: u64 = 1024;
const MEASURED: u64 = 2048;

/// A directory in memory where there is one: what is measured is lockgate, not the disk.
fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A checkpoint beside its table.
struct Place {
    dir: TempDir,
    counts: Arc<Counts>,
    checkpoint: Checkpoint,
    batch: BatchId,
    sink: Storage,
}

/// What something cost, on average.
#[derive(Clone, Copy, Debug)]
struct Cost {
    cpu: Duration,
    calls: u64,
    bytes_written: u64,
}

impl Place {
    fn new() -> Self {
        let dir = directory();
        let (counts, checkpoint) = Self::open(&dir);
        let sink = open(dir.path().join("table").to_str().unwrap()).unwrap();
        checkpoint.claim_table(&sink).unwrap();
        Self { dir, counts, checkpoint, batch: BatchId(0), sink }
    }

    fn open(dir: &TempDir) -> (Arc<Counts>, Checkpoint) {
        let counts = Arc::new(Counts::default());
        let storage = open(dir.path().join("state").to_str().unwrap()).unwrap();
        let mut checkpoint = Checkpoint::open(counts.wrap(storage), "scale").unwrap();
        checkpoint.observe().unwrap();
        (counts, checkpoint)
    }

    /// Carries out micro-batches of so many log files each.
    fn consume(&mut self, files: Range<u64>, of: u64) {
        for first in files.clone().step_by(of as usize) {
            let files: Vec<_> = (first..files.end.min(first + of)).map(log_file).collect();
            self.commit(files);
        }
    }

    fn commit(&mut self, files: Vec<InputFile>) {
        assert!(files.iter().all(|f| self.checkpoint.seen().sighting(f) == Sighting::New));
        let batch = self.batch;
        let position = Position::after(self.checkpoint.position(), &files);
        let offsets = OffsetRecord {
            batch,
            files,
            components: vec!["c0ffee".repeat(10); 4],
            config_hash: "beef".repeat(16),
            replay: None,
            read_again: Vec::new(),
            position,
            watermark_us: None,
            runner: this_runner(),
            written_us: 1_795_359_845_000_000,
        };
        let commit = CommitRecord {
            batch,
            skipped: Vec::new(),
            files: Vec::new(),
            rows_read: 1,
            rows_written: 0,
            source_rejected: 0,
            stages: Vec::new(),
            quarantined: 0,
            quarantine_file: None,
            watermark_us: None,
            runner: this_runner(),
            written_us: 1_795_359_845_000_000,
        };
        self.checkpoint.write_offsets(&offsets).unwrap();
        let written = Written::verify(commit, &*self.sink).unwrap();
        self.checkpoint.write_commit(written).unwrap();
        self.checkpoint.compact().unwrap();
        self.batch = batch.next();
    }

    /// The cost of one new file in a micro-batch of its own, from intent to compaction.
    fn one_new_file(&mut self, first: u64) -> Cost {
        self.consume(first..first + WARM_UP, 1);
        let [calls, _, written, _] = self.counts.get();
        // Without what other processes take meanwhile.
        let mut watch = Stopwatch::start();
        self.consume(first + WARM_UP..first + WARM_UP + MEASURED, 1);
        let cpu = watch.lap().cpu / MEASURED as u32;
        let [calls_after, _, written_after, _] = self.counts.get();
        Cost {
            cpu,
            calls: (calls_after - calls) / MEASURED,
            bytes_written: (written_after - written) / MEASURED,
        }
    }

    /// Starts anew: how long until it is known what to do, and what was asked for until then.
    fn restart(self) -> (Self, Duration, [u64; 4]) {
        let Self { dir, batch, sink, checkpoint, .. } = self;
        let seen = checkpoint.seen().len();
        drop(checkpoint);
        let start = Instant::now();
        let (counts, checkpoint) = Self::open(&dir);
        let time = start.elapsed();
        assert_eq!(checkpoint.seen().len(), seen);
        let asked = counts.get();
        (Self { dir, counts, checkpoint, batch, sink }, time, asked)
    }
}

/// Of CPU times, which a busy machine lengthens, too: only a cost that grows is far off.
fn is_like(small: Duration, large: Duration) -> bool {
    large < small * 3 + Duration::from_micros(100)
}

#[test]
fn one_new_file_costs_the_same_after_a_thousand_files_and_after_a_million() {
    let measure = |consumed: u64| {
        let mut place = Place::new();
        place.consume(0..consumed, 1_000);
        let cost = place.one_new_file(consumed);
        let seen = place.checkpoint.seen();
        let memory = seen.memory_bytes() / seen.len();
        let (place, restart, asked) = place.restart();
        (place, cost, memory, restart, asked)
    };
    println!("consumed  one new file      calls  bytes  seen/file  restart  names  bytes read");
    let show = |consumed: u64, cost: Cost, memory: usize, restart: Duration, asked: [u64; 4]| {
        let Cost { cpu, calls, bytes_written } = cost;
        let [_, names, _, read] = asked;
        println!(
            "{consumed:>8}  {cpu:>12.1?} CPU      {calls:>5}  {bytes_written:>5}  {memory:>9}  {restart:>7.0?}  {names:>5}  {read:>10}"
        );
    };
    let (_, small, memory, restart, asked) = measure(1_000);
    show(1_000, small, memory, restart, asked);
    let (place, large, memory, restart, asked) = measure(1_000_000);
    show(1_000_000, large, memory, restart, asked);
    assert!(large.calls <= small.calls * 2, "{small:?} {large:?}");
    assert!(large.bytes_written < small.bytes_written * 2, "{small:?} {large:?}");
    assert!(is_like(small.cpu, large.cpu), "{small:?} {large:?}");
    assert!(memory < 32, "{memory} bytes a file");
    assert!(asked[1] < 500, "{} names listed at start-up", asked[1]);
    assert!(asked[3] < 32 << 20, "{} bytes read at start-up", asked[3]);
    assert!(restart < Duration::from_secs(10), "{restart:?}");
    whole_triggers(place);
}

/// One new file through a whole run, of a million that are listed.
fn whole_triggers(place: Place) {
    let Place { dir, checkpoint, .. } = place;
    drop(checkpoint);
    let files = 1_000_000 + WARM_UP + MEASURED;
    let mut cursor = Duration::ZERO;
    for (new, order) in [(1, "lexicographic"), (2, "modification_time")] {
        let text = format!(
            "[pipeline]\nname = \"scale\"\n[source]\npath = \"{0}/in/**/*.json.gz\"\norder = \"{order}\"\n\
             [source.schema]\nid = \"bigint\"\n[trigger]\nmode = \"once\"\n\
             [checkpoint]\npath = \"{0}/state\"\n[sink]\npath = \"{0}/table\"\n",
            dir.path().display()
        );
        let job = Job::new(&text);
        let (plan, stop, counts) = (job.plan(), Stop::default(), Arc::new(Counts::default()));
        let source = counts.wrap(Arc::new(MadeUp { files: files + new, listing: Duration::ZERO }));
        let stores = Stores { source, ..Stores::open(&plan, &silent()).unwrap() };
        let trigger = Trigger::Once;
        let start = Instant::now();
        let run = Run { plan: &plan, stores, trigger, workers: 1, stop: &stop };
        run.run(&ENGINE, &Silent).unwrap();
        let time = start.elapsed();
        let [_, names, ..] = counts.get();
        println!("start and one trigger, order = {order}: {time:.0?}, {names} names listed");
        let expected = if order == "lexicographic" { 1 } else { files + new };
        assert_eq!(names, expected);
        cursor = if order == "lexicographic" { time } else { cursor };
    }
    assert!(cursor < Duration::from_secs(10), "{cursor:?}");
    let storage = open(dir.path().join("state").to_str().unwrap()).unwrap();
    let mut history = History::open(&storage).unwrap();
    let last = history.last().unwrap();
    let newest = history.find(last).unwrap().unwrap().offsets.files.remove(0);
    assert_eq!(newest, log_file(files + 1), "the one file that was new");
}

/// One new file through whole runs, beside so many real ones that were read: the time of a start
/// and a trigger in each order.
fn beside_real_files(files: u64) -> [Duration; 2] {
    let dir = directory();
    let root = dir.path().display();
    let put = |n: u64| {
        let file = log_file(n);
        let path = dir.path().join("in").join(file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{{\"id\":{n}}}\n")).unwrap();
        let time = UNIX_EPOCH + Duration::from_micros(file.modified_us as u64);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    };
    (0..files).for_each(put);
    let job = Job::new(&format!(
        "[pipeline]\nname = \"scale\"\n\
         [source]\npath = \"{root}/in/**/*.json.gz\"\nmax_files_per_trigger = 10_000\n\
         [source.schema]\nid = \"bigint\"\n[trigger]\nmode = \"once\"\n\
         [checkpoint]\npath = \"{root}/state\"\n[sink]\npath = \"{root}/table\"\n"
    ));
    job.run().unwrap();
    let mut times = [Duration::ZERO; 2];
    for (at, order) in ["modification_time", "lexicographic"].into_iter().enumerate() {
        put(files + at as u64);
        if at == 1 {
            job.edit("[source]", "[source]\norder = \"lexicographic\"");
        }
        let (plan, stop, counts) = (job.plan(), Stop::default(), Arc::new(Counts::default()));
        let stores = Stores::open(&plan, &silent()).unwrap();
        let stores = Stores { source: counts.wrap(Arc::clone(&stores.source)), ..stores };
        let trigger = Trigger::Once;
        let start = Instant::now();
        let run = Run { plan: &plan, stores, trigger, workers: 1, stop: &stop };
        run.run(&ENGINE, &Silent).unwrap();
        times[at] = start.elapsed();
        let [_, names, ..] = counts.get();
        println!("{files:>6} real files, {order}: {:.0?}, {names} names listed", times[at]);
        assert_eq!(names, if at == 1 { 1 } else { files + 1 });
    }
    let storage = open(&format!("{root}/state")).unwrap();
    let mut history = History::open(&storage).unwrap();
    let read = history.from(BatchId(0)).map(|recorded| recorded.unwrap().offsets.files.len());
    assert_eq!(read.sum::<usize>() as u64, files + 2, "each file once");
    times
}

#[test]
fn one_new_file_beside_a_hundred_thousand_real_ones_costs_what_is_listed() {
    let [_, small] = beside_real_files(1_000);
    let [_, large] = beside_real_files(100_000);
    // The set of consumed files is loaded; nothing else grows.
    assert!(large < small * 4 + Duration::from_secs(5), "{small:?} {large:?}");
}

#[test]
fn a_backlog_is_not_listed_for_every_micro_batch() {
    let job = Job::new(
        "[pipeline]\nname = \"backlog\"\n\
         [source]\npath = \"in/**/*.json.gz\"\nmax_files_per_trigger = 2\n\
         [source.schema]\nid = \"bigint\"\n[trigger]\nmode = \"available_now\"\n\
         [checkpoint]\npath = \"state\"\n[sink]\npath = \"table\"\n",
    );
    let counts = Arc::new(Counts::default());
    let made_up = MadeUp { files: 40, listing: Duration::from_secs(2) };
    let stores = Stores::open(&job.plan(), &silent()).unwrap();
    job.run_on(Stores { source: counts.wrap(Arc::new(made_up)), ..stores }, 1).unwrap();
    let [_, names, ..] = counts.get();
    // Before the first micro-batch, and when nothing is left.
    assert_eq!((job.table().rows(), names), (40, 2 * 40));
}

#[test]
fn a_start_and_a_micro_batch_cost_the_same_after_a_hundred_thousand_micro_batches() {
    println!("micro-batches  one new file  calls  bytes  start  calls  names  bytes read");
    let measure = |batches: u64| {
        let mut place = Place::new();
        place.consume(0..batches, 1);
        let cost = place.one_new_file(batches);
        let (place, time, asked) = place.restart();
        let Cost { cpu: each, calls, bytes_written } = cost;
        let [starts, names, _, read] = asked;
        println!(
            "{batches:>13}  {each:>12.1?}  {calls:>5}  {bytes_written:>5}  {time:>5.0?}  {starts:>5}  {names:>5}  {read:>10}"
        );
        (place, cost, asked)
    };
    let (_, small, start_small) = measure(1_000);
    let (place, large, start_large) = measure(100_000);
    assert!(large.calls <= small.calls * 2, "{small:?} {large:?}");
    assert!(large.bytes_written < small.bytes_written * 2, "{small:?} {large:?}");
    assert!(is_like(small.cpu, large.cpu), "{small:?} {large:?}");
    assert!(start_large[1] < start_small[1] + 200, "{} names", start_large[1]);
    assert!(start_large[1] < 500, "{} names", start_large[1]);
    // Every record is still there.
    let storage = open(place.dir.path().join("state").to_str().unwrap()).unwrap();
    let mut history = History::open(&storage).unwrap();
    let start = Instant::now();
    let recorded = history.find(BatchId(50_000)).unwrap().unwrap();
    println!("found micro-batch 50000 in {:.0?}", start.elapsed());
    assert_eq!(recorded.offsets.files, [log_file(50_000)]);
    let start = Instant::now();
    let all = history.from(BatchId(0)).inspect(|recorded| assert!(recorded.is_ok())).count();
    println!("read all records of {all} micro-batches in {:.0?}", start.elapsed());
    assert_eq!(all as u64, 100_000 + WARM_UP + MEASURED);
}
