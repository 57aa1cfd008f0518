//! Casts: which exist, and the conversions they are made of.
//!
//! Every cast is a `TRY_CAST`: what cannot be converted becomes null, and so does a number
//! that does not fit.

use super::compare::to_decimal;
use super::{Checker, Kind, Node, truth};
use crate::expr::{Convert, Predicate, Scalar, Shape, Type, Value};
use crate::mistake::Mistake;
use crate::syntax::TypeName;
use lockgate_sdk::TimeUnit;
use std::cmp::Ordering;

/// A type that values can be cast to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Boolean,
    Integer(i64, i64),
    Float,
    Double,
    Decimal(u8, u8),
    Text,
    Date,
    Timestamp,
}

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

impl Checker<'_> {
    pub(super) fn cast(&self, of: Node, to: &TypeName) -> Result<Node, Mistake> {
        let Some(target) = target(to) else {
            let text = self.source.quote(&to.at);
            let message = format!(
                "there is no type `{text}` to cast to; there is BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, DECIMAL(38, 10), STRING, DATE and TIMESTAMP"
            );
            return Err(Mistake::new(&to.at, message));
        };
        let at = of.at.clone();
        let none = || {
            let what = self.describe(&of);
            let advice = match (&of.kind, target) {
                (Kind::Value(_, Type::Double), Target::Text) => {
                    "write `CAST(CAST(... AS DECIMAL(38, 10)) AS STRING)`, for engines print doubles differently"
                }
                (_, Target::Date) => "a date is cast from a string or a timestamp",
                (_, Target::Timestamp) => {
                    "a timestamp is cast from a string, a date, or a number of seconds"
                }
                _ => "compare it as it is",
            };
            Mistake::new(&of.at, format!("{what}, which cannot be cast to `{}`; {advice}", to.name))
        };
        let (value, from) = match &of.kind {
            Kind::Null if target == Target::Boolean => {
                return Ok(truth(Predicate::Constant(None), at));
            }
            Kind::Null => {
                let ty = target_type(target);
                return Ok(Node { kind: Kind::Value(Value::Null(ty.shape()), ty), at });
            }
            Kind::Truth(predicate) => {
                let Some(value) = from_truth(predicate.clone(), target) else {
                    return if target == Target::Boolean { Ok(of) } else { Err(none()) };
                };
                return Ok(Node { kind: Kind::Value(value, target_type(target)), at });
            }
            Kind::Value(value, from) => (value.clone(), from),
        };
        if target == Target::Boolean {
            return match to_boolean(value, from) {
                Some(predicate) => Ok(truth(predicate, at)),
                None => Err(none()),
            };
        }
        let value = converted(value, from, target).ok_or_else(none)?;
        Ok(Node { kind: Kind::Value(value, target_type(target)), at })
    }
}

