//! Names of files as text, whatever bytes they have.
//!
//! Paths of a store are text; on Unix a name is any bytes but NUL and `/`. A byte that belongs
//! to no UTF-8 character becomes the replacement character, NUL, which no name has, and two
//! lower-case hex digits: every name has one text and every text one name at most, and the text
//! sorts after ASCII, as the byte does.
//!
//! | name | text |
//! |---|---|
//! | `café.json` in UTF-8 | `café.json` |
//! | `caf\xE9.json`, as Latin-1 has it | `caf\u{fffd}\0e9.json` |

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    fmt::Write,
    os::unix::ffi::{OsStrExt, OsStringExt},
};

/// What stands before the digits of a byte.
const ESCAPE: &str = "\u{fffd}\0";

/// The text of a name, or of a path.
pub fn as_text(name: &OsStr) -> Cow<'_, str> {
    if let Some(text) = name.to_str() {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(name.len() + 2);
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "{ESCAPE}{byte:02x}");
        }
    }
    Cow::Owned(text)
}

/// The name, or path, that has this text; `None` when there is none.
pub fn of_text(text: &str) -> Option<Cow<'_, OsStr>> {
    if !text.contains('\0') {
        return Some(Cow::Borrowed(OsStr::new(text)));
    }
    let mut parts = text.split(ESCAPE);
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    let name = OsString::from_vec(bytes);
    // Other texts would name the same file a second time, or none.
    let is_one = !name.as_bytes().contains(&0) && as_text(&name) == text;
    is_one.then_some(Cow::Owned(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_that_are_no_characters_are_escaped_and_others_stay() {
        let text = |bytes: &'static [u8]| as_text(OsStr::from_bytes(bytes));
        assert_eq!(text("café.json".as_bytes()), "café.json");
        assert_eq!(text(b"caf\xe9.json"), "caf\u{fffd}\0e9.json");
        let [f0, x9f, x98, ff] = ["f0", "9f", "98", "ff"].map(|byte| format!("{ESCAPE}{byte}"));
        assert_eq!(text(b"\xf0\x9f\x98/\xff"), format!("{f0}{x9f}{x98}/{ff}"));
        assert_eq!(text("\u{fffd}e9".as_bytes()), "\u{fffd}e9");
    }

    #[test]
    fn texts_that_no_name_has_name_nothing() {
        for text in ["a#", "a#f", "a#fg", "a#FF", "a#+f", "a#41", "#c3#a9", "a#2f", "a#00"] {
            assert_eq!(of_text(&text.replace('#', ESCAPE)), None, "{text}");
            assert_eq!(of_text(&text.replace('#', "\0")), None, "{text}");
        }
    }

    #[test]
    fn texts_of_bytes_beyond_ascii_sort_after_ascii() {
        let text = |bytes: &'static [u8]| as_text(OsStr::from_bytes(bytes)).into_owned();
        assert!(text(b"b.json") < text(b"b\xe9.json") && text(b"z") < text(b"\xe9a.json"));
        assert!(text(b"\x80") < text(b"\x81"));
    }

    proptest! {
        #[test]
        fn every_name_comes_back(bytes in prop::collection::vec(1..=255_u8, 0..20)) {
            let name = OsString::from_vec(bytes);
            let text = as_text(&name).into_owned();
            prop_assert_eq!(of_text(&text), Some(Cow::Owned(name)));
        }
    }
}
