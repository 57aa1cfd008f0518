//! Arithmetic: integers in 64 bits, decimals exactly, everything else as `double`.

use super::compare::{to_decimal, to_double};
use super::{Checker, Kind, Node};
use crate::exact::MAX_DIGITS;
use crate::expr::{Convert, Operation, Shape, Type, Value};
use crate::mistake::Mistake;
use std::ops::Range;

impl Checker<'_> {
    pub(super) fn arithmetic(
        &self,
        operation: Operation,
        left: &Node,
        right: &Node,
        at: Range<usize>,
    ) -> Result<Node, Mistake> {
        let operator = match operation {
            Operation::Add => "+",
            Operation::Subtract => "-",
            Operation::Multiply => "*",
            Operation::Divide => "/",
            Operation::Remainder => "%",
        };
        let ((a, a_type), (b, b_type)) = match (&left.kind, &right.kind) {
            (Kind::Null, Kind::Null) => return Ok(null(Type::Double, at)),
            (Kind::Null, _) => {
                let number = self.number(right, operator)?;
                ((Value::Null(number.1.shape()), number.1.clone()), number)
            }
            (_, Kind::Null) => {
                let number = self.number(left, operator)?;
                (number.clone(), (Value::Null(number.1.shape()), number.1))
            }
            _ => (self.number(left, operator)?, self.number(right, operator)?),
        };
        let double =
            operation == Operation::Divide || a_type == Type::Double || b_type == Type::Double;
        let (a, b, ty) = match (&a_type, &b_type) {
            _ if double => (to_double(a, &a_type), to_double(b, &b_type), Type::Double),
            (Type::Integer, Type::Integer) => (a, b, Type::Integer),
            _ => {
                let (a_scale, b_scale) = (scale(&a_type), scale(&b_type));
                let (a, b) = (to_decimal(a, &a_type), to_decimal(b, &b_type));
                if operation == Operation::Multiply {
                    let scale = a_scale + b_scale;
                    if scale > MAX_DIGITS {
                        return Err(Mistake::new(
                            &at,
                            format!(
                                "the product has {scale} digits after the point, and {MAX_DIGITS} are the most; cast one side, for example to `DECIMAL(18, 2)`"
                            ),
                        ));
                    }
                    (a, b, Type::Decimal(scale))
                } else {
                    let scale = a_scale.max(b_scale);
                    (rescaled(a, a_scale, scale), rescaled(b, b_scale, scale), Type::Decimal(scale))
                }
            }
        };
        let value = Value::Arithmetic(operation, Box::new(a), Box::new(b)).folded();
        Ok(Node { kind: Kind::Value(value, ty), at })
    }

    /// `-x` and `+x`.
    pub(super) fn sign(&self, negate: bool, of: &Node, at: Range<usize>) -> Result<Node, Mistake> {
        if matches!(of.kind, Kind::Null) {
            return Ok(null(Type::Double, at));
        }
        let (value, ty) = self.number(of, if negate { "-" } else { "+" })?;
        let value = if negate { value.converted(Convert::Negate) } else { value };
        Ok(Node { kind: Kind::Value(value, ty), at })
    }

    fn number(&self, node: &Node, operator: &str) -> Result<(Value, Type), Mistake> {
        let advice = match &node.kind {
            Kind::Value(value, ty) if ty.is_number() => return Ok((value.clone(), ty.clone())),
            Kind::Value(_, ty) if ty.is_time() => {
                "dates and times do not add up; compare them with a literal".to_owned()
            }
            Kind::Value(_, Type::Text) => {
                format!("write `CAST({} AS DOUBLE)`", self.source.quote(&node.at))
            }
            _ => "only numbers do".to_owned(),
        };
        let what = self.describe(node);
        Err(Mistake::new(&node.at, format!("{what}, and `{operator}` needs numbers; {advice}")))
    }
}

fn null(ty: Type, at: Range<usize>) -> Node {
    Node { kind: Kind::Value(Value::Null(ty.shape()), ty), at }
}

fn scale(ty: &Type) -> u8 {
    if let Type::Decimal(scale) = ty { *scale } else { 0 }
}

pub(super) fn rescaled(value: Value, from: u8, to: u8) -> Value {
    if from == to { value } else { value.converted(Convert::Rescale(from, to)) }
}

/// The type that numbers of both types can take.
pub(super) fn common(a: &Type, b: &Type) -> Option<Type> {
    Some(match (a, b) {
        (a, b) if a == b => a.clone(),
        (a, b) if !a.is_number() || !b.is_number() => return None,
        (Type::Double, _) | (_, Type::Double) => Type::Double,
        (a, b) => Type::Decimal(scale(a).max(scale(b))),
    })
}

/// A value as one of the type that [`common`] found.
pub(super) fn widened(value: Value, from: &Type, to: &Type) -> Value {
    match (from, to) {
        (from, Type::Double) => to_double(value, from),
        (from, Type::Decimal(to)) if from.shape() != Shape::Text => {
            rescaled(to_decimal(value, from), scale(from), *to)
        }
        _ => value,
    }
}
