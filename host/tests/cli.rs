//! The command line as a program: what goes where, and with which exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::{
    fs,
    process::{Command, Output, Stdio},
};

fn lockgate(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(args).stdin(Stdio::null()).env_remove("NO_COLOR").env("TERM", "xterm");
    command
}

fn output(args: &[&str]) -> Output {
    lockgate(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A pipeline file in a directory of its own.
fn pipeline(content: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipeline.toml");
    fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

const GOOD: &str = "[source]\npath = \"in/*.json\"\nschema = { id = \"bigint\" }\n\
                    [checkpoint]\npath = \"state\"\n[sink]\npath = \"out\"\n";

#[test]
fn help_is_data_and_documents_every_exit_code() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let shown = text(&help.stdout);
    for code in ["0  done", "1  ", "2  ", "3  ", "4  ", "5  ", "130  interrupted"] {
        assert!(shown.contains(code), "{code}: {shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
}

#[test]
fn a_command_line_that_is_none_exits_with_2() {
    for args in [&[][..], &["chek"], &["check"], &["check", "a", "b"], &["completions", "dos"]] {
        let refused = output(args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{args:?}");
    }
    assert!(text(&output(&["chek"]).stderr).contains("'check'"));
}

#[test]
fn schemas_are_data_and_mistakes_are_talk() {
    let (_directory, path) = pipeline(GOOD);
    let checked = output(&["check", &path]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    assert!(text(&checked.stdout).starts_with("source\n  id: bigint\n"));

    let (_directory, path) = pipeline(&GOOD.replace("[sink]", "[snik]"));
    let refused = output(&["check", &path]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty());
    let said = text(&refused.stderr);
    assert!(said.starts_with("error: unknown table `snik`\n"), "{said}");
    assert!(
        said.contains("pipeline.toml:6:2") && said.contains("hint: did you mean `sink`?"),
        "{said}"
    );
}

#[test]
fn colour_is_for_terminals_or_on_request() {
    let (_directory, path) = pipeline("zebra = 1");
    let plain = output(&["check", &path]);
    assert!(!text(&plain.stderr).contains('\x1b'));
    let coloured = output(&["check", &path, "--color", "always"]);
    assert!(text(&coloured.stderr).contains("\x1b[1;31merror\x1b[0m"));
}

#[test]
fn the_schema_is_json_schema_and_accepts_a_good_file() {
    let schema = serde_json::from_slice(&output(&["schema"]).stdout).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let good: serde_json::Value = toml::from_str(GOOD).unwrap();
    assert!(validator.is_valid(&good), "{:?}", validator.iter_errors(&good).collect::<Vec<_>>());
    let bad: serde_json::Value = toml::from_str(&GOOD.replace("[sink]", "[snik]")).unwrap();
    assert!(!validator.is_valid(&bad));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = output(&["completions", shell]);
        assert_eq!(script.status.code(), Some(0), "{shell}");
        assert!(text(&script.stdout).contains("lockgate"), "{shell}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = lockgate(&["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""));
}

#[test]
fn records_that_have_nothing_to_explode_are_counted() {
    let exploding = GOOD
        .replace("{ id = \"bigint\" }", "{ id = \"bigint\", xs = [\"bigint\"] }")
        .replace("[sink]", "[[stage]]\nplugin = \"explode\"\nconfig = { column = \"xs\" }\n[sink]");
    let (directory, path) = pipeline(&exploding);
    fs::create_dir(directory.path().join("in")).unwrap();
    let records =
        "{\"id\":1,\"xs\":[1,2,3]}\n{\"id\":2}\n{\"id\":3,\"xs\":[]}\n{\"id\":4,\"xs\":[4]}\n";
    fs::write(directory.path().join("in/a.json"), records).unwrap();
    let done = output(&["run", &path, "--once", "--progress-json", "-"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let record: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let stage = &record["stages"][0];
    let rows = ["numInputRows", "numOutputRows", "numFilteredRows"].map(|key| stage[key].as_u64());
    assert_eq!(rows, [Some(4), Some(4), Some(2)], "{stage}");
}

#[test]
fn a_run_gives_one_record_per_micro_batch_and_says_when_there_is_nothing_to_do() {
    let (directory, path) = pipeline(GOOD);
    let mistyped = output(&["run", &path, "--once"]);
    assert_eq!(mistyped.status.code(), Some(0));
    assert!(text(&mistyped.stderr).starts_with("there is no `"), "{}", text(&mistyped.stderr));
    fs::create_dir(directory.path().join("in")).unwrap();
    fs::write(directory.path().join("in/a.json"), "{\"id\": 1}\n{\"id\": 2}\n").unwrap();
    let first = output(&["run", &path, "--available-now", "--progress-json", "-"]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    let record: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!((&record["batchId"], &record["sink"]["numOutputRows"]), (&0.into(), &2.into()));
    assert!(text(&first.stderr).starts_with("batch 0: 1 file, "), "{}", text(&first.stderr));

    let second = output(&["run", &path, "--once"]);
    assert_eq!(second.status.code(), Some(0));
    assert!(text(&second.stderr).starts_with("no new files match `*.json`"));
    let quiet = output(&["run", &path, "--once", "--no-progress"]);
    assert_eq!((quiet.status.code(), text(&quiet.stderr).as_str()), (Some(0), ""));
}

#[test]
fn an_endless_run_ends_well_when_it_is_asked_to() {
    let (_directory, path) = pipeline(GOOD);
    let mut child =
        lockgate(&["run", &path, "--no-progress"]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(asked.success() && child.try_wait().unwrap().is_none_or(|status| status.success()));
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(0));
    assert!(text(&done.stderr).starts_with("finishing the micro-batch at hand"), "{done:?}");
}

#[test]
fn explain_says_what_the_pipeline_will_do() {
    let (_directory, path) = pipeline(GOOD);
    let explained = output(&["explain", &path]);
    assert_eq!(explained.status.code(), Some(0), "{}", text(&explained.stderr));
    let shown = text(&explained.stdout);
    assert!(shown.contains(": a micro-batch every 10s\nsource\n"), "{shown}");
    assert!(shown.contains("compression zstd"), "{shown}");
}

#[test]
fn stages_are_measured_on_the_pipelines_own_data_and_nothing_is_written() {
    let content = GOOD
        .replace("{ id = \"bigint\" }", "{ id = \"bigint\", list = \"array<double>\" }")
        .replace(
            "[checkpoint]",
            "[[stage]]\nplugin = \"explode\"\nconfig = { column = \"list\" }\n\
                  [[stage]]\nplugin = \"filter\"\nconfig = { where = \"list > 1\" }\n[checkpoint]",
        );
    let (directory, path) = pipeline(&content);
    let empty = output(&["explain", "--measure", &path]);
    assert_eq!(empty.status.code(), Some(2), "{}", text(&empty.stderr));
    assert!(text(&empty.stderr).contains("no files match `*.json`"), "{}", text(&empty.stderr));

    fs::create_dir(directory.path().join("in")).unwrap();
    let record = "{\"id\": 1, \"list\": [0.5, 1.5, 2.5, null]}\n";
    fs::write(directory.path().join("in/a.json"), record.repeat(1_000)).unwrap();
    let measured = output(&["explain", "--measure", "--json", &path]);
    assert_eq!(measured.status.code(), Some(0), "{}", text(&measured.stderr));
    let report: serde_json::Value = serde_json::from_str(&text(&measured.stdout)).unwrap();
    assert_eq!((&report["records"], &report["files"]), (&1_000.into(), &1.into()));
    let [explode, filter] = report["stages"].as_array().unwrap().as_slice() else {
        panic!("{report}");
    };
    assert_eq!((&explode["calls"], &explode["rows"]), (&0.into(), &4_000.into()));
    assert_eq!((&filter["calls"], &filter["rows"]), (&1.into(), &4_000.into()));
    // The values and their validity, and a bit for each row back.
    assert_eq!((&filter["bytes_in"], &filter["bytes_out"]), (&32_500.into(), &500.into()));
    for part in ["kernel_ns", "boundary_ns"] {
        assert!(filter[part].as_u64().unwrap() > 0, "{part}: {report}");
    }
    let shown = text(&output(&["explain", "--measure", &path]).stdout);
    assert!(shown.contains("\nfilter ") && shown.contains("boundary"), "{shown}");
    let left: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_sample_is_full_of_rejected_records_too() {
    let (directory, path) = pipeline(GOOD);
    fs::create_dir(directory.path().join("in")).unwrap();
    let lines = "{\"id\": 1}\n".to_owned() + &"{\"id\": x}\n".repeat(150_000);
    for name in ["a", "b", "c"] {
        fs::write(directory.path().join(format!("in/{name}.json")), &lines).unwrap();
    }
    let measured = output(&["explain", "--measure", "--json", "--sample", "1 MB", &path]);
    assert_eq!(measured.status.code(), Some(0), "{}", text(&measured.stderr));
    let report: serde_json::Value = serde_json::from_str(&text(&measured.stdout)).unwrap();
    assert_eq!((&report["records"], &report["files"]), (&1.into(), &1.into()), "{report}");
}

#[test]
fn a_plugin_is_measured_on_made_up_rows_and_on_those_of_a_file() {
    let filter = |more: &[&str]| {
        let config = ["--config", "{\"where\": \"a > 0\"}", "--schema", "{\"a\": \"bigint\"}"];
        output(&[&["plugin", "bench", "filter", "--rows", "1,500"], &config[..], more].concat())
    };
    let made = filter(&["--json"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let report: serde_json::Value = serde_json::from_str(&text(&made.stdout)).unwrap();
    assert_eq!((&report["made_up"], &report["plugin"]), (&true.into(), &"filter".into()));
    let [one, many] = report["sizes"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&one["rows"], &many["rows"]), (&1.into(), &500.into()));
    for size in [one, many] {
        for part in ["kernel_ns", "boundary_ns", "memory_bytes", "bytes_in"] {
            assert!(size[part].as_u64().unwrap() > 0, "{part}: {report}");
        }
    }
    let shown = text(&filter(&[]).stdout);
    assert!(shown.contains("rows are made up") && shown.contains("a call costs"), "{shown}");

    let directory = tempfile::tempdir().unwrap();
    let rows = directory.path().join("rows.jsonl");
    fs::write(&rows, "{\"a\": 1}\n\n{\"a\": null}\n").unwrap();
    let given = filter(&["--json", "--input", rows.to_str().unwrap()]);
    assert!(text(&given.stdout).contains("\"made_up\": false"), "{}", text(&given.stderr));

    fs::write(&rows, "{\"a\": 1}\n{").unwrap();
    let refused = filter(&["--input", rows.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("rows.jsonl` at line 2"), "{}", text(&refused.stderr));

    let nothing = output(&["plugin", "bench", "filter"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("hint: give `--config` and `--schema`"));
}
