//! How the pages of a table are encoded.

use super::Provenance;
use crate::{
    pipeline::plan::{Compression, SinkPlan},
    types::BatchId,
};
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch, cast::AsArray};
use arrow_schema::DataType;
use parquet::{
    basic::{Compression as Codec, ZstdLevel},
    file::{
        metadata::KeyValue,
        properties::{WriterProperties, WriterPropertiesPtr},
    },
    schema::types::SchemaDescriptor,
};
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hasher},
    sync::Arc,
};

/// Values of a column that are looked at before its encoding is chosen.
const SAMPLE_VALUES: usize = 256;
/// Fewer values say nothing, and the column gets a dictionary.
const FEWEST_VALUES: usize = 64;
/// Bytes of file names in the footer, at most.
const INPUT_BYTES: usize = 4 << 10;

/// Records put back that the footer names, at most.
const RECORDS: usize = 200;

/// Properties of all files of a micro-batch. A column whose first values hardly ever repeat
/// is written without a dictionary: it would cost time and make the file larger.
pub(super) fn of(
    plan: &SinkPlan,
    parquet_schema: &SchemaDescriptor,
    batch: BatchId,
    provenance: &Provenance,
    first_rows: &[RecordBatch],
) -> WriterPropertiesPtr {
    let mut properties = WriterProperties::builder()
        .set_compression(match plan.compression {
            Compression::None => Codec::UNCOMPRESSED,
            Compression::Snappy => Codec::SNAPPY,
            Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
        })
        .set_max_row_group_row_count(Some(plan.row_group_rows.max(1)))
        .set_coerce_types(true)
        .set_key_value_metadata(Some(footer(batch, provenance)));
    let columns = parquet_schema.columns().iter().map(|column| column.path().clone());
    for (path, repeats) in columns.zip(repeating(first_rows)) {
        if !repeats {
            properties = properties.set_column_dictionary_enabled(path, false);
        }
    }
    Arc::new(properties.build())
}

fn footer(batch: BatchId, provenance: &Provenance) -> Vec<KeyValue> {
    let mut budget = INPUT_BYTES;
    let fits = |path: &&String| {
        let left = budget.checked_sub(path.len() + 3);
        budget = left.unwrap_or(0);
        left.is_some()
    };
    let files: Vec<_> = provenance.inputs.iter().take_while(fits).collect();
    let inputs = serde_json::json!({ "count": provenance.inputs.len(), "files": files });
    let components = serde_json::json!(provenance.components);
    let mut footer = vec![
        KeyValue::new("lockgate.pipeline".to_owned(), provenance.pipeline.clone()),
        KeyValue::new("lockgate.batch".to_owned(), batch.0.to_string()),
        KeyValue::new("lockgate.inputs".to_owned(), inputs.to_string()),
        KeyValue::new("lockgate.components".to_owned(), components.to_string()),
    ];
    if !provenance.replayed.is_empty() {
        let records: Vec<_> =
            provenance.replayed.iter().take(RECORDS).map(ToString::to_string).collect();
        let count = provenance.replayed.len();
        let replayed = serde_json::json!({ "count": count, "records": records });
        footer.push(KeyValue::new("lockgate.replayed".to_owned(), replayed.to_string()));
    }
    footer
}

/// For each leaf column, in the order of the files' schema, whether its values repeat.
fn repeating(first_rows: &[RecordBatch]) -> Vec<bool> {
    let mut samples: Vec<Sample> = Vec::new();
    for batch in first_rows {
        let mut leaves = Vec::new();
        batch.columns().iter().for_each(|column| collect_leaves(column, &mut leaves));
        samples.resize_with(leaves.len(), Sample::default);
        for (sample, leaf) in samples.iter_mut().zip(&leaves) {
            sample.take(leaf);
        }
    }
    samples.iter().map(Sample::repeats).collect()
}

#[derive(Default)]
struct Sample {
    values: usize,
    distinct: HashSet<u64>,
}

impl Sample {
    fn take(&mut self, leaf: &ArrayRef) {
        use DataType as T;
        let rows = (0..leaf.len()).filter(|row| leaf.is_valid(*row));
        let rows = rows.take(SAMPLE_VALUES - self.values);
        match leaf.data_type() {
            T::Utf8 => {
                let leaf = leaf.as_string::<i32>();
                rows.for_each(|row| self.see(leaf.value(row).as_bytes()));
            }
            T::LargeUtf8 => {
                let leaf = leaf.as_string::<i64>();
                rows.for_each(|row| self.see(leaf.value(row).as_bytes()));
            }
            T::Utf8View => {
                let leaf = leaf.as_string_view();
                rows.for_each(|row| self.see(leaf.value(row).as_bytes()));
            }
            T::Binary => {
                let leaf = leaf.as_binary::<i32>();
                rows.for_each(|row| self.see(leaf.value(row)));
            }
            other => {
                let Some(width) = other.primitive_width() else { return };
                let data = leaf.to_data();
                let Some(buffer) = data.buffers().first() else { return };
                let bytes = &buffer.as_slice()[data.offset() * width..];
                rows.for_each(|row| self.see(&bytes[row * width..(row + 1) * width]));
            }
        }
    }

    fn see(&mut self, value: &[u8]) {
        // The same in every process, unlike the hash of a `HashMap`.
        let mut hasher = DefaultHasher::new();
        hasher.write(value);
        self.distinct.insert(hasher.finish());
        self.values += 1;
    }

    fn repeats(&self) -> bool {
        self.values < FEWEST_VALUES || self.distinct.len() * 100 < self.values * 75
    }
}

/// Leaf columns in the order in which Parquet numbers them.
fn collect_leaves(column: &ArrayRef, leaves: &mut Vec<ArrayRef>) {
    match column.data_type() {
        DataType::Struct(_) => {
            column.as_struct().columns().iter().for_each(|member| collect_leaves(member, leaves));
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let (first, last) = ends(lists.value_offsets());
            collect_leaves(&lists.values().slice(first, last - first), leaves);
        }
        DataType::LargeList(_) => {
            let lists = column.as_list::<i64>();
            let (first, last) = ends(lists.value_offsets());
            collect_leaves(&lists.values().slice(first, last - first), leaves);
        }
        DataType::FixedSizeList(..) => {
            collect_leaves(column.as_fixed_size_list().values(), leaves);
        }
        DataType::Map(..) => {
            let maps = column.as_map();
            let (first, last) = ends(maps.value_offsets());
            let entries = [maps.keys(), maps.values()].map(|side| side.slice(first, last - first));
            for side in &entries {
                collect_leaves(side, leaves);
            }
        }
        _ => leaves.push(Arc::clone(column)),
    }
}

fn ends<O: OffsetSizeTrait>(offsets: &[O]) -> (usize, usize) {
    let end = |offset: Option<&O>| offset.map_or(0, |offset| offset.as_usize());
    (end(offsets.first()), end(offsets.last()))
}
