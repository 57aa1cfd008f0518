//! Smallest and largest values: of a page, for the column index; of a column, for its
//! statistics.
//!
//! Source: the Parquet format's `ColumnOrder` (`TYPE_ORDER`): NaN counts for nothing, and a
//! zero stands for both zeros.

use parquet::{
    basic::Type,
    data_type::{ByteArray, FixedLenByteArray},
    file::statistics::{Statistics, ValueStatistics},
};
use std::cmp::Ordering;

/// How the values of a column are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `false`, `true`.
    Boolean,
    /// Words of 4 bytes.
    Int32,
    /// Words of 8 bytes.
    Int64,
    /// Words of 4 bytes, without sign.
    UInt32,
    /// Words of 8 bytes, without sign.
    UInt64,
    /// Words of 4 bytes.
    Float32,
    /// Words of 8 bytes.
    Float64,
    /// By their bytes; text may be cut only between characters.
    Text,
    /// By their bytes.
    Bytes,
    /// Big-endian numbers with a sign.
    BigEndian,
}

impl Order {
    /// A number that orders words as their values are; `None` for NaN.
    #[inline]
    pub(super) fn key(self, word: u64) -> Option<u64> {
        const SIGN: u64 = 1 << 63;
        let float = |value: f64| {
            let bits = (value + 0.0).to_bits();
            let key = if bits & SIGN == 0 { bits | SIGN } else { !bits };
            (!value.is_nan()).then_some(key)
        };
        match self {
            Self::Int32 => Some(i64::from(word as i32) as u64 ^ SIGN),
            Self::Int64 => Some(word ^ SIGN),
            Self::Float32 => float(f64::from(f32::from_bits(word as u32))),
            Self::Float64 => float(f64::from_bits(word)),
            _ => Some(word),
        }
    }

    fn compare_bytes(self, a: &[u8], b: &[u8]) -> Ordering {
        match (self, a.split_first(), b.split_first()) {
            (Self::BigEndian, Some((a, a_rest)), Some((b, b_rest))) => {
                (*a as i8, a_rest).cmp(&(*b as i8, b_rest))
            }
            _ => a.cmp(b),
        }
    }
}

/// A smallest or largest value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    /// A number or boolean.
    Word(u64),
    /// A byte string.
    Bytes(Vec<u8>),
}

/// The smallest and the largest of some values.
pub(super) type Bounds = Option<(Bound, Bound)>;

/// Of words.
pub(super) fn of_words(order: Order, words: impl Iterator<Item = u64>) -> Bounds {
    let mut bounds: Option<((u64, u64), (u64, u64))> = None;
    for word in words {
        let Some(key) = order.key(word) else { continue };
        let this = (key, word);
        bounds = Some(match bounds {
            None => (this, this),
            Some((min, _)) if key < min.0 => (this, bounds.map_or(this, |(_, max)| max)),
            Some((min, max)) if key > max.0 => (min, this),
            known => known.unwrap_or((this, this)),
        });
    }
    bounds.map(|((_, min), (_, max))| (Bound::Word(min), Bound::Word(max)))
}

/// Of byte strings.
pub(super) fn of_bytes<'a>(order: Order, values: impl Iterator<Item = &'a [u8]>) -> Bounds {
    let mut bounds: Option<(&[u8], &[u8])> = None;
    for value in values {
        bounds = Some(match bounds {
            None => (value, value),
            Some((min, max)) if order.compare_bytes(value, min) == Ordering::Less => (value, max),
            Some((min, max)) if order.compare_bytes(value, max) == Ordering::Greater => {
                (min, value)
            }
            Some(known) => known,
        });
    }
    bounds.map(|(min, max)| (Bound::Bytes(min.to_vec()), Bound::Bytes(max.to_vec())))
}

impl Bound {
    /// Bytes that it takes beside itself.
    pub(super) fn held_bytes(&self) -> usize {
        if let Self::Bytes(bytes) = self { bytes.len() } else { 0 }
    }

    pub(super) fn compare(&self, other: &Self, order: Order) -> Ordering {
        match (self, other) {
            (Self::Word(a), Self::Word(b)) => order.key(*a).cmp(&order.key(*b)),
            (Self::Bytes(a), Self::Bytes(b)) => order.compare_bytes(a, b),
            _ => Ordering::Equal,
        }
    }

