//! How a run is stopped: each signal more urgently than the one before, none with a loss.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start has failed")]

mod service;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Starts a run of a pipeline with this source and trigger, in this directory.
fn start(dir: &Path, source: &str, trigger: &str) -> Child {
    let text = format!(
        "[pipeline]\nname = \"p\"\n[source]\n{source}\nschema = {{ id = \"bigint\" }}\n\
         [trigger]\n{trigger}\n[checkpoint]\npath = \"state\"\n[sink]\npath = \"out\"\n"
    );
    fs::write(dir.join("pipeline.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.arg("run").arg(dir.join("pipeline.toml")).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits until the run says something, and gives it.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::with_capacity(1, child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").arg(signal).arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
}

/// Waits for the end, sending a signal again and again where one is given.
fn ended(mut child: Child, signal: Option<&str>) -> Output {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_mins(1) {
            child.kill().unwrap();
            panic!("it does not end");
        }
        if let Some(signal) = signal {
            send(&child, signal);
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn one_signal_ends_an_endless_run_after_the_micro_batch_at_hand() {
    for signal in ["-INT", "-TERM"] {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("in")).unwrap();
        fs::write(temp.path().join("in/a.json"), "{\"id\": 1}\n").unwrap();
        let mut child = start(temp.path(), "path = \"in/*.json\"", "interval = \"1h\"");
        let line = first_line(&mut child);
        assert!(line.starts_with("batch 0: 1 file"), "{line}");
        send(&child, signal);
        let output = ended(child, None);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(temp.path().join("out/part-0000000000-0000.parquet").exists());
        assert!(temp.path().join("state/commits/0000000000.json").exists());
    }
}

#[test]
fn a_third_signal_ends_a_run_that_waits_for_a_store() {
    let temp = tempfile::tempdir().unwrap();
    let endpoint = service::start(vec![service::answer("503 Slow Down", "", "")]);
    let source = format!(
        "path = \"s3://bucket/in/*.json\"\n\
         storage_options = {{ endpoint = \"{endpoint}\", anonymous = true, retry_timeout = \"1h\" }}"
    );
    let mut child = start(temp.path(), &source, "mode = \"once\"");
    let line = first_line(&mut child);
    assert!(line.starts_with("warning: cannot list"), "{line}");
    let output = ended(child, Some("-INT"));
    assert_eq!(output.status.code(), Some(130), "{output:?}");
}
