//! Kernels that compute values from values.

use super::bits::Bits;
use super::convert::convert;
use super::vector::{Content, Lanes, Loaded, Texts, Vector, both_valid};
use super::{Rows, evaluate as evaluate_truth};
use crate::exact::{self, MAX_DIGITS, fits};
use crate::expr::{Operation, Scalar, Shape, Slot, Value};
use std::borrow::Cow;

/// The value of an expression in every row.
pub(crate) fn evaluate<'a>(value: &Value, rows: Rows<'a>) -> Vector<'a> {
    match value {
        Value::Constant(scalar) => Vector::constant(scalar, rows.count),
        Value::Null(shape) => Vector::null(*shape, rows.count),
        Value::Column(slot) => column(rows, *slot),
        Value::Lengths(slot) => lengths(rows, *slot),
        Value::Arithmetic(operation, left, right) => {
            arithmetic(*operation, &evaluate(left, rows), &evaluate(right, rows))
        }
        Value::Convert(how, of) => convert(how, evaluate(of, rows)),
        Value::Choose(predicate, yes, no) => {
            let truth = evaluate_truth(predicate, rows);
            let pick = |row| if truth.yes.get(row) { yes } else { no };
            Vector { valid: Some(truth.known()), ..gather(rows.count, yes, pick) }
        }
        Value::Coalesce(of) => {
            let vectors = of.iter().map(|value| evaluate(value, rows));
            let first_valid = |first, next| coalesce(&first, &next);
            let combined = vectors.reduce(first_valid);
            combined.unwrap_or_else(|| Vector::null(Shape::Integer, rows.count))
        }
    }
}

fn column<'a>(rows: Rows<'a>, slot: Slot) -> Vector<'a> {
    let lanes = |lanes: &'a Lanes<'a>| match lanes {
        Lanes::Integer(values) => Lanes::Integer(Cow::Borrowed(values.as_ref())),
        Lanes::Double(values) => Lanes::Double(Cow::Borrowed(values.as_ref())),
        Lanes::Decimal(values) => Lanes::Decimal(Cow::Borrowed(values.as_ref())),
        Lanes::Text(texts) => Lanes::Text(Texts {
            offsets: Cow::Borrowed(texts.offsets.as_ref()),
            data: Cow::Borrowed(texts.data.as_ref()),
        }),
    };
    match rows.slot(slot) {
        Some(Loaded { valid, content: Content::Values(values) }) => {
            Vector { lanes: lanes(values), valid: valid.clone() }
        }
        _ => Vector::null(Shape::Integer, rows.count),
    }
}

fn lengths(rows: Rows<'_>, slot: Slot) -> Vector<'_> {
    let Some(loaded) = rows.slot(slot) else { return Vector::null(Shape::Integer, rows.count) };
    let offsets = match &loaded.content {
        Content::Offsets(offsets) => offsets,
        Content::Values(Lanes::Text(texts)) => texts.offsets.as_ref(),
        _ => return Vector::null(Shape::Integer, rows.count),
    };
    let lengths = offsets.windows(2).map(|ends| i64::from(ends[1]) - i64::from(ends[0]));
    Vector::integers(lengths.collect(), loaded.valid.clone())
}

/// One of two scalars per row; both have the shape of `like`.
fn gather<'a>(rows: usize, like: &Scalar, pick: impl Fn(usize) -> &'a Scalar) -> Vector<'static> {
    let picked = (0..rows).map(pick);
    match like {
        Scalar::Integer(_) => {
            let value =
                |scalar: &Scalar| if let Scalar::Integer(value) = scalar { *value } else { 0 };
            Vector::integers(picked.map(value).collect(), None)
        }
        Scalar::Double(_) => {
            let value =
                |scalar: &Scalar| if let Scalar::Double(value) = scalar { *value } else { 0.0 };
            Vector::doubles(picked.map(value).collect(), None)
        }
        Scalar::Decimal(_) => {
            let value =
                |scalar: &Scalar| if let Scalar::Decimal(value) = scalar { *value } else { 0 };
            Vector::decimals(picked.map(value).collect(), None)
        }
        Scalar::Text(_) => {
            let mut texts = Texts::with_capacity(rows);
            for scalar in picked {
                texts.push(if let Scalar::Text(text) = scalar { text } else { &[] });
            }
            Vector::texts(texts, None)
        }
    }
}

