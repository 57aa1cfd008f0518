//! The writer as a whole: what is in the files, and that nothing but the calls decides it.

use super::*;
use crate::{
    pipeline::plan::Compression,
    storage::{
        fault::{Fault, Faults},
        local::LocalStore,
    },
    types::PendingHandle,
};
use ::parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    basic::Encoding,
    file::{
        metadata::{ParquetMetaData, RowGroupMetaData},
        reader::{FileReader, SerializedFileReader},
    },
};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, NullArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray, builder, cast::AsArray,
    types::Int64Type,
};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use arrow_select::concat::concat_batches;
use std::{fs::File, path::PathBuf};

fn plan() -> SinkPlan {
    SinkPlan {
        root: "table".into(),
        storage_options: crate::storage::StorageOptions::default(),
        partition_by: Vec::new(),
        compression: Compression::Snappy,
        row_group_rows: 1 << 20,
        max_file_bytes: 1 << 30,
        memory_bytes: 1 << 27,
        max_open_files: 100,
        event_time: None,
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
    ]))
}

fn key(value: Option<&str>) -> PartitionKey {
    PartitionKey(vec![("k".into(), value.map(Into::into))])
}

/// Rows with these ids; the text of a row is a hash of its id, so it never repeats.
fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let text =
        ids.clone().map(|id| format!("{:016x}", (id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let columns: [ArrayRef; 2] = [
        Arc::new(Int64Array::from_iter_values(ids.clone())),
        Arc::new(StringArray::from_iter_values(text)),
    ];
    RecordBatch::try_new(schema(), columns.into()).unwrap()
}

fn provenance() -> Provenance {
    Provenance {
        replayed: Vec::new(),
        pipeline: "payments".into(),
        inputs: (0..1_000).map(|file| format!("in/payments-{file:05}.json")).collect(),
        components: vec!["aa".into(), "bb".into()],
    }
}

struct Table {
    folder: tempfile::TempDir,
    storage: Storage,
}

impl Table {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Arc::new(LocalStore::new(folder.path()).unwrap());
        Self { folder, storage }
    }

    fn writer(&self, plan: &SinkPlan, schema: SchemaRef, threads: usize) -> TableWriter {
        let storage = Arc::clone(&self.storage);
        let threads = EncoderThreads::start(threads).unwrap();
        TableWriter::new(storage, plan, schema, BatchId(7), &provenance(), &threads).unwrap()
    }

    fn pending(&self, file: &PendingFile) -> PathBuf {
        let PendingHandle::Rename { path } = &file.handle else { panic!("{file:?}") };
        self.folder.path().join(path)
    }

    fn read(&self, file: &PendingFile) -> RecordBatch {
        let reader = File::open(self.pending(file)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(reader).unwrap();
        let schema = Arc::clone(reader.schema());
        let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        concat_batches(&schema, &batches).unwrap()
    }

    fn ids(&self, file: &PendingFile) -> Vec<i64> {
        self.read(file).column(0).as_primitive::<Int64Type>().values().to_vec()
    }

    fn metadata(&self, file: &PendingFile) -> ParquetMetaData {
        let file = File::open(self.pending(file)).unwrap();
        SerializedFileReader::new(file).unwrap().metadata().clone()
    }

    fn footer(&self, file: &PendingFile, name: &str) -> String {
        let pairs = self.metadata(file).file_metadata().key_value_metadata().unwrap().clone();
        pairs.into_iter().find(|pair| pair.key == name).unwrap().value.unwrap()
    }
}

/// A long sequence of small writes to ten partitions, and its files' names and bytes.
fn many_small_writes(
    plan: &SinkPlan,
    threads: usize,
) -> (Vec<PendingFile>, Vec<Vec<u8>>, Vec<String>) {
    let mut table = Table::new();
    let faults = Faults::none();
    table.storage = faults.wrap(table.storage);
    let mut writer = table.writer(plan, schema(), threads);
    for call in 0..2_000_i64 {
        let partition = format!("{}", (call * 7 + call / 13) % 10);
        writer.write(&key(Some(&partition)), rows(call * 40..(call + 1) * 40)).unwrap();
    }
    let files = writer.finish().unwrap();
    let bytes = files.iter().map(|file| std::fs::read(table.pending(file)).unwrap()).collect();
    let mut ids: Vec<_> = files.iter().flat_map(|file| table.ids(file)).collect();
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(0..80_000), "every row is in one file");
    (files, bytes, faults.trace())
}

fn most_open_at_once(trace: &[String]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for operation in trace {
        match operation.split(' ').next() {
            Some("pending") => open += 1,
            Some("finish") => open -= 1,
            _ => {}
        }
        most = most.max(open);
    }
    assert_eq!(open, 0);
    most
}

#[test]
fn rows_come_back_in_the_order_they_were_written_and_files_by_first_appearance() {
    let table = Table::new();
    let mut writer = table.writer(&plan(), schema(), 0);
    for (partition, ids) in [("b", 0..3), ("a", 3..5), ("b", 5..6)] {
        writer.write(&key(Some(partition)), rows(ids)).unwrap();
    }
    let files = writer.finish().unwrap();
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["k=b/part-0000000007-0000.parquet", "k=a/part-0000000007-0000.parquet"]);
    assert_eq!([&files[0], &files[1]].map(|file| table.ids(file)), [vec![0, 1, 2, 5], vec![3, 4]]);
    assert_eq!([files[0].rows, files[1].rows], [4, 2]);
    for file in &files {
        assert_eq!(std::fs::metadata(table.pending(file)).unwrap().len(), file.size_bytes);
    }
    let visible = table.storage.list("").unwrap();
    assert!(visible.iter().all(|meta| !meta.path.ends_with(".parquet")), "{visible:?}");
}

