//! Small files that turn into a great deal: what is read of them, and the memory it takes, are
//! bounded by options of the pipeline file, and the files beside them come through.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use lockgate_tests::{Job, memory};
use std::io::Read;

const PIPELINE: &str = r#"
[source]
path = "input"
max_decompression_ratio = 250

[source.schema]
id = "bigint"
s = "string"
Records = "array<struct<id: bigint, name: string>>"

[checkpoint]
path = "state"

[sink]
path = "table"

[quarantine]
max_rate = 1.0
"#;

const MIB: u64 = 1 << 20;

/// Most memory a run may take whatever it reads: buffers for one record of 16 MiB, and the rest
/// of the program.
const MOST: u64 = 256 * MIB;

fn job() -> Job {
    let job = Job::new(PIPELINE);
    job.write("input/0-good.json", "{\"id\": 1}\n");
    job.write("input/z-good.json", "{\"id\": 2}\n");
    job
}

/// `head`, then `fill` repeated to `bytes`, then `tail`, as zstd frames of 16 MiB one after the
/// other.
fn zstd_of(head: &str, fill: u8, bytes: u64, tail: &str) -> Vec<u8> {
    let frame = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
    let filled = frame(&vec![fill; 16 << 20]).repeat((bytes / (16 * MIB)) as usize);
    [frame(head.as_bytes()), filled, frame(tail.as_bytes())].concat()
}

/// `fill` repeated to `bytes`, as gzip members of 16 MiB one after the other.
fn gzip_of(fill: u8, bytes: u64) -> Vec<u8> {
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::copy(&mut std::io::repeat(fill).take(16 * MIB), &mut member).unwrap();
    member.finish().unwrap().repeat((bytes / (16 * MIB)) as usize)
}

fn codes(job: &Job) -> Vec<String> {
    let mut codes: Vec<String> = job
        .quarantine()
        .iter()
        .map(|entry| {
            assert!(
                entry["record"].as_str().unwrap().len() as u64 <= MIB,
                "what is kept is bounded"
            );
            entry["code"].as_str().unwrap().to_owned()
        })
        .collect();
    codes.sort();
    codes
}

/// Runs a job of this one file between two good ones in a process of its own.
#[track_caller]
fn bounded(
    test: &str,
    name: &str,
    edit: Option<(&str, &str)>,
    file: impl FnOnce() -> Vec<u8>,
    check: impl FnOnce(&Job),
) {
    let peak = memory::peak_bytes(test, || {
        let job = job();
        job.write(&format!("input/{name}"), file());
        if let Some((old, new)) = edit {
            job.edit(old, new);
        }
        job.run().unwrap();
        check(&job);
    });
    let Some(peak) = peak else { return };
    assert!(peak < MOST, "{test} took {} MiB", peak / MIB);
}

/// Rows of the two good files.
fn only_the_good(job: &Job) {
    assert_eq!(job.table().rows(), 2);
}

#[test]
fn a_gzip_bomb_of_many_members_is_cut_where_its_size_allows() {
    let file = || gzip_of(0, 1024 * MIB);
    bounded(
        "a_gzip_bomb_of_many_members_is_cut_where_its_size_allows",
        "bomb.json.gz",
        Some(("max_decompression_ratio = 250", "max_decompression_ratio = 20")),
        file,
        |job| {
            only_the_good(job);
            assert_eq!(codes(job), ["decompression-bomb", "malformed-json"]);
            let message = job.quarantine()[1]["message"].as_str().unwrap().to_owned();
            assert!(message.contains("max_decompression_ratio"), "{message}");
        },
    );
}

#[test]
fn a_zstd_bomb_of_white_space_is_cut_where_its_size_allows() {
    let file = || zstd_of("{\"id\": 3}\n", b'\n', 1024 * MIB, "{\"id\": 4}\n");
    bounded(
        "a_zstd_bomb_of_white_space_is_cut_where_its_size_allows",
        "bomb.json.zst",
        None,
        file,
        |job| {
            assert_eq!(job.table().rows(), 3, "what precedes is read");
            assert_eq!(codes(job), ["decompression-bomb"]);
            assert_eq!(job.quarantine()[0]["offset_bytes"], 64 * MIB);
        },
    );
}

