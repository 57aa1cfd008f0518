//! Sizes and durations as people write them: `512 MiB`, `10s`.
//!
//! Errors name the whole value only: a part of it may be a secret that is shown by its
//! reference.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

/// A number of bytes, at least one: `4096`, `64 KiB`, `512 MiB`, `1.5 GiB`, `10 GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A length of time, longer than nothing: `500ms`, `10s`, `5min`, `1h`, `1h 30min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeSpan(pub Duration);

/// What to write instead of a size that is none.
pub const SIZE_HINT: &str = "write a number and a unit, such as `64 KiB`, `512 MiB` or `1.5 GiB` \
                             (also `KB`, `MB`, `GB`, `TB`, `TiB`), at least one byte";
/// What to write instead of a duration that is none.
pub const DURATION_HINT: &str = "write a number and a unit, such as `500ms`, `10s`, `5min`, `1h` \
                                 or `1h 30min`, longer than zero";

const KIB: u64 = 1024;
const SIZE_UNITS: [(&str, u64); 10] = [
    ("b", 1),
    ("kib", KIB),
    ("mib", KIB * KIB),
    ("gib", KIB * KIB * KIB),
    ("tib", KIB * KIB * KIB * KIB),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("bytes", 1),
];
const TIME_UNITS: [(&str, u64); 7] = [
    ("ms", 1),
    ("s", 1_000),
    ("sec", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// `1.5 gib`: the number, scaled by its unit, and what follows the unit.
fn scaled<'a>(text: &'a str, units: &[(&str, u64)]) -> Option<(u64, &'a str)> {
    let text = text.trim_start();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let (_, scale) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let value = if number.contains('.') {
        let value = number.parse::<f64>().ok()? * *scale as f64;
        (value < 9e15).then_some(value.round() as u64)?
    } else {
        number.parse::<u64>().ok()?.checked_mul(*scale)?
    };
    Some((value, rest))
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match scaled(text, &SIZE_UNITS) {
            Some((bytes, rest)) if bytes > 0 && rest.trim().is_empty() => Ok(Self(bytes)),
            _ => Err(format!("`{text}` is not a size")),
        }
    }
}

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sum = || {
            let (mut total, mut rest) = scaled(text, &TIME_UNITS)?;
            while !rest.trim().is_empty() {
                let (more, after) = scaled(rest, &TIME_UNITS)?;
                (total, rest) = (total.checked_add(more)?, after);
            }
            (total > 0).then_some(Duration::from_millis(total))
        };
        sum().map(Self).ok_or_else(|| format!("`{text}` is not a duration"))
    }
}

/// The largest unit that divides it: `512 MiB`.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (power, unit) in [(4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")] {
            let scale = KIB.pow(power);
            if self.0 >= scale && self.0.is_multiple_of(scale) {
                return write!(f, "{} {unit}", self.0 / scale);
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// The largest unit that divides it: `10s`.
impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        for (scale, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")] {
            if ms >= scale && ms.is_multiple_of(scale) {
                return write!(f, "{}{unit}", ms / scale);
            }
        }
        write!(f, "{ms}ms")
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bytes(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Bytes(0) => Err(D::Error::custom("`0` is not a size")),
            Written::Bytes(bytes) => Ok(Self(bytes)),
            Written::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ByteSize {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "format": "byte-size", "minimum": 1 })
    }
}

impl JsonSchema for TimeSpan {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TimeSpan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "time-span" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_written() {
        let size = |text: &str| text.parse::<ByteSize>().ok().map(|size| size.0);
        assert_eq!(size("512 MiB"), Some(512 << 20));
        assert_eq!(size(" 64kib "), Some(65_536));
        assert_eq!(size("1.5 GiB"), Some(3 << 29));
        assert_eq!(size("10 GB"), Some(10_000_000_000));
        assert_eq!(size("7 B"), Some(7));
        for bad in
            ["", "512", "MiB", "0 MiB", "-1 MiB", "1 MiB 2", "1 mebi", "99999999 TiB", "1..5 MiB"]
        {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_are_read_as_written() {
        let ms = |text: &str| text.parse::<TimeSpan>().ok().map(|span| span.0.as_millis());
        assert_eq!(ms("10s"), Some(10_000));
        assert_eq!(ms("500 ms"), Some(500));
        assert_eq!(ms("1.5s"), Some(1_500));
        assert_eq!(ms("1h 30min"), Some(5_400_000));
        assert_eq!(ms("2m30s"), Some(150_000));
        for bad in ["", "10", "s", "0s", "-1s", "10 parsecs", "1s,2s", "99999999999999999999h"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_displayed_is_read_back(bytes in 1..u64::MAX, ms in 1..u64::MAX / 1_000) {
            let size = ByteSize(bytes);
            proptest::prop_assert_eq!(size.to_string().parse(), Ok(size));
            let span = TimeSpan(Duration::from_millis(ms));
            proptest::prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
