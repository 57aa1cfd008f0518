//! Typed values of a column: explicit little-endian loads, so buffers need no alignment.

use crate::DataType;
use std::marker::PhantomData;

/// Which values of a column are null.
#[derive(Clone, Copy, Debug)]
pub struct Validity<'a> {
    bits: &'a [u8],
    null_count: usize,
}

impl<'a> Validity<'a> {
    pub(crate) fn new(bits: &'a [u8], null_count: usize) -> Self {
        Self { bits, null_count }
    }
}

impl<'a> Validity<'a> {
    /// Number of nulls.
    #[must_use]
    pub fn null_count(&self) -> usize {
        self.null_count
    }

    /// Whether value i is present.
    #[must_use]
    pub fn is_valid(&self, i: usize) -> bool {
        self.bits.is_empty() || bit(self.bits, i)
    }

    /// The bits of 64 values from this one on, a multiple of 8; anything past the last value.
    #[must_use]
    pub fn word(&self, start: usize) -> u64 {
        if self.bits.is_empty() {
            return u64::MAX;
        }
        let bytes = self.bits.get(start / 8..).unwrap_or_default();
        match bytes.first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        }
    }

    /// The bitmap, least significant bit first; `None` when nothing is null.
    #[must_use]
    pub fn bits(&self) -> Option<&'a [u8]> {
        (!self.bits.is_empty()).then_some(self.bits)
    }
}

pub(crate) fn bit(bits: &[u8], i: usize) -> bool {
    bits[i / 8] >> (i % 8) & 1 == 1
}

/// A fixed-width value as Arrow stores it.
pub trait Native: Copy + Default {
    /// What the type is called in messages.
    const NAME: &'static str;
    /// Bytes of one value.
    const WIDTH: usize;
    /// Whether columns of this type store these values.
    fn holds(data_type: &DataType) -> bool;
    /// Reads a value from exactly `WIDTH` little-endian bytes.
    fn read(bytes: &[u8]) -> Self;
    /// Reads as many values as there are in these little-endian bytes.
    fn read_all(bytes: &[u8]) -> Vec<Self>;
    /// Appends the value's little-endian bytes.
    fn write(self, to: &mut Vec<u8>);
    /// Appends the little-endian bytes of all the values.
    fn write_all(values: &[Self], to: &mut Vec<u8>);
}

macro_rules! native {
    ($($native:ty, $name:literal, ($($types:tt)*);)*) => {$(
        impl Native for $native {
            const NAME: &'static str = $name;
            const WIDTH: usize = size_of::<$native>();
            fn holds(data_type: &DataType) -> bool {
                matches!(data_type, $($types)*)
            }
            #[inline]
            fn read(bytes: &[u8]) -> Self {
                let mut value = [0; size_of::<$native>()];
                value.copy_from_slice(bytes);
                Self::from_le_bytes(value)
            }
            #[inline]
            fn read_all(bytes: &[u8]) -> Vec<Self> {
                let (values, _) = bytes.as_chunks();
                values.iter().map(|value| Self::from_le_bytes(*value)).collect()
            }
            #[inline]
            fn write(self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }
            #[inline]
            fn write_all(values: &[Self], to: &mut Vec<u8>) {
                to.reserve(size_of_val(values));
                let (eights, rest) = values.as_chunks::<8>();
                for eight in eights {
                    to.extend_from_slice(eight.map(<$native>::to_le_bytes).as_flattened());
                }
                for value in rest {
                    value.write(to);
                }
            }
        }
    )*};
}

native! {
    i8, "tinyint", (DataType::Int8);
    u8, "uint8", (DataType::UInt8);
    i16, "smallint", (DataType::Int16);
    u16, "uint16", (DataType::UInt16);
    i32, "int or date", (DataType::Int32 | DataType::Date32);
    u32, "uint32", (DataType::UInt32);
    i64, "bigint, timestamp or duration", (DataType::Int64 | DataType::Timestamp(..) | DataType::Duration(_));
    u64, "uint64", (DataType::UInt64);
    i128, "decimal", (DataType::Decimal128(..));
    f32, "float", (DataType::Float32);
    f64, "double", (DataType::Float64);
}

/// Values of a fixed-width column.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a, T> {
    data: &'a [u8],
    validity: Validity<'a>,
    native: PhantomData<T>,
}

impl<'a, T> Values<'a, T> {
    pub(crate) fn new(data: &'a [u8], validity: Validity<'a>) -> Self {
        Self { data, validity, native: PhantomData }
    }
}

