//! `LIKE` patterns: `%` is any text, `_` is one character, an escape makes them plain.
//!
//! | pattern | becomes |
//! |---|---|
//! | `abc%` | `Prefix("abc")` |
//! | `%abc` | `Suffix("abc")` |
//! | `a_c%d` | `Segments`: `a_c` at the start, `d` at the end |

/// A pattern, ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// No wildcards at all.
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    /// What stands between the `%`s, the first at the start and the last at the end; at
    /// least two.
    Segments(Vec<Vec<Piece>>),
}

/// Part of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Vec<u8>),
    /// One character, whichever.
    Any,
}

/// Lower case character by character, so that a text and a pattern fold alike whatever
/// stands next to a character.
pub(crate) fn fold(text: &str, to: &mut String) {
    if text.is_ascii() {
        to.push_str(text);
        to.make_ascii_lowercase();
    } else {
        to.extend(text.chars().flat_map(char::to_lowercase));
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with an escape.
    pub(crate) fn parse(text: &str, escape: char) -> Result<Self, String> {
        let mut segments = vec![Vec::new()];
        let mut plain = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c == escape {
                match chars.next() {
                    Some(next @ ('%' | '_')) => plain.push(next),
                    Some(next) if next == escape => plain.push(next),
                    Some(next) => {
                        return Err(format!(
                            "`{escape}{next}` in a pattern escapes nothing; `{escape}` may only precede `%`, `_` or itself, so write `{escape}{escape}{next}`"
                        ));
                    }
                    None => {
                        return Err(format!(
                            "a pattern ends with its escape character; write `{escape}{escape}` for a plain `{escape}`"
                        ));
                    }
                }
            } else if c == '%' || c == '_' {
                if let Some(segment) = segments.last_mut() {
                    if !plain.is_empty() {
                        segment.push(Piece::Text(std::mem::take(&mut plain).into_bytes()));
                    }
                    if c == '_' {
                        segment.push(Piece::Any);
                    }
                }
                if c == '%' {
                    segments.push(Vec::new());
                }
            } else {
                plain.push(c);
            }
        }
        if let Some(segment) = segments.last_mut()
            && !plain.is_empty()
        {
            segment.push(Piece::Text(plain.into_bytes()));
        }
        Ok(Self::simplify(segments))
    }

    /// Texts with this text in them.
    pub(crate) fn containing(text: Vec<u8>) -> Self {
        if text.is_empty() {
            return Self::Prefix(text);
        }
        Self::Segments(vec![Vec::new(), vec![Piece::Text(text)], Vec::new()])
    }

    fn simplify(mut segments: Vec<Vec<Piece>>) -> Self {
        let only_text = |segment: &[Piece]| match segment {
            [] => Some(Vec::new()),
            [Piece::Text(text)] => Some(text.clone()),
            _ => None,
        };
        match segments.as_slice() {
            [only] => match only_text(only) {
                Some(text) => return Self::Exact(text),
                // `_` alone: the segment is both the start and the end.
                None => return Self::Segments(segments),
            },
            [start, end] if end.is_empty() => {
                if let Some(text) = only_text(start) {
                    return Self::Prefix(text);
                }
            }
            [start, end] if start.is_empty() => {
                if let Some(text) = only_text(end) {
                    return Self::Suffix(text);
                }
            }
            _ => {}
        }
        // `%%` is `%`.
        let last = segments.len() - 1;
        let mut at = 0;
        segments.retain(|segment| {
            at += 1;
            at == 1 || at == last + 1 || !segment.is_empty()
        });
        Self::Segments(segments)
    }

    /// Whether all of a text matches.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => text == exact.as_slice(),
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::Segments(segments) => match segments.as_slice() {
                [] => false,
                [only] => strip_start(text, only).is_some_and(<[u8]>::is_empty),
                [start, between @ .., end] => {
                    let Some(rest) = strip_start(text, start) else { return false };
                    let Some(rest) = strip_end(rest, end) else { return false };
                    between.iter().try_fold(rest, |rest, segment| find(rest, segment)).is_some()
                }
            },
        }
    }
}

