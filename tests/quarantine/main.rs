//! Rejected records on their way back into the table: each exactly once, whatever happens.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use lockgate::{
    diagnostic::Kind,
    run::{Obstacle, PutBack, Repaired, Stores, Wanted, preview},
    sink::rejected::Selection,
    storage::{Storage, silent},
    types::BatchId,
};
use lockgate_tests::Job;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};
use std::{io::Write, sync::Arc};

mod crash;
mod cut_off;
mod denied;
mod no_directory;

use denied::Denied;

const PIPELINE: &str = r#"
[pipeline]
name = "payments"

[source]
path = "input/*"

[source.schema]
who = "string"
paid = "array<struct<id: bigint, on: string>>"

[checkpoint]
path = "state"

[[stage]]
plugin = "explode"
config = { column = "paid", into = "one" }

[[stage]]
plugin = "timestamp-parse"
config = { column = "one.on", formats = ["MM/dd/yyyy"], into = "at", on_error = "quarantine" }

[[stage]]
plugin = "flatten"
config = { column = "one" }

[sink]
path = "table"
partition_by = ["date"]

[sink.derive]
date = "date(at)"

[quarantine]
max_rate = 1.0
"#;

/// Two good rows; rejected are two elements of one record and a line that is no JSON.
const INPUT: &str = r#"{"who":"a","paid":[{"id":1,"on":"09/26/2014"},{"id":2,"on":"2014-09-27"},{"id":3,"on":"soon"}]}
{"who":"b","paid":[{"id":4,"on":09/28/2014}]}
{"who":"c","paid":[{"id":5,"on":"09/26/2014"}]}
"#;

fn job() -> Job {
    let job = Job::new(PIPELINE);
    job.write("input/a.json", INPUT);
    job.run().unwrap();
    assert_eq!((ids(&job), job.quarantine().len()), (vec![1, 5], 3));
    job
}

