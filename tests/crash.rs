//! A run that stops at any storage operation, and the run after it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use lockgate::{
    run::Stores,
    storage::{
        fault::{Fault, Faults, is_stop},
        silent,
    },
};
use lockgate_tests::{Job, Table};
use std::sync::Arc;

/// A small payments job in two micro-batches.
fn small_job() -> Job {
    let job = Job::example("payments");
    job.edit("max_files_per_trigger = 100", "max_files_per_trigger = 2");
    for name in ["payment-000", "payment-008", "payment-015"] {
        let path = format!("input/{name}.json");
        let text = std::fs::read_to_string(job.path(&path)).unwrap();
        let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
        document["payment"].as_array_mut().unwrap().truncate(6);
        job.write(&path, document.to_string());
    }
    settle_times(&job);
    job
}

/// Gives every job's input the same times, so that the files come in the same order.
fn settle_times(job: &Job) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    for path in lockgate_tests::files_below(&job.path("input")) {
        std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
}

fn faulty(job: &Job, faults: &Arc<Faults>) -> Stores {
    Stores::open(&job.plan(), &silent()).unwrap().map(|store| faults.wrap(store))
}

fn uninterrupted() -> (Table, u64) {
    let job = small_job();
    let faults = Faults::none();
    job.run_on(faulty(&job, &faults), 1).unwrap();
    (job.table(), faults.operations())
}

/// Breaks a run at every operation, checks what a reader sees, recovers, and compares.
fn break_everywhere(fault: Fault) {
    let (golden, operations) = uninterrupted();
    assert!(operations > 20, "{operations} operations");
    for operation in 0..operations {
        let job = small_job();
        let faults = Faults::at(operation, fault);
        let outcome = job.run_on(faulty(&job, &faults), 1);
        if fault != Fault::Fail {
            let failure = outcome.unwrap_err();
            assert!(is_stop(&failure), "operation {operation}: {failure}");
        }
        for (name, bytes) in &job.table().0 {
            let whole = golden.0.get(name);
            assert_eq!(whole, Some(bytes), "after operation {operation} a reader sees `{name}`");
        }
        job.run()
            .unwrap_or_else(|failure| panic!("recovery from operation {operation}: {failure}"));
        assert_eq!(
            job.table(),
            golden,
            "{fault:?} at operation {operation}: {:?}",
            faults.trace().last()
        );
    }
}

#[test]
fn a_stop_before_any_operation_loses_and_doubles_nothing() {
    break_everywhere(Fault::StopBefore);
}

#[test]
fn a_stop_after_any_operation_loses_and_doubles_nothing() {
    break_everywhere(Fault::StopAfter);
}

#[test]
fn a_torn_write_anywhere_loses_and_doubles_nothing() {
    break_everywhere(Fault::Tear);
}

#[test]
fn a_failed_operation_anywhere_loses_and_doubles_nothing() {
    break_everywhere(Fault::Fail);
}

#[test]
fn crashes_during_recovery_are_recovered_from() {
    let (golden, operations) = uninterrupted();
    for first in (0..operations).step_by(5) {
        let job = small_job();
        let _ = job.run_on(faulty(&job, &Faults::at(first, Fault::StopAfter)), 1);
        for second in 0..12 {
            let _ = job.run_on(faulty(&job, &Faults::at(second, Fault::StopBefore)), 1);
        }
        job.run().unwrap();
        assert_eq!(job.table(), golden, "stopped at {first}, then twelve times while recovering");
    }
}
