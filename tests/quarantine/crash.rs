//! A replay that stops at any storage operation, and two at once.

use super::{mended, of_batch, stores};
use lockgate::{
    run::Stores,
    storage::{
        fault::{Fault, Faults, is_stop},
        remote,
    },
};
use lockgate_tests::{Job, Table};
use serde_json::Value;
use std::sync::Arc;

/// What there is to compare: the table, and the lines of the quarantine.
type State = (Table, Vec<Value>);

fn state(job: &Job) -> State {
    (job.table(), job.quarantine())
}

/// A mended job with records for two micro-batches, and what they come to when put back without
/// a fault.
fn two_micro_batches() -> (Job, State, u64) {
    let job = mended();
    job.edit("path = \"input/*\"", "path = \"input/*\"\nmax_bytes_per_trigger = \"60 B\"");
    let straight = job.duplicate();
    let faults = Faults::none();
    let done = straight.put_back_on(faulty(&straight, &faults), &of_batch(0)).unwrap();
    assert_eq!(done.batches.len(), 2);
    let expected = state(&straight);
    (job, expected, faults.operations())
}

fn faulty(job: &Job, faults: &Arc<Faults>) -> Stores {
    stores(job).map(|store| faults.wrap(store))
}

/// Breaks a replay at every operation, recovers, and compares: by putting back again, and every
/// third time by a run of the pipeline in between.
fn break_everywhere(fault: Fault) {
    let (job, expected, operations) = two_micro_batches();
    assert!(operations > 40, "{operations} operations");
    for operation in 0..operations {
        let job = job.duplicate();
        let faults = Faults::at(operation, fault);
        let outcome = job.put_back_on(faulty(&job, &faults), &of_batch(0));
        let context = || format!("{fault:?} at {operation}: {:?}", faults.trace().last());
        match outcome {
            Ok(_) => assert_eq!(fault, Fault::Fail, "{}", context()),
            Err(failure) => assert!(is_stop(&failure) || fault == Fault::Fail, "{failure}"),
        }
        for (name, bytes) in &job.table().0 {
            assert_eq!(expected.0.0.get(name), Some(bytes), "{}: a reader sees {name}", context());
        }
        if operation % 3 == 0 {
            job.run().unwrap_or_else(|failure| panic!("{}: {failure}", context()));
        }
        job.put_back_on(stores(&job), &of_batch(0))
            .unwrap_or_else(|failure| panic!("{}: {failure}", context()));
        assert_eq!(state(&job), expected, "{}", context());
    }
}

#[test]
fn a_replay_that_stops_before_any_operation_loses_and_doubles_nothing() {
    break_everywhere(Fault::StopBefore);
}

#[test]
fn a_replay_that_stops_after_any_operation_loses_and_doubles_nothing() {
    break_everywhere(Fault::StopAfter);
}

#[test]
fn a_replay_with_a_torn_write_loses_and_doubles_nothing() {
    break_everywhere(Fault::Tear);
}

#[test]
fn a_replay_with_a_failed_operation_loses_and_doubles_nothing() {
    break_everywhere(Fault::Fail);
}

#[test]
fn two_people_who_put_back_at_once_put_back_once() {
    let (job, expected, _) = two_micro_batches();
    let outcomes = std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| job.put_back_on(stores(&job), &of_batch(0))));
        both.map(|one| one.join().unwrap())
    });
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(refused.message.contains("is being run already"), "{refused}");
    }
    assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
    job.put_back_on(stores(&job), &of_batch(0)).unwrap();
    assert_eq!(state(&job), expected);
}

/// A store without locks and with uploads, which holds what the job's checkpoint and table hold.
fn in_memory(job: &Job) -> remote::Memory {
    let memory = remote::Memory::default();
    let local = stores(job);
    for (root, from) in [("state", &local.checkpoint), ("table", &local.sink)] {
        let to = memory.open(root).unwrap();
        for meta in from.list("").unwrap() {
            to.put(&meta.path, &from.read(&meta.path).unwrap().unwrap()).unwrap();
        }
    }
    memory
}

fn memory_stores(job: &Job, memory: &remote::Memory) -> Stores {
    let (checkpoint, sink) = (memory.open("state").unwrap(), memory.open("table").unwrap());
    Stores { checkpoint, sink, ..stores(job) }
}

/// The files of the table and its quarantine.
fn visible(memory: &remote::Memory) -> Vec<(String, Vec<u8>)> {
    let table = memory.open("table").unwrap();
    let listed = table.list("").unwrap().into_iter().map(|meta| meta.path);
    let files = listed.filter(|path| !path.contains("/pending/") && !path.contains("table.json"));
    files.map(|path| (path.clone(), table.read(&path).unwrap().unwrap())).collect()
}

#[test]
fn where_no_lock_keeps_them_apart_the_log_does() {
    let (job, ..) = two_micro_batches();
    let memory = in_memory(&job);
    let stores = || memory_stores(&job, &memory);
    let outcomes = std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| job.put_back_on(stores(), &of_batch(0))));
        both.map(|one| one.join().unwrap())
    });
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        // At the intent or the commit; or just before it, where the winner published already.
        let lost = ["another runner took micro-batch", "cannot be committed"];
        assert!(lost.iter().any(|words| refused.message.contains(words)), "{refused}");
    }
    let last = job.put_back_on(stores(), &of_batch(0)).unwrap();
    assert_eq!(last.tally.records() + last.tally.already, 3, "{outcomes:?}");
    let undisturbed = in_memory(&job);
    job.put_back_on(memory_stores(&job, &undisturbed), &of_batch(0)).unwrap();
    assert_eq!(visible(&memory), visible(&undisturbed));
}

#[test]
fn a_replay_to_a_store_of_uploads_loses_and_doubles_nothing_wherever_it_stops() {
    let (job, ..) = two_micro_batches();
    let straight = in_memory(&job);
    let faults = Faults::none();
    let wrapped = |memory: &remote::Memory, faults: &Arc<Faults>| {
        let stores = memory_stores(&job, memory);
        let (checkpoint, sink) = (faults.wrap(stores.checkpoint), faults.wrap(stores.sink));
        Stores { checkpoint, sink, ..stores }
    };
    job.put_back_on(wrapped(&straight, &faults), &of_batch(0)).unwrap();
    let expected = visible(&straight);
    for operation in 0..faults.operations() {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            let memory = in_memory(&job);
            let faults = Faults::at(operation, fault);
            let failure = job.put_back_on(wrapped(&memory, &faults), &of_batch(0)).unwrap_err();
            let context = format!("{fault:?} at {operation}: {:?}", faults.trace().last());
            assert!(is_stop(&failure), "{context}: {failure}");
            let seen = visible(&memory);
            assert!(seen.iter().all(|file| expected.contains(file)), "{context}");
            job.put_back_on(memory_stores(&job, &memory), &of_batch(0))
                .unwrap_or_else(|failure| panic!("{context}: {failure}"));
            assert_eq!(visible(&memory).len(), expected.len(), "{context}");
            assert!(visible(&memory) == expected, "{context}");
        }
    }
}
