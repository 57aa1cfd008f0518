//! A format as users write it, compiled once, and what it makes of a text.
//!
//! | written | compiled to |
//! |---|---|
//! | `iso8601` | [`crate::iso8601`] |
//! | `epoch_s`, `epoch_ms`, `epoch_us` | [`Unit`] |
//! | `strftime:%Y-%m-%d` | items, by [`crate::strftime`] |
//! | anything else | items, by [`crate::pattern`] |

use crate::epoch::Unit;
use crate::item::{Item, OffsetShape};
use crate::matcher::{fraction, match_items, offset};
use crate::mistake::Mistake;
use crate::parsed::Parsed;
use crate::prefix::Prefix;
use crate::reason::Reason;
use crate::usual::Usual;
use crate::zone::{Local, MAX_OFFSET_SECS, Zone, Zones};
use crate::{iso8601, pattern, strftime};

/// A compiled format.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    /// As written.
    pub(crate) source: String,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Items(Vec<Item>, Option<(Prefix, Tail)>),
    Iso8601(Option<Prefix>),
    Epoch(Unit),
}

/// What may follow a prefix for the short way to be taken.
#[derive(Clone, Copy, Debug)]
struct Tail {
    fraction: Digits,
    offset: Option<OffsetShape>,
}

/// A fraction of a second in a tail.
#[derive(Clone, Copy, Debug)]
enum Digits {
    None,
    /// This many digits at least and at most; their separator belongs to the prefix.
    Here(u8, u8),
    /// A point and as many digits, or neither.
    Maybe(u8, u8),
}

impl Format {
    /// Compiles a format.
    ///
    /// # Errors
    /// Says what is wrong with it and what to write instead.
    pub(crate) fn compile(source: &str) -> Result<Self, Mistake> {
        let matcher = match source {
            "iso8601" => {
                let items = pattern::compile("yyyy-MM-dd'T'HH:mm:ss")?;
                Matcher::Iso8601(Prefix::of(&items).map(|(prefix, _)| prefix))
            }
            "epoch_s" => Matcher::Epoch(Unit::Second),
            "epoch_ms" => Matcher::Epoch(Unit::Millisecond),
            "epoch_us" => Matcher::Epoch(Unit::Microsecond),
            _ => {
                let items = match source.strip_prefix("strftime:") {
                    Some(format) => strftime::compile(format)
                        .map_err(|mistake| mistake.moved(source.len() - format.len()))?,
                    None => compile_pattern(source)?,
                };
                let prefix = Prefix::of(&items)
                    .and_then(|(prefix, covered)| Some((prefix, Tail::of(&items[covered..])?)));
                Matcher::Items(items, prefix)
            }
        };
        Ok(Self { source: source.to_owned(), matcher })
    }

    /// What a reader should know at once.
    pub(crate) fn warnings(&self) -> Vec<String> {
        match (&self.matcher, self.source.strip_prefix("strftime:")) {
            (Matcher::Items(..), Some(format)) => strftime::warnings(format),
            (Matcher::Items(..), None) => pattern::warnings(&self.source),
            _ => Vec::new(),
        }
    }

    /// What it counts, if it is an epoch: only those read numbers.
    pub(crate) fn epoch(&self) -> Option<Unit> {
        match self.matcher {
            Matcher::Epoch(unit) => Some(unit),
            _ => None,
        }
    }

    /// The form that most texts of this format have, if it is the usual one.
    pub(crate) fn usual(&self, zone: &Zone) -> Option<Usual> {
        match &self.matcher {
            Matcher::Items(_, Some((prefix, tail))) => tail.usual(prefix, zone),
            Matcher::Iso8601(Some(prefix)) => Some(Usual::new(prefix.form()?, true, 0)),
            _ => None,
        }
    }

    /// Microseconds since 1970-01-01T00:00:00Z of a text.
    ///
    /// # Errors
    /// Says why the text is no timestamp in this format.
    #[inline]
    pub(crate) fn read(&self, text: &[u8], zones: &mut Zones, zone: &Zone) -> Result<i64, Reason> {
        let short = match &self.matcher {
            Matcher::Items(_, Some((prefix, tail))) => {
                prefix.read(text).and_then(|(local, at)| tail.read(local, text, at, zone))
            }
            Matcher::Iso8601(Some(prefix)) => {
                prefix.read(text).and_then(|(local, at)| iso8601_tail(local, text, at, zone))
            }
            _ => None,
        };
        match short {
            Some(micros) => Ok(micros),
            None => self.read_slowly(text, zones, zone),
        }
    }

