//! The order of storage operations is the protocol's: what `docs/checkpoint.md` says must come
//! first does, in every micro-batch, on a local table and on one made of multipart uploads.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use lockgate::{
    run::Stores,
    storage::{fault::Faults, remote::Memory, silent},
};
use lockgate_tests::Job;
use std::{fs, sync::Arc};

/// Three micro-batches, the last of which is replayed, as operations in the order they began.
struct Trace(Vec<String>);

impl Trace {
    fn of(stores: impl Fn(&Job) -> Stores) -> Self {
        let job = Job::example("payments");
        job.edit("max_files_per_trigger = 100", "max_files_per_trigger = 1");
        let files = fs::read_dir(job.path("input")).unwrap().count();
        assert_eq!(files, 3, "the example has three files");
        let faults = Faults::none();
        let Stores { source, checkpoint, sink, archive } = stores(&job);
        let wrapped = Stores {
            source: faults.wrap(source),
            checkpoint: faults.wrap(Arc::clone(&checkpoint)),
            sink: faults.wrap(sink),
            archive,
        };
        job.run_on(wrapped.clone(), 1).unwrap();
        checkpoint.delete("commits/0000000002.json").unwrap();
        let first = faults.trace().len();
        // The table of micro-batch 2 goes with its commit: as if it had never been reached.
        for meta in wrapped.sink.list("").unwrap() {
            if meta.path.contains("-0000000002-") {
                wrapped.sink.delete(&meta.path).unwrap();
            }
        }
        let deleted = faults.trace().len();
        job.run_on(wrapped, 1).unwrap();
        let mut trace = faults.trace();
        trace.drain(first..deleted);
        Self(trace)
    }

    /// Where operations that start like this are.
    fn all(&self, operation: &str) -> Vec<usize> {
        let hits = |(_, entry): &(usize, &String)| entry.starts_with(operation);
        self.0.iter().enumerate().filter(hits).map(|(at, _)| at).collect()
    }

    fn first(&self, operation: &str) -> usize {
        let all = self.all(operation);
        assert!(!all.is_empty(), "no `{operation}` in {:#?}", self.0);
        all[0]
    }

    fn last(&self, operation: &str) -> usize {
        self.first(operation).max(*self.all(operation).last().unwrap_or(&0))
    }
}

fn local(job: &Job) -> Stores {
    Stores::open(&job.plan(), &silent()).unwrap()
}

fn uploads(job: &Job) -> Stores {
    let memory = Memory::default();
    let (checkpoint, sink) = (memory.open("state").unwrap(), memory.open("table").unwrap());
    Stores { checkpoint, sink, ..local(job) }
}

fn traces() -> [Trace; 2] {
    [Trace::of(local), Trace::of(uploads)]
}

#[test]
fn intent_is_durable_before_any_input_is_opened() {
    for trace in traces() {
        for batch in ["0000000000", "0000000001", "0000000002"] {
            let begun = trace.first(&format!("create offsets/{batch}"));
            let written = trace.first(&format!("create commits/{batch}"));
            let read = trace.all("open ").into_iter().filter(|at| (begun..written).contains(at));
            assert_eq!(read.count(), 1, "micro-batch {batch} reads its file");
        }
        let begun = trace.first("create offsets/0000000000");
        // Without a declared schema, a look at the first files comes before the first intent.
        let early: Vec<_> = trace.all("open ").into_iter().filter(|at| *at < begun).collect();
        assert_eq!(early, [0; 0], "{:#?}", trace.0);
    }
}

#[test]
fn the_outcome_is_written_after_every_file_is_complete_and_before_any_is_visible() {
    for trace in traces() {
        for batch in ["0000000000", "0000000001", "0000000002"] {
            let part = |operation: &str| -> Vec<usize> {
                let named = |at: &usize| trace.0[*at].contains(&format!("-{batch}-"));
                trace.all(operation).into_iter().filter(named).collect()
            };
            let commits = trace.all(&format!("create commits/{batch}"));
            let (finished, published) = (part("finish "), part("publish "));
            assert!(!finished.is_empty() && !published.is_empty(), "{batch}");
            let commit = commits[0];
            let before = finished.iter().filter(|at| **at < commit).count();
            assert!(before > 0 && published[0] > commit, "{batch}: {:#?}", trace.0);
            let checked = part("verify pending ");
            assert!(checked.iter().any(|at| *at > finished[before - 1] && *at < commit), "{batch}");
        }
    }
}

#[test]
fn a_micro_batch_begins_when_the_one_before_is_visible() {
    for trace in traces() {
        for (before, next) in [("0000000000", "0000000001"), ("0000000001", "0000000002")] {
            let begun = trace.first(&format!("create offsets/{next}"));
            // At the next start the last commit is published again.
            let next_start = trace.last("settle offsets");
            assert!(begun < next_start);
            let late = trace.all("publish ").into_iter().filter(|at| {
                trace.0[*at].contains(&format!("-{before}-")) && (begun..next_start).contains(at)
            });
            assert_eq!(late.count(), 0, "{before}: {:#?}", trace.0);
        }
    }
}

#[test]
fn what_is_visible_is_never_changed_moved_or_deleted() {
    for trace in traces() {
        let touched = |entry: &&String| {
            ["put ", "create ", "delete "].iter().any(|operation| {
                let path = entry.strip_prefix(operation);
                path.is_some_and(|path| {
                    [".parquet", ".jsonl"].iter().any(|end| path.ends_with(end))
                })
            })
        };
        let touched: Vec<_> =
            trace.0.iter().filter(touched).filter(|entry| !entry.contains("stopped")).collect();
        assert!(touched.is_empty(), "{touched:?}");
    }
}

#[test]
fn names_in_the_logs_are_made_durable_before_recovery_acts_on_them() {
    let trace = Trace::of(local);
    let again = trace.last("settle offsets");
    assert!(again > trace.first("create commits/0000000001"), "the second start");
    let acts = trace.0[again..].iter().position(|entry| {
        ["publish ", "discard ", "open ", "create "].iter().any(|act| entry.starts_with(act))
    });
    let settled = trace.0[again..].iter().position(|entry| entry.starts_with("settle commits"));
    assert!(settled.unwrap() < acts.unwrap(), "{:#?}", &trace.0[again..]);
}
