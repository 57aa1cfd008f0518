//! Values of a column, from Arrow arrays to the bytes of a page.
//!
//! | held as | types | plain form | packed form |
//! |---|---|---|---|
//! | bits | boolean | `PLAIN` | |
//! | words | numbers, dates, times, short decimals | `PLAIN` | `DELTA_BINARY_PACKED` |
//! | texts | strings, binary | `PLAIN` | `DELTA_LENGTH_BYTE_ARRAY` |
//! | fixed | fixed-size binary, long decimals | `PLAIN` | |
//!
//! All but bits may have a dictionary; then a page has the numbers of its values.

use super::{
    bound::{self, Bounds},
    delta,
    dictionary::Dictionary,
    hybrid,
    kind::Kind,
    numbers::Numbers,
    plain::{copy_texts, put_text, put_words},
};
use arrow_array::{
    Array, PrimitiveArray,
    cast::AsArray,
    types::{
        ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
        Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};
use parquet::basic::{Encoding, Type};

/// Bytes of distinct values, at most; beyond, the rest of the column has no dictionary.
const DICTIONARY_BYTES: usize = 1 << 20;

/// What a page holds beside its bytes.
#[derive(Debug)]
pub(super) struct PageValues {
    pub(super) encoding: Encoding,
    pub(super) bounds: Bounds,
    /// Bytes of its strings.
    pub(super) text_bytes: Option<i64>,
}

/// Values of the page at hand, and the dictionary of all pages.
#[derive(Debug)]
pub(super) struct Values {
    kind: Kind,
    /// Which form values without a dictionary take.
    packed: bool,
    dictionary: Option<Dictionary>,
    /// A dictionary that takes no more values.
    full: Option<Dictionary>,
    /// Numbers of the page's values in the dictionary.
    numbers: Numbers,
    /// Values without a dictionary, where they are no byte strings.
    words: Vec<u64>,
    bytes: Vec<u8>,
    lengths: Numbers,
    text_bytes: i64,
}

impl Values {
    pub(super) fn new(kind: Kind, dictionary: bool, packed: bool) -> Self {
        let dictionary = dictionary.then(|| Dictionary::of(kind)).flatten();
        let (numbers, words, bytes, lengths) = Default::default();
        Self { kind, packed, dictionary, full: None, numbers, words, bytes, lengths, text_bytes: 0 }
    }

    /// Adds the values at these positions, none of which is null.
    pub(super) fn append(
        &mut self,
        array: &dyn Array,
        at: impl ExactSizeIterator<Item = usize> + Clone,
    ) {
        use DataType as T;
        match array.data_type() {
            T::Boolean => {
                let values = array.as_boolean().values();
                self.words.extend(at.map(|i| u64::from(values.value(i))));
            }
            T::Int8 => self.append_words::<Int8Type>(array, at, |v| u64::from(i32::from(v) as u32)),
            T::Int16 => {
                self.append_words::<Int16Type>(array, at, |v| u64::from(i32::from(v) as u32));
            }
            T::Int32 => self.append_words::<Int32Type>(array, at, |v| u64::from(v as u32)),
            T::Date32 => self.append_words::<Date32Type>(array, at, |v| u64::from(v as u32)),
            T::UInt8 => self.append_words::<UInt8Type>(array, at, u64::from),
            T::UInt16 => self.append_words::<UInt16Type>(array, at, u64::from),
            T::UInt32 => self.append_words::<UInt32Type>(array, at, u64::from),
            T::Int64 => self.append_words::<Int64Type>(array, at, |v| v as u64),
            T::UInt64 => self.append_words::<UInt64Type>(array, at, |v| v),
            T::Float32 => self.append_words::<Float32Type>(array, at, |v| v.to_bits().into()),
            T::Float64 => self.append_words::<Float64Type>(array, at, f64::to_bits),
            T::Timestamp(TimeUnit::Millisecond, _) => {
                self.append_words::<TimestampMillisecondType>(array, at, |v| v as u64);
            }
            T::Timestamp(TimeUnit::Microsecond, _) => {
                self.append_words::<TimestampMicrosecondType>(array, at, |v| v as u64);
            }
            T::Timestamp(TimeUnit::Nanosecond, _) => {
                self.append_words::<TimestampNanosecondType>(array, at, |v| v as u64);
            }
            T::Decimal128(..) if self.kind.physical == Type::INT32 => {
                self.append_words::<Decimal128Type>(array, at, |v| u64::from(v as u32));
            }
            T::Decimal128(..) if self.kind.physical == Type::INT64 => {
                self.append_words::<Decimal128Type>(array, at, |v| v as u64);
            }
            T::Decimal128(..) => {
                let unused = size_of::<i128>() - self.kind.width;
                let values = array.as_primitive::<Decimal128Type>().values();
                at.for_each(|i| self.append_text(&values[i].to_be_bytes()[unused..]));
            }
            T::FixedSizeBinary(_) => {
                let values = array.as_fixed_size_binary();
                at.for_each(|i| self.append_text(values.value(i)));
            }
            T::Utf8 => {
                let array = array.as_string::<i32>();
                self.append_texts(array.value_offsets(), array.value_data(), at);
            }
            T::Binary => {
                let array = array.as_binary::<i32>();
                self.append_texts(array.value_offsets(), array.value_data(), at);
            }
            // A column of nulls has no values.
            _ => {}
        }
    }

    fn append_words<T: ArrowPrimitiveType>(
        &mut self,
        array: &dyn Array,
        at: impl ExactSizeIterator<Item = usize> + Clone,
        word: impl Fn(T::Native) -> u64,
    ) {
        let array: &PrimitiveArray<T> = array.as_primitive();
        let values = array.values();
        match &mut self.dictionary {
            Some(Dictionary::Words(known)) => {
                self.numbers.extend(&at, |i| known.number(word(values[i])));
            }
            _ => self.words.extend(at.map(|i| word(values[i]))),
        }
    }

    fn append_texts(
        &mut self,
        offsets: &[i32],
        data: &[u8],
        at: impl ExactSizeIterator<Item = usize> + Clone,
    ) {
        let text = |i: usize| &data[offsets[i] as usize..offsets[i + 1] as usize];
        let length = |i: usize| (offsets[i + 1] - offsets[i]) as u32;
        let total = at.clone().map(|i| length(i) as usize).sum::<usize>();
        self.text_bytes += total as i64;
        if let Some(Dictionary::Texts(known)) = &mut self.dictionary {
            return self.numbers.extend(&at, |i| known.number(text(i)));
        }
        self.lengths.extend(&at, length);
        let places = at.map(|i| (offsets[i] as usize, length(i) as usize));
        copy_texts(data, places, total, &mut self.bytes);
    }

    fn append_text(&mut self, value: &[u8]) {
        if let Some(Dictionary::Texts(known)) = &mut self.dictionary {
            return self.numbers.push(known.number(value));
        }
        self.lengths.push(value.len() as u32);
        self.bytes.extend_from_slice(value);
    }

    /// Bytes that the page's values take, about.
    pub(super) fn page_bytes(&self) -> usize {
        let width = hybrid::bit_width(self.distinct() as u32);
        let words = if self.kind.physical == Type::BOOLEAN {
            self.words.len() / 8
        } else {
            self.words.len() * self.kind.width
        };
        self.numbers.len() * usize::from(width) / 8
            + words
            + self.bytes.len()
            + self.lengths.len() * size_of::<u32>()
    }

    /// Bytes that the dictionary's page takes.
    pub(super) fn dictionary_bytes(&self) -> usize {
        let dictionary = self.dictionary.as_ref().or(self.full.as_ref());
        dictionary.map_or(0, |known| known.page_bytes(self.kind.width))
    }

    /// Bytes of memory of the dictionary, by what is held rather than by what was allocated for
    /// it: the same rows always count the same.
    pub(super) fn dictionary_held_bytes(&self) -> usize {
        let dictionary = self.dictionary.as_ref().or(self.full.as_ref());
        dictionary.map_or(0, Dictionary::held_bytes)
    }

    /// Bytes of memory of the page's values, likewise.
    pub(super) fn page_held_bytes(&self) -> usize {
        self.numbers.held_bytes()
            + size_of_val(self.words.as_slice())
            + self.bytes.len()
            + self.lengths.held_bytes()
    }

    pub(super) fn dictionary_is_full(&self) -> bool {
        self.dictionary.is_some() && self.dictionary_bytes() > DICTIONARY_BYTES
    }

    /// Pages after this one do without the dictionary once it is full.
    pub(super) fn end_dictionary_if_full(&mut self) {
        if self.dictionary_is_full() {
            self.full = self.dictionary.take();
        }
    }

    /// Bytes that the page's values take without a dictionary, about.
    pub(super) fn plain_bytes(&self) -> usize {
        if self.kind.physical == Type::BYTE_ARRAY {
            self.text_bytes as usize + self.len()
        } else {
            self.len() * self.kind.width
        }
    }

    /// Values of the page at hand.
    pub(super) fn len(&self) -> usize {
        self.numbers.len() + self.words.len() + self.lengths.len()
    }

    /// Different values, as far as a dictionary knows.
    pub(super) fn distinct(&self) -> usize {
        self.dictionary.as_ref().map_or(0, Dictionary::len)
    }

    /// Bytes that all values of the dictionary start with, where they are byte strings that
    /// differ; else none.
    pub(super) fn shared_start(&self) -> usize {
        let Some(Dictionary::Texts(known)) = &self.dictionary else { return 0 };
        let first = known.value(0);
        let shared = |value: &[u8]| first.iter().zip(value).take_while(|(a, b)| a == b).count();
        let others = (1..known.len() as u32).map(|number| shared(known.value(number)));
        others.min().unwrap_or(0)
    }

    /// Gives the values of the page at hand back in full, and does without a dictionary.
    pub(super) fn resolve(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        match self.dictionary.take() {
            None => {}
            Some(Dictionary::Words(known)) => {
                self.words.reserve(numbers.len());
                numbers.for_each(|number| self.words.push(known.values[number]));
            }
            Some(Dictionary::Texts(known)) => {
                numbers.for_each(|number| {
                    let value = known.value(number as u32);
                    self.lengths.push(value.len() as u32);
                    self.bytes.extend_from_slice(value);
                });
            }
        }
    }

    /// Resolves the values and takes the form in which they are smaller; whether it is packed.
    pub(super) fn resolve_and_choose_form(&mut self) -> bool {
        self.resolve();
        self.packed = match self.kind.physical {
            Type::BYTE_ARRAY => true,
            Type::INT32 | Type::INT64 => {
                let mut packed = Vec::new();
                self.put_packed_words(&mut packed);
                packed.len() * 10 < self.plain_bytes() * 9
            }
            _ => false,
        };
        self.packed
    }

    /// Appends the page's values to its bytes, and forgets them.
    pub(super) fn take_page(&mut self, page: &mut Vec<u8>) -> PageValues {
        let bounds = self.bounds();
        // A page without values does not need the dictionary, which may still be given up.
        let encoding = if self.dictionary.is_some() && !self.numbers.is_empty() {
            let width = hybrid::bit_width(self.distinct().saturating_sub(1) as u32);
            page.push(width);
            self.numbers.encode(width, page);
            Encoding::RLE_DICTIONARY
        } else {
            self.put_plain_or_packed(page)
        };
        let is_text = self.kind.physical == Type::BYTE_ARRAY;
        let text_bytes = is_text.then(|| std::mem::take(&mut self.text_bytes));
        self.numbers.clear();
        self.lengths.clear();
        // Most of a full page's room is for other columns; this one's next page begins anew.
        self.words.clear();
        self.words.shrink_to(self.words.capacity() / 4);
        self.bytes.clear();
        self.bytes.shrink_to(self.bytes.capacity() / 4);
        PageValues { encoding, bounds, text_bytes }
    }

    fn put_plain_or_packed(&self, page: &mut Vec<u8>) -> Encoding {
        match (self.kind.physical, self.packed) {
            (Type::BOOLEAN, _) => {
                for eight in self.words.chunks(8) {
                    page.push(eight.iter().rev().fold(0, |byte, bit| byte << 1 | *bit as u8));
                }
            }
            (Type::BYTE_ARRAY, true) => {
                let lengths = self.lengths.iter().map(i64::from);
                delta::encode(lengths, size_of::<u32>(), page);
                page.extend_from_slice(&self.bytes);
                return Encoding::DELTA_LENGTH_BYTE_ARRAY;
            }
            (Type::BYTE_ARRAY, false) => self.texts().for_each(|text| put_text(text, page)),
            (Type::FIXED_LEN_BYTE_ARRAY, _) => page.extend_from_slice(&self.bytes),
            (Type::INT32 | Type::INT64, true) => {
                self.put_packed_words(page);
                return Encoding::DELTA_BINARY_PACKED;
            }
            _ => put_words(&self.words, self.kind.width, page),
        }
        Encoding::PLAIN
    }

    fn put_packed_words(&self, page: &mut Vec<u8>) {
        let width = self.kind.width;
        let signed = |word: &u64| if width == 4 { i64::from(*word as i32) } else { *word as i64 };
        delta::encode(self.words.iter().map(signed), width, page);
    }

    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        self.lengths.iter().map(move |length| {
            let (text, after) = rest.split_at(length as usize);
            rest = after;
            text
        })
    }

    /// Of the page's values.
    fn bounds(&self) -> Bounds {
        let order = self.kind.order;
        match &self.dictionary {
            None if self.lengths.is_empty() => bound::of_words(order, self.words.iter().copied()),
            None => bound::of_bytes(order, self.texts()),
            Some(Dictionary::Words(known)) => {
                let used = self.used(known.values.len());
                bound::of_words(order, used.map(|number| known.values[number]))
            }
            Some(Dictionary::Texts(known)) => {
                let used = self.used(known.len());
                bound::of_bytes(order, used.map(|number| known.value(number as u32)))
            }
        }
    }

    /// Numbers of the dictionary that the page has.
    fn used(&self, distinct: usize) -> impl Iterator<Item = usize> {
        let mut used = vec![false; distinct];
        self.numbers.for_each(|number| used[number] = true);
        used.into_iter().enumerate().filter_map(|(number, used)| used.then_some(number))
    }

    /// Appends the dictionary's page; gives the number of its values, or `None` without one.
    pub(super) fn take_dictionary(&mut self, page: &mut Vec<u8>) -> Option<usize> {
        let dictionary = self.dictionary.take().or_else(|| self.full.take())?;
        let distinct = dictionary.len();
        if distinct == 0 {
            return None;
        }
        dictionary.put(self.kind.width, page);
        Some(distinct)
    }
}
