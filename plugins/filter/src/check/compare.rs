//! Comparisons: which types compare, and in which form.
//!
//! | left | right | compared as |
//! |---|---|---|
//! | integer, decimal | integer, decimal | exactly |
//! | `float`, `double` | any number | `double` |
//! | date, timestamp | date, timestamp | exactly; a date is its midnight in UTC |
//! | date, timestamp | string literal | the literal is read as a timestamp or date |
//! | string | string | bytes |
//! | binary | binary | bytes |
//! | boolean | boolean | false before true |

use super::{Checker, Kind, Node};
use crate::eval::total_order;
use crate::exact::{self, Unit};
use crate::expr::{Convert, Order, Predicate, Ranges, Scalar, Shape, Type, Value};
use crate::mistake::{Mistake, cover};
use crate::moment;
use crate::syntax::Comparison;
use lockgate_sdk::TimeUnit;

impl Comparison {
    /// The comparison with its sides exchanged.
    fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            other => other,
        }
    }

    /// The order to test, and whether the answer is its negation.
    fn order(self) -> (Order, bool) {
        match self {
            Self::Equal | Self::Same => (Order::Equal, false),
            Self::NotEqual | Self::Distinct => (Order::Equal, true),
            Self::Less => (Order::Less, false),
            Self::GreaterOrEqual => (Order::Less, true),
            Self::LessOrEqual => (Order::LessOrEqual, false),
            Self::Greater => (Order::LessOrEqual, true),
        }
    }

    /// Whether nulls compare too.
    fn compares_nulls(self) -> bool {
        matches!(self, Self::Same | Self::Distinct)
    }
}

/// Two values in one form.
type Pair = (Value, Value);

