//! `lockgate chaos` as a program: what it tells, and that it touches nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::SystemTime,
};
use tempfile::TempDir;

const PIPELINE: &str = "[source]\npath = \"in/*.json\"\nschema = { id = \"bigint\" }\n\
    [checkpoint]\npath = \"state\"\n[sink]\npath = \"out\"\n";

fn pipeline() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("pipeline.toml"), PIPELINE).unwrap();
    fs::create_dir(dir.path().join("in")).unwrap();
    for file in 0..5 {
        let path = dir.path().join(format!("in/{file}.json"));
        fs::write(path, format!("{{\"id\": {file}}}\nno record\n{{\"id\": null}}\n")).unwrap();
    }
    dir
}

fn lockgate(dir: &Path, temporary: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.arg(args[0]).arg(dir.join("pipeline.toml")).args(&args[1..]);
    command.env("TMPDIR", temporary).output().unwrap()
}

/// Every file and directory with its time of change and content.
fn everything(dir: &Path) -> BTreeMap<PathBuf, (SystemTime, Option<Vec<u8>>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let (path, modified) = {
            let entry = entry.unwrap();
            (entry.path(), entry.metadata().unwrap().modified().unwrap())
        };
        if path.is_dir() {
            found.extend(everything(&path));
            found.insert(path, (modified, None));
        } else {
            let content = fs::read(&path).unwrap();
            found.insert(path, (modified, Some(content)));
        }
    }
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_pipeline_is_certified_and_nothing_of_it_is_touched() {
    let (dir, temporary) = (pipeline(), tempfile::tempdir().unwrap());
    // Something to be touched: a checkpoint and a table of an earlier run.
    let ran = lockgate(dir.path(), temporary.path(), &["run", "--once", "--no-progress"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let before = everything(dir.path());
    assert!(before.len() > 15, "{:?}", before.keys());
    let args = ["chaos", "--files", "3", "--faults", "40", "--kills", "4", "--seed", "7"];
    let tried = lockgate(dir.path(), temporary.path(), &args);
    assert_eq!(tried.status.code(), Some(0), "{}", text(&tried.stderr));
    assert_eq!(everything(dir.path()), before);
    assert_eq!(everything(temporary.path()), BTreeMap::new(), "the temporary place is removed");
    let certificate = text(&tried.stdout);
    for line in [
        "sample      the oldest 3 of 5 files",
        "table       3 micro-batches, 6 rows read, 6 written, 3 quarantined, 6 files\n",
        "injected    40 of ",
        "killed      4 child processes",
        "every table is the uninterrupted one, byte for byte\n",
    ] {
        assert!(certificate.contains(line), "`{line}`: {certificate}");
    }
    assert!(text(&tried.stderr).contains("injecting faults (40)\n"), "{}", text(&tried.stderr));
}

#[test]
fn one_fault_can_be_tried_again_and_what_is_none_is_refused() {
    let (dir, temporary) = (pipeline(), tempfile::tempdir().unwrap());
    let only = |trial: &str| {
        lockgate(dir.path(), temporary.path(), &["chaos", "--files", "2", "--only", trial])
    };
    let tried = only("multipart:stop-after:20");
    assert_eq!(tried.status.code(), Some(0), "{}", text(&tried.stderr));
    assert!(text(&tried.stdout).contains("injected    1 of "), "{}", text(&tried.stdout));
    let refused = only("multipart:stop-after");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("number of an operation"), "{}", text(&refused.stderr));
}

#[test]
fn a_source_without_files_says_so() {
    let (dir, temporary) = (pipeline(), tempfile::tempdir().unwrap());
    for file in 0..5 {
        fs::remove_file(dir.path().join(format!("in/{file}.json"))).unwrap();
    }
    let refused = lockgate(dir.path(), temporary.path(), &["chaos"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("\nerror: no files match"), "{}", text(&refused.stderr));
}
