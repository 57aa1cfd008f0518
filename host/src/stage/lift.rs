//! Arrays out of the sandbox: every length, offset, bit and byte is checked before it is used.

use super::bindings::lockgate::transform::types::ArrayResult;
use arrow_array::{Array, ArrayRef, Decimal128Array, make_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field};

/// Longest column of type `null`.
const MAX_NULLS: usize = 1 << 24;

/// Why a guest's column was refused, in the words of the contract.
pub(super) type Breach = String;

/// The computed columns of one call, each of `rows` values.
///
/// # Errors
/// Says which column breaks which rule.
pub(super) fn columns(
    fields: &[std::sync::Arc<Field>],
    nodes: Vec<ArrayResult>,
    rows: usize,
) -> Result<Vec<ArrayRef>, Breach> {
    let mut nodes = nodes.into_iter();
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let column = column(field, &mut nodes, Some(rows))
            .map_err(|breach| format!("computed column `{}`: {breach}", field.name()))?;
        columns.push(column);
    }
    match nodes.len() {
        0 => Ok(columns),
        more => Err(format!("{more} nodes more than the plan's computed columns have")),
    }
}

fn column(
    field: &Field,
    nodes: &mut impl Iterator<Item = ArrayResult>,
    rows: Option<usize>,
) -> Result<ArrayRef, Breach> {
    let array = make_array(data(field, nodes, rows)?);
    if let Some(decimals) = array.as_any().downcast_ref::<Decimal128Array>() {
        decimals
            .validate_decimal_precision(decimals.precision())
            .map_err(|error| error.to_string())?;
    }
    Ok(array)
}

fn data(
    field: &Field,
    nodes: &mut impl Iterator<Item = ArrayResult>,
    rows: Option<usize>,
) -> Result<ArrayData, Breach> {
    let node = nodes.next().ok_or("too few nodes were returned")?;
    let length = node.length as usize;
    if let Some(rows) = rows
        && length != rows
    {
        return Err(format!("it has {length} values where {rows} are due"));
    }
    let nulls = nulls(&node, length)?;
    if nulls.is_some() && !field.is_nullable() {
        let count = node.null_count;
        return Err(format!("{count} values are null, but the plan says it is never null"));
    }
    let mut builder = ArrayData::builder(field.data_type().clone()).len(length).align_buffers(true);
    match field.data_type() {
        // It has no buffers that would be counted against the output's limit.
        DataType::Null if length > MAX_NULLS => {
            return Err(format!("it has {length} nulls, at most {MAX_NULLS} fit a batch"));
        }
        DataType::Null => return Ok(ArrayData::new_null(&DataType::Null, length)),
        DataType::Boolean => {
            expect_bytes("bits", node.data.len(), length.div_ceil(8))?;
            builder = builder.add_buffer(Buffer::from(node.data));
        }
        DataType::Utf8 | DataType::Binary => {
            let offsets = offsets(node.offsets, length, node.data.len())?;
            builder = builder.add_buffer(offsets).add_buffer(Buffer::from(node.data));
        }
        DataType::List(child) | DataType::Map(child, _) => {
            let child = data(child, nodes, None)?;
            let offsets = offsets(node.offsets, length, child.len())?;
            builder = builder.add_buffer(offsets).add_child_data(child);
        }
        DataType::Struct(members) => {
            for member in members {
                // Nulls of the struct hide its members, so only rows it has can breach a
                // member's own "never null".
                let relaxed = member.as_ref().clone().with_nullable(true);
                let member = if nulls.is_some() { &relaxed } else { member.as_ref() };
                builder = builder.add_child_data(data(member, nodes, Some(length))?);
            }
        }
        other => {
            let width = match other {
                DataType::FixedSizeBinary(width) => *width as usize,
                other => other
                    .primitive_width()
                    .ok_or_else(|| format!("type {other} is not in the contract"))?,
            };
            let due = length.checked_mul(width).ok_or("its length overflows")?;
            expect_bytes("data", node.data.len(), due)?;
            builder = builder.add_buffer(Buffer::from(node.data));
        }
    }
    builder.nulls(nulls).build().map_err(|error| error.to_string())
}

fn nulls(node: &ArrayResult, length: usize) -> Result<Option<NullBuffer>, Breach> {
    if node.null_count == 0 {
        expect_bytes("validity", node.validity.len(), 0)?;
        return Ok(None);
    }
    expect_bytes("validity", node.validity.len(), length.div_ceil(8))?;
    let bits = BooleanBuffer::new(Buffer::from(node.validity.as_slice()), 0, length);
    let nulls = NullBuffer::new(bits);
    let (said, actual) = (node.null_count as usize, nulls.null_count());
    if said == actual {
        Ok(Some(nulls))
    } else {
        Err(format!("it says {said} nulls and has {actual}"))
    }
}

fn offsets(offsets: Vec<i32>, length: usize, end: usize) -> Result<Buffer, Breach> {
    if offsets.len() != length + 1 {
        return Err(format!("it has {} offsets where {} are due", offsets.len(), length + 1));
    }
    if offsets[0] != 0 || !offsets.is_sorted() {
        return Err("its offsets do not start at 0 and grow".into());
    }
    let last = offsets[length] as usize;
    if last > end {
        return Err(format!("its offsets reach {last}, its values end at {end}"));
    }
    Ok(ScalarBuffer::from(offsets).into_inner())
}

fn expect_bytes(what: &str, actual: usize, due: usize) -> Result<(), Breach> {
    if actual == due {
        Ok(())
    } else {
        Err(format!("{actual} bytes of {what} where {due} are due"))
    }
}
