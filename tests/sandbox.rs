//! One guest whose config picks the crime: whatever it does, the host survives, says so, and
//! goes on with the rows that are not at fault.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::SchemaRef;
use lockgate::{
    diagnostic::{Diagnostic, KeyPath, Kind},
    pipeline::plan::{Limits, OnFailure, PluginRef, StagePlan},
    stage::{Chain, ChainOutput, Component, ConfiguredStage, Lineage},
};
use lockgate_tests::{ENGINE, root, shared_data};
use std::{
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

static HOSTILE: LazyLock<Component> = LazyLock::new(|| {
    let path = root().join("target/plugins/hostile.wasm");
    let bytes = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", path.display()));
    Component::new(&ENGINE, "hostile", &bytes).unwrap()
});

const ROWS: i64 = 100;

fn batch() -> RecordBatch {
    let n: Arc<Int64Array> = Arc::new((0..ROWS).collect::<Vec<_>>().into());
    RecordBatch::try_from_iter([("n", n as _)]).unwrap()
}

fn stage(crime: &str, on_failure: OnFailure) -> ConfiguredStage {
    let plan = StagePlan {
        name: "hostile".into(),
        plugin: PluginRef::File(PathBuf::from("hostile.wasm")),
        config: serde_json::json!({ "crime": crime }),
        limits: Limits {
            memory_bytes: 32 << 20,
            time_per_batch: Duration::from_millis(200),
            output_bytes: 64 << 20,
            rows_per_row: 100,
        },
        on_failure,
        key: KeyPath::default(),
    };
    ConfiguredStage { plan, component: HOSTILE.clone() }
}

fn open(crime: &str) -> Result<Chain, Diagnostic> {
    let schema: SchemaRef = batch().schema();
    Chain::open(&[stage(crime, OnFailure::Stop)], &schema)
}

fn stops_with(crime: &str) -> Diagnostic {
    let mut chain = open(crime).unwrap();
    chain.process(&batch(), &Lineage::default()).map(|output| output.view.num_rows()).unwrap_err()
}

fn quarantines(crime: &str) -> ChainOutput {
    let schema: SchemaRef = batch().schema();
    let mut chain = Chain::open(&[stage(crime, OnFailure::Quarantine)], &schema).unwrap();
    chain.process(&batch(), &Lineage::default()).unwrap()
}

#[track_caller]
fn assert_says(failure: &Diagnostic, kind: Kind, words: &str) {
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.to_string().contains(words), "`{words}` is not in: {failure}");
}

#[test]
fn without_a_crime_every_row_passes() {
    let output = quarantines("none");
    let rows = output.view.gather_all(&[0, 1]).unwrap();
    assert_eq!(rows.num_rows(), 100);
    let out = rows.column(1).as_any().downcast_ref::<StringArray>().unwrap();
    assert!(out.iter().all(|text| text == Some("")));
    assert!(output.rejected.is_empty());
}

#[test]
fn a_refusal_in_open_belongs_to_the_pipeline_file() {
    assert_says(&open("refuse").err().unwrap(), Kind::Config, "change `crime`");
}

#[test]
fn crimes_in_open_are_the_plugins_fault() {
    for (crime, words) in [
        ("loop-in-open", "ran longer than 200ms in one call of `open`"),
        ("trap-in-open", "crashed in `open`"),
        ("read-unknown-column", "no column `no_such`"),
        ("schema-of-nothing", "ends in the middle"),
        ("schema-without-end", "ends in the middle"),
        ("drop-unknown-column", "drops `no_such`"),
        ("depend-on-the-past", "earlier batches"),
        ("produce-without-clear", "needs `clear`"),
    ] {
        assert_says(&open(crime).err().unwrap(), Kind::Plugin, words);
    }
}