#[test]
fn the_number_of_threads_does_not_show_in_the_files() {
    let small = SinkPlan { memory_bytes: 1_000_000, max_open_files: 4, ..plan() };
    for plan in [plan(), small] {
        let (files, bytes, _) = many_small_writes(&plan, 0);
        for threads in [1, 3] {
            let (other_files, other_bytes, _) = many_small_writes(&plan, threads);
            let what = |files: &[PendingFile]| -> Vec<_> {
                files.iter().map(|file| (file.path.clone(), file.rows, file.size_bytes)).collect()
            };
            assert_eq!(what(&files), what(&other_files));
            assert!(bytes == other_bytes, "{threads} threads");
        }
    }
}

#[test]
fn with_memory_enough_each_partition_is_one_file() {
    let (files, ..) = many_small_writes(&plan(), 0);
    assert_eq!(files.len(), 10);
}

#[test]
fn open_files_stay_within_their_limit_and_rows_go_on_in_the_next_ordinal() {
    let plan = SinkPlan { memory_bytes: 1_000_000, max_open_files: 3, ..plan() };
    for threads in [0, 2] {
        let (files, _, trace) = many_small_writes(&plan, threads);
        assert!(most_open_at_once(&trace) <= 3, "{threads} threads");
        assert!(files.iter().any(|file| file.path.ends_with("-0001.parquet")));
        assert!(files.len() < 80, "{} files", files.len());
    }
}

#[test]
fn a_full_file_is_closed_and_the_next_ordinal_begins() {
    let table = Table::new();
    let plan = SinkPlan { max_file_bytes: 100_000, compression: Compression::None, ..plan() };
    let mut writer = table.writer(&plan, schema(), 1);
    for start in 0..20 {
        writer.write(&key(Some("a")), rows(start * 2_048..(start + 1) * 2_048)).unwrap();
    }
    let files = writer.finish().unwrap();
    assert!(files.len() > 5, "{}", files.len());
    for (n, file) in files.iter().enumerate() {
        assert_eq!(file.path, format!("k=a/part-0000000007-{n:04}.parquet"));
        assert!(file.size_bytes < 200_000, "{file:?}");
    }
    let ids: Vec<_> = files.iter().flat_map(|file| table.ids(file)).collect();
    assert!(ids.into_iter().eq(0..20 * 2_048));
}

