//! The outline of a document too large to hold: its members, and where its largest array can
//! be cut.

use super::brackets::Brackets;
use std::ops::Range;

/// Where an array can be cut: after an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Position of the comma or bracket after the element, in bytes of the document.
    pub(super) at: u64,
    /// Elements before it.
    pub(super) elements: u64,
}

/// A member of the document.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    /// Position of its text.
    pub(super) at: u64,
    /// Its text, key and value; of an array with more than one slice only up to its bracket.
    pub(super) text: Vec<u8>,
    /// For an array: the length of `text` up to and with its bracket.
    pub(super) head_bytes: usize,
    /// For an array: the position of its first element.
    pub(super) elements_at: u64,
    /// For an array: where it can be cut, its end last.
    pub(super) cuts: Vec<Cut>,
    /// The elements' text is not there.
    pub(super) cut_short: bool,
}

impl Member {
    /// Length of the elements' text.
    pub(super) fn elements_bytes(&self) -> u64 {
        self.cuts.last().map_or(0, |end| end.at - self.elements_at)
    }

    /// For an array: the position after it.
    pub(super) fn end(&self) -> u64 {
        self.cuts.last().map_or(self.elements_at, |end| end.at + 1)
    }

    /// Gives up the elements' text and its memory, which would be held until all slices are read.
    pub(super) fn forget_elements(&mut self) {
        self.text.truncate(self.head_bytes);
        self.text.shrink_to_fit();
        self.cut_short = true;
    }

    /// The raw text of the key, without quotes.
    pub(super) fn key(&self) -> &[u8] {
        let text = self.text.trim_ascii_start().strip_prefix(b"\"").unwrap_or_default();
        let mut end = 0;
        while end < text.len() && text[end] != b'"' {
            end += 1 + usize::from(text[end] == b'\\');
        }
        &text[..end.min(text.len())]
    }
}

/// What keeps an outline from being complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Without its largest array the document still exceeds the limit.
    TooLong,
    /// So many bytes into it, the wrong bracket closes the document or an array of it, or
    /// something follows the array.
    Malformed(u64),
}

/// Reads a document in pieces, outlining it.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// The members so far, the last one in progress.
    pub(super) members: Vec<Member>,
    brackets: Brackets,
    /// Position of the piece at hand.
    before: u64,
    /// Whether the value of the member at hand is an array, being read.
    in_array: bool,
    elements: u64,
    /// Position of the last cut or of the array's start.
    slice_start: u64,
    slice_bytes: u64,
    most_bytes: u64,
    /// Length of all members.
    bytes: u64,
    /// Length of the elements of the array at hand, and of the largest one.
    array_bytes: u64,
    largest_bytes: u64,
}

impl Outline {
    /// Slices have at least `slice_bytes`; without its largest array the document has at most
    /// `most_bytes`.
    pub(super) fn new(slice_bytes: usize, most_bytes: usize) -> Self {
        let (slice_bytes, most_bytes) = (slice_bytes as u64, most_bytes as u64);
        Self { slice_bytes, most_bytes, ..Self::default() }
    }