impl Checker<'_> {
    pub(super) fn comparison(
        &self,
        comparison: Comparison,
        left: Node,
        right: Node,
    ) -> Result<Predicate, Mistake> {
        let (order, negated) = comparison.order();
        match (&left.kind, &right.kind) {
            (Kind::Null, _) => return self.with_null(comparison, right, &left),
            (_, Kind::Null) => return self.with_null(comparison, left, &right),
            (Kind::Truth(a), Kind::Truth(b)) => {
                let (a, b) = (Box::new(a.clone()), Box::new(b.clone()));
                let predicate = if comparison.compares_nulls() {
                    Predicate::SameTruth(a, b)
                } else {
                    Predicate::CompareTruth(order, a, b)
                };
                let predicate = predicate.folded();
                return Ok(if negated { predicate.not() } else { predicate });
            }
            _ => {}
        }
        let (Kind::Value(a, _), Kind::Value(b, b_type)) = (&left.kind, &right.kind) else {
            return Err(self.mismatch(comparison, &left, &right));
        };
        if (a.is_constant() && !b.is_constant()) || (is_text_literal(a) && b_type.is_time()) {
            return self.comparison_of_values(comparison.flipped(), &right, &left);
        }
        self.comparison_of_values(comparison, &left, &right)
    }

    /// A comparison of values, any constant on the right.
    fn comparison_of_values(
        &self,
        comparison: Comparison,
        left: &Node,
        right: &Node,
    ) -> Result<Predicate, Mistake> {
        let (Kind::Value(a, a_type), Kind::Value(b, b_type)) = (&left.kind, &right.kind) else {
            return Err(self.mismatch(comparison, left, right));
        };
        let (order, negated) = comparison.order();
        let parsed;
        let (b, b_type) = match b {
            Value::Constant(Scalar::Text(text)) if a_type.is_time() => {
                parsed = self.time_literal(a_type, text, right)?;
                (&parsed.0, &parsed.1)
            }
            _ => (b, b_type),
        };
        let null = [a, b].into_iter().any(|value| matches!(value, Value::Null(_)));
        let (tested, pair) =
            if a_type.is_number() && b_type.is_number() || a_type.is_time() && b_type.is_time() {
                if *a_type == Type::Double || *b_type == Type::Double {
                    let pair = (to_double(a.clone(), a_type), to_double(b.clone(), b_type));
                    (double_range(order, &pair), pair)
                } else {
                    (exact_range(order, a, a_type, b, b_type), exact_pair(a, a_type, b, b_type))
                }
            } else if matches!(
                (a_type, b_type),
                (Type::Text, Type::Text) | (Type::Binary, Type::Binary)
            ) {
                let pair: Pair = (a.clone(), b.clone());
                let one = match (order, b) {
                    (Order::Equal, Value::Constant(Scalar::Text(text))) if !a.is_constant() => {
                        Some(Predicate::OneOf(a.clone(), vec![text.clone()]))
                    }
                    _ => None,
                };
                (one, pair)
            } else {
                return Err(self.mismatch(comparison, left, right));
            };
        let predicate = match (comparison.compares_nulls(), tested) {
            (false, _) if null => Predicate::Constant(None),
            (false, Some(tested)) => tested,
            (false, None) => Predicate::Compare(order, pair.0, pair.1).folded(),
            (true, Some(tested)) if !null => tested.tested_true(),
            (true, _) => Predicate::Same(pair.0, pair.1).folded(),
        };
        Ok(if negated { predicate.not() } else { predicate })
    }

    fn with_null(
        &self,
        comparison: Comparison,
        of: Node,
        null: &Node,
    ) -> Result<Predicate, Mistake> {
        match comparison {
            Comparison::Same => Ok(self.present(of).not()),
            Comparison::Distinct => Ok(self.present(of)),
            _ => {
                let not = if comparison == Comparison::NotEqual { "NOT " } else { "" };
                let text = self.source.quote(&of.at);
                let is_column = !matches!(&of.kind, Kind::Null)
                    && !matches!(&of.kind, Kind::Value(value, _) if value.is_constant());
                let text = if is_column { &text } else { "column" };
                Err(Mistake::new(
                    &cover(&of.at, &null.at),
                    format!("a comparison with `NULL` is never true; write `{text} IS {not}NULL`"),
                ))
            }
        }
    }

    /// A string literal as the date or timestamp it is compared with.
    pub(super) fn time_literal(
        &self,
        ty: &Type,
        text: &[u8],
        literal: &Node,
    ) -> Result<(Value, Type), Mistake> {
        let micros = moment::parse_timestamp(text);
        let days = moment::parse_date(text);
        match (ty, micros, days) {
            // A plain date stays one, so that a date column is compared day by day.
            (Type::Date, Some(micros), Some(days)) if micros == days * 86_400_000_000 => {
                Ok((Value::Constant(Scalar::Integer(days)), Type::Date))
            }
            (_, Some(micros), _) => {
                let unit = Type::Timestamp(TimeUnit::Microsecond);
                Ok((Value::Constant(Scalar::Integer(micros)), unit))
            }
            _ => Err(Mistake::new(
                &literal.at,
                format!(
                    "{} is no {ty}; write it like `'2024-02-29'` or `'2024-02-29T12:30:00Z'`",
                    self.source.quote(&literal.at)
                ),
            )),
        }
    }

    fn mismatch(&self, comparison: Comparison, left: &Node, right: &Node) -> Mistake {
        let at = cover(&left.at, &right.at);
        let advice = self.mismatch_advice(comparison, left, right);
        let (left, right) = (self.describe(left), self.describe(right));
        Mistake::new(&at, format!("{left} and {right}, which do not compare; {advice}"))
    }

    fn mismatch_advice(&self, comparison: Comparison, left: &Node, right: &Node) -> String {
        let quote = |node: &Node| self.source.quote(&node.at);
        for (one, other) in [(left, right), (right, left)] {
            let advice = match (&one.kind, &other.kind) {
                (Kind::Value(_, Type::Opaque(data_type)), _) => {
                    return match data_type.children() {
                        [] => "only `IS [NOT] NULL` works on it".to_owned(),
                        [member, ..] if matches!(data_type, lockgate_sdk::DataType::Struct(_)) => {
                            format!("name a member, for example `{}.{}`", quote(one), member.name)
                        }
                        _ => format!("only `IS [NOT] NULL` and `size({})` work on it", quote(one)),
                    };
                }
                (Kind::Truth(Predicate::Constant(Some(value))), Kind::Value(..)) => {
                    let word = if *value { "true" } else { "false" };
                    format!("write `'{word}'` or `CAST({} AS BOOLEAN)`", quote(other))
                }
                (Kind::Truth(_), Kind::Value(value, _)) if value.is_constant() => {
                    let (equal, of) = (comparison == Comparison::Equal, quote(one));
                    let no = matches!(value, Value::Constant(Scalar::Integer(0)))
                        || is_text(value, b"false");
                    if equal == no { format!("write `NOT {of}`") } else { format!("write `{of}`") }
                }
                (Kind::Truth(_), Kind::Value(..)) => {
                    format!("write `CAST({} AS BOOLEAN)`", quote(other))
                }
                (Kind::Value(text, Type::Text), Kind::Value(_, ty)) if ty.is_number() => match text
                {
                    Value::Constant(Scalar::Text(text)) => {
                        let text = String::from_utf8_lossy(text);
                        match exact::parse(text.trim()) {
                            Some(_) => format!("leave out the quotes: `{}`", text.trim()),
                            None if *ty == Type::Double => "compare it with a number".to_owned(),
                            None => format!("write `CAST({} AS STRING)`", quote(other)),
                        }
                    }
                    _ if matches!(ty, Type::Integer) => {
                        format!("write `CAST({} AS BIGINT)`", quote(one))
                    }
                    _ => format!(
                        "write `CAST({} AS DOUBLE)` or `CAST({0} AS DECIMAL(18, 2))`",
                        quote(one)
                    ),
                },
                (Kind::Value(_, Type::Text), Kind::Value(_, ty)) if ty.is_time() => {
                    let ty = ty.to_string().to_uppercase();
                    format!("write `CAST({} AS {ty})`", quote(one))
                }
                (Kind::Value(value, ty), Kind::Value(_, time))
                    if ty.is_number() && time.is_time() =>
                {
                    if value.is_constant() {
                        "write the time as text, for example `TIMESTAMP '2024-02-29 12:30:00'`"
                            .to_owned()
                    } else {
                        format!(
                            "write `CAST({} AS TIMESTAMP)` if it counts seconds since 1970",
                            quote(one)
                        )
                    }
                }
                _ => continue,
            };
            return advice;
        }
        "cast one of them to the type of the other".to_owned()
    }
}

