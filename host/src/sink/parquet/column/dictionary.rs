//! Distinct values of a column, numbered by first appearance.

use super::{
    kind::Kind,
    plain::{put_text, put_words},
};
use parquet::basic::Type;

/// Values are looked for in at most this many places, so that no input, however it is chosen,
/// makes a look-up slow. Where that does not suffice, a value gets a second number.
const MOST_PROBES: usize = 32;

/// A multiplier with well-mixed bits.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The same in every process, as everything must be that the files depend on.
fn hash_word(word: u64) -> u32 {
    fold(word ^ MIX, 0xd6e8_feb8_6659_fd93) as u32
}

/// The ends of a byte string: all of it, together with the length, if that is 16 at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    first: u64,
    last: u64,
    length: u32,
}

impl Ends {
    #[inline]
    fn of(text: &[u8]) -> Self {
        let length = text.len() as u32;
        let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
                (Some(first), Some(last)) => {
                    (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
                }
                _ => (text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
            },
        };
        Self { first, last, length }
    }

    #[inline]
    fn is_all(self) -> bool {
        self.length <= 16
    }

    #[inline]
    fn hash(self, text: &[u8]) -> u32 {
        let mut hash = fold(self.first ^ MIX, self.last ^ u64::from(self.length) << 32);
        if !self.is_all() {
            let middle = &text[8..text.len() - 8];
            // What is left over of it is told by the eight bytes that end with it.
            let (whole, _) = middle.as_chunks::<8>();
            for eight in whole.iter().chain(text[..text.len() - 8].last_chunk()) {
                hash = fold(hash ^ u64::from_le_bytes(*eight), MIX);
            }
        }
        fold(hash, 0xd6e8_feb8_6659_fd93) as u32
    }
}

/// Numbers by hash: open addressing, at most half full.
#[derive(Debug, Default)]
struct Numbers {
    /// Hash in the high half; number plus one in the low half, zero where nothing is.
    places: Vec<u64>,
    count: u32,
}

impl Numbers {
    /// The number of the value with this hash; the next one if there is none such.
    #[inline]
    fn of(&mut self, hash: u32, is_value: impl Fn(u32) -> bool) -> (u32, bool) {
        if self.count as usize * 2 >= self.places.len() {
            self.grow();
        }
        let mask = self.places.len() - 1;
        let mut at = hash as usize & mask;
        for _ in 0..MOST_PROBES {
            let place = self.places[at];
            let next = place as u32;
            if next == 0 {
                self.places[at] = u64::from(hash) << 32 | u64::from(self.count + 1);
                break;
            }
            if (place >> 32) as u32 == hash && is_value(next - 1) {
                return (next - 1, false);
            }
            at = (at + 1) & mask;
        }
        self.count += 1;
        (self.count - 1, true)
    }

    fn held_bytes(&self) -> usize {
        size_of_val(self.places.as_slice())
    }

    fn grow(&mut self) {
        let places = std::mem::take(&mut self.places);
        self.places = vec![0; (places.len() * 2).max(16)];
        let mask = self.places.len() - 1;
        for place in places.into_iter().filter(|place| *place != 0) {
            let mut at = (place >> 32) as usize & mask;
            while self.places[at] != 0 {
                at = (at + 1) & mask;
            }
            self.places[at] = place;
        }
    }
}

/// Distinct values of a column.
#[derive(Debug)]
pub(super) enum Dictionary {
    Words(Words),
    Texts(Texts),
}

