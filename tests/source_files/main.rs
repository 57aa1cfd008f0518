//! Which files are read, in which order, and what becomes of them afterwards.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod changed;

use lockgate::{
    diagnostic::Diagnostic,
    metrics::Observer,
    pipeline::plan::Trigger,
    run::{Run, Stop, Stores},
    storage::{
        fault::{Fault, Faults, is_stop},
        silent,
    },
};
use lockgate_tests::{ENGINE, Job, files_below};
use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::ffi::OsStrExt,
    sync::Mutex,
    time::{Duration, UNIX_EPOCH},
};

/// One record a file, one file a micro-batch; `more` goes to `[source]`.
fn job(more: &str) -> Job {
    Job::new(&format!(
        "[pipeline]\nname = \"files\"\n\
         [source]\npath = \"input/**/*.json\"\nmax_files_per_trigger = 1\n{more}\n\
         [source.schema]\nid = \"bigint\"\n\
         [trigger]\nmode = \"available_now\"\n\
         [checkpoint]\npath = \"state\"\n\
         [sink]\npath = \"table\"\n"
    ))
}

/// Writes an input file that was changed so many hours after some moment.
fn put(job: &Job, name: &str, content: &str, hours: u64) {
    let path = job.path("input").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000 + hours * 3600);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

fn record(id: u64) -> String {
    format!("{{\"id\":{id}}}\n")
}

/// Hears warnings.
#[derive(Default)]
struct Ear(Mutex<Vec<Diagnostic>>);

impl Observer for Ear {
    fn warning(&self, warning: &Diagnostic) {
        self.0.lock().unwrap().push(warning.clone());
    }
}

fn run_with(
    job: &Job,
    decorate: impl FnOnce(Stores) -> Stores,
) -> (Result<(), Diagnostic>, Vec<Diagnostic>) {
    let (plan, stop, ear) = (job.plan(), Stop::default(), Ear::default());
    let stores = decorate(Stores::open(&plan, &silent()).unwrap());
    let run = Run { plan: &plan, stores, trigger: Trigger::AvailableNow, workers: 1, stop: &stop };
    let outcome = run.run(&ENGINE, &ear);
    (outcome, ear.0.into_inner().unwrap())
}

/// Runs, and gives what was warned of.
fn run(job: &Job) -> Vec<Diagnostic> {
    let (outcome, warnings) = run_with(job, |stores| stores);
    outcome.unwrap();
    warnings
}

/// The ids in the table, sorted.
fn ids(job: &Job) -> Vec<String> {
    let mut ids: Vec<_> = job
        .table()
        .sorted_rows()
        .iter()
        .map(|row| row.chars().filter(char::is_ascii_digit).collect())
        .collect();
    ids.sort();
    ids
}

/// Names of the files below a directory of the job.
fn names(job: &Job, dir: &str) -> Vec<String> {
    let dir = job.path(dir);
    let name = |path: std::path::PathBuf| path.strip_prefix(&dir).unwrap().display().to_string();
    files_below(&dir).into_iter().map(name).collect()
}

#[test]
fn lexicographic_order_goes_on_after_the_greatest_path_that_was_read() {
    let job = job("order = \"lexicographic\"");
    put(&job, "2026/03/01.json", &record(1), 9);
    put(&job, "2026/03/02.json", &record(2), 5);
    assert_eq!(run(&job), []);
    put(&job, "2026/03/01b.json", &record(3), 10);
    put(&job, "2026/03/03.json", &record(4), 1);
    let faults = Faults::none();
    let (outcome, _) =
        run_with(&job, |stores| Stores { source: faults.wrap(stores.source), ..stores });
    outcome.unwrap();
    assert_eq!(ids(&job), ["1", "2", "4"], "what sorts before the cursor is never read");
    let listings: Vec<_> = faults.trace().into_iter().filter(|op| op.starts_with("list")).collect();
    let [first, second] = listings.as_slice() else { panic!("{listings:?}") };
    assert!(first.ends_with("2026/03/02.json"), "the cursor survives a restart: {first}");
    assert!(second.ends_with("2026/03/03.json"), "{second}");
}

