//! Rows of every type, written by the table writer and read back by the Parquet library: whole,
//! in parts by the offset index, and against the bounds that readers skip by.

mod random;

use super::*;
use crate::{pipeline::plan::Compression, storage::local::LocalStore, types::PendingHandle};
use ::parquet::{
    arrow::arrow_reader::{
        ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
        statistics::StatisticsConverter,
    },
    file::metadata::PageIndexPolicy,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, ListArray, MapArray,
    NullArray, PrimitiveArray, RecordBatch, StringArray, StructArray, UInt32Array, cast::AsArray,
    types as a,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use arrow_select::filter::filter_record_batch;
use bytes::Bytes;
use proptest::prelude::*;
use random::{Dice, field, selection};
use std::{cmp::Ordering, collections::BTreeMap, sync::LazyLock};

/// Of all cases, so that what one leaves to the next would show.
static THREADS: LazyLock<EncoderThreads> = LazyLock::new(|| EncoderThreads::start(2).unwrap());

fn open(file: &Bytes) -> ParquetRecordBatchReaderBuilder<Bytes> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).unwrap()
}

/// All rows in one batch.
fn read(reader: ParquetRecordBatchReaderBuilder<Bytes>) -> RecordBatch {
    let schema = Arc::clone(reader.schema());
    let mut batches = reader.with_batch_size(1 << 24).build().unwrap();
    let batch = batches.next().map_or_else(|| RecordBatch::new_empty(schema), Result::unwrap);
    assert!(batches.next().is_none());
    batch
}

fn assert_same(found: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(found.num_rows(), expected.num_rows());
    let fields = expected.schema();
    for (field, (found, expected)) in
        fields.fields().iter().zip(found.columns().iter().zip(expected.columns()))
    {
        assert_eq!(found.data_type(), expected.data_type());
        let row = |array: &ArrayRef, row| array.slice(row, 1);
        let wrong = (found != expected)
            .then(|| (0..expected.len()).find(|n| row(found, *n) != row(expected, *n)));
        assert!(
            wrong.is_none(),
            "{field}, row {wrong:?}: {:?}, not {:?}",
            wrong.flatten().map(|n| row(found, n)),
            wrong.flatten().map(|n| row(expected, n))
        );
    }
}

/// A value, so that it can be compared; none where the format gives it no order.
#[derive(Debug, PartialEq, PartialOrd)]
enum Value {
    Whole(i128),
    Float(f64),
    Bytes(Vec<u8>),
}

fn value(array: &dyn Array, row: usize) -> Option<Value> {
    use DataType as T;
    macro_rules! whole {
        ($type:ty) => {
            Value::Whole(array.as_primitive::<$type>().value(row).into())
        };
    }
    if array.is_null(row) || *array.data_type() == T::Null {
        return None;
    }
    let value = match array.data_type() {
        T::Boolean => Value::Whole(array.as_boolean().value(row).into()),
        T::Int8 => whole!(a::Int8Type),
        T::Int16 => whole!(a::Int16Type),
        T::Int32 => whole!(a::Int32Type),
        T::Int64 => whole!(a::Int64Type),
        T::UInt8 => whole!(a::UInt8Type),
        T::UInt16 => whole!(a::UInt16Type),
        T::UInt32 => whole!(a::UInt32Type),
        T::UInt64 => whole!(a::UInt64Type),
        T::Date32 => whole!(a::Date32Type),
        T::Timestamp(TimeUnit::Millisecond, _) => whole!(a::TimestampMillisecondType),
        T::Timestamp(..) => whole!(a::TimestampNanosecondType),
        T::Decimal128(..) => whole!(a::Decimal128Type),
        T::Float32 => Value::Float(array.as_primitive::<a::Float32Type>().value(row).into()),
        T::Float64 => Value::Float(array.as_primitive::<a::Float64Type>().value(row)),
        T::Utf8 => Value::Bytes(array.as_string::<i32>().value(row).into()),
        T::Binary => Value::Bytes(array.as_binary::<i32>().value(row).into()),
        T::FixedSizeBinary(_) => Value::Bytes(array.as_fixed_size_binary().value(row).into()),
        other => panic!("{other}"),
    };
    (!matches!(value, Value::Float(float) if float.is_nan())).then_some(value)
}

/// Every value is within the bounds, if there are some; and there are as many nulls as it says.
fn assert_bounds(
    what: &str,
    values: &dyn Array,
    min: &dyn Array,
    max: &dyn Array,
    nulls: u64,
    at: usize,
) {
    assert_eq!(values.logical_null_count() as u64, nulls, "nulls of {what}");
    for value in (0..values.len()).filter_map(|row| value(values, row)) {
        for (bound, wrong) in [(min, Ordering::Less), (max, Ordering::Greater)] {
            let bound = self::value(bound, at);
            let order = bound.as_ref().and_then(|bound| value.partial_cmp(bound));
            assert!(order != Some(wrong), "{what}: {value:?} is beyond {bound:?}");
        }
    }
}

