//! Arrays into the sandbox: buffers lent as they are, copied only where a slice must be
//! rebased.

use super::bindings::lockgate::transform::types::{ArrayParam, Part};
use crate::diagnostic::{Diagnostic, Result};
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::DataType;

/// The buffers of one node, in the form of the contract.
pub(super) struct Node {
    length: usize,
    null_count: usize,
    validity: Option<Buffer>,
    offsets: Vec<i32>,
    /// Offsets that need no rebasing are lent instead of copied.
    lent: Option<OffsetBuffer<i32>>,
    data: Option<Buffer>,
}

impl Node {
    fn new(array: &dyn Array) -> Self {
        let validity = array.nulls().filter(|nulls| nulls.null_count() > 0).map(packed_nulls);
        let null_count = if validity.is_some() { array.null_count() } else { 0 };
        let length = array.len();
        Self { length, null_count, validity, offsets: Vec::new(), lent: None, data: None }
    }

    pub(super) fn as_param(&self) -> ArrayParam<'_> {
        ArrayParam {
            length: self.length as u32,
            null_count: self.null_count as u32,
            validity: self.validity.as_deref().unwrap_or_default(),
            offsets: self.lent.as_ref().map_or(&self.offsets, |lent| lent),
            data: self.data.as_deref().unwrap_or_default(),
        }
    }

    /// Bytes of its buffers.
    pub(super) fn bytes(&self) -> u64 {
        let param = self.as_param();
        let bytes = param.validity.len() + size_of_val(param.offsets) + param.data.len();
        bytes as u64
    }

    /// Takes offsets, rebased to start at 0; gives the range of values they span.
    fn set_offsets(&mut self, offsets: &OffsetBuffer<i32>) -> std::ops::Range<usize> {
        let first = offsets[0];
        let last = offsets[offsets.len() - 1];
        if first == 0 {
            self.lent = Some(offsets.clone());
        } else {
            self.offsets = offsets.iter().map(|offset| offset - first).collect();
        }
        first as usize..last as usize
    }
}

/// The nodes of one column, in pre-order.
///
/// # Errors
/// Fails for a type outside the contract's normal forms.
pub(super) fn column(array: &ArrayRef, part: Part, nodes: &mut Vec<Node>) -> Result<()> {
    let mut node = Node::new(array);
    match part {
        Part::Full => return full(array, nodes),
        Part::Validity => {}
        Part::Offsets => {
            let offsets = offsets(array).ok_or_else(|| {
                let data_type = array.data_type();
                Diagnostic::plugin(format!("a column of type {data_type} has no offsets to read"))
            })?;
            node.set_offsets(offsets);
        }
    }
    nodes.push(node);
    Ok(())
}

fn offsets(array: &ArrayRef) -> Option<&OffsetBuffer<i32>> {
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().offsets()),
        DataType::Binary => Some(array.as_binary::<i32>().offsets()),
        DataType::List(_) => Some(array.as_list::<i32>().offsets()),
        DataType::Map(..) => Some(array.as_map().offsets()),
        _ => None,
    }
}

fn full(array: &ArrayRef, nodes: &mut Vec<Node>) -> Result<()> {
    let mut node = Node::new(array);
    match array.data_type() {
        DataType::Null => {}
        DataType::Boolean => node.data = Some(packed_bits(array.as_boolean().values())),
        DataType::Utf8 => {
            let strings = array.as_string::<i32>();
            let span = node.set_offsets(strings.offsets());
            node.data = Some(strings.values().slice_with_length(span.start, span.len()));
        }
        DataType::Binary => {
            let binaries = array.as_binary::<i32>();
            let span = node.set_offsets(binaries.offsets());
            node.data = Some(binaries.values().slice_with_length(span.start, span.len()));
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let span = node.set_offsets(lists.offsets());
            nodes.push(node);
            return full(&lists.values().slice(span.start, span.len()), nodes);
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            let span = node.set_offsets(maps.offsets());
            nodes.push(node);
            let entries: ArrayRef =
                std::sync::Arc::new(maps.entries().slice(span.start, span.len()));
            return full(&entries, nodes);
        }
        DataType::Struct(_) => {
            nodes.push(node);
            return array.as_struct().columns().iter().try_for_each(|member| full(member, nodes));
        }
        other => {
            let data = array.to_data();
            let width = other.primitive_width().or(match other {
                DataType::FixedSizeBinary(width) => usize::try_from(*width).ok(),
                _ => None,
            });
            let (Some(width), Some(buffer)) = (width, data.buffers().first()) else {
                return Err(Diagnostic::plugin(format!(
                    "a column of type {other} cannot be given to a plugin"
                )));
            };
            node.data = Some(buffer.slice_with_length(data.offset() * width, data.len() * width));
        }
    }
    nodes.push(node);
    Ok(())
}

fn packed_nulls(nulls: &NullBuffer) -> Buffer {
    packed_bits(nulls.inner())
}

/// Exactly `ceil(length / 8)` bytes without a leading bit offset and with clear unused bits.
fn packed_bits(bits: &BooleanBuffer) -> Buffer {
    let bytes = bits.len().div_ceil(8);
    let packed = bits.sliced();
    let packed = if packed.len() > bytes { packed.slice_with_length(0, bytes) } else { packed };
    let used = bits.len() % 8;
    match packed.last() {
        Some(last) if used != 0 && last >> used != 0 => {
            let mut copy = packed.to_vec();
            if let Some(last) = copy.last_mut() {
                *last &= (1 << used) - 1;
            }
            Buffer::from(copy)
        }
        _ => packed,
    }
}
