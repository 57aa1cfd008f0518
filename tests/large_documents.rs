//! One large document is read in slices, so it takes the memory of small ones as large as these.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use lockgate::{run::Stores, storage::silent};
use lockgate_tests::{Job, files_below, memory};
use parquet::file::{reader::FileReader, serialized_reader::SerializedFileReader};
use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::Range,
};

const PIPELINE: &str = r#"
[source]
path = "input/*.json"

[[source.schema.payment]]
id = "bigint"
from = "string"
to = "string"
purpose = "string"

[checkpoint]
path = "state"

[sink]
path = "table"
"#;

/// Documents as large as a slice.
const SMALL_DOCUMENTS: u64 = 64;
const RECORDS: u64 = 4_000;

const MIB: u64 = 1 << 20;

/// Most memory of small documents. They take 50 MiB, the program included.
const MOST: u64 = 80 * MIB;

/// Writes a document of these records, about 260 bytes each.
fn document(job: &Job, name: &str, records: Range<u64>) {
    let mut file = BufWriter::new(File::create(job.path(name)).unwrap());
    write!(file, "{{\"payment\":[").unwrap();
    let first = records.start;
    for id in records {
        let comma = if id == first { "" } else { ",\n" };
        let code = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        write!(
            file,
            "{comma}{{\"id\":{id},\"from\":\"{code:064x}\",\"to\":\"{:064x}\",\"purpose\":\"{:064}\"}}",
            code.rotate_left(23),
            id % 10
        )
        .unwrap();
    }
    write!(file, "]}}").unwrap();
    file.flush().unwrap();
}

/// Runs a job with this input on one worker.
fn run(input: impl FnOnce(&Job), rows: Range<u64>) {
    let job = Job::new(PIPELINE);
    input(&job);
    job.run_on(Stores::open(&job.plan(), &silent()).unwrap(), 1).unwrap();
    // The footers alone: reading the rows would take memory, too.
    let files = files_below(&job.path("table")).into_iter();
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    let rows_of = |path| {
        let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
        reader.metadata().file_metadata().num_rows() as u64
    };
    let written: u64 = files.map(rows_of).sum();
    assert!(rows.contains(&written), "{written} rows, one for each document or slice");
}

fn peak_of_small_documents() -> Option<u64> {
    memory::peak_bytes("small_documents_are_forgotten_once_they_are_written", || {
        let input = |job: &Job| {
            for n in 0..SMALL_DOCUMENTS {
                document(job, &format!("input/{n:03}.json"), n * RECORDS..(n + 1) * RECORDS);
            }
        };
        run(input, SMALL_DOCUMENTS..SMALL_DOCUMENTS + 1);
    })
}

#[test]
fn small_documents_are_forgotten_once_they_are_written() {
    let Some(peak) = peak_of_small_documents() else { return };
    assert!(peak < MOST, "{} MiB", peak / MIB);
}

#[test]
fn a_large_document_takes_the_memory_of_small_ones() {
    let test = "a_large_document_takes_the_memory_of_small_ones";
    let large = memory::peak_bytes(test, || {
        let input = |job: &Job| document(job, "input/large.json", 0..SMALL_DOCUMENTS * RECORDS);
        run(input, SMALL_DOCUMENTS / 2..SMALL_DOCUMENTS * 2);
    });
    let Some(large) = large else { return };
    let small = peak_of_small_documents().unwrap();
    // Text of the array, kept until the last slice is read, would be 16 MiB more.
    assert!(large < small / 4 * 5, "{} MiB, and {} MiB", large / MIB, small / MIB);
}
