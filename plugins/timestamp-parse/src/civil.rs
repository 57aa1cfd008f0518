//! Calendar arithmetic in 32 bits: the proleptic Gregorian calendar, years 1 to 9999.
//!
//! Owns dates as numbers; knows nothing of text, times of day or zones. WebAssembly has no
//! 64-bit high multiply, so a division by a constant is cheap only in 32 bits.

/// First and last year a timestamp may name.
pub(crate) const YEARS: std::ops::RangeInclusive<i64> = 1..=9999;
/// Microseconds of 0001-01-01T00:00:00Z.
pub(crate) const MIN_MICROS: i64 = -62_135_596_800_000_000;
/// Microseconds of 9999-12-31T23:59:59.999999Z.
pub(crate) const MAX_MICROS: i64 = 253_402_300_799_999_999;
/// Seconds of a day.
pub(crate) const DAY_SECS: u32 = 86_400;

/// Whether the year has a 29th of February.
#[inline]
pub(crate) fn is_leap(year: u32) -> bool {
    // A multiple of 100 is a multiple of 25; of those, 400 leaves only multiples of 16.
    year.is_multiple_of(4) && (!year.is_multiple_of(25) || year.is_multiple_of(16))
}

/// Length of a month, 1 to 12.
#[inline]
pub(crate) fn days_in_month(year: u32, month: u32) -> u32 {
    if month == 2 { 28 + u32::from(is_leap(year)) } else { 30 + ((month + (month >> 3)) & 1) }
}

/// Days since 1970-01-01 of a date that exists.
#[inline]
pub(crate) fn days_from_civil(year: u32, month: u32, day: u32) -> i32 {
    // Years that begin in March end with the leap day.
    let (year, month) = if month <= 2 { (year - 1, month + 12) } else { (year, month) };
    let century = year / 100;
    let days = year * 1461 / 4 - century + century / 4 + (153 * month - 457) / 5 + day;
    days as i32 - 719_469
}

/// Month and day of a day of the year, 1 to 365 or 366.
pub(crate) fn month_and_day(year: u32, day_of_year: u32) -> (u32, u32) {
    let mut day = day_of_year;
    for month in 1..12 {
        let length = days_in_month(year, month);
        if day <= length {
            return (month, day);
        }
        day -= length;
    }
    (12, day)
}

/// Day of the week of a day since 1970-01-01; 0 is Monday.
pub(crate) fn weekday(days: i32) -> i64 {
    i64::from((days + 3).rem_euclid(7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_follows_the_one_before() {
        let mut expected = -719_162;
        for year in 1..=9999 {
            let mut day_of_year = 0;
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    day_of_year += 1;
                    assert_eq!(days_from_civil(year, month, day), expected, "{year}-{month}-{day}");
                    assert_eq!(month_and_day(year, day_of_year), (month, day));
                    expected += 1;
                }
            }
            let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            assert_eq!(day_of_year, 365 + u32::from(leap));
        }
        assert_eq!(expected, 2_932_897);
    }

    #[test]
    fn limits_are_the_first_and_last_microsecond() {
        assert_eq!(i64::from(days_from_civil(1, 1, 1)) * 86_400_000_000, MIN_MICROS);
        assert_eq!(i64::from(days_from_civil(9999, 12, 31) + 1) * 86_400_000_000 - 1, MAX_MICROS);
    }

    #[test]
    fn the_epoch_was_a_thursday() {
        assert_eq!(weekday(0), 3);
        assert_eq!(weekday(-1), 2);
        assert_eq!(weekday(-719_162), 0);
    }
}