/// A string of 1 GB between two records that come through.
fn long_string(test: &str, head: &str, tail: &str, rows: usize) {
    let (head, tail) = (format!("{{\"id\": 3}}\n{head}"), format!("{tail}\n{{\"id\": 4}}\n"));
    bounded(
        test,
        "long.json.zst",
        Some(("max_decompression_ratio = 250", "max_decompression_ratio = 1000000")),
        || zstd_of(&head, b'x', 1024 * MIB, &tail),
        |job| {
            assert_eq!(job.table().rows(), rows);
            assert_eq!(codes(job), ["record-too-long"]);
        },
    );
}

#[test]
fn a_string_of_a_gigabyte_costs_its_record_alone() {
    long_string("a_string_of_a_gigabyte_costs_its_record_alone", "{\"s\": \"", "\"}", 4);
}

#[test]
fn a_key_of_a_gigabyte_costs_its_record_alone() {
    long_string("a_key_of_a_gigabyte_costs_its_record_alone", "{\"", "\": 1}", 4);
}

#[test]
fn a_string_of_a_gigabyte_in_a_list_costs_its_record_alone() {
    let head = "{\"Records\": [{\"name\": \"";
    long_string("a_string_of_a_gigabyte_in_a_list_costs_its_record_alone", head, "\"}]}", 4);
}

#[test]
fn a_bomb_is_no_trouble_for_inference() {
    let schema = "\n[source.schema]\nid = \"bigint\"\ns = \"string\"\nRecords = \"array<struct<id: bigint, name: string>>\"\n";
    bounded(
        "a_bomb_is_no_trouble_for_inference",
        "bomb.json.zst",
        Some((schema, "")),
        || zstd_of("{\"id\": 3}\n{\"a\": \"", b'x', 1024 * MIB, "\"}\n"),
        |job| {
            assert_eq!(job.table().rows(), 3);
            assert_eq!(codes(job), ["decompression-bomb", "record-too-long"]);
        },
    );
}

#[test]
fn white_space_between_records_is_not_kept() {
    let head = "{\n\"id\": 3}";
    bounded(
        "white_space_between_records_is_not_kept",
        "between.json.zst",
        Some(("max_decompression_ratio = 250", "max_decompression_ratio = 1000000")),
        || zstd_of(head, b' ', 512 * MIB, "{\"id\": 4}"),
        |job| assert_eq!((job.table().rows(), codes(job).len()), (4, 0)),
    );
}

#[test]
fn ten_thousand_levels_are_too_deep_and_the_next_record_is_not() {
    let test = "ten_thousand_levels_are_too_deep_and_the_next_record_is_not";
    let nested = |open: &str, close: &str| {
        format!("{{\"id\": 3, \"s\": {}0{}}}\n", open.repeat(10_000), close.repeat(10_000))
    };
    let lines = [
        nested("[", "]"),
        "{\"id\": 4}\n".into(),
        nested("{\"a\":", "}"),
        "{\"id\": 5}\n".into(),
        "[".repeat(10_000),
    ];
    bounded(
        test,
        "deep.json",
        None,
        || lines.concat().into_bytes(),
        |job| {
            assert_eq!(job.table().rows(), 4);
            assert_eq!(codes(job), ["too-deep"; 3]);
        },
    );
}

#[test]
fn how_deep_is_too_deep_is_configured() {
    let job = job();
    job.edit("path = \"input\"", "path = \"input\"\nmax_depth = 200");
    let nested =
        |depth| format!("{{\"id\": 3, \"s\": {}{}}}\n", "[".repeat(depth), "]".repeat(depth));
    job.write("input/deep.json", nested(199) + &nested(200));
    job.run().unwrap();
    assert_eq!((job.table().rows(), codes(&job)), (3, vec!["too-deep".to_owned()]));
}

#[test]
fn a_honest_file_that_compresses_well_is_read_whole() {
    let job = job();
    let text = "{\"id\": 3, \"s\": \"the same again and again\"}\n".repeat(50_000);
    let file = zstd::encode_all(text.as_bytes(), 3).unwrap();
    assert!(text.len() / file.len() > 250, "{} to {}", text.len(), file.len());
    job.write("input/honest.json.zst", file);
    job.run().unwrap();
    assert_eq!((job.table().rows(), codes(&job).len()), (50_002, 0));
}
