//! Values that JSON writes as text: timestamps, dates, decimals, bytes.

use crate::TimeUnit;

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = (shifted + 2) % 12 + 1;
    let year = year_of_era + days.div_euclid(146_097) * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Digits of exactly this width at the start, and what follows.
fn digits(text: &str, width: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(width)?;
    let all_digits = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| all_digits)?, rest))
}

fn date(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let days = days_from_civil(year, month, day);
    (civil_from_days(days) == (year, month, day)).then_some((days, rest))
}

/// `2026-03-01` as days since 1970-01-01.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let (days, rest) = date(text)?;
    rest.is_empty().then(|| i32::try_from(days).ok())?
}

/// Days since 1970-01-01 as `2026-03-01`.
pub(super) fn format_date(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-03-01T17:04:05.123456Z` in this unit since the epoch; without a zone exactly when
/// the type has none.
pub(super) fn parse_timestamp(text: &str, unit: TimeUnit, zoned: bool) -> Option<i64> {
    let (days, rest) = date(text)?;
    let (hour, rest) = digits(rest.strip_prefix(['T', ' '])?, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, mut rest) = digits(rest.strip_prefix(':')?, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut fraction = 0;
    if let Some(after_dot) = rest.strip_prefix('.') {
        let width = after_dot.bytes().take_while(u8::is_ascii_digit).count();
        let (value, after) = digits(after_dot, width)?;
        let scale = 10_i64.checked_pow(9_u32.checked_sub(width as u32)?)?;
        (fraction, rest) = (value * scale, after);
    }
    let offset_minutes = match (zoned, rest) {
        (false, "") | (true, "Z") => 0,
        (true, rest) => {
            let sign = if rest.starts_with('-') { -1 } else { 1 };
            let (hours, rest) = digits(rest.strip_prefix(['+', '-'])?, 2)?;
            let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
            rest.is_empty().then_some(sign * (hours * 60 + minutes))?
        }
        (false, _) => return None,
    };
    let seconds = days * 86_400 + hour * 3600 + (minute - offset_minutes) * 60 + second;
    let per_second = unit.per_second();
    seconds.checked_mul(per_second)?.checked_add(fraction / (1_000_000_000 / per_second))
}

/// A time in this unit since the epoch: microseconds (nanoseconds for that unit), `Z` when
/// the type has a zone.
pub(super) fn format_timestamp(value: i64, unit: TimeUnit, zoned: bool) -> String {
    let per_second = unit.per_second();
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let date = format_date(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let nanos = fraction * (1_000_000_000 / per_second);
    let fraction = match unit {
        TimeUnit::Nanosecond => format!("{nanos:09}"),
        _ => format!("{:06}", nanos / 1000),
    };
    let zone = if zoned { "Z" } else { "" };
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{fraction}{zone}")
}

/// `-12.50` as the unscaled value of a decimal.
pub(super) fn parse_decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let scale = usize::try_from(scale).ok()?;
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits || fraction.len() > scale {
        return None;
    }
    let value: i128 = format!("{whole}{fraction:0<scale$}").parse().ok()?;
    let fits = value < 10_i128.checked_pow(u32::from(precision))?;
    fits.then_some(if negative { -value } else { value })
}

/// The unscaled value of a decimal as `-12.50`.
pub(super) fn format_decimal(value: i128, scale: i8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = value.unsigned_abs().to_string();
    let Ok(scale) = usize::try_from(scale) else {
        return format!("{sign}{digits}{}", "0".repeat(usize::from(scale.unsigned_abs())));
    };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes of padded base64.
pub(super) fn parse_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = BASE64.iter().position(|letter| *letter == byte)?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (text.len().is_multiple_of(4) && bits == 0).then_some(bytes)
}

/// Bytes in padded base64.
pub(super) fn format_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = BASE64[(group >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use TimeUnit::{Microsecond, Nanosecond, Second};

    #[test]
    fn dates_round_trip_over_four_centuries() {
        for days in (-719_162..2_932_897).step_by(97) {
            assert_eq!(parse_date(&format_date(days)), Some(days as i32), "{days}");
        }
        assert_eq!(format_date(-719_162), "0001-01-01");
        assert_eq!(parse_date("2024-02-29"), Some(19_782));
        assert_eq!(parse_date("2023-02-29"), None);
    }

    #[test]
    fn timestamps_round_trip() {
        for (text, unit, value, printed) in [
            ("1970-01-01T00:00:00Z", Second, 0, "1970-01-01T00:00:00.000000Z"),
            ("1969-12-31T23:59:59.9Z", Microsecond, -100_000, "1969-12-31T23:59:59.900000Z"),
            ("2026-03-01T01:00:00+01:00", Second, 1_772_323_200, "2026-03-01T00:00:00.000000Z"),
            ("1970-01-01 00:00:00.5Z", Nanosecond, 500_000_000, "1970-01-01T00:00:00.500000000Z"),
        ] {
            assert_eq!(parse_timestamp(text, unit, true), Some(value), "{text}");
            assert_eq!(format_timestamp(value, unit, true), printed);
        }
        assert_eq!(parse_timestamp("1970-01-01T00:00:01", Second, false), Some(1));
        assert_eq!(parse_timestamp("1970-01-01T00:00:01", Second, true), None);
        assert_eq!(parse_timestamp("1970-01-01T24:00:00Z", Second, true), None);
    }

    #[test]
    fn decimals_round_trip() {
        for (text, scale, value) in
            [("0.05", 2, 5), ("-12.50", 2, -1250), ("7", 0, 7), ("-0.00", 2, 0)]
        {
            assert_eq!(parse_decimal(text, 10, scale), Some(value), "{text}");
            let printed = text.strip_prefix('-').filter(|_| value == 0).unwrap_or(text);
            assert_eq!(format_decimal(value, scale), printed);
        }
        assert_eq!(parse_decimal("0.005", 10, 2), None);
        assert_eq!(parse_decimal("123.45", 4, 2), None);
        assert_eq!(format_decimal(12, -2), "1200");
    }

    #[test]
    fn bytes_round_trip() {
        for (bytes, text) in [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v")] {
            assert_eq!(format_base64(bytes), text);
            assert_eq!(parse_base64(text).as_deref(), Some(bytes));
        }
        assert_eq!(parse_base64("Zg"), None);
    }
}
