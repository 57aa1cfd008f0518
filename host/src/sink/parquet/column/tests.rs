//! Columns, written and read back by the Parquet library's reader.

use super::*;
use crate::{
    pipeline::plan::{Compression, SinkPlan},
    sink::parquet::{Provenance, Rows, layout::Outline},
    types::BatchId,
};
use ::parquet::{
    arrow::arrow_reader::{
        ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
    },
    file::metadata::{PageIndexPolicy, ParquetMetaData},
};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array,
    builder::{ListBuilder, StringBuilder},
    cast::AsArray,
    types::Int64Type,
};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::Arc;

fn plan(compression: Compression) -> SinkPlan {
    SinkPlan {
        root: "table".into(),
        storage_options: crate::storage::StorageOptions::default(),
        partition_by: Vec::new(),
        compression,
        row_group_rows: 1 << 20,
        max_file_bytes: 1 << 30,
        memory_bytes: 1 << 27,
        max_open_files: 100,
        event_time: None,
    }
}

/// One row group with these rows, in parts.
fn written(batches: &[RecordBatch], compression: Compression) -> Bytes {
    let schema = batches[0].schema();
    let outline = Outline::new(&schema, BatchId(0), &Provenance::default()).unwrap();
    let rows: Vec<_> = batches.iter().map(|batch| Rows::from(batch.clone())).collect();
    let layout = outline.decide(&plan(compression), &rows).unwrap();
    let (mut chunks, scratch) = (layout.chunks(), &mut Scratch::default());
    for rows in &rows {
        for (index, shape) in layout.shapes.iter().enumerate() {
            append(shape, &mut chunks, rows.column(index), scratch).unwrap();
        }
    }
    let mut file = layout.writer(Vec::new()).unwrap();
    let mut group = file.next_row_group().unwrap();
    for chunk in chunks {
        let result = chunk.finish(true, scratch).unwrap();
        group.append_column(&scratch.chunk(), result).unwrap();
    }
    group.close().unwrap();
    file.into_inner().unwrap().into()
}

fn read(file: &Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let schema = Arc::clone(reader.schema());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn metadata(file: &Bytes) -> Arc<ParquetMetaData> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options);
    Arc::clone(reader.unwrap().metadata())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn texts(rows: usize, text: impl Fn(usize) -> String) -> ArrayRef {
    Arc::new(StringArray::from_iter_values((0..rows).map(text)))
}

fn hash(n: usize) -> u64 {
    let n = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n ^ (n >> 27)
}

/// The form of the last values of each column, and its compression.
fn forms(file: &Bytes) -> Vec<(Encoding, String)> {
    let metadata = metadata(file);
    let columns = metadata.row_group(0).columns().iter();
    columns
        .map(|column| {
            let packed = [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BINARY_PACKED];
            let order = [&packed[..], &[Encoding::RLE_DICTIONARY, Encoding::PLAIN]].concat();
            let found: Vec<_> = column.encodings().collect();
            let last = order.into_iter().find(|encoding| found.contains(encoding)).unwrap();
            let codec = column.compression().to_string();
            (last, codec.split('(').next().unwrap().to_owned())
        })
        .collect()
}