/// What readers skip by holds for the rows of the file.
fn assert_statistics(file: &Bytes, rows: &RecordBatch) {
    let reader = open(file);
    let (metadata, schema) = (reader.metadata(), reader.schema());
    let groups = metadata.row_groups();
    let leaves = metadata.file_metadata().schema_descr();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let Ok(statistics) = StatisticsConverter::try_new(field.name(), schema, leaves) else {
            continue;
        };
        if field.data_type().is_nested() {
            continue;
        }
        let Some(leaf) = statistics.parquet_column_index() else { panic!("{field}") };
        let min = statistics.row_group_mins(groups).unwrap();
        let max = statistics.row_group_maxes(groups).unwrap();
        let nulls = statistics.row_group_null_counts(groups).unwrap();
        let mut from = 0;
        for (n, group) in groups.iter().enumerate() {
            let values = column.slice(from, group.num_rows() as usize);
            assert_bounds(field.name(), &values, &min, &max, nulls.value(n), n);
            from += values.len();
            let (Some(columns), Some(offsets)) = (metadata.column_index(), metadata.offset_index())
            else {
                continue;
            };
            let (columns, offsets) = (columns.clone(), offsets.clone());
            if matches!(
                columns[n][leaf],
                ::parquet::file::page_index::column_index::ColumnIndexMetaData::NONE
            ) {
                continue;
            }
            let min = statistics.data_page_mins(&columns, &offsets, [&n]).unwrap();
            let max = statistics.data_page_maxes(&columns, &offsets, [&n]).unwrap();
            let nulls = statistics.data_page_null_counts(&columns, &offsets, [&n]).unwrap();
            let starts =
                offsets[n][leaf].page_locations().iter().map(|page| page.first_row_index as usize);
            let starts: Vec<_> = starts.chain([values.len()]).collect();
            for (page, of) in starts.windows(2).enumerate() {
                let values = values.slice(of[0], of[1] - of[0]);
                let what = format!("{} page {page}", field.name());
                assert_bounds(&what, &values, &min, &max, nulls.value(page), page);
            }
        }
    }
}

/// Reads parts of the rows, which goes by the offset index.
fn assert_parts(file: &Bytes, rows: &RecordBatch, dice: &mut Dice) {
    let most = 1 + dice.below(rows.num_rows());
    let (mut selectors, mut selected) = (Vec::new(), Vec::new());
    while selected.len() < rows.num_rows() {
        let count = (1 + dice.below(most)).min(rows.num_rows() - selected.len());
        let skip = dice.one_in(2);
        selectors.push(if skip { RowSelector::skip(count) } else { RowSelector::select(count) });
        selected.resize(selected.len() + count, !skip);
    }
    let found = read(open(file).with_row_selection(RowSelection::from(selectors)));
    assert_same(&found, &filter_record_batch(rows, &BooleanArray::from(selected)).unwrap());
}

fn round_trip(seed: u64, columns: usize, calls: usize, most_rows: usize, partitions: usize) {
    let dice = &mut Dice(seed);
    let fields: Vec<_> =
        (0..columns).map(|n| field(&format!("c{n}"), dice.below(4), dice)).collect();
    let schema = Arc::new(Schema::new(fields));
    // Many pages need large row groups.
    let large = usize::from(most_rows > 1_000);
    let plan = SinkPlan {
        root: "table".into(),
        storage_options: crate::storage::StorageOptions::default(),
        partition_by: Vec::new(),
        compression: [Compression::None, Compression::Snappy, Compression::Zstd][dice.below(3)],
        row_group_rows: [7, 1_000, 1 << 20][dice.below(3).max(large * 2)],
        max_file_bytes: [5_000, 1 << 30][dice.below(2).max(large)],
        memory_bytes: [200_000, 1 << 27][dice.below(2).max(large)],
        max_open_files: 1 + dice.below(20),
        event_time: None,
    };
    let mut written: Option<Vec<Bytes>> = None;
    for threads in [&EncoderThreads::default(), &*THREADS] {
        let dice = &mut dice.clone();
        let folder = tempfile::tempdir().unwrap();
        let storage: Storage = Arc::new(LocalStore::new(folder.path()).unwrap());
        let (batch, provenance) = (BatchId(7), Provenance::default());
        abandon(&storage, &plan, &schema, threads, dice.clone());
        let files = Arc::clone(&schema);
        let writer = TableWriter::new(storage, &plan, files, batch, &provenance, threads);
        let mut writer = writer.unwrap();
        let mut expected: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
        for _ in 0..calls {
            let mut rows = selection(&schema, 1 + dice.below(most_rows), dice);
            while !rows.is_empty() {
                let partition = dice.below(partitions).to_string();
                let some = rows.split_first(1 + dice.below(most_rows));
                expected
                    .entry(format!("k={partition}"))
                    .or_default()
                    .push(some.to_batch().unwrap());
                writer.write(&PartitionKey(vec![("k".into(), Some(partition))]), some).unwrap();
            }
        }
        let files = writer.finish().unwrap();
        let mut bytes = Vec::new();
        let mut found: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
        for file in &files {
            let PendingHandle::Rename { path } = &file.handle else { panic!("{file:?}") };
            let data = Bytes::from(std::fs::read(folder.path().join(path)).unwrap());
            if threads.is_empty() {
                let rows = read(open(&data));
                assert_eq!(rows.num_rows() as u64, file.rows);
                assert_statistics(&data, &rows);
                assert_parts(&data, &rows, dice);
                let directory = file.path.split('/').next().unwrap();
                found.entry(directory.to_owned()).or_default().push(rows);
            }
            bytes.push(data);
        }
        if let Some(written) = &written {
            assert!(*written == bytes, "threads show");
            continue;
        }
        written = Some(bytes);
        assert!(found.keys().eq(expected.keys()));
        for (found, expected) in found.values().zip(expected.values()) {
            assert_same_rows(found, expected);
        }
    }
}

