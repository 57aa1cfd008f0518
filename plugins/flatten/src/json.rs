//! Maps as JSON text.
//!
//! Keys in the order of the map, nothing left out or merged; members of structs that are
//! null are left out, as Spark's `to_json` does. Numbers keep every digit.
//!
//! | value | text |
//! |---|---|
//! | `{b: 1, a: null}` | `{"b":1,"a":null}` |
//! | double 1, 0.1, 1e300, NaN, -∞ | `1.0`, `0.1`, `1e+300`, `"NaN"`, `"-Infinity"` |
//! | decimal(10, 2) 12.50 | `12.50` |
//! | date, timestamp | `"2026-03-01"`, `"2026-03-01T17:04:00.25Z"` (without zone: no `Z`) |

use lockgate_sdk::{
    Booleans, Column, DataType, Error, Native, Path, Strings, TimeUnit, Validity, Values,
};
use std::io::Write as _;

/// Checks that every value a map can hold has a JSON text.
pub(crate) fn check(path: &Path, map: &DataType) -> Result<(), Error> {
    let refuse = |what: &str, data_type: &DataType| {
        Err(Error::config(format!(
            "the map `{path}` has {what} of type {data_type}, which JSON text cannot hold; add it to `keep`"
        )))
    };
    let mut pending = vec![map];
    while let Some(data_type) = pending.pop() {
        match data_type {
            DataType::Binary | DataType::FixedSizeBinary(_) | DataType::Duration(_) => {
                return refuse("values", data_type);
            }
            DataType::Map(entries) => match entries.data_type.children() {
                [key, _] if !key.data_type.children().is_empty() => {
                    return refuse("keys", &key.data_type);
                }
                _ => {}
            },
            _ => {}
        }
        pending.extend(data_type.children().iter().map(|field| &field.data_type));
    }
    Ok(())
}

/// Writes the values of one column.
pub(crate) struct Writer<'a> {
    validity: Validity<'a>,
    values: Kind<'a>,
}

