//! Numbers, exactly: text in, the one value it means or nothing.
//!
//! | declared | takes | refuses |
//! |---|---|---|
//! | integers | `7`, `7.0`, `7e2` | `7.5`, out of range |
//! | `decimal(p,s)` | what has at most `s` fractional digits once zeros are dropped | the rest |
//! | `float`, `double` | the nearest value, ties to even | beyond the largest finite value |

use super::scan::byte_at;

const POWERS_F64: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// A plain integer of at most 18 digits at `at`, and the position after it; nothing when the
/// number is longer or of another form (which may still be an exact integer).
#[inline]
pub(super) fn short_integer(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let negative = byte_at(text, at) == b'-';
    let start = at + usize::from(negative);
    let (mut end, mut value) = (start, 0_i64);
    loop {
        let digit = byte_at(text, end).wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        if end - start == 18 {
            return None;
        }
        value = value * 10 + i64::from(digit);
        end += 1;
    }
    let leading_zero = byte_at(text, start) == b'0' && end - start > 1;
    let more = matches!(byte_at(text, end), b'.' | b'e' | b'E');
    let plain = end > start && !leading_zero && !more;
    plain.then_some((if negative { -value } else { value }, end))
}

/// A number of few digits without exponent at `at`, and the position after it; nothing when
/// it needs the exact algorithm.
///
/// Digits that fit 53 bits and a power of ten up to 22 are exact doubles, so one division
/// rounds correctly.
#[inline]
pub(super) fn short_double(text: &[u8], at: usize) -> Option<(f64, usize)> {
    let negative = byte_at(text, at) == b'-';
    let start = at + usize::from(negative);
    let (mut end, mut digits) = (start, 0_u64);
    let mut digit = byte_at(text, end).wrapping_sub(b'0');
    while digit <= 9 && end - start < 19 {
        digits = digits * 10 + u64::from(digit);
        end += 1;
        digit = byte_at(text, end).wrapping_sub(b'0');
    }
    let whole = end - start;
    if whole == 0 || (whole > 1 && byte_at(text, start) == b'0') {
        return None;
    }
    let mut fraction = 0;
    if byte_at(text, end) == b'.' {
        end += 1;
        let point = end;
        digit = byte_at(text, end).wrapping_sub(b'0');
        while digit <= 9 && whole + (end - point) < 19 {
            digits = digits * 10 + u64::from(digit);
            end += 1;
            digit = byte_at(text, end).wrapping_sub(b'0');
        }
        fraction = end - point;
        if fraction == 0 {
            return None;
        }
    }
    let more = matches!(byte_at(text, end), b'0'..=b'9' | b'.' | b'e' | b'E');
    if more || digits >> 53 != 0 {
        return None;
    }
    let value = digits as f64 / POWERS_F64.get(fraction)?;
    Some((if negative { -value } else { value }, end))
}

/// The double nearest to a number; nothing when it is beyond the finite ones.
pub(super) fn double(number: &[u8]) -> Option<f64> {
    lexical_core::parse::<f64>(number).ok().filter(|value| value.is_finite())
}

/// The float nearest to a number; nothing when it is beyond the finite ones.
pub(super) fn float(number: &[u8]) -> Option<f32> {
    lexical_core::parse::<f32>(number).ok().filter(|value| value.is_finite())
}