    /// Bytes for the column index.
    pub(super) fn plain(&self, order: Order) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Word(word) => {
                let width = match order {
                    Order::Boolean => 1,
                    Order::Int32 | Order::UInt32 | Order::Float32 => 4,
                    _ => 8,
                };
                word.to_le_bytes()[..width].to_vec()
            }
        }
    }

    /// A zero as the smaller of the two, or as the larger.
    fn with_zero(self, order: Order, negative: bool) -> Self {
        match (order, &self) {
            (Order::Float32, Self::Word(word)) if f32::from_bits(*word as u32) == 0.0 => {
                Self::Word(u64::from(negative) << 31)
            }
            (Order::Float64, Self::Word(word)) if f64::from_bits(*word) == 0.0 => {
                Self::Word(u64::from(negative) << 63)
            }
            _ => self,
        }
    }
}

/// A smallest or largest value as a file has it, and whether it is a value or beyond all.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) bound: Bound,
    pub(super) is_exact: bool,
}

/// The smallest and the largest of some values, as a file has them.
pub(super) type Edges = Option<(Edge, Edge)>;

/// Bounds of at most so many bytes: a longer byte string is cut, and the larger of the two
/// rounded up.
pub(super) fn cut(bounds: Bounds, order: Order, most_bytes: usize) -> Edges {
    let (min, max) = bounds?;
    let exact = |bound| Edge { bound, is_exact: true };
    let inexact = |bytes| Edge { bound: Bound::Bytes(bytes), is_exact: false };
    let (min, max) = (min.with_zero(order, true), max.with_zero(order, false));
    if !matches!(order, Order::Text | Order::Bytes) {
        return Some((exact(min), exact(max)));
    }
    let lower = match min {
        Bound::Bytes(bytes) if bytes.len() > most_bytes => {
            inexact(start(&bytes, order, most_bytes).to_vec())
        }
        short => exact(short),
    };
    let upper = match max {
        Bound::Bytes(bytes) if bytes.len() > most_bytes => {
            match next_after(start(&bytes, order, most_bytes), order) {
                Some(upper) => inexact(upper),
                None => exact(Bound::Bytes(bytes)),
            }
        }
        short => exact(short),
    };
    Some((lower, upper))
}

/// The edges of all values, of those of two parts.
pub(super) fn widest(a: Edges, b: Edges, order: Order) -> Edges {
    let (Some((a_min, a_max)), Some((b_min, b_max))) = (&a, &b) else { return a.or(b) };
    // Of two that are equal, one that is a value makes it one.
    let wider = |a: &Edge, b: &Edge, side: Ordering| match b.bound.compare(&a.bound, order) {
        Ordering::Equal => b.is_exact,
        found => found == side,
    };
    let min = if wider(a_min, b_min, Ordering::Less) { b_min } else { a_min };
    let max = if wider(a_max, b_max, Ordering::Greater) { b_max } else { a_max };
    Some((min.clone(), max.clone()))
}

/// The first bytes: of text, whole characters.
fn start(bytes: &[u8], order: Order, most_bytes: usize) -> &[u8] {
    let mut end = most_bytes.min(bytes.len());
    while order == Order::Text && end > 0 && bytes.get(end).is_some_and(|b| b & 0xc0 == 0x80) {
        end -= 1;
    }
    &bytes[..end]
}

/// The shortest string above every one that starts like this; text stays text.
fn next_after(start: &[u8], order: Order) -> Option<Vec<u8>> {
    if order == Order::Bytes {
        let last = start.iter().rposition(|byte| *byte < u8::MAX)?;
        let mut upper = start[..=last].to_vec();
        upper[last] += 1;
        return Some(upper);
    }
    let text = str::from_utf8(start).ok()?;
    let (at, next) = text.char_indices().rev().find_map(|(at, c)| {
        let code = u32::from(c) + 1;
        // The gap of surrogates has no characters.
        let next = char::from_u32(if code == 0xd800 { 0xe000 } else { code })?;
        Some((at, next))
    })?;
    let mut upper = text[..at].to_owned();
    upper.push(next);
    Some(upper.into_bytes())
}

