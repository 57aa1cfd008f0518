//! Every fault at every storage operation of the golden pipelines, and the run after it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
#![expect(clippy::print_stderr, reason = "figures for who asks with `--nocapture`")]

mod pipeline;
mod twice;

use lockgate::storage::fault::{Fault, Faults, is_injected, is_stop};
use lockgate_tests::Table;
use pipeline::{Pipeline, Place, Publish, two_versions};

/// What a run leaves when nothing breaks, and the operations it took.
struct Golden {
    table: Table,
    trace: Vec<String>,
}

impl Golden {
    fn of(pipeline: &Pipeline, publish: Publish) -> Self {
        let (place, faults) = (Place::new(publish), Faults::none());
        pipeline.run(&place, &faults).unwrap();
        let (table, trace) = (place.table(), faults.trace());
        assert!(trace.len() > 40 && table.0.len() > 1, "{trace:?}, {table:?}");
        Self { table, trace }
    }
}

/// Breaks a run of `first` in every way at every operation, checks what a reader sees, runs
/// `second`, and compares with what `expected` makes of the number of micro-batches begun.
fn break_everywhere(
    publish: Publish,
    [first, second]: [&Pipeline; 2],
    expected: impl Fn(u64, &Table) -> Table,
) {
    let start = std::time::Instant::now();
    let mut trials = 0;
    let golden = Golden::of(first, publish);
    for (number, operation) in golden.trace.iter().enumerate() {
        // A delay leaves nothing to recover from, so that nothing changes before it.
        let meets = |fault: &Fault| *fault != Fault::Delay || std::ptr::eq(first, second);
        let strikes = |fault: &Fault| fault.strikes(operation) && meets(fault);
        for fault in Fault::ALL.into_iter().filter(strikes) {
            let context = format!("{fault} at operation {number}, `{operation}`");
            let (place, faults) = (Place::new(publish), Faults::at(number as u64, fault));
            let outcome = first.run(&place, &faults);
            trials += 1;
            match &outcome {
                Ok(()) => assert_eq!(place.table(), golden.table, "{context}"),
                Err(failure) => {
                    assert!(is_injected(failure), "{context}: {failure}");
                    assert_eq!(is_stop(failure), fault.stops(), "{context}: {failure}");
                    assert_ne!(fault, Fault::Delay, "{context}");
                }
            }
            for (name, bytes) in &place.table().0 {
                assert_eq!(golden.table.0.get(name), Some(bytes), "{context}: `{name}` is seen");
            }
            let begun = place.begun();
            if let Err(failure) = second.run(&place, &Faults::none()) {
                panic!("{context}: no recovery: {failure}");
            }
            let recovered = place.table();
            assert_eq!(recovered, expected(begun, &recovered), "{context}");
            assert_eq!(place.pending(), [], "{context}");
        }
    }
    eprintln!("{} operations, {trials} trials, {:?}", golden.trace.len(), start.elapsed());
}

/// Nothing changes between the crash and the run after it.
fn plain(example: &str, publish: Publish) {
    let pipeline = Pipeline::small(example, 2);
    let golden = Golden::of(&pipeline, publish).table;
    break_everywhere(publish, [&pipeline; 2], |_, _| golden.clone());
}

/// A plugin is swapped meanwhile: micro-batches that were begun are of the old one, others of
/// the new one.
fn swapped(example: &str, publish: Publish) {
    let versions = two_versions();
    let [old, new] =
        versions.map(|component| Pipeline::small(example, 2).with_timestamp_parse(&component));
    let [by_old, by_new] = [&old, &new].map(|pipeline| Golden::of(pipeline, publish).table);
    assert!(by_old.0.keys().eq(by_new.0.keys()));
    assert!(by_old.0.values().zip(by_new.0.values()).all(|(old, new)| old != new));
    break_everywhere(publish, [&old, &new], |begun, _| {
        let of = |name: &String| if batch_of(name) < begun { &by_old } else { &by_new };
        Table(by_old.0.keys().map(|name| (name.clone(), of(name).0[name].clone())).collect())
    });
}

/// A file arrives meanwhile that comes last: the whole table is as if it had been there.
fn arrived_in_order(example: &str, publish: Publish) {
    let fewer = Pipeline::small(example, 1).without_input(2);
    let all = Pipeline::small(example, 1);
    let golden = Golden::of(&all, publish).table;
    break_everywhere(publish, [&fewer, &all], |_, _| golden.clone());
}

/// A file arrives meanwhile that comes first: micro-batches that were begun do not change, and
/// every row is there once.
fn arrived_out_of_order(example: &str, publish: Publish) {
    let fewer = Pipeline::small(example, 2).without_input(2);
    let all = Pipeline::small(example, 2).with_ages([1, 1, 9]);
    let (before, all_rows) =
        (Golden::of(&fewer, publish).table, rows(&Golden::of(&all, publish).table));
    break_everywhere(publish, [&fewer, &all], |begun, recovered| {
        assert_eq!(rows(recovered), all_rows);
        let mut expected = recovered.clone();
        expected.0.retain(|name, _| batch_of(name) >= begun);
        let begun = before.0.iter().filter(|(name, _)| batch_of(name) < begun);
        expected.0.extend(begun.map(|(name, bytes)| (name.clone(), bytes.clone())));
        expected
    });
}

/// Every row of the table, and every line of the quarantine, sorted.
fn rows(table: &Table) -> (Vec<String>, Vec<String>) {
    let (mut files, mut rejected) = (table.clone(), Vec::new());
    files.0.retain(|name, bytes| {
        let is_data = name.ends_with(".parquet");
        if !is_data {
            rejected.extend(String::from_utf8_lossy(bytes).lines().map(str::to_owned));
        }
        is_data
    });
    rejected.sort();
    (files.sorted_rows(), rejected)
}

/// The micro-batch of a file: its name says it.
fn batch_of(name: &str) -> u64 {
    let file = name.rsplit('/').next().unwrap().trim_start_matches("part-");
    file[..10].parse().unwrap()
}

/// A test for each publish, so that they run side by side.
macro_rules! matrix {
    ($($example:ident: $($setting:ident),+;)+) => {$(
        mod $example {
            $(
                mod $setting {
                    use crate::Publish;

                    #[test]
                    fn recovers_from_any_fault_where_files_are_renamed() {
                        crate::$setting(stringify!($example), Publish::Rename);
                    }

                    #[test]
                    fn recovers_from_any_fault_where_uploads_are_completed() {
                        crate::$setting(stringify!($example), Publish::Upload);
                    }
                }
            )+
        }
    )+};
}

matrix! {
    payments: plain, swapped, arrived_in_order, arrived_out_of_order;
    cloudtrail: plain, swapped, arrived_in_order, arrived_out_of_order;
}
