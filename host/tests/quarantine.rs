//! `lockgate quarantine` as a program: what is printed where, and with which exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

fn lockgate(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.current_dir(directory).args(args).stdin(Stdio::null()).env("NO_COLOR", "1");
    command.output().unwrap()
}

#[track_caller]
fn done(directory: &Path, args: &[&str]) -> (String, String) {
    let output = lockgate(directory, args);
    let (data, talk) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{args:?}: {talk}");
    (data, talk)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const PIPELINE: &str = "[source]\npath = \"in/*.json\"\nschema = { id = \"bigint\" }\n\
     on_type_conflict = \"quarantine\"\n[checkpoint]\npath = \"state\"\n[sink]\npath = \"out\"\n\
     [quarantine]\nmax_rate = 1.0\n";

/// A pipeline that ran over two good records and two bad ones.
fn job() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("p.toml"), PIPELINE).unwrap();
    fs::create_dir(directory.path().join("in")).unwrap();
    let input = "{\"id\": 1}\n{\"id\": two}\n{\"id\": \"three\"}\n{\"id\": 4}\n";
    fs::write(directory.path().join("in/a.json"), input).unwrap();
    directory
}

#[test]
fn a_run_that_rejects_says_once_how_to_look_into_it() {
    let job = job();
    fs::write(job.path().join("in/b.json"), "{\"id\": five}\n").unwrap();
    let pipeline = PIPELINE.replace("[checkpoint]", "max_files_per_trigger = 1\n[checkpoint]");
    fs::write(job.path().join("p.toml"), pipeline).unwrap();
    let (_, talk) = done(job.path(), &["run", "p.toml", "--available-now"]);
    let hint = "what was rejected and why: lockgate quarantine list p.toml";
    assert_eq!(talk.matches(hint).count(), 1, "{talk}");
    let (status, _) = done(job.path(), &["status", "p.toml"]);
    assert!(status.contains("see `lockgate quarantine list p.toml`"), "{status}");
}

#[test]
fn reasons_are_counted_with_an_example_and_whether_they_are_put_back() {
    let job = job();
    let (nothing, talk) = done(job.path(), &["quarantine", "list", "p.toml"]);
    assert!(nothing.is_empty() && talk.starts_with("no rejected records in "), "{talk}");
    done(job.path(), &["run", "p.toml", "--once"]);
    let (table, talk) = done(job.path(), &["quarantine", "list", "p.toml"]);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert_eq!(lines[0], "batch  stage   code            records  replayed  first");
    for (line, start) in [
        (
            lines[1],
            "    0  source  malformed-json        1        no  line 1: a.json at byte 10: exp",
        ),
        (
            lines[2],
            "    0  source  type-conflict         1        no  line 2: a.json at byte 22: `id`",
        ),
    ] {
        assert!(line.starts_with(start), "{line}");
    }
    assert!(talk.contains("lockgate quarantine replay p.toml --dry-run"), "{talk}");
    done(job.path(), &["quarantine", "replay", "p.toml", "--code", "type-conflict"]);
    let (json, _) = done(job.path(), &["quarantine", "list", "p.toml", "--json", "--batch", "0"]);
    let reasons: Vec<Value> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counts: Vec<_> =
        reasons.iter().map(|reason| (&reason["records"], &reason["replayed"])).collect();
    assert_eq!(counts, [(&1.into(), &0.into()), (&1.into(), &1.into())]);
}

