//! Schemas across the boundary: Arrow fields as the contract's list of nodes, and back.

use super::bindings::lockgate::transform::types::{FieldParam, FieldResult};
use crate::diagnostic::{Diagnostic, Result};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use std::{collections::HashMap, sync::Arc};

/// Deepest nesting a plugin may declare.
const MAX_DEPTH: usize = 64;

/// The nodes of a schema, in pre-order.
pub(super) fn to_nodes(plugin: &str, schema: &Schema) -> Result<Vec<FieldResult>> {
    let mut nodes = Vec::new();
    schema.fields().iter().try_for_each(|field| push(plugin, field, &mut nodes))?;
    Ok(nodes)
}

fn push(plugin: &str, field: &Field, nodes: &mut Vec<FieldResult>) -> Result<()> {
    let children = children(field.data_type());
    let format = format(field.data_type()).ok_or_else(|| {
        let (name, ty) = (field.name(), field.data_type());
        Diagnostic::plugin(format!(
            "column `{name}` has type {ty}, which cannot be given to plugin `{plugin}`"
        ))
    })?;
    let mut metadata: Vec<_> =
        field.metadata().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    metadata.sort();
    nodes.push(FieldResult {
        name: field.name().clone(),
        format,
        nullable: field.is_nullable(),
        children: children.len() as u32,
        metadata,
    });
    children.iter().try_for_each(|child| push(plugin, child, nodes))
}

fn children(data_type: &DataType) -> Vec<Arc<Field>> {
    match data_type {
        DataType::Struct(fields) => fields.iter().cloned().collect(),
        DataType::List(field) | DataType::Map(field, _) => vec![Arc::clone(field)],
        _ => Vec::new(),
    }
}

