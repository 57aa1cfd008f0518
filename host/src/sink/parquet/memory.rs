//! How many bytes rows take, counted by what a page holds of them while it is open rather than by
//! what was allocated, so that the same rows always count the same.

use arrow_array::{Array, GenericByteArray, OffsetSizeTrait, cast::AsArray, types::ByteArrayType};
use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;
use std::ops::Range;

/// What a page holds at least of a value that is no text.
const WORD_BYTES: usize = size_of::<u64>();

/// Bytes of some rows of one column.
pub(super) fn column_bytes(array: &dyn Array, range: &Range<usize>) -> usize {
    use DataType as T;
    let rows = range.len();
    let levels = if array.nulls().is_some() { rows } else { 0 };
    levels
        + match array.data_type() {
            T::Null => rows,
            T::Boolean => rows * WORD_BYTES,
            T::FixedSizeBinary(width) => rows * *width as usize,
            T::Utf8 => text_bytes(array.as_string::<i32>(), range),
            T::Binary => text_bytes(array.as_binary::<i32>(), range),
            T::Struct(_) => {
                array.as_struct().columns().iter().map(|member| column_bytes(member, range)).sum()
            }
            T::List(_) => {
                let lists = array.as_list::<i32>();
                list_bytes(lists.value_offsets(), range, lists.values())
            }
            T::Map(..) => {
                let maps = array.as_map();
                list_bytes(maps.value_offsets(), range, maps.entries())
            }
            other => rows * other.primitive_width().unwrap_or_default().max(WORD_BYTES),
        }
}

/// Offsets, and the values of these lists.
fn list_bytes<O: OffsetSizeTrait>(
    offsets: &[O],
    range: &Range<usize>,
    values: &dyn Array,
) -> usize {
    let items = offsets[range.start].as_usize()..offsets[range.end].as_usize();
    size_of::<O>() * (range.len() + 1) + column_bytes(values, &items)
}

fn text_bytes<T: ByteArrayType>(array: &GenericByteArray<T>, range: &Range<usize>) -> usize {
    let offsets = array.value_offsets();
    let bytes = offsets[range.end].as_usize() - offsets[range.start].as_usize();
    size_of::<T::Offset>() * (range.len() + 1) + bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{BooleanArray, Int8Array, NullArray};

    #[test]
    fn narrow_columns_count_as_what_an_open_page_holds_of_them() {
        let rows = 1_000;
        let booleans: BooleanArray = (0..rows).map(|row| Some(row % 2 == 0)).collect();
        let some: Int8Array = (0..rows).map(|row| (row % 2 == 0).then_some(1)).collect();
        let whole = |array: &dyn Array| column_bytes(array, &(0..array.len()));
        assert!(whole(&booleans) >= 8 * rows);
        assert!(whole(&some) >= 9 * rows, "a level and a word");
        assert!(whole(&NullArray::new(rows)) >= rows);
    }
}
