//! Where a value ends, told by brackets and quotes alone, in pieces of any size.

use super::scan::plain_end;

/// Follows the brackets of a value. What is between them is not checked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brackets {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    /// Reads on until the first bracket opened is closed; gives the position after it.
    pub(super) fn close(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some((structural, byte)) = self.next(piece, at) {
            at = structural + 1;
            if self.step(byte) && self.depth == 0 {
                return Some(at);
            }
        }
        None
    }

    /// How many brackets are open.
    pub(super) fn depth(&self) -> u64 {
        self.depth
    }

    /// The next byte outside strings that is a bracket, comma or quote, from `at` on.
    pub(super) fn next(&mut self, piece: &[u8], mut at: usize) -> Option<(usize, u8)> {
        if self.in_string {
            at = self.string_end(piece, at)?;
        }
        while let Some(byte) = piece.get(at) {
            match byte {
                b'{' | b'}' | b'[' | b']' | b',' => return Some((at, *byte)),
                b'"' => {
                    self.in_string = true;
                    at = self.string_end(piece, at + 1)?;
                }
                _ => at += 1,
            }
        }
        None
    }

    /// Goes over a byte that [`next`](Self::next) gave; says whether it was a closing bracket.
    pub(super) fn step(&mut self, byte: u8) -> bool {
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return true;
            }
            _ => {}
        }
        false
    }

    /// The position after the string at hand, if it ends in this piece.
    fn string_end(&mut self, piece: &[u8], mut at: usize) -> Option<usize> {
        if self.escaped && at < piece.len() {
            self.escaped = false;
            at += 1;
        }
        loop {
            at = plain_end(piece, at);
            match piece.get(at)? {
                b'"' => {
                    self.in_string = false;
                    return Some(at + 1);
                }
                b'\\' if at + 1 == piece.len() => {
                    self.escaped = true;
                    return None;
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_at_the_same_place_whatever_the_pieces() {
        let text =
            br#"{"a":[1,"}\"]\\",{"b":"\\\""}],"c":{},"d":"longer than 16 \" bytes,	a tab}\\"} {"#;
        for step in 1..=text.len() {
            let mut brackets = Brackets::default();
            let mut before = 0;
            let end = text.chunks(step).find_map(|piece| {
                let end = brackets.close(piece).map(|end| before + end);
                before += piece.len();
                end
            });
            assert_eq!(end, Some(text.len() - 2), "pieces of {step}");
        }
    }
}
