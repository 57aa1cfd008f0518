//! A thousand partitions at once: rows of every batch go to each of them, and the memory that
//! takes is what the sink's limits say, not what the rows have.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use arrow_array::{ArrayRef, StringArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema};
use lockgate::{
    sink::parquet::{EncoderThreads, Provenance, Rows, Selection, TableWriter},
    storage,
    types::{BatchId, PartitionKey},
};
use lockgate_tests::memory;
use std::{fs, sync::Arc};

/// The sink's limits are the defaults: 48 MiB for rows, 128 open files.
const PIPELINE: &str = r#"
[source]
path = "input"

[source.schema]
id = "bigint"

[checkpoint]
path = "state"

[sink]
path = "table"
"#;

const PARTITIONS: usize = 1_000;
const BATCHES: usize = 100;
const COLUMNS: usize = 16;
/// Bytes of a value; every other column has a few different ones, the rest all different ones.
const VALUE_BYTES: usize = 256;

const MIB: u64 = 1 << 20;
/// Most memory: the sink's limit, and once and a half as much for the batches on their way and
/// the program.
const MOST: u64 = 120 * MIB;

#[test]
fn a_thousand_open_partitions_take_no_more_memory_than_the_limits_allow() {
    let test = "a_thousand_open_partitions_take_no_more_memory_than_the_limits_allow";
    let Some(peak) = memory::peak_bytes(test, write) else { return };
    let written = (PARTITIONS * BATCHES * COLUMNS * VALUE_BYTES) as u64;
    assert!(written > 3 * MOST / 2, "too few rows to tell: {} MiB", written / MIB);
    assert!(peak < MOST, "{} MiB for {} MiB of rows", peak / MIB, written / MIB);
}

fn write() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.toml");
    fs::write(&file, PIPELINE).unwrap();
    let plan = lockgate::pipeline::load(&file).unwrap();
    let sink = storage::open(&plan.sink.root).unwrap();
    let field = |n| Field::new(format!("c{n}"), DataType::Utf8, true);
    let schema = Arc::new(Schema::new((0..COLUMNS).map(field).collect::<Vec<_>>()));
    let (plan, provenance) = (plan.sink, Provenance::default());
    let encoders = EncoderThreads::start(2).unwrap();
    let (files, batch) = (Arc::clone(&schema), BatchId(0));
    let writer = TableWriter::new(sink, &plan, files, batch, &provenance, &encoders);
    let mut writer = writer.unwrap();
    for batch in 0..BATCHES {
        let columns = (0..COLUMNS).map(|column| (values(batch, column), 0)).collect();
        // Another order each time, so that no partition always comes first.
        let order = (0..PARTITIONS).map(|row| ((row * 7 + batch * 13) % PARTITIONS) as u32);
        let order = UInt32Array::from_iter_values(order);
        let selection =
            Selection::new(&schema, columns, std::slice::from_ref(&order), PARTITIONS).unwrap();
        let mut rows = Rows::all(selection);
        for partition in order.values() {
            let key = PartitionKey(vec![("p".into(), Some(partition.to_string()))]);
            writer.write(&key, rows.split_first(1)).unwrap();
        }
    }
    let files = writer.finish().unwrap();
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    assert_eq!(rows, (PARTITIONS * BATCHES) as u64);
}

fn values(batch: usize, column: usize) -> ArrayRef {
    let text = |row: usize| {
        let n = if column.is_multiple_of(2) {
            row % 5
        } else {
            (batch * PARTITIONS + row) * COLUMNS + column
        };
        let word = format!("{:016x}", (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word.repeat(VALUE_BYTES / 16)
    };
    Arc::new(StringArray::from_iter_values((0..PARTITIONS).map(text)))
}