#[test]
fn a_file_much_older_than_the_newest_read_is_told_and_not_read() {
    let job = job("max_file_age = \"5h\"");
    put(&job, "a.json", &record(1), 0);
    put(&job, "b.json", &record(2), 100);
    assert_eq!(run(&job), [], "the first look takes files of any age, oldest first");
    put(&job, "late.json", &record(3), 94);
    put(&job, "later.json", &record(4), 96);
    let warnings = run(&job);
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.message, "input `late.json` is too old to be read");
    assert!(warning.causes[0].contains("`max_file_age` (5h)"), "{warning}");
    assert_eq!(ids(&job), ["1", "2", "4"]);
    // Half a year of micro-batches later, by the clock, nothing has changed.
    assert_eq!(run(&job).len(), 1);
    assert_eq!(ids(&job), ["1", "2", "4"]);
}

const ARCHIVE: &str = "clean_source = \"archive\"\narchive_path = \"archive\"";

#[test]
fn files_that_were_read_are_deleted_or_archived() {
    for (more, archived) in [
        ("clean_source = \"delete\"", &[][..]),
        (ARCHIVE, &["0.json", "x/1 %20#.json", "x/y/2.json"]),
    ] {
        let job = job(more);
        for (n, name) in ["0.json", "x/1 %20#.json", "x/y/2.json"].into_iter().enumerate() {
            put(&job, name, &record(n as u64), n as u64);
        }
        put(&job, "other.csv", "1", 0);
        assert_eq!(run(&job), []);
        assert_eq!(ids(&job), ["0", "1", "2"]);
        assert_eq!(names(&job, "input"), ["other.csv"], "{more}");
        assert_eq!(names(&job, "archive"), archived, "{more}");
        assert_eq!(run(&job), []);
        assert_eq!(ids(&job), ["0", "1", "2"]);
    }
    let job = job(ARCHIVE);
    put(&job, "x/1.json", &record(1), 0);
    run(&job);
    assert_eq!(fs::read_to_string(job.path("archive/x/1.json")).unwrap(), record(1));
}

#[test]
fn a_file_whose_name_is_not_utf8_is_as_good_as_another() {
    let job = job(ARCHIVE);
    job.edit("max_files_per_trigger = 1", "max_files_per_trigger = 2");
    let name = OsStr::from_bytes(b"caf\xe9.json");
    let text = "{\"id\":1}\n{\"id\":\n";
    fs::write(job.path("input").join(name), text).unwrap();
    put(&job, "café.json", &record(2), 0);
    for _ in 0..2 {
        assert_eq!(run(&job), []);
        assert_eq!((ids(&job), job.quarantine().len()), (vec!["1".into(), "2".into()], 1));
    }
    assert_eq!(job.quarantine()[0]["file"], "caf\u{fffd}\0e9.json");
    assert_eq!(fs::read_to_string(job.path("archive").join(name)).unwrap(), text);
    assert_eq!(names(&job, "archive").len(), 2);
}

#[test]
fn a_file_with_rejected_records_is_archived_but_not_deleted() {
    for (more, left) in [("clean_source = \"delete\"", &["bad.json"][..]), (ARCHIVE, &[])] {
        let job = job(more);
        put(&job, "bad.json", "{\"id\":1}\n{\"id\":\n", 0);
        put(&job, "good.json", &record(2), 1);
        assert_eq!(run(&job), []);
        assert_eq!(job.quarantine().len(), 1);
        assert_eq!(names(&job, "input"), left, "{more}");
    }
}

