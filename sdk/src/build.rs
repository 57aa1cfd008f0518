//! Builders for computed columns and for the bitmap of rows to keep.

use crate::{Native, Node};
use std::marker::PhantomData;

/// A finished computed column, as it goes back to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computed {
    pub(crate) nodes: Vec<Node>,
}

impl Computed {
    /// The column's nodes, in pre-order.
    #[must_use]
    pub fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }
}

/// A bitmap that grows bit by bit, least significant bit first.
#[derive(Clone, Debug, Default)]
pub struct Bitmap {
    bytes: Vec<u8>,
    length: usize,
    set: usize,
}

impl Bitmap {
    /// An empty bitmap with room for `bits`.
    #[must_use]
    pub fn with_capacity(bits: usize) -> Self {
        Self { bytes: Vec::with_capacity(bits.div_ceil(8)), length: 0, set: 0 }
    }

    /// `bits` copies of `value`.
    #[must_use]
    pub fn filled(bits: usize, value: bool) -> Self {
        let fill = if value { 0xff } else { 0 };
        let mut bytes = vec![fill; bits.div_ceil(8)];
        if value
            && !bits.is_multiple_of(8)
            && let Some(last) = bytes.last_mut()
        {
            *last = (1 << (bits % 8)) - 1;
        }
        Self { bytes, length: bits, set: if value { bits } else { 0 } }
    }

    /// A bitmap of the first `bits` bits of these little-endian words.
    #[must_use]
    pub fn from_words(words: &[u64], bits: usize) -> Self {
        let mut bytes = Vec::with_capacity(words.len() * 8);
        for word in words {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.resize(bits.div_ceil(8), 0);
        if !bits.is_multiple_of(8)
            && let Some(last) = bytes.last_mut()
        {
            *last &= (1 << (bits % 8)) - 1;
        }
        let (eights, rest) = bytes.as_chunks();
        let set = eights.iter().map(|eight| u64::from_le_bytes(*eight).count_ones()).sum::<u32>()
            + rest.iter().map(|byte| byte.count_ones()).sum::<u32>();
        Self { bytes, length: bits, set: set as usize }
    }

    /// Appends a bit.
    #[inline]
    pub fn push(&mut self, bit: bool) {
        if self.length.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.length % 8);
        }
        self.length += 1;
        self.set += usize::from(bit);
    }

    /// Appends the lowest `count` bits, at most 64, of a word.
    pub fn push_word(&mut self, word: u64, count: usize) {
        if !self.length.is_multiple_of(8) {
            (0..count).for_each(|i| self.push(word >> i & 1 == 1));
            return;
        }
        let word = if count < 64 { word & ((1 << count) - 1) } else { word };
        self.bytes.extend_from_slice(&word.to_le_bytes()[..count.div_ceil(8)]);
        self.length += count;
        self.set += word.count_ones() as usize;
    }

    /// Number of bits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no bits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Number of bits that are set.
    #[must_use]
    pub fn count_set(&self) -> usize {
        self.set
    }

    /// The bytes, the unused bits of the last one clear.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl FromIterator<bool> for Bitmap {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Self {
        let bits = bits.into_iter();
        let mut bitmap = Self::with_capacity(bits.size_hint().0);
        bits.for_each(|bit| bitmap.push(bit));
        bitmap
    }
}

/// Builds one column, value by value.
pub trait Build {
    /// What one value is given as.
    type Item<'a>;
    /// Appends a value.
    fn push(&mut self, item: Self::Item<'_>);
    /// Appends a null.
    fn push_null(&mut self);
    /// Number of values so far.
    fn len(&self) -> usize;
    /// Whether there are no values yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Appends a value or a null.
    fn push_option(&mut self, item: Option<Self::Item<'_>>) {
        match item {
            Some(item) => self.push(item),
            None => self.push_null(),
        }
    }
    /// The finished column.
    fn finish(self) -> Computed;
}

fn node(validity: Bitmap, offsets: Vec<i32>, data: Vec<u8>) -> Node {
    let null_count = (validity.len() - validity.count_set()) as u32;
    let length = validity.len() as u32;
    let validity = if null_count == 0 { Vec::new() } else { validity.into_bytes() };
    Node { length, null_count, validity, offsets, data }
}

/// Builds a fixed-width column.
#[derive(Clone, Debug)]
pub struct ValuesBuilder<T> {
    validity: Bitmap,
    data: Vec<u8>,
    native: PhantomData<T>,
}

impl<T: Native> ValuesBuilder<T> {
    /// A builder with room for `rows` values.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        let data = Vec::with_capacity(rows * T::WIDTH);
        Self { validity: Bitmap::with_capacity(rows), data, native: PhantomData }
    }

