//! Values of partition columns: which rows share one, and its text as Spark casts it.
//!
//! Owns the types a partition column may have; knows nothing of directories. Rows are grouped
//! on raw values (one day number per row for `date(timestamp)`); text is made once per value.
//!
//! | type | value | text |
//! |---|---|---|
//! | string | `a/b` | `a/b` |
//! | integers | -7 | `-7` |
//! | boolean | true | `true` |
//! | date | 20,513 days | `2026-03-01` |
//! | decimal(9, 2) | 150 | `1.50` |
//! | timestamp | 1,772,384,645,120,000 us | `2026-03-01 17:04:05.12` (UTC, no trailing zeros) |

use crate::{clock::civil, pipeline::plan::DateFunction};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, cast::AsArray, types};
use arrow_schema::{DataType, TimeUnit};
use std::{collections::HashMap, fmt::Write, hash::Hash};

/// Rows of a column grouped by value, values in order of first appearance.
pub(super) struct Groups {
    /// Group of each row.
    pub(super) of_row: Vec<u32>,
    /// Text of each group's value; `None` is null.
    pub(super) texts: Vec<Option<String>>,
}

/// Whether rows can be grouped by plain values of this type.
pub(super) fn is_groupable(data_type: &DataType) -> bool {
    use DataType as T;
    data_type.is_integer()
        || data_type.is_string()
        || matches!(data_type, T::Boolean | T::Date32 | T::Decimal128(_, 0..) | T::Timestamp(..))
}

/// Whether this function is defined for values of this type.
pub(super) fn is_date_like(function: DateFunction, data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(..) => true,
        DataType::Date32 => function != DateFunction::Hour,
        _ => false,
    }
}

/// Groups rows by plain value; `None` for a type that is not [groupable](is_groupable).
pub(super) fn group(array: &ArrayRef) -> Option<Groups> {
    use DataType as T;
    let rows = array.len();
    Some(match array.data_type() {
        T::Utf8 => of(array.as_string::<i32>().iter(), rows, str::to_owned),
        T::LargeUtf8 => of(array.as_string::<i64>().iter(), rows, str::to_owned),
        T::Utf8View => of(array.as_string_view().iter(), rows, str::to_owned),
        T::Boolean => of(array.as_boolean().iter(), rows, |value| value.to_string()),
        T::Int8 => of_primitive::<types::Int8Type>(array, |value| value.to_string()),
        T::Int16 => of_primitive::<types::Int16Type>(array, |value| value.to_string()),
        T::Int32 => of_primitive::<types::Int32Type>(array, |value| value.to_string()),
        T::Int64 => of_primitive::<types::Int64Type>(array, |value| value.to_string()),
        T::UInt8 => of_primitive::<types::UInt8Type>(array, |value| value.to_string()),
        T::UInt16 => of_primitive::<types::UInt16Type>(array, |value| value.to_string()),
        T::UInt32 => of_primitive::<types::UInt32Type>(array, |value| value.to_string()),
        T::UInt64 => of_primitive::<types::UInt64Type>(array, |value| value.to_string()),
        T::Date32 => of_primitive::<types::Date32Type>(array, |days| date_text(days.into())),
        T::Decimal128(_, scale @ 0..) => {
            of_primitive::<types::Decimal128Type>(array, |value| decimal_text(value, *scale))
        }
        T::Timestamp(unit, _) => {
            let text = |value| timestamp_text(value, per_second(*unit));
            of(instants(array, *unit)?, rows, text)
        }
        _ => return None,
    })
}

/// Groups rows by a function of their value; `None` for a type it is not
/// [defined for](is_date_like).
pub(super) fn group_by(function: DateFunction, array: &ArrayRef) -> Option<Groups> {
    match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<types::Date32Type>().iter();
            of_days(function, days.map(|days| days.map(i64::from)), array.len())
        }
        DataType::Timestamp(unit, _) => {
            let values = instants(array, *unit)?;
            let per_hour = per_second(*unit) * 3_600;
            if function == DateFunction::Hour {
                let hour = |value: i64| value.div_euclid(per_hour).rem_euclid(24);
                let hours = values.map(|value| value.map(hour));
                return Some(of(hours, array.len(), |hour| hour.to_string()));
            }
            let per_day = per_hour * 24;
            let days = values.map(|value| value.map(|value| value.div_euclid(per_day)));
            of_days(function, days, array.len())
        }
        _ => None,
    }
}

fn of_days(
    function: DateFunction,
    days: impl Iterator<Item = Option<i64>>,
    rows: usize,
) -> Option<Groups> {
    let part: fn((i64, i64, i64)) -> i64 = match function {
        DateFunction::Date => return Some(of(days, rows, date_text)),
        DateFunction::Year => |(year, _, _)| year,
        DateFunction::Month => |(_, month, _)| month,
        DateFunction::Day => |(_, _, day)| day,
        DateFunction::Hour => return None,
    };
    let parts = days.map(|days| days.map(|days| part(civil(days))));
    Some(of(parts, rows, |part| part.to_string()))
}

fn of_primitive<T>(array: &ArrayRef, text: impl Fn(T::Native) -> String) -> Groups
where
    T: ArrowPrimitiveType<Native: Eq + Hash>,
{
    of(array.as_primitive::<T>().iter(), array.len(), text)
}

/// The one loop over rows: a hash only where the value differs from the row before.
fn of<K: Copy + Eq + Hash>(
    values: impl Iterator<Item = Option<K>>,
    rows: usize,
    text: impl Fn(K) -> String,
) -> Groups {
    let mut groups: HashMap<Option<K>, u32> = HashMap::new();
    let mut of_row = Vec::with_capacity(rows);
    let mut texts = Vec::new();
    let mut last: Option<(Option<K>, u32)> = None;
    for value in values {
        let group = match last {
            Some((last, group)) if last == value => group,
            _ => *groups.entry(value).or_insert_with(|| {
                texts.push(value.map(&text));
                texts.len() as u32 - 1
            }),
        };
        last = Some((value, group));
        of_row.push(group);
    }
    Groups { of_row, texts }
}

