//! Building predicates in their simplest form.
//!
//! Constants disappear, and tests of one value against literals melt into one list of
//! ranges: `a = 1 OR a = 2`, `a IN (1, 2)` and `a BETWEEN 1 AND 2` become the same test.
//! Every rewriting here keeps all three truth values of every row.

use crate::expr::{Predicate, Ranges, Value};

impl Predicate {
    pub(crate) fn and(of: impl IntoIterator<Item = Self>) -> Self {
        Self::combine(of, false, Self::And, |left, right| match (left, right) {
            (Self::Within(value, ranges), Self::Within(other, more)) if value == other => {
                ranges.intersect(more)
            }
            _ => false,
        })
    }

    pub(crate) fn or(of: impl IntoIterator<Item = Self>) -> Self {
        Self::combine(of, true, Self::Or, |left, right| match (left, right) {
            (Self::Within(value, ranges), Self::Within(other, more)) if value == other => {
                ranges.unite(more)
            }
            (Self::OneOf(value, texts), Self::OneOf(other, more)) if value == other => {
                texts.extend_from_slice(more);
                true
            }
            _ => false,
        })
    }

    /// `absorbing` decides alone; its opposite says nothing.
    fn combine(
        of: impl IntoIterator<Item = Self>,
        absorbing: bool,
        make: fn(Vec<Self>) -> Self,
        merge: impl Fn(&mut Self, &Self) -> bool,
    ) -> Self {
        let mut parts: Vec<Self> = Vec::new();
        for part in of {
            match part {
                Self::Constant(Some(value)) if value == absorbing => {
                    return Self::Constant(Some(absorbing));
                }
                Self::Constant(Some(_)) => {}
                part if parts.iter_mut().any(|other| merge(other, &part)) => {}
                part => parts.push(part),
            }
        }
        for part in &mut parts {
            match part {
                Self::OneOf(_, texts) => {
                    texts.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
                    texts.dedup();
                }
                Self::Within(_, ranges) => ranges.join(),
                _ => {}
            }
        }
        match parts.len() {
            0 => Self::Constant(Some(!absorbing)),
            1 => parts.swap_remove(0),
            _ => make(parts),
        }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(value.map(|value| !value)),
            Self::Not(of) => *of,
            Self::Within(value, ranges) => Self::Within(value, ranges.complement()),
            of => Self::Not(Box::new(of)),
        }
    }

    /// `IS TRUE`.
    pub(crate) fn tested_true(self) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(Some(value == Some(true))),
            of => Self::IsTrue(Box::new(of)),
        }
    }

    /// `IS NOT UNKNOWN`, which for a boolean column is `IS NOT NULL`.
    pub(crate) fn tested_known(self) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(Some(value.is_some())),
            Self::Column(slot) => Self::Present(slot),
            Self::IsTrue(_) | Self::IsKnown(_) | Self::Present(_) | Self::HasValue(_) => {
                Self::Constant(Some(true))
            }
            of => Self::IsKnown(Box::new(of)),
        }
    }

    /// Reads offsets alone where they suffice.
    pub(crate) fn shortened(self) -> Self {
        match self {
            Self::Not(of) => of.shortened().not(),
            Self::OneOf(Value::Column(slot), texts) if *texts == [Vec::<u8>::new()] => {
                Self::IsEmpty(slot)
            }
            other => other,
        }
    }
}