    /// The definition of [`Self::read`], without short ways.
    #[inline(never)]
    pub(crate) fn read_slowly(
        &self,
        text: &[u8],
        zones: &mut Zones,
        zone: &Zone,
    ) -> Result<i64, Reason> {
        let mut parsed = Parsed::new();
        match &self.matcher {
            Matcher::Epoch(unit) => return unit.text_micros(text),
            Matcher::Iso8601(_) => iso8601::read(text, &mut parsed)?,
            Matcher::Items(items, _) => {
                let end = match_items(items, text, 0, &mut parsed, zones);
                if end != Some(text.len()) {
                    return Err(parsed.problem.unwrap_or(Reason::Mismatch));
                }
            }
        }
        parsed.micros(zones, zone)
    }
}

/// Compiles a pattern; a name that is nearly one of the named formats is not taken for one.
fn compile_pattern(source: &str) -> Result<Vec<Item>, Mistake> {
    let folded = source.to_ascii_lowercase();
    let named = match folded.replace(['-', '_', ' '], "").as_str() {
        "iso" | "iso8601" | "rfc3339" => Some("iso8601"),
        "epoch" | "epochs" | "epochsecond" | "epochseconds" | "unix" | "unixtime" => {
            Some("epoch_s")
        }
        "epochms" | "epochmillis" | "epochmilliseconds" | "unixms" => Some("epoch_ms"),
        "epochus" | "epochmicros" | "epochmicroseconds" | "unixus" => Some("epoch_us"),
        "epochns" | "epochnanos" | "epochnanoseconds" => {
            return Err(format!(
                "there is no format `{source}`; divide by 1000 and use `epoch_us`"
            )
            .into());
        }
        _ => None,
    };
    if let Some(named) = named {
        return Err(format!("there is no format `{source}`; write `{named}`").into());
    }
    let directive = |at: usize| source.as_bytes().get(at + 1).is_some_and(u8::is_ascii_alphabetic);
    if source.match_indices('%').any(|(at, _)| directive(at)) {
        return Err(format!("`{source}` looks like strftime; write `strftime:{source}`").into());
    }
    pattern::compile(source)
}

impl Tail {
    /// The tail that these items are, if they are one.
    fn of(items: &[Item]) -> Option<Self> {
        let (fraction, rest) = match items {
            [Item::Fraction { min, max }, rest @ ..] => (Digits::Here(*min, *max), rest),
            [Item::Optional(inner), rest @ ..] => match inner.as_slice() {
                [Item::Literal(point), Item::Fraction { min, max }] if point == b"." => {
                    (Digits::Maybe(*min, *max), rest)
                }
                _ => return None,
            },
            rest => (Digits::None, rest),
        };
        match rest {
            [] => Some(Self { fraction, offset: None }),
            [Item::Offset(shape)] => Some(Self { fraction, offset: Some(*shape) }),
            _ => None,
        }
    }

    /// The usual form of the prefix before this tail: without a fraction, with `Z` for an offset.
    fn usual(self, prefix: &Prefix, zone: &Zone) -> Option<Usual> {
        if matches!(self.fraction, Digits::Here(..)) {
            return None;
        }
        let form = prefix.form()?;
        match (self.offset, zone) {
            (Some(shape), _) => shape.zulu.then(|| Usual::new(form, true, 0)),
            (None, Zone::Fixed(seconds)) => Some(Usual::new(form, false, *seconds)),
            (None, Zone::Rules(_)) => None,
        }
    }

    #[inline]
    fn read(self, local: Local, text: &[u8], at: usize, zone: &Zone) -> Option<i64> {
        let (nanos, at) = match self.fraction {
            Digits::Here(min, max) => fraction(text, at, min, max)?,
            Digits::Maybe(min, max) if text.get(at) == Some(&b'.') => {
                fraction(text, at + 1, min, max)?
            }
            Digits::None | Digits::Maybe(..) => (0, at),
        };
        let (seconds, end) = match self.offset {
            None => (zone.offset_secs(local), at),
            Some(shape) => short_offset(shape, text, at)?,
        };
        (end == text.len()).then(|| local.micros(seconds) + nanos / 1000)
    }
}

/// An offset that is usually `Z`.
#[inline]
fn short_offset(shape: OffsetShape, text: &[u8], at: usize) -> Option<(i32, usize)> {
    if shape.zulu && text.get(at) == Some(&b'Z') {
        return Some((0, at + 1));
    }
    let (seconds, end) = offset(shape, text, at)?;
    (seconds.abs() <= MAX_OFFSET_SECS).then_some((seconds as i32, end))
}

#[inline]
fn iso8601_tail(local: Local, text: &[u8], at: usize, zone: &Zone) -> Option<i64> {
    if text.len() == at + 1 && text[at] == b'Z' {
        return Some(local.micros(0));
    }
    let (nanos, at) = iso8601::maybe_fraction(text, at)?;
    let (seconds, end) = iso8601::maybe_offset(text, at)?;
    let seconds = match seconds {
        Some(seconds) => (seconds.abs() <= MAX_OFFSET_SECS).then_some(seconds as i32)?,
        None => zone.offset_secs(local),
    };
    (end == text.len()).then(|| local.micros(seconds) + nanos / 1000)
}
