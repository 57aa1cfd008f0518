//! The truth, row by row and slowly: what SQL says of an expression, with nothing shared
//! with the kernels.

use super::rows::{Cell, schema};
use lockgate_sdk::DataType;
use std::cmp::Ordering;
use std::fmt::{self, Display};

/// A value in one row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Integer(i64),
    /// Digits and scale.
    Decimal(i128, u32),
    Double(f64),
    Text(String),
    /// Nanoseconds since 1970.
    Time(i128),
}

/// An expression with a value.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Column(&'static str),
    /// As written.
    Literal(&'static str, Value),
    Arithmetic(&'static str, Box<Term>, Box<Term>),
    Negate(Box<Term>),
    Call(&'static str, Box<Term>),
    Coalesce(Box<Term>, Box<Term>),
    Cast(Box<Term>, &'static str),
}

/// An expression with a truth value.
#[derive(Clone, Debug)]
pub(super) enum Logic {
    Column(&'static str),
    Constant(Option<bool>),
    Not(Box<Logic>),
    And(Box<Logic>, Box<Logic>),
    Or(Box<Logic>, Box<Logic>),
    /// A suffix such as `IS NOT TRUE`.
    Is(Box<Logic>, &'static str),
    Compare(&'static str, Term, Term),
    Relate(&'static str, Box<Logic>, Box<Logic>),
    IsNull(Term, bool),
    In(Term, Vec<Option<Term>>, bool),
    Between(Term, Term, Term, bool),
    Like(Term, &'static str, bool),
}

impl Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => f.write_str(name),
            Self::Literal(text, _) => f.write_str(text),
            Self::Arithmetic(sign, a, b) => write!(f, "({a} {sign} {b})"),
            Self::Negate(of) => write!(f, "(- {of})"),
            Self::Call(name, of) => write!(f, "{name}({of})"),
            Self::Coalesce(a, b) => write!(f, "coalesce({a}, {b})"),
            Self::Cast(of, ty) => write!(f, "CAST({of} AS {ty})"),
        }
    }
}

impl Display for Logic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        match self {
            Self::Column(name) => f.write_str(name),
            Self::Constant(Some(value)) => write!(f, "{value}"),
            Self::Constant(None) => f.write_str("CAST(NULL AS BOOLEAN)"),
            Self::Not(of) => write!(f, "NOT ({of})"),
            Self::And(a, b) => write!(f, "({a} AND {b})"),
            Self::Or(a, b) => write!(f, "({a} OR {b})"),
            Self::Is(of, suffix) => write!(f, "({of}) {suffix}"),
            Self::Compare(sign, a, b) => write!(f, "{a} {sign} {b}"),
            Self::Relate(sign, a, b) => write!(f, "(({a}) {sign} ({b}))"),
            Self::IsNull(of, negated) => write!(f, "{of} IS {}NULL", not(negated)),
            Self::In(of, list, negated) => {
                write!(f, "{of} {}IN (", not(negated))?;
                for (i, item) in list.iter().enumerate() {
                    f.write_str(if i > 0 { ", " } else { "" })?;
                    match item {
                        Some(item) => write!(f, "{item}")?,
                        None => f.write_str("NULL")?,
                    }
                }
                f.write_str(")")
            }
            Self::Between(of, low, high, negated) => {
                write!(f, "{of} {}BETWEEN {low} AND {high}", not(negated))
            }
            Self::Like(of, pattern, negated) => write!(f, "{of} {}LIKE '{pattern}'", not(negated)),
        }
    }
}

/// The column of this name in a row, and its type.
fn cell<'a>(name: &str, row: &'a [Cell]) -> (&'a Cell, DataType) {
    let schema = schema();
    let column = schema.fields.iter().position(|field| field.name == name).unwrap();
    (&row[column], schema.fields[column].data_type.clone())
}

pub(super) fn value(term: &Term, row: &[Cell]) -> Option<Value> {
    match term {
        Term::Column(name) => {
            let (cell, data_type) = cell(name, row);
            Some(match (cell, data_type) {
                (Cell::Integer(days), DataType::Date32) => {
                    Value::Time(i128::from(*days) * 86_400_000_000_000)
                }
                (Cell::Integer(time), DataType::Timestamp(unit, _)) => {
                    Value::Time(i128::from(*time) * i128::from(1_000_000_000 / unit.per_second()))
                }
                (Cell::Integer(value), _) => Value::Integer(*value),
                (Cell::Unsigned(value), _) => Value::Decimal(i128::from(*value), 0),
                (Cell::Decimal(value), DataType::Decimal128(_, scale)) => {
                    Value::Decimal(*value, u32::from(scale.unsigned_abs()))
                }
                (Cell::Double(value), DataType::Float32) => Value::Double(f64::from(*value as f32)),
                (Cell::Double(value), _) => Value::Double(*value),
                (Cell::Text(text), _) => Value::Text(text.clone()),
                _ => return None,
            })
        }
        Term::Literal(_, value) => Some(value.clone()),
        Term::Negate(of) => match value(of, row)? {
            Value::Integer(value) => Some(Value::Integer(value.checked_neg()?)),
            Value::Decimal(value, scale) => Some(Value::Decimal(-value, scale)),
            Value::Double(value) => Some(Value::Double(-value)),
            _ => None,
        },
        Term::Arithmetic(sign, a, b) => arithmetic(sign, &value(a, row)?, &value(b, row)?),
        Term::Call(name, of) => match (*name, value(of, row)?) {
            ("lower", Value::Text(text)) => Some(Value::Text(text.to_lowercase())),
            ("upper", Value::Text(text)) => Some(Value::Text(text.to_uppercase())),
            ("trim", Value::Text(text)) => Some(Value::Text(text.trim_matches(' ').to_owned())),
            ("length", Value::Text(text)) => Some(Value::Integer(text.chars().count() as i64)),
            ("octet_length", Value::Text(text)) => Some(Value::Integer(text.len() as i64)),
            ("abs", Value::Integer(value)) => Some(Value::Integer(value.checked_abs()?)),
            ("abs", Value::Decimal(value, scale)) => Some(Value::Decimal(value.abs(), scale)),
            ("abs", Value::Double(value)) => Some(Value::Double(value.abs())),
            (name, value) => panic!("{name} of {value:?}"),
        },
        Term::Coalesce(a, b) => value(a, row).or_else(|| value(b, row)),
        Term::Cast(of, ty) => cast(value(of, row)?, ty),
    }
}

fn cast(value: Value, ty: &str) -> Option<Value> {
    Some(match (value, ty) {
        (Value::Integer(value), "TINYINT") => Value::Integer(i64::from(i8::try_from(value).ok()?)),
        (Value::Integer(value), "STRING") => Value::Text(value.to_string()),
        (Value::Integer(value), "DOUBLE") => Value::Double(value as f64),
        (Value::Double(value), "BIGINT") => {
            let fits =
                value > -9.3e18 && value < 9.3e18 && (value as i128) == i128::from(value as i64);
            Value::Integer(fits.then_some(value as i64)?)
        }
        (Value::Text(text), "BIGINT") => Value::Integer(text.trim().parse().ok()?),
        (Value::Text(text), "DOUBLE") => Value::Double(text.trim().parse().ok()?),
        (Value::Decimal(value, scale), "BIGINT") => {
            Value::Integer(i64::try_from(value / 10_i128.pow(scale)).ok()?)
        }
        (Value::Decimal(value, scale), "DECIMAL(38, 1)") => {
            let tenths = value as f64 / 10_f64.powi(scale as i32 - 1);
            // Only exact where a double is: the tests keep such decimals small.
            Value::Decimal(tenths.abs().round().copysign(tenths) as i128, 1)
        }
        (value, ty) => panic!("cast of {value:?} to {ty}"),
    })
}

fn double(value: &Value) -> f64 {
    match value {
        Value::Integer(value) => *value as f64,
        Value::Decimal(value, scale) => format!("{value}e-{scale}").parse().unwrap(),
        Value::Double(value) => *value,
        other => panic!("{other:?} is no number"),
    }
}

fn decimal(value: &Value) -> (i128, u32) {
    match value {
        Value::Integer(value) => (i128::from(*value), 0),
        Value::Decimal(value, scale) => (*value, *scale),
        other => panic!("{other:?} is not exact"),
    }
}

fn arithmetic(sign: &str, a: &Value, b: &Value) -> Option<Value> {
    if sign == "/" || matches!((a, b), (Value::Double(_), _) | (_, Value::Double(_))) {
        let (a, b) = (double(a), double(b));
        return Some(Value::Double(match sign {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            _ if b == 0.0 => return None,
            "/" => a / b,
            _ => a % b,
        }));
    }
    if let (Value::Integer(a), Value::Integer(b)) = (a, b) {
        let exact = match sign {
            "+" => i128::from(*a) + i128::from(*b),
            "-" => i128::from(*a) - i128::from(*b),
            "*" => i128::from(*a) * i128::from(*b),
            _ => i128::from(*a).checked_rem(i128::from(*b))?,
        };
        return Some(Value::Integer(i64::try_from(exact).ok()?));
    }
    let ((a, a_scale), (b, b_scale)) = (decimal(a), decimal(b));
    let scale = a_scale.max(b_scale);
    let limit = 10_u128.pow(38);
    let within = |value: i128| (value.unsigned_abs() < limit).then_some(value);
    let aligned =
        |value: i128, from: u32| value.checked_mul(10_i128.pow(scale - from)).and_then(within);
    let exact = match sign {
        "*" => return Some(Value::Decimal(within(a.checked_mul(b)?)?, a_scale + b_scale)),
        "+" => aligned(a, a_scale)?.checked_add(aligned(b, b_scale)?)?,
        "-" => aligned(a, a_scale)?.checked_sub(aligned(b, b_scale)?)?,
        _ => aligned(a, a_scale)?.checked_rem(aligned(b, b_scale)?)?,
    };
    Some(Value::Decimal(within(exact)?, scale))
}

fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Double(_), _) | (_, Value::Double(_)) => {
            let (a, b) = (double(a), double(b));
            a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }
        _ => {
            let ((a, a_scale), (b, b_scale)) = (decimal(a), decimal(b));
            let scale = a_scale.max(b_scale);
            // What saturates is larger than every decimal.
            let a = a.saturating_mul(10_i128.pow(scale - a_scale));
            a.cmp(&b.saturating_mul(10_i128.pow(scale - b_scale)))
        }
    }
}