#[test]
fn row_groups_have_at_most_as_many_rows_as_the_plan_says() {
    let table = Table::new();
    let plan = SinkPlan { row_group_rows: 1_000, ..plan() };
    let mut writer = table.writer(&plan, schema(), 0);
    writer.write(&key(None), rows(0..700)).unwrap();
    writer.write(&key(None), rows(700..2_500)).unwrap();
    let files = writer.finish().unwrap();
    let metadata = table.metadata(&files[0]);
    let groups: Vec<_> = metadata.row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(groups, [1_000, 1_000, 500]);
}

#[test]
fn a_file_has_an_index_of_its_pages_where_a_column_has_several() {
    let table = Table::new();
    let mut writer = table.writer(&plan(), schema(), 0);
    for (partition, ids) in [("a", 0..30_000), ("b", 0..300)] {
        writer.write(&key(Some(partition)), rows(ids)).unwrap();
    }
    let has_index = writer.finish().unwrap().into_iter().map(|file| {
        let metadata = table.metadata(&file);
        metadata.row_group(0).columns().iter().all(|column| column.offset_index_offset().is_some())
    });
    assert_eq!(has_index.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn null_and_the_empty_string_share_a_directory_but_no_file_and_the_footer_tells_them_apart() {
    for threads in [0, 2] {
        let table = Table::new();
        let mut writer = table.writer(&plan(), schema(), threads);
        for (value, ids) in [(None, 0..1), (Some(""), 1..2), (Some("x"), 2..3), (None, 3..4)] {
            writer.write(&key(value), rows(ids)).unwrap();
        }
        let files = writer.finish().unwrap();
        let found = files.iter().map(|file| {
            (file.path.as_str(), table.footer(file, "lockgate.partition"), table.ids(file))
        });
        let null = "k=__HIVE_DEFAULT_PARTITION__/part-0000000007-000";
        let expected = [
            (format!("{null}0.parquet"), r#"[["k",null]]"#, vec![0, 3]),
            (format!("{null}1.parquet"), r#"[["k",""]]"#, vec![1]),
            ("k=x/part-0000000007-0000.parquet".into(), r#"[["k","x"]]"#, vec![2]),
        ];
        let expected =
            expected.iter().map(|(path, key, ids)| (path.as_str(), (*key).into(), ids.clone()));
        assert!(found.eq(expected));
    }
}

#[test]
fn the_footer_says_where_rows_come_from_within_bounds() {
    let table = Table::new();
    let mut writer = table.writer(&plan(), schema(), 0);
    writer.write(&key(None), rows(0..1)).unwrap();
    let files = writer.finish().unwrap();
    let footer = |name| table.footer(&files[0], name);
    assert_eq!(footer("lockgate.pipeline"), "payments");
    assert_eq!(footer("lockgate.batch"), "7");
    assert_eq!(footer("lockgate.components"), r#"["aa","bb"]"#);
    let inputs: serde_json::Value = serde_json::from_str(&footer("lockgate.inputs")).unwrap();
    assert_eq!(inputs["count"], 1_000);
    assert_eq!(inputs["files"][0], "in/payments-00000.json");
    let named = inputs["files"].as_array().unwrap().len();
    assert!((100..200).contains(&named), "{named}");
    assert!(!footer("ARROW:schema").is_empty());
}

#[test]
fn event_times_give_the_range_of_each_file_in_microseconds() {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Arc::new(Schema::new(vec![Field::new("at", time, true)]));
    let batch = |times: Vec<Option<i64>>| {
        let times = TimestampMicrosecondArray::from(times).with_timezone("UTC");
        RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(times)]).unwrap()
    };
    let table = Table::new();
    let plan = SinkPlan { event_time: Some("at".into()), ..plan() };
    let mut writer = table.writer(&plan, Arc::clone(&schema), 0);
    writer.write(&key(Some("a")), batch(vec![Some(5), None, Some(-3)])).unwrap();
    writer.write(&key(Some("a")), batch(vec![Some(9)])).unwrap();
    writer.write(&key(Some("b")), batch(vec![None])).unwrap();
    let files = writer.finish().unwrap();
    assert_eq!([files[0].event_time_us, files[1].event_time_us], [Some((-3, 9)), None]);
}

#[test]
fn values_of_every_kind_come_back_as_they_were() {
    let mut lists = builder::ListBuilder::new(builder::StringBuilder::new());
    lists.append_value([Some("x"), None]);
    lists.append_null();
    lists.append_value::<_, &str>([]);
    let (keys, values) = (builder::StringBuilder::new(), builder::StringBuilder::new());
    let (key_name, value_name) = ("key".to_owned(), "value".to_owned());
    let names =
        builder::MapFieldNames { entry: "key_value".to_owned(), key: key_name, value: value_name };
    let mut maps = builder::MapBuilder::new(Some(names), keys, values);
    maps.keys().append_value("k");
    maps.values().append_null();
    maps.append(true).unwrap();
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    let members = Fields::from(vec![Field::new("a", DataType::Int64, true)]);
    let member: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, None]));
    let structs = StructArray::new(members, vec![member], Some(vec![true, true, false].into()));
    let decimals = Decimal128Array::from(vec![Some(150), None, Some(-1)]);
    let times = TimestampMicrosecondArray::from(vec![Some(i64::MIN), None, Some(0)]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("null", Arc::new(NullArray::new(3))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("float", Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(-0.0)]))),
        ("decimal", Arc::new(decimals.with_precision_and_scale(9, 2).unwrap())),
        ("date", Arc::new(Date32Array::from(vec![Some(-1), None, Some(20_513)]))),
        ("local", Arc::new(times.clone())),
        ("utc", Arc::new(times.with_timezone("UTC"))),
        ("list", Arc::new(lists.finish())),
        ("map", Arc::new(maps.finish())),
        ("struct", Arc::new(structs)),
    ];
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let table = Table::new();
    let mut writer = table.writer(&plan(), batch.schema(), 0);
    writer.write(&key(None), batch.clone()).unwrap();
    let files = writer.finish().unwrap();
    let found = table.read(&files[0]);
    for (index, field) in batch.schema().fields().iter().enumerate() {
        let text = |batch: &RecordBatch| format!("{:?}", batch.column(index));
        assert_eq!(text(&found), text(&batch), "{}", field.name());
    }
}

