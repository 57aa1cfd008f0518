//! Values that JSON has only as text: dates, timestamps, bytes.

/// Days since 1970 of `2026-03-01`.
pub(super) fn date(text: &[u8]) -> Option<i32> {
    let (date, rest) = text.split_at_checked(10)?;
    rest.is_empty().then(|| days(date))?
}

/// Microseconds since 1970 of an RFC 3339 timestamp, `2026-03-01T17:04:05.25+01:00`; a space
/// or `t` may stand for the `T`, and what is finer than a microsecond is cut off. Without a
/// zone it is nothing: which hour it means is not in the text.
pub(super) fn timestamp(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.split_at_checked(9)?;
    let [b'T' | b't' | b' ', h1, h2, b':', m1, m2, b':', s1, s2] = *time else { return None };
    let (hour, minute, second) = (two(h1, h2, 23)?, two(m1, m2, 59)?, two(s1, s2, 59)?);
    let (mut micros, mut rest) = (0, rest);
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let padded = fraction[..digits].iter().chain(b"000000").take(6);
        micros = padded.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        rest = &fraction[digits..];
    }
    let zone_minutes = match *rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let minutes = two(h1, h2, 23)? * 60 + two(m1, m2, 59)?;
            if sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let minutes = i64::from(days(date)?) * 1440 + hour * 60 + minute - zone_minutes;
    Some((minutes * 60 + second) * 1_000_000 + micros)
}

fn two(tens: u8, ones: u8, most: i64) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    let value = i64::from(tens) * 10 + i64::from(ones);
    (tens <= 9 && ones <= 9 && value <= most).then_some(value)
}

fn days(date: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let year = two(y1, y2, 99)? * 100 + two(y3, y4, 99)?;
    let (month, day) = (two(m1, m2, 12)?, two(d1, d2, 31)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > last {
        return None;
    }
    // Years that start in March put the leap day last, so months have a formula.
    let shifted = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    i32::try_from(era * 146_097 + of_era - 719_468).ok()
}

/// Appends what base64 text (standard alphabet, with or without padding) stands for; says
/// whether it was such text.
pub(super) fn base64(text: &[u8], out: &mut Vec<u8>) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = &text[..text.len() - padding];
    if digits.len() % 4 == 1 || (padding > 0 && (padding > 2 || !text.len().is_multiple_of(4))) {
        return false;
    }
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return false,
            };
            bits = bits << 6 | u32::from(digit);
        }
        bits <<= 6 * (4 - group.len());
        out.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        for (text, days) in [
            ("1970-01-01", Some(0)),
            ("2026-03-01", Some(20_513)),
            ("2000-02-29", Some(11_016)),
            ("0001-01-01", Some(-719_162)),
            ("9999-12-31", Some(2_932_896)),
            ("1900-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-01-00", None),
            ("2026-1-01", None),
            ("2026-01-01T", None),
        ] {
            assert_eq!(date(text.as_bytes()), days, "{text}");
        }
    }

    #[test]
    fn timestamps_are_utc_microseconds() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-03-01T17:04:05.25+01:00", Some(1_772_381_045_250_000)),
            ("1969-12-31 23:59:59.9999999z", Some(-1)),
            ("2026-03-01T17:04:05", None),
            ("2026-03-01T24:00:00Z", None),
            ("2026-03-01T17:04:60Z", None),
            ("2026-03-01T17:04:05.Z", None),
            ("2026-03-01T17:04Z", None),
        ] {
            assert_eq!(timestamp(text.as_bytes()), micros, "{text}");
        }
    }

    #[test]
    fn base64_is_decoded_or_refused() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("aGVsbG8=", Some(b"hello")),
            ("aGVsbG8", Some(b"hello")),
            ("/+8=", Some(b"\xff\xef")),
            ("a", None),
            ("aGVsbG8==", None),
            ("a b=", None),
        ] {
            let mut out = Vec::new();
            assert_eq!(base64(text.as_bytes(), &mut out).then_some(&out[..]), bytes, "{text}");
        }
    }
}
