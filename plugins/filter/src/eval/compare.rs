//! Kernels that turn values into truth.

use super::bits::{Bits, Truth};
use super::vector::{Lanes, Texts, Vector, both_valid};
use crate::expr::{Order, Ranges};

/// An integer that orders as the double does: NaN equals itself and is greatest, -0 is 0.
#[inline]
pub(crate) fn total_order(value: f64) -> i64 {
    if value.is_nan() {
        return i64::MAX;
    }
    // Adding zero turns -0 into 0.
    let bits = (value + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// Values within any of the ranges.
pub(crate) fn within(vector: &Vector<'_>, ranges: &Ranges) -> Truth {
    Truth::masked(stored_within(&vector.lanes, ranges), vector.valid.as_ref())
}

/// Values as stored, null or not, within any of the ranges.
pub(crate) fn stored_within(lanes: &Lanes<'_>, ranges: &Ranges) -> Bits {
    match (lanes, ranges) {
        (Lanes::Integer(values), Ranges::Integer(ranges)) => in_ranges(values, ranges, |v| *v),
        (Lanes::Decimal(values), Ranges::Decimal(ranges)) => in_ranges(values, ranges, |v| *v),
        (Lanes::Double(values), Ranges::Double(ranges)) => match *ranges.as_slice() {
            [(low, high)] => in_range(values, low, high),
            _ => in_ranges(values, ranges, |v| total_order(*v)),
        },
        (lanes, _) => Bits::filled(lanes.rows(), false),
    }
}

fn in_ranges<T, K: Ord + Copy>(values: &[T], ranges: &[(K, K)], key: impl Fn(&T) -> K) -> Bits {
    match *ranges {
        [] => Bits::filled(values.len(), false),
        [(low, high)] => Bits::test(values, |value| (low..=high).contains(&key(value))),
        _ => Bits::test(values, |value| {
            let key = key(value);
            let after = ranges.partition_point(|(low, _)| *low <= key);
            after > 0 && key <= ranges[after - 1].1
        }),
    }
}

/// Doubles whose [`total_order`] is within these two, compared as doubles.
fn in_range(values: &[f64], low: i64, high: i64) -> Bits {
    let ends = (total_order(f64::NEG_INFINITY), total_order(f64::INFINITY));
    // No double comes right before zero: that place is the one of -0, which is 0 here.
    let high = if high == -1 { -2 } else { high };
    let (from, to) = (double_at(low.max(ends.0)), double_at(high.min(ends.1)));
    match (low > ends.1, high == i64::MAX) {
        (true, with_nan) => Bits::test(values, |value| with_nan && value.is_nan()),
        (false, true) => at_least(values, from),
        (false, false) => Bits::test(values, |value| *value >= from && *value <= to),
    }
}

/// Doubles that are no less than this one: NaN is not.
#[expect(clippy::neg_cmp_op_on_partial_ord, reason = "one comparison finds NaN, too")]
fn at_least(values: &[f64], low: f64) -> Bits {
    Bits::test(values, |value| !(*value < low))
}

/// The double with this [`total_order`]; NaN where there is none.
fn double_at(order: i64) -> f64 {
    f64::from_bits((order ^ (((order >> 63) as u64) >> 1) as i64) as u64)
}

/// Texts equal to one of a list sorted by length, then bytes.
pub(crate) fn one_of(vector: &Vector<'_>, list: &[Vec<u8>]) -> Truth {
    let Lanes::Text(texts) = &vector.lanes else {
        return Truth::filled(vector.lanes.rows(), None);
    };
    let bits = match list {
        [only] => Bits::test_rows(texts.rows(), |row| texts.get(row) == only.as_slice()),
        _ => Bits::test_rows(texts.rows(), |row| {
            let text = texts.get(row);
            list.binary_search_by(|item| {
                item.len().cmp(&text.len()).then_with(|| item.as_slice().cmp(text))
            })
            .is_ok()
        }),
    };
    Truth::masked(bits, vector.valid.as_ref())
}

/// `left order right`, unknown where either is null.
pub(crate) fn compare(order: Order, left: &Vector<'_>, right: &Vector<'_>) -> Truth {
    let valid = both_valid(left.valid.as_ref(), right.valid.as_ref());
    Truth::masked(compare_stored(order, &left.lanes, &right.lanes), valid.as_ref())
}

fn compare_stored(order: Order, left: &Lanes<'_>, right: &Lanes<'_>) -> Bits {
    match (left, right) {
        (Lanes::Integer(left), Lanes::Integer(right)) => pairs(order, left, right, |v| *v),
        (Lanes::Decimal(left), Lanes::Decimal(right)) => pairs(order, left, right, |v| *v),
        (Lanes::Double(left), Lanes::Double(right)) => {
            pairs(order, left, right, |v| total_order(*v))
        }
        (Lanes::Text(left), Lanes::Text(right)) => text_pairs(order, left, right),
        // The check phase gives both sides one shape.
        (left, _) => Bits::filled(left.rows(), false),
    }
}

fn pairs<T, K: Ord>(order: Order, left: &[T], right: &[T], key: impl Fn(&T) -> K) -> Bits {
    match order {
        Order::Equal => Bits::test_pairs(left, right, |a, b| key(a) == key(b)),
        Order::Less => Bits::test_pairs(left, right, |a, b| key(a) < key(b)),
        Order::LessOrEqual => Bits::test_pairs(left, right, |a, b| key(a) <= key(b)),
    }
}

fn text_pairs(order: Order, left: &Texts<'_>, right: &Texts<'_>) -> Bits {
    match order {
        Order::Equal => Bits::test_rows(left.rows(), |row| left.get(row) == right.get(row)),
        Order::Less => Bits::test_rows(left.rows(), |row| left.get(row) < right.get(row)),
        Order::LessOrEqual => Bits::test_rows(left.rows(), |row| left.get(row) <= right.get(row)),
    }
}

/// `left order right` for one text on the right.
pub(crate) fn compare_text(order: Order, left: &Vector<'_>, right: &[u8]) -> Truth {
    let Lanes::Text(texts) = &left.lanes else { return Truth::filled(left.rows(), None) };
    let bits = match order {
        Order::Equal => Bits::test_rows(texts.rows(), |row| texts.get(row) == right),
        Order::Less => Bits::test_rows(texts.rows(), |row| texts.get(row) < right),
        Order::LessOrEqual => Bits::test_rows(texts.rows(), |row| texts.get(row) <= right),
    };
    Truth::masked(bits, left.valid.as_ref())
}

/// `IS NOT DISTINCT FROM`: two nulls are the same.
pub(crate) fn same(left: &Vector<'_>, right: &Vector<'_>) -> Truth {
    let equal = compare(Order::Equal, left, right).yes;
    let rows = equal.rows();
    let nulls = |vector: &Vector<'_>| match &vector.valid {
        Some(valid) => valid.clone().not(),
        None => Bits::filled(rows, false),
    };
    Truth::masked(equal.or(&nulls(left).and(&nulls(right))), None)
}

/// Conditions compared with each other, false before true.
pub(crate) fn compare_truth(order: Order, left: Truth, right: &Truth) -> Truth {
    let known = left.known().and(&right.known());
    let bits = match order {
        Order::Equal => left.yes.and(&right.yes).or(&left.no.and(&right.no)),
        Order::Less => left.no.and(&right.yes),
        Order::LessOrEqual => left.no.or(&right.yes),
    };
    Truth::masked(bits, Some(&known))
}

pub(crate) fn is_nan(vector: &Vector<'_>) -> Truth {
    let Lanes::Double(values) = &vector.lanes else {
        return Truth::filled(vector.lanes.rows(), None);
    };
    Truth::masked(Bits::test(values, |value| value.is_nan()), vector.valid.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_order_as_spark_orders_them() {
        let ordered = [
            f64::NEG_INFINITY,
            -1.5,
            -f64::MIN_POSITIVE,
            0.0,
            1e-300,
            2.0,
            f64::INFINITY,
            f64::NAN,
        ];
        let keys: Vec<_> = ordered.iter().map(|value| total_order(*value)).collect();
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        assert_eq!(total_order(-0.0), total_order(0.0));
        assert_eq!(total_order(-f64::NAN), total_order(f64::NAN));
    }

    #[test]
    fn one_range_of_doubles_is_that_of_their_order() {
        let values = [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.5,
            -0.0,
            0.0,
            f64::MIN_POSITIVE,
            2.0,
            f64::MAX,
            f64::INFINITY,
            f64::NAN,
            -f64::NAN,
        ];
        let near = |value: &f64| [-1, 0, 1].map(|step| total_order(*value).saturating_add(step));
        let ends: Vec<i64> =
            values.iter().flat_map(near).chain([i64::MIN, i64::MAX - 1, i64::MAX]).collect();
        for low in &ends {
            for high in &ends {
                let expected = Bits::test(&values, |v| (*low..=*high).contains(&total_order(*v)));
                assert_eq!(in_range(&values, *low, *high), expected, "{low}..={high}");
            }
        }
    }
}
