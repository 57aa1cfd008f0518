//! A run of the protocol, stopped at every storage operation: the table is always the one of
//! the uninterrupted run.

use super::{
    Checkpoint, Recovery, Written, fixture, hex_sha256,
    history::{History, Recorded},
    tiers::Tiers,
};
use crate::{
    diagnostic::Result,
    storage::{
        PENDING, Storage,
        fault::{Fault, Faults, is_stop},
        open,
    },
    types::{BatchId, CommitRecord, InputFile, OffsetRecord, PendingFile, Sighting},
};
use std::{io::Write as _, path::Path, sync::Arc};

/// Small enough that a short run cuts and merges segments.
pub(super) const TIERS: Tiers =
    Tiers { batches: 1, fan_out: 2, max_seen_bytes: 1 << 20, max_history_bytes: 1 << 20 };
const INPUTS: [&str; 5] = ["a", "b c", "d%20", "e#", "f"];

fn inputs() -> Vec<InputFile> {
    fixture::offsets(0, &INPUTS).files
}

/// A pipeline of one file per micro-batch that copies paths: until nothing is left.
pub(super) fn run(checkpoint: &Storage, sink: &Storage) -> Result<()> {
    let mut checkpoint = Checkpoint::open_with(Arc::clone(checkpoint), "copy", TIERS)?;
    checkpoint.store_component(&hex_sha256(b"component"), b"component")?;
    checkpoint.pin_schema("schema")?;
    checkpoint.finish_rewind(sink)?;
    let recovery = checkpoint.observe()?;
    checkpoint.claim_table(sink)?;
    sink.discard(recovery.next())?;
    let mut batch = recovery.next();
    match recovery {
        Recovery::Fresh => {}
        Recovery::Resume { publish, .. } => sink.publish(&publish.files)?,
        Recovery::Replay { publish, offsets } => {
            sink.publish(&publish.map(|commit| commit.files).unwrap_or_default())?;
            complete(&mut checkpoint, sink, &offsets)?;
            batch = batch.next();
        }
    }
    while let Some(file) =
        inputs().into_iter().find(|f| checkpoint.seen().sighting(f) == Sighting::New)
    {
        let offsets = fixture::offsets(batch.0, &[&file.path]);
        checkpoint.write_offsets(&offsets)?;
        complete(&mut checkpoint, sink, &offsets)?;
        batch = batch.next();
    }
    Ok(())
}

fn complete(checkpoint: &mut Checkpoint, sink: &Storage, offsets: &OffsetRecord) -> Result<()> {
    let commit = write(sink, offsets)?;
    let commit = checkpoint.write_commit(Written::verify(commit, &**sink)?)?;
    sink.publish(&commit.files)?;
    checkpoint.compact()
}

fn write(sink: &Storage, offsets: &OffsetRecord) -> Result<CommitRecord> {
    let mut files = Vec::new();
    for partition in ["x=1", "x=2"] {
        let path = format!("{partition}/part-{}-0.parquet", offsets.batch);
        let mut writer = sink.pending(offsets.batch, &path)?;
        let content = format!("{} of {}", offsets.files[0].path, offsets.batch);
        let failed = |e| crate::diagnostic::Diagnostic::storage("cannot write").cause(e);
        writer.write_all(content.as_bytes()).map_err(failed)?;
        let (handle, size_bytes) = (writer.finish()?, content.len() as u64);
        files.push(PendingFile { path, handle, rows: 1, size_bytes, event_time_us: None });
    }
    Ok(fixture::commit(offsets.batch.0, files))
}

/// What readers see: the files of the table and their contents.
pub(super) fn table(sink: &Storage) -> Vec<(String, Vec<u8>)> {
    let listed = sink.list("").unwrap().into_iter().filter(|meta| meta.path.ends_with(".parquet"));
    listed.map(|meta| (meta.path.clone(), sink.read(&meta.path).unwrap().unwrap())).collect()
}

pub(super) fn stores(dir: &Path) -> (Storage, Storage) {
    let at = |name: &str| open(dir.join(name).to_str().unwrap()).unwrap();
    (at("checkpoint"), at("table"))
}

/// Runs until `fault` strikes at `operation`, checks what is visible, recovers, and compares.
fn interrupted(operation: u64, fault: Fault, expected: &[(String, Vec<u8>)]) {
    let temp = fixture::directory();
    let (checkpoint, sink) = stores(temp.path());
    let faults = Faults::at(operation, fault);
    let context = || format!("{fault:?} at {operation}: {:?}", faults.trace().last());
    let stopped = run(&faults.wrap(Arc::clone(&checkpoint)), &faults.wrap(Arc::clone(&sink)));
    let failure = stopped.expect_err(&context());
    assert!(is_stop(&failure) || fault == Fault::Fail, "{}: {failure}", context());
    let visible = table(&sink);
    assert!(visible.iter().all(|file| expected.contains(file)), "{}", context());
    run(&checkpoint, &sink).unwrap_or_else(|failure| panic!("{}: {failure}", context()));
    assert_eq!(table(&sink), expected, "{}", context());
    assert_eq!(sink.list(PENDING).unwrap(), [], "{}", context());
    assert_eq!(recorded(&checkpoint), INPUTS.map(String::from), "{}", context());
}

