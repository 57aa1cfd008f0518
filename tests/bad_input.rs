//! What bad input gets: the stream goes on where it can, nothing is lost, and the message says
//! what, where and what next.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use lockgate::diagnostic::Kind;
use lockgate_tests::Job;
use std::{fs, io::Write, os::unix::fs::PermissionsExt};

const PIPELINE: &str = r#"
[pipeline]
name = "events"

[source]
path = "input/*"

[source.schema]
id = "bigint"
at = "timestamp"
note = "string"
Records = "array<struct<id: bigint, name: string>>"

[checkpoint]
path = "state"

[sink]
path = "table"
partition_by = ["date"]

[sink.derive]
date = "date(at)"

[quarantine]
max_rate = 1.0
"#;

const GOOD: &str = "{\"id\": 1, \"at\": \"2026-03-01T00:00:00Z\"}\n";

fn job(name: &str, content: impl AsRef<[u8]>) -> Job {
    let job = Job::new(PIPELINE);
    job.write("input/0-good.json", GOOD);
    job.write(&format!("input/{name}"), content);
    job.write("input/z-good.json", GOOD.replace("\"id\": 1", "\"id\": 2"));
    job
}

/// Runs, expects both good files' rows, and gives the codes in the quarantine.
#[track_caller]
fn codes(job: &Job, rows: usize) -> Vec<String> {
    job.run().unwrap();
    assert_eq!(job.table().rows(), rows, "{:?}", job.quarantine());
    let quarantine = job.quarantine();
    for entry in &quarantine {
        for key in ["stage", "code", "message", "file"] {
            assert!(entry[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {entry}");
        }
        assert!(entry["offset_bytes"].is_u64(), "{entry}");
    }
    quarantine.iter().map(|entry| entry["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_empty_file_has_no_records_and_no_faults() {
    assert!(codes(&job("empty.json", ""), 2).is_empty());
}

#[test]
fn truncated_json_is_quarantined_with_its_text() {
    let job = job("cut.json", "{\"id\": 7, \"at\": \"2026-0");
    assert_eq!(codes(&job, 2), ["truncated-json"]);
    assert_eq!(job.quarantine()[0]["record"], "{\"id\": 7, \"at\": \"2026-0");
    assert_eq!(job.quarantine()[0]["file"], "cut.json");
}

#[test]
fn a_bad_line_does_not_take_its_neighbours_along() {
    let job = job("lines.json", format!("{GOOD}{{\"id\": oops}}\n{GOOD}"));
    assert_eq!(codes(&job, 4), ["malformed-json"]);
    assert_eq!(job.quarantine()[0]["offset_bytes"], GOOD.len());
}

#[test]
fn a_truncated_gzip_keeps_what_came_before_the_cut() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for id in 0..20_000_u64 {
        let noise = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(
            encoder,
            "{{\"id\": {id}, \"at\": \"2026-03-01T00:00:00Z\", \"note\": \"{noise}\"}}"
        )
        .unwrap();
    }
    let whole = encoder.finish().unwrap();
    let job = job("cut.json.gz", &whole[..whole.len() / 2]);
    job.run().unwrap();
    let rows = job.table().rows();
    assert!(rows > 2_000 && rows < 20_002, "{rows} rows");
    let codes: Vec<_> = job.quarantine().iter().map(|entry| entry["code"].clone()).collect();
    assert!(codes.contains(&"truncated-gzip".into()), "{codes:?}");
}

#[test]
fn invalid_utf8_is_quarantined_alone() {
    let bad = [GOOD.as_bytes(), b"{\"id\": 5, \"note\": \"\xff\"}\n", GOOD.as_bytes()].concat();
    assert_eq!(codes(&job("latin.json", bad), 4), ["invalid-utf8"]);
}

#[test]
fn a_hundred_thousand_open_brackets_are_too_deep() {
    for text in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
        let codes = codes(&job("deep.json", text), 2);
        assert_eq!(codes.len(), 1, "{codes:?}");
        assert!(
            ["too-deep", "not-an-object", "truncated-json"].contains(&codes[0].as_str()),
            "{codes:?}"
        );
    }
}

#[test]
fn of_duplicate_keys_the_last_wins() {
    let text =
        "{\"id\": 5, \"at\": \"2026-03-01T00:00:00Z\", \"note\": \"first\", \"note\": \"last\"}\n";
    let job = job("twice.json", text);
    assert!(codes(&job, 3).is_empty());
    assert!(job.table().strings("note").contains(&Some("last".into())));
}

#[test]
fn a_missing_array_is_null_and_a_wrong_one_is_rescued() {
    let job = job(
        "records.json",
        "{\"id\": 3, \"at\": \"2026-03-01T00:00:00Z\"}\n{\"id\": 4, \"at\": \"2026-03-01T00:00:00Z\", \"Records\": \"none\"}\n",
    );
    assert!(codes(&job, 4).is_empty());
    let rescued: Vec<_> = job.table().strings("_rescued").into_iter().flatten().collect();
    assert_eq!(rescued, ["{\"Records\":\"none\"}"]);
}

#[test]
fn a_wrong_type_can_be_quarantined_instead() {
    let job = job("wrong.json", "{\"id\": \"seven\", \"at\": \"2026-03-01T00:00:00Z\"}\n");
    job.edit("path = \"input/*\"", "path = \"input/*\"\non_type_conflict = \"quarantine\"");
    let codes = codes(&job, 2);
    assert_eq!(codes.len(), 1, "{codes:?}");
    assert!(job.quarantine()[0]["message"].as_str().unwrap().contains("id"));
}

#[test]
fn unknown_fields_are_rescued() {
    let job = job(
        "more.json",
        "{\"id\": 3, \"at\": \"2026-03-01T00:00:00Z\", \"extra\": [1, {\"a\": null}]}\n",
    );
    assert!(codes(&job, 3).is_empty());
    let rescued: Vec<_> = job.table().strings("_rescued").into_iter().flatten().collect();
    let rescued: serde_json::Value = serde_json::from_str(&rescued[0]).unwrap();
    assert_eq!(rescued, serde_json::json!({ "extra": [1, { "a": null }] }));
}

#[test]
fn a_null_date_has_a_partition_of_its_own() {
    let job = job("undated.json", "{\"id\": 3}\n");
    assert!(codes(&job, 3).is_empty());
    let rows = job.table().rows_by_directory();
    assert_eq!(rows.get("date=__HIVE_DEFAULT_PARTITION__"), Some(&1));
    assert_eq!(rows.get("date=2026-03-01"), Some(&2));
}

#[test]
fn too_many_bad_records_stop_the_pipeline_loudly_and_commit_nothing() {
    let job = job("bad.json", "{\"id\": oops}\n".repeat(10));
    job.edit("max_rate = 1.0", "max_rate = 0.5");
    let failure = job.run().unwrap_err();
    assert_eq!(failure.kind, Kind::Data);
    let text = format!("{failure} {:?}", failure.hints);
    assert!(text.contains("10") && text.contains("bad.json"), "{text}");
    assert_eq!(job.table().rows(), 0);
    job.edit("max_rate = 0.5", "max_rate = 1.0");
    job.run().unwrap();
    assert_eq!(job.table().rows(), 2);
    assert_eq!(job.quarantine().len(), 10);
}

#[test]
fn a_checkpoint_of_another_pipeline_is_refused() {
    let job = job("more.json", GOOD);
    job.run().unwrap();
    job.edit("name = \"events\"", "name = \"other\"");
    let failure = job.run().unwrap_err();
    assert_eq!(failure.kind, Kind::Config);
    assert!(failure.to_string().contains("`events`"), "{failure}");
}

#[test]
fn two_runners_on_one_checkpoint_are_told_of_each_other() {
    let job = job("more.json", GOOD);
    let plan = job.plan();
    let storage = lockgate::storage::open(&plan.checkpoint).unwrap();
    let _held = lockgate::checkpoint::Checkpoint::open(storage, &plan.name).unwrap();
    let failure = job.run().unwrap_err();
    assert_eq!(failure.kind, Kind::Storage);
    assert!(failure.to_string().contains(&std::process::id().to_string()), "{failure}");
}

#[test]
fn an_output_that_cannot_be_written_is_a_storage_failure_and_nothing_is_lost() {
    let job = job("more.json", GOOD);
    fs::create_dir(job.path("table")).unwrap();
    job.write("table/date=2026-03-01", "a file where a directory is due");
    let failure = job.run().unwrap_err();
    assert_eq!(failure.kind, Kind::Storage);
    assert!(failure.to_string().contains("table/date=2026-03-01"), "{failure}");
    fs::remove_file(job.path("table/date=2026-03-01")).unwrap();
    assert!(codes(&job, 3).is_empty());
}

#[test]
fn a_table_that_is_no_directory_is_a_mistake_of_the_pipeline_file() {
    let job = job("more.json", GOOD);
    job.write("table", "a file");
    let failures = job.try_plan().unwrap_err();
    assert!(failures[0].to_string().contains("table` is not a directory"), "{failures:?}");
}

#[test]
fn an_input_that_may_not_be_read_is_quarantined() {
    let job = job("secret.json", GOOD);
    let path = job.path("input/secret.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        // Root reads everything; there is nothing to see here.
        return;
    }
    assert_eq!(codes(&job, 2), ["unreadable-file"]);
}

#[test]
fn an_input_that_cannot_be_opened_just_now_stops_the_run_and_is_read_by_the_next() {
    use lockgate::{
        run::Stores,
        storage::fault::{Fault, Faults},
    };
    for operation in 0..40 {
        let job = job("more.json", GOOD.replace("\"id\": 1", "\"id\": 3"));
        let faults = Faults::at(operation, Fault::Fail);
        let stores = Stores::open(&job.plan(), &lockgate::storage::silent()).unwrap();
        let _ = job.run_on(Stores { source: faults.wrap(stores.source), ..stores }, 1);
        assert!(job.quarantine().is_empty(), "operation {operation}: {:?}", faults.trace());
        job.run().unwrap();
        assert_eq!(job.table().rows(), 3, "operation {operation}");
        if faults.operations() <= operation {
            return;
        }
    }
}

#[test]
fn an_element_longer_than_a_record_may_be_is_quarantined() {
    let long = "x".repeat(3 << 20);
    let elements = vec!["{\"id\": 1, \"name\": \"a\"}"; 200_000].join(",");
    let text = format!(
        "{{\"id\": 3, \"at\": \"2026-03-01T00:00:00Z\", \"Records\": [{{\"name\": \"{long}\"}},{elements}]}}"
    );
    let job = job("giant.json", text);
    job.edit("path = \"input/*\"", "path = \"input/*\"\nmax_record_bytes = \"2 MiB\"");
    job.run().unwrap();
    let codes: Vec<_> = job.quarantine().iter().map(|entry| entry["code"].clone()).collect();
    assert_eq!(codes, ["record-too-long"]);
}

#[test]
fn a_source_that_would_read_its_own_table_is_refused() {
    let job = job("more.json", GOOD);
    job.edit("path = \"state\"", "path = \"input/state\"");
    job.edit("path = \"input/*\"", "path = \"input\"");
    let failure = job.run().unwrap_err();
    assert_eq!(failure.kind, Kind::Config);
    assert!(failure.to_string().contains("would read what is written"), "{failure}");
}

#[test]
fn a_chain_that_does_not_bind_is_refused_before_any_file_arrives() {
    let job = Job::new(PIPELINE);
    let stage = "\n[[stage]]\nplugin = \"filter\"\nconfig = { where = \"idd > 1\" }\n\n[sink]";
    job.edit("\n[sink]", stage);
    assert_eq!(job.run().unwrap_err().kind, Kind::Config);
}

#[test]
fn configs_of_stages_are_checked_before_anything_runs() {
    let stage =
        |config: &str| format!("\n[[stage]]\nplugin = \"filter\"\nconfig = {config}\n\n[sink]");
    for (config, words) in [
        ("{ were = \"id > 1\" }", "unknown key `were`"),
        ("{ }", "lacks the key `where`"),
        ("{ where = 5 }", "`where`"),
        ("{ where = \"idd > 1\" }", "idd"),
        ("{ where = \"id >\" }", ""),
        ("{ where = \"id > 'x'\" }", ""),
    ] {
        let job = job("more.json", GOOD);
        job.edit("\n[sink]", &stage(config));
        let failure = job.run().unwrap_err();
        assert_eq!(failure.kind, Kind::Config, "{config}: {failure}");
        let shown = format!("{failure}");
        assert!(shown.contains(words), "{config}: {shown}");
        assert!(failure.at.is_some(), "{config} has a place: {shown}");
        assert!(job.table().0.is_empty());
    }
}

#[test]
fn plugins_that_cannot_be_used_are_named_with_their_place() {
    for (plugin, words) in [
        ("explod".to_owned(), "no standard plugin `explod`"),
        ("./missing.wasm".to_owned(), "missing.wasm"),
        ("./broken.wasm".to_owned(), "not a WebAssembly component"),
    ] {
        let job = job("more.json", GOOD);
        job.write("broken.wasm", "(component)");
        job.edit("\n[sink]", &format!("\n[[stage]]\nplugin = \"{plugin}\"\n\n[sink]"));
        let failure = match job.try_plan() {
            Ok(_) => job.run().unwrap_err(),
            Err(mut failures) => failures.remove(0),
        };
        assert!(failure.to_string().contains(words), "{failure}");
        assert!(failure.at.is_some(), "{failure}");
    }
}