fn target(to: &TypeName) -> Option<Target> {
    let integer = |bits: u32| Target::Integer(i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
    Some(match (to.name.as_str(), to.parameters.as_slice()) {
        ("BOOLEAN" | "BOOL", []) => Target::Boolean,
        ("TINYINT" | "BYTE", []) => integer(8),
        ("SMALLINT" | "SHORT", []) => integer(16),
        ("INT" | "INTEGER", []) => integer(32),
        ("BIGINT" | "LONG", []) => integer(64),
        ("FLOAT" | "REAL", []) => Target::Float,
        ("DOUBLE" | "DOUBLE PRECISION", []) => Target::Double,
        ("DECIMAL" | "NUMERIC" | "DEC", parameters) => {
            let (digits, scale) = match *parameters {
                [] => (10, 0),
                [digits] => (digits, 0),
                [digits, scale] => (digits, scale),
                _ => return None,
            };
            let fits = (1..=38).contains(&digits) && scale <= digits;
            fits.then_some(Target::Decimal(digits as u8, scale as u8))?
        }
        ("STRING" | "TEXT" | "VARCHAR", []) => Target::Text,
        ("DATE", []) => Target::Date,
        ("TIMESTAMP" | "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "DATETIME", []) => Target::Timestamp,
        _ => return None,
    })
}

fn target_type(target: Target) -> Type {
    match target {
        // Booleans are conditions, not values.
        Target::Boolean | Target::Integer(..) => Type::Integer,
        Target::Float | Target::Double => Type::Double,
        Target::Decimal(_, scale) => Type::Decimal(scale),
        Target::Text => Type::Text,
        Target::Date => Type::Date,
        Target::Timestamp => Type::Timestamp(TimeUnit::Microsecond),
    }
}

/// A condition as a number or text; `None` when there is no such cast.
fn from_truth(of: Predicate, target: Target) -> Option<Value> {
    let (yes, no) = match target {
        Target::Integer(..) => (Scalar::Integer(1), Scalar::Integer(0)),
        Target::Float | Target::Double => (Scalar::Double(1.0), Scalar::Double(0.0)),
        Target::Decimal(digits, scale) if digits > scale => {
            (Scalar::Decimal(crate::exact::power(scale)), Scalar::Decimal(0))
        }
        Target::Text => (Scalar::Text(b"true".to_vec()), Scalar::Text(b"false".to_vec())),
        _ => return None,
    };
    Some(Value::Choose(Box::new(of), yes, no).folded())
}

fn to_boolean(value: Value, from: &Type) -> Option<Predicate> {
    Some(match from {
        Type::Text => Predicate::ParseBoolean(value).folded(),
        ty if ty.is_number() => {
            let zero = match ty.shape() {
                Shape::Double => Scalar::Double(0.0),
                Shape::Decimal => Scalar::Decimal(0),
                _ => Scalar::Integer(0),
            };
            Predicate::Compare(crate::expr::Order::Equal, value, Value::Constant(zero))
                .folded()
                .not()
        }
        _ => return None,
    })
}

/// A value cast to anything but a boolean; `None` when there is no such cast.
fn converted(value: Value, from: &Type, target: Target) -> Option<Value> {
    Some(match target {
        Target::Boolean => return None,
        Target::Integer(low, high) => {
            let value = match from {
                Type::Integer => value,
                Type::Decimal(scale) => value.converted(Convert::DecimalToInteger(*scale)),
                Type::Double => value.converted(Convert::DoubleToInteger),
                Type::Text => value.converted(Convert::ParseInteger),
                Type::Timestamp(unit) => value.converted(Convert::FloorDivide(unit.per_second())),
                _ => return None,
            };
            let all = (low, high) == (i64::MIN, i64::MAX);
            if all { value } else { value.converted(Convert::FitInteger(low, high)) }
        }
        Target::Float => converted(value, from, Target::Double)?.converted(Convert::DoubleToFloat),
        Target::Double => match from {
            Type::Integer => value.converted(Convert::IntegerToDouble),
            Type::Decimal(scale) => value.converted(Convert::DecimalToDouble(*scale)),
            Type::Double => value,
            Type::Text => value.converted(Convert::ParseDouble),
            _ => return None,
        },
        Target::Decimal(digits, scale) => {
            let value = match from {
                Type::Integer => to_decimal(value, from).converted(Convert::Rescale(0, scale)),
                Type::Decimal(from) => value.converted(Convert::Rescale(*from, scale)),
                Type::Double => value.converted(Convert::DoubleToDecimal(scale)),
                Type::Text => value.converted(Convert::ParseDecimal(scale)),
                _ => return None,
            };
            value.converted(Convert::FitDigits(digits))
        }
        Target::Text => match from {
            Type::Integer => value.converted(Convert::PrintInteger),
            Type::Decimal(scale) => value.converted(Convert::PrintDecimal(*scale)),
            Type::Date => value.converted(Convert::PrintDate),
            Type::Timestamp(unit) => value.converted(Convert::PrintTimestamp(*unit)),
            Type::Text => value,
            _ => return None,
        },
        Target::Date => match from {
            Type::Date => value,
            Type::Timestamp(unit) => {
                value.converted(Convert::FloorDivide(86_400 * unit.per_second()))
            }
            Type::Text => value.converted(Convert::ParseDate),
            _ => return None,
        },
        Target::Timestamp => match from {
            Type::Timestamp(unit) => to_micros(value, *unit),
            Type::Date => value.converted(Convert::Multiply(MICROS_PER_DAY)),
            Type::Integer => value.converted(Convert::Multiply(MICROS_PER_SECOND)),
            Type::Text => value.converted(Convert::ParseTimestamp),
            _ => return None,
        },
    })
}

fn to_micros(value: Value, unit: TimeUnit) -> Value {
    let per_second = unit.per_second();
    match per_second.cmp(&MICROS_PER_SECOND) {
        Ordering::Greater => value.converted(Convert::FloorDivide(per_second / MICROS_PER_SECOND)),
        Ordering::Less => value.converted(Convert::Multiply(MICROS_PER_SECOND / per_second)),
        Ordering::Equal => value,
    }
}
