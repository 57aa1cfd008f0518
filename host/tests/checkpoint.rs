//! `lockgate checkpoint` and `lockgate why` as programs: what is printed, and with which exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use serde_json::Value;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fmt::Debug,
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    process::{Command, Output, Stdio},
};

fn lockgate(directory: &Path, args: &[impl AsRef<OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.current_dir(directory).args(args).stdin(Stdio::null()).env("NO_COLOR", "1");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn ends(directory: &Path, args: &[impl AsRef<OsStr> + Debug], code: i32) -> (String, String) {
    let output = lockgate(directory, args);
    let (data, talk) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {data}{talk}");
    (data, talk)
}

#[track_caller]
fn done(directory: &Path, args: &[impl AsRef<OsStr> + Debug]) -> String {
    ends(directory, args, 0).0
}

const PIPELINE: &str = "[pipeline]\nname = \"payments\"\n\
     [source]\npath = \"in/*.json\"\nschema = { id = \"bigint\" }\nmax_files_per_trigger = 1\n\
     [checkpoint]\npath = \"state\"\n[sink]\npath = \"out\"\n[quarantine]\nmax_rate = 1.0\n";

/// A pipeline that ran over three files in three micro-batches; the second has a bad record.
fn job() -> tempfile::TempDir {
    let job = tempfile::tempdir().unwrap();
    fs::write(job.path().join("p.toml"), PIPELINE).unwrap();
    fs::create_dir(job.path().join("in")).unwrap();
    for (id, name) in ["a", "b", "c"].iter().enumerate() {
        let bad = if id == 1 { "{\"id\": oops}\n" } else { "" };
        let path = job.path().join(format!("in/{name}.json"));
        fs::write(&path, format!("{{\"id\": {id}}}\n{bad}")).unwrap();
        // One after the other, whatever the clock says.
        let time =
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 + id as u64);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }
    done(job.path(), &["run", "p.toml", "--available-now"]);
    job
}

/// Every file of the table, pending ones and the quarantine included.
fn table(job: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(dir: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.insert(path.to_str().unwrap().into(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&job.join("out"), &mut found);
    found
}

const PART: &str = "part-0000000001-0000.parquet";

#[test]
fn what_is_remembered_is_shown_with_what_a_start_would_do() {
    let job = job();
    let shown = done(job.path(), &["checkpoint", "inspect", "p.toml"]);
    for line in [
        "offsets     micro-batches 0 to 2",
        "commits     micro-batches 0 to 2",
        "consumed    3 files in 0 segments (0 B)",
        "next start  publishes micro-batch 2 again, begins 3",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    assert!(shown.contains("1 file, 1 rows in, 1 out to 1 file, 1 quarantined\n"), "{shown}");
    let batch = done(job.path(), &["checkpoint", "inspect", "p.toml", "--batch", "1"]);
    assert!(batch.contains("\n  b.json (") && batch.contains(PART), "{batch}");
    let json = done(job.path(), &["checkpoint", "inspect", "p.toml", "--batch", "1", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["offsets"]["files"][0]["path"], "b.json");
    assert_eq!(json["commit"]["rows_written"], 1);
    let json = done(job.path(), &["checkpoint", "inspect", "p.toml", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["consumed_files"], &json["commits"]),
        (&3.into(), &serde_json::json!([0, 2]))
    );
    let (_, refused) = ends(job.path(), &["checkpoint", "inspect", "p.toml", "--batch", "9"], 2);
    assert!(refused.contains("hint: micro-batches 0 to 2 are recorded"), "{refused}");
}

#[test]
fn a_pipeline_that_never_ran_has_nothing_to_show_and_nothing_wrong() {
    let job = tempfile::tempdir().unwrap();
    fs::write(job.path().join("p.toml"), PIPELINE).unwrap();
    let shown = done(job.path(), &["checkpoint", "inspect", "p.toml"]);
    assert!(shown.contains("next start  begins micro-batch 0"), "{shown}");
    done(job.path(), &["checkpoint", "verify", "p.toml"]);
    let (_, refused) = ends(job.path(), &["checkpoint", "rewind", "p.toml", "--to", "0"], 2);
    assert!(refused.contains("there is nothing to undo"), "{refused}");
}

#[test]
fn what_is_wrong_is_found_with_what_it_means_and_what_to_do() {
    let job = job();
    let (whole, talk) = ends(job.path(), &["checkpoint", "verify", "p.toml"], 0);
    assert!(whole.starts_with("whole: 3 micro-batches, 0 segments, "), "{whole}");
    assert!(whole.contains("4 files of the table") && talk.is_empty(), "{whole}{talk}");
    fs::remove_file(job.path().join("out").join(PART)).unwrap();
    let (found, talk) = ends(job.path(), &["checkpoint", "verify", "p.toml"], 5);
    assert!(found.contains("1 finding, told on standard error"), "{found}");
    assert!(talk.contains(&format!("{PART}` is gone")) && talk.contains("hint: "), "{talk}");
    let allowed = done(job.path(), &["checkpoint", "verify", "p.toml", "--allow-missing"]);
    assert!(allowed.contains("deleted on purpose: 1 file\n"), "{allowed}");
}

#[test]
fn a_rewind_says_first_what_it_would_undo_and_the_next_run_does_it_again() {
    let job = job();
    let before = table(job.path());
    let to_0 = ["checkpoint", "rewind", "p.toml", "--to", "0"];
    let (would, talk) = ends(job.path(), &to_0, 0);
    assert!(would.starts_with("would undo micro-batches 1 to 2\n"), "{would}");
    for part in [PART, "  b.json\n  c.json\n", "deleted from the quarantine", "2 rows"] {
        assert!(would.contains(part), "{part}: {would}");
    }
    assert!(talk.contains("say --yes"), "{talk}");
    assert_eq!(table(job.path()), before, "nothing was changed");
    let (undid, talk) = ends(job.path(), &[&to_0[..], &["--yes"]].concat(), 0);
    assert_eq!(undid, would.replace("would undo", "undid"));
    assert!(talk.contains("the next run begins micro-batch 1"), "{talk}");
    let visible = |files: BTreeMap<String, Vec<u8>>| {
        files.into_keys().filter(|path| path.ends_with(".parquet")).count()
    };
    assert_eq!(visible(table(job.path())), 1);
    done(job.path(), &["checkpoint", "verify", "p.toml"]);
    done(job.path(), &["run", "p.toml", "--available-now"]);
    assert_eq!(table(job.path()), before);
    ends(job.path(), &["checkpoint", "rewind", "p.toml", "--to", "2", "--yes"], 2);
}

#[test]
fn a_rewind_that_did_not_finish_is_told_and_finished_by_the_next_start() {
    let job = job();
    let before = table(job.path());
    let intent = "{\"format\":1,\"to\":0,\"from\":2,\"runner\":{\"host\":\"north\",\"pid\":77,\
                  \"started_us\":0},\"written_us\":0}\n";
    fs::write(job.path().join("state/rewind.json"), intent).unwrap();
    let status = done(job.path(), &["status", "p.toml"]);
    assert!(status.contains("is on its way back to micro-batch 0"), "{status}");
    let shown = done(job.path(), &["checkpoint", "inspect", "p.toml"]);
    assert!(shown.contains("next start  finishes the rewind\n"), "{shown}");
    ends(job.path(), &["checkpoint", "verify", "p.toml"], 5);
    ends(job.path(), &["quarantine", "replay", "p.toml", "--dry-run"], 5);
    assert_eq!(table(job.path()), before, "looking finishes nothing");
    let (_, talk) = ends(job.path(), &["run", "p.toml", "--available-now"], 0);
    assert!(talk.contains("finished the rewind to micro-batch 0 before anything else"), "{talk}");
    assert!(talk.contains("process 77 on host `north`"), "{talk}");
    assert_eq!(talk.matches("rows in").count(), 2, "both micro-batches are done again: {talk}");
    assert_eq!(table(job.path()), before);
    done(job.path(), &["checkpoint", "verify", "p.toml"]);
}

#[test]
fn a_rewind_that_would_lose_inputs_is_refused_unless_told_otherwise() {
    let job = job();
    let before = table(job.path());
    fs::remove_file(job.path().join("in/c.json")).unwrap();
    for yes in [&[][..], &["--yes"]] {
        let args = [&["checkpoint", "rewind", "p.toml", "--to", "1"], yes].concat();
        let (_, talk) = ends(job.path(), &args, 3);
        assert!(
            talk.contains("`c.json` is gone") && talk.contains("--allow-lost-inputs"),
            "{talk}"
        );
        assert_eq!(table(job.path()), before);
    }
    let args = ["checkpoint", "rewind", "p.toml", "--to", "1", "--yes", "--allow-lost-inputs"];
    assert!(done(job.path(), &args).contains("they are gone"));
    done(job.path(), &["run", "p.toml", "--available-now"]);
    assert_eq!(table(job.path()).keys().filter(|path| path.ends_with(".parquet")).count(), 2);
}

#[test]
fn records_put_back_wait_again_after_a_rewind() {
    let job = job();
    fs::write(
        job.path().join("fix.jsonl"),
        "{\"batch\":1,\"line\":1,\"record\":\"{\\\"id\\\": 9}\"}",
    )
    .unwrap();
    let replay = ["quarantine", "replay", "p.toml", "--from", "fix.jsonl"];
    let put_back = done(job.path(), &replay);
    assert!(
        put_back.starts_with("put back 1 record in micro-batch 3: 1 rows written"),
        "{put_back}"
    );
    let with = table(job.path());
    let undid = done(job.path(), &["checkpoint", "rewind", "p.toml", "--to", "2", "--yes"]);
    assert!(undid.contains("rejected records put back, which will wait again: 1\n"), "{undid}");
    assert!(done(job.path(), &replay).starts_with("put back 1 record in micro-batch 3"));
    assert_eq!(table(job.path()), with);
}

#[test]
fn pruning_says_first_what_would_go() {
    let job = job();
    let nothing = done(job.path(), &["checkpoint", "prune", "p.toml", "--older-than", "30d"]);
    assert_eq!(nothing, "nothing is old enough to be dropped\n");
    done(job.path(), &["checkpoint", "prune", "p.toml", "--older-than", "1ms", "--yes"]);
    done(job.path(), &["checkpoint", "verify", "p.toml"]);
    ends(job.path(), &["checkpoint", "prune", "p.toml", "--older-than", "soon"], 2);
}

#[test]
fn a_file_of_the_table_tells_where_it_came_from() {
    let job = job();
    let part = format!("out/{PART}");
    let alone = done(job.path(), &["why", &part]);
    for line in ["batch       1", "pipeline    payments", "  b.json"] {
        assert!(alone.lines().any(|shown| shown == line), "{line}: {alone}");
    }
    let with = done(job.path(), &["why", &part, "--pipeline", "p.toml"]);
    assert!(with.contains("by          process ") && with.contains("\n  b.json\n"), "{with}");
    assert_eq!(with, done(job.path(), &["why", PART, "--pipeline", "p.toml"]));
    fs::copy(job.path().join(&part), job.path().join("out/part-0000000002-0009.parquet")).unwrap();
    let stray = ["why", "out/part-0000000002-0009.parquet", "--pipeline", "p.toml"];
    assert!(done(job.path(), &stray).contains("none that is still recorded names this file"));
    ends(job.path(), &["why", "none.parquet"], 2);
    ends(job.path(), &["why", "in/a.json"], 3);
}

#[test]
fn an_input_file_tells_what_came_of_it_or_why_nothing_did() {
    let job = job();
    let why = |file: &str| done(job.path(), &["why", file, "--pipeline", "p.toml"]);
    let read = why("in/b.json");
    for part in ["micro-batch 1\n", PART, "quarantined 1 of its records", "--batch 1"] {
        assert!(read.contains(part), "{part}: {read}");
    }
    assert_eq!(read, why("b.json"));
    for (name, words) in [
        ("new.json", "it is new: the next run reads it"),
        ("note.txt", "it does not match `*.json`"),
        ("_tmp.json", "starts with `_` or `.`"),
    ] {
        fs::write(job.path().join("in").join(name), "{\"id\": 7}\n").unwrap();
        let shown = why(&format!("in/{name}"));
        assert!(shown.contains(words), "{name}: {shown}");
    }
    // A name in Latin-1, which also holds what a terminal obeys.
    let odd = OsStr::from_bytes(b"in/caf\xe9\x1b[2J.json");
    fs::write(job.path().join(odd), "{\"id\": 7}\n").unwrap();
    let shown = done(job.path(), &["why".as_ref(), odd, "--pipeline".as_ref(), "p.toml".as_ref()]);
    assert!(shown.contains("caf\u{fffd}\u{fffd}e9\u{fffd}[2J.json"), "{shown}");
    assert!(shown.contains("it is new: the next run reads it"), "{shown}");
    fs::write(job.path().join("in/a.json"), "{\"id\": 77}\n").unwrap();
    assert!(why("in/a.json").contains("changed     since it was read"));
    let old = job.path().join("in/old.json");
    fs::write(&old, "{\"id\": 8}\n").unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
    fs::File::options().write(true).open(&old).unwrap().set_modified(time).unwrap();
    let aged = PIPELINE.replace("[checkpoint]", "max_file_age = \"1d\"\n[checkpoint]");
    fs::write(job.path().join("p.toml"), aged).unwrap();
    assert!(why("in/old.json").contains("`max_file_age` is 1d"), "{}", why("in/old.json"));
    ends(job.path(), &["why", "in/none.json", "--pipeline", "p.toml"], 2);
}

#[test]
fn every_verb_has_an_example() {
    for verb in ["inspect", "verify", "prune", "rewind"] {
        let help = done(Path::new("."), &["checkpoint", verb, "--help"]);
        assert!(help.contains("The pipeline file"), "{help}");
    }
    assert!(done(Path::new("."), &["checkpoint", "--help"]).contains("--to 11"));
    assert!(done(Path::new("."), &["why", "--help"]).contains("--pipeline pipeline.toml"));
}

/// What `status` gives as the problem, and the message of a run.
fn problem_and_refusal(job: &Path) -> (Value, String) {
    let status: Value = serde_json::from_str(&done(job, &["status", "p.toml", "--json"])).unwrap();
    let run = lockgate(job, &["run", "p.toml", "--available-now"]);
    let first = text(&run.stderr).lines().next().unwrap_or_default().to_owned();
    assert_eq!(status["problem"].is_null(), run.status.success(), "{first}");
    (status["problem"].clone(), first)
}

#[test]
fn status_says_why_a_run_would_not_start() {
    type Harm = fn(&Path);
    let cases: [(&str, Harm); 4] = [
        ("is not the table that this checkpoint belongs to", |job| {
            fs::rename(job.join("out"), job.join("away")).unwrap();
        }),
        ("belongs to an earlier checkpoint of pipeline `payments`", |job| {
            fs::rename(job.join("state"), job.join("away")).unwrap();
        }),
        ("has no `pipeline.json`", |job| {
            fs::remove_file(job.join("state/pipeline.json")).unwrap();
        }),
        ("changed after micro-batch 2 recorded it", |job| {
            fs::remove_file(job.join("state/commits/0000000002.json")).unwrap();
            fs::write(job.join("in/c.json"), "{\"id\": 33}\n").unwrap();
        }),
    ];
    for (words, harm) in cases {
        let job = job();
        assert_eq!(problem_and_refusal(job.path()).0, Value::Null);
        harm(job.path());
        let (problem, refusal) = problem_and_refusal(job.path());
        let problem = problem.as_str().unwrap();
        assert!(problem.contains(words), "{words}: {problem}");
        let refusal = refusal.strip_prefix("error: ").unwrap();
        assert!(problem.starts_with(refusal), "{problem}, but {refusal}");
        let shown = done(job.path(), &["status", "p.toml"]);
        assert!(shown.contains(&format!("problem     {problem}\nhint        ")), "{shown}");
    }
}

#[test]
fn a_lost_checkpoint_is_not_replaced_by_an_empty_one() {
    let job = job();
    let (state, away) = (job.path().join("state"), job.path().join("away"));
    fs::rename(&state, &away).unwrap();
    let (_, refusal) = ends(job.path(), &["run", "p.toml", "--available-now"], 2);
    assert!(
        refusal.contains("put back the checkpoint that the table was written with"),
        "{refusal}"
    );
    for verb in ["verify", "prune --older-than 1s --yes", "rewind --to 0 --yes"] {
        let (verb, options) = verb.split_once(' ').unwrap_or((verb, ""));
        let args = ["checkpoint", verb, "p.toml"].into_iter().chain(options.split_whitespace());
        let (_, refusal) = ends(job.path(), &args.collect::<Vec<_>>(), 2);
        assert!(refusal.contains("belongs to an earlier checkpoint"), "{verb}: {refusal}");
    }
    assert!(!state.exists());
    fs::rename(&away, &state).unwrap();
    done(job.path(), &["run", "p.toml", "--available-now"]);
}