/// As [`job`], with the pipeline mended so that it takes another of the records.
fn mended() -> Job {
    let job = job();
    job.edit(r#"["MM/dd/yyyy"]"#, r#"["MM/dd/yyyy", "yyyy-MM-dd"]"#);
    job
}

fn stores(job: &Job) -> Stores {
    Stores::open(&job.plan(), &silent()).unwrap()
}

fn put_back(job: &Job, wanted: &Wanted) -> PutBack {
    job.put_back_on(stores(job), wanted).unwrap()
}

fn everything() -> Wanted {
    Wanted::default()
}

fn of_batch(batch: u64) -> Wanted {
    let selection = Selection { batch: Some(BatchId(batch)), ..Selection::default() };
    Wanted { selection, repaired: None }
}

fn repaired(job: &Job, lines: &[Value]) -> Wanted {
    let text: Vec<_> = lines.iter().map(ToString::to_string).collect();
    job.write("repaired.jsonl", text.join("\n"));
    let repaired = Repaired::at(&job.path("repaired.jsonl")).unwrap();
    Wanted { selection: Selection::default(), repaired: Some(repaired) }
}

/// Every `id` of the table, ascending.
fn ids(job: &Job) -> Vec<i64> {
    use arrow_array::{cast::AsArray, types::Int64Type};
    let table = job.table();
    let column = |batch: &arrow_array::RecordBatch| {
        let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
        ids.iter().flatten().collect::<Vec<_>>()
    };
    let mut ids: Vec<_> = table.batches().iter().flat_map(|(_, batch)| column(batch)).collect();
    ids.sort_unstable();
    ids
}

fn codes(job: &Job) -> Vec<String> {
    let code = |line: &Value| line["code"].as_str().unwrap().to_owned();
    job.quarantine().iter().map(code).collect()
}

#[test]
fn what_the_mended_pipeline_takes_goes_into_the_table_and_the_rest_back_to_the_quarantine() {
    let job = mended();
    let before = preview(&job.plan().source, &stores(&job), &everything()).unwrap();
    let done = put_back(&job, &everything());
    assert_eq!(before, done.tally, "a dry run says what will be done");
    assert_eq!(done.batches, [BatchId(1)]);
    assert_eq!((done.tally.records(), done.rows_written, done.rejected_again), (3, 1, 2));
    assert_eq!(ids(&job), [1, 2, 5]);
    let again = &job.quarantine()[3..];
    let traces: Vec<_> = again.iter().map(|line| line["replay_of"].clone()).collect();
    let first = job.quarantine();
    for (line, trace) in again.iter().zip(traces) {
        assert_eq!(trace["batch"], 0);
        let of = &first[trace["line"].as_u64().unwrap() as usize - 1];
        for key in ["file", "offset_bytes", "element", "code", "stage", "record"] {
            assert_eq!(line[key], of[key], "{key}: a rejected record keeps its place");
        }
    }
}

#[test]
fn putting_back_twice_adds_nothing() {
    let job = mended();
    put_back(&job, &of_batch(0));
    let table = job.table();
    let again = put_back(&job, &of_batch(0));
    assert_eq!((again.batches.len(), again.tally.already, again.tally.records()), (0, 3, 0));
    assert_eq!(job.table(), table);
    job.run().unwrap();
    assert_eq!(job.table(), table);
}

#[test]
fn repaired_records_go_back_alone() {
    let job = mended();
    put_back(&job, &everything());
    // As `quarantine show --batch 1` prints them, the first repaired.
    let line = |line: u64, record: &str| json!({ "batch": 1, "line": line, "record": record });
    let fixed = r#"{"who":"b","paid":[{"id":4,"on":"09/28/2014"}]}"#;
    let of_b = job.quarantine()[3..].iter().position(|line| line["code"] == "malformed-json");
    let of_b = of_b.unwrap() as u64 + 1;
    let done = put_back(&job, &repaired(&job, &[line(of_b, fixed)]));
    assert_eq!((done.tally.records(), done.rows_written), (1, 1));
    assert_eq!(ids(&job), [1, 2, 4, 5]);
    let done = put_back(&job, &repaired(&job, &[line(of_b, fixed)]));
    assert_eq!((done.tally.already, done.batches.len()), (1, 0));
    assert_eq!(ids(&job), [1, 2, 4, 5]);
}

#[test]
fn lines_that_repair_nothing_are_refused_before_anything_is_put_back() {
    let job = mended();
    let good = json!({ "batch": 0, "line": 1, "record": "{}" });
    for (line, words) in [
        (json!({ "batch": 0, "line": 9, "record": "{}" }), "is about record 0:9"),
        (json!({ "batch": 7, "line": 1, "record": "{}" }), "is about record 7:1"),
        (json!({ "line": 1, "record": "{}" }), "is no line of `quarantine show`"),
        (json!({ "batch": 0, "line": 2, "record": {} }), "is no line of `quarantine show`"),
        (json!({ "batch": 0, "line": 2, "record": "{}", "file": "b" }), "names another place"),
        (good.clone(), "repairs record 0:1 a second time"),
    ] {
        let wanted = repaired(&job, &[good.clone(), line]);
        let refusal = job.put_back_on(stores(&job), &wanted).unwrap_err();
        assert_eq!(refusal.kind, Kind::Config);
        assert!(refusal.message.starts_with("line 2 of `repaired.jsonl` "), "{refusal}");
        assert!(refusal.message.contains(words), "{words}: {refusal}");
        assert!(!refusal.hints.is_empty(), "{refusal}");
        assert_eq!(
            preview(&job.plan().source, &stores(&job), &wanted).unwrap_err().message,
            refusal.message
        );
        assert_eq!(job.quarantine().len(), 3);
    }
    let missing = Repaired::at(&job.path("none.jsonl")).unwrap_err();
    assert!(missing.message.contains("none.jsonl"), "{missing}");
}

#[test]
fn files_tell_that_their_rows_were_put_back() {
    let job = mended();
    put_back(&job, &everything());
    let table = job.table();
    let of_batch = |batch: &str| {
        let (_, bytes) = table.0.iter().find(|(name, _)| name.contains(batch)).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::copy_from_slice(bytes)).unwrap();
        let footer = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let value = |key: &str| {
            let value = footer.iter().find(|value| value.key == key)?;
            Some(serde_json::from_str::<Value>(value.value.as_ref().unwrap()).unwrap())
        };
        (value("lockgate.inputs"), value("lockgate.replayed"))
    };
    let inputs = json!({ "count": 1, "files": ["a.json"] });
    assert_eq!(of_batch("part-0000000000"), (Some(inputs.clone()), None));
    let (read, replayed) = of_batch("part-0000000001");
    assert_eq!(read, Some(inputs));
    let replayed = replayed.unwrap();
    assert_eq!(replayed["count"], 3);
    assert_eq!(replayed["records"].as_array().unwrap().len(), 3);
}

#[test]
fn a_rate_of_rejections_does_not_stop_what_was_rejected_before() {
    let job = job();
    job.edit("max_rate = 1.0", "max_rate = 0.0");
    assert_eq!(put_back(&job, &everything()).rejected_again, 3);
}

