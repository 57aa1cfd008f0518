//! Moments as HTTP headers and XML listings write them, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    /// 0 is Thursday, the first day of 1970.
    weekday: usize,
    time: String,
}

/// As `2026-03-01T12:34:56.789Z`.
pub(super) fn iso(at: SystemTime) -> String {
    let Civil { year, month, day, time, .. } = civil(at);
    let millis = since_1970(at).as_millis() % 1000;
    format!("{year:04}-{month:02}-{day:02}T{time}.{millis:03}Z")
}

/// As `Sun, 01 Mar 2026 12:34:56 GMT`.
pub(super) fn http(at: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Civil { year, month, day, weekday, time } = civil(at);
    format!("{}, {day:02} {} {year:04} {time} GMT", DAYS[weekday], MONTHS[month as usize - 1])
}

fn since_1970(at: SystemTime) -> std::time::Duration {
    at.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn civil(at: SystemTime) -> Civil {
    let seconds = since_1970(at).as_secs();
    let days = seconds / 86400;
    // Years begin in March, so that the leap day is the last; 719468 days before 1970 an era of
    // 400 years began.
    let shifted = days + 719_468;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    Civil {
        year: shifted / 146_097 * 400 + year_of_era + u64::from(month <= 2),
        month,
        day: of_year - (153 * from_march + 2) / 5 + 1,
        weekday: (days % 7) as usize,
        time: format!("{hour:02}:{minute:02}:{second:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn moments_are_written_as_the_calendar_has_them() {
        for (millis, as_iso, as_http) in [
            (0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_772_368_496_789, "2026-03-01T12:34:56.789Z", "Sun, 01 Mar 2026 12:34:56 GMT"),
        ] {
            let at = UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!((iso(at).as_str(), http(at).as_str()), (as_iso, as_http));
        }
    }
}
