//! Buffers of columns under construction: validity, fixed-width values, strings, offsets.
//!
//! A column may lag behind its rows: rows beyond its length are null. So a value that is
//! absent costs nothing, and a length equal to the row means "not set yet".

use arrow_array::{ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer,
};

/// Room for the next batch: what this one took, and an eighth more.
fn room(length: usize) -> usize {
    length + length / 8
}

/// Which rows have a value. Holds no bits until the first null.
#[derive(Debug, Default)]
pub(super) struct Validity {
    bits: Vec<u8>,
    length: usize,
}

impl Validity {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    #[inline]
    pub(super) fn push_valid(&mut self) {
        if !self.bits.is_empty() {
            self.push_bit(true);
        }
        self.length += 1;
    }

    fn push_bit(&mut self, bit: bool) {
        if self.length.is_multiple_of(8) {
            self.bits.push(0);
        }
        if let Some(last) = self.bits.last_mut() {
            *last |= u8::from(bit) << (self.length % 8);
        }
    }

    /// Nulls up to a length.
    #[cold]
    pub(super) fn pad(&mut self, length: usize) {
        if self.bits.is_empty() && length > self.length {
            self.bits.resize(self.length.div_ceil(8), 0xff);
            self.clear_tail();
        }
        while self.length < length {
            if self.length.is_multiple_of(8) && length - self.length >= 8 {
                let bytes = (length - self.length) / 8;
                self.bits.resize(self.bits.len() + bytes, 0);
                self.length += bytes * 8;
            } else {
                self.push_bit(false);
                self.length += 1;
            }
        }
    }

    fn clear_tail(&mut self) {
        let used = self.length % 8;
        if used != 0
            && let Some(last) = self.bits.last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }

    #[cold]
    pub(super) fn truncate(&mut self, length: usize) {
        if length < self.length {
            self.length = length;
            self.bits.truncate(length.div_ceil(8));
            self.clear_tail();
        }
    }

    /// The finished bitmap; the next one starts.
    pub(super) fn take(&mut self) -> Option<NullBuffer> {
        let length = std::mem::take(&mut self.length);
        let bits = std::mem::take(&mut self.bits);
        (!bits.is_empty())
            .then(|| NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(bits), 0, length)))
            .filter(|nulls| nulls.null_count() > 0)
    }
}

/// A column of fixed-width values.
#[derive(Debug, Default)]
pub(super) struct Values<T> {
    values: Vec<T>,
    validity: Validity,
}

impl<T: ArrowNativeType> Values<T> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    pub(super) fn push(&mut self, value: T) {
        self.values.push(value);
        self.validity.push_valid();
    }

    pub(super) fn pad(&mut self, length: usize) {
        self.values.resize(length, T::default());
        self.validity.pad(length);
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.values.truncate(length);
        self.validity.truncate(length);
    }

    pub(super) fn take<A: ArrowPrimitiveType<Native = T>>(&mut self) -> PrimitiveArray<A> {
        let next = Vec::with_capacity(room(self.values.len()));
        let values = std::mem::replace(&mut self.values, next);
        PrimitiveArray::new(ScalarBuffer::from(values), self.validity.take())
    }
}

impl Values<u8> {
    /// The column as booleans: 0 is false.
    pub(super) fn take_booleans(&mut self) -> BooleanArray {
        let next = Vec::with_capacity(room(self.values.len()));
        let values = std::mem::replace(&mut self.values, next);
        let bits = BooleanBuffer::collect_bool(values.len(), |i| values[i] != 0);
        BooleanArray::new(bits, self.validity.take())
    }
}

/// Where lists, maps or strings end: `length + 1` offsets, the first 0.
#[derive(Debug)]
pub(super) struct Offsets {
    offsets: Vec<i32>,
    validity: Validity,
}

impl Default for Offsets {
    fn default() -> Self {
        Self { offsets: vec![0], validity: Validity::default() }
    }
}

impl Offsets {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.validity.len()
    }

    /// End of the last value.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.offsets.last().map_or(0, |end| *end as usize)
    }

    #[inline]
    pub(super) fn push(&mut self, end: usize) {
        self.offsets.push(end as i32);
        self.validity.push_valid();
    }

    pub(super) fn pad(&mut self, length: usize) {
        let end = self.end() as i32;
        self.offsets.resize(length + 1, end);
        self.validity.pad(length);
    }

    /// Forgets values; gives where the last one left ends.
    pub(super) fn truncate(&mut self, length: usize) -> usize {
        self.offsets.truncate(length + 1);
        self.validity.truncate(length);
        self.end()
    }

    pub(super) fn take(&mut self) -> (OffsetBuffer<i32>, Option<NullBuffer>) {
        let mut next = Vec::with_capacity(room(self.offsets.len()));
        next.push(0);
        let offsets = std::mem::replace(&mut self.offsets, next);
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), self.validity.take())
    }

    /// The bounds of a value.
    pub(super) fn range(&self, index: usize) -> std::ops::Range<usize> {
        self.offsets[index] as usize..self.offsets[index + 1] as usize
    }
}

/// A column of strings or bytes.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    pub(super) offsets: Offsets,
    pub(super) data: Vec<u8>,
}

impl Bytes {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Ends a value: what was appended to `data` since the last one ended.
    #[inline]
    pub(super) fn close(&mut self) {
        self.offsets.push(self.data.len());
    }

    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.close();
    }

    pub(super) fn truncate(&mut self, length: usize) {
        let end = self.offsets.truncate(length);
        self.data.truncate(end);
    }

    pub(super) fn value(&self, index: usize) -> &[u8] {
        &self.data[self.offsets.range(index)]
    }

    pub(super) fn take(&mut self) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
        let (offsets, nulls) = self.offsets.take();
        let next = Vec::with_capacity(room(self.data.len()));
        let data = std::mem::replace(&mut self.data, next);
        (offsets, Buffer::from_vec(data), nulls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_survives_pads_and_truncations() {
        for first in [0, 3, 8, 9] {
            for nulls in [0, 1, 7, 8, 20] {
                let mut validity = Validity::default();
                (0..first).for_each(|_| validity.push_valid());
                validity.pad(first + nulls + 5);
                validity.truncate(first + nulls);
                validity.push_valid();
                assert_eq!(validity.len(), first + nulls + 1);
                let taken = validity.take();
                assert_eq!(taken.as_ref().map_or(0, NullBuffer::null_count), nulls);
                if let Some(taken) = taken {
                    let expected = (0..=first + nulls).map(|i| i < first || i == first + nulls);
                    assert!(taken.iter().eq(expected));
                }
                assert_eq!(validity.len(), 0);
            }
        }
    }
}
