//! More of what disturbs a run at night: a checkpoint's disk that is full, a limit on file sizes,
//! a source that is away for a while, a clock that runs backwards, connections that break. Each is tried with the real
//! program, and in the end there is the very table that an undisturbed run makes.

#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot start has failed, or says why it is skipped"
)]

mod job;
mod network;

use job::{Job, said, unshared};
use std::{fs, process::Command};

/// Expects a failure of the store: its exit code, and these words.
#[track_caller]
fn refused(done: &std::process::Output, words: &[&str]) {
    let said = said(done);
    assert_eq!(done.status.code(), Some(5), "{said}");
    assert!(said.starts_with("error: ") && said.contains("hint: "), "{said}");
    for word in words {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

/// What a test needs, or the reason why it is skipped.
fn possible<T>(tried: Result<T, String>) -> Option<T> {
    tried.map_err(|reason| eprintln!("skipped: {reason}")).ok()
}

#[test]
fn a_full_disk_under_the_checkpoint_is_told_and_nothing_is_lost() {
    let job = Job::new(2);
    job.write("late.json", Job::records(900));
    let script = "
        mount -t tmpfs -o size=1m tmpfs state
        run || exit 1
        head -c 2000000 /dev/zero > state/filler 2>/dev/null
        mv late.json input/late.json
        run; echo \"exit $?\" >&2
        rm state/filler
        run";
    let Some(done) = possible(unshared(&job, script)) else { return };
    let said = said(&done);
    assert!(said.contains("No space left on device") && said.contains("exit 5"), "{said}");
    assert!(said.contains("hint: free some space on that disk"), "{said}");
    assert_eq!(job.table(), Job::undisturbed_with_late(2, 900), "{said}");
}

#[test]
fn a_limit_on_addresses_is_told_for_what_it_is() {
    let job = Job::new(2);
    let pipeline = fs::read_to_string(job.path("pipeline.toml")).unwrap();
    let stage = "[[stage]]\nplugin = \"filter\"\nconfig = { where = \"id > 0\" }\n[sink]";
    job.write("pipeline.toml", pipeline.replace("[sink]", stage));
    let shell = format!("ulimit -v 6000000; exec {}", job.command_line());
    let done = Command::new("sh").args(["-c", &shell]).current_dir(job.path("")).output().unwrap();
    refused(&done, &["no addresses left", "ulimit -v"]);
}

#[test]
fn a_limit_on_file_sizes_is_told_and_nothing_is_lost() {
    let job = Job::new(2);
    let shell = format!("ulimit -f 1; exec {}", job.command_line());
    let done = Command::new("sh").args(["-c", &shell]).current_dir(job.path("")).output().unwrap();
    refused(&done, &["File too large", "ulimit -f"]);
    assert!(job.table().is_empty());
    assert!(job.run().status.success());
    assert_eq!(job.table(), Job::undisturbed(2));
}

#[test]
fn a_source_that_was_removed_while_running_is_waited_for() {
    let job = Job::new(2);
    let mut running = job.start();
    running.wait_for_batch(0);
    fs::rename(job.path("input"), job.path("aside")).unwrap();
    running.wait_for_look();
    fs::rename(job.path("aside"), job.path("input")).unwrap();
    job.arrive("late.json", 900);
    running.wait_for_batch(1);
    running.ask_to_stop();
    assert!(running.finish().status.success());
    assert_eq!(job.table(), Job::undisturbed_with_late(2, 900));
}

#[test]
fn a_clock_that_runs_backwards_changes_nothing() {
    let job = Job::new(2);
    let Some(library) = possible(job.backwards_clock()) else { return };
    let run = |ahead_secs: &str| {
        let mut command = job.program();
        command.env("LD_PRELOAD", &library).env("CLOCK_AHEAD_SECS", ahead_secs);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
    };
    run("86400");
    job.arrive("late.json", 900);
    // A day earlier, and ten seconds earlier with every look at the clock.
    run("0");
    assert_eq!(job.table(), Job::undisturbed_with_late(2, 900));
    let written = |batch: u64| {
        let text = fs::read_to_string(job.path(&format!("state/commits/{batch:010}.json")));
        let record: serde_json::Value = serde_json::from_str(&text.unwrap()).unwrap();
        record["written_us"].as_i64().unwrap()
    };
    assert!(written(1) < written(0), "the clock did run backwards");
}
