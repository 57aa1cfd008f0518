//! Kernels that compute a value from one other: casts, signs, lengths, text functions.

use super::bits::Bits;
use super::text;
use super::value::computed;
use super::vector::{Lanes, Texts, Vector};
use crate::exact::{self, MAX_DIGITS, fits, power};
use crate::expr::{Convert, Shape};
use crate::moment;

/// Converts every value; what cannot be converted is null.
pub(super) fn convert<'a>(how: &Convert, of: Vector<'a>) -> Vector<'a> {
    let rows = of.rows();
    match of.lanes {
        Lanes::Integer(values) => from_integers(how, &values, of.valid),
        Lanes::Decimal(values) => from_decimals(how, &values, of.valid),
        Lanes::Double(values) => from_doubles(how, &values, of.valid),
        Lanes::Text(texts) => from_texts(how, &texts, of.valid),
    }
    // The check phase converts no other pairs.
    .unwrap_or_else(|| Vector::null(Shape::Integer, rows))
}

fn from_integers(how: &Convert, values: &[i64], valid: Option<Bits>) -> Option<Vector<'static>> {
    let integers = |valid, compute: &dyn Fn(i64) -> Option<i64>| {
        let (values, valid) = computed(values.iter().map(|value| compute(*value)), valid);
        Vector::integers(values, valid)
    };
    Some(match *how {
        Convert::Negate => integers(valid, &i64::checked_neg),
        Convert::Absolute => integers(valid, &i64::checked_abs),
        Convert::FitInteger(low, high) => {
            integers(valid, &|value| (low..=high).contains(&value).then_some(value))
        }
        Convert::Multiply(factor) => integers(valid, &|value| value.checked_mul(factor)),
        Convert::FloorDivide(divisor) => integers(valid, &|value| Some(value.div_euclid(divisor))),
        Convert::IntegerToDouble => {
            Vector::doubles(values.iter().map(|value| *value as f64).collect(), valid)
        }
        Convert::IntegerToDecimal => {
            Vector::decimals(values.iter().map(|value| i128::from(*value)).collect(), valid)
        }
        Convert::PrintInteger => text::print(values, valid, i64::to_string),
        Convert::PrintDate => text::print(values, valid, |days| moment::print_date(*days)),
        Convert::PrintTimestamp(unit) => {
            text::print(values, valid, |time| moment::print_timestamp(*time, unit))
        }
        _ => return None,
    })
}

fn from_decimals(how: &Convert, values: &[i128], valid: Option<Bits>) -> Option<Vector<'static>> {
    let decimals = |valid, compute: &dyn Fn(i128) -> Option<i128>| {
        let (values, valid) = computed(values.iter().map(|value| compute(*value)), valid);
        Vector::decimals(values, valid)
    };
    Some(match *how {
        Convert::Negate => decimals(valid, &i128::checked_neg),
        Convert::Absolute => decimals(valid, &i128::checked_abs),
        Convert::Rescale(from, to) => decimals(valid, &|value| {
            exact::rescale(value, from, to).filter(|value| fits(*value, MAX_DIGITS))
        }),
        Convert::FitDigits(digits) => {
            decimals(valid, &|value| fits(value, digits).then_some(value))
        }
        Convert::Magnify(factor) => {
            let values = values.iter().map(|value| value.saturating_mul(factor));
            Vector::decimals(values.collect(), valid)
        }
        Convert::DecimalToDouble(scale) => {
            let to_double = exact::to_double(scale);
            Vector::doubles(values.iter().map(|value| to_double(*value)).collect(), valid)
        }
        Convert::DecimalToInteger(scale) => {
            let whole = values.iter().map(|value| i64::try_from(value / power(scale)).ok());
            let (values, valid) = computed(whole, valid);
            Vector::integers(values, valid)
        }
        Convert::PrintDecimal(scale) => {
            text::print(values, valid, |value| exact::print(*value, scale))
        }
        _ => return None,
    })
}

fn from_doubles(how: &Convert, values: &[f64], valid: Option<Bits>) -> Option<Vector<'static>> {
    let doubles = |valid, compute: &dyn Fn(f64) -> f64| {
        Vector::doubles(values.iter().map(|value| compute(*value)).collect(), valid)
    };
    Some(match *how {
        Convert::Negate => doubles(valid, &|value| -value),
        Convert::Absolute => doubles(valid, &f64::abs),
        Convert::DoubleToFloat => doubles(valid, &|value| f64::from(value as f32)),
        Convert::DoubleToInteger => {
            let (values, valid) = computed(values.iter().map(|value| whole(*value)), valid);
            Vector::integers(values, valid)
        }
        Convert::DoubleToDecimal(scale) => {
            // The shortest text that means this double, as other engines round it.
            let decimal =
                |value: &f64| exact::parse_rounded(format!("{value:e}").as_bytes(), scale);
            let (values, valid) = computed(values.iter().map(decimal), valid);
            Vector::decimals(values, valid)
        }
        _ => return None,
    })
}

/// The integer towards zero, if there is one.
fn whole(value: f64) -> Option<i64> {
    // The bounds are exact doubles; the upper one is the first that does not fit.
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0)
        .contains(&value)
        .then_some(value as i64)
}

fn from_texts(how: &Convert, texts: &Texts<'_>, valid: Option<Bits>) -> Option<Vector<'static>> {
    let rows = texts.rows();
    let parsed = |valid, parse: &dyn Fn(&[u8]) -> Option<i64>| {
        let (values, valid) = computed((0..rows).map(|row| parse(texts.get(row))), valid);
        Vector::integers(values, valid)
    };
    Some(match *how {
        Convert::ParseInteger => parsed(valid, &|text| number(text)?.parse().ok()),
        Convert::ParseDate => parsed(valid, &moment::parse_date),
        Convert::ParseTimestamp => parsed(valid, &moment::parse_timestamp),
        Convert::OctetLength => parsed(valid, &|text| Some(text.len() as i64)),
        Convert::Length => parsed(valid, &|text| {
            let starts = text.iter().filter(|byte| (**byte as i8) >= -0x40);
            Some(starts.count() as i64)
        }),
        Convert::ParseDouble => {
            let parse = |row| number(texts.get(row))?.parse().ok();
            let (values, valid) = computed((0..rows).map(parse), valid);
            Vector::doubles(values, valid)
        }
        Convert::ParseDecimal(scale) => {
            let parse = |row| exact::parse_rounded(texts.get(row).trim_ascii(), scale);
            let (values, valid) = computed((0..rows).map(parse), valid);
            Vector::decimals(values, valid)
        }
        Convert::Lower => text::map(texts, valid, |text, to| {
            if text.is_ascii() {
                to.push_str(text);
                to.make_ascii_lowercase();
            } else {
                to.push_str(&text.to_lowercase());
            }
        }),
        Convert::Upper => text::map(texts, valid, |text, to| {
            if text.is_ascii() {
                to.push_str(text);
                to.make_ascii_uppercase();
            } else {
                to.push_str(&text.to_uppercase());
            }
        }),
        Convert::FoldCase => text::map(texts, valid, crate::pattern::fold),
        Convert::Trim { start, end } => text::map(texts, valid, |text, to| {
            let text = if start { text.trim_start_matches(' ') } else { text };
            to.push_str(if end { text.trim_end_matches(' ') } else { text });
        }),
        _ => return None,
    })
}

/// The text of a number without the blanks around it.
fn number(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text.trim_ascii()).ok()
}