fn is_text_literal(value: &Value) -> bool {
    matches!(value, Value::Constant(Scalar::Text(_)))
}

fn is_text(value: &Value, wanted: &[u8]) -> bool {
    matches!(value, Value::Constant(Scalar::Text(text)) if text.eq_ignore_ascii_case(wanted))
}

/// How integers of this type stand for what they mean.
fn unit(ty: &Type) -> Unit {
    let (multiplier, scale) = match ty {
        Type::Decimal(scale) => (1, *scale),
        Type::Date => (86_400, 0),
        Type::Timestamp(unit) => (1, unit.per_second().ilog10() as u8),
        _ => (1, 0),
    };
    Unit { multiplier, scale }
}

pub(super) fn to_double(value: Value, ty: &Type) -> Value {
    match ty {
        Type::Integer => value.converted(Convert::IntegerToDouble),
        Type::Decimal(scale) => value.converted(Convert::DecimalToDouble(*scale)),
        _ => value,
    }
}

pub(super) fn to_decimal(value: Value, ty: &Type) -> Value {
    match ty.shape() {
        Shape::Integer => value.converted(Convert::IntegerToDecimal),
        _ => value,
    }
}

/// A comparison of doubles with a constant, as a range of their order.
fn double_range(order: Order, (of, constant): &Pair) -> Option<Predicate> {
    let Value::Constant(Scalar::Double(constant)) = constant else { return None };
    if of.is_constant() {
        return None;
    }
    let key = total_order(*constant);
    let range = match order {
        Order::Equal => (key, key),
        // No double orders as the least integer does.
        Order::Less => (i64::MIN, key.saturating_sub(1)),
        Order::LessOrEqual => (i64::MIN, key),
    };
    Some(Predicate::Within(of.clone(), Ranges::Double(vec![range])))
}

/// An exact comparison with a constant, as a range of the column's own integers.
fn exact_range(
    order: Order,
    of: &Value,
    of_type: &Type,
    constant: &Value,
    constant_type: &Type,
) -> Option<Predicate> {
    let number = match constant {
        Value::Constant(Scalar::Integer(number)) => i128::from(*number),
        Value::Constant(Scalar::Decimal(number)) => *number,
        _ => return None,
    };
    if of.is_constant() {
        return None;
    }
    let range = exact::range(order, unit(of_type), number, unit(constant_type));
    let ranges = if of_type.shape() == Shape::Decimal {
        Ranges::Decimal(range.into_iter().collect())
    } else {
        let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
        let fitting = range.filter(|(low, high)| *low <= most && *high >= least);
        let clamp = |(low, high): (i128, i128)| (low.max(least) as i64, high.min(most) as i64);
        Ranges::Integer(fitting.map(clamp).into_iter().collect())
    };
    Some(Predicate::Within(of.clone(), ranges))
}

/// Two exact values as integers of one unit.
fn exact_pair(a: &Value, a_type: &Type, b: &Value, b_type: &Type) -> Pair {
    if a_type == b_type {
        return (a.clone(), b.clone());
    }
    let (a_unit, b_unit) = (unit(a_type), unit(b_type));
    let scale = a_unit.scale.max(b_unit.scale);
    let align = |value: &Value, ty: &Type, unit: Unit| {
        let factor = unit.multiplier.saturating_mul(exact::power(scale - unit.scale));
        let value = to_decimal(value.clone(), ty);
        if factor == 1 { value } else { value.converted(Convert::Magnify(factor)) }
    };
    (align(a, a_type, a_unit), align(b, b_type, b_unit))
}