/// Timestamps of any unit as raw integers.
pub(super) fn instants(
    array: &ArrayRef,
    unit: TimeUnit,
) -> Option<Box<dyn Iterator<Item = Option<i64>> + '_>> {
    Some(match unit {
        TimeUnit::Second => {
            Box::new(array.as_primitive_opt::<types::TimestampSecondType>()?.iter())
        }
        TimeUnit::Millisecond => {
            Box::new(array.as_primitive_opt::<types::TimestampMillisecondType>()?.iter())
        }
        TimeUnit::Microsecond => {
            Box::new(array.as_primitive_opt::<types::TimestampMicrosecondType>()?.iter())
        }
        TimeUnit::Nanosecond => {
            Box::new(array.as_primitive_opt::<types::TimestampNanosecondType>()?.iter())
        }
    })
}

/// How many of a unit make one second.
pub(super) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Four digits at least, a sign before year 0 and after 9999.
fn date_text(days: i64) -> String {
    let (year, month, day) = civil(days);
    match year {
        0..=9_999 => format!("{year:04}-{month:02}-{day:02}"),
        10_000.. => format!("+{year}-{month:02}-{day:02}"),
        _ => format!("-{:04}-{month:02}-{day:02}", -year),
    }
}

fn timestamp_text(value: i64, per_second: i64) -> String {
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let mut text = date_text(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    // Writing to a string does not fail.
    let _ = write!(text, " {hour:02}:{minute:02}:{second:02}");
    if fraction != 0 {
        let digits = per_second.ilog10() as usize;
        let _ = write!(text, ".{fraction:0digits$}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

/// All digits, as many after the point as the scale says, never an exponent.
fn decimal_text(value: i128, scale: i8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let scale = usize::from(scale.unsigned_abs());
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    match digits.split_at(digits.len() - scale) {
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        Decimal128Array, TimestampMicrosecondArray, TimestampMillisecondArray,
        TimestampNanosecondArray, TimestampSecondArray,
    };
    use std::sync::Arc;

    fn texts(array: impl Array + 'static) -> Vec<String> {
        let groups = group(&(Arc::new(array) as ArrayRef)).unwrap();
        groups.texts.into_iter().map(|text| text.unwrap_or_else(|| "null".into())).collect()
    }

    #[test]
    fn dates_are_proleptic_gregorian_and_spark_signs_years_beyond_four_digits() {
        assert_eq!(date_text(0), "1970-01-01");
        assert_eq!(date_text(-1), "1969-12-31");
        assert_eq!(date_text(20_513), "2026-03-01");
        assert_eq!(date_text(19_782), "2024-02-29");
        assert_eq!(date_text(-25_508), "1900-03-01");
        assert_eq!(date_text(-719_162), "0001-01-01");
        assert_eq!(date_text(-719_163), "0000-12-31");
        assert_eq!(date_text(-719_529), "-0001-12-31");
        assert_eq!(date_text(2_932_896), "9999-12-31");
        assert_eq!(date_text(2_932_897), "+10000-01-01");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut yesterday = civil(-146_097);
        for days in -146_096..=146_097 {
            let today = civil(days);
            let next = |(year, month, day): (i64, i64, i64)| match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                _ if today.1 == month => (year, month, day + 1),
                _ => (year, month + 1, 1),
            };
            assert_eq!(today, next(yesterday), "day {days}");
            yesterday = today;
        }
    }

    #[test]
    fn timestamps_of_every_unit_are_utc_text_without_trailing_zeros() {
        let us = 1_772_384_645_120_000;
        let second = TimestampSecondArray::from(vec![us / 1_000_000, -1]);
        assert_eq!(texts(second), ["2026-03-01 17:04:05", "1969-12-31 23:59:59"]);
        let ms = TimestampMillisecondArray::from(vec![us / 1_000]).with_timezone("+02:00");
        assert_eq!(texts(ms), ["2026-03-01 17:04:05.12"]);
        let us = TimestampMicrosecondArray::from(vec![us, -1, i64::MIN, i64::MAX]);
        let expected = [
            "2026-03-01 17:04:05.12",
            "1969-12-31 23:59:59.999999",
            "-290308-12-21 19:59:05.224192",
            "+294247-01-10 04:00:54.775807",
        ];
        assert_eq!(texts(us), expected);
        let ns = TimestampNanosecondArray::from(vec![1]);
        assert_eq!(texts(ns), ["1970-01-01 00:00:00.000000001"]);
    }

    #[test]
    fn decimals_keep_their_scale_and_never_show_an_exponent() {
        let decimals = |values: Vec<i128>, scale| {
            let array = Decimal128Array::from(values).with_precision_and_scale(38, scale);
            texts(array.unwrap())
        };
        assert_eq!(decimals(vec![150, -150, 5, 0], 2), ["1.50", "-1.50", "0.05", "0.00"]);
        assert_eq!(decimals(vec![1], 10), ["0.0000000001"]);
        assert_eq!(decimals(vec![-12], 0), ["-12"]);
    }

    #[test]
    fn hours_floor_before_1970() {
        let array: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![-1, 0, 3_600_000]));
        let groups = group_by(DateFunction::Hour, &array).unwrap();
        assert_eq!(groups.texts, [Some("23".into()), Some("0".into()), Some("1".into())]);
    }
}
