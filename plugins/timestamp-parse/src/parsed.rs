//! The fields that were read from one text, and the moment they name.
//!
//! Missing fields take those of 1970-01-01T00:00:00, as in Spark; fields that say the same
//! thing twice must agree.

use crate::civil::{self, YEARS};
use crate::item::Field;
use crate::reason::Reason;
use crate::zone::{Local, MAX_OFFSET_SECS, Zone, Zones};

/// Nanoseconds of a day.
const DAY_NANOS: i64 = 86_400_000_000_000;

/// Fields read so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parsed {
    values: [i64; Field::COUNT],
    present: u32,
    /// Handle of a named zone.
    pub(crate) zone: Option<usize>,
    /// A problem that is worse than text that does not match.
    pub(crate) problem: Option<Reason>,
}

impl Parsed {
    /// No field.
    pub(crate) fn new() -> Self {
        Self { values: [0; Field::COUNT], present: 0, zone: None, problem: None }
    }

    /// Sets a field; refuses another value than it has.
    pub(crate) fn put(&mut self, field: Field, value: i64) -> bool {
        let at = field as usize;
        if self.has(field) && self.values[at] != value {
            self.problem = Some(Reason::Conflict);
            return false;
        }
        self.values[at] = value;
        self.present |= 1 << at;
        true
    }

    fn has(&self, field: Field) -> bool {
        self.present >> (field as usize) & 1 == 1
    }

    fn get(&self, field: Field) -> Option<i64> {
        self.has(field).then(|| self.values[field as usize])
    }

    /// The field when it lies in the range, the default when it is missing.
    fn within(&self, field: Field, range: (i64, i64), default: i64) -> Result<i64, Reason> {
        let value = self.get(field).unwrap_or(default);
        if (range.0..=range.1).contains(&value) { Ok(value) } else { Err(Reason::FieldRange) }
    }

    /// Microseconds since 1970-01-01T00:00:00Z; text without a zone is in `default_zone`.
    ///
    /// # Errors
    /// Fails when the fields name no moment.
    pub(crate) fn micros(&self, zones: &Zones, default_zone: &Zone) -> Result<i64, Reason> {
        let nanos = self.nano_of_day()?;
        let (year, month, day) = self.date()?;
        let second_of_day = (nanos / 1_000_000_000) as u32;
        let local = Local { year, month, day, second_of_day };
        let offset = match self.get(Field::Offset) {
            Some(offset) if offset.abs() <= MAX_OFFSET_SECS => offset as i32,
            Some(_) => return Err(Reason::FieldRange),
            None => {
                self.zone.and_then(|at| zones.get(at)).unwrap_or(default_zone).offset_secs(local)
            }
        };
        Ok(local.micros(offset) + nanos % 1_000_000_000 / 1000)
    }

    fn date(&self) -> Result<(u32, u32, u32), Reason> {
        let mut year = self.get(Field::Year).unwrap_or(1970);
        if self.get(Field::Era) == Some(1) {
            year = 1 - year;
        }
        if !YEARS.contains(&year) {
            return Err(Reason::OutOfRange);
        }
        let year = year as u32;
        let mut month = self.within(Field::Month, (1, 12), 1)? as u32;
        let mut day = self.within(Field::Day, (1, 31), 1)? as u32;
        if self.has(Field::DayOfYear) {
            let day_of_year = self.within(Field::DayOfYear, (1, 366), 1)? as u32;
            if day_of_year == 366 && !civil::is_leap(year) {
                return Err(Reason::NoSuchDay);
            }
            let (by_year_month, by_year_day) = civil::month_and_day(year, day_of_year);
            let agrees = (!self.has(Field::Month) || month == by_year_month)
                && (!self.has(Field::Day) || day == by_year_day);
            if !agrees {
                return Err(Reason::Conflict);
            }
            (month, day) = (by_year_month, by_year_day);
        } else if day > civil::days_in_month(year, month) {
            return Err(Reason::NoSuchDay);
        }
        self.check_weekday(year, month, day)?;
        Ok((year, month, day))
    }

    /// A weekday must fit a date that the text gives in full.
    fn check_weekday(&self, year: u32, month: u32, day: u32) -> Result<(), Reason> {
        let in_year =
            self.has(Field::DayOfYear) || (self.has(Field::Month) && self.has(Field::Day));
        match self.get(Field::Weekday) {
            Some(weekday) if self.has(Field::Year) && in_year => {
                let actual = civil::weekday(civil::days_from_civil(year, month, day));
                if weekday == actual { Ok(()) } else { Err(Reason::Conflict) }
            }
            _ => Ok(()),
        }
    }

    fn nano_of_day(&self) -> Result<i64, Reason> {
        if self.get(Field::Second) == Some(60) {
            return Err(Reason::LeapSecond);
        }
        let hour = self.hour()?;
        let minute = self.within(Field::Minute, (0, 59), 0)?;
        let second = self.within(Field::Second, (0, 59), 0)?;
        let nano = self.within(Field::Nano, (0, 999_999_999), 0)?;
        let nanos = ((hour.unwrap_or(0) * 60 + minute) * 60 + second) * 1_000_000_000 + nano;
        if !self.has(Field::NanoOfDay) {
            return Ok(nanos);
        }
        let whole = self.within(Field::NanoOfDay, (0, DAY_NANOS - 1), 0)?;
        let others = [Field::Minute, Field::Second, Field::Nano];
        let repeated = hour.is_some() || others.iter().any(|field| self.has(*field));
        if repeated && nanos != whole { Err(Reason::Conflict) } else { Ok(whole) }
    }

    /// The hour by every field that gives one.
    fn hour(&self) -> Result<Option<i64>, Reason> {
        let half = self.get(Field::Half);
        let mut known: Option<i64> = None;
        let mut agree = |hour: i64| {
            let agrees = known.is_none_or(|other| other == hour);
            known = Some(hour);
            if agrees { Ok(()) } else { Err(Reason::Conflict) }
        };
        if self.has(Field::Hour) {
            agree(self.within(Field::Hour, (0, 23), 0)?)?;
        }
        if self.has(Field::ClockHour) {
            agree(self.within(Field::ClockHour, (1, 24), 1)? % 24)?;
        }
        let in_half = half.unwrap_or(0) * 12;
        if self.has(Field::HalfHour) {
            agree(self.within(Field::HalfHour, (0, 11), 0)? + in_half)?;
        }
        if self.has(Field::HalfClockHour) {
            agree(self.within(Field::HalfClockHour, (1, 12), 1)? % 12 + in_half)?;
        }
        match (known, half) {
            (Some(hour), Some(half)) if hour / 12 != half => Err(Reason::Conflict),
            (None, Some(1)) => Ok(Some(12)),
            (known, _) => Ok(known),
        }
    }
}
