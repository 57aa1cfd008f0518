//! Inputs that change: after they were read, while they are, and before a replay.

use super::{Ear, ids, job, names, put, record, run, run_with};
use lockgate::{
    diagnostic::{Diagnostic, Kind},
    metrics::{Observer, Progress},
    pipeline::plan::Trigger,
    run::{Run, Stop, Stores},
    storage::{
        fault::{Fault, Faults, is_stop},
        silent,
    },
};
use lockgate_tests::{ENGINE, Job};
use std::fs;

#[test]
fn a_file_that_changed_after_it_was_read_is_told_once_and_not_read_again() {
    let job = job("");
    (0..3).for_each(|n| put(&job, &format!("{n}.json"), &record(n), n));
    assert_eq!(run(&job), []);
    put(&job, "0.json", &record(100), 0);
    put(&job, "1.json", &record(101), 50);
    (3..6).for_each(|n| put(&job, &format!("{n}.json"), &record(n), n));
    let warnings = run(&job);
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.message, "input `0.json` and 1 others changed after they were read");
    assert!(warning.causes[0].contains("a file is read once"), "{warning}");
    assert_eq!(ids(&job), ["0", "1", "2", "3", "4", "5"]);
}

/// Removes a file and writes to another once the first micro-batch is visible.
struct Meddler<'a>(&'a Job, Ear);

impl Observer for Meddler<'_> {
    fn batch_done(&self, progress: &Progress) {
        if progress.batch_id == 0 {
            fs::remove_file(self.0.path("input/2.json")).unwrap();
            put(self.0, "4.json", &(record(40) + &record(41)), 9);
        }
    }

    fn warning(&self, warning: &Diagnostic) {
        self.1.warning(warning);
    }
}

#[test]
fn files_that_vanish_or_change_between_micro_batches_of_one_listing_are_read_as_they_are_by_then() {
    let job = job("");
    (1..=6).for_each(|id| put(&job, &format!("{id}.json"), &record(id), id));
    let (plan, stop, meddler) = (job.plan(), Stop::default(), Meddler(&job, Ear::default()));
    let stores = Stores::open(&plan, &silent()).unwrap();
    let run = Run { plan: &plan, stores, trigger: Trigger::AvailableNow, workers: 1, stop: &stop };
    run.run(&ENGINE, &meddler).unwrap();
    assert_eq!(ids(&job), ["1", "3", "40", "41", "5", "6"]);
    // What was recorded is what was read: the last listing finds no file that changed.
    assert!(meddler.1.0.into_inner().unwrap().is_empty());
}

/// Stops a run right before it commits its first micro-batch, of two files.
fn begun(more: &str) -> Job {
    let job = job(more);
    job.edit("max_files_per_trigger = 1", "max_files_per_trigger = 2");
    (0..2).for_each(|n| put(&job, &format!("{n}.json"), &record(n), n));
    for operation in 0.. {
        let faults = Faults::at(operation, Fault::StopBefore);
        let (outcome, _) = run_with(&job, |stores| stores.map(|store| faults.wrap(store)));
        assert!(is_stop(&outcome.unwrap_err()));
        if faults.trace().last().unwrap().starts_with("create commits/") {
            return job;
        }
    }
    unreachable!("a run commits")
}

#[test]
fn an_input_that_changed_before_a_replay_stops_it_or_is_left_out_and_told() {
    let job = begun("");
    let refused = || run_with(&job, |stores| stores).0.unwrap_err();
    fs::remove_file(job.path("input/0.json")).unwrap();
    let gone = refused();
    assert_eq!(gone.message, "input `0.json` changed after micro-batch 0 recorded it");
    assert_eq!(gone.causes, ["it is gone"]);
    put(&job, "0.json", &record(100), 0);
    let refusal = refused();
    assert_eq!(refusal.message, gone.message);
    assert!(refusal.hints.iter().any(|hint| hint.contains("on_changed_input")), "{refusal:?}");
    assert_eq!(ids(&job), [""; 0]);
    job.edit("[source]", "[source]\non_changed_input = \"skip\"");
    let warnings = run(&job);
    let told = (&warnings[0].message, &warnings[0].causes);
    assert_eq!(told, (&refusal.message, &refusal.causes), "what stopped the run is a warning now");
    assert!(warnings[0].hints[0].contains("left out for good"), "{warnings:?}");
    assert_eq!(ids(&job), ["1"]);
    let commit = fs::read_to_string(job.path("state/commits/0000000000.json")).unwrap();
    assert!(commit.contains(r#""skipped":["0.json"]"#), "{commit}");
}

#[test]
fn a_source_that_is_gone_as_a_whole_is_waited_for_even_if_inputs_may_be_left_out() {
    let job = begun("on_changed_input = \"skip\"");
    let (input, away) = (job.path("input"), job.path("away"));
    fs::rename(&input, &away).unwrap();
    for is_mount_point in [false, true] {
        if is_mount_point {
            fs::create_dir(&input).unwrap();
            fs::write(input.join("NOT-MOUNTED"), "").unwrap();
        }
        let refusal = run_with(&job, |stores| stores).0.unwrap_err();
        assert_eq!(refusal.kind, Kind::Storage);
        assert!(refusal.causes[0].starts_with("no file matches `"), "{refusal:?}");
    }
    fs::remove_dir_all(&input).unwrap();
    fs::rename(&away, &input).unwrap();
    assert_eq!(run(&job), []);
    assert_eq!(ids(&job), ["0", "1"]);
}

#[test]
fn an_input_that_was_left_out_is_never_cleaned_even_if_it_is_put_back() {
    let job = begun("on_changed_input = \"skip\"\nclean_source = \"delete\"");
    put(&job, "0.json", &record(100), 0);
    run(&job);
    assert_eq!(names(&job, "input"), ["0.json"]);
    put(&job, "0.json", &record(0), 0);
    run(&job);
    assert_eq!(ids(&job), ["1"]);
    assert_eq!(names(&job, "input"), ["0.json"], "its rows are nowhere else");
}

#[test]
fn a_replay_under_a_changed_pipeline_file_says_so_and_its_files_say_what_they_ran_with() {
    let job = begun("");
    job.edit("[sink]", "[[stage]]\nplugin = \"filter\"\nconfig = { where = \"id > 0\" }\n\n[sink]");
    let warnings = run(&job);
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.message, "the pipeline file changed after micro-batch 0 was begun");
    assert_eq!(ids(&job), ["1"]);
    let sink = Stores::open(&job.plan(), &silent()).unwrap().sink;
    let file = job.table().0.into_keys().next().unwrap();
    let footer = lockgate::sink::footer::read(&sink, &file).unwrap();
    let components: Vec<String> =
        serde_json::from_str(footer.get("lockgate.components").unwrap()).unwrap();
    let [component] = components.as_slice() else { panic!("{components:?}") };
    assert!(
        job.path(&format!("state/plugins/{component}.wasm")).exists(),
        "the record of the intent names no component, the file the one it ran with"
    );
}
