//! ISO 8601 dates and times in every form that logs and databases write.
//!
//! `2024-05-17`, `2024-05-17T17:04Z`, `20240517T170400.5+0200`, `2024-05-17 17:04:00,123`:
//! a date, then maybe `T` or a space and a time, then maybe an offset.

use crate::item::{Field, OffsetShape};
use crate::matcher::{digits, fraction, offset};
use crate::parsed::Parsed;
use crate::reason::Reason;

/// Reads all of the text, less white space around it, into the fields.
///
/// # Errors
/// Fails with [`Reason::Mismatch`] when the text has another form.
pub(crate) fn read(text: &[u8], parsed: &mut Parsed) -> Result<(), Reason> {
    let text = text.trim_ascii();
    let end = date(text, parsed).and_then(|at| time(text, at, parsed));
    if end == Some(text.len()) { Ok(()) } else { Err(parsed.problem.unwrap_or(Reason::Mismatch)) }
}

/// `yyyy-MM-dd` or `yyyyMMdd`.
fn date(text: &[u8], parsed: &mut Parsed) -> Option<usize> {
    let separated = text.get(4) == Some(&b'-');
    field(text, 0, 4, Field::Year, parsed)
        .and_then(|at| part(text, at, separated.then_some(b'-'), Field::Month, parsed))
        .and_then(|at| part(text, at, separated.then_some(b'-'), Field::Day, parsed))
}

/// Nothing, or `T` and hours, minutes, maybe seconds and a fraction, then maybe an offset.
fn time(text: &[u8], at: usize, parsed: &mut Parsed) -> Option<usize> {
    if !matches!(text.get(at), Some(b'T' | b't' | b' ')) {
        return Some(at);
    }
    let at = field(text, at + 1, 2, Field::Hour, parsed)?;
    let separator = (text.get(at) == Some(&b':')).then_some(b':');
    let mut at = part(text, at, separator, Field::Minute, parsed)?;
    let has_seconds = match separator {
        Some(separator) => text.get(at) == Some(&separator),
        None => text.get(at).is_some_and(u8::is_ascii_digit),
    };
    if has_seconds {
        at = part(text, at, separator, Field::Second, parsed)?;
        let (nanos, end) = maybe_fraction(text, at)?;
        parsed.put(Field::Nano, nanos);
        at = end;
    }
    let (seconds, end) = maybe_offset(text, at)?;
    if let Some(seconds) = seconds {
        parsed.put(Field::Offset, seconds);
    }
    Some(end)
}

fn field(text: &[u8], at: usize, width: usize, field: Field, parsed: &mut Parsed) -> Option<usize> {
    let (value, end) = digits(text, at, width, width)?;
    parsed.put(field, value).then_some(end)
}

/// The separator, if there is one in this form, and two digits.
fn part(
    text: &[u8],
    at: usize,
    separator: Option<u8>,
    name: Field,
    parsed: &mut Parsed,
) -> Option<usize> {
    let at = match separator {
        Some(separator) => (text.get(at) == Some(&separator)).then_some(at + 1)?,
        None => at,
    };
    field(text, at, 2, name, parsed)
}

/// Nanoseconds of a fraction of any length, if there is one, and where it ends.
#[inline]
pub(crate) fn maybe_fraction(text: &[u8], at: usize) -> Option<(i64, usize)> {
    if matches!(text.get(at), Some(b'.' | b',')) {
        fraction(text, at + 1, 1, u8::MAX)
    } else {
        Some((0, at))
    }
}

/// Seconds east of UTC of an offset, if the text goes on, and where it ends. One space may
/// stand before it.
#[inline]
pub(crate) fn maybe_offset(text: &[u8], at: usize) -> Option<(Option<i64>, usize)> {
    let at = at + usize::from(text.get(at) == Some(&b' '));
    if at == text.len() {
        return Some((None, at));
    }
    let (seconds, end) = offset(OffsetShape::ANY, text, at)?;
    Some((Some(seconds), end))
}
