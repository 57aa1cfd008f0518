//! Runners that stand still at a chosen operation while others go on, on a store without locks:
//! what they do when they wake is noticed or does no harm.

use super::{
    Checkpoint, Written, fixture,
    history::History,
    survey,
    tiers::{Segment, Tiers},
};
use crate::{
    diagnostic::Result,
    storage::{Created, Meta, PendingWriter, Storage, Store, fault::Faults, remote::Memory},
    types::{BatchId, CommitRecord, OffsetRecord, PendingFile},
};
use std::{
    fmt,
    io::Read,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

const TIERS: Tiers =
    Tiers { batches: 1, fan_out: 3, max_seen_bytes: 1 << 20, max_history_bytes: 1 << 20 };

type Meanwhile = Box<dyn FnOnce() + Send>;

/// A store whose user stands still once, right before an operation whose name starts so.
struct Standstill {
    inner: Storage,
    before: &'static str,
    /// Such operations before that one.
    pass: AtomicUsize,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl fmt::Debug for Standstill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} before {}", self.inner, self.before)
    }
}

impl Standstill {
    fn reach(&self, operation: &str) {
        let is_such = operation.starts_with(self.before);
        let counted = |pass: usize| pass.checked_sub(1);
        if is_such && self.pass.fetch_update(Relaxed, Relaxed, counted).is_err() {
            let meanwhile = self.meanwhile.lock().unwrap().take();
            if let Some(meanwhile) = meanwhile {
                meanwhile();
            }
        }
    }
}

