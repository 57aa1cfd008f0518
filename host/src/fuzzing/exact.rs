//! What a column must hold for a value's text, by other means than the decoder's: numbers digit
//! by digit or by the standard library, moments by arrow, bytes encoded back.

use arrow_array::{
    Array,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int64Type,
        TimestampMicrosecondType,
    },
};
use arrow_cast::parse::string_to_timestamp_nanos;
use arrow_schema::DataType;
use serde_json::value::RawValue;

/// Whether a row of a scalar column is what the JSON text of its value says. Other types of
/// column are not asked.
pub(super) fn holds(array: &dyn Array, row: usize, raw: &str) -> bool {
    let number = number(raw);
    let some = |held: i128| array.is_valid(row).then_some(held);
    match array.data_type() {
        _ if raw == "null" => array.is_null(row),
        DataType::Int8 => {
            let held = some(array.as_primitive::<Int8Type>().value(row).into());
            let due = number.and_then(|number| scaled(number, 0, 3));
            held == due.filter(|due| i8::try_from(*due).is_ok())
        }
        DataType::Int64 => {
            let held = some(array.as_primitive::<Int64Type>().value(row).into());
            let due = number.and_then(|number| scaled(number, 0, 19));
            held == due.filter(|due| i64::try_from(*due).is_ok())
        }
        DataType::Decimal128(precision, scale) => {
            let held = some(array.as_primitive::<Decimal128Type>().value(row));
            held == number.and_then(|number| scaled(number, *scale, *precision))
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            let held = array.is_valid(row).then_some(value.to_bits());
            let due = number.map_or_else(|| word(raw), |number| number.parse().ok());
            let finite = |due: &f64| number.is_none() || due.is_finite();
            held == due.filter(finite).map(f64::to_bits)
        }
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            let held = array.is_valid(row).then_some(value.to_bits());
            let special = || word(raw).map(|word| word as f32);
            let due = number.map_or_else(special, |number| number.parse().ok());
            let finite = |due: &f32| number.is_none() || due.is_finite();
            held == due.filter(finite).map(f32::to_bits)
        }
        DataType::Timestamp(..) => {
            let held = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let due = nanos(unquoted(raw));
            array.is_null(row) || due.is_none_or(|due| held == due.div_euclid(1_000))
        }
        DataType::Date32 => {
            let held = i64::from(array.as_primitive::<Date32Type>().value(row));
            let due = nanos(&format!("{}T00:00:00Z", unquoted(raw)));
            array.is_null(row) || due.is_none_or(|due| held == due.div_euclid(86_400_000_000_000))
        }
        DataType::Binary => {
            let Ok(text) = serde_json::from_str::<String>(raw) else { return array.is_null(row) };
            let held = array.as_binary::<i32>().value(row);
            // The last digit may have bits that stand for nothing.
            let digits = text.trim_end_matches('=');
            let sure = digits.len().saturating_sub(1);
            let encoded = encoded(held);
            array.is_null(row)
                || (encoded.len() == digits.len() && encoded.get(..sure) == digits.get(..sure))
        }
        _ => true,
    }
}

/// The content of quotes, escapes and all.
fn unquoted(raw: &str) -> &str {
    raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw)
}

/// A number, which may stand in quotes.
fn number(raw: &str) -> Option<&str> {
    let text = unquoted(raw);
    let starts = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let parsed = || serde_json::from_str::<&RawValue>(text);
    (starts && parsed().is_ok_and(|value| value.get() == text)).then_some(text)
}

/// What stands for numbers that JSON does not have.
fn word(raw: &str) -> Option<f64> {
    match raw {
        "\"NaN\"" => Some(f64::NAN),
        "\"Infinity\"" => Some(f64::INFINITY),
        "\"-Infinity\"" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn nanos(text: &str) -> Option<i64> {
    string_to_timestamp_nanos(text).ok()
}

/// A number times 10 to the `scale`, if that is an integer of at most `digits` digits.
fn scaled(number: &str, scale: i8, digits: u8) -> Option<i128> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let written = [whole, fraction].concat();
    let significant = written.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // An exponent beyond 64 bits is beyond every column, up or down.
    let exponent: i64 = exponent.parse().ok()?;
    let zeros = (written.len() - significant.len()) as i64;
    let shift = exponent.checked_add(zeros - fraction.len() as i64 + i64::from(scale))?;
    let significant = significant.trim_start_matches('0');
    let shift = usize::try_from(shift).ok()?;
    if significant.len().checked_add(shift)? > usize::from(digits) {
        return None;
    }
    let value: i128 = [significant, &"0".repeat(shift)].concat().parse().ok()?;
    Some(sign * value)
}

/// Base64 without padding.
fn encoded(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - group.len()));
        for digit in 0..=group.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
}