/// Compares values: names inside of lists, and what the footer adds, are the files' own.
fn assert_same(found: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(found.num_columns(), expected.num_columns());
    for (found, expected) in found.columns().iter().zip(expected.columns()) {
        assert!(format!("{found:?}") == format!("{expected:?}"), "{found:?}\n{expected:?}");
        assert_eq!(found.null_count(), expected.null_count());
        if !found.data_type().is_nested() {
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn each_kind_of_column_gets_the_form_that_its_first_values_call_for() {
    const ROWS: usize = 5_000;
    let start = 1_772_323_200_000_000;
    let times = (0..ROWS).map(|i| start + (hash(i) % 86_400_000_000) as i64);
    let rows = batch(vec![
        ("repeated", texts(ROWS, |i| format!("value {}", i % 7))),
        ("identifiers", texts(ROWS, |i| format!("{:016x}", hash(i)))),
        ("addresses", texts(ROWS, |i| format!("https://example.com/payments/{i}/receipt"))),
        ("numbers", Arc::new(Int64Array::from_iter_values(0..ROWS as i64))),
        ("random", Arc::new(Int64Array::from_iter_values((0..ROWS).map(|i| hash(i) as i64)))),
        ("times", Arc::new(TimestampMicrosecondArray::from_iter_values(times))),
        ("amounts", Arc::new(Float64Array::from_iter_values((0..ROWS).map(|i| hash(i) as f64)))),
        ("flags", Arc::new((0..ROWS).map(|i| Some(i % 3 == 0)).collect::<BooleanArray>())),
    ]);
    let file = written(std::slice::from_ref(&rows), Compression::Snappy);
    assert_same(&read(&file), &rows);
    let (none, snappy) = (|| "UNCOMPRESSED".to_owned(), || "SNAPPY".to_owned());
    let expected = [
        (Encoding::RLE_DICTIONARY, snappy()),
        (Encoding::DELTA_LENGTH_BYTE_ARRAY, none()),
        (Encoding::DELTA_LENGTH_BYTE_ARRAY, snappy()),
        (Encoding::DELTA_BINARY_PACKED, none()),
        (Encoding::PLAIN, none()),
        (Encoding::DELTA_BINARY_PACKED, none()),
        (Encoding::PLAIN, none()),
        (Encoding::PLAIN, snappy()),
    ];
    let found = forms(&file);
    for ((column, found), expected) in rows.schema().fields().iter().zip(found).zip(expected) {
        assert_eq!(found, expected, "{}", column.name());
    }
}

#[test]
fn a_dictionary_that_does_not_pay_is_given_up_and_one_that_is_full_takes_no_more() {
    // The first values repeat, and no other ever does.
    let late = |i: usize| if i < 300 { "same".into() } else { format!("{:032x}", hash(i)) };
    let few = batch(vec![("x", texts(5_000, late))]);
    let file = written(std::slice::from_ref(&few), Compression::None);
    assert_eq!(forms(&file)[0].0, Encoding::DELTA_LENGTH_BYTE_ARRAY);
    assert!(metadata(&file).row_group(0).column(0).dictionary_page_offset().is_none());
    assert_same(&read(&file), &few);
    // As long as values repeat it pays; then come more different ones than it holds.
    let text = |i: usize| if i < 20_000 { format!("{:0200}", i % 50) } else { format!("{i:0200}") };
    let many = batch(vec![("x", texts(60_000, text))]);
    let file = written(std::slice::from_ref(&many), Compression::Snappy);
    let metadata = metadata(&file);
    let column = metadata.row_group(0).column(0);
    assert!(column.dictionary_page_offset().is_some());
    assert_eq!(forms(&file)[0].0, Encoding::DELTA_LENGTH_BYTE_ARRAY);
    assert_same(&read(&file), &many);
}

#[test]
fn nulls_in_front_and_values_of_any_length_keep_their_dictionary() {
    let late = |n: usize| (n >= 21_000).then(|| format!("payment-{:04}-settled", n % 100));
    let numbers: Int64Array = (0..45_000).map(|n| (n >= 21_000).then_some(n % 100)).collect();
    let nulls: Int64Array = (0..45_000).map(|_| None).collect();
    let rows = batch(vec![
        ("texts", Arc::new((0..45_000).map(late).collect::<StringArray>())),
        ("numbers", Arc::new(numbers)),
        ("nulls", Arc::new(nulls)),
    ]);
    let file = written(std::slice::from_ref(&rows), Compression::Snappy);
    assert_same(&read(&file), &rows);
    let columns = metadata(&file).row_group(0).columns().to_vec();
    let has_dictionary = columns.iter().map(|column| column.dictionary_page_offset().is_some());
    assert_eq!(has_dictionary.collect::<Vec<_>>(), [true, true, false]);
    assert!(columns[0].compressed_size() < 30_000, "{}", columns[0].compressed_size());
}

#[test]
fn pages_have_bounds_that_readers_skip_by() {
    let rows = batch(vec![
        ("number", Arc::new(Int64Array::from_iter_values(0..50_000)) as ArrayRef),
        ("nothing", Arc::new(Int32Array::from(vec![None; 50_000]))),
        ("text", texts(50_000, |i| format!("{i:08}-{}", "x".repeat(100)))),
    ]);
    let file = written(std::slice::from_ref(&rows), Compression::Zstd);
    let metadata = metadata(&file);
    let pages = &metadata.offset_index().unwrap()[0][0].page_locations;
    assert_eq!(pages.len(), 3, "{pages:?}");
    let group = metadata.row_group(0);
    let statistics = |column: usize| group.column(column).statistics().unwrap().clone();
    assert_eq!(statistics(0).min_bytes_opt(), Some(&0_i64.to_le_bytes()[..]));
    assert_eq!(statistics(0).max_bytes_opt(), Some(&49_999_i64.to_le_bytes()[..]));
    assert_eq!(statistics(1).null_count_opt(), Some(50_000));
    assert_eq!(statistics(1).min_bytes_opt(), None);
    let start = format!("{:08}-{}", 0, "x".repeat(55));
    assert_eq!(statistics(2).min_bytes_opt(), Some(start.as_bytes()));
    assert!(!statistics(2).max_is_exact());
    // Reading a few rows from the middle goes by the offset index.
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let selection = vec![RowSelector::skip(41_000), RowSelector::select(3)];
    let reader = reader.with_row_selection(RowSelection::from(selection)).build();
    let some: Vec<_> = reader.unwrap().map(Result::unwrap).collect();
    let numbers = some[0].column(0).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(numbers, [41_000, 41_001, 41_002]);
}

#[test]
fn finished_pages_keep_the_start_of_long_values() {
    let long = |i: usize| format!("{i:02}{}", "x".repeat(400_000));
    let rows = Rows::from(batch(vec![("x", texts(12, long))]));
    let outline = Outline::new(rows.schema(), BatchId(0), &Provenance::default()).unwrap();
    let first = std::slice::from_ref(&rows);
    let layout = outline.decide(&plan(Compression::Snappy), first).unwrap();
    let (mut chunks, scratch) = (layout.chunks(), &mut Scratch::default());
    append(&layout.shapes[0], &mut chunks, rows.column(0), scratch).unwrap();
    chunks[0].end_page(scratch).unwrap();
    assert!(chunks[0].pages.len() > 1);
    let kept = chunks[0].page_held_bytes - chunks[0].page_bytes;
    assert!(kept < 1_000 * chunks[0].pages.len(), "{kept} bytes beside the pages");
}

#[test]
fn a_chunk_counts_what_it_holds_and_less_once_it_is_sealed() {
    let rows = Rows::from(batch(vec![("x", texts(500, |i| format!("{i:0100}")))]));
    let outline = Outline::new(rows.schema(), BatchId(0), &Provenance::default()).unwrap();
    let first = std::slice::from_ref(&rows);
    let layout = outline.decide(&plan(Compression::Snappy), first).unwrap();
    let (mut chunks, scratch) = (layout.chunks(), &mut Scratch::default());
    append(&layout.shapes[0], &mut chunks, rows.column(0), scratch).unwrap();
    let open = chunks[0].held_bytes();
    assert!((50_000..52_000).contains(&open), "{open}");
    chunks[0].seal(scratch).unwrap();
    let sealed = chunks[0].held_bytes();
    assert!(sealed < open / 4, "{sealed}");
    chunks[0].seal(scratch).unwrap();
    assert_eq!((chunks[0].pages.len(), chunks[0].held_bytes()), (1, sealed), "nothing to seal");
}

#[test]
fn rows_are_taken_from_where_they_are_and_those_that_are_nowhere_are_null() {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10));
    let mut lists = ListBuilder::new(StringBuilder::new());
    (0..4).for_each(|n| lists.append_value((0..n).map(|item| Some(format!("{n}.{item}")))));
    let lists: ArrayRef = Arc::new(lists.finish());
    let schema = batch(vec![("id", Arc::clone(&ids)), ("list", Arc::clone(&ids))]).schema();
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    let list = arrow_schema::Field::new("list", lists.data_type().clone(), true);
    fields[1] = Arc::new(list);
    let schema = Arc::new(arrow_schema::Schema::new(fields));
    let groups = [
        UInt32Array::from(vec![Some(9), Some(0), None, Some(9)]),
        UInt32Array::from(vec![Some(3), None, Some(0), Some(2)]),
    ];
    let select = |columns| crate::sink::parquet::Selection::new(&schema, columns, &groups, 4);
    let rows = Rows::all(select(vec![(Arc::clone(&ids), 0), (Arc::clone(&lists), 1)]).unwrap());
    let outline = Outline::new(&schema, BatchId(0), &Provenance::default()).unwrap();
    let layout = outline.decide(&plan(Compression::None), std::slice::from_ref(&rows)).unwrap();
    let (mut chunks, scratch) = (layout.chunks(), &mut Scratch::default());
    for (index, shape) in layout.shapes.iter().enumerate() {
        append(shape, &mut chunks, rows.column(index), scratch).unwrap();
    }
    let mut file = layout.writer(Vec::new()).unwrap();
    let mut group = file.next_row_group().unwrap();
    for chunk in chunks {
        let result = chunk.finish(true, scratch).unwrap();
        group.append_column(&scratch.chunk(), result).unwrap();
    }
    group.close().unwrap();
    let found = read(&file.into_inner().unwrap().into());
    assert_same(&found, &rows.to_batch().unwrap());
    assert_eq!(
        found.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
        [Some(9), Some(0), None, Some(9)]
    );
    assert!(select(vec![(Arc::clone(&lists), 0), (lists, 1)]).is_err());
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![Just(None), "[a-c]{0,2}".prop_map(Some), "\\PC{0,40}".prop_map(Some)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_written_is_read_back(
        texts in prop::collection::vec(any_text(), 1..300),
        numbers in prop::collection::vec(prop::option::of(prop_oneof![any::<i64>(), 0..5_i64]), 300),
        floats in prop::collection::vec(prop::option::of(any::<f64>()), 300),
        lists in prop::collection::vec(prop::option::of(prop::collection::vec(any_text(), 0..4)), 300),
        cut in 0..300_usize,
        compression in 0..3_usize,
    ) {
        let rows = texts.len();
        let mut list = ListBuilder::new(StringBuilder::new());
        lists[..rows].iter().for_each(|items| list.append_option(items.clone()));
        let small = numbers[..rows].iter().map(|n| n.map(|n| n as i32));
        let all = batch(vec![
            ("text", Arc::new(StringArray::from(texts)) as ArrayRef),
            ("number", Arc::new(Int64Array::from(numbers[..rows].to_vec()))),
            ("small", Arc::new(small.collect::<Int32Array>())),
            ("float", Arc::new(Float64Array::from(floats[..rows].to_vec()))),
            ("list", Arc::new(list.finish())),
        ]);
        let cut = cut.min(rows);
        let parts = [all.slice(0, cut), all.slice(cut, rows - cut)];
        let compression = [Compression::None, Compression::Snappy, Compression::Zstd][compression];
        assert_same(&read(&written(&parts, compression)), &all);
    }
}
