//! How fast the decoder turns JSON text into Arrow batches, by what the text is made of.
//!
//! `cargo bench --package lockgate --bench decoder`. One thread reads files from the page cache
//! as a worker of a run does; figures are bytes of JSON a second.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

mod input;

use divan::{Bencher, black_box, counter::BytesCount};
use input::Job;
use lockgate::source::json::{JsonReader, units};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{fmt::Write, fs, io::Read, path::Path};

fn main() {
    divan::main();
}

/// Everything is decoded: some thirty strings, maps, a list of structs, few numbers.
#[divan::bench]
fn payments(bencher: Bencher<'_, '_>) {
    decode(bencher, &input::payments());
}

/// The same with a rescued column that nothing goes to.
#[divan::bench]
fn payments_rescued(bencher: Bencher<'_, '_>) {
    let job = input::payments();
    decode(bencher, &rescued(job));
}

/// Two fields of thirty: the others are skipped.
#[divan::bench]
fn narrow(bencher: Bencher<'_, '_>) {
    decode(bencher, &input::payments_with("narrow", &pipeline("json", NARROW)));
}

/// Two fields of thirty: the others go to the rescued column.
#[divan::bench]
fn narrow_rescued(bencher: Bencher<'_, '_>) {
    let job = input::payments_with("narrow", &pipeline("json", NARROW));
    decode(bencher, &rescued(job));
}

/// No field of the document is in the schema.
#[divan::bench]
fn skipped(bencher: Bencher<'_, '_>) {
    decode(bencher, &input::payments_with("skipped", &pipeline("json", "other = \"string\"")));
}

/// The payments job's records, one a line.
#[divan::bench]
fn lines(bencher: Bencher<'_, '_>) {
    let mut job = input::payments();
    let wrapped = job.plan.source.schema.take().unwrap();
    let lines = Job::new("lines", &pipeline("jsonl", "unused = \"string\""), |folder| {
        let mut text = String::new();
        for file in &job.files {
            job.storage.open(&file.path).unwrap().read_to_string(&mut text).unwrap();
        }
        // Every record stands on a line, between that of the opening bracket and the closing one.
        let records = text.lines().filter_map(|line| line.strip_prefix("{\"record_id\""));
        let records =
            records.map(|rest| format!("{{\"record_id\"{}\n", rest.trim_end_matches(',')));
        fs::write(folder.join("lines.jsonl"), records.collect::<String>()).unwrap();
    });
    let arrow_schema::DataType::List(element) = wrapped.field(0).data_type() else {
        unreachable!("a list")
    };
    let arrow_schema::DataType::Struct(fields) = element.data_type() else {
        unreachable!("of structs")
    };
    job.plan.source.schema = Some(arrow_schema::Schema::new(fields.clone()).into());
    decode(bencher, &Job { plan: job.plan, ..lines });
}

/// Real events of AWS CloudTrail, values of their free-form parts kept as text.
#[divan::bench]
fn cloudtrail(bencher: Bencher<'_, '_>) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines/cloudtrail");
    let schema = fs::read_to_string(example.join("schema.toml")).unwrap();
    let job = Job::new("cloudtrail", CLOUDTRAIL, |folder| {
        fs::write(folder.join("schema.toml"), schema).unwrap();
        let mut events = Vec::new();
        for entry in fs::read_dir(example.join("input")).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let document: CloudTrail = serde_json::from_str(&text).unwrap();
            events.extend(document.records.into_iter().map(|event| event.get().to_owned()));
        }
        events.sort();
        let text = format!("{{\"Records\":[{}]}}", vec![events.join(","); 100].join(","));
        fs::write(folder.join("events.json"), text).unwrap();
    });
    decode(bencher, &job);
}

/// Log files of CloudTrail.
#[derive(Deserialize)]
struct CloudTrail {
    #[serde(rename = "Records")]
    records: Vec<Box<RawValue>>,
}

