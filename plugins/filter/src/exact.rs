//! Decimals: 128-bit integers with a scale, the number of digits after the point.
//!
//! Owns their text form, rounding and conversion to `double`; knows nothing of columns.

use crate::expr::Order;

/// Digits of the widest decimal.
pub(crate) const MAX_DIGITS: u8 = 38;

/// Ten to the power of `digits`, which is at most 38.
pub(crate) fn power(digits: u8) -> i128 {
    10_i128.pow(u32::from(digits.min(MAX_DIGITS)))
}

/// Whether a value has at most so many digits.
pub(crate) fn fits(value: i128, digits: u8) -> bool {
    value.unsigned_abs() < power(digits).unsigned_abs()
}

/// The value at another scale, halves rounded away from zero.
pub(crate) fn rescale(value: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        return value.checked_mul(power(to - from));
    }
    Some(divide_rounded(value, power(from - to)))
}

fn divide_rounded(value: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (value / divisor, value % divisor);
    let up = rest.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2);
    quotient + if up { value.signum() } else { 0 }
}

/// A decimal as written, without exponent, at the scale it is written with.
pub(crate) fn parse(text: &str) -> Option<(i128, u8)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = if fraction.len() > usize::from(MAX_DIGITS) {
        fraction.trim_end_matches('0')
    } else {
        fraction
    };
    let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= MAX_DIGITS)?;
    let number = parse_rounded(text.as_bytes(), scale)?;
    (!whole.is_empty() || !fraction.is_empty()).then_some((number, scale))
}

/// A decimal or a number with an exponent, rounded to a scale; `None` when it is none, or has
/// more than 38 digits then.
pub(crate) fn parse_rounded(text: &[u8], scale: u8) -> Option<i128> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], std::str::from_utf8(&text[at + 1..]).ok()?.parse().ok()?),
        None => (text, 0_i32),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &[][..]),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // Digits up to this one count; the next one decides how to round.
    let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(scale);
    let (mut value, mut round_up) = (0_i128, false);
    for (i, byte) in whole.iter().chain(fraction).enumerate() {
        let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
        match (i as i64).cmp(&kept) {
            std::cmp::Ordering::Less => value = value.checked_mul(10)?.checked_add(digit)?,
            std::cmp::Ordering::Equal => round_up = digit >= 5,
            std::cmp::Ordering::Greater => {}
        }
    }
    let missing = kept - (whole.len() + fraction.len()) as i64;
    if missing > 0 && value != 0 {
        let missing = u8::try_from(missing).ok().filter(|missing| *missing <= MAX_DIGITS)?;
        value = value.checked_mul(power(missing))?;
    }
    value += i128::from(round_up);
    fits(value, MAX_DIGITS).then_some(if negative { -value } else { value })
}

/// The nearest double to each value of one scale.
pub(crate) fn to_double(scale: u8) -> impl Fn(i128) -> f64 {
    let divisor = (scale <= 22).then(|| 10_f64.powi(i32::from(scale)));
    move |value| match (i64::try_from(value), divisor) {
        // Both operands are exact in a double, so the division rounds once.
        (Ok(small), Some(divisor)) if small.unsigned_abs() <= 1 << 53 => small as f64 / divisor,
        _ => format!("{value}e-{scale}").parse().unwrap_or(f64::NAN),
    }
}

/// The product, if it has at most 38 digits.
pub(crate) fn multiply(a: i128, b: i128) -> Option<i128> {
    // The product of two 64-bit integers is at most 2 to the power of 126: 38 digits.
    if let (Ok(a), Ok(b)) = (i64::try_from(a), i64::try_from(b)) {
        return Some(i128::from(a) * i128::from(b));
    }
    a.checked_mul(b).filter(|product| fits(*product, MAX_DIGITS))
}

/// The decimal as text, with all digits of its scale.
pub(crate) fn print(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    if scale == 0 {
        return value.to_string();
    }
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// How the integers of a column stand for what they mean: times `multiplier`, by ten to the
/// power of `scale`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub(crate) multiplier: i128,
    pub(crate) scale: u8,
}

/// The integers of a column of this unit that stand in an order to a number.
pub(crate) fn range(order: Order, column: Unit, number: i128, unit: Unit) -> Option<(i128, i128)> {
    let (grow, shrink) = match column.scale.checked_sub(unit.scale) {
        Some(more) => (power(more), 1),
        None => (1, power(unit.scale - column.scale)),
    };
    let number = number.saturating_mul(unit.multiplier).saturating_mul(grow);
    let divisor = column.multiplier.saturating_mul(shrink);
    let (floor, exact) = (number.div_euclid(divisor), number.rem_euclid(divisor) == 0);
    match order {
        Order::Equal => exact.then_some((floor, floor)),
        Order::Less if exact => floor.checked_sub(1).map(|last| (i128::MIN, last)),
        Order::Less | Order::LessOrEqual => Some((i128::MIN, floor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_halves_away_from_zero() {
        for (text, scale, value) in [
            ("1.25", 1, Some(13)),
            ("-1.25", 1, Some(-13)),
            ("1.249", 1, Some(12)),
            (".5", 0, Some(1)),
            ("12e2", 0, Some(1200)),
            ("125e-2", 1, Some(13)),
            ("0.04", 0, Some(0)),
            ("99999999999999999999999999999999999999", 0, Some(power(38) - 1)),
            ("999999999999999999999999999999999999999", 0, None),
            ("1e38", 0, None),
            ("0e999", 0, Some(0)),
            ("1e-999", 2, Some(0)),
            ("", 0, None),
            (".", 0, None),
            ("-", 0, None),
            ("1x", 0, None),
            ("1e", 0, None),
        ] {
            assert_eq!(parse_rounded(text.as_bytes(), scale), value, "{text}");
        }
        assert_eq!(rescale(-125, 2, 1), Some(-13));
        assert_eq!(rescale(124, 2, 1), Some(12));
        assert_eq!(rescale(5, 0, 38), None);
        assert_eq!(parse("1.50"), Some((150, 2)));
    }

    #[test]
    fn decimals_print_all_their_digits() {
        assert_eq!(print(-5, 2), "-0.05");
        assert_eq!(print(1234, 2), "12.34");
        assert_eq!(print(7, 0), "7");
    }

    #[test]
    fn decimals_become_the_nearest_double() {
        for text in [
            "0.1",
            "123456789012345678901234567.891",
            "9007199254740993",
            "1.0000000000000000000000000001",
        ] {
            let (value, scale) = parse(text).unwrap();
            let expected: f64 = text.parse().unwrap();
            assert_eq!(to_double(scale)(value).to_bits(), expected.to_bits(), "{text}");
        }
    }

    #[test]
    fn a_literal_between_two_column_values_equals_neither() {
        let cents = Unit { multiplier: 1, scale: 2 };
        let mills = Unit { multiplier: 1, scale: 3 };
        assert_eq!(range(Order::Equal, cents, 1250, mills), Some((125, 125)));
        assert_eq!(range(Order::Equal, cents, 1255, mills), None);
        assert_eq!(range(Order::Less, cents, 1255, mills), Some((i128::MIN, 125)));
        assert_eq!(range(Order::Less, cents, 1250, mills), Some((i128::MIN, 124)));
        assert_eq!(range(Order::LessOrEqual, cents, -1255, mills), Some((i128::MIN, -126)));
    }
}