impl Store for Standstill {
    fn root(&self) -> &str {
        self.inner.root()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>> {
        self.reach(&format!("list {prefix}"));
        self.inner.list(prefix)
    }

    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>> {
        self.inner.list_after(prefix, after)
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        self.inner.head(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>> {
        self.inner.open(path)
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.reach(&format!("read {path}"));
        self.inner.read(path)
    }

    fn create(&self, path: &str, content: &[u8]) -> Result<Created> {
        self.reach(&format!("create {path}"));
        self.inner.create(path, content)
    }

    fn put(&self, path: &str, content: &[u8]) -> Result<()> {
        self.inner.put(path, content)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.reach(&format!("delete {path}"));
        self.inner.delete(path)
    }

    fn pending(&self, batch: BatchId, path: &str) -> Result<Box<dyn PendingWriter>> {
        self.inner.pending(batch, path)
    }

    fn sync_pending(&self, files: &[PendingFile]) -> Result<()> {
        self.inner.sync_pending(files)
    }

    fn verify_pending(&self, file: &PendingFile) -> Result<()> {
        self.inner.verify_pending(file)
    }

    fn publish(&self, files: &[PendingFile]) -> Result<()> {
        self.inner.publish(files)
    }

    fn discard(&self, batch: BatchId) -> Result<()> {
        self.inner.discard(batch)
    }
}

/// The store of a runner that stands still `before` an operation until `meanwhile` is over.
fn standstill(inner: &Storage, before: &'static str, meanwhile: Meanwhile) -> Storage {
    standstill_at(inner, before, 0, meanwhile)
}

/// As [`standstill`], after so many such operations.
fn standstill_at(
    inner: &Storage,
    before: &'static str,
    pass: usize,
    meanwhile: Meanwhile,
) -> Storage {
    let (inner, meanwhile) = (Arc::clone(inner), Mutex::new(Some(meanwhile)));
    Arc::new(Standstill { inner, before, pass: AtomicUsize::new(pass), meanwhile })
}

fn open(storage: &Storage) -> Checkpoint {
    let mut checkpoint = Checkpoint::open_with(Arc::clone(storage), "p", TIERS).unwrap();
    checkpoint.observe().unwrap();
    checkpoint
}

/// The intent of a micro-batch; as `made_by` differs, so does the input.
fn intent(batch: u64, made_by: &str) -> OffsetRecord {
    fixture::offsets(batch, &[&format!("in/{batch} for {made_by}")])
}

fn commit(checkpoint: &mut Checkpoint, batch: u64, made_by: &str) -> Result<CommitRecord> {
    let sink = Memory::default().open("t")?;
    let mut commit = fixture::commit(batch, Vec::new());
    commit.runner.host = made_by.to_owned();
    checkpoint.write_commit(Written::verify(commit, &*sink)?)
}

fn advance(checkpoint: &mut Checkpoint, batches: Range<u64>, made_by: &str) -> Result<()> {
    for batch in batches {
        checkpoint.write_offsets(&intent(batch, made_by))?;
        commit(checkpoint, batch, made_by)?;
        checkpoint.compact()?;
    }
    Ok(())
}

/// Who made each micro-batch, from the records wherever they are.
fn made(storage: &Storage) -> Vec<String> {
    let mut history = History::open(storage).unwrap();
    let paths = history.from(BatchId(0)).map(|recorded| {
        let path = recorded.unwrap().offsets.files.remove(0).path;
        path.split_once(" for ").unwrap().1.to_owned()
    });
    paths.collect()
}

#[test]
fn a_merge_that_stood_still_leaves_segments_that_a_start_takes() {
    for at in ["create history/0000000000-0000000002", "create seen/0000000000-0000000002"] {
        let storage = Memory::default().open("c").unwrap();
        let other = Arc::clone(&storage);
        let goes_on = Box::new(move || advance(&mut open(&other), 4..5, "b").unwrap());
        let slower = standstill(&storage, at, goes_on);
        // What it makes of its failing to find what was merged meanwhile is its own affair.
        let _ = advance(&mut open(&slower), 0..4, "a");
        let mut next = open(&storage);
        let segments = |next: &Checkpoint| -> [Vec<Segment>; 2] {
            [&next.compaction.history, &next.compaction.seen].map(|held| held.live.clone())
        };
        for live in segments(&next) {
            let is_apart = live.windows(2).all(|two| two[0].last.next() == two[1].first);
            assert!(is_apart, "{at}: {live:?}");
        }
        assert_eq!(next.seen().len(), 5, "{at}");
        advance(&mut next, 5..12, "c").unwrap();
        assert_eq!(made(&storage).concat(), "aaaabccccccc", "{at}");
        assert_eq!(open(&storage).seen().len(), 12, "{at}");
    }
}

/// Takes the checkpoint back, as a process of its own.
fn rewind(storage: &Storage, to: u64) {
    let sink = Memory::default().open("t").unwrap();
    let checkpoint = open(storage);
    checkpoint.rewind(&sink, BatchId(to)).unwrap();
}

#[test]
fn a_runner_whose_micro_batch_was_taken_back_leaves_nothing_that_blocks_a_start() {
    // How far another one goes on: to before, at and beyond the micro-batch of the slower one.
    for again in [0, 1, 2, 3, 5, 8] {
        let storage = Memory::default().open("c").unwrap();
        let faults = Faults::none();
        let mut slower = open(&faults.wrap(Arc::clone(&storage)));
        advance(&mut slower, 0..5, "a").unwrap();
        slower.write_offsets(&intent(5, "a")).unwrap();
        rewind(&storage, 2);
        advance(&mut open(&storage), 3..3 + again, "b").unwrap();
        let refusal = commit(&mut slower, 5, "a").unwrap_err();
        assert!(refusal.message.contains("micro-batch 5 of pipeline `p`"), "{again}: {refusal}");
        let commits = |op: &String| op == "create commits/0000000005.json";
        assert!(!faults.trace().iter().any(commits), "{again}: it committed");
        advance(&mut open(&storage), 3 + again..12, "c").unwrap();
        let (b, c) = ("b".repeat(again as usize), "c".repeat(9 - again as usize));
        assert_eq!(made(&storage).concat(), format!("aaa{b}{c}"));
    }
}

#[test]
fn a_commit_that_a_rewind_overtook_goes_again() {
    let storage = Memory::default().open("c").unwrap();
    let other = Arc::clone(&storage);
    let at = "create commits/0000000005";
    let slower = standstill(&storage, at, Box::new(move || rewind(&other, 2)));
    let refusal = advance(&mut open(&slower), 0..6, "a").unwrap_err();
    assert_eq!(refusal.message, "micro-batch 5 of pipeline `p` was taken back");
    advance(&mut open(&storage), 3..6, "b").unwrap();
    assert_eq!(made(&storage).concat(), "aaabbb");
}

#[test]
fn a_runner_that_knows_other_commits_than_there_are_cannot_add_one() {
    let storage = Memory::default().open("c").unwrap();
    let mut slower = open(&storage);
    advance(&mut slower, 0..5, "a").unwrap();
    rewind(&storage, 2);
    advance(&mut open(&storage), 3..5, "b").unwrap();
    // Its number is the next one, but what it takes for consumed is not.
    slower.write_offsets(&intent(5, "a")).unwrap();
    let refusal = commit(&mut slower, 5, "a").unwrap_err();
    assert_eq!(refusal.message, "micro-batch 5 of pipeline `p` was taken back");
    advance(&mut open(&storage), 5..7, "c").unwrap();
    assert_eq!(made(&storage).concat(), "aaabbcc");
}

#[test]
fn a_rewind_that_another_process_finished_undoes_nothing_of_what_came_after() {
    // Before every operation of the slower one from the intent on.
    let trace = {
        let (storage, faults) = (Memory::default().open("c").unwrap(), Faults::none());
        advance(&mut open(&storage), 0..6, "a").unwrap();
        rewind(&faults.wrap(storage), 2);
        faults.trace()
    };
    let begins = trace.iter().position(|op| op == "create rewind.json").unwrap();
    let stops: Vec<_> =
        trace[begins + 1..].iter().filter(|op| op.starts_with("read rew")).collect();
    assert!(stops.len() > 6, "{trace:?}");
    for nth in 0..stops.len() {
        let storage = Memory::default().open("c").unwrap();
        advance(&mut open(&storage), 0..6, "a").unwrap();
        let other = Arc::clone(&storage);
        let goes_on = move || {
            let sink = Memory::default().open("t").unwrap();
            let faster = Checkpoint::open_with(Arc::clone(&other), "p", TIERS).unwrap();
            faster.claim_table(&sink).unwrap();
            let refusal = faster.finish_abandoned_rewind(&sink).unwrap_err();
            assert!(refusal.causes[0].ends_with("may still be at it"), "{refusal}");
            faster.finish_rewind(&sink).unwrap().unwrap();
            advance(&mut open(&other), 3..9, "b").unwrap();
        };
        // The first reading is that of the observation before.
        rewind(&standstill_at(&storage, "read rewind.json", nth + 1, Box::new(goes_on)), 2);
        advance(&mut open(&storage), 9..11, "c").unwrap();
        assert_eq!(made(&storage).concat(), "aaabbbbbbcc", "{nth}");
    }
}

#[test]
fn who_looks_while_a_runner_goes_on_looks_again() {
    for at in ["list offsets", "list history", "list seen", "read offsets"] {
        let storage = Memory::default().open("c").unwrap();
        let mut running = open(&storage);
        advance(&mut running, 0..3, "a").unwrap();
        let goes_on = Box::new(move || advance(&mut running, 3..7, "a").unwrap());
        assert_eq!(open(&standstill(&storage, at, goes_on)).seen().len(), 7, "{at}");
    }
    let storage = Memory::default().open("c").unwrap();
    let mut running = open(&storage);
    advance(&mut running, 0..3, "a").unwrap();
    let goes_on = Box::new(move || advance(&mut running, 3..7, "a").unwrap());
    let seen = survey(&standstill(&storage, "list offsets", goes_on)).unwrap();
    assert_eq!((seen.refusal, seen.last_commit.unwrap().batch), (None, BatchId(6)));
}
