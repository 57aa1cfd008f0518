//! The buffers of a column as JSON values.

use super::text;
use crate::{Column, ColumnData, DataType, Error, Field, Node, Part};
use serde_json::{Map, Value};

/// The values of a column with these nodes, all checked as a host checks them.
///
/// # Errors
/// Says what is wrong with the nodes.
pub(super) fn column(field: &Field, rows: usize, nodes: Vec<Node>) -> Result<Vec<Value>, String> {
    let fault = |what: &str| format!("computed column `{}`: {what}", field.name);
    if nodes.first().is_none_or(|node| node.length as usize != rows) {
        let length = nodes.first().map_or(0, |node| node.length);
        return Err(fault(&format!("it has {length} values where {rows} are due")));
    }
    for node in &nodes {
        check_validity(node).map_err(fault)?;
    }
    let data_type = field.data_type.clone();
    let data = ColumnData::new(data_type, Part::Full, nodes)
        .ok_or_else(|| fault(&format!("its buffers do not fit a `{}`", field.data_type)))?;
    let column = Column::of(&data);
    check_lengths(&column).map_err(fault)?;
    let values = (0..rows).map(|row| value(&column, row));
    let values = values.collect::<Result<Vec<_>, _>>().map_err(|error| fault(error.message()))?;
    if !field.nullable && values.contains(&Value::Null) {
        return Err(fault("it is declared without nulls and has some"));
    }
    Ok(values)
}

fn check_validity(node: &Node) -> Result<(), &'static str> {
    let length = node.length as usize;
    if node.validity.is_empty() {
        return if node.null_count == 0 { Ok(()) } else { Err("it has nulls but no bitmap") };
    }
    let set: u32 = (0..length).map(|i| u32::from(crate::values::bit(&node.validity, i))).sum();
    if set + node.null_count == node.length { Ok(()) } else { Err("its null count is wrong") }
}

/// Members of structs have as many values as the struct, keys and values as many as entries.
fn check_lengths(column: &Column<'_>) -> Result<(), &'static str> {
    match column.data_type() {
        DataType::Struct(members) => members.iter().try_for_each(|member| {
            let inner = column.member(&member.name).map_err(|_| "a member is missing")?;
            if inner.len() != column.len() {
                return Err("a member has another number of values than its struct");
            }
            check_lengths(&inner)
        }),
        DataType::List(_) | DataType::Map(_) => {
            check_lengths(&column.elements().map_err(|_| "its elements are missing")?)
        }
        _ => Ok(()),
    }
}

fn value(column: &Column<'_>, row: usize) -> Result<Value, Error> {
    if !column.validity().is_valid(row) {
        return Ok(Value::Null);
    }
    let span = || column.offsets()[row] as usize..column.offsets()[row + 1] as usize;
    Ok(match column.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => column.booleans()?.get(row).into(),
        DataType::Int8 => column.values::<i8>()?.value(row).into(),
        DataType::UInt8 => column.values::<u8>()?.value(row).into(),
        DataType::Int16 => column.values::<i16>()?.value(row).into(),
        DataType::UInt16 => column.values::<u16>()?.value(row).into(),
        DataType::Int32 => column.values::<i32>()?.value(row).into(),
        DataType::UInt32 => column.values::<u32>()?.value(row).into(),
        DataType::Int64 | DataType::Duration(_) => column.values::<i64>()?.value(row).into(),
        DataType::UInt64 => column.values::<u64>()?.value(row).into(),
        // By way of text: the shortest one of the `f32`, not that of its `f64`.
        DataType::Float32 => float(&column.values::<f32>()?.value(row).to_string()),
        DataType::Float64 => float(&column.values::<f64>()?.value(row).to_string()),
        DataType::Date32 => text::format_date(i64::from(column.values::<i32>()?.value(row))).into(),
        DataType::Timestamp(unit, zone) => {
            let value = column.values::<i64>()?.value(row);
            text::format_timestamp(value, *unit, zone.is_some()).into()
        }
        DataType::Decimal128(_, scale) => {
            text::format_decimal(column.values::<i128>()?.value(row), *scale).into()
        }
        DataType::Utf8 => column.strings()?.get(row).into(),
        DataType::Binary => text::format_base64(column.bytes()?.value(row)).into(),
        DataType::FixedSizeBinary(width) => {
            let width = *width as usize;
            text::format_base64(&column.fixed_size_binary()?[row * width..][..width]).into()
        }
        DataType::Struct(members) => {
            let member =
                |field: &Field| Ok((field.name.clone(), value(&column.member(&field.name)?, row)?));
            members.iter().map(member).collect::<Result<Map<_, _>, Error>>()?.into()
        }
        DataType::List(_) => {
            let elements = column.elements()?;
            span().map(|i| value(&elements, i)).collect::<Result<Vec<_>, _>>()?.into()
        }
        DataType::Map(_) => {
            let entries = column.elements()?;
            let entries = span().map(|i| value(&entries, i)).collect::<Result<Vec<_>, _>>()?;
            object(&entries).unwrap_or(Value::Array(entries))
        }
    })
}

/// Entries with distinct string keys as one object.
fn object(entries: &[Value]) -> Option<Value> {
    let mut object = Map::new();
    for entry in entries {
        let (_, value) = entry.as_object()?.iter().nth(1)?;
        let (_, key) = entry.as_object()?.iter().next()?;
        object.insert(key.as_str()?.to_owned(), value.clone());
    }
    (object.len() == entries.len()).then_some(Value::Object(object))
}

fn float(text: &str) -> Value {
    match text {
        "NaN" => "NaN".into(),
        "inf" => "Infinity".into(),
        "-inf" => "-Infinity".into(),
        text => text.parse::<f64>().map_or(Value::Null, Value::from),
    }
}
