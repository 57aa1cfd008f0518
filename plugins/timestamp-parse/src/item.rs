//! What every notation of a format compiles to: a list of items, matched left to right.
//!
//! Owns the parts of a format and the fields of a timestamp; knows no notation and no text.

/// A field of a timestamp that text can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// 0 is AD, 1 is BC; only `AD` has years a timestamp may name.
    Era,
    Year,
    Month,
    Day,
    DayOfYear,
    /// 0 is Monday.
    Weekday,
    /// 0 is AM.
    Half,
    /// 0 to 23.
    Hour,
    /// 1 to 24.
    ClockHour,
    /// 0 to 11.
    HalfHour,
    /// 1 to 12.
    HalfClockHour,
    Minute,
    Second,
    Nano,
    NanoOfDay,
    /// Seconds east of UTC.
    Offset,
}

impl Field {
    /// Number of fields.
    pub(crate) const COUNT: usize = Self::Offset as usize + 1;
}

/// Which signs a number may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// None.
    Never,
    /// A minus.
    Minus,
    /// A minus, or the plus that a number longer than its least width must carry.
    Overflow,
}

/// A number of `min` to `max` digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) field: Field,
    pub(crate) min: u8,
    pub(crate) max: u8,
    pub(crate) sign: Sign,
    /// Digits left to the fixed-width numbers that follow without a separator.
    pub(crate) reserve: u8,
}

impl Number {
    /// A number of exactly this many digits.
    pub(crate) fn fixed(field: Field, width: u8) -> Self {
        Self { field, min: width, max: width, sign: Sign::Never, reserve: 0 }
    }

    /// Whether its width is always the same.
    pub(crate) fn is_fixed(self) -> bool {
        self.min == self.max && self.sign == Sign::Never
    }
}

/// How an offset such as `+01:00` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetShape {
    /// `Z` stands for no offset.
    pub(crate) zulu: bool,
    /// Between hours, minutes and seconds: `Some(true)` a colon, `Some(false)` none, `None` either.
    pub(crate) colon: Option<bool>,
    /// Whether minutes must be there.
    pub(crate) minutes: bool,
    /// Whether seconds may be there.
    pub(crate) seconds: bool,
}

impl OffsetShape {
    /// Every ISO 8601 form: `Z`, `+01`, `+0100`, `+01:00`, with seconds or without.
    pub(crate) const ANY: Self = Self { zulu: true, colon: None, minutes: false, seconds: true };
}

/// One part of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// These bytes; ASCII letters match in either case.
    Literal(Vec<u8>),
    /// Any amount of white space, also none.
    Spaces,
    Number(Number),
    /// Two digits of a year: those of the 100 years that start here.
    ShortYear(u16),
    /// Digits after the decimal separator.
    Fraction {
        min: u8,
        max: u8,
    },
    /// One of these words, in either case; the field gets `first` plus its position modulo `modulus`.
    Word {
        field: Field,
        words: &'static [&'static str],
        modulus: u8,
        first: u8,
    },
    Offset(OffsetShape),
    /// `GMT`, or `GMT` and an offset, in full (`+08:00`) or also short (`+8`).
    GmtOffset {
        full: bool,
    },
    /// A zone id or an offset.
    ZoneId,
    /// A zone id, an offset or a well-known abbreviation.
    ZoneName,
    /// These items, or nothing.
    Optional(Vec<Item>),
}

/// English month names, in full and short; position modulo 12 and one more is the month.
pub(crate) const MONTHS_FULL: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// See [`MONTHS_FULL`].
pub(crate) const MONTHS_SHORT: &[&str] =
    &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Full names first, so that `June` is not read as `Jun`.
pub(crate) const MONTHS_ANY: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
];
/// English weekday names; Monday is 0.
pub(crate) const WEEKDAYS_FULL: &[&str] =
    &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// See [`WEEKDAYS_FULL`].
pub(crate) const WEEKDAYS_SHORT: &[&str] = &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Full names first.
pub(crate) const WEEKDAYS_ANY: &[&str] = &[
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Mon",
    "Tue",
    "Wed",
    "Thu",
    "Fri",
    "Sat",
    "Sun",
];
/// Halves of the day.
pub(crate) const HALVES: &[&str] = &["AM", "PM"];
/// Eras.
pub(crate) const ERAS: &[&str] = &["AD", "BC"];
/// Eras in full.
pub(crate) const ERAS_FULL: &[&str] = &["Anno Domini", "Before Christ"];
