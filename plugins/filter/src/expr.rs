//! The checked predicate: every name resolved, every type known, every literal in the form the
//! kernels compare.
//!
//! [`crate::check`] builds it, [`crate::eval`] runs it. Values come in four shapes
//! ([`Shape`]), so that few kernels do: integers hold dates and timestamps too.

use lockgate_sdk::{DataType, Part, TimeUnit};
use std::fmt;

/// A column of the input, by its place in the list of columns that the predicate names.
pub(crate) type Slot = usize;

/// What a value means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// Any integer but `uint64`; evaluated in 64 bits.
    Integer,
    /// Exact, with this many digits after the point. `uint64` is a decimal without any.
    Decimal(u8),
    /// `float` or `double`; evaluated as `double`.
    Double,
    Text,
    Binary,
    /// Days since 1970.
    Date,
    Timestamp(TimeUnit),
    /// Can only be tested for null.
    Opaque(DataType),
}

impl Type {
    /// How values of this type are held.
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::Integer | Self::Date | Self::Timestamp(_) | Self::Opaque(_) => Shape::Integer,
            Self::Decimal(_) => Shape::Decimal,
            Self::Double => Shape::Double,
            Self::Text | Self::Binary => Shape::Text,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Integer | Self::Decimal(_) | Self::Double)
    }

    pub(crate) fn is_time(&self) -> bool {
        matches!(self, Self::Date | Self::Timestamp(_))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "bigint",
            Self::Decimal(_) => "decimal",
            Self::Double => "double",
            Self::Text => "string",
            Self::Binary => "binary",
            Self::Date => "date",
            Self::Timestamp(_) => "timestamp",
            Self::Opaque(data_type) => return data_type.fmt(f),
        })
    }
}

/// How values are held while they are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Integer,
    Double,
    Decimal,
    Text,
}

/// A literal, or a constant that was folded into one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Integer(i64),
    Double(f64),
    Decimal(i128),
    Text(Vec<u8>),
}

/// Something with a truth value in every row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Predicate {
    Constant(Option<bool>),
    /// A boolean column.
    Column(Slot),
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    /// `IS TRUE`: never unknown.
    IsTrue(Box<Predicate>),
    /// `IS NOT UNKNOWN`.
    IsKnown(Box<Predicate>),
    /// `IS NOT NULL` of a column: reads its validity alone.
    Present(Slot),
    /// `IS NOT NULL` of a computed value.
    HasValue(Box<Value>),
    /// A string or binary column is empty: reads its offsets alone.
    IsEmpty(Slot),
    Within(Value, Ranges),
    /// Text equal to one of these, sorted by length, then bytes.
    OneOf(Value, Vec<Vec<u8>>),
    Compare(Order, Value, Value),
    /// `IS NOT DISTINCT FROM`.
    Same(Value, Value),
    /// `=` or `<` or `<=` of conditions, false before true.
    CompareTruth(Order, Box<Predicate>, Box<Predicate>),
    SameTruth(Box<Predicate>, Box<Predicate>),
    /// The first that is known.
    FirstKnown(Vec<Predicate>),
    Like(Value, crate::pattern::Pattern),
    IsNan(Value),
    /// Text cast to boolean.
    ParseBoolean(Value),
}

/// The orders that are needed: the others are their negations, for the order is total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
}

/// Sorted, disjoint, inclusive ranges of the values that pass.
///
/// Doubles are compared by [`crate::eval::total_order`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    Integer(Vec<(i64, i64)>),
    Double(Vec<(i64, i64)>),
    Decimal(Vec<(i128, i128)>),
}

/// Something with a value or a null in every row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Constant(Scalar),
    Null(Shape),
    Column(Slot),
    /// Both operands have the same shape, decimals the same scale (but for products).
    Arithmetic(Operation, Box<Value>, Box<Value>),
    Convert(Convert, Box<Value>),
    /// A condition as a value: the first where true, the second where false.
    Choose(Box<Predicate>, Scalar, Scalar),
    /// The first that is not null; all have the same shape.
    Coalesce(Vec<Value>),
    /// Lengths in bytes of strings, or in elements of lists and maps: reads offsets alone.
    Lengths(Slot),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A computation on one value. What cannot be computed is null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Convert {
    Negate,
    Absolute,
    IntegerToDouble,
    IntegerToDecimal,
    DecimalToDouble(u8),
    /// Truncates.
    DecimalToInteger(u8),
    /// From one scale to another, halves away from zero.
    Rescale(u8, u8),
    /// Null outside so many digits.
    FitDigits(u8),
    /// Null outside the range.
    FitInteger(i64, i64),
    DoubleToInteger,
    DoubleToDecimal(u8),
    /// Rounded to `float`.
    DoubleToFloat,
    /// To a finer unit of time.
    Multiply(i64),
    /// To a finer scale or unit, only to compare: saturates, for what saturates lies beyond
    /// every decimal of 38 digits.
    Magnify(i128),
    /// To a coarser unit, towards the past.
    FloorDivide(i64),
    ParseInteger,
    ParseDouble,
    ParseDecimal(u8),
    ParseDate,
    /// Microseconds.
    ParseTimestamp,
    PrintInteger,
    PrintDecimal(u8),
    PrintDate,
    PrintTimestamp(TimeUnit),
    Lower,
    Upper,
    /// Lower case character by character, to match without regard to case.
    FoldCase,
    Trim {
        start: bool,
        end: bool,
    },
    /// In characters.
    Length,
    /// In bytes.
    OctetLength,
}

impl Value {
    pub(crate) fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_) | Self::Null(_))
    }

    fn visit_slots(&self, visit: &mut impl FnMut(Slot, Part)) {
        match self {
            Self::Constant(_) | Self::Null(_) => {}
            Self::Column(slot) => visit(*slot, Part::Full),
            Self::Lengths(slot) => visit(*slot, Part::Offsets),
            Self::Arithmetic(_, left, right) => {
                left.visit_slots(visit);
                right.visit_slots(visit);
            }
            Self::Convert(_, of) => of.visit_slots(visit),
            Self::Choose(of, ..) => of.visit_slots(visit),
            Self::Coalesce(of) => of.iter().for_each(|value| value.visit_slots(visit)),
        }
    }
}

impl Predicate {
    /// Every column the predicate uses, and how much of it.
    pub(crate) fn visit_slots(&self, visit: &mut impl FnMut(Slot, Part)) {
        match self {
            Self::Constant(_) => {}
            Self::Column(slot) => visit(*slot, Part::Full),
            Self::Present(slot) => visit(*slot, Part::Validity),
            Self::IsEmpty(slot) => visit(*slot, Part::Offsets),
            Self::And(of) | Self::Or(of) | Self::FirstKnown(of) => {
                for predicate in of {
                    predicate.visit_slots(visit);
                }
            }
            Self::Not(of) | Self::IsTrue(of) | Self::IsKnown(of) => of.visit_slots(visit),
            Self::HasValue(of) => of.visit_slots(visit),
            Self::Within(of, _)
            | Self::OneOf(of, _)
            | Self::Like(of, _)
            | Self::IsNan(of)
            | Self::ParseBoolean(of) => of.visit_slots(visit),
            Self::Compare(_, left, right) | Self::Same(left, right) => {
                left.visit_slots(visit);
                right.visit_slots(visit);
            }
            Self::CompareTruth(_, left, right) | Self::SameTruth(left, right) => {
                left.visit_slots(visit);
                right.visit_slots(visit);
            }
        }
    }
}
