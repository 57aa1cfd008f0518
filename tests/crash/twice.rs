//! A run that stops, and one after it that breaks while it recovers.

use super::{
    Golden,
    pipeline::{Pipeline, Place, Publish},
};
use lockgate::storage::fault::{Fault, Faults};

/// Stops a run after `first`, breaks the next one at `second`, and compares what the third
/// leaves.
fn break_twice(
    pipeline: &Pipeline,
    publish: Publish,
    golden: &Golden,
    first: usize,
    second: (u64, Fault),
) -> Vec<String> {
    let place = Place::new(publish);
    let stop = Faults::at(first as u64, Fault::StopAfter);
    pipeline.run(&place, &stop).unwrap_err();
    let faults = Faults::after(&stop, second.0, second.1);
    let outcome = pipeline.run(&place, &faults);
    let context = format!(
        "{} at {:?}, after a stop at {:?}",
        second.1,
        faults.trace().last(),
        stop.trace().last()
    );
    for (name, bytes) in &place.table().0 {
        assert_eq!(golden.table.0.get(name), Some(bytes), "{context}: `{name}` is seen");
    }
    if outcome.is_ok() {
        assert_eq!(place.table(), golden.table, "{context}");
    }
    if let Err(failure) = pipeline.run(&place, &Faults::none()) {
        panic!("{context}: no recovery: {failure}");
    }
    assert_eq!(place.table(), golden.table, "{context}");
    faults.trace()
}

/// Every stop, then every listing of the next start as it was before the latest change.
fn listings_behind(publish: Publish) {
    let pipeline = Pipeline::small("payments", 2);
    let golden = Golden::of(&pipeline, publish);
    let begun = golden.trace.iter().position(|operation| operation.starts_with("create offsets/"));
    for first in begun.unwrap()..golden.trace.len() {
        // A fault that does not strike shows what the recovery does.
        let trace = break_twice(&pipeline, publish, &golden, first, (u64::MAX, Fault::Delay));
        let listings = trace
            .iter()
            .enumerate()
            .filter(|(_, operation)| Fault::StaleListing.strikes(operation));
        assert!(listings.clone().count() >= 4, "{trace:?}");
        for (second, _) in listings {
            break_twice(&pipeline, publish, &golden, first, (second as u64, Fault::StaleListing));
        }
    }
}

/// Pairs of a stop and a second fault, spread evenly over all there are.
fn faults_during_recovery(publish: Publish) {
    let pipeline = Pipeline::small("payments", 2);
    let golden = Golden::of(&pipeline, publish);
    let stops = golden.trace.len();
    // No common factor with the number of stops or faults: every stop meets every fault.
    for pair in (0..stops * 40 * Fault::ALL.len()).step_by(101) {
        let (first, rest) = (pair % stops, pair / stops);
        let (second, fault) = (rest % 40, Fault::ALL[rest / 40]);
        break_twice(&pipeline, publish, &golden, first, (second as u64, fault));
    }
}

#[test]
fn listings_that_lag_behind_are_recovered_from_where_files_are_renamed() {
    listings_behind(Publish::Rename);
}

#[test]
fn faults_while_recovering_are_recovered_from_where_files_are_renamed() {
    faults_during_recovery(Publish::Rename);
}

#[test]
fn listings_that_lag_behind_are_recovered_from_where_uploads_are_completed() {
    listings_behind(Publish::Upload);
}

#[test]
fn faults_while_recovering_are_recovered_from_where_uploads_are_completed() {
    faults_during_recovery(Publish::Upload);
}