#[test]
fn columns_whose_values_never_repeat_are_written_without_a_dictionary() {
    let table = Table::new();
    let mut writer = table.writer(&plan(), schema(), 0);
    let repeated = Arc::new(Int64Array::from(vec![1; 3_000]));
    let batch = rows(0..3_000);
    let batch =
        RecordBatch::try_new(schema(), vec![repeated, Arc::clone(batch.column(1))]).unwrap();
    writer.write(&key(None), batch).unwrap();
    let files = writer.finish().unwrap();
    let metadata = table.metadata(&files[0]);
    let columns = metadata.row_group(0).columns();
    let dictionary = |n: usize| columns[n].encodings().any(|e| e == Encoding::RLE_DICTIONARY);
    assert_eq!([dictionary(0), dictionary(1)], [true, false]);
}

#[test]
fn a_store_that_refuses_is_reported_whatever_thread_met_it() {
    for threads in [0, 2] {
        for operation in [0, 1, 9] {
            let Table { folder, storage } = Table::new();
            let storage = Faults::at(operation, Fault::Fail).wrap(storage);
            let table = Table { folder, storage };
            let mut writer = table.writer(&plan(), schema(), threads);
            let written = (0..50).try_for_each(|call| {
                let partition = key(Some(["a", "b", "c"][call as usize % 3]));
                writer.write(&partition, rows(call * 500..(call + 1) * 500))
            });
            let error = written.and_then(|()| writer.finish().map(|_| ())).unwrap_err();
            assert_eq!(error.kind, crate::diagnostic::Kind::Storage, "{error}");
            assert!(error.to_string().contains("injected failure"), "{error}");
        }
    }
}
