//! Scalars: numbers, booleans, dates, timestamps and bytes.
//!
//! Numbers may stand in quotes, as many exporters write them; what is in the quotes is then
//! exactly one JSON number. Doubles also take `"NaN"`, `"Infinity"` and `"-Infinity"`. Dates
//! are `2026-03-01`, timestamps RFC 3339 with a zone, bytes base64. Anything else conflicts.

use super::{
    column::Column,
    failure::{Context, Decoded, Path},
    number::{decimal, double, float, short_double, short_integer},
    scan::byte_at,
    storage::Values,
    text::{base64, date, timestamp},
};
use arrow_buffer::ArrowNativeType;

impl Column {
    /// Reads a scalar as the next row.
    pub(super) fn read_scalar(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        at: usize,
        path: &Path<'_>,
    ) -> Decoded {
        match self {
            Self::Boolean(values) => {
                let value = match byte_at(text, at) {
                    b't' => true,
                    b'f' => false,
                    _ => return cx.conflict(text, at, path, "a boolean"),
                };
                let end = cx.literal(text, at, if value { b"true" } else { b"false" })?;
                values.push(u8::from(value));
                Ok(end)
            }
            Self::Int64(values) => integer(values, cx, text, at, path, "a bigint"),
            Self::Int32(values) => integer(values, cx, text, at, path, "an int"),
            Self::Int16(values) => integer(values, cx, text, at, path, "a smallint"),
            Self::Int8(values) => integer(values, cx, text, at, path, "a tinyint"),
            Self::Float64(values) => match short_double(text, at) {
                Some((value, end)) => {
                    values.push(value);
                    Ok(end)
                }
                None => number(values, cx, text, at, path, "a double", |number| match number {
                    Number::Json(number) => double(number),
                    Number::Word(word) => special(word),
                }),
            },
            Self::Float32(values) => {
                number(values, cx, text, at, path, "a float", |number| match number {
                    Number::Json(number) => float(number),
                    Number::Word(word) => special(word).map(|value| value as f32),
                })
            }
            Self::Decimal(values, precision, scale) => {
                number(values, cx, text, at, path, "a decimal that fits", |number| match number {
                    Number::Json(number) => decimal(number, *precision, *scale),
                    Number::Word(_) => None,
                })
            }
            Self::Date(values) => quoted(values, cx, text, at, path, "a date", date),
            Self::Timestamp(values, _) => {
                quoted(values, cx, text, at, path, "a timestamp with a zone", timestamp)
            }
            Self::Binary(bytes) => {
                if byte_at(text, at) == b'"' {
                    cx.scratch.clear();
                    let mut scratch = std::mem::take(&mut cx.scratch);
                    let read = cx.read_string(text, at, &mut scratch);
                    let decoded = base64(&scratch, &mut bytes.data);
                    cx.scratch = scratch;
                    let end = read?;
                    if decoded {
                        bytes.close();
                        return Ok(end);
                    }
                    bytes.data.truncate(bytes.offsets.end());
                }
                cx.conflict(text, at, path, "base64 text")
            }
            Self::Utf8(_) | Self::Struct(_) | Self::List(_) | Self::Map(_) => {
                cx.conflict(text, at, path, "another type")
            }
        }
    }
}

fn special(word: &[u8]) -> Option<f64> {
    match word {
        b"NaN" => Some(f64::NAN),
        b"Infinity" => Some(f64::INFINITY),
        b"-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

#[inline]
fn integer<T: ArrowNativeType + TryFrom<i64>>(
    values: &mut Values<T>,
    cx: &mut Context,
    text: &[u8],
    at: usize,
    path: &Path<'_>,
    expected: &str,
) -> Decoded {
    if let Some((value, end)) = short_integer(text, at)
        && let Ok(value) = T::try_from(value)
    {
        values.push(value);
        return Ok(end);
    }
    number(values, cx, text, at, path, expected, |number| match number {
        Number::Json(number) => {
            let value = decimal(number, 38, 0).and_then(|value| i64::try_from(value).ok())?;
            T::try_from(value).ok()
        }
        Number::Word(_) => None,
    })
}

/// A number as it stands, or in quotes; or what else stands in quotes.
enum Number<'a> {
    Json(&'a [u8]),
    Word(&'a [u8]),
}

/// Reads a number of any form, plain or in quotes.
fn number<T: ArrowNativeType>(
    values: &mut Values<T>,
    cx: &mut Context,
    text: &[u8],
    at: usize,
    path: &Path<'_>,
    expected: &str,
    value: impl Fn(Number<'_>) -> Option<T>,
) -> Decoded {
    let (parsed, end) = match byte_at(text, at) {
        b'-' | b'0'..=b'9' => {
            let end = cx.skip_number(text, at)?;
            (value(Number::Json(text.get(at..end).unwrap_or_default())), end)
        }
        b'"' => {
            let end = cx.skip_string(text, at)?;
            let inner = text.get(at + 1..end - 1).unwrap_or_default();
            let whole = cx.skip_number(inner, 0).is_ok_and(|end| end == inner.len());
            (value(if whole { Number::Json(inner) } else { Number::Word(inner) }), end)
        }
        _ => return cx.conflict(text, at, path, expected),
    };
    match parsed {
        Some(parsed) => {
            values.push(parsed);
            Ok(end)
        }
        None => cx.conflict(text, at, path, expected),
    }
}

/// Reads a value that stands in quotes.
fn quoted<T: ArrowNativeType>(
    values: &mut Values<T>,
    cx: &mut Context,
    text: &[u8],
    at: usize,
    path: &Path<'_>,
    expected: &str,
    value: impl Fn(&[u8]) -> Option<T>,
) -> Decoded {
    if byte_at(text, at) == b'"' {
        let end = cx.skip_string(text, at)?;
        if let Some(value) = value(text.get(at + 1..end - 1).unwrap_or_default()) {
            values.push(value);
            return Ok(end);
        }
    }
    cx.conflict(text, at, path, expected)
}
