//! How many bytes rows take, counted by what they hold rather than by what was allocated, so
//! that the same rows always count the same.

use arrow_array::{
    Array, GenericByteArray, OffsetSizeTrait, RecordBatch, cast::AsArray, types::ByteArrayType,
};
use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;

/// Bytes of a batch's values, offsets and validity.
pub(super) fn batch_bytes(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(|column| array_bytes(column) as u64).sum()
}

fn array_bytes(array: &dyn Array) -> usize {
    use DataType as T;
    let rows = array.len();
    let validity = if array.nulls().is_some() { rows / 8 + 1 } else { 0 };
    validity
        + match array.data_type() {
            T::Null => 0,
            T::Boolean => rows / 8 + 1,
            T::Utf8 => text_bytes(array.as_string::<i32>()),
            T::LargeUtf8 => text_bytes(array.as_string::<i64>()),
            T::Binary => text_bytes(array.as_binary::<i32>()),
            T::LargeBinary => text_bytes(array.as_binary::<i64>()),
            T::Struct(_) => array.as_struct().columns().iter().map(|c| array_bytes(c)).sum(),
            T::List(_) => {
                let lists = array.as_list::<i32>();
                list_bytes(lists.value_offsets(), lists.values())
            }
            T::LargeList(_) => {
                let lists = array.as_list::<i64>();
                list_bytes(lists.value_offsets(), lists.values())
            }
            T::Map(..) => {
                let maps = array.as_map();
                list_bytes(maps.value_offsets(), maps.entries())
            }
            other => match other.primitive_width() {
                Some(width) => rows * width,
                None => array.to_data().get_slice_memory_size().unwrap_or_default(),
            },
        }
}

/// Offsets, and the share of the values that these lists hold, all taken as equally large.
fn list_bytes<O: OffsetSizeTrait>(offsets: &[O], values: &dyn Array) -> usize {
    let all = values.len().max(1) as u128;
    let held = span(offsets) as u128;
    size_of_val(offsets) + (array_bytes(values) as u128 * held / all) as usize
}

fn text_bytes<T: ByteArrayType>(array: &GenericByteArray<T>) -> usize {
    let offsets = array.value_offsets();
    size_of_val(offsets) + span(offsets)
}

fn span<O: ArrowNativeType>(offsets: &[O]) -> usize {
    match offsets {
        [first, .., last] => last.as_usize() - first.as_usize(),
        _ => 0,
    }
}