/// The input file of each micro-batch, from its records, wherever they are.
fn recorded(checkpoint: &Storage) -> Vec<String> {
    let mut history = History::open(checkpoint).unwrap();
    let records = history.from(BatchId(0)).map(Result::unwrap);
    let input = |(at, mut recorded): (usize, Recorded)| {
        assert_eq!(recorded.offsets.batch, BatchId(at as u64));
        assert_eq!(recorded.commit.unwrap().batch, recorded.offsets.batch);
        recorded.offsets.files.remove(0).path
    };
    records.enumerate().map(input).collect()
}

#[test]
fn stopped_at_any_operation_a_run_recovers_to_the_same_table() {
    let temp = fixture::directory();
    let (checkpoint, sink) = stores(temp.path());
    let faults = Faults::none();
    run(&faults.wrap(Arc::clone(&checkpoint)), &faults.wrap(Arc::clone(&sink))).unwrap();
    let expected = table(&sink);
    assert_eq!(expected.len(), 2 * INPUTS.len());
    for dir in ["history", "seen"] {
        let (whole, small) = (format!("create {dir}/{}-", BatchId(0)), format!("-{}.", BatchId(0)));
        let merged = |op: &String| op.starts_with(&whole) && !op.contains(&small);
        assert!(faults.trace().iter().any(merged), "{dir}");
    }
    for log in ["offsets", "commits"] {
        assert_eq!(checkpoint.list(log).unwrap().len(), 1, "the rest is in segments");
    }
    for operation in 0..faults.operations() {
        let write = faults.trace()[operation as usize].starts_with("write ");
        let kinds = [Fault::Fail, Fault::StopBefore, Fault::StopAfter, Fault::Tear];
        for fault in kinds.into_iter().filter(|fault| *fault != Fault::Tear || write) {
            interrupted(operation, fault, &expected);
        }
    }
}

#[test]
fn stopped_again_and_again_a_run_still_recovers() {
    let temp = fixture::directory();
    let (checkpoint, sink) = stores(temp.path());
    let mut stops = 0;
    while stops < 1000 {
        // Each attempt gets a little further than start-up alone needs.
        let faults = Faults::at(16 + stops % 40, Fault::StopAfter);
        let wrapped = |store: &Storage| faults.wrap(Arc::clone(store));
        if run(&wrapped(&checkpoint), &wrapped(&sink)).is_ok() {
            break;
        }
        stops += 1;
    }
    assert!((5..1000).contains(&stops), "{stops}");
    let straight = fixture::directory();
    let (other_checkpoint, other_sink) = stores(straight.path());
    run(&other_checkpoint, &other_sink).unwrap();
    assert_eq!(table(&sink), table(&other_sink));
}

#[test]
fn of_two_runners_one_is_told_at_once_who_the_other_is() {
    let (_temp, storage) = fixture::storage();
    let first = Checkpoint::open(Arc::clone(&storage), "payments").unwrap();
    let refusal = Checkpoint::open(Arc::clone(&storage), "payments").err().unwrap();
    assert_eq!(refusal.message, "pipeline `payments` is being run already");
    let this = format!("by process {} on host", std::process::id());
    assert!(refusal.causes[0].starts_with(&this), "{refusal}");
    drop(first);
    Checkpoint::open(storage, "payments").unwrap();
}

#[test]
fn without_a_lock_the_offset_log_stops_the_slower_runner() {
    let (temp, storage) = fixture::storage();
    let mut slower = Checkpoint::open(Arc::clone(&storage), "payments").unwrap();
    slower.observe().unwrap();
    // As on another host, behind a file system without locks.
    std::fs::remove_file(temp.path().join("runner.lock")).unwrap();
    let mut faster = Checkpoint::open(Arc::clone(&storage), "payments").unwrap();
    faster.observe().unwrap();
    faster.write_offsets(&fixture::offsets(0, &["a"])).unwrap();
    let refusal = slower.write_offsets(&fixture::offsets(0, &["b"])).unwrap_err();
    assert_eq!(refusal.message, "another runner took micro-batch 0 of pipeline `payments`");
    // One that had begun the same micro-batch, to replay it, loses at the commit.
    slower.observe().unwrap();
    let written = |storage: &Storage| Written::verify(fixture::commit(0, Vec::new()), &**storage);
    faster.write_commit(written(&storage).unwrap()).unwrap();
    let refusal = slower.write_commit(written(&storage).unwrap()).unwrap_err();
    assert!(refusal.causes[0].contains("commits/0000000000.json"), "{refusal}");
}

