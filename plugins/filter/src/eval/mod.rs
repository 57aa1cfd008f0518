//! Runs a checked predicate over a batch, a column at a time.
//!
//! Owns the loops; every decision about types was taken by [`crate::check`]. No loop asks a
//! row what to do: each node of the predicate makes one pass and leaves bits or values.

mod bits;
mod compare;
mod convert;
mod text;
mod value;
mod vector;

pub(crate) use bits::{Bits, Truth};
pub(crate) use compare::total_order;
pub(crate) use vector::{Loaded, load};

use crate::expr::{Predicate, Scalar, Slot, Value};
use vector::Content;

/// The rows of a batch, with the columns the predicate uses by slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) count: usize,
    /// `None` where the predicate does not use the slot any more.
    pub(crate) slots: &'a [Option<Loaded<'a>>],
}

impl<'a> Rows<'a> {
    fn slot(self, slot: Slot) -> Option<&'a Loaded<'a>> {
        self.slots.get(slot)?.as_ref()
    }

    fn all(self, bit: bool) -> Bits {
        Bits::filled(self.count, bit)
    }
}

/// One row without columns, to compute what is constant.
const CONSTANT: Rows<'static> = Rows { count: 1, slots: &[] };

/// The constant that an expression without columns is.
pub(crate) fn fold_value(value: &Value) -> Value {
    let vector = value::evaluate(value, CONSTANT);
    vector.first().map_or_else(|| Value::Null(vector.shape()), Value::Constant)
}

/// The truth of a predicate that uses no column.
pub(crate) fn fold_predicate(predicate: &Predicate) -> Option<bool> {
    let truth = evaluate(predicate, CONSTANT);
    match (truth.yes.get(0), truth.no.get(0)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// The truth of a predicate in every row.
pub(crate) fn evaluate(predicate: &Predicate, rows: Rows<'_>) -> Truth {
    match predicate {
        Predicate::Constant(value) => Truth::filled(rows.count, *value),
        Predicate::Column(slot) => column(rows, *slot),
        Predicate::And(of) => fold(of, rows, true, Truth::and),
        Predicate::Or(of) => fold(of, rows, false, Truth::or),
        Predicate::Not(of) => evaluate(of, rows).not(),
        Predicate::IsTrue(of) => Truth::masked(evaluate(of, rows).yes, None),
        Predicate::IsKnown(of) => Truth::masked(evaluate(of, rows).known(), None),
        Predicate::Present(slot) => {
            let valid = rows.slot(*slot).and_then(|loaded| loaded.valid.clone());
            Truth::masked(valid.unwrap_or_else(|| rows.all(true)), None)
        }
        Predicate::HasValue(of) => {
            let valid = value::evaluate(of, rows).valid;
            Truth::masked(valid.unwrap_or_else(|| rows.all(true)), None)
        }
        Predicate::IsEmpty(slot) => is_empty(rows, *slot),
        Predicate::Within(of, ranges) => compare::within(&value::evaluate(of, rows), ranges),
        Predicate::OneOf(of, texts) => compare::one_of(&value::evaluate(of, rows), texts),
        Predicate::Compare(order, left, Value::Constant(Scalar::Text(right))) => {
            compare::compare_text(*order, &value::evaluate(left, rows), right)
        }
        Predicate::Compare(order, left, right) => {
            let (left, right) = (value::evaluate(left, rows), value::evaluate(right, rows));
            compare::compare(*order, &left, &right)
        }
        Predicate::Same(left, right) => {
            let (left, right) = (value::evaluate(left, rows), value::evaluate(right, rows));
            compare::same(&left, &right)
        }
        Predicate::CompareTruth(order, left, right) => {
            compare::compare_truth(*order, evaluate(left, rows), &evaluate(right, rows))
        }
        Predicate::SameTruth(left, right) => {
            let (left, right) = (evaluate(left, rows), evaluate(right, rows));
            let no = left.known().or(&right.known()).not();
            Truth::masked(left.yes.and(&right.yes).or(&left.no.and(&right.no)).or(&no), None)
        }
        Predicate::FirstKnown(of) => fold(of, rows, None, |first, next| {
            let open = first.known().not();
            let Truth { yes, no } = next.clone();
            Truth { yes: first.yes.or(&yes.and(&open)), no: first.no.or(&no.and(&open)) }
        }),
        Predicate::Like(of, pattern) => text::like(&value::evaluate(of, rows), pattern),
        Predicate::IsNan(of) => compare::is_nan(&value::evaluate(of, rows)),
        Predicate::ParseBoolean(of) => text::parse_boolean(&value::evaluate(of, rows)),
    }
}

/// The rows in which a predicate is true, `None` for all: what a filter asks for.
///
/// A usual condition is decided here, without a bit for what is false or unknown. It is a
/// small function on purpose: little code has to come into the caches for a batch.
pub(crate) fn true_rows(predicate: &Predicate, rows: Rows<'_>) -> Option<Bits> {
    match predicate {
        Predicate::And(of) => {
            let both = |one: Option<Bits>, other: Option<Bits>| match (one, other) {
                (Some(one), Some(other)) => Some(one.and(&other)),
                (one, other) => one.or(other),
            };
            of.iter().map(|predicate| true_rows(predicate, rows)).fold(None, both)
        }
        Predicate::Present(slot) => rows.slot(*slot)?.valid.clone(),
        Predicate::Within(Value::Column(slot), ranges)
            if let Some(Loaded { valid, content: Content::Values(lanes) }) = rows.slot(*slot) =>
        {
            let within = compare::stored_within(lanes, ranges);
            Some(match valid {
                Some(valid) => within.and(valid),
                None => within,
            })
        }
        other => Some(evaluate(other, rows).yes),
    }
}

fn fold(
    of: &[Predicate],
    rows: Rows<'_>,
    neutral: impl Into<Option<bool>>,
    combine: impl Fn(Truth, &Truth) -> Truth,
) -> Truth {
    let parts = of.iter().map(|predicate| evaluate(predicate, rows));
    let combined = parts.reduce(|left, right| combine(left, &right));
    combined.unwrap_or_else(|| Truth::filled(rows.count, neutral.into()))
}

fn column(rows: Rows<'_>, slot: Slot) -> Truth {
    match rows.slot(slot) {
        Some(Loaded { valid, content: Content::Truth(bits) }) => {
            Truth::masked(bits.clone(), valid.as_ref())
        }
        _ => Truth::filled(rows.count, None),
    }
}

fn is_empty(rows: Rows<'_>, slot: Slot) -> Truth {
    let Some(loaded) = rows.slot(slot) else { return Truth::filled(rows.count, None) };
    let offsets = match &loaded.content {
        Content::Offsets(offsets) => offsets,
        Content::Values(vector::Lanes::Text(texts)) => texts.offsets.as_ref(),
        _ => return Truth::filled(rows.count, None),
    };
    let empty = Bits::test_rows(rows.count, |row| offsets[row] == offsets[row + 1]);
    Truth::masked(empty, loaded.valid.as_ref())
}
