//! JSON values as the buffers a host sends.

use super::text;
use crate::{Bitmap, DataType, Field, Native, Node, Part};
use serde_json::Value;

const NULL: Value = Value::Null;

/// The nodes of a column with these values.
///
/// # Errors
/// Says which value does not fit the type, and where in the column it is.
pub(super) fn column(field: &Field, values: &[&Value], part: Part) -> Result<Vec<Node>, String> {
    let mut nodes = Vec::new();
    push(&mut nodes, field, &field.name, values)?;
    let Some(first) = nodes.first_mut() else { return Ok(nodes) };
    match part {
        Part::Full => return Ok(nodes),
        Part::Offsets => first.data.clear(),
        Part::Validity => {
            first.data.clear();
            first.offsets.clear();
        }
    }
    nodes.truncate(1);
    Ok(nodes)
}

fn push(nodes: &mut Vec<Node>, field: &Field, path: &str, values: &[&Value]) -> Result<(), String> {
    let validity: Bitmap = values.iter().map(|value| !value.is_null()).collect();
    let null_count = (values.len() - validity.count_set()) as u32;
    let at = nodes.len();
    nodes.push(Node {
        length: values.len() as u32,
        null_count,
        validity: if null_count == 0 { Vec::new() } else { validity.into_bytes() },
        ..Node::default()
    });
    let misfit =
        |value: &Value| format!("`{path}` holds {value}, which is no `{}`", field.data_type);
    match &field.data_type {
        DataType::Struct(members) => {
            for value in values.iter().filter(|value| !value.is_null()) {
                let object = value.as_object().ok_or_else(|| misfit(value))?;
                known_names(object.keys(), members, path)?;
            }
            for member in members {
                let of = |value: &&'_ Value| value.get(&member.name).unwrap_or(&NULL).clone();
                let inner: Vec<Value> = values.iter().map(of).collect();
                let path = format!("{path}.{}", member.name);
                push(nodes, member, &path, &inner.iter().collect::<Vec<_>>())?;
            }
        }
        DataType::List(element) => {
            let lists = values.iter().map(|value| match value {
                Value::Null => Ok(&[][..]),
                value => Ok(value.as_array().ok_or_else(|| misfit(value))?.as_slice()),
            });
            let lists = lists.collect::<Result<Vec<_>, String>>()?;
            nodes[at].offsets = offsets(lists.iter().map(|list| list.len()));
            let inner: Vec<&Value> = lists.into_iter().flatten().collect();
            push(nodes, element, &format!("{path}[]"), &inner)?;
        }
        DataType::Map(entries) => {
            let lists = values.iter().map(|value| entry_list(value).ok_or_else(|| misfit(value)));
            let lists = lists.collect::<Result<Vec<_>, String>>()?;
            nodes[at].offsets = offsets(lists.iter().map(Vec::len));
            let inner: Vec<&Value> = lists.iter().flatten().collect();
            push(nodes, entries, &format!("{path}[]"), &inner)?;
        }
        DataType::Utf8 | DataType::Binary => {
            let node = &mut nodes[at];
            let mut lengths = Vec::new();
            for value in values {
                let bytes = match (value, &field.data_type) {
                    (Value::Null, _) => Vec::new(),
                    (Value::String(text), DataType::Utf8) => text.as_bytes().to_vec(),
                    (Value::String(text), _) => {
                        text::parse_base64(text).ok_or_else(|| misfit(value))?
                    }
                    _ => return Err(misfit(value)),
                };
                lengths.push(bytes.len());
                node.data.extend(bytes);
            }
            node.offsets = offsets(lengths.into_iter());
        }
        DataType::Boolean => {
            let bits = values.iter().map(|value| match value {
                Value::Null => Ok(false),
                value => value.as_bool().ok_or_else(|| misfit(value)),
            });
            nodes[at].data = bits.collect::<Result<Bitmap, String>>()?.into_bytes();
        }
        DataType::Null => {
            if let Some(value) = values.iter().find(|value| !value.is_null()) {
                return Err(misfit(value));
            }
        }
        data_type => {
            let data = &mut nodes[at].data;
            let width = data_type.width_bytes().unwrap_or(0);
            for value in values {
                match value {
                    Value::Null => data.resize(data.len() + width, 0),
                    value => fixed(data, data_type, value).ok_or_else(|| misfit(value))?,
                }
            }
        }
    }
    Ok(())
}

/// Checks that an object has no member that its type lacks.
pub(super) fn known_names<'a>(
    names: impl IntoIterator<Item = &'a String>,
    fields: &[Field],
    path: &str,
) -> Result<(), String> {
    let unknown = |name: &&String| !fields.iter().any(|field| field.name == **name);
    match names.into_iter().find(unknown) {
        None => Ok(()),
        Some(name) if path.is_empty() => Err(format!("the schema has no column `{name}`")),
        Some(name) => Err(format!("`{path}` has no member `{name}` in the schema")),
    }
}

/// The entries of a map as objects of a key and a value: of an object, or of a list of them.
pub(super) fn entry_list(value: &Value) -> Option<Vec<Value>> {
    let entry = |(key, value): (&String, &Value)| serde_json::json!({"key": key, "value": value});
    match value {
        Value::Null => Some(Vec::new()),
        Value::Object(entries) => Some(entries.iter().map(entry).collect()),
        Value::Array(entries) => Some(entries.clone()),
        _ => None,
    }
}

fn offsets(lengths: impl Iterator<Item = usize>) -> Vec<i32> {
    let mut end = 0;
    let ends = lengths.map(|length| {
        end += length as i32;
        end
    });
    std::iter::once(0).chain(ends).collect()
}

/// Appends a value of a fixed-width type; `None` when it does not fit.
fn fixed(data: &mut Vec<u8>, data_type: &DataType, value: &Value) -> Option<()> {
    fn integer<N: Native + TryFrom<i128>>(data: &mut Vec<u8>, value: &Value) -> Option<()> {
        let wide = value.as_i64().map(i128::from).or(value.as_u64().map(i128::from))?;
        N::try_from(wide).ok()?.write(data);
        Some(())
    }
    match data_type {
        DataType::Int8 => integer::<i8>(data, value)?,
        DataType::UInt8 => integer::<u8>(data, value)?,
        DataType::Int16 => integer::<i16>(data, value)?,
        DataType::UInt16 => integer::<u16>(data, value)?,
        DataType::Int32 => integer::<i32>(data, value)?,
        DataType::UInt32 => integer::<u32>(data, value)?,
        DataType::Int64 | DataType::Duration(_) => integer::<i64>(data, value)?,
        DataType::UInt64 => integer::<u64>(data, value)?,
        DataType::Float32 => (float(value)? as f32).write(data),
        DataType::Float64 => float(value)?.write(data),
        DataType::Date32 => text::parse_date(value.as_str()?)?.write(data),
        DataType::Timestamp(unit, zone) => {
            text::parse_timestamp(value.as_str()?, *unit, zone.is_some())?.write(data);
        }
        DataType::Decimal128(precision, scale) => {
            let number = value.is_number().then(|| value.to_string());
            let text = number.as_deref().or(value.as_str())?;
            text::parse_decimal(text, *precision, *scale)?.write(data);
        }
        DataType::FixedSizeBinary(width) => {
            let bytes = text::parse_base64(value.as_str()?)?;
            (bytes.len() == *width as usize).then(|| data.extend(bytes))?;
        }
        _ => return None,
    }
    Some(())
}

fn float(value: &Value) -> Option<f64> {
    match value.as_str() {
        None => value.as_f64(),
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
    }
}
