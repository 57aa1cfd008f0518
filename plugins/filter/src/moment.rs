//! Dates and timestamps as text, in UTC.
//!
//! Owns the calendar (proleptic Gregorian) and the texts that `CAST` and literals accept:
//!
//! | text | means |
//! |---|---|
//! | `2024-02-29`, `2024-2-29` | that day |
//! | `2024-02`, `2024` | its first day |
//! | `2024-02-29 12:30`, `2024-02-29T12:30:15.25` | a time of that day, UTC |
//! | `2024-02-29T12:30:15+02:00`, `... Z`, `... UTC` | a time with its offset |

use lockgate_sdk::TimeUnit;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Days since 1970 of a date; what follows it after a `T` or a blank does not matter.
pub(crate) fn parse_date(text: &[u8]) -> Option<i64> {
    let mut text = Cursor(text.trim_ascii());
    let days = text.date()?;
    matches!(text.0.first(), None | Some(b'T' | b' ')).then_some(days)
}

/// Microseconds since 1970 of a date or a timestamp.
pub(crate) fn parse_timestamp(text: &[u8]) -> Option<i64> {
    let mut text = Cursor(text.trim_ascii());
    let days = text.date()?;
    let mut micros = 0;
    let mut offset = 0;
    if text.take(b'T') || text.take(b' ') {
        micros = text.time()?;
        while text.take(b' ') {}
        offset = text.offset()?;
    }
    let seconds = days * SECONDS_PER_DAY - offset;
    text.0.is_empty().then_some(seconds * MICROS_PER_SECOND + micros)
}

/// The bytes that are not read yet.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A number of this many digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(least..=most).contains(&digits) {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(number.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    fn date(&mut self) -> Option<i64> {
        let year = self.number(4, 5)?;
        let month = if self.take(b'-') { self.number(1, 2)? } else { return days(year, 1, 1) };
        let day = if self.take(b'-') { self.number(1, 2)? } else { 1 };
        days(year, month, day)
    }

    /// Microseconds of the day.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number(1, 2)?;
        let minute = if self.take(b':') { self.number(1, 2)? } else { return None };
        let second = if self.take(b':') { self.number(1, 2)? } else { 0 };
        let mut micros = 0;
        if self.take(b'.') {
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, rest) = self.0.split_at(digits);
            self.0 = rest;
            let kept = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(6);
            micros = kept.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        }
        let fits = hour < 24 && minute < 60 && second < 60;
        fits.then_some((hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + micros)
    }

    /// Seconds east of UTC; 0 when nothing is left.
    fn offset(&mut self) -> Option<i64> {
        for name in [&b"Z"[..], b"UTC", b"GMT"] {
            if let Some(rest) = self.0.strip_prefix(name) {
                self.0 = rest;
                break;
            }
        }
        let sign = match (self.take(b'+'), self.take(b'-')) {
            (true, _) => 1,
            (_, true) => -1,
            _ => return Some(0),
        };
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (hour, minute) = if digits == 4 {
            let both = self.number(4, 4)?;
            (both / 100, both % 100)
        } else {
            let hour = self.number(1, 2)?;
            (hour, if self.take(b':') { self.number(2, 2)? } else { 0 })
        };
        (hour <= 18 && minute < 60).then_some(sign * (hour * 3600 + minute * 60))
    }
}

/// Days since 1970 of a date of the proleptic Gregorian calendar, if it exists.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years from March on, so that the leap day comes last; eras of 400 years repeat.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// The date of a day since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

/// `2024-02-29`.
pub(crate) fn print_date(days: i64) -> String {
    let (year, month, day) = civil(days);
    let sign = if year < 0 { "-" } else { "" };
    format!("{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs())
}

/// `2024-02-29 12:30:15.25`, without zeros at the end of the fraction.
pub(crate) fn print_timestamp(time: i64, unit: TimeUnit) -> String {
    let per_second = unit.per_second();
    let (seconds, fraction) = (time.div_euclid(per_second), time.rem_euclid(per_second));
    let (days, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let date = print_date(days);
    let mut text =
        format!("{date} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    if fraction != 0 {
        let width = per_second.ilog10() as usize;
        let fraction = format!("{fraction:0width$}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for day in (-720_000..3_000_000).step_by(97) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), Some(day));
        }
        assert_eq!(days(1970, 1, 1), Some(0));
        assert_eq!(days(2000, 2, 29), Some(11_016));
        assert_eq!(days(1900, 2, 29), None);
        assert_eq!(days(2023, 4, 31), None);
        assert_eq!(days(2023, 13, 1), None);
        assert_eq!(print_date(-719_529), "-0001-12-31");
    }

    #[test]
    fn timestamps_are_read_as_documented() {
        for (text, printed) in [
            ("2024-02-29", "2024-02-29 00:00:00"),
            ("2024-2-9", "2024-02-09 00:00:00"),
            ("2024-02", "2024-02-01 00:00:00"),
            ("2024", "2024-01-01 00:00:00"),
            (" 2024-02-29 12:30 ", "2024-02-29 12:30:00"),
            ("2024-02-29T12:30:15.25", "2024-02-29 12:30:15.25"),
            ("2024-02-29T12:30:15.1234567Z", "2024-02-29 12:30:15.123456"),
            ("2024-02-29T00:30:15+02:00", "2024-02-28 22:30:15"),
            ("2024-02-29 00:30:15 -0130", "2024-02-29 02:00:15"),
            ("2024-02-29 00:30:15 UTC+1", "2024-02-28 23:30:15"),
            ("1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"),
        ] {
            let micros = parse_timestamp(text.as_bytes()).expect(text);
            assert_eq!(print_timestamp(micros, TimeUnit::Microsecond), printed);
        }
        for text in [
            "",
            "24-02-29",
            "2024-02-30",
            "2024-02-29 24:00:00",
            "2024-02-29 12",
            "2024-02-29 12:00 Europe/Paris",
            "2024-02-29x",
        ] {
            assert_eq!(parse_timestamp(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_date(b"2024-02-29 whatever"), Some(19_782));
        assert_eq!(parse_date(b"2024-02-29x"), None);
    }
}