#[test]
fn a_runner_that_stood_still_while_another_went_far_ahead_is_stopped() {
    for stood_still_at in [0, 1, 3] {
        let temp = fixture::directory();
        let (storage, _) = stores(temp.path());
        let commit = |checkpoint: &mut Checkpoint, batch: u64| {
            let written = Written::verify(fixture::commit(batch, Vec::new()), &*storage).unwrap();
            checkpoint.write_commit(written)
        };
        let advance = |checkpoint: &mut Checkpoint, batches: std::ops::Range<u64>| {
            for batch in batches {
                checkpoint.write_offsets(&fixture::offsets(batch, &[])).unwrap();
                commit(checkpoint, batch).unwrap();
                checkpoint.compact().unwrap();
            }
        };
        let open = || {
            let _ = std::fs::remove_file(temp.path().join("checkpoint/runner.lock"));
            let open = Checkpoint::open_with(Arc::clone(&storage), "payments", TIERS);
            let mut checkpoint = open.unwrap();
            checkpoint.observe().unwrap();
            checkpoint
        };
        let mut slower = open();
        advance(&mut slower, 0..stood_still_at);
        let mut faster = open();
        advance(&mut faster, stood_still_at..9);
        // Both records have left the logs, so that their names are free.
        slower.write_offsets(&fixture::offsets(stood_still_at, &["stale"])).unwrap();
        let refusal = commit(&mut slower, stood_still_at).unwrap_err();
        let took = format!("another runner took micro-batch {stood_still_at} of");
        assert!(refusal.message.starts_with(&took), "{refusal}");
        assert!(refusal.causes[0].ends_with("/history/` holds what came of it"), "{refusal}");
        // What it left counts for nothing, and goes.
        let mut history = History::open(&storage).unwrap();
        let recorded = history.find(BatchId(stood_still_at)).unwrap().unwrap();
        assert_eq!(recorded.offsets, fixture::offsets(stood_still_at, &[]));
        drop((slower, faster));
        let mut next = open();
        advance(&mut next, 9..10);
        assert_eq!(storage.list("commits").unwrap().len(), 1);
        assert_eq!(storage.list("offsets").unwrap().len(), 1);
    }
}

#[test]
fn a_micro_batch_cannot_be_committed_before_it_was_begun() {
    let (_temp, storage) = fixture::storage();
    let mut checkpoint = Checkpoint::open(Arc::clone(&storage), "payments").unwrap();
    checkpoint.observe().unwrap();
    let written = Written::verify(fixture::commit(0, Vec::new()), &*storage).unwrap();
    let refusal = checkpoint.write_commit(written).unwrap_err();
    assert!(refusal.message.contains("out of order"), "{refusal}");
    assert!(checkpoint.write_offsets(&fixture::offsets(1, &[])).is_err());
}

#[test]
fn a_lost_torn_or_colliding_pending_file_is_noticed_before_the_commit() {
    let (_temp, sink) = fixture::storage();
    let offsets = fixture::offsets(0, &["a"]);
    let mut commit = write(&sink, &offsets).unwrap();
    Written::verify(commit.clone(), &*sink).unwrap();
    commit.files[1].size_bytes += 1;
    let refusal = Written::verify(commit.clone(), &*sink).unwrap_err();
    assert!(refusal.causes[0].contains("has 15 bytes"), "{refusal}");
    commit.rows_written += 1;
    commit.files[1].size_bytes -= 1;
    assert!(Written::verify(commit.clone(), &*sink).is_err());
    commit.rows_written -= 1;
    sink.put("x=1/part-0000000000-0.parquet", b"of a later run").unwrap();
    let refusal = Written::verify(commit.clone(), &*sink).unwrap_err();
    assert!(refusal.causes[0].starts_with("there is a file"), "{refusal}");
    sink.discard(BatchId(0)).unwrap();
    let refusal = Written::verify(commit, &*sink).unwrap_err();
    assert!(refusal.causes[0].ends_with("is gone"), "{refusal}");
}

#[test]
fn components_and_the_schema_are_kept_as_they_were() {
    let (_temp, storage) = fixture::storage();
    let checkpoint = Checkpoint::open(Arc::clone(&storage), "payments").unwrap();
    let sha256 = hex_sha256(b"\0asm");
    for _ in 0..2 {
        checkpoint.store_component(&sha256, b"\0asm").unwrap();
    }
    assert_eq!(checkpoint.component(&sha256).unwrap(), b"\0asm");
    storage.put(&format!("plugins/{sha256}.wasm"), b"swapped").unwrap();
    assert!(checkpoint.component(&sha256).unwrap_err().message.ends_with("is damaged"));
    assert!(checkpoint.component("beef").unwrap_err().message.ends_with("is gone"));
    assert_eq!(checkpoint.pinned_schema().unwrap(), None);
    assert_eq!(checkpoint.pin_schema("a: int").unwrap(), "a: int");
    assert_eq!(checkpoint.pin_schema("b: int").unwrap(), "a: int");
    assert_eq!(checkpoint.pinned_schema().unwrap().unwrap(), "a: int");
}