#[test]
fn records_are_shown_repaired_and_put_back_once() {
    let job = job();
    done(job.path(), &["run", "p.toml", "--once"]);
    let (shown, _) = done(job.path(), &["quarantine", "show", "p.toml"]);
    let records: Vec<Value> =
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 2);
    for (line, record) in (1..).zip(&records) {
        assert_eq!((&record["batch"], &record["line"]), (&0.into(), &line.into()));
        assert_eq!(record["replayed"], false);
    }
    let (one, _) = done(job.path(), &["quarantine", "show", "p.toml", "--limit", "1"]);
    assert_eq!(shown.lines().next(), one.strip_suffix('\n'));
    let (other, _) = done(job.path(), &["quarantine", "show", "p.toml", "--code", "type-conflict"]);
    assert_eq!(shown.lines().nth(1), other.strip_suffix('\n'));

    let repaired = shown.replace("two", "2").replace("\\\"three\\\"", "3");
    fs::write(job.path().join("repaired.jsonl"), repaired).unwrap();
    let replay = ["quarantine", "replay", "p.toml", "--from", "repaired.jsonl"];
    let (would, _) = done(job.path(), &[&replay[..], &["--dry-run"]].concat());
    assert_eq!(
        would,
        "would put back 2 records\n  1 rejected by `source` as `malformed-json`\n  \
         1 rejected by `source` as `type-conflict`\n"
    );
    let (put_back, talk) = done(job.path(), &replay);
    assert_eq!(put_back, "put back 2 records in micro-batch 1: 2 rows written, 0 rejected again\n");
    assert!(talk.starts_with("batch 1: 2 records put back, "), "{talk}");
    let (again, _) = done(job.path(), &replay);
    assert_eq!(again, "put back 0 records\nput back before: 2 records\n");
    let (shown, _) = done(job.path(), &["quarantine", "show", "p.toml"]);
    assert_eq!(shown.matches("\"replayed\":true").count(), 2, "{shown}");
}

#[test]
fn what_is_rejected_again_is_said_with_the_place_to_look() {
    let job = job();
    done(job.path(), &["run", "p.toml", "--once"]);
    let (put_back, talk) = done(job.path(), &["quarantine", "replay", "p.toml"]);
    assert_eq!(put_back, "put back 2 records in micro-batch 1: 0 rows written, 2 rejected again\n");
    assert!(talk.contains("lockgate quarantine show p.toml --batch 1"), "{talk}");
}

#[test]
fn a_line_that_is_none_exits_with_2_and_names_it() {
    let job = job();
    done(job.path(), &["run", "p.toml", "--once"]);
    fs::write(job.path().join("repaired.jsonl"), "{\"id\": 2}\n").unwrap();
    let refused =
        lockgate(job.path(), &["quarantine", "replay", "p.toml", "--from", "repaired.jsonl"]);
    assert_eq!(refused.status.code(), Some(2));
    let talk = text(&refused.stderr);
    assert!(talk.contains("line 1 of `repaired.jsonl` is no line of `quarantine show`"), "{talk}");
    let missing = lockgate(job.path(), &["quarantine", "replay", "p.toml", "--from", "none"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn help_shows_how_a_repair_goes() {
    let output = lockgate(Path::new("."), &["quarantine", "--help"]);
    let help = text(&output.stdout);
    assert!(
        help.contains("lockgate quarantine replay pipeline.toml --from repaired.jsonl"),
        "{help}"
    );
    for verb in ["list", "show", "replay"] {
        let output = lockgate(Path::new("."), &["quarantine", verb, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("--batch <N>"), "{verb}");
    }
}

#[test]
fn a_file_that_was_cut_and_mended_is_read_on_once_and_nothing_is_said_against_it() {
    let job = job();
    let file = job.path().join("in/a.json");
    let lines: Vec<_> = (0..6).map(|id| format!("{{\"id\": {id}}}\n")).collect();
    let whole = lines.concat();
    fs::write(&file, &whole[..whole.len() / 2 - 4]).unwrap();
    let (_, talk) = done(job.path(), &["run", "p.toml", "--available-now"]);
    assert!(talk.contains("1 quarantined"), "{talk}");
    let (data, talk) = done(job.path(), &["quarantine", "replay", "p.toml"]);
    assert!((data + &talk).contains("it still ends within this record"), "{talk}");
    fs::write(&file, &whole).unwrap();
    let rows = |talk: &str| {
        let parts = talk.split(" rows in, ").nth(1).unwrap();
        parts.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let (_, first) = done(job.path(), &["quarantine", "replay", "p.toml"]);
    assert_eq!(rows(&first), 6 - 2, "{first}");
    let (_, again) = done(job.path(), &["quarantine", "replay", "p.toml"]);
    assert!(!again.contains("rows in"), "{again}");
    let (_, talk) = done(job.path(), &["run", "p.toml", "--available-now"]);
    assert!(!talk.contains("changed"), "{talk}");
}