#[test]
fn large_quarantines_go_back_in_several_micro_batches() {
    let job = Job::new(PIPELINE);
    let line =
        |id: u64| format!("{{\"who\":\"a\",\"paid\":[{{\"id\":{id},\"on\":\"2014-09-27\"}}]}}\n");
    job.write("input/a.json", (0..50).map(line).collect::<String>());
    job.run().unwrap();
    job.edit(r#"["MM/dd/yyyy"]"#, r#"["yyyy-MM-dd"]"#);
    job.edit("path = \"input/*\"", "path = \"input/*\"\nmax_bytes_per_trigger = \"1 KB\"");
    let done = put_back(&job, &everything());
    assert_eq!(done.batches, [1, 2, 3].map(BatchId));
    assert!(!job.path("state/replays").read_dir().unwrap().any(|left| left.is_ok()));
    assert_eq!(ids(&job), (0..50).collect::<Vec<_>>());
}

/// Rejected records of one kind each, none of which may be put back as it is.
#[test]
fn records_that_cannot_go_back_exactly_once_stay_and_say_why() {
    let job = Job::new(PIPELINE);
    job.edit("[source.schema]", "[source.schema]\nother = \"array<string>\"");
    let long = "x".repeat(2 << 20);
    job.write("input/a.json", format!("{{\"who\": oops \"{long}\"}}\n{{\"who\":\"b\"}}\n"));
    job.write("input/b.json", b"{\"who\":\"\xff\"}\n{\"who\":\"c\"}\n");
    // After a second list, the text with one element of the first stands for several rows.
    let second = "[[stage]]\nplugin = \"explode\"\nconfig = { column = \"other\" }\n\n";
    job.edit(
        "[[stage]]\nplugin = \"timestamp-parse\"",
        &format!("{second}[[stage]]\nplugin = \"timestamp-parse\""),
    );
    job.write(
        "input/c.json",
        r#"{"paid":[{"id":1,"on":"09/26/2014"},{"id":2,"on":"soon"}],"other":["x"]}"#,
    );
    job.run().unwrap();
    let done = put_back(&job, &everything());
    let stay: Vec<_> = done.tally.stay.keys().copied().collect();
    assert_eq!(stay, [Obstacle::Cut, Obstacle::Shared, Obstacle::NotUtf8], "{done:?}");
    assert_eq!((done.tally.records(), ids(&job)), (0, vec![1]));
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Texts of 20,000 records: one a line, and as one array.
fn texts() -> [String; 2] {
    let record = |id: u64| {
        let noise = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{{\"who\":\"{noise}\",\"paid\":[{{\"id\":{id},\"on\":\"09/26/2014\"}}]}}")
    };
    let records: Vec<_> = (0..20_000).map(record).collect();
    [records.join("\n"), format!("[{}]\n", records.join(",\n"))]
}

#[test]
fn a_file_that_was_cut_is_read_on_from_the_cut_once_it_is_whole() {
    for text in texts() {
        let whole = gzipped(&text);
        let job = Job::new(PIPELINE);
        job.write("input/a.json.gz", &whole[..whole.len() / 2]);
        job.run().unwrap();
        let before = ids(&job).len();
        assert!(before > 2_000 && before < 20_000, "{before}");
        let still = put_back(&job, &everything());
        assert_eq!(still.tally.stay.keys().copied().collect::<Vec<_>>(), [Obstacle::File]);
        job.write("input/a.json.gz", &whole);
        for _ in 0..2 {
            put_back(&job, &everything());
            assert_eq!(ids(&job), (0..20_000).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_file_that_gave_too_much_text_is_read_on_once_it_may() {
    let line = |id| format!("{{\"who\":\"a\",\"paid\":[{{\"id\":{id},\"on\":\"09/26/2014\"}}]}}");
    let text = [line(1).into_bytes(), vec![b' '; 70 << 20], line(2).into_bytes()].concat();
    let job = Job::new(PIPELINE);
    job.write("input/a.json.zst", zstd::encode_all(&text[..], 1).unwrap());
    job.run().unwrap();
    assert_eq!((ids(&job), codes(&job)), (vec![1], vec!["decompression-bomb".into()]));
    let still = put_back(&job, &everything());
    assert_eq!(still.tally.stay.keys().copied().collect::<Vec<_>>(), [Obstacle::File]);
    job.edit("path = \"input/*\"", "path = \"input/*\"\nmax_decompression_ratio = 100000");
    for _ in 0..2 {
        put_back(&job, &everything());
        assert_eq!(ids(&job), [1, 2]);
    }
}

#[test]
fn a_file_that_may_be_read_again_is_read_once() {
    let job = Job::new(PIPELINE);
    job.write("input/a.json", INPUT.replace("09/28/2014", "\"09/28/2014\""));
    let denied = || {
        let stores = stores(&job);
        let source = Arc::new(Denied(Arc::clone(&stores.source))) as Storage;
        Stores { source, ..stores }
    };
    job.run_on(denied(), 1).unwrap();
    let still = job.put_back_on(denied(), &everything()).unwrap();
    assert!(still.tally.stay.contains_key(&Obstacle::File), "{still:?}");
    assert_eq!((ids(&job), codes(&job)), (vec![], vec!["unreadable-file".into()]));
    put_back(&job, &everything());
    assert_eq!(ids(&job), [1, 4, 5]);
    put_back(&job, &of_batch(0));
    assert_eq!(ids(&job), [1, 4, 5]);
}