/// A number times 10 to the `scale`, if that is an integer of at most `precision` digits.
pub(super) fn decimal(number: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let (negative, digits) = match number.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, number),
    };
    let mut value: u128 = 0;
    let (mut exponent, mut zeros, mut in_fraction) = (0_i64, 0_u32, false);
    let mut rest = digits.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'.' => in_fraction = true,
            b'0'..=b'9' => {
                exponent -= i64::from(in_fraction);
                // Zeros count only once a digit follows them; at the end they are exponent.
                zeros += 1;
                if *byte != b'0' {
                    let shifted = if value == 0 {
                        0
                    } else {
                        10_u128.checked_pow(zeros).and_then(|power| value.checked_mul(power))?
                    };
                    value = shifted.checked_add(u128::from(byte - b'0'))?;
                    zeros = 0;
                }
            }
            _ => {
                let text = std::str::from_utf8(rest.as_slice()).ok()?;
                let text = text.strip_prefix('+').unwrap_or(text);
                // An exponent that does not even fit is out of reach, except for zero.
                let written = text.parse::<i64>().ok().filter(|e| e.abs() < 1 << 32);
                exponent += if value == 0 { 0 } else { written? };
                break;
            }
        }
    }
    if value == 0 {
        return Some(0);
    }
    let shift = u32::try_from(exponent + i64::from(zeros) + i64::from(scale)).ok()?;
    let value = 10_u128.checked_pow(shift).and_then(|power| value.checked_mul(power))?;
    if value >= 10_u128.checked_pow(u32::from(precision))? {
        return None;
    }
    let value = i128::try_from(value).ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, precision, scale, expected) in [
            ("1.005", 10, 3, Some(1005)),
            ("1.005", 10, 2, None),
            ("1.500", 10, 1, Some(15)),
            ("-0.10", 10, 2, Some(-10)),
            ("1e2", 3, 0, Some(100)),
            ("1e2", 2, 0, None),
            ("1200e-2", 2, 0, Some(12)),
            ("0e999999999999", 2, 0, Some(0)),
            ("1e999999999999", 38, 0, None),
            ("1e-999", 38, 38, None),
            ("0.0000", 1, 0, Some(0)),
            ("99999999999999999999999999999999999999", 38, 0, Some(10_i128.pow(38) - 1)),
            ("100000000000000000000000000000000000000", 38, 0, None),
            ("7.0E+1", 5, 0, Some(70)),
        ] {
            assert_eq!(decimal(text.as_bytes(), precision, scale), expected, "{text}");
        }
    }

    #[test]
    fn short_numbers_leave_the_hard_ones_alone() {
        assert_eq!(short_integer(b"-120,", 0), Some((-120, 4)));
        assert_eq!(short_integer(b"999999999999999999 ", 0), Some((999_999_999_999_999_999, 18)));
        for text in ["1234567890123456789", "1.0", "1e3", "01", "-", "x"] {
            assert_eq!(short_integer(text.as_bytes(), 0), None, "{text}");
        }
        assert_eq!(short_double(b"-12.50}", 0), Some((-12.5, 6)));
        for text in ["12345678901234567890", "1.", ".5", "1e3", "01", "-", "9007199254740993"] {
            assert_eq!(short_double(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn floats_have_the_bits_of_the_test_vectors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/float-parse");
        let mut checked = 0;
        for entry in std::fs::read_dir(path).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == "README.md") {
                continue;
            }
            for line in std::fs::read_to_string(path).unwrap().lines() {
                let mut words = line.split(' ').skip(1);
                let [f32_bits, f64_bits, text] = std::array::from_fn(|_| words.next().unwrap());
                if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
                    continue;
                }
                let bits = u64::from_str_radix(f64_bits, 16).unwrap();
                let expected = Some(f64::from_bits(bits)).filter(|value| value.is_finite());
                assert_eq!(double(text.as_bytes()), expected, "{text}");
                if let Some((short, end)) = short_double(text.as_bytes(), 0) {
                    assert_eq!((short.to_bits(), end), (bits, text.len()), "{text}");
                }
                let bits = u32::from_str_radix(f32_bits, 16).unwrap();
                let expected = Some(f32::from_bits(bits)).filter(|value| value.is_finite());
                assert_eq!(float(text.as_bytes()), expected, "{text}");
                checked += 1;
            }
        }
        println!("{checked} numbers");
    }

    proptest! {
        #[test]
        fn short_doubles_are_the_nearest(text in "-?(0|[1-9][0-9]{0,12})(\\.[0-9]{1,8})?") {
            let expected = text.parse::<f64>().unwrap();
            if let Some((value, end)) = short_double(text.as_bytes(), 0) {
                prop_assert_eq!((value.to_bits(), end), (expected.to_bits(), text.len()));
            }
        }
    }
}