    /// Reads on; gives the document's length once it ends. Brackets further inside are not
    /// checked: decoding the slices will tell.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<Option<u64>, Obstacle> {
        let mut at = 0;
        let mut copied = 0;
        while let Some((found, byte)) = self.brackets.next(piece, at) {
            at = found + 1;
            let outer = self.brackets.depth();
            let closes = self.brackets.step(byte);
            let position = self.before + found as u64;
            match (outer, byte) {
                (0, _) => {
                    copied = at;
                    self.members.push(Member::default());
                }
                (1, b',' | b'}' | b']') => {
                    self.keep(piece, copied..found)?;
                    copied = at;
                    if byte == b']' {
                        return Err(Obstacle::Malformed(position));
                    }
                    if closes {
                        return Ok(Some(position + 1));
                    }
                    self.members.push(Member::default());
                }
                (1, b'[') => {
                    self.keep(piece, copied..at)?;
                    copied = at;
                    self.start_array(position + 1);
                }
                (2, b',') if self.in_array => {
                    self.elements += 1;
                    if position - self.slice_start >= self.slice_bytes {
                        self.cut(position);
                    }
                }
                (2, b']' | b'}') if self.in_array => {
                    self.keep(piece, copied..at)?;
                    if byte == b'}' {
                        return Err(Obstacle::Malformed(position));
                    }
                    copied = at;
                    self.elements += 1;
                    self.cut(position);
                    self.in_array = false;
                }
                _ => {}
            }
        }
        self.keep(piece, copied..piece.len())?;
        self.before += piece.len() as u64;
        Ok(None)
    }

    fn start_array(&mut self, position: u64) {
        self.in_array = true;
        self.elements = 0;
        self.array_bytes = 0;
        self.slice_start = position;
        if let Some(member) = self.members.last_mut() {
            member.head_bytes = member.text.len();
            member.elements_at = position;
        }
    }

    fn cut(&mut self, at: u64) {
        self.slice_start = at + 1;
        if let Some(member) = self.members.last_mut() {
            member.cuts.push(Cut { at, elements: self.elements });
        }
    }

    /// Keeps text of the member at hand, but not that of an array that may be sliced.
    fn keep(&mut self, piece: &[u8], range: Range<usize>) -> Result<(), Obstacle> {
        let (start, text) = (self.before + range.start as u64, &piece[range]);
        let Some(member) = self.members.last_mut() else { return Ok(()) };
        if !member.cuts.is_empty() && !self.in_array {
            // Nothing follows an array but the end of its member.
            let stray = text.iter().position(|byte| !byte.is_ascii_whitespace());
            return stray.map_or(Ok(()), |at| Err(Obstacle::Malformed(start + at as u64)));
        }
        self.bytes += text.len() as u64;
        if self.in_array {
            self.array_bytes += text.len() as u64;
            self.largest_bytes = self.largest_bytes.max(self.array_bytes);
        }
        // Never falls, whatever follows.
        if self.bytes - self.largest_bytes > self.most_bytes {
            return Err(Obstacle::TooLong);
        }
        if member.cut_short {
            return Ok(());
        }
        if self.in_array && self.array_bytes > self.slice_bytes {
            member.forget_elements();
            return Ok(());
        }
        if member.text.is_empty() {
            member.at = start;
        }
        member.text.extend_from_slice(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_cuts_are_found_whatever_the_pieces() {
        let text = br#"{"a":1, "R\"x" : [ {"k":[1,2]} , "]," ,3 ],"b":{"c":[1]},"e":[]} {"#;
        for step in 1..=text.len() {
            let mut outline = Outline::new(8, 1000);
            let end = text.chunks(step).find_map(|piece| outline.read(piece).unwrap());
            assert_eq!(end, Some(text.len() as u64 - 2));
            let texts: Vec<_> =
                outline.members.iter().map(|m| std::str::from_utf8(&m.text).unwrap()).collect();
            let expected = ["\"a\":1", " \"R\\\"x\" : [", "\"b\":{\"c\":[1]}", "\"e\":[]"];
            assert_eq!(texts, expected, "pieces of {step}");
            let array = &outline.members[1];
            assert_eq!(array.key(), b"R\\\"x");
            assert_eq!((array.cut_short, array.head_bytes), (true, array.text.len()));
            let whole = &text[array.at as usize..array.end() as usize];
            assert_eq!(whole, br#" "R\"x" : [ {"k":[1,2]} , "]," ,3 ]"#);
            let cuts: Vec<_> = array.cuts.iter().map(|cut| cut.elements).collect();
            assert_eq!(cuts, [1, 3]);
            assert_eq!(text[array.cuts[0].at as usize], b',');
            assert_eq!(text[array.cuts[1].at as usize], b']');
        }
    }

    #[test]
    fn one_array_may_outgrow_the_limit() {
        let mut outline = Outline::new(4, 20);
        let text = br#"{"a":1,"R":[1,2,3,4,5,6,7,8,9,10,11,12],"b":2}"#;
        assert_eq!(outline.read(text), Ok(Some(text.len() as u64)));
        assert!(outline.members[1].cut_short);
        assert_eq!(outline.members[1].text, b"\"R\":[");
        assert_eq!(outline.members[2].text, b"\"b\":2");
        let mut outline = Outline::new(4, 20);
        assert_eq!(Outline::new(4, 20).read(br#"{"R":[1,2}}"#), Err(Obstacle::Malformed(9)));
        assert_eq!(Outline::new(4, 20).read(br#"{"a":1]"#), Err(Obstacle::Malformed(6)));
        assert_eq!(Outline::new(4, 20).read(br#"{"R":[1] "b":2}"#), Err(Obstacle::Malformed(9)));
        assert_eq!(outline.read(br#"{"a":"a long text that is no array"#), Err(Obstacle::TooLong));
    }
}