impl Dictionary {
    /// An empty one; `None` for bits, which it would not make smaller.
    pub(super) fn of(kind: Kind) -> Option<Self> {
        match kind.physical {
            Type::BOOLEAN => None,
            Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => Some(Self::Texts(Texts::default())),
            _ => Some(Self::Words(Words::default())),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Words(words) => words.values.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Bytes of its page, for values of this width, or 0 where they differ in length.
    pub(super) fn page_bytes(&self, width: usize) -> usize {
        match self {
            Self::Words(words) => words.values.len() * width,
            Self::Texts(texts) if width == 0 => texts.bytes() + texts.len() * size_of::<u32>(),
            Self::Texts(texts) => texts.bytes(),
        }
    }

    /// Bytes of memory.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Words(words) => words.numbers.held_bytes() + size_of_val(words.values.as_slice()),
            Self::Texts(texts) => {
                texts.numbers.held_bytes()
                    + texts.bytes()
                    + texts.len() * (size_of::<Ends>() + size_of::<u32>())
            }
        }
    }

    /// Appends its values to a page.
    pub(super) fn put(&self, width: usize, page: &mut Vec<u8>) {
        match self {
            Self::Words(words) => put_words(&words.values, width, page),
            Self::Texts(texts) => {
                let values = (0..texts.len() as u32).map(|number| texts.value(number));
                if width == 0 {
                    values.for_each(|value| put_text(value, page));
                } else {
                    values.for_each(|value| page.extend_from_slice(value));
                }
            }
        }
    }
}

/// Distinct numbers.
#[derive(Debug, Default)]
pub(super) struct Words {
    numbers: Numbers,
    pub(super) values: Vec<u64>,
}

impl Words {
    #[inline]
    pub(super) fn number(&mut self, value: u64) -> u32 {
        let values = &self.values;
        let is_value = |number: u32| values[number as usize] == value;
        let (number, is_new) = self.numbers.of(hash_word(value), is_value);
        if is_new {
            self.values.push(value);
        }
        number
    }
}

/// Distinct byte strings.
#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: Numbers,
    ends: Vec<Ends>,
    bytes: Vec<u8>,
    /// Where each value stops in `bytes`.
    stops: Vec<u32>,
}

impl Texts {
    #[inline]
    pub(super) fn number(&mut self, value: &[u8]) -> u32 {
        let ends = Ends::of(value);
        let is_value = |number: u32| {
            self.ends[number as usize] == ends
                && (ends.is_all() || text(&self.bytes, &self.stops, number) == value)
        };
        let (number, is_new) = self.numbers.of(ends.hash(value), is_value);
        if is_new {
            self.ends.push(ends);
            self.bytes.extend_from_slice(value);
            self.stops.push(self.bytes.len() as u32);
        }
        number
    }

    pub(super) fn value(&self, number: u32) -> &[u8] {
        text(&self.bytes, &self.stops, number)
    }

    pub(super) fn len(&self) -> usize {
        self.stops.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

#[inline]
fn text<'a>(bytes: &'a [u8], stops: &[u32], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = if number == 0 { 0 } else { stops[number - 1] };
    &bytes[start as usize..stops[number] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_number_and_numbers_go_by_first_appearance() {
        let mut texts = Texts::default();
        let values: Vec<_> =
            (0..5_000).map(|i| "x".repeat(i % 40) + &(i % 1_000).to_string()).collect();
        let mut seen = Vec::new();
        for value in &values {
            let number = texts.number(value.as_bytes()) as usize;
            let expected = seen.iter().position(|known| known == value).unwrap_or_else(|| {
                seen.push(value.clone());
                seen.len() - 1
            });
            assert_eq!(number, expected);
            assert_eq!(texts.value(number as u32), value.as_bytes());
        }
        assert_eq!(texts.len(), seen.len());
        let mut words = Words::default();
        let numbers = [7, 0, 7, u64::MAX, 0].map(|word| words.number(word));
        assert_eq!((numbers, words.values), ([0, 1, 0, 2, 1], vec![7, 0, u64::MAX]));
    }

    #[test]
    fn values_with_one_hash_take_no_longer_than_the_probes() {
        let mut numbers = Numbers::default();
        let given: Vec<_> = (0..10_000).map(|_| numbers.of(1, |_| false).0).collect();
        assert!(given.into_iter().eq(0..10_000));
        let full = numbers.places.iter().filter(|place| **place != 0).count();
        assert!(full <= MOST_PROBES, "{full}");
    }
}