/// The same rows in the same order, in batches of other sizes.
fn assert_same_rows(found: &[RecordBatch], expected: &[RecordBatch]) {
    let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!(rows(found), rows(expected));
    let mut others = expected.iter().filter(|batch| batch.num_rows() > 0);
    let mut other: Option<RecordBatch> = None;
    for batch in found {
        let mut at = 0;
        while at < batch.num_rows() {
            let rest = other.take().or_else(|| others.next().cloned()).unwrap();
            let rows = rest.num_rows().min(batch.num_rows() - at);
            assert_same(&batch.slice(at, rows), &rest.slice(0, rows));
            at += rows;
            other = (rows < rest.num_rows()).then(|| rest.slice(rows, rest.num_rows() - rows));
        }
    }
}

/// Begins a micro-batch whose rows nobody wants any more.
fn abandon(
    storage: &Storage,
    plan: &SinkPlan,
    schema: &SchemaRef,
    threads: &EncoderThreads,
    mut dice: Dice,
) {
    let (storage, schema, batch) = (Arc::clone(storage), Arc::clone(schema), BatchId(6));
    let rows = selection(&schema, column::SAMPLE_ROWS + 100, &mut dice);
    let writer = TableWriter::new(storage, plan, schema, batch, &Provenance::default(), threads);
    writer.unwrap().write(&PartitionKey(Vec::new()), rows).unwrap();
}

fn writer(folder: &tempfile::TempDir, schema: &SchemaRef, row_group_rows: usize) -> TableWriter {
    let plan = SinkPlan {
        root: "table".into(),
        storage_options: crate::storage::StorageOptions::default(),
        partition_by: Vec::new(),
        compression: Compression::None,
        row_group_rows,
        max_file_bytes: 1 << 30,
        memory_bytes: 1 << 30,
        max_open_files: 1,
        event_time: None,
    };
    let storage = Arc::new(LocalStore::new(folder.path()).unwrap());
    let (schema, provenance) = (Arc::clone(schema), Provenance::default());
    let here = EncoderThreads::default();
    TableWriter::new(storage, &plan, schema, BatchId(7), &provenance, &here).unwrap()
}

fn numbers(numbers: impl IntoIterator<Item = Option<i64>>, nullable: bool) -> RecordBatch {
    let numbers = PrimitiveArray::<a::Int64Type>::from_iter(numbers);
    let field = Field::new("n", DataType::Int64, nullable);
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(numbers)]).unwrap()
}

#[test]
fn a_file_ends_before_its_row_groups_outnumber_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let rows = numbers((0..40_000).map(Some), false);
    let mut writer = writer(&folder, &rows.schema(), 1);
    writer.write(&PartitionKey(vec![]), rows).unwrap();
    let files = writer.finish().unwrap();
    assert_eq!(files.iter().map(|file| file.rows).collect::<Vec<_>>(), [32_767, 7_233]);
}

#[test]
fn rows_that_may_be_null_are_refused_where_files_have_a_value_in_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let required = numbers([Some(1)], false);
    let mut writer = writer(&folder, &required.schema(), 100);
    writer.write(&PartitionKey(vec![]), required).unwrap();
    let nulls = numbers([None], true);
    let error = writer.write(&PartitionKey(vec![]), nulls).unwrap_err();
    assert_eq!(error.message, "`n` may be null in some rows, and not in the files");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_of_every_type_are_read_back(seed: u64, calls in 1..20_usize, partitions in 1..50_usize) {
        round_trip(seed, 4, calls, 300, partitions);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn columns_of_many_pages_are_read_back(seed: u64) {
        round_trip(seed, 2, 10, 20_000, 1);
    }
}
