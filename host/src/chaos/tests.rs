//! Chaos on a pipeline without stages, and on one whose golden table is not what it leaves.

use super::{site::Table, *};
use crate::{pipeline, storage::silent};
use std::{fs, sync::atomic::AtomicU64};
use tempfile::TempDir;

const PIPELINE: &str = "[source]\npath = \"in/*.json\"\nschema = { id = \"bigint\" }\n\
    [checkpoint]\npath = \"state\"\n[sink]\npath = \"out\"\n";

fn plan() -> (TempDir, Plan) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("in")).unwrap();
    for file in 0..2 {
        fs::write(dir.path().join(format!("in/{file}.json")), "{\"id\": 1}\n").unwrap();
    }
    let file = dir.path().join("pipeline.toml");
    fs::write(&file, PIPELINE).unwrap();
    let plan = pipeline::load(&file).unwrap();
    (dir, plan)
}

fn options() -> Options {
    Options {
        files: 5,
        newest: false,
        faults: 30,
        kills: 0,
        seed: 1,
        only: None,
        program: PathBuf::new(),
    }
}

#[derive(Default)]
struct Steps(AtomicU64);

impl Watcher for Steps {
    fn phase(&self, _: &str, _: u64) {}

    fn step(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_table_that_is_not_the_uninterrupted_one_is_told_with_what_tries_it_again() {
    let (_dir, plan) = plan();
    let (engine, steps) = (Engine::new(None).unwrap(), Steps::default());
    let sample = Sample::copy(&plan, &options(), &silent(), &steps).unwrap();
    let lab = Lab::new(&plan, &engine, &sample);
    let mut golden = lab.golden(Publish::Multipart, None, &steps).unwrap().unwrap();
    let commit = golden.trace.iter().position(|name| name.starts_with("create commits/")).unwrap();
    let (publish, operation) = (Publish::Multipart, commit as u64);
    let trial = |fault| Trial { publish, fault, operation };
    for fault in Fault::ALL {
        assert_eq!(lab.attempt(&golden, trial(fault)).unwrap(), None, "{fault}");
    }
    let lost = golden.table.0.keys().next().unwrap().clone();
    golden.table.0.insert(format!("{lost}-more"), [0; 32]);
    let difference = lab.attempt(&golden, trial(Fault::StopBefore)).unwrap().unwrap();
    assert_eq!(difference.what, format!("after the next run, `{lost}-more` is missing"));
    let operation = "`create commits/0000000000.json`";
    assert!(difference.after.contains(operation), "{difference:?}");
    assert_eq!(difference.again, format!("--only multipart:stop-before:{commit}"));
    golden.table.0.insert(lost.clone(), [0; 32]);
    let difference = lab.attempt(&golden, trial(Fault::Delay)).unwrap().unwrap();
    assert_eq!(difference.what, format!("before the next run, `{lost}` has other bytes"));
}

#[test]
fn who_asks_to_stop_is_heard() {
    let (_dir, plan) = plan();
    let engine = Engine::new(None).unwrap();
    let stop = AtomicBool::new(true);
    let steps = Steps::default();
    let failure = certify(&plan, &engine, &options(), &silent(), &steps, &stop).unwrap_err();
    assert_eq!(failure.kind.exit_code(), 130);
    let went_on = steps.0.load(Ordering::Relaxed);
    assert!(went_on < 10, "{went_on} steps: no fault was injected");
}

#[test]
fn trials_are_spread_evenly_and_read_as_they_are_written() {
    let trial = |operation| Trial { publish: Publish::Local, fault: Fault::Tear, operation };
    let all: Vec<_> = (0..10).map(trial).collect();
    assert_eq!(spread(&all, 10), all);
    assert_eq!(spread(&all, 5), [0, 2, 4, 6, 8].map(trial));
    for trial in all {
        assert_eq!(trial.to_string().parse::<Trial>().unwrap(), trial);
    }
    for wrong in ["", "local", "local:tear", "local:tear:x", "remote:tear:1", "local:rip:1"] {
        assert!(wrong.parse::<Trial>().is_err(), "{wrong}");
    }
}

#[test]
fn tables_differ_by_what_is_missing_changed_or_foreign() {
    let table = |files: &[(&str, u8)]| {
        Table(files.iter().map(|(path, byte)| ((*path).to_owned(), [*byte; 32])).collect())
    };
    let golden = table(&[("a", 1), ("b", 2)]);
    for (other, part, whole) in [
        (table(&[("a", 1), ("b", 2)]), None, None),
        (table(&[("a", 1)]), None, Some("`b` is missing")),
        (table(&[("a", 3), ("b", 2)]), Some("`a` has other bytes"), Some("`a` has other bytes")),
        (table(&[("c", 1)]), Some("`c` should not be there"), Some("`c` should not be there")),
    ] {
        assert_eq!(golden.foreign(&other).as_deref(), part);
        assert_eq!(golden.first_difference(&other).as_deref(), whole);
    }
}