impl Ranges {
    /// Adds the ranges of the other list, if they are of the same kind; to be joined later.
    fn unite(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(ranges), Self::Integer(more))
            | (Self::Double(ranges), Self::Double(more)) => ranges.extend_from_slice(more),
            (Self::Decimal(ranges), Self::Decimal(more)) => ranges.extend_from_slice(more),
            _ => return false,
        }
        true
    }

    /// Sorts the ranges and joins those that touch.
    fn join(&mut self) {
        match self {
            Self::Integer(ranges) | Self::Double(ranges) => join(ranges),
            Self::Decimal(ranges) => join(ranges),
        }
    }

    /// Keeps what lies in both lists, if they are of the same kind.
    fn intersect(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(ranges), Self::Integer(more))
            | (Self::Double(ranges), Self::Double(more)) => *ranges = intersect(ranges, more),
            (Self::Decimal(ranges), Self::Decimal(more)) => *ranges = intersect(ranges, more),
            _ => return false,
        }
        true
    }

    fn complement(self) -> Self {
        match self {
            Self::Integer(ranges) => Self::Integer(complement(&ranges)),
            Self::Double(ranges) => Self::Double(complement(&ranges)),
            Self::Decimal(ranges) => Self::Decimal(complement(&ranges)),
        }
    }
}

/// The integers that ranges are made of.
trait Key: Copy + Ord {
    const LEAST: Self;
    const MOST: Self;
    fn before(self) -> Option<Self>;
    fn after(self) -> Option<Self>;
}

macro_rules! key {
    ($($key:ty)*) => {$(
        impl Key for $key {
            const LEAST: Self = Self::MIN;
            const MOST: Self = Self::MAX;
            fn before(self) -> Option<Self> {
                self.checked_sub(1)
            }
            fn after(self) -> Option<Self> {
                self.checked_add(1)
            }
        }
    )*};
}

key! { i64 i128 }

fn join<K: Key>(ranges: &mut Vec<(K, K)>) {
    ranges.sort_unstable();
    let all = std::mem::take(ranges);
    for (low, high) in all {
        match ranges.last_mut() {
            Some((_, end)) if end.after().is_none_or(|next| low <= next) => {
                *end = high.max(*end);
            }
            _ => ranges.push((low, high)),
        }
    }
}

fn intersect<K: Key>(left: &[(K, K)], right: &[(K, K)]) -> Vec<(K, K)> {
    let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1))));
    pairs.filter(|(low, high)| low <= high).collect()
}

fn complement<K: Key>(ranges: &[(K, K)]) -> Vec<(K, K)> {
    let mut gaps = Vec::with_capacity(ranges.len() + 1);
    let mut next = Some(K::LEAST);
    for (low, high) in ranges {
        if let (Some(start), Some(end)) = (next, low.before())
            && start <= end
        {
            gaps.push((start, end));
        }
        next = high.after();
    }
    gaps.extend(next.map(|start| (start, K::MOST)));
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_unite_intersect_and_turn_over() {
        let mut ranges = vec![(5, 5), (1_i64, 1), (2, 3), (i64::MAX, i64::MAX)];
        join(&mut ranges);
        assert_eq!(ranges, [(1, 3), (5, 5), (i64::MAX, i64::MAX)]);
        let gaps = complement(&ranges);
        assert_eq!(gaps, [(i64::MIN, 0), (4, 4), (6, i64::MAX - 1)]);
        assert_eq!(complement(&gaps), ranges);
        assert_eq!(complement::<i64>(&[]), [(i64::MIN, i64::MAX)]);
        assert_eq!(complement(&[(i64::MIN, i64::MAX)]), []);
        assert_eq!(intersect(&[(1_i64, 3), (5, 9)], &[(3, 6)]), [(3, 3), (5, 6)]);
    }

    #[test]
    fn tests_of_one_value_become_one() {
        let within =
            |low, high| Predicate::Within(Value::Column(0), Ranges::Integer(vec![(low, high)]));
        assert_eq!(Predicate::or([within(1, 1), within(2, 2)]), within(1, 2));
        assert_eq!(Predicate::and([within(1, 8), within(5, 9)]), within(5, 8));
        assert_eq!(within(i64::MIN, 3).not(), within(4, i64::MAX));
        let yes = Predicate::Constant(Some(true));
        assert_eq!(Predicate::and([yes.clone(), within(1, 2)]), within(1, 2));
        assert_eq!(Predicate::or([within(1, 2), yes.clone()]), yes);
    }
}