/// Statistics of a column chunk.
pub(super) fn statistics(physical: Type, order: Order, edges: Edges, nulls: u64) -> Statistics {
    let exact = edges.as_ref().map(|(min, max)| (min.is_exact, max.is_exact));
    let exact = exact.unwrap_or_default();
    let (min, max) = match edges {
        Some((min, max)) => (Some(min.bound), Some(max.bound)),
        None => (None, None),
    };
    let signed = !matches!(order, Order::UInt32 | Order::UInt64 | Order::Text | Order::Bytes);
    macro_rules! typed {
        ($convert:expr) => {
            ValueStatistics::new(min.map($convert), max.map($convert), None, Some(nulls), false)
                .with_min_is_exact(exact.0)
                .with_max_is_exact(exact.1)
                .with_backwards_compatible_min_max(signed)
                .into()
        };
    }
    let word = |bound: Bound| if let Bound::Word(word) = bound { word } else { 0 };
    let bytes = |bound: Bound| if let Bound::Bytes(bytes) = bound { bytes } else { Vec::new() };
    match physical {
        Type::BOOLEAN => typed!(|bound| word(bound) == 1),
        Type::INT32 => typed!(|bound| word(bound) as i32),
        Type::FLOAT => typed!(|bound| f32::from_bits(word(bound) as u32)),
        Type::DOUBLE => typed!(|bound| f64::from_bits(word(bound))),
        Type::BYTE_ARRAY => typed!(|bound| ByteArray::from(bytes(bound))),
        Type::FIXED_LEN_BYTE_ARRAY => {
            typed!(|bound| FixedLenByteArray::from(ByteArray::from(bytes(bound))))
        }
        _ => typed!(|bound| word(bound) as i64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_by_value_and_nan_counts_for_nothing() {
        let floats = [1.5, f64::NAN, -2.0, 0.0].map(f64::to_bits);
        let bounds = of_words(Order::Float64, floats.into_iter()).unwrap();
        assert_eq!(bounds, (Bound::Word((-2.0_f64).to_bits()), Bound::Word(1.5_f64.to_bits())));
        assert_eq!(of_words(Order::Float64, [f64::NAN.to_bits()].into_iter()), None);
        let word = |n: i32| u64::from(n as u32);
        let bounds = of_words(Order::Int32, [3, -1, 2].map(word).into_iter());
        assert_eq!(bounds, Some((Bound::Word(word(-1)), Bound::Word(word(3)))));
        let bounds = of_words(Order::UInt32, [3, -1, 2].map(word).into_iter());
        assert_eq!(bounds, Some((Bound::Word(2), Bound::Word(word(-1)))));
        let zero = Some((Bound::Word(0), Bound::Word(0)));
        let (min, max) = cut(zero, Order::Float64, 64).unwrap();
        assert_eq!((min.bound, max.bound), (Bound::Word(1 << 63), Bound::Word(0)));
    }

    #[test]
    fn long_bounds_are_cut_between_characters_and_rounded_up() {
        let long = format!("{}é{}", "a".repeat(63), "z".repeat(9));
        let bytes = |text: &str| Bound::Bytes(text.as_bytes().to_vec());
        let edge = |bound, is_exact| Edge { bound, is_exact };
        let cut_text = cut(Some((bytes(&long), bytes(&long))), Order::Text, 64);
        let a = |n, last: &str| bytes(&("a".repeat(n) + last));
        assert_eq!(cut_text, Some((edge(a(63, ""), false), edge(a(62, "b"), false))));
        let full = Bound::Bytes(vec![u8::MAX; 70]);
        let (min, max) = cut(Some((full.clone(), full.clone())), Order::Bytes, 64).unwrap();
        assert_eq!(min, edge(Bound::Bytes(vec![u8::MAX; 64]), false));
        assert_eq!(max, edge(full, true));
        let exact = cut(Some((bytes("a"), bytes("b"))), Order::Text, 64);
        assert_eq!(exact, Some((edge(bytes("a"), true), edge(bytes("b"), true))));
    }

    #[test]
    fn an_edge_of_all_is_a_value_where_one_part_says_so() {
        let edge = |text: &str, is_exact| Edge { bound: Bound::Bytes(text.into()), is_exact };
        let a = Some((edge("b", false), edge("d", false)));
        let b = Some((edge("b", true), edge("c", true)));
        let both = Some((edge("b", true), edge("d", false)));
        assert_eq!(widest(a.clone(), b.clone(), Order::Text), both);
        assert_eq!(widest(b, a, Order::Text), both);
        assert_eq!(widest(None, both.clone(), Order::Text), both);
    }

    #[test]
    fn decimals_of_many_digits_are_ordered_by_sign() {
        let values = [1_i128, -1, 5].map(i128::to_be_bytes);
        let bounds = of_bytes(Order::BigEndian, values.iter().map(<[u8; 16]>::as_slice)).unwrap();
        assert_eq!(bounds.0, Bound::Bytes(values[1].to_vec()));
        assert_eq!(bounds.1, Bound::Bytes(values[2].to_vec()));
    }
}