fn holds(sign: &str, order: Ordering) -> bool {
    match sign {
        "=" => order.is_eq(),
        "<>" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        other => panic!("no sign {other}"),
    }
}

fn compare<T>(
    sign: &str,
    a: Option<T>,
    b: Option<T>,
    order: impl Fn(&T, &T) -> Ordering,
) -> Option<bool> {
    let same = match (&a, &b) {
        (Some(a), Some(b)) => order(a, b).is_eq(),
        (None, None) => true,
        _ => false,
    };
    match sign {
        "<=>" | "IS NOT DISTINCT FROM" => Some(same),
        "IS DISTINCT FROM" => Some(!same),
        sign => Some(holds(sign, order(&a?, &b?))),
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    and(a.map(|a| !a), b.map(|b| !b)).map(|both| !both)
}

/// Matches characters against `%` and `_` by trying everything.
fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skip| like(&text[skip..], rest)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        [plain, rest @ ..] => text.first() == Some(plain) && like(&text[1..], rest),
    }
}

pub(super) fn truth(logic: &Logic, row: &[Cell]) -> Option<bool> {
    let negate = |negated: bool, truth: Option<bool>| truth.map(|truth| truth != negated);
    match logic {
        Logic::Column(name) => match cell(name, row).0 {
            Cell::Boolean(value) => Some(*value),
            _ => None,
        },
        Logic::Constant(value) => *value,
        Logic::Not(of) => truth(of, row).map(|of| !of),
        Logic::And(a, b) => and(truth(a, row), truth(b, row)),
        Logic::Or(a, b) => or(truth(a, row), truth(b, row)),
        Logic::Is(of, suffix) => {
            let of = truth(of, row);
            Some(match *suffix {
                "IS TRUE" => of == Some(true),
                "IS NOT TRUE" => of != Some(true),
                "IS FALSE" => of == Some(false),
                "IS NOT FALSE" => of != Some(false),
                "IS NULL" | "IS UNKNOWN" => of.is_none(),
                _ => of.is_some(),
            })
        }
        Logic::Compare(sign, a, b) => compare(sign, value(a, row), value(b, row), order),
        Logic::Relate(sign, a, b) => compare(sign, truth(a, row), truth(b, row), bool::cmp),
        Logic::IsNull(of, negated) => Some(value(of, row).is_none() != *negated),
        Logic::In(of, list, negated) => {
            let of = value(of, row);
            let equal = list.iter().map(|item| {
                let item = item.as_ref().and_then(|item| value(item, row));
                compare("=", of.clone(), item, order)
            });
            negate(*negated, equal.fold(Some(false), or))
        }
        Logic::Between(of, low, high, negated) => {
            let of = value(of, row);
            let from = compare(">=", of.clone(), value(low, row), order);
            negate(*negated, and(from, compare("<=", of, value(high, row), order)))
        }
        Logic::Like(of, pattern, negated) => {
            let Value::Text(text) = value(of, row)? else { panic!("{of} is no text") };
            let pattern: Vec<_> = pattern.chars().collect();
            Some(like(&text.chars().collect::<Vec<_>>(), &pattern) != *negated)
        }
    }
}