impl<T: Native> Values<'_, T> {
    /// Value i, `None` when null.
    #[inline]
    #[must_use]
    pub fn get(&self, i: usize) -> Option<T> {
        self.validity.is_valid(i).then(|| self.value(i))
    }

    /// Value i as stored; anything where it is null.
    #[inline]
    #[must_use]
    pub fn value(&self, i: usize) -> T {
        T::read(&self.data[i * T::WIDTH..(i + 1) * T::WIDTH])
    }
}

impl<'a, T: Native + 'a> Values<'a, T> {
    /// All values as stored, anything where they are null: the way to read a whole column in
    /// a loop without a check per row.
    pub fn stored(&self) -> impl ExactSizeIterator<Item = T> + 'a {
        self.data.chunks_exact(T::WIDTH).map(T::read)
    }

    /// The first values as stored, at most so many, anything where they are null.
    #[must_use]
    pub fn to_vec(&self, most: usize) -> Vec<T> {
        let bytes = self.data.len().min(most.saturating_mul(T::WIDTH));
        T::read_all(&self.data[..bytes])
    }
}

/// Values of a `boolean` column.
#[derive(Clone, Copy, Debug)]
pub struct Booleans<'a> {
    bits: &'a [u8],
    validity: Validity<'a>,
}

impl<'a> Booleans<'a> {
    pub(crate) fn new(bits: &'a [u8], validity: Validity<'a>) -> Self {
        Self { bits, validity }
    }
}

impl Booleans<'_> {
    /// Value i, `None` when null.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<bool> {
        self.validity.is_valid(i).then(|| bit(self.bits, i))
    }
}

impl<'a> Booleans<'a> {
    /// The values as stored, packed, least significant bit first; anything where they are null.
    #[must_use]
    pub fn bits(&self) -> &'a [u8] {
        self.bits
    }
}

/// Values of a `string` column.
#[derive(Clone, Copy, Debug)]
pub struct Strings<'a> {
    text: &'a str,
    offsets: &'a [i32],
    validity: Validity<'a>,
}

impl<'a> Strings<'a> {
    pub(crate) fn new(text: &'a str, offsets: &'a [i32], validity: Validity<'a>) -> Self {
        Self { text, offsets, validity }
    }
}

impl<'a> Strings<'a> {
    /// Value i, `None` when null.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&'a str> {
        self.validity.is_valid(i).then(|| self.value(i))
    }

    /// Value i as stored; usually empty where it is null.
    #[must_use]
    pub fn value(&self, i: usize) -> &'a str {
        self.text.get(self.offsets[i] as usize..self.offsets[i + 1] as usize).unwrap_or("")
    }
}

/// Bytes of a `string` or `binary` column.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a> {
    data: &'a [u8],
    offsets: &'a [i32],
    validity: Validity<'a>,
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(data: &'a [u8], offsets: &'a [i32], validity: Validity<'a>) -> Self {
        Self { data, offsets, validity }
    }
}

impl<'a> Bytes<'a> {
    /// Value i, `None` when null.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        self.validity.is_valid(i).then(|| self.value(i))
    }

    /// The bytes of all values, one after the other; [`Column::offsets`](crate::Column::offsets) cuts them.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Value i as stored; usually empty where it is null.
    #[must_use]
    pub fn value(&self, i: usize) -> &'a [u8] {
        &self.data[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_bitmap_are_those_of_its_rows() {
        let bits: Vec<u8> = (1..=11).map(|byte| byte * 23).collect();
        let validity = Validity::new(&bits, 1);
        for start in [0, 8, 24, 64, 80] {
            let word = validity.word(start);
            for row in start..(start + 64).min(bits.len() * 8) {
                assert_eq!(word >> (row - start) & 1 == 1, validity.is_valid(row), "{start} {row}");
            }
        }
        assert_eq!((validity.word(88), Validity::new(&[], 0).word(640)), (0, u64::MAX));
    }

    #[test]
    fn values_read_together_are_those_read_one_by_one() {
        let bytes: Vec<u8> = (0..=99).collect();
        let values = Values::<i64>::new(&bytes, Validity::new(&[], 0));
        let each: Vec<_> = values.stored().collect();
        assert_eq!((values.to_vec(7), values.to_vec(usize::MAX)), (each[..7].to_vec(), each));
    }

    #[test]
    fn values_are_written_as_they_are_one_by_one() {
        for length in [0, 1, 7, 8, 9, 24, 31] {
            let values: Vec<i64> = (0..length).map(|value| value * -1_000_003).collect();
            let (mut all, mut each) = (vec![7], vec![7]);
            i64::write_all(&values, &mut all);
            for value in &values {
                value.write(&mut each);
            }
            assert_eq!(all, each);
        }
    }
}
