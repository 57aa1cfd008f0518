//! Matches items against text, with the meaning of `java.time`'s strict parsing.
//!
//! This is the definition of what a format accepts. [`crate::prefix`] only gets to the same
//! answer sooner.

use crate::item::{Field, Item, Number, OffsetShape, Sign};
use crate::parsed::Parsed;
use crate::reason::Reason;
use crate::zone::{self, Zones};

/// Matches the items from `at` on; gives where they end.
pub(crate) fn match_items(
    items: &[Item],
    text: &[u8],
    mut at: usize,
    parsed: &mut Parsed,
    zones: &mut Zones,
) -> Option<usize> {
    for item in items {
        at = match item {
            Item::Literal(literal) => {
                let end = at + literal.len();
                text.get(at..end)?.eq_ignore_ascii_case(literal).then_some(end)?
            }
            Item::Spaces => at + text[at..].iter().take_while(|b| b.is_ascii_whitespace()).count(),
            Item::Number(number) => match_number(*number, text, at, parsed)?,
            Item::ShortYear(first) => {
                let (two, end) = digits(text, at, 2, 2)?;
                let year = i64::from(*first) + (two - i64::from(*first)).rem_euclid(100);
                parsed.put(Field::Year, year).then_some(end)?
            }
            Item::Fraction { min, max } => {
                let (nanos, end) = fraction(text, at, *min, *max)?;
                parsed.put(Field::Nano, nanos).then_some(end)?
            }
            Item::Word { field, words, modulus, first } => {
                let starts = |word: &&str| {
                    let here = text.get(at..at + word.len());
                    here.is_some_and(|here| here.eq_ignore_ascii_case(word.as_bytes()))
                };
                let which = words.iter().position(starts)?;
                let end = at + words[which].len();
                parsed
                    .put(*field, (which % usize::from(*modulus)) as i64 + i64::from(*first))
                    .then_some(end)?
            }
            Item::Offset(shape) => {
                let (seconds, end) = offset(*shape, text, at)?;
                parsed.put(Field::Offset, seconds).then_some(end)?
            }
            Item::GmtOffset { full } => match_gmt_offset(*full, text, at, parsed)?,
            Item::ZoneId => match_zone(text, at, false, parsed, zones)?,
            Item::ZoneName => match_zone(text, at, true, parsed, zones)?,
            Item::Optional(items) => {
                let before = *parsed;
                match_items(items, text, at, parsed, zones).unwrap_or_else(|| {
                    *parsed = before;
                    at
                })
            }
        };
    }
    Some(at)
}

fn match_number(number: Number, text: &[u8], at: usize, parsed: &mut Parsed) -> Option<usize> {
    let sign = match text.get(at) {
        Some(b'-') if number.sign != Sign::Never => Some(b'-'),
        Some(b'+') if number.sign == Sign::Overflow => Some(b'+'),
        _ => None,
    };
    let start = at + usize::from(sign.is_some());
    let (min, reserve) = (usize::from(number.min), usize::from(number.reserve));
    let run = digit_run(text, start, usize::from(number.max) + reserve);
    let width = if reserve > 0 { run.saturating_sub(reserve).max(min) } else { run };
    let (value, end) = digits(text, start, min, width)?;
    let value = match sign {
        Some(b'-') if value == 0 => return None,
        Some(b'-') => -value,
        Some(_) => (width > min).then_some(value)?,
        None if number.sign == Sign::Overflow && width > min => return None,
        None => value,
    };
    parsed.put(number.field, value).then_some(end)
}

/// How many digits there are, up to `most`.
fn digit_run(text: &[u8], at: usize, most: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count()
}

/// The value of `min` to `max` digits, as many as there are, and where they end. A number
/// too long for a field is the largest there is, which is in no field's range.
pub(crate) fn digits(text: &[u8], at: usize, min: usize, max: usize) -> Option<(i64, usize)> {
    let width = digit_run(text, at, max);
    if width < min.max(1) {
        return None;
    }
    let end = at + width;
    let significant = text[at..end].iter().skip_while(|byte| **byte == b'0');
    if significant.clone().count() > 18 {
        return Some((i64::MAX, end));
    }
    Some((significant.fold(0, |value, byte| value * 10 + i64::from(byte - b'0')), end))
}