/// Lends the nodes as parameters of a call.
pub(super) fn with_params<R>(
    nodes: &[FieldResult],
    call: impl FnOnce(&[FieldParam<'_>]) -> R,
) -> R {
    let metadata: Vec<Vec<(&str, &str)>> = nodes
        .iter()
        .map(|node| node.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect())
        .collect();
    let params: Vec<_> = nodes
        .iter()
        .zip(&metadata)
        .map(|(node, metadata)| FieldParam {
            name: &node.name,
            format: &node.format,
            nullable: node.nullable,
            children: node.children,
            metadata,
        })
        .collect();
    call(&params)
}

/// The one field that these nodes describe; `Err` says what is wrong with them.
pub(super) fn from_nodes(nodes: &[FieldResult]) -> Result<Field, String> {
    let (field, rest) = take_field(nodes, 0)?;
    if rest.is_empty() {
        Ok(field)
    } else {
        Err(format!("{} nodes too many in a schema", rest.len()))
    }
}

fn take_field(nodes: &[FieldResult], depth: usize) -> Result<(Field, &[FieldResult]), String> {
    let (node, mut rest) = nodes.split_first().ok_or("a schema ends in the middle")?;
    if depth > MAX_DEPTH {
        return Err(format!("field `{}` is nested deeper than {MAX_DEPTH}", node.name));
    }
    let mut children = Vec::new();
    for _ in 0..node.children {
        let (child, after) = take_field(rest, depth + 1)?;
        children.push(child);
        rest = after;
    }
    let data_type = parse_format(&node.format, children)
        .ok_or_else(|| format!("field `{}` has format `{}`", node.name, node.format))?;
    if data_type == DataType::Null && !node.nullable {
        return Err(format!("field `{}` is always null, but not nullable", node.name));
    }
    let metadata: HashMap<_, _> = node.metadata.iter().cloned().collect();
    Ok((Field::new(&node.name, data_type, node.nullable).with_metadata(metadata), rest))
}

fn format(data_type: &DataType) -> Option<String> {
    let simple = match data_type {
        DataType::Null => "n",
        DataType::Boolean => "b",
        DataType::Int8 => "c",
        DataType::UInt8 => "C",
        DataType::Int16 => "s",
        DataType::UInt16 => "S",
        DataType::Int32 => "i",
        DataType::UInt32 => "I",
        DataType::Int64 => "l",
        DataType::UInt64 => "L",
        DataType::Float32 => "f",
        DataType::Float64 => "g",
        DataType::Utf8 => "u",
        DataType::Binary => "z",
        DataType::Date32 => "tdD",
        DataType::Struct(_) => "+s",
        DataType::List(_) => "+l",
        DataType::Map(..) => "+m",
        DataType::FixedSizeBinary(width) => return Some(format!("w:{width}")),
        DataType::Decimal128(precision, scale) => return Some(format!("d:{precision},{scale}")),
        DataType::Duration(unit) => return Some(format!("tD{}", unit_letter(*unit))),
        DataType::Timestamp(unit, zone) => {
            return Some(format!("ts{}:{}", unit_letter(*unit), zone.as_deref().unwrap_or("")));
        }
        _ => return None,
    };
    Some(simple.to_owned())
}

fn unit_letter(unit: TimeUnit) -> char {
    match unit {
        TimeUnit::Second => 's',
        TimeUnit::Millisecond => 'm',
        TimeUnit::Microsecond => 'u',
        TimeUnit::Nanosecond => 'n',
    }
}

fn parse_unit(letter: &str) -> Option<TimeUnit> {
    Some(match letter {
        "s" => TimeUnit::Second,
        "m" => TimeUnit::Millisecond,
        "u" => TimeUnit::Microsecond,
        "n" => TimeUnit::Nanosecond,
        _ => return None,
    })
}

/// `None` for a format outside the contract or the wrong number of children.
fn parse_format(format: &str, children: Vec<Field>) -> Option<DataType> {
    let mut children = children.into_iter();
    let data_type = match format {
        "n" => DataType::Null,
        "b" => DataType::Boolean,
        "c" => DataType::Int8,
        "C" => DataType::UInt8,
        "s" => DataType::Int16,
        "S" => DataType::UInt16,
        "i" => DataType::Int32,
        "I" => DataType::UInt32,
        "l" => DataType::Int64,
        "L" => DataType::UInt64,
        "f" => DataType::Float32,
        "g" => DataType::Float64,
        "u" => DataType::Utf8,
        "z" => DataType::Binary,
        "tdD" => DataType::Date32,
        "+s" => DataType::Struct(children.by_ref().collect::<Fields>()),
        "+l" => DataType::List(Arc::new(children.next()?)),
        "+m" => DataType::Map(Arc::new(children.next().filter(is_entries)?), false),
        _ => parse_parametric(format)?,
    };
    children.next().is_none().then_some(data_type)
}

/// Whether a map can have such entries: a key that is always there, and a value.
fn is_entries(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Struct(members) if members.len() == 2 && !members[0].is_nullable())
        && !field.is_nullable()
}

fn parse_parametric(format: &str) -> Option<DataType> {
    if let Some(width) = format.strip_prefix("w:") {
        return width.parse().ok().filter(|width| *width > 0).map(DataType::FixedSizeBinary);
    }
    if let Some(decimal) = format.strip_prefix("d:") {
        let (precision, scale) = decimal.split_once(',')?;
        let (precision, scale): (u8, i8) = (precision.parse().ok()?, scale.parse().ok()?);
        let fits = (1..=38).contains(&precision) && scale.unsigned_abs() <= precision;
        return fits.then_some(DataType::Decimal128(precision, scale));
    }
    if let Some(unit) = format.strip_prefix("tD") {
        return Some(DataType::Duration(parse_unit(unit)?));
    }
    let (unit, zone) = format.strip_prefix("ts")?.split_once(':')?;
    let zone = (!zone.is_empty()).then(|| Arc::from(zone));
    Some(DataType::Timestamp(parse_unit(unit)?, zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_normal_form_round_trips() {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Float32, true)));
        let entries = DataType::Struct(Fields::from(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", list.clone(), true),
        ]));
        for data_type in [
            DataType::Null,
            DataType::Boolean,
            DataType::UInt16,
            DataType::Int64,
            DataType::Decimal128(38, 10),
            DataType::FixedSizeBinary(16),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            DataType::Duration(TimeUnit::Second),
            list,
            DataType::Map(Arc::new(Field::new("entries", entries, false)), false),
        ] {
            let field = Field::new("x", data_type, true)
                .with_metadata(HashMap::from([("k".into(), "v".into())]));
            let nodes = to_nodes("test", &Schema::new(vec![field.clone()])).unwrap();
            assert_eq!(from_nodes(&nodes).unwrap(), field);
        }
    }

    #[test]
    fn what_no_schema_can_be_is_refused() {
        let node = |format: &str, children| FieldResult {
            name: "x".into(),
            format: format.into(),
            nullable: true,
            children,
            metadata: Vec::new(),
        };
        for nodes in [
            vec![],
            vec![node("q", 0)],
            vec![node("+l", 0)],
            vec![node("l", 1), node("l", 0)],
            vec![node("+s", 2), node("l", 0)],
            vec![node("l", 0), node("l", 0)],
            vec![node("+m", 1), node("l", 0)],
            vec![
                node("+m", 1),
                FieldResult { nullable: false, ..node("+s", 2) },
                node("u", 0),
                node("u", 0),
            ],
            vec![FieldResult { nullable: false, ..node("n", 0) }],
            vec![node("w:0", 0)],
            vec![node("w:-1", 0)],
            vec![node("d:99,0", 0)],
            vec![node("+l", 1); 100],
            vec![node("+s", u32::MAX)],
        ] {
            assert!(from_nodes(&nodes).is_err(), "{nodes:?}");
        }
    }
}