/// Strings with an escape every ten bytes or so.
#[divan::bench]
fn escapes(bencher: Bencher<'_, '_>) {
    let text = r#"C:\\data\\in \"quoted\" caf\u00e9 line\nnext\ttab \ud83d\ude00 a\/b"#;
    let job = Job::new("escapes", &pipeline("jsonl", TEXTS), |folder| {
        let record = format!("{{\"a\":\"{text}\",\"b\":\"{text}{text}\",\"c\":\"{text}\"}}\n");
        fs::write(folder.join("escapes.jsonl"), record.repeat(20_000)).unwrap();
    });
    decode(bencher, &job);
}

/// Integers, doubles of few and of many digits, decimals, timestamps.
#[divan::bench]
fn numbers(bencher: Bencher<'_, '_>) {
    let job = Job::new("numbers", &pipeline("jsonl", NUMBERS), |folder| {
        let mut text = String::new();
        for i in 0..40_000_u64 {
            // An odd factor that mixes: what the digits are does not matter.
            let n = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12;
            writeln!(
                text,
                "{{\"id\":{i},\"big\":{n},\"price\":{}.{:02},\"ratio\":0.{n},\"exact\":{}.{:03},\
                 \"list\":[{},{},{}],\"at\":\"2026-03-{:02}T{:02}:00:00Z\"}}",
                n % 10_000,
                n % 100,
                n % 1_000_000_000,
                n % 1_000,
                n % 7,
                n % 1_003,
                n % 100_003,
                1 + n % 28,
                n % 24,
            )
            .unwrap();
        }
        fs::write(folder.join("numbers.jsonl"), text).unwrap();
    });
    decode(bencher, &job);
}

/// The files alone, read and not decoded: what of every other figure is not the decoder.
#[divan::bench]
fn read_only(bencher: Bencher<'_, '_>) {
    let job = input::payments();
    let mut buffer = vec![0; 1 << 20];
    bencher.counter(BytesCount::new(job.bytes)).bench_local(|| {
        for file in &job.files {
            let mut reader = job.storage.open(&file.path).unwrap();
            while reader.read(black_box(&mut buffer)).unwrap() > 0 {}
        }
    });
}

const NARROW: &str = "payment = \"array<struct<record_id: string, amount: double>>\"";
const TEXTS: &str = "a = \"string\"\nb = \"string\"\nc = \"string\"";
const NUMBERS: &str = "id = \"bigint\"\nbig = \"bigint\"\nprice = \"double\"\nratio = \"double\"\n\
     exact = \"decimal(18,3)\"\nlist = \"array<int>\"\nat = \"timestamp\"";

const CLOUDTRAIL: &str = "[source]\npath = \"../input/*.json\"\nschema = \"../input/schema.toml\"\n\
     [checkpoint]\npath = \"state\"\n[sink]\npath = \"table\"\n";

/// A pipeline without stages, of which only the source is read.
fn pipeline(extension: &str, schema: &str) -> String {
    format!(
        "[source]\npath = \"../input/*.{extension}\"\nrescued_column = false\n\
         [source.schema]\n{schema}\n\
         [checkpoint]\npath = \"state\"\n[sink]\npath = \"table\"\n"
    )
}

/// The same job with a rescued column.
fn rescued(mut job: Job) -> Job {
    job.plan.source.rescued_column = Some("_rescued".into());
    job
}

/// Decodes all files of a job, over and over.
fn decode(bencher: Bencher<'_, '_>, job: &Job) {
    let schema = job.plan.source.schema.as_ref().unwrap();
    let mut reader = JsonReader::new(&job.plan.source, schema).unwrap();
    let mut read = || {
        let mut rows = 0;
        for unit in units(&job.files) {
            let stats = reader.read_unit(&job.storage, &job.files[unit], &mut |batch| {
                black_box(batch);
                Ok(())
            });
            let stats = stats.unwrap();
            assert_eq!(stats.rejected, 0, "a benchmark decodes what it reads");
            rows += stats.rows;
        }
        rows
    };
    assert!(read() > 0, "there is something to decode");
    bencher.counter(BytesCount::new(job.bytes)).bench_local(read);
}
