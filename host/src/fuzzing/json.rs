//! The JSON decoder: pieces make no difference, and what it accepts means what it says.

use super::exact::holds;
use crate::{
    pipeline::plan::{OnTypeConflict, SourcePlan},
    source::{
        SourceBatch,
        fixture::{MemoryStore, plan},
        json::{Cuts, JsonReader, open_text},
        schema::{InferLimits, infer, parse_schema},
    },
    storage::Storage,
    types::Rejected,
};
use arrow_array::{
    Array, RecordBatch, StringArray, StructArray,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use arrow_schema::{DataType, SchemaRef};
use serde_json::{Map, Value, json, value::RawValue};
use std::{collections::HashMap, sync::Arc};

/// Deepest document that is compared: well below the limits of both parsers.
const COMPARED_DEPTH: usize = 60;

/// Reads a file of these bytes (after the first, which chooses how), whole and in pieces, and
/// infers its schema.
///
/// # Panics
/// Panics when the pieces make a difference, when a batch does not keep the rules of Arrow, or
/// when a document that `serde_json` takes comes out with other values.
pub fn json_decoder(data: &[u8]) {
    let Some((&choice, text)) = data.split_first() else { return };
    let tight = choice & 1 == 1;
    let mut reading = Reading { plan: plan(), cuts: WIDE, schema: schema() };
    if choice & 2 == 2 {
        reading.plan.on_type_conflict = OnTypeConflict::Quarantine;
    }
    if choice & 4 == 4 {
        reading.plan.rescued_column = None;
    }
    if tight {
        reading.cuts = TIGHT;
        reading.plan.max_record_bytes = 120;
        reading.plan.max_depth = 5;
    }
    let whole = reading.read(text, 0, 4 << 10);
    let step = 1 + usize::from(choice >> 3);
    let pieces = reading.read(text, step, 40);
    assert_eq!(pieces, whole, "in pieces of {step}");
    if !tight && let Ok(document) = serde_json::from_slice::<Value>(text) {
        compare(&document, &whole);
    }
    let store = MemoryStore::default();
    store.put_at("f", text, 0);
    let storage: Storage = Arc::new(store);
    let limits = InferLimits { file_bytes: 1 << 16, total_bytes: 1 << 16 };
    let _ = infer([open_text(&storage, "f")], limits);
}

const WIDE: Cuts =
    Cuts { batch_bytes: 1 << 20, batch_rows: 8192, slice_at: 4 << 20, slice_bytes: 1 << 20 };
const TIGHT: Cuts = Cuts { batch_bytes: 40, batch_rows: 3, slice_at: 90, slice_bytes: 30 };

fn schema() -> SchemaRef {
    let schema = json!({
        "a": "string", "b": "bigint", "c": "double", "d": "boolean", "r": [{ "x": "string", "y": ["bigint"] }],
        "m": "map<string,double>", "s": { "t": "string", "u": "boolean" },
        "i": "tinyint", "f": "float", "n": "decimal(12,3)", "z": "timestamp", "q": "date", "o": "binary",
    });
    parse_schema(&schema).unwrap()
}

struct Reading {
    plan: SourcePlan,
    cuts: Cuts,
    schema: SchemaRef,
}

/// A row's file, offset, slice and text: what may not depend on how the text arrived.
type Place = (u32, u64, Option<(Arc<str>, u64)>, String);

#[derive(Debug, PartialEq)]
struct Read {
    batches: Vec<RecordBatch>,
    places: Vec<Place>,
    rejected: Vec<Rejected>,
}

impl Reading {
    fn read(&self, text: &[u8], step_bytes: usize, buffer_bytes: usize) -> Read {
        let mut store = MemoryStore::default();
        store.step_bytes = step_bytes;
        store.put_at("f", text, 0);
        let inputs = store.inputs();
        let storage: Storage = Arc::new(store);
        let mut reader =
            JsonReader::with_cuts(&self.plan, &self.schema, self.cuts, buffer_bytes).unwrap();
        // Batches stay alive, so that a buffer used again too early shows.
        let mut batches: Vec<SourceBatch> = Vec::new();
        let keep = &mut |batch| {
            batches.push(batch);
            Ok(())
        };
        let stats = reader.read_unit(&storage, &inputs, keep).expect("bad bytes never stop it");
        let mut read = Read { batches: Vec::new(), places: Vec::new(), rejected: Vec::new() };
        for batch in batches {
            StructArray::from(batch.batch.clone()).to_data().validate_full().unwrap();
            assert_eq!(batch.batch.num_rows(), batch.origins.len());
            let texts = (0..batch.origins.len()).map(|row| batch.record_text(row).into_owned());
            let texts: Vec<String> = texts.collect();
            let places = batch.origins.into_iter().zip(texts);
            read.places.extend(
                places.map(|(origin, text)| (origin.file, origin.offset_bytes, origin.slice, text)),
            );
            read.rejected.extend(batch.rejected);
            read.batches.push(batch.batch);
        }
        assert_eq!(stats.rows, read.places.len() as u64);
        assert_eq!(stats.rejected, read.rejected.len() as u64);
        read
    }
}

/// Holds the rows against the one document of the file.
fn compare(document: &Value, read: &Read) {
    if depth(document) > COMPARED_DEPTH {
        return;
    }
    let records: Vec<&Value> = match document {
        Value::Array(elements) => elements.iter().collect(),
        other => vec![other],
    };
    let objects: Vec<&Value> = records.iter().copied().filter(|value| value.is_object()).collect();
    let conflicts =
        |rejected: &&Rejected| matches!(rejected.code.as_str(), "type-conflict" | "wrong-shape");
    let conflicts = read.rejected.iter().filter(conflicts).count();
    assert_eq!(read.rejected.len() - conflicts, records.len() - objects.len(), "{read:?}");
    assert_eq!(read.places.len() + conflicts, objects.len(), "{read:?}");
    if conflicts > 0 {
        return;
    }
    let rows = read.batches.iter().flat_map(|batch| {
        let rows = batch.num_rows();
        let columns = StructArray::from(batch.clone());
        (0..rows).map(move |row| (columns.clone(), row))
    });
    for (((columns, row), object), place) in rows.zip(objects).zip(&read.places) {
        // Of a key that comes twice the last one stays, here as in the columns.
        let raw: HashMap<String, &RawValue> = serde_json::from_str(&place.3).unwrap();
        for (field, column) in columns.fields().iter().zip(columns.columns()) {
            if field.name() == "_rescued" {
                rescued(&columns, column.as_string(), row, object);
                continue;
            }
            let (name, value) = (field.name(), &object[field.name()]);
            assert!(means(column, row, value), "`{name}` of {object}: {read:?}");
            let raw = raw.get(name).map_or("null", |raw| raw.get());
            assert!(holds(column, row, raw), "`{name}`, {raw}: {column:?}");
        }
    }
}

/// Holds the rescued column against the members of a record: all that the schema does not name,
/// and what did not fit, with its value, and nothing else. Keys that could be paths of something
/// further down are left to `source/json/tests/differential.rs`.
fn rescued(columns: &StructArray, column: &StringArray, row: usize, object: &Value) {
    let text = if column.is_valid(row) { column.value(row) } else { "{}" };
    let found: Map<String, Value> = serde_json::from_str(text).unwrap();
    let members = object.as_object().unwrap();
    let own = |key: &str| !key.contains(['.', '[']);
    for (key, value) in members.iter().filter(|(key, _)| own(key)) {
        let named = columns.column_by_name(key);
        let fits = named.is_some_and(|column| column.is_valid(row) || value.is_null());
        assert!(fits || found.get(key) == Some(value), "`{key}` of {object}: {found:?}");
    }
    for key in found.keys().filter(|key| own(key)) {
        assert!(members.contains_key(key), "`{key}` rescued of {object}");
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether a value of a column is what the document says: itself, or null where it does not fit.
fn means(array: &dyn Array, row: usize, value: &Value) -> bool {
    let null = array.is_null(row);
    match (array.data_type(), value) {
        (_, Value::Null) => null,
        (DataType::Boolean, Value::Bool(value)) => !null && array.as_boolean().value(row) == *value,
        (DataType::Utf8, Value::String(value)) => {
            !null && array.as_string::<i32>().value(row) == value
        }
        // What is no string is kept as its text.
        (DataType::Utf8, value) => {
            !null
                && serde_json::from_str(array.as_string::<i32>().value(row)).ok().as_ref()
                    == Some(value)
        }
        (DataType::Int64, Value::Number(number)) => {
            let read = || array.as_primitive::<Int64Type>().value(row);
            match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => !null && read() == integer,
                (None, Some(float)) => null || (read() as f64).total_cmp(&float).is_eq(),
                (None, None) => null,
            }
        }
        (DataType::Float64, Value::Number(number)) => {
            let (read, float) = (array.as_primitive::<Float64Type>().value(row), number.as_f64());
            // `serde_json` may be off by the last bit; `exact.rs` is not.
            float.is_none_or(|float| !null && (read - float).abs() <= float.abs() * 1e-15)
        }
        (DataType::List(_), Value::Array(elements)) if !null => {
            let read = array.as_list::<i32>().value(row);
            let mut pairs = elements.iter().enumerate();
            read.len() == elements.len() && pairs.all(|(i, value)| means(&read, i, value))
        }
        (DataType::Map(..), Value::Object(members)) if !null => {
            let read = array.as_map().value(row);
            let (keys, values) = (read.column(0).as_string::<i32>(), read.column(1));
            let entry = |i| members.get(keys.value(i)).is_some_and(|value| means(values, i, value));
            read.len() == members.len() && (0..read.len()).all(entry)
        }
        (DataType::Struct(fields), Value::Object(_)) if !null => {
            let columns = array.as_struct().columns();
            fields
                .iter()
                .zip(columns)
                .all(|(field, column)| means(column, row, &value[field.name()]))
        }
        (DataType::List(_), Value::Array(_))
        | (DataType::Map(..) | DataType::Struct(_), Value::Object(_)) => false,
        (DataType::Boolean | DataType::List(_) | DataType::Map(..) | DataType::Struct(_), _) => {
            null
        }
        // Numbers in quotes, and types that `exact.rs` holds against their text.
        _ => true,
    }
}