enum Kind<'a> {
    Null,
    Boolean(Booleans<'a>),
    Int8(Values<'a, i8>),
    UInt8(Values<'a, u8>),
    Int16(Values<'a, i16>),
    UInt16(Values<'a, u16>),
    Int32(Values<'a, i32>),
    UInt32(Values<'a, u32>),
    Int64(Values<'a, i64>),
    UInt64(Values<'a, u64>),
    Float32(Values<'a, f32>),
    Float64(Values<'a, f64>),
    Decimal(Values<'a, i128>, i8),
    Date(Values<'a, i32>),
    Timestamp(Values<'a, i64>, TimeUnit, bool),
    String(Strings<'a>),
    List(&'a [i32], Box<Writer<'a>>),
    Map(&'a [i32], Box<(Writer<'a>, Writer<'a>)>),
    Struct(Vec<(&'a str, Writer<'a>)>),
}

impl<'a> Writer<'a> {
    /// A writer of this column's values.
    pub(crate) fn new(column: Column<'a>) -> Result<Self, Error> {
        let values = match column.data_type() {
            DataType::Null => Kind::Null,
            DataType::Boolean => Kind::Boolean(column.booleans()?),
            DataType::Int8 => Kind::Int8(column.values()?),
            DataType::UInt8 => Kind::UInt8(column.values()?),
            DataType::Int16 => Kind::Int16(column.values()?),
            DataType::UInt16 => Kind::UInt16(column.values()?),
            DataType::Int32 => Kind::Int32(column.values()?),
            DataType::UInt32 => Kind::UInt32(column.values()?),
            DataType::Int64 => Kind::Int64(column.values()?),
            DataType::UInt64 => Kind::UInt64(column.values()?),
            DataType::Float32 => Kind::Float32(column.values()?),
            DataType::Float64 => Kind::Float64(column.values()?),
            DataType::Decimal128(_, scale) => Kind::Decimal(column.values()?, *scale),
            DataType::Date32 => Kind::Date(column.values()?),
            DataType::Timestamp(unit, zone) => {
                Kind::Timestamp(column.values()?, *unit, zone.is_some())
            }
            DataType::Utf8 => Kind::String(column.strings()?),
            DataType::List(_) => {
                Kind::List(column.offsets(), Box::new(Self::new(column.elements()?)?))
            }
            DataType::Map(entries) => {
                let pair = column.elements()?;
                let [key, value] = entries.data_type.children() else {
                    return Err(Error::failed("a map has entries that are no pairs"));
                };
                let key = Self::new(pair.member(&key.name)?)?;
                let value = Self::new(pair.member(&value.name)?)?;
                Kind::Map(column.offsets(), Box::new((key, value)))
            }
            DataType::Struct(members) => {
                let writer = |name: &'a str| Ok((name, Self::new(column.member(name)?)?));
                let members = members.iter().map(|member| writer(&member.name));
                Kind::Struct(members.collect::<Result<_, Error>>()?)
            }
            other @ (DataType::Binary | DataType::FixedSizeBinary(_) | DataType::Duration(_)) => {
                return Err(Error::failed(format!("{other} has no JSON text")));
            }
        };
        Ok(Self { validity: column.validity(), values })
    }

    /// Whether value i is null.
    pub(crate) fn is_null(&self, i: usize) -> bool {
        matches!(self.values, Kind::Null) || !self.validity.is_valid(i)
    }

    /// Appends the text of value i.
    pub(crate) fn write(&self, i: usize, out: &mut Vec<u8>) {
        if self.is_null(i) {
            out.extend_from_slice(b"null");
            return;
        }
        match &self.values {
            Kind::Null => {}
            Kind::Boolean(values) => serialize(&values.get(i), out),
            Kind::Int8(values) => number(values, i, out),
            Kind::UInt8(values) => number(values, i, out),
            Kind::Int16(values) => number(values, i, out),
            Kind::UInt16(values) => number(values, i, out),
            Kind::Int32(values) => number(values, i, out),
            Kind::UInt32(values) => number(values, i, out),
            Kind::Int64(values) => number(values, i, out),
            Kind::UInt64(values) => number(values, i, out),
            Kind::Float32(values) => float(values.value(i), f64::from(values.value(i)), out),
            Kind::Float64(values) => float(values.value(i), values.value(i), out),
            Kind::Decimal(values, scale) => decimal(values.value(i), *scale, out),
            Kind::Date(values) => {
                out.push(b'"');
                date(i64::from(values.value(i)), out);
                out.push(b'"');
            }
            Kind::Timestamp(values, unit, has_zone) => {
                timestamp(values.value(i), *unit, *has_zone, out);
            }
            Kind::String(values) => serialize(&values.value(i), out),
            Kind::List(offsets, elements) => {
                out.push(b'[');
                for (n, at) in range(offsets, i).enumerate() {
                    comma(n, out);
                    elements.write(at, out);
                }
                out.push(b']');
            }
            Kind::Map(offsets, entries) => {
                out.push(b'{');
                for (n, at) in range(offsets, i).enumerate() {
                    comma(n, out);
                    entries.0.write_key(at, out);
                    out.push(b':');
                    entries.1.write(at, out);
                }
                out.push(b'}');
            }
            Kind::Struct(members) => {
                out.push(b'{');
                let present = members.iter().filter(|(_, member)| !member.is_null(i));
                for (n, (name, member)) in present.enumerate() {
                    comma(n, out);
                    serialize(name, out);
                    out.push(b':');
                    member.write(i, out);
                }
                out.push(b'}');
            }
        }
    }

    /// Appends value i as a key: its text, in quotes if that has none.
    fn write_key(&self, i: usize, out: &mut Vec<u8>) {
        let start = out.len();
        self.write(i, out);
        if out.get(start) != Some(&b'"') {
            out.insert(start, b'"');
            out.push(b'"');
        }
    }
}

fn range(offsets: &[i32], i: usize) -> std::ops::Range<usize> {
    offsets[i] as usize..offsets[i + 1] as usize
}

fn comma(n: usize, out: &mut Vec<u8>) {
    if n > 0 {
        out.push(b',');
    }
}

fn number<T: Native + serde::Serialize>(values: &Values<'_, T>, i: usize, out: &mut Vec<u8>) {
    serialize(&values.value(i), out);
}

fn float<T: serde::Serialize>(value: T, wide: f64, out: &mut Vec<u8>) {
    match wide {
        wide if wide.is_nan() => out.extend_from_slice(b"\"NaN\""),
        f64::INFINITY => out.extend_from_slice(b"\"Infinity\""),
        f64::NEG_INFINITY => out.extend_from_slice(b"\"-Infinity\""),
        _ => serialize(&value, out),
    }
}

fn serialize<T: serde::Serialize>(value: &T, out: &mut Vec<u8>) {
    // Writing a string or a number to a vector cannot fail.
    let _ = serde_json::to_writer(out, value);
}

fn decimal(unscaled: i128, scale: i8, out: &mut Vec<u8>) {
    let digits = unscaled.unsigned_abs().to_string();
    if unscaled < 0 {
        out.push(b'-');
    }
    let fraction = usize::from(scale.max(0).unsigned_abs());
    let padded = format!("{digits:0>width$}", width = fraction + 1);
    let (whole, fraction) = padded.split_at(padded.len() - fraction);
    out.extend_from_slice(whole.as_bytes());
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    if unscaled != 0 {
        out.extend(std::iter::repeat_n(b'0', usize::from(scale.min(0).unsigned_abs())));
    }
}

/// Days since 1970-01-01 as `2026-03-01`; years outside 0 to 9999 with a sign.
fn date(days: i64, out: &mut Vec<u8>) {
    // Counted from 0000-03-01, so that the leap day ends a year; 146,097 days are 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let sign = match year {
        ..0 => "-",
        0..=9_999 => "",
        10_000.. => "+",
    };
    // Writing to a vector cannot fail.
    let _ = write!(out, "{sign}{:04}-{month:02}-{day:02}", year.abs());
}

fn timestamp(value: i64, unit: TimeUnit, has_zone: bool, out: &mut Vec<u8>) {
    let per_second = unit.per_second();
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    out.push(b'"');
    date(days, out);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let _ = write!(out, "T{hour:02}:{minute:02}:{second:02}");
    if fraction != 0 {
        let width = per_second.ilog10() as usize;
        let digits = format!("{fraction:0width$}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
    out.extend_from_slice(if has_zone { b"Z\"" } else { b"\"" });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_keep_every_digit() {
        for (unscaled, scale, expected) in [
            (1250, 2, "12.50"),
            (-5, 2, "-0.05"),
            (0, 3, "0.000"),
            (7, 0, "7"),
            (7, -2, "700"),
            (0, -2, "0"),
            (i128::MIN, 38, "-1.70141183460469231731687303715884105728"),
        ] {
            assert_eq!(text(|out| decimal(unscaled, scale, out)), expected);
        }
    }

    #[test]
    fn dates_follow_the_gregorian_calendar() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (20_513, "2026-03-01"),
            (-719_162, "0001-01-01"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+10000-01-01"),
            (-719_529, "-0001-12-31"),
        ] {
            assert_eq!(text(|out| date(days, out)), expected);
        }
    }

    #[test]
    fn timestamps_are_iso_8601_and_say_whether_they_are_utc() {
        for (value, unit, has_zone, expected) in [
            (0, TimeUnit::Second, true, "\"1970-01-01T00:00:00Z\""),
            (1_772_384_640_250, TimeUnit::Millisecond, true, "\"2026-03-01T17:04:00.25Z\""),
            (-1, TimeUnit::Microsecond, true, "\"1969-12-31T23:59:59.999999Z\""),
            (1, TimeUnit::Nanosecond, false, "\"1970-01-01T00:00:00.000000001\""),
        ] {
            assert_eq!(text(|out| timestamp(value, unit, has_zone, out)), expected);
        }
    }

    #[test]
    fn floats_that_json_does_not_know_are_text() {
        for (value, expected) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(text(|out| float(value, value, out)), expected);
        }
        assert_eq!(text(|out| float(0.1_f32, f64::from(0.1_f32), out)), "0.1");
    }
}