    /// Appends at most 64 values at once; bit i of `valid` is clear where value i is null.
    pub fn push_word(&mut self, values: &[T], valid: u64) {
        T::write_all(values, &mut self.data);
        self.validity.push_word(valid, values.len());
    }
}

impl<T: Native> Build for ValuesBuilder<T> {
    type Item<'a> = T;

    #[inline]
    fn push(&mut self, item: T) {
        item.write(&mut self.data);
        self.validity.push(true);
    }

    #[inline]
    fn push_null(&mut self) {
        T::default().write(&mut self.data);
        self.validity.push(false);
    }

    fn len(&self) -> usize {
        self.validity.len()
    }

    fn finish(self) -> Computed {
        Computed { nodes: vec![node(self.validity, Vec::new(), self.data)] }
    }
}

/// Builds a `boolean` column.
#[derive(Clone, Debug, Default)]
pub struct BooleansBuilder {
    validity: Bitmap,
    bits: Bitmap,
}

impl Build for BooleansBuilder {
    type Item<'a> = bool;

    fn push(&mut self, item: bool) {
        self.bits.push(item);
        self.validity.push(true);
    }

    fn push_null(&mut self) {
        self.bits.push(false);
        self.validity.push(false);
    }

    fn len(&self) -> usize {
        self.validity.len()
    }

    fn finish(self) -> Computed {
        Computed { nodes: vec![node(self.validity, Vec::new(), self.bits.into_bytes())] }
    }
}

/// Builds a `string` column; more than 2 GiB of text in one batch does not fit the contract.
#[derive(Clone, Debug)]
pub struct StringsBuilder {
    validity: Bitmap,
    offsets: Vec<i32>,
    data: Vec<u8>,
}

impl StringsBuilder {
    /// A builder with room for `rows` values.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { validity: Bitmap::with_capacity(rows), offsets, data: Vec::new() }
    }
}

impl Build for StringsBuilder {
    type Item<'a> = &'a str;

    fn push(&mut self, item: &str) {
        self.data.extend_from_slice(item.as_bytes());
        self.offsets.push(self.data.len() as i32);
        self.validity.push(true);
    }

    fn push_null(&mut self) {
        self.offsets.push(self.data.len() as i32);
        self.validity.push(false);
    }

    fn len(&self) -> usize {
        self.validity.len()
    }

    fn finish(self) -> Computed {
        Computed { nodes: vec![node(self.validity, self.offsets, self.data)] }
    }
}

/// Builds a list column: push the elements of one list into `elements`, then close it.
#[derive(Clone, Debug)]
pub struct ListsBuilder<B> {
    /// Where the elements go.
    pub elements: B,
    validity: Bitmap,
    offsets: Vec<i32>,
}

impl<B: Build> ListsBuilder<B> {
    /// A builder over this builder of elements.
    #[must_use]
    pub fn new(elements: B) -> Self {
        Self { elements, validity: Bitmap::default(), offsets: vec![0] }
    }

    fn close(&mut self, valid: bool) {
        self.offsets.push(self.elements.len() as i32);
        self.validity.push(valid);
    }

    /// Ends a list: it holds the elements pushed since the last one ended.
    pub fn close_list(&mut self) {
        self.close(true);
    }

    /// Ends a null list.
    pub fn close_null(&mut self) {
        self.close(false);
    }

    /// The finished column.
    #[must_use]
    pub fn finish(self) -> Computed {
        let mut nodes = vec![node(self.validity, self.offsets, Vec::new())];
        nodes.extend(self.elements.finish().nodes);
        Computed { nodes }
    }
}

/// A struct column of these finished members, with one validity bit per row.
#[must_use]
pub fn structs(validity: Bitmap, members: Vec<Computed>) -> Computed {
    let mut nodes = vec![node(validity, Vec::new(), Vec::new())];
    nodes.extend(members.into_iter().flat_map(|member| member.nodes));
    Computed { nodes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_pushed_as_words_are_those_pushed_one_by_one() {
        let word = 0x9234_5678_9abc_def1;
        for before in [0, 1, 8, 13] {
            for count in [0, 1, 7, 8, 63, 64] {
                let mut words = Bitmap::filled(before, true);
                let mut single = words.clone();
                words.push_word(word, count);
                (0..count).for_each(|i| single.push(word >> i & 1 == 1));
                assert_eq!((words.len(), words.count_set()), (single.len(), single.count_set()));
                assert_eq!(words.into_bytes(), single.into_bytes(), "{before} and {count}");
            }
        }
    }

    #[test]
    fn values_pushed_as_words_are_those_pushed_one_by_one() {
        let (mut words, mut single) =
            (ValuesBuilder::with_capacity(2), ValuesBuilder::with_capacity(2));
        words.push_word(&[7i32, 0, 9], 0b101);
        single.push(7);
        single.push_null();
        single.push(9);
        assert_eq!(words.finish(), single.finish());
    }
}
