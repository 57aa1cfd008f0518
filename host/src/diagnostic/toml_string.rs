//! Where the bytes of a decoded TOML string stand in its source.
//!
//! Owns the escapes and quotes of TOML 1.1; knows nothing of keys or files. It is only ever
//! given literals that the TOML parser accepted.
//!
//! | literal | decoded | byte 1 of the decoded stands at |
//! |---|---|---|
//! | `"abc"` | `abc` | 2 |
//! | `'abc'` | `abc` | 2 |
//! | `"\u00e9b"` | `éb` | 1 (inside `é`) |
//! | `"""` newline `ab"""` | `ab` | 5 |

use std::ops::Range;

/// The byte range of `literal` (quotes included) that spells `decoded` bytes of its value;
/// `None` when the range lies outside the value.
pub(super) fn raw_range(literal: &str, decoded: &Range<usize>) -> Option<Range<usize>> {
    let pieces = pieces(literal)?;
    let end_of_value = pieces.last().map_or(0, |piece| piece.decoded.end);
    if decoded.start > decoded.end || decoded.end > end_of_value {
        return None;
    }
    let touched = |piece: &&Piece| {
        piece.decoded.start < decoded.end.max(decoded.start + 1)
            && piece.decoded.end > decoded.start
    };
    let mut hit = pieces.iter().filter(touched);
    let Some(first) = hit.next() else {
        let end = pieces.last().map_or(0, |piece| piece.raw.end);
        return Some(end..end);
    };
    let end = hit.next_back().map_or(first.raw.end, |last| last.raw.end);
    Some(first.raw.start..if decoded.is_empty() { first.raw.start } else { end })
}

/// One character of the value and how it is spelled.
struct Piece {
    raw: Range<usize>,
    decoded: Range<usize>,
}

fn pieces(literal: &str) -> Option<Vec<Piece>> {
    let quote = literal.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let multi_line = literal.len() >= 6 && literal.starts_with(&triple);
    let width = if multi_line { 3 } else { 1 };
    let end = literal.len().checked_sub(width)?;
    let mut at = width;
    if multi_line {
        let rest = literal.get(at..end)?;
        at += ["\r\n", "\n"].into_iter().find(|n| rest.starts_with(n)).map_or(0, str::len);
    }
    let (mut pieces, mut decoded) = (Vec::new(), 0);
    while at < end {
        let rest = literal.get(at..end)?;
        let c = rest.chars().next()?;
        let (raw, value) = match c {
            '\\' if quote == '"' => escape(rest)?,
            c => (c.len_utf8(), c.len_utf8()),
        };
        if value > 0 {
            pieces.push(Piece { raw: at..at + raw, decoded: decoded..decoded + value });
        }
        at += raw;
        decoded += value;
    }
    Some(pieces)
}

/// Length of an escape as written and as decoded.
fn escape(rest: &str) -> Option<(usize, usize)> {
    let code = |digits: usize| {
        let value = u32::from_str_radix(rest.get(2..2 + digits)?, 16).ok()?;
        Some((2 + digits, char::from_u32(value)?.len_utf8()))
    };
    match rest.as_bytes().get(1)? {
        b'x' => code(2),
        b'u' => code(4),
        b'U' => code(8),
        b' ' | b'\t' | b'\r' | b'\n' => {
            let after = rest.get(1..)?;
            Some((1 + after.len() - after.trim_start().len(), 0))
        }
        _ => Some((2, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled<'a>(literal: &'a str, decoded: &str) -> &'a str {
        let value: toml::Table = toml::from_str(&format!("v = {literal}")).unwrap();
        let start = value["v"].as_str().unwrap().find(decoded).unwrap();
        &literal[raw_range(literal, &(start..start + decoded.len())).unwrap()]
    }

    #[test]
    fn a_range_is_found_behind_every_kind_of_quote_and_escape() {
        assert_eq!(spelled(r#""amount > 0""#, "amount"), "amount");
        assert_eq!(spelled(r"'amount \ 0'", "0"), "0");
        assert_eq!(spelled(r#""a\t\"b\" c""#, "b"), "b");
        assert_eq!(spelled(r#""a\t\"b\" c""#, "\"b\""), r#"\"b\""#);
        assert_eq!(spelled(r#""\u00e9\U0001F600\x41 x""#, "x"), "x");
        assert_eq!(spelled(r#""\u00e9\U0001F600 x""#, "\u{1F600}"), r"\U0001F600");
        assert_eq!(spelled("\"\"\"\na\n  bad \"q\" \\\n   more\"\"\"", "bad"), "bad");
        assert_eq!(spelled("\"\"\"\na\n  bad \"q\" \\\n   more\"\"\"", "more"), "more");
        assert_eq!(spelled("'''\r\na''b'''", "b"), "b");
    }

    #[test]
    fn an_empty_range_is_a_position_and_one_outside_is_none() {
        assert_eq!(raw_range(r#""ab""#, &(1..1)), Some(2..2));
        assert_eq!(raw_range(r#""ab""#, &(2..2)), Some(3..3));
        assert_eq!(raw_range(r#""ab""#, &(1..3)), None);
        assert_eq!(raw_range("12", &(0..1)), None);
    }

    proptest::proptest! {
        #[test]
        fn any_string_maps_back_character_by_character(text in "\\PC{0,12}[\t\n\"\\\\é😀]{0,4}\\PC{0,4}") {
            let literal = toml::Value::String(text.clone()).to_string();
            for (i, c) in text.char_indices() {
                let raw = raw_range(&literal, &(i..i + c.len_utf8())).unwrap();
                let spelled = &literal[raw];
                proptest::prop_assert!(spelled.contains(c) || spelled.starts_with('\\'), "{spelled:?} {c:?}");
            }
        }
    }
}
