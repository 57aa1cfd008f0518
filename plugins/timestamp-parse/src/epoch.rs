//! Counts of seconds, milliseconds or microseconds since 1970-01-01T00:00:00Z.

use crate::civil::{MAX_MICROS, MIN_MICROS};
use crate::matcher::{digits, fraction};
use crate::reason::Reason;

/// What an epoch counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Second,
    Millisecond,
    Microsecond,
}

impl Unit {
    fn micros(self) -> i64 {
        match self {
            Self::Second => 1_000_000,
            Self::Millisecond => 1_000,
            Self::Microsecond => 1,
        }
    }

    /// Microseconds of a whole count.
    ///
    /// # Errors
    /// Fails with [`Reason::OutOfRange`] outside the years 1 to 9999.
    pub(crate) fn integer_micros(self, count: i64) -> Result<i64, Reason> {
        count.checked_mul(self.micros()).ok_or(Reason::OutOfRange).and_then(in_range)
    }

    /// Microseconds of a count, to the nearest.
    ///
    /// # Errors
    /// Fails for what is no number, or outside the years 1 to 9999.
    pub(crate) fn float_micros(self, count: f64) -> Result<i64, Reason> {
        if !count.is_finite() {
            return Err(Reason::NotFinite);
        }
        // A cast saturates, and the ends of `i64` are out of range.
        in_range((count * self.micros() as f64).round() as i64)
    }

    /// Microseconds of a decimal number; digits past the microsecond are dropped.
    ///
    /// # Errors
    /// Fails for text of another form, or outside the years 1 to 9999.
    pub(crate) fn text_micros(self, text: &[u8]) -> Result<i64, Reason> {
        let text = text.trim_ascii();
        let signed = usize::from(matches!(text.first(), Some(b'-' | b'+')));
        let (whole, mut end) = digits(text, signed, 1, text.len()).ok_or(Reason::Mismatch)?;
        let mut nanos = 0;
        if text.get(end) == Some(&b'.') {
            (nanos, end) = fraction(text, end + 1, 1, u8::MAX).ok_or(Reason::Mismatch)?;
        }
        if end != text.len() {
            return Err(Reason::Mismatch);
        }
        let part = nanos * self.micros() / 1_000_000_000;
        let sum = whole.checked_mul(self.micros()).and_then(|micros| micros.checked_add(part));
        let micros = sum.ok_or(Reason::OutOfRange)?;
        in_range(if text.first() == Some(&b'-') { -micros } else { micros })
    }
}

fn in_range(micros: i64) -> Result<i64, Reason> {
    if (MIN_MICROS..=MAX_MICROS).contains(&micros) { Ok(micros) } else { Err(Reason::OutOfRange) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_integers_and_floats_agree() {
        for (unit, text, micros) in [
            (Unit::Second, "0", 0),
            (Unit::Second, "1700000000", 1_700_000_000_000_000),
            (Unit::Second, "-1", -1_000_000),
            (Unit::Millisecond, "-62135596800000", MIN_MICROS),
            (Unit::Microsecond, "253402300799999999", MAX_MICROS),
        ] {
            assert_eq!(unit.text_micros(text.as_bytes()), Ok(micros), "{text}");
            assert_eq!(unit.integer_micros(text.parse().unwrap()), Ok(micros), "{text}");
            assert!(
                (unit.float_micros(text.parse().unwrap()).unwrap_or(micros) - micros).abs() < 32
            );
        }
    }

    #[test]
    fn fractions_reach_the_microsecond() {
        assert_eq!(Unit::Second.text_micros(b" 1.5 "), Ok(1_500_000));
        assert_eq!(Unit::Second.text_micros(b"-1.25"), Ok(-1_250_000));
        assert_eq!(Unit::Second.text_micros(b"1.0000019"), Ok(1_000_001));
        assert_eq!(Unit::Millisecond.text_micros(b"1.5"), Ok(1_500));
        assert_eq!(Unit::Second.float_micros(1_700_000_000.123), Ok(1_700_000_000_123_000));
    }

    #[test]
    fn other_text_and_other_numbers_are_refused() {
        for text in ["", "-", "1e9", "1.", ".5", "0x10", "1 2", "--1"] {
            assert_eq!(Unit::Second.text_micros(text.as_bytes()), Err(Reason::Mismatch), "{text}");
        }
        assert_eq!(Unit::Second.text_micros(b"1700000000000"), Err(Reason::OutOfRange));
        assert_eq!(Unit::Second.text_micros(b"99999999999999999999"), Err(Reason::OutOfRange));
        assert_eq!(Unit::Second.integer_micros(i64::MAX), Err(Reason::OutOfRange));
        assert_eq!(Unit::Second.float_micros(f64::NAN), Err(Reason::NotFinite));
        assert_eq!(Unit::Second.float_micros(1e300), Err(Reason::OutOfRange));
    }
}
