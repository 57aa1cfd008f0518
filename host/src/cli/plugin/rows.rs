//! JSON rows as Arrow columns, and back: the notation of case files.
//!
//! | type | in JSON |
//! |---|---|
//! | integers, `float`, `double` | numbers; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `decimal(12,2)` | text: `"-12.50"` |
//! | `timestamp` | text, microseconds in UTC: `"2026-03-01T17:04:05.000000Z"` |
//! | `date` | text: `"2026-03-01"` |
//! | `binary` | text in base64 |
//! | `struct`, `map` | objects |
//!
//! Both sides of a comparison pass through here, so that `"2026-03-01T17:04:05Z"` equals itself
//! however many zeros are written.

use crate::diagnostic::{Diagnostic, Result};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, ListArray, MapArray, NullArray, RecordBatch,
    RecordBatchOptions, StringArray, StructArray, cast::AsArray, make_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::{
    CastOptions,
    base64::{BASE64_STANDARD, Engine},
    cast_with_options,
    display::FormatOptions,
};
use arrow_schema::{ArrowError, DataType, Field, Fields, SchemaRef};
use serde_json::{Map, Value};
use std::sync::Arc;

const NULL: Value = Value::Null;

/// How timestamps are written; `Z` follows where the type has a zone.
const FORMAT: FormatOptions<'static> =
    FormatOptions::new().with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.6f"));

/// The rows of these JSON objects; a missing member is null.
///
/// # Errors
/// Says which value does not fit the schema.
pub(super) fn decode(schema: &SchemaRef, rows: &[Value]) -> Result<RecordBatch> {
    let rows: Vec<&Value> = rows.iter().collect();
    let members = members(schema.fields(), &rows, "").map_err(Diagnostic::config)?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), members, &options)
        .map_err(|error| Diagnostic::config("the rows do not fit the schema").cause(error))
}

/// One JSON object per row, with every column.
///
/// # Errors
/// Fails for a type that has no notation.
pub(super) fn encode(batch: &RecordBatch) -> Result<Vec<Value>> {
    let columns: Result<Vec<_>> = batch.columns().iter().map(values).collect();
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    Ok(objects(&names, columns?, batch.num_rows()))
}

fn members(fields: &Fields, rows: &[&Value], path: &str) -> Result<Vec<ArrayRef>, String> {
    for row in rows.iter().filter(|row| !row.is_null()) {
        let object = row.as_object().ok_or_else(|| misfit(path, row, "an object"))?;
        if let Some(unknown) = object.keys().find(|key| fields.find(key).is_none()) {
            let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name())).collect();
            let place = if path.is_empty() { "the schema".to_owned() } else { format!("`{path}`") };
            return Err(format!("there is no `{unknown}` in {place}; it has {}", names.join(", ")));
        }
    }
    let member = |field: &Arc<Field>| {
        let inner: Vec<&Value> =
            rows.iter().map(|row| row.get(field.name()).unwrap_or(&NULL)).collect();
        let path =
            if path.is_empty() { field.name().clone() } else { format!("{path}.{}", field.name()) };
        column(field.data_type(), &inner, &path)
    };
    fields.iter().map(member).collect()
}

fn misfit(path: &str, value: &Value, due: &str) -> String {
    let place = if path.is_empty() { "a row".to_owned() } else { format!("`{path}`") };
    format!("{place} is {value}, which is not {due}")
}

