//! Why a value is no timestamp: a stable code and a sentence per reason.
//!
//! Reasons are small and carry no text, so that a million bad rows cost one message per
//! reason and batch.

/// Why a value was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No format matches the text.
    Mismatch,
    /// A month of 13, an hour of 24, an offset of 19 hours.
    FieldRange,
    /// The 30th of February.
    NoSuchDay,
    /// Second 60.
    LeapSecond,
    /// Two parts of the text contradict each other.
    Conflict,
    /// A time zone nobody knows.
    UnknownZone,
    /// NaN or an infinity.
    NotFinite,
    /// Before year 1 or after year 9999.
    OutOfRange,
}

impl Reason {
    /// Every reason, in the order of their discriminants.
    pub(crate) const ALL: [Self; 8] = [
        Self::Mismatch,
        Self::FieldRange,
        Self::NoSuchDay,
        Self::LeapSecond,
        Self::Conflict,
        Self::UnknownZone,
        Self::NotFinite,
        Self::OutOfRange,
    ];

    /// The code in rejections and metrics.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::UnknownZone => "unknown-zone",
            Self::OutOfRange => "timestamp-out-of-range",
            _ => "bad-timestamp",
        }
    }

    /// The sentence, with the first value it applies to and the formats that were tried.
    pub(crate) fn message(self, value: &str, formats: &str) -> String {
        match self {
            Self::Mismatch => format!("`{value}` does not match {formats}"),
            Self::FieldRange => {
                format!("`{value}` has a month, day, hour, minute, second or offset out of range")
            }
            Self::NoSuchDay => {
                format!("`{value}` names a day that its month or year does not have")
            }
            Self::LeapSecond => {
                format!("`{value}` names second 60; timestamps have no leap seconds")
            }
            Self::Conflict => format!("`{value}` gives the same thing twice, and differently"),
            Self::UnknownZone => format!(
                "`{value}` names an unknown time zone; use an IANA name such as `Europe/Paris` or an offset such as `+01:00`"
            ),
            Self::NotFinite => format!("`{value}` is not a finite number"),
            Self::OutOfRange => {
                format!("`{value}` is outside the years 0001 to 9999; with {formats}")
            }
        }
    }
}
