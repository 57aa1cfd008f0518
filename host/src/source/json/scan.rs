//! Bytes of JSON text: white space, strings, and values that are skipped but checked.
//!
//! Positions go in and come back by value, so that they stay in registers. A position at or
//! beyond the end of the text reads as byte 0, which no JSON token contains.

use super::failure::{Context, Decoded};

/// The byte at a position, 0 beyond the end.
#[inline]
pub(super) fn byte_at(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The 16 bytes at a position, unless the text ends before.
#[inline]
fn chunk_at(text: &[u8], at: usize) -> Option<&[u8; 16]> {
    text.get(at..).and_then(<[u8]>::first_chunk)
}

/// The first position from `at` on that holds no white space.
#[inline]
pub(super) fn skip_space(text: &[u8], at: usize) -> usize {
    if byte_at(text, at) > b' ' { at } else { skip_space_run(text, at) }
}

fn skip_space_run(text: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = chunk_at(text, at) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        match chunk.iter().position(|byte| !space(byte)) {
            Some(length) => return at + length,
            None => at += 16,
        }
    }
    while matches!(byte_at(text, at), b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

/// Marks the bytes that end a run of plain string content: quote, backslash, control bytes.
/// Bit i stands for byte i.
#[cfg(target_arch = "x86_64")]
#[inline]
fn special_bytes(chunk: &[u8; 16]) -> u32 {
    // SAFETY: every x86_64 processor has SSE2: it is part of the architecture.
    unsafe { special_bytes_sse2(chunk) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn special_bytes_sse2(chunk: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
        _mm_set1_epi8,
    };
    let (low, high) = chunk.split_at(8);
    let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
    let bytes = _mm_set_epi64x(word(high), word(low));
    let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x22));
    let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x5c));
    _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))).cast_unsigned()
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn special_bytes(chunk: &[u8; 16]) -> u32 {
    portable_special_bytes(chunk)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable_special_bytes(chunk: &[u8; 16]) -> u32 {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    chunk.iter().rev().fold(0, |mask, byte| mask << 1 | u32::from(special(*byte)))
}

/// The first position from `at` on that ends a run of plain string content, or the text's end.
#[inline]
pub(super) fn plain_end(text: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = chunk_at(text, at) {
        let special = special_bytes(chunk);
        if special != 0 {
            return at + special.trailing_zeros() as usize;
        }
        at += 16;
    }
    while at < text.len() && !matches!(text[at], 0..=0x1f | b'"' | b'\\') {
        at += 1;
    }
    at.min(text.len())
}

/// Appends plain string content from `at` on to `out`, and gives where it ends.
#[inline]
pub(super) fn copy_plain(text: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    while let Some(chunk) = chunk_at(text, at) {
        let special = special_bytes(chunk);
        out.extend_from_slice(chunk);
        if special != 0 {
            let length = special.trailing_zeros() as usize;
            out.truncate(out.len() - 16 + length);
            return at + length;
        }
        at += 16;
    }
    let end = plain_end(text, at);
    out.extend_from_slice(text.get(at..end).unwrap_or_default());
    end
}

impl Context {
    /// Skips a string, the opening quote at `at`; gives the position after the closing one.
    #[inline]
    pub(super) fn skip_string(&mut self, text: &[u8], at: usize) -> Decoded {
        let end = plain_end(text, at + 1);
        if byte_at(text, end) == b'"' { Ok(end + 1) } else { self.skip_escapes(text, end) }
    }

    #[cold]
    fn skip_escapes(&mut self, text: &[u8], mut at: usize) -> Decoded {
        loop {
            at = match byte_at(text, at) {
                b'"' => return Ok(at + 1),
                b'\\' => match byte_at(text, at + 1) {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at + 2,
                    b'u' => {
                        self.hex(text, at + 2)?;
                        at + 6
                    }
                    _ => return Err(self.malformed(text, at + 1, "an escape sequence")),
                },
                _ => return Err(self.malformed(text, at, "the closing quote of a string")),
            };
            at = plain_end(text, at);
        }
    }

    fn hex(&mut self, text: &[u8], at: usize) -> Result<u32, super::failure::Failed> {
        let mut unit = 0;
        for i in at..at + 4 {
            let digit = char::from(byte_at(text, i)).to_digit(16);
            unit = unit << 4 | digit.ok_or_else(|| self.malformed(text, i, "four hex digits"))?;
        }
        Ok(unit)
    }

    /// Appends the content of a string, escapes resolved, to `out`. The opening quote is at
    /// `at`; gives the position after the closing one.
    #[inline]
    pub(super) fn read_string(&mut self, text: &[u8], at: usize, out: &mut Vec<u8>) -> Decoded {
        let end = copy_plain(text, at + 1, out);
        if byte_at(text, end) == b'"' { Ok(end + 1) } else { self.read_escapes(text, end, out) }
    }

    #[cold]
    fn read_escapes(&mut self, text: &[u8], mut at: usize, out: &mut Vec<u8>) -> Decoded {
        loop {
            match byte_at(text, at) {
                b'"' => return Ok(at + 1),
                b'\\' => {}
                _ => return Err(self.malformed(text, at, "the closing quote of a string")),
            }
            let plain = match byte_at(text, at + 1) {
                byte @ (b'"' | b'\\' | b'/') => byte,
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'u' => {
                    at = self.read_unicode(text, at, out)?;
                    at = copy_plain(text, at, out);
                    continue;
                }
                _ => return Err(self.malformed(text, at + 1, "an escape sequence")),
            };
            out.push(plain);
            at = copy_plain(text, at + 2, out);
        }
    }

    /// One `\uXXXX`, or two that make a surrogate pair.
    fn read_unicode(&mut self, text: &[u8], at: usize, out: &mut Vec<u8>) -> Decoded {
        let first = self.hex(text, at + 2)?;
        let mut next = at + 6;
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) {
            let pair = "the second half of a surrogate pair";
            for (i, expected) in [b'\\', b'u'].into_iter().enumerate() {
                if byte_at(text, next + i) != expected {
                    return Err(self.malformed(text, next + i, pair));
                }
            }
            let second = self.hex(text, next + 2)?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.malformed(text, next, pair));
            }
            code = 0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00));
            next += 6;
        }
        let Some(character) = char::from_u32(code) else {
            return Err(self.malformed(text, at, "the first half of a surrogate pair"));
        };
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(next)
    }

    /// Checks a literal such as `true`; gives the position after it.
    #[inline]
    pub(super) fn literal(&mut self, text: &[u8], at: usize, word: &'static [u8]) -> Decoded {
        if text.get(at..).is_some_and(|rest| rest.starts_with(word)) {
            return Ok(at + word.len());
        }
        let same = word.iter().enumerate().take_while(|(i, byte)| byte_at(text, at + i) == **byte);
        let mismatch = at + same.count();
        Err(self.malformed(text, mismatch, "a value"))
    }

    /// The position after a number, whose grammar is checked; it may touch the text's end.
    pub(super) fn skip_number(&mut self, text: &[u8], mut at: usize) -> Decoded {
        let digits = |mut at: usize| {
            while byte_at(text, at).is_ascii_digit() {
                at += 1;
            }
            at
        };
        at += usize::from(byte_at(text, at) == b'-');
        let whole = at;
        at = if byte_at(text, at) == b'0' { at + 1 } else { digits(at) };
        if at == whole {
            return Err(self.malformed(text, at, "a digit"));
        }
        if byte_at(text, at) == b'.' {
            let fraction = at + 1;
            at = digits(fraction);
            if at == fraction {
                return Err(self.malformed(text, at, "a digit"));
            }
        }
        if matches!(byte_at(text, at), b'e' | b'E') {
            at += 1 + usize::from(matches!(byte_at(text, at + 1), b'+' | b'-'));
            let exponent = at;
            at = digits(exponent);
            if at == exponent {
                return Err(self.malformed(text, at, "a digit"));
            }
        }
        Ok(at)
    }

    /// Skips any value, `depth` containers deep already, and checks its grammar without
    /// recursion; gives the position after it.
    pub(super) fn skip_value(&mut self, text: &[u8], mut at: usize, depth: u32) -> Decoded {
        let mut open = std::mem::take(&mut self.open);
        open.clear();
        let end = loop {
            let step = match byte_at(text, at) {
                b'"' => self.skip_string(text, at),
                opening @ (b'{' | b'[') => {
                    // `{` and `}`, `[` and `]` are two apart in ASCII.
                    let closing = opening + 2;
                    if depth as usize + open.len() >= self.max_depth as usize {
                        break Err(self.too_deep(at));
                    }
                    at = skip_space(text, at + 1);
                    if byte_at(text, at) == closing {
                        Ok(at + 1)
                    } else {
                        open.push(closing);
                        if opening == b'[' {
                            continue;
                        }
                        match self.skip_key(text, at) {
                            Ok(value) => {
                                at = value;
                                continue;
                            }
                            failed => failed,
                        }
                    }
                }
                b't' => self.literal(text, at, b"true"),
                b'f' => self.literal(text, at, b"false"),
                b'n' => self.literal(text, at, b"null"),
                b'-' | b'0'..=b'9' => self.skip_number(text, at),
                _ => Err(self.malformed(text, at, "a value")),
            };
            match step.and_then(|after| self.skip_closings(text, after, &mut open)) {
                Ok(next) if !open.is_empty() => at = next,
                done => break done,
            }
        };
        self.open = open;
        end
    }

    /// After a value inside the containers `open`: leaves those that end, and gives where the
    /// next value starts.
    #[inline]
    fn skip_closings(&mut self, text: &[u8], mut at: usize, open: &mut Vec<u8>) -> Decoded {
        while let Some(closing) = open.last().copied() {
            at = skip_space(text, at);
            let byte = byte_at(text, at);
            if byte == closing {
                open.pop();
                at += 1;
            } else if byte != b',' {
                return Err(self.malformed(text, at, "`,` or a closing bracket"));
            } else if closing == b']' {
                return Ok(skip_space(text, at + 1));
            } else {
                let key = skip_space(text, at + 1);
                return self.skip_key(text, key);
            }
        }
        Ok(at)
    }

    /// Skips a key and its colon; gives where the value starts.
    fn skip_key(&mut self, text: &[u8], at: usize) -> Decoded {
        if byte_at(text, at) != b'"' {
            return Err(self.malformed(text, at, "a key in quotes"));
        }
        let after = self.skip_string(text, at)?;
        self.colon(text, after)
    }

    /// Skips the colon after a key; gives where the value starts.
    #[inline]
    pub(super) fn colon(&mut self, text: &[u8], at: usize) -> Decoded {
        let at = skip_space(text, at);
        if byte_at(text, at) != b':' {
            return Err(self.malformed(text, at, "`:` after a key"));
        }
        Ok(skip_space(text, at + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn context() -> Context {
        Context::new(&crate::source::fixture::plan())
    }

    #[test]
    fn every_byte_is_classified_alike_on_every_machine() {
        for byte in 0..=255_u8 {
            let chunk: [u8; 16] = std::array::from_fn(|i| if i % 3 == 1 { byte } else { b'a' });
            assert_eq!(special_bytes(&chunk), portable_special_bytes(&chunk), "{byte}");
        }
    }

    #[test]
    fn escapes_become_characters() {
        let mut out = Vec::new();
        let text = br#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 plain text that is long enough" "#;
        let end = context().read_string(text, 0, &mut out).ok();
        assert_eq!(end, Some(text.len() - 1));
        let expected = "a\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600} plain text that is long enough";
        assert_eq!(std::str::from_utf8(&out), Ok(expected));
    }

    #[test]
    fn broken_escapes_are_refused() {
        for text in [r#""\x""#, r#""\u12g4""#, r#""\ud800""#, r#""\udc00""#, r#""\ud800\u0041""#] {
            assert!(context().read_string(text.as_bytes(), 0, &mut Vec::new()).is_err(), "{text}");
        }
        assert!(context().skip_string(b"\"a\nb\"", 0).is_err());
    }

    proptest! {
        #[test]
        fn skipping_agrees_with_serde_json(text in r#"[\[\]{},: "a1.e\-tn\\]{0,12}"#) {
            let text = text.trim();
            let skipped = context().skip_value(text.as_bytes(), 0, 0).is_ok_and(|end| end == text.len());
            let parsed = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            prop_assert_eq!(skipped, parsed);
        }

        #[test]
        fn strings_read_as_serde_json_reads_them(value in ".*", pad in 0..20_usize) {
            let mut text = " ".repeat(pad);
            text.push_str(&serde_json::to_string(&value).unwrap());
            let mut out = Vec::new();
            let end = context().read_string(text.as_bytes(), pad, &mut out).ok();
            prop_assert_eq!(end, Some(text.len()));
            prop_assert_eq!(std::str::from_utf8(&out), Ok(value.as_str()));
        }
    }
}
