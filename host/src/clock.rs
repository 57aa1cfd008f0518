//! The time of day, how it is written for people, and the time that work takes.
//!
//! Owns all three; knows nothing of what the times are of. Plugins have no clock: nothing that
//! decides the content of the table may look at this one.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const DAY_SECS: i64 = 86_400;

/// Microseconds since 1970.
pub fn now_us() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_micros() as i64,
        Err(before) => -(before.duration().as_micros() as i64),
    }
}

/// CPU time of the process so far, user and system.
pub fn process_cpu() -> Duration {
    cpu(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time of the calling thread so far, user and system.
pub fn thread_cpu() -> Duration {
    cpu(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn cpu(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live `timespec`, which is all `clock_gettime` needs; on
    // failure the zero stays.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Time that work took on one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Wall time.
    pub wall: Duration,
    /// CPU time.
    pub cpu: Duration,
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

/// Measures work on the calling thread, lap by lap.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts the first lap.
    pub fn start() -> Self {
        Self { wall: Instant::now(), cpu: thread_cpu() }
    }

    /// Ends a lap and starts the next one.
    pub fn lap(&mut self) -> Spent {
        let last = std::mem::replace(self, Self::start());
        Spent { wall: self.wall - last.wall, cpu: self.cpu.saturating_sub(last.cpu) }
    }
}

/// A time as UTC text to the second: `2026-03-01 17:04:05Z`.
pub fn utc(time_us: i64) -> String {
    let secs = time_us.div_euclid(1_000_000);
    let (days, second) = (secs.div_euclid(DAY_SECS), secs.rem_euclid(DAY_SECS));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a count of days since 1970, by the Gregorian calendar. Years are
/// counted from March, so that the leap day is the last one.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lap_of_waiting_takes_wall_time_but_no_cpu_time() {
        let mut watch = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(30));
        let waited = watch.lap();
        assert!(waited.wall >= Duration::from_millis(30), "{waited:?}");
        assert!(waited.cpu < waited.wall / 2, "{waited:?}");
        assert!(process_cpu() >= waited.cpu);
    }

    #[test]
    fn times_are_written_in_utc() {
        for (secs, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (-1, "1969-12-31 23:59:59Z"),
            (951_827_696, "2000-02-29 12:34:56Z"),
            (4_107_542_400, "2100-03-01 00:00:00Z"),
            (1_795_359_845, "2026-11-22 15:04:05Z"),
        ] {
            assert_eq!(utc(secs * 1_000_000), text);
        }
        assert!(now_us() > 1_700_000_000_000_000);
    }
}
