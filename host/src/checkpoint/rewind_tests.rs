//! Back to every micro-batch there is, stopped at every storage operation.

use super::{
    Checkpoint, Recovery,
    crash::{TIERS, run, stores, table},
    fixture,
    history::History,
    survey,
    verify::verify,
};
use crate::{
    diagnostic::Result,
    storage::{
        Storage,
        fault::{Fault, Faults, is_stop},
        remote,
    },
    types::BatchId,
};
use std::sync::Arc;

type Table = Vec<(String, Vec<u8>)>;

const LAST: BatchId = BatchId(4);

/// Everything in the checkpoint but the names of its owner and runners.
fn logs(checkpoint: &Storage) -> Vec<String> {
    let mut history = History::open(checkpoint).unwrap();
    let records: Vec<_> = history.from(BatchId(0)).map(Result::unwrap).collect();
    records
        .iter()
        .map(|r| format!("{:?} {:?}", r.offsets.files, r.commit.as_ref().map(|c| &c.files)))
        .collect()
}

/// A table that five micro-batches were written to.
fn written() -> (tempfile::TempDir, Storage, Storage) {
    let temp = fixture::directory();
    let (checkpoint, sink) = stores(temp.path());
    run(&checkpoint, &sink).unwrap();
    (temp, checkpoint, sink)
}

/// The part of a table up to a micro-batch.
fn upto(whole: &Table, to: BatchId) -> Table {
    let stays = |(path, _): &&(String, Vec<u8>)| {
        let batch = path.split_once("part-").unwrap().1[..10].parse().unwrap();
        BatchId(batch) <= to
    };
    whole.iter().filter(stays).cloned().collect()
}

fn rewind(checkpoint: &Storage, sink: &Storage, to: BatchId) -> Result<()> {
    let mut checkpoint = Checkpoint::open_with(Arc::clone(checkpoint), "copy", TIERS)?;
    checkpoint.finish_rewind(sink)?;
    checkpoint.observe()?;
    checkpoint.claim_table(sink)?;
    checkpoint.rewind(sink, to)
}

/// What a start finds: the last committed micro-batch.
fn start(checkpoint: &Storage, sink: &Storage) -> BatchId {
    let mut checkpoint = Checkpoint::open_with(Arc::clone(checkpoint), "copy", TIERS).unwrap();
    checkpoint.finish_rewind(sink).unwrap();
    match checkpoint.observe().unwrap() {
        Recovery::Resume { publish, .. } => publish.batch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_undone_can_be_done_again_from_any_micro_batch_on() {
    for to in (0..LAST.0).map(BatchId) {
        let (_temp, checkpoint, sink) = written();
        let (whole, records) = (table(&sink), logs(&checkpoint));
        rewind(&checkpoint, &sink, to).unwrap();
        assert_eq!(table(&sink), upto(&whole, to), "{to}");
        assert_eq!(start(&checkpoint, &sink), to);
        assert_eq!(logs(&checkpoint), records[..=to.0 as usize], "{to}");
        assert_eq!(survey(&checkpoint).unwrap().refusal, None);
        run(&checkpoint, &sink).unwrap();
        assert_eq!((table(&sink), logs(&checkpoint)), (whole, records), "{to}");
    }
}

#[test]
fn a_table_on_a_store_of_uploads_is_taken_back_alike() {
    let memory = remote::Memory::default();
    let (checkpoint, sink) = (memory.open("checkpoint").unwrap(), memory.open("table").unwrap());
    run(&checkpoint, &sink).unwrap();
    assert_eq!(verify(&checkpoint, "payments", &sink, false).unwrap().findings, []);
    let whole = table(&sink);
    for to in [BatchId(2), BatchId(0)] {
        rewind(&checkpoint, &sink, to).unwrap();
        assert_eq!(table(&sink), upto(&whole, to), "{to}");
        assert_eq!(verify(&checkpoint, "payments", &sink, false).unwrap().findings, [], "{to}");
        run(&checkpoint, &sink).unwrap();
        assert_eq!(table(&sink), whole, "{to}");
    }
}

#[test]
fn stopped_at_any_operation_it_is_done_as_a_whole_or_not_at_all() {
    for to in [BatchId(0), BatchId(2)] {
        let (_temp, checkpoint, sink) = written();
        let faults = Faults::none();
        rewind(&faults.wrap(checkpoint), &faults.wrap(sink), to).unwrap();
        let trace = faults.trace();
        let begins = trace.iter().position(|op| op == "create rewind.json").unwrap();
        assert!(trace.len() > begins + 15, "{trace:?}");
        for (operation, name) in trace.iter().enumerate() {
            for fault in [Fault::Fail, Fault::StopBefore, Fault::StopAfter] {
                let (_temp, checkpoint, sink) = written();
                let (whole, records) = (table(&sink), logs(&checkpoint));
                let faults = Faults::at(operation as u64, fault);
                let wrapped = |s: &Storage| faults.wrap(Arc::clone(s));
                let failure = rewind(&wrapped(&checkpoint), &wrapped(&sink), to).unwrap_err();
                let context = format!("{fault:?} at {operation}: {name}");
                assert!(is_stop(&failure) || fault == Fault::Fail, "{context}: {failure}");
                let found = start(&checkpoint, &sink);
                let is_begun =
                    operation > begins || (operation, fault) == (begins, Fault::StopAfter);
                assert_eq!(found, if is_begun { to } else { LAST }, "{context}");
                assert_eq!(table(&sink), upto(&whole, found), "{context}");
                assert_eq!(logs(&checkpoint), records[..=found.0 as usize], "{context}");
                run(&checkpoint, &sink).unwrap();
                assert_eq!((table(&sink), logs(&checkpoint)), (whole, records), "{context}");
            }
        }
    }
}

#[test]
fn a_rewind_under_way_is_finished_before_anything_else_is_looked_at() {
    let (_temp, checkpoint, sink) = written();
    // Right after the point of no return.
    let faults = Faults::none();
    rewind(&faults.wrap(Arc::clone(&checkpoint)), &faults.wrap(Arc::clone(&sink)), BatchId(3))
        .unwrap();
    let begins = faults.trace().iter().position(|op| op == "create rewind.json").unwrap();
    run(&checkpoint, &sink).unwrap();
    let faults = Faults::at(begins as u64, Fault::StopAfter);
    rewind(&faults.wrap(Arc::clone(&checkpoint)), &sink, BatchId(3)).unwrap_err();
    let refusal = survey(&checkpoint).unwrap().refusal.unwrap();
    assert!(refusal.message.ends_with("is on its way back to micro-batch 3"), "{refusal}");
    let mut opened = Checkpoint::open_with(Arc::clone(&checkpoint), "copy", TIERS).unwrap();
    assert_eq!(opened.observe().unwrap_err().message, refusal.message);
    drop(opened);
    assert_eq!(start(&checkpoint, &sink), BatchId(3));
}

#[test]
fn where_there_is_nothing_to_undo_it_is_refused() {
    let (_temp, checkpoint, sink) = written();
    for to in [4, 9] {
        let refusal = rewind(&checkpoint, &sink, BatchId(to)).unwrap_err();
        assert!(refusal.message.contains("nothing to undo"), "{refusal}");
    }
}