#[test]
fn an_archive_that_refuses_is_told_once_and_filled_later() {
    let job = job(ARCHIVE);
    (0..3).for_each(|n| put(&job, &format!("{n}.json"), &record(n), n));
    put(&job, "3.json", &record(3), 3);
    // A file where a directory is needed.
    fs::create_dir(job.path("archive")).unwrap();
    job.write("archive/_lockgate", "in the way");
    let warnings = run(&job);
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.message, "files of micro-batch 0 cannot be archived, and stay");
    assert_eq!(ids(&job), ["0", "1", "2", "3"], "the table does not wait for the archive");
    assert_eq!(names(&job, "input").len(), 4);
    // The next run carries on with the last micro-batch; it knows of no other.
    fs::remove_file(job.path("archive/_lockgate")).unwrap();
    assert_eq!(run(&job), []);
    assert_eq!(names(&job, "archive"), ["3.json"]);
    assert_eq!(names(&job, "input"), ["0.json", "1.json", "2.json"]);
}

#[test]
fn another_file_in_the_archive_is_not_replaced() {
    let job = job(ARCHIVE);
    put(&job, "0.json", &record(0), 0);
    fs::create_dir(job.path("archive")).unwrap();
    job.write("archive/0.json", record(7));
    let warnings = run(&job);
    assert!(warnings[0].causes[0].contains("the archive has another file"), "{warnings:?}");
    assert_eq!(fs::read_to_string(job.path("archive/0.json")).unwrap(), record(7));
    assert_eq!(names(&job, "input"), ["0.json"]);
}

#[test]
fn stopped_at_any_operation_no_file_is_lost_and_the_source_is_cleaned() {
    let fresh = |more: &str| {
        let job = job(more);
        // Both in one micro-batch, so that a crash finds one file gone and one there.
        job.edit("max_files_per_trigger = 1", "max_files_per_trigger = 2");
        (0..2).for_each(|n| put(&job, &format!("x/{n}.json"), &record(n), n));
        job
    };
    for more in ["clean_source = \"delete\"", ARCHIVE] {
        let counted = Faults::none();
        run_with(&fresh(more), |stores| stores.map(|store| counted.wrap(store))).0.unwrap();
        let trace = counted.trace();
        assert!(trace.iter().any(|op| op == "delete x/1.json"));
        // What happens up to the commit is the same without cleaning.
        let commit = trace.iter().position(|op| op.starts_with("create commits/")).unwrap();
        for (operation, op) in trace.iter().enumerate().skip(commit) {
            let faults = [Fault::StopAfter, Fault::Fail, Fault::Tear];
            let faults = &faults[..if op.starts_with("write ") { 3 } else { 2 }];
            for &fault in faults {
                let job = fresh(more);
                let faults = Faults::at(operation as u64, fault);
                let (outcome, _) = run_with(&job, |stores| stores.map(|store| faults.wrap(store)));
                let context = || format!("{more}, {fault:?} at {:?}", faults.trace().last());
                assert!(fault == Fault::Fail || is_stop(&outcome.unwrap_err()), "{}", context());
                // Whoever looks now finds each file whole: in the source, in the archive, or
                // its row in the table.
                for n in 0..2 {
                    let name = format!("x/{n}.json");
                    let there = |dir: &str| {
                        let text = fs::read_to_string(job.path(dir).join(&name)).ok();
                        text.inspect(|text| assert_eq!(*text, record(n), "{}", context()))
                    };
                    let archived = there("archive").is_some();
                    if there("input").is_none() {
                        let row = ids(&job).contains(&n.to_string());
                        assert!(row && (archived || more != ARCHIVE), "{}", context());
                    }
                }
                let warnings = run(&job);
                assert_eq!(ids(&job), ["0", "1"], "{}", context());
                if fault == Fault::Fail {
                    continue;
                }
                assert_eq!(warnings, [], "{}", context());
                assert_eq!(names(&job, "input"), [""; 0], "{}", context());
                if more == ARCHIVE {
                    assert_eq!(names(&job, "archive"), ["x/0.json", "x/1.json"], "{}", context());
                }
            }
        }
    }
}