fn column(data_type: &DataType, values: &[&Value], path: &str) -> Result<ArrayRef, String> {
    let nulls = values.iter().map(|value| !value.is_null()).collect::<NullBuffer>();
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let failed = |error: ArrowError| format!("`{path}`: {error}");
    Ok(match data_type {
        DataType::Null => match values.iter().find(|value| !value.is_null()) {
            Some(value) => return Err(misfit(path, value, "null")),
            None => Arc::new(NullArray::new(values.len())),
        },
        DataType::Boolean => {
            let boolean = |value: &&Value| match value {
                Value::Null => Ok(None),
                Value::Bool(value) => Ok(Some(*value)),
                other => Err(misfit(path, other, "a boolean")),
            };
            Arc::new(values.iter().map(boolean).collect::<Result<BooleanArray, String>>()?)
        }
        DataType::Struct(fields) => {
            let members = members(fields, values, path)?;
            let array = if fields.is_empty() {
                StructArray::new_empty_fields(values.len(), nulls)
            } else {
                StructArray::try_new(fields.clone(), members, nulls).map_err(failed)?
            };
            Arc::new(array)
        }
        DataType::List(element) => {
            let list = |value: &&'_ Value| match value {
                Value::Null => Ok(Vec::new()),
                Value::Array(elements) => Ok(elements.clone()),
                other => Err(misfit(path, other, "a list")),
            };
            let lists = values.iter().map(list).collect::<Result<Vec<_>, String>>()?;
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
            let elements: Vec<&Value> = lists.iter().flatten().collect();
            let elements = column(element.data_type(), &elements, &format!("{path}[]"))?;
            Arc::new(
                ListArray::try_new(Arc::clone(element), offsets, elements, nulls)
                    .map_err(failed)?,
            )
        }
        DataType::Map(entries, sorted) => {
            let DataType::Struct(pair) = entries.data_type() else {
                return Err(format!("`{path}` has a map type without pairs"));
            };
            let (mut keys, mut inner, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
            for value in values {
                let object = match value {
                    Value::Null => &Map::new(),
                    Value::Object(object) => object,
                    other => return Err(misfit(path, other, "an object")),
                };
                lengths.push(object.len());
                keys.extend(object.keys().map(|key| Value::from(key.as_str())));
                inner.extend(object.values().cloned());
            }
            let keys: Vec<&Value> = keys.iter().collect();
            let inner: Vec<&Value> = inner.iter().collect();
            let keys = column(pair[0].data_type(), &keys, &format!("{path}[]"))?;
            let inner = column(pair[1].data_type(), &inner, &format!("{path}[]"))?;
            let pairs =
                StructArray::try_new(pair.clone(), vec![keys, inner], None).map_err(failed)?;
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(
                MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *sorted)
                    .map_err(failed)?,
            )
        }
        DataType::Binary => {
            let bytes = |value: &&Value| match value {
                Value::Null => Ok(None),
                Value::String(text) => BASE64_STANDARD
                    .decode(text)
                    .map(Some)
                    .map_err(|_| misfit(path, value, "base64")),
                other => Err(misfit(path, other, "text")),
            };
            let values = values.iter().map(bytes).collect::<Result<Vec<_>, String>>()?;
            Arc::new(values.into_iter().collect::<BinaryArray>())
        }
        other => scalars(other, values, path)?,
    })
}

/// Numbers, dates and strings: their text, read as the type.
fn scalars(data_type: &DataType, values: &[&Value], path: &str) -> Result<ArrayRef, String> {
    let is_number = data_type.is_integer() || data_type.is_floating();
    let text = |value: &&Value| match value {
        Value::Null => Ok(None),
        Value::Number(number) if is_number => Ok(Some(number.to_string())),
        Value::String(text) if !data_type.is_integer() => Ok(Some(text.clone())),
        other => Err(misfit(path, other, &due(data_type))),
    };
    let texts = values.iter().map(text).collect::<Result<StringArray, String>>()?;
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let read = cast_with_options(&texts, &without_zone(data_type), &options)
        .and_then(|read| retyped(&read, data_type));
    read.map_err(|error| format!("`{path}` does not fit {}: {error}", due(data_type)))
}

/// The type with the same values that needs no time zone database.
fn without_zone(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, None),
        other => other.clone(),
    }
}

/// The same values under another type.
fn retyped(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    Ok(make_array(array.to_data().into_builder().data_type(data_type.clone()).build()?))
}

fn due(data_type: &DataType) -> String {
    crate::source::schema::type_text(data_type)
}

fn objects(names: &[String], columns: Vec<Vec<Value>>, rows: usize) -> Vec<Value> {
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    let object = |_| {
        let members = names.iter().zip(&mut columns);
        let members =
            members.map(|(name, values)| (name.clone(), values.next().unwrap_or_default()));
        Value::Object(members.collect())
    };
    (0..rows).map(object).collect()
}

/// The values of a column.
fn values(array: &ArrayRef) -> Result<Vec<Value>> {
    let mut values = match array.data_type() {
        DataType::Null => vec![NULL; array.len()],
        DataType::Boolean => array.as_boolean().iter().map(Value::from).collect(),
        DataType::Struct(fields) => {
            let columns: Result<Vec<_>> = array.as_struct().columns().iter().map(values).collect();
            let names: Vec<_> = fields.iter().map(|field| field.name().clone()).collect();
            objects(&names, columns?, array.len())
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let inner = values(list.values())?;
            let span =
                |i: usize| list.value_offsets()[i] as usize..list.value_offsets()[i + 1] as usize;
            (0..array.len()).map(|i| Value::Array(inner[span(i)].to_vec())).collect()
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let (keys, inner) = (values(map.keys())?, values(map.values())?);
            let key = |key: &Value| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            let span =
                |i: usize| map.value_offsets()[i] as usize..map.value_offsets()[i + 1] as usize;
            let entries =
                |i: usize| span(i).map(|at| (key(&keys[at]), inner[at].clone())).collect();
            (0..array.len()).map(|i| Value::Object(entries(i))).collect()
        }
        DataType::Binary => {
            let text =
                |bytes: Option<&[u8]>| bytes.map(|bytes| BASE64_STANDARD.encode(bytes)).into();
            array.as_binary::<i32>().iter().map(text).collect()
        }
        _ => scalar_values(array)?,
    };
    for (i, value) in values.iter_mut().enumerate() {
        if array.is_null(i) {
            *value = NULL;
        }
    }
    Ok(values)
}

