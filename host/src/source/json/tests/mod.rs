//! The decoder seen from outside: files in, rows and rejected records out.

mod bad_input;
mod batches;
mod differential;
mod forms;
mod giants;
mod suites;
mod types;

use super::{CUTS, Cuts, JsonReader, UnitStats};
use crate::{
    diagnostic::Result,
    pipeline::plan::SourcePlan,
    source::{
        SourceBatch,
        fixture::{MemoryStore, plan},
        schema::parse_schema,
    },
    storage::Storage,
};
use arrow_array::{
    Array, BooleanArray, Decimal128Array, ListArray, MapArray, PrimitiveArray, StringArray,
    StructArray, cast::AsArray, types::*,
};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What came out of a unit, as far as it may not depend on how the text arrived.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    /// Rows as JSON, nulls left out; the rescued column parsed.
    rows: Vec<Value>,
    /// Text of each row's record.
    records: Vec<String>,
    /// File, offset and slice of each row.
    origins: Vec<(String, u64, Slice)>,
    /// Code, offset and text of each rejected record.
    rejected: Vec<(String, u64, String)>,
    messages: Vec<String>,
    /// Rows of each batch.
    batches: Vec<usize>,
    stats: UnitStats,
}

/// Column of the array, and elements before the slice.
type Slice = Option<(String, u64)>;

/// How a test reads.
#[derive(Clone)]
struct Setup {
    plan: SourcePlan,
    cuts: Cuts,
    buffer_bytes: usize,
    step_bytes: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self { plan: plan(), cuts: CUTS, buffer_bytes: 4 << 10, step_bytes: 0 }
    }
}

impl Setup {
    fn read(&self, schema: &Value, files: &[(&str, &[u8])]) -> Result<Seen> {
        let mut store = MemoryStore::default();
        store.step_bytes = self.step_bytes;
        for (path, content) in files {
            store.put_at(path, content, 0);
        }
        let inputs = store.inputs();
        let storage: Storage = Arc::new(store);
        let schema = parse_schema(schema).unwrap();
        let mut reader = JsonReader::with_cuts(&self.plan, &schema, self.cuts, self.buffer_bytes)?;
        let mut seen = Seen::default();
        // Batches stay alive, so that a buffer used again too early shows.
        let mut batches = Vec::new();
        let stats = reader.read_unit(&storage, &inputs, &mut |batch| {
            batches.push(batch);
            Ok(())
        })?;
        for batch in &batches {
            seen.add(batch, reader.schema());
        }
        seen.stats = stats;
        Ok(seen)
    }

    /// Reads one file, in one piece and in small ones, which must not make a difference.
    fn file(&self, schema: &Value, text: impl AsRef<[u8]>) -> Seen {
        let files = [("f.json", text.as_ref())];
        let whole = self.read(schema, &files).unwrap();
        for (step_bytes, buffer_bytes) in [(1, 64), (7, 100), (1000, 64)] {
            if text.as_ref().len() / step_bytes < 100_000 {
                let pieces = Self { buffer_bytes, step_bytes, ..self.clone() };
                assert_eq!(pieces.read(schema, &files).unwrap(), whole, "pieces of {step_bytes}");
            }
        }
        whole
    }
}

impl Seen {
    fn add(&mut self, batch: &SourceBatch, schema: &SchemaRef) {
        assert_eq!(batch.batch.schema(), *schema);
        assert_eq!(batch.batch.num_rows(), batch.origins.len());
        let columns = StructArray::from(batch.batch.clone());
        for row in 0..batch.origins.len() {
            let mut value = to_json(&columns, row);
            if let Some(rescued) = value.get_mut("_rescued") {
                *rescued = parsed(rescued.as_str().unwrap());
            }
            self.rows.push(value);
            self.records.push(batch.record_text(row).into_owned());
            let origin = &batch.origins[row];
            let slice = origin.slice.as_ref().map(|(column, at)| (column.to_string(), *at));
            self.origins.push((
                batch.files[origin.file as usize].clone(),
                origin.offset_bytes,
                slice,
            ));
        }
        for rejected in &batch.rejected {
            assert_eq!(rejected.stage, "source");
            self.messages.push(rejected.message.clone());
            let (code, record) = (rejected.code.clone(), rejected.record.clone());
            self.rejected.push((code, rejected.offset_bytes, record));
        }
        self.batches.push(batch.origins.len());
    }

    fn codes(&self) -> Vec<&str> {
        self.rejected.iter().map(|(code, _, _)| code.as_str()).collect()
    }
}

/// A value of an array as JSON; members that are null are left out.
fn to_json(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => {
            json!(array.as_any().downcast_ref::<BooleanArray>().unwrap().value(row))
        }
        DataType::Int8 => json!(primitive::<Int8Type>(array, row)),
        DataType::Int16 => json!(primitive::<Int16Type>(array, row)),
        DataType::Int32 => json!(primitive::<Int32Type>(array, row)),
        DataType::Int64 => json!(primitive::<Int64Type>(array, row)),
        DataType::Float32 => json!(primitive::<Float32Type>(array, row)),
        DataType::Float64 => {
            let value = primitive::<Float64Type>(array, row);
            if value.is_finite() { json!(value) } else { json!(value.to_string()) }
        }
        DataType::Date32 => json!(primitive::<Date32Type>(array, row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            json!(primitive::<TimestampMicrosecondType>(array, row))
        }
        DataType::Decimal128(_, _) => {
            json!(array.as_any().downcast_ref::<Decimal128Array>().unwrap().value_as_string(row))
        }
        DataType::Utf8 => json!(array.as_any().downcast_ref::<StringArray>().unwrap().value(row)),
        DataType::Binary => json!(array.as_binary::<i32>().value(row)),
        DataType::List(_) => {
            let elements = array.as_any().downcast_ref::<ListArray>().unwrap().value(row);
            (0..elements.len()).map(|i| to_json(&elements, i)).collect()
        }
        DataType::Map(_, _) => {
            let entries = array.as_any().downcast_ref::<MapArray>().unwrap().value(row);
            let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1));
            let entry = |i| (keys.value(i).to_owned(), to_json(values, i));
            Value::Object((0..entries.len()).map(entry).collect::<Map<_, _>>())
        }
        DataType::Struct(fields) => {
            let columns = array.as_any().downcast_ref::<StructArray>().unwrap();
            let members = fields.iter().zip(columns.columns());
            let member = |(field, column): (&Arc<arrow_schema::Field>, &Arc<dyn Array>)| {
                let value = to_json(column, row);
                (!value.is_null()).then(|| (field.name().clone(), value))
            };
            Value::Object(members.filter_map(member).collect())
        }
        other => unreachable!("{other} is not in the notation"),
    }
}

/// JSON text as a value; text that holds a number beyond doubles stays text.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn primitive<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> T::Native {
    array.as_any().downcast_ref::<PrimitiveArray<T>>().unwrap().value(row)
}

fn read(schema: &Value, text: impl AsRef<[u8]>) -> Seen {
    Setup::default().file(schema, text)
}