fn coalesce<'a>(first: &Vector<'a>, next: &Vector<'a>) -> Vector<'a> {
    let Some(present) = &first.valid else { return first.clone() };
    let valid = next.valid.as_ref().map(|other| present.clone().or(other));
    match (&first.lanes, &next.lanes) {
        (Lanes::Integer(a), Lanes::Integer(b)) => Vector::integers(choose(present, a, b), valid),
        (Lanes::Double(a), Lanes::Double(b)) => Vector::doubles(choose(present, a, b), valid),
        (Lanes::Decimal(a), Lanes::Decimal(b)) => Vector::decimals(choose(present, a, b), valid),
        (Lanes::Text(a), Lanes::Text(b)) => {
            let mut texts = Texts::with_capacity(a.rows());
            for row in 0..a.rows() {
                texts.push(if present.get(row) { a.get(row) } else { b.get(row) });
            }
            Vector::texts(texts, valid)
        }
        // The check phase gives all operands one shape.
        _ => first.clone(),
    }
}

fn choose<T: Copy>(present: &Bits, a: &[T], b: &[T]) -> Vec<T> {
    let pairs = a.iter().zip(b).enumerate();
    pairs.map(|(row, (a, b))| if present.get(row) { *a } else { *b }).collect()
}

/// Values of a computation that may fail, null where it does.
pub(super) fn computed<T: Default + Clone>(
    values: impl ExactSizeIterator<Item = Option<T>>,
    valid: Option<Bits>,
) -> (Vec<T>, Option<Bits>) {
    let rows = values.len();
    let mut made = Vec::with_capacity(rows);
    // Failures are rare, so that the loop keeps nothing for the rows that succeed.
    let mut failed = Vec::new();
    for (row, value) in values.enumerate() {
        if value.is_none() {
            failed.push(row);
        }
        made.push(value.unwrap_or_default());
    }
    if failed.is_empty() {
        return (made, valid);
    }
    let mut succeeded = vec![true; rows];
    for row in failed {
        succeeded[row] = false;
    }
    let succeeded = Bits::test(&succeeded, |succeeded| *succeeded);
    (made, both_valid(valid.as_ref(), Some(&succeeded)))
}

fn arithmetic(operation: Operation, left: &Vector<'_>, right: &Vector<'_>) -> Vector<'static> {
    let valid = both_valid(left.valid.as_ref(), right.valid.as_ref());
    match (&left.lanes, &right.lanes) {
        (Lanes::Integer(a), Lanes::Integer(b)) => {
            let (values, valid) = match operation {
                Operation::Add => zip(a, b, valid, i64::checked_add),
                Operation::Subtract => zip(a, b, valid, i64::checked_sub),
                Operation::Multiply => zip(a, b, valid, i64::checked_mul),
                Operation::Remainder => zip(a, b, valid, |a, b| match b {
                    0 => None,
                    // The smallest integer by -1 overflows, though the remainder is 0.
                    b => Some(a.wrapping_rem(b)),
                }),
                // The check phase divides doubles only.
                Operation::Divide => zip(a, b, valid, i64::checked_div),
            };
            Vector::integers(values, valid)
        }
        (Lanes::Decimal(a), Lanes::Decimal(b)) => {
            let compute = |valid, operation: fn(i128, i128) -> Option<i128>| {
                zip(a, b, valid, move |a, b| {
                    operation(a, b).filter(|value| fits(*value, MAX_DIGITS))
                })
            };
            let (values, valid) = match operation {
                Operation::Add => compute(valid, i128::checked_add),
                Operation::Subtract => compute(valid, i128::checked_sub),
                Operation::Multiply => zip(a, b, valid, exact::multiply),
                Operation::Remainder => compute(valid, i128::checked_rem),
                Operation::Divide => compute(valid, i128::checked_div),
            };
            Vector::decimals(values, valid)
        }
        (Lanes::Double(a), Lanes::Double(b)) => {
            let (values, valid) = match operation {
                Operation::Add => zip(a, b, valid, |a, b| Some(a + b)),
                Operation::Subtract => zip(a, b, valid, |a, b| Some(a - b)),
                Operation::Multiply => zip(a, b, valid, |a, b| Some(a * b)),
                Operation::Divide => zip(a, b, valid, |a, b| (b != 0.0).then_some(a / b)),
                Operation::Remainder => zip(a, b, valid, |a, b| (b != 0.0).then_some(a % b)),
            };
            Vector::doubles(values, valid)
        }
        // The check phase gives both sides one shape, and no arithmetic on text.
        _ => Vector::null(Shape::Integer, left.rows()),
    }
}

fn zip<T: Copy + Default>(
    left: &[T],
    right: &[T],
    valid: Option<Bits>,
    compute: impl Fn(T, T) -> Option<T>,
) -> (Vec<T>, Option<Bits>) {
    computed(left.iter().zip(right).map(|(a, b)| compute(*a, *b)), valid)
}
