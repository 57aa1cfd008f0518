use super::*;
use crate::{
    storage::{Created, PENDING, open},
    types::{BatchId, PendingFile},
};
use std::{
    io::{Read as _, Write as _},
    time::Instant,
};

fn at(operation: u64, fault: Fault) -> (tempfile::TempDir, Storage, Arc<Faults>) {
    let temp = tempfile::tempdir().unwrap();
    let faults = Faults::at(operation, fault);
    let store = faults.wrap(open(temp.path().to_str().unwrap()).unwrap());
    (temp, store, faults)
}

#[test]
fn a_failure_has_no_effect_and_passes() {
    let (_temp, store, faults) = at(1, Fault::Fail);
    store.create("a", b"1").unwrap();
    assert!(store.create("b", b"2").unwrap_err().message.contains(FAILED));
    assert_eq!(store.head("b").unwrap(), None);
    assert_eq!(faults.trace(), ["create a", "create b", "head b"]);
    assert!(!faults.stopped());
}

#[test]
fn a_stop_ends_everything_before_or_after_its_effect() {
    for (fault, took_effect) in
        [(Fault::StopBefore, false), (Fault::StopAfter, true), (Fault::Tear, false)]
    {
        let (temp, store, faults) = at(0, fault);
        assert!(is_stop(&store.put("a", b"1").unwrap_err().context("while testing")));
        assert!(is_stop(&store.head("a").unwrap_err()));
        assert_eq!(temp.path().join("a").exists(), took_effect);
        assert_eq!(faults.operations(), 1);
    }
}

#[test]
fn a_torn_write_leaves_half_a_pending_file() {
    let (temp, store, _) = at(1, Fault::Tear);
    let mut writer = store.pending(BatchId(0), "x.parquet").unwrap();
    let error = writer.write_all(b"12345678").unwrap_err();
    assert!(is_stop(&Diagnostic::storage("cannot write").cause(error)));
    assert!(is_stop(&writer.finish().unwrap_err()));
    let clean = open(temp.path().to_str().unwrap()).unwrap();
    let left = clean.list(PENDING).unwrap();
    assert_eq!(clean.read(&left[0].path).unwrap().unwrap(), b"1234");
}

#[test]
fn each_file_of_a_publish_is_an_operation() {
    let (temp, store, _) = at(7, Fault::StopBefore);
    let files: Vec<PendingFile> = ["a", "b"]
        .map(|path| {
            let mut writer = store.pending(BatchId(0), path).unwrap();
            writer.write_all(b"x").unwrap();
            let handle = writer.finish().unwrap();
            let (path, event_time_us) = (path.to_owned(), None);
            PendingFile { path, handle, rows: 1, size_bytes: 1, event_time_us }
        })
        .into();
    assert!(is_stop(&store.publish(&files).unwrap_err()));
    assert!(temp.path().join("a").exists());
    assert!(!temp.path().join("b").exists());
}

#[test]
fn a_duplicate_success_took_effect_says_it_failed_and_passes() {
    let (_temp, store, faults) = at(0, Fault::DuplicateSuccess);
    let failure = store.create("a", b"1").unwrap_err();
    assert!(is_injected(&failure) && !is_stop(&failure));
    assert_eq!(store.create("a", b"1").unwrap(), Created::Exists);
    assert!(!faults.stopped());
}

#[test]
fn a_delay_takes_time_and_nothing_else() {
    let (_temp, store, _) = at(0, Fault::Delay);
    let start = Instant::now();
    assert_eq!(store.create("a", b"1").unwrap(), Created::New);
    assert!(start.elapsed() >= DELAY);
}

#[test]
fn a_stale_listing_misses_the_latest_change_below_it_even_of_an_earlier_run() {
    let (_temp, store, first) = at(7, Fault::StaleListing);
    let paths = |store: &Storage, prefix: &str| -> Vec<_> {
        store.list(prefix).unwrap().into_iter().map(|meta| meta.path).collect()
    };
    store.put("logs/0", b"").unwrap();
    store.put("logs/1", b"").unwrap();
    store.put("other/2", b"").unwrap();
    assert_eq!(paths(&store, "logs"), ["logs/0", "logs/1"]);
    assert_eq!(paths(&store, "other"), ["other/2"]);
    store.delete("logs/0").unwrap();
    assert_eq!(paths(&store, "logs"), ["logs/1"]);
    assert_eq!(paths(&store, "logs/"), ["logs/0", "logs/1"], "{:?}", first.trace());
    assert_eq!(paths(&store, "logs"), ["logs/1"], "it catches up");
    let second = Faults::after(&first, 0, Fault::StaleListing);
    let store = second.wrap(open(store.root()).unwrap());
    assert_eq!(paths(&store, ""), ["logs/0", "logs/1", "other/2"]);
}

#[test]
fn a_file_that_is_being_read_breaks_off() {
    let (_temp, store, _) = at(3, Fault::Fail);
    store.put("a", b"1234").unwrap();
    let (mut file, mut buffer) = (store.open("a").unwrap(), [0; 2]);
    assert_eq!(file.read(&mut buffer).unwrap(), 2);
    let failure = Diagnostic::storage("cannot read").cause(file.read(&mut buffer).unwrap_err());
    assert!(is_injected(&failure), "{failure}");
}

#[test]
fn faults_are_named_as_they_are_read() {
    for fault in Fault::ALL {
        assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
    }
    assert!("stop".parse::<Fault>().unwrap_err().hints[0].contains("`stop-before`"));
}