/// Nanoseconds of `min` to `max` digits after a decimal separator; more than nine round down.
pub(crate) fn fraction(text: &[u8], at: usize, min: u8, max: u8) -> Option<(i64, usize)> {
    let width = digit_run(text, at, usize::from(max));
    if width < usize::from(min) {
        return None;
    }
    let end = at + width;
    let kept = &text[at..at + width.min(9)];
    let mut nanos = kept.iter().fold(0u32, |value, byte| value * 10 + u32::from(byte - b'0'));
    for _ in kept.len()..9 {
        nanos *= 10;
    }
    Some((i64::from(nanos), end))
}

/// Seconds east of UTC of an offset, and where it ends.
pub(crate) fn offset(shape: OffsetShape, text: &[u8], at: usize) -> Option<(i64, usize)> {
    let negative = match text.get(at)? {
        b'Z' | b'z' if shape.zulu => return Some((0, at + 1)),
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    let (hours, mut end) = digits(text, at + 1, 2, 2)?;
    let mut seconds = hours * 3600;
    let mut colon = shape.colon;
    if let Some((minutes, after)) = offset_part(&mut colon, text, end) {
        (seconds, end) = (seconds + minutes * 60, after);
        if shape.seconds
            && let Some((part, after)) = offset_part(&mut colon, text, end)
        {
            (seconds, end) = (seconds + part, after);
        }
    } else if shape.minutes {
        return None;
    }
    Some((if negative { -seconds } else { seconds }, end))
}

/// Two digits below 60 of an offset, after a colon or not; what it is for the first holds for the rest.
fn offset_part(colon: &mut Option<bool>, text: &[u8], at: usize) -> Option<(i64, usize)> {
    let has_colon = text.get(at) == Some(&b':');
    if colon.is_some_and(|colon| colon != has_colon) {
        return None;
    }
    let (part, end) = digits(text, at + usize::from(has_colon), 2, 2)?;
    *colon = Some(has_colon);
    (part < 60).then_some((part, end))
}

/// `GMT`, `GMT+08:00`, and when it need not be in full `GMT+8`.
fn match_gmt_offset(full: bool, text: &[u8], at: usize, parsed: &mut Parsed) -> Option<usize> {
    let after = at + 3;
    text.get(at..after)?.eq_ignore_ascii_case(b"GMT").then_some(())?;
    let shape = OffsetShape { zulu: false, colon: Some(true), minutes: true, seconds: true };
    let found = if full { offset(shape, text, after) } else { short_offset(text, after) };
    let (seconds, end) = found.unwrap_or((0, after));
    parsed.put(Field::Offset, seconds).then_some(end)
}

/// `+8`, `+08`, `+8:30`, `+08:30:15`.
fn short_offset(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let negative = match text.get(at)? {
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    let (hours, mut end) = digits(text, at + 1, 1, 2)?;
    let mut seconds = hours * 3600;
    for unit in [60, 1] {
        let Some((part, after)) = offset_part(&mut Some(true), text, end) else { break };
        (seconds, end) = (seconds + part * unit, after);
    }
    Some((if negative { -seconds } else { seconds }, end))
}

fn match_zone(
    text: &[u8],
    at: usize,
    abbreviations: bool,
    parsed: &mut Parsed,
    zones: &mut Zones,
) -> Option<usize> {
    if let Some((seconds, end)) = offset(OffsetShape { zulu: false, ..OffsetShape::ANY }, text, at)
    {
        return parsed.put(Field::Offset, seconds).then_some(end);
    }
    let rest = text.get(at..)?;
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(byte);
    let name = &rest[..rest.iter().take_while(in_name).count()];
    let letters = name.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let universal = [&b"UTC"[..], b"GMT", b"UT", b"Z"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(&name[..letters]));
    // `GMT0` is a name of its own.
    if universal && !name.get(letters).is_some_and(u8::is_ascii_digit) {
        let after = at + letters;
        let (seconds, end) = short_offset(text, after).unwrap_or((0, after));
        return parsed.put(Field::Offset, seconds).then_some(end);
    }
    if abbreviations && let Some(seconds) = zone::abbreviation_secs(name) {
        return parsed.put(Field::Offset, i64::from(seconds)).then_some(at + name.len());
    }
    if name.is_empty() {
        return None;
    }
    let found = zones.find(name);
    if found.is_none() {
        parsed.problem = Some(Reason::UnknownZone);
    }
    parsed.zone = Some(found?);
    Some(at + name.len())
}