#[test]
fn crimes_in_process_stop_a_pipeline_that_wants_to_stop() {
    for (crime, words) in [
        ("loop", "ran longer than 200ms in one call of `process`"),
        ("trap", "crashed in `process`"),
        ("overflow-the-stack", "crashed in `process`"),
        ("memory-bomb", "the limit is 33554432 bytes"),
        ("fail", "not today"),
        ("offsets-of-a-number", "no offsets to read"),
        ("offsets-that-shrink", "do not start at 0 and grow"),
        ("offsets-beyond-the-end", "its values end at 0"),
        ("negative-offsets", "do not start at 0 and grow"),
        ("invalid-utf8", "Invalid UTF"),
        ("split-a-character", "utf-8"),
        ("too-short", "99 values where 100 are due"),
        ("wrong-null-count", "it says 1 nulls and has 0"),
        ("null-where-never-null", "the plan says it is never null"),
        ("short-bitmap", "0 bytes where 13 are due"),
        ("take-beyond", "takes row 100 of 100"),
        ("too-many-rows", "returns 1000000 rows for 100, the limit is 10000"),
        ("huge-output", "memory"),
        ("no-columns", "too few nodes"),
        ("extra-columns", "1 nodes more"),
        ("reject-beyond", "rejects row 4294967295 of 100"),
        ("rows-of-another-shape", "answers `produced`"),
        ("null-list-without-end", "2147483647 nulls"),
    ] {
        let failure = stops_with(crime);
        assert_says(&failure, Kind::Plugin, "failed twice");
        assert!(
            failure.to_string().to_lowercase().contains(&words.to_lowercase()),
            "{crime}: `{words}` is not in: {failure}"
        );
    }
}

#[test]
fn one_poisoned_row_is_found_and_the_others_pass() {
    let output = quarantines("poison");
    assert_eq!(output.view.num_rows(), 99);
    let [bad] = output.rejected.as_slice() else { panic!("{:?}", output.rejected) };
    assert_eq!(bad.origin.as_ref().unwrap().row, 13);
    assert_eq!((bad.code.as_ref(), bad.stage.as_ref()), ("plugin-failed", "hostile"));
    let rows = &output.stages[0];
    assert_eq!((rows.rows_in, rows.quarantined, rows.rows_out, rows.filtered), (100, 1, 99, 0));
}

#[test]
fn a_plugin_that_never_works_sends_every_row_to_the_quarantine() {
    let output = quarantines("fail");
    assert_eq!((output.view.num_rows(), output.rejected.len()), (0, 100));
}

#[test]
fn a_producer_that_answers_same_gives_no_rows() {
    let output = quarantines("produce-the-same");
    assert_eq!(output.view.num_rows(), 0);
    assert_eq!(output.view.gather_all(&[0]).unwrap().num_rows(), 0);
}

#[test]
fn rows_that_fail_only_together_are_quarantined_and_the_stream_goes_on() {
    let output = quarantines("fail-together");
    assert_eq!((output.view.num_rows(), output.rejected.len()), (0, 100));
    let rows = &output.stages[0];
    assert_eq!((rows.rows_in, rows.quarantined, rows.rows_out), (100, 100, 0));
}

#[test]
fn a_guest_that_loops_costs_a_bounded_number_of_time_limits() {
    let start = Instant::now();
    let output = quarantines("loop");
    assert_eq!(output.rejected.len(), 100);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn rows_rejected_twice_count_once_and_codes_and_messages_are_bounded() {
    let output = quarantines("reject-twice");
    assert_eq!((output.view.num_rows(), output.rejected.len()), (99, 1));
    assert_eq!(output.rejected[0].code.as_ref(), "bad-code--");
    assert_eq!(output.rejected[0].message.len(), 2_048);
}

#[test]
fn a_fresh_instance_serves_the_next_batch() {
    let mut chain = open("poison").unwrap();
    assert!(chain.process(&batch(), &Lineage::default()).is_err());
    let good = batch().slice(20, 50);
    assert_eq!(chain.process(&good, &Lineage::default()).unwrap().view.num_rows(), 50);
}

#[test]
fn bytes_that_are_no_component_are_refused() {
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0", b"not wasm at all", &[0; 1 << 10]] {
        let refusal = Component::new(&ENGINE, "odd", bytes).unwrap_err();
        assert_says(&refusal, Kind::Plugin, "plugin `odd`");
    }
}

#[test]
fn malformed_modules_of_the_specification_tests_are_refused() {
    let Some(file) = shared_data("wasm-bad-modules/bad-modules.jsonl") else { return };
    let mut refused = 0;
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let hex = case["hex"].as_str().unwrap();
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
            .collect();
        assert!(Component::new(&ENGINE, "bad", &bytes).is_err(), "{}", case["id"]);
        refused += 1;
    }
    assert!(refused > 0, "the file has cases");
}