fn scalar_values(array: &ArrayRef) -> Result<Vec<Value>> {
    let options = CastOptions { safe: false, format_options: FORMAT };
    let data_type = array.data_type();
    let texts = retyped(array, &without_zone(data_type))
        .and_then(|array| cast_with_options(&array, &DataType::Utf8, &options));
    let texts = texts.map_err(|error| {
        Diagnostic::plugin(format!("values of type {data_type} cannot be shown")).cause(error)
    })?;
    let is_number = data_type.is_integer() || data_type.is_floating();
    let value = |text: Option<&str>| match text {
        None => NULL,
        Some("inf") => "Infinity".into(),
        Some("-inf") => "-Infinity".into(),
        // Zeros are equal, whatever their sign.
        Some("-0.0") => 0.0.into(),
        Some(text) if is_number => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        Some(text) if matches!(data_type, DataType::Timestamp(_, Some(_))) => {
            format!("{text}Z").into()
        }
        Some(text) => text.into(),
    };
    Ok(texts.as_string::<i32>().iter().map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::schema::parse_schema;
    use serde_json::json;

    fn round_trip(schema: &Value, rows: &[Value]) -> Result<Vec<Value>> {
        encode(&decode(&parse_schema(schema).unwrap(), rows)?)
    }

    #[test]
    fn rows_come_back_in_the_one_way_of_writing_them() {
        let schema = json!({
            "b": "boolean", "i": "bigint", "f": "float", "d": "double", "x": "decimal(6,2)", "t": "timestamp",
            "day": "date", "s": "string", "bytes": "binary", "l": "array<array<int>>",
            "m": "map<string, struct<a: int>>", "r": "struct<a: struct<b: string>>",
        });
        let rows = [
            json!({
                "b": true, "i": i64::MIN, "f": 0.1, "d": 1e300, "x": "1.5", "t": "2026-03-01T17:04:05Z", "day": "1969-12-31",
                "s": "ü\n", "bytes": "AP8=", "l": [[1], [], null], "m": {"z": {"a": 1}, "a": null}, "r": {"a": {}},
            }),
            json!({"d": "NaN", "f": "-Infinity", "r": {"a": null}}),
            json!({}),
        ];
        let back = round_trip(&schema, &rows).unwrap();
        assert_eq!(
            back[0].to_string(),
            r#"{"b":true,"i":-9223372036854775808,"f":0.1,"d":1e+300,"x":"1.50","t":"2026-03-01T17:04:05.000000Z","day":"1969-12-31","s":"ü\n","bytes":"AP8=","l":[[1],[],null],"m":{"z":{"a":1},"a":null},"r":{"a":{"b":null}}}"#
        );
        assert_eq!(
            (&back[1]["d"], &back[1]["f"], &back[1]["r"]),
            (&json!("NaN"), &json!("-Infinity"), &json!({"a": null}))
        );
        assert!(back[2].as_object().unwrap().values().all(Value::is_null));
        assert_eq!(round_trip(&schema, &back).unwrap(), back);
    }

    #[test]
    fn values_that_do_not_fit_are_named_with_their_place() {
        for (schema, row, message) in [
            (json!({"a": "int"}), json!({"b": 1}), "there is no `b` in the schema; it has `a`"),
            (
                json!({"a": "struct<b: int>"}),
                json!({"a": {"c": 1}}),
                "there is no `c` in `a`; it has `b`",
            ),
            (
                json!({"a": "struct<b: boolean>"}),
                json!({"a": {"b": 1}}),
                "`a.b` is 1, which is not a boolean",
            ),
            (json!({"a": "array<int>"}), json!({"a": 1}), "`a` is 1, which is not a list"),
            (json!({"a": "array<int>"}), json!({"a": ["1"]}), "`a[]` is \"1\", which is not int"),
            (
                json!({"a": "map<string,int>"}),
                json!({"a": []}),
                "`a` is [], which is not an object",
            ),
            (json!({"a": "binary"}), json!({"a": "?"}), "`a` is \"?\", which is not base64"),
            (json!({"a": "string"}), json!({"a": 1}), "`a` is 1, which is not string"),
            (json!({"a": "int"}), json!([]), "a row is [], which is not an object"),
        ] {
            assert_eq!(round_trip(&schema, &[row]).unwrap_err().message, message);
        }
        for (ty, value) in [
            ("int", json!(3_000_000_000_u64)),
            ("date", json!("2026-02-30")),
            ("timestamp", json!("noon")),
        ] {
            let error = round_trip(&json!({"a": ty}), &[json!({"a": value})]).unwrap_err();
            assert!(error.message.starts_with(&format!("`a` does not fit {ty}")), "{error}");
        }
    }
}