/// Bytes of the first character of a UTF-8 text.
fn first_char(text: &[u8]) -> Option<usize> {
    (1..=text.len()).find(|at| is_boundary(text, *at))
}

fn is_boundary(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| (*byte as i8) >= -0x40)
}

/// What follows a segment at the start of a text.
fn strip_start<'a>(text: &'a [u8], segment: &[Piece]) -> Option<&'a [u8]> {
    segment.iter().try_fold(text, |text, piece| match piece {
        Piece::Text(plain) => text.strip_prefix(plain.as_slice()),
        Piece::Any => first_char(text).map(|length| &text[length..]),
    })
}

/// What precedes a segment at the end of a text.
fn strip_end<'a>(text: &'a [u8], segment: &[Piece]) -> Option<&'a [u8]> {
    segment.iter().rev().try_fold(text, |text, piece| match piece {
        Piece::Text(plain) => text.strip_suffix(plain.as_slice()),
        Piece::Any => {
            let start = (0..text.len()).rev().find(|at| is_boundary(text, *at))?;
            Some(&text[..start])
        }
    })
}

/// What follows the first place where a segment matches. Taking the first is enough: it
/// leaves most for the segments after it.
fn find<'a>(text: &'a [u8], segment: &[Piece]) -> Option<&'a [u8]> {
    let [Piece::Text(plain), after @ ..] = segment else {
        let mut starts = (0..=text.len()).filter(|at| is_boundary(text, *at));
        return starts.find_map(|at| strip_start(&text[at..], segment));
    };
    // A character starts with a byte that is found nowhere inside another.
    let (first, mut rest) = (*plain.first()?, text);
    loop {
        let at = rest.iter().position(|byte| *byte == first)?;
        rest = &rest[at..];
        let found = rest.strip_prefix(plain.as_slice()).and_then(|rest| strip_start(rest, after));
        if found.is_some() {
            return found;
        }
        rest = &rest[1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, yes, no) in [
            ("abc", &["abc"][..], &["ab", "abcd", "ABC"][..]),
            ("", &[""], &["a"]),
            ("%", &["", "a"], &[]),
            ("ab%", &["ab", "abc"], &["a", "xab"]),
            ("%bc", &["bc", "abc"], &["bcd", "c"]),
            ("%b%", &["b", "abc"], &["", "ac"]),
            ("_", &["a", "ä", "€", "😀"], &["", "ab"]),
            ("__", &["ab", "ä€"], &["a", "abc"]),
            ("_%", &["a", "ab"], &[""]),
            ("%_", &["a", "ab"], &[""]),
            ("a%b%c", &["abc", "aXbYc", "abbcc"], &["acb", "ab"]),
            ("%a_c%", &["abc", "xabcy", "aäc"], &["ac", "abdc"]),
            ("a%a", &["aa", "aba"], &["a"]),
            ("%aab", &["aaab"], &["aaba"]),
            ("%ab%ab%", &["abab", "xabyabz"], &["ab", "aab"]),
            (r"100\%", &["100%"], &["1000"]),
            (r"a\_b\\", &[r"a_b\"], &[r"axb\"]),
            ("%%a%%", &["a", "bab"], &["b"]),
        ] {
            let compiled = Pattern::parse(pattern, '\\').unwrap();
            for text in yes {
                assert!(compiled.matches(text.as_bytes()), "`{text}` like `{pattern}`");
            }
            for text in no {
                assert!(!compiled.matches(text.as_bytes()), "`{text}` not like `{pattern}`");
            }
        }
    }

    #[test]
    fn simple_patterns_become_simple_tests() {
        let parse = |text| Pattern::parse(text, '\\').unwrap();
        assert_eq!(parse("a"), Pattern::Exact(b"a".to_vec()));
        assert_eq!(parse("a%"), Pattern::Prefix(b"a".to_vec()));
        assert_eq!(parse("%a"), Pattern::Suffix(b"a".to_vec()));
        assert_eq!(parse("a!%"), Pattern::Prefix(b"a!".to_vec()));
        assert_eq!(Pattern::parse("a!%", '!').unwrap(), Pattern::Exact(b"a%".to_vec()));
    }
}
