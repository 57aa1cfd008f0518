//! A replay whose input changed, vanished or is read under another config.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use lockgate::{
    run::Stores,
    storage::{
        fault::{Fault, Faults},
        silent,
    },
};
use lockgate_tests::Job;
use std::fs;

const PIPELINE: &str = "[pipeline]\nname = \"p\"\n[source]\npath = \"input/*\"\nschema = { id = \"bigint\" }\n\
     [checkpoint]\npath = \"state\"\n[sink]\npath = \"table\"\n";

/// A job that stopped before it committed micro-batch 0, of two files.
fn stopped() -> Job {
    let job = Job::new(PIPELINE);
    job.write("input/a", "{\"id\": 1}\n");
    job.write("input/b", "{\"id\": 2}\n");
    let stores = |faults: &std::sync::Arc<Faults>, job: &Job| {
        let stores = Stores::open(&job.plan(), &silent()).unwrap();
        Stores { checkpoint: faults.wrap(stores.checkpoint), ..stores }
    };
    let undisturbed = Faults::none();
    let other = job.duplicate();
    other.run_on(stores(&undisturbed, &other), 1).unwrap();
    let trace = undisturbed.trace();
    let commit = trace.iter().position(|entry| entry.starts_with("create commits/")).unwrap();
    let faults = Faults::at(commit as u64, Fault::StopBefore);
    job.run_on(stores(&faults, &job), 1).unwrap_err();
    assert!(job.path("state/offsets/0000000000.json").exists());
    job
}

#[test]
fn a_replay_whose_input_changed_or_vanished_stops_and_names_it() {
    for change in ["changed", "gone"] {
        let job = stopped();
        if change == "gone" {
            fs::remove_file(job.path("input/b")).unwrap();
        } else {
            job.write("input/b", "{\"id\": 2}, and more\n");
        }
        let failure = job.run().unwrap_err();
        assert!(failure.to_string().contains("`b`"), "{failure:?}");
        assert!(failure.hints.iter().any(|hint| hint.contains("on_changed_input")), "{failure:?}");
        assert_eq!(job.table().rows(), 0);
    }
}

#[test]
fn a_replay_may_leave_out_what_changed_and_never_reads_it() {
    let job = stopped();
    job.write("input/b", "{\"id\": 3}\n{\"id\": 4}\n");
    job.edit("[source]\n", "[source]\non_changed_input = \"skip\"\n");
    job.run().unwrap();
    assert_eq!(job.table().rows(), 1, "the file that did not change");
    job.run().unwrap();
    assert_eq!(job.table().rows(), 1);
}

#[test]
fn a_replay_under_another_config_is_what_the_new_config_says() {
    let job = stopped();
    job.edit("id = \"bigint\"", "id = \"string\"");
    job.run().unwrap();
    assert_eq!(job.table().rows(), 2);
    assert_eq!(job.table().strings("id"), [Some("1".to_owned()), Some("2".to_owned())]);
}
