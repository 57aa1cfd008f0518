//! Files of documents: objects one after the other, pretty-printed or not, and top-level
//! arrays, whose elements are records.
//!
//! A record that is not JSON takes the rest of its file with it: nothing says where the next
//! one starts. One that is too deep or too long ends where its brackets close.

use super::{
    brackets::Brackets,
    failure::{Decoded, Failure},
    rows::Rows,
    scan::{byte_at, skip_space},
    unit::{Flow, Unit},
};
use crate::diagnostic::Result;

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A document.
    Top,
    /// The first element of a top-level array, or its end.
    First,
    /// An element.
    Element,
    /// A comma, or the end of the array.
    AfterElement,
}

/// How an attempt at a value ended.
enum Attempt {
    /// It ends here.
    Read(usize),
    /// It is an object too large to be decoded in one piece.
    Giant,
    /// It was rejected.
    Rejected(Flow),
}

impl Unit<'_> {
    /// Reads the file from here on as documents.
    pub(super) fn documents(&mut self) -> Result<()> {
        let mut place = Place::Top;
        while let Some(byte) = self.visible()? {
            let flow = match (place, byte) {
                (Place::Top, b'[')
                | (Place::AfterElement, b',')
                | (Place::First | Place::AfterElement, b']') => {
                    self.window.at += 1;
                    self.pass_over(1)?;
                    place = match byte {
                        b'[' => Place::First,
                        b',' => Place::Element,
                        _ => Place::Top,
                    };
                    continue;
                }
                (Place::AfterElement, _) => {
                    // The whole character is shown, however the text arrives.
                    self.fill_to(4)?;
                    let failure = Failure::Malformed(self.window.at, "`,` or `]` after an element");
                    let (code, message) = self.explain(&failure);
                    self.reject_rest(code, message)?;
                    Flow::Break(())
                }
                (_, b'{') => self.record(place == Place::Top)?,
                _ => self.stray()?,
            };
            if flow.is_break() {
                return Ok(());
            }
            if place != Place::Top {
                place = Place::AfterElement;
            }
            self.cut()?;
        }
        if place != Place::Top {
            let (code, message) = self.explain(&Failure::Incomplete);
            self.reject_rest(code, message)?;
        }
        Ok(())
    }

    /// The next byte that is no white space, not consumed.
    fn visible(&mut self) -> Result<Option<u8>> {
        loop {
            let at = skip_space(self.window.text(), self.window.at);
            let space = at - self.window.at;
            self.window.at = at;
            self.pass_over(space)?;
            if at < self.window.text().len() {
                return Ok(Some(byte_at(self.window.text(), at)));
            }
            if self.window.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Reads an object.
    fn record(&mut self, top: bool) -> Result<Flow> {
        let decode = |rows: &mut Rows, text: &[u8], at| rows.decode(text, at);
        let mut sliceable = top;
        loop {
            match self.attempt(sliceable, decode)? {
                Attempt::Read(end) => {
                    let start = self.window.at;
                    self.accept(start, end);
                    self.window.at = end;
                    return Ok(Flow::Continue(()));
                }
                Attempt::Giant => match self.giant()? {
                    Some(flow) => return Ok(flow),
                    None => sliceable = false,
                },
                Attempt::Rejected(flow) => return Ok(flow),
            }
        }
    }

    /// Reads a value that is no object.
    fn stray(&mut self) -> Result<Flow> {
        let skip = |rows: &mut Rows, text: &[u8], at| rows.cx.skip_value(text, at, 0);
        match self.attempt(false, skip)? {
            Attempt::Read(end) => {
                let start = self.window.at;
                let (code, message) = not_an_object();
                self.reject_range(code, message, start, end);
                self.window.at = end;
                Ok(Flow::Continue(()))
            }
            Attempt::Giant => Ok(Flow::Continue(())),
            Attempt::Rejected(flow) => Ok(flow),
        }
    }

    /// Decodes the value at hand, reading on while it is incomplete. The text it may take is
    /// limited by length, not by what happens to be in the buffer, so that the outcome
    /// depends on the file alone.
    fn attempt(
        &mut self,
        sliceable: bool,
        decode: impl Fn(&mut Rows, &[u8], usize) -> Decoded,
    ) -> Result<Attempt> {
        let longest = self.max_record_bytes + 1;
        let most = if sliceable { self.cuts.slice_at.min(longest) } else { longest };
        loop {
            let start = self.window.at;
            let text = self.window.text();
            let limited = &text[..text.len().min(start + most)];
            let have = limited.len() - start;
            let at_limit = have == most || self.window.ended;
            let decoded = decode(self.rows, limited, start);
            let failure = match decoded {
                // Only a bare number can touch the end and still go on.
                Ok(end) if end < limited.len() || at_limit || limited[end - 1] == b'}' => {
                    return Ok(Attempt::Read(end));
                }
                Ok(_) => {
                    self.rows.undo(self.rows.mark());
                    Failure::Incomplete
                }
                Err(_) => self.rows.failure(),
            };
            match failure {
                Failure::Incomplete if !at_limit => self.fill_to(have * 2)?,
                Failure::Incomplete if have == most && sliceable => return Ok(Attempt::Giant),
                Failure::Incomplete if have == most => {
                    let (code, message) = self.too_long();
                    return self.reject_framed(code, message).map(Attempt::Rejected);
                }
                Failure::TooDeep(_) => {
                    let (code, message) = self.explain(&failure);
                    return self.reject_framed(code, message).map(Attempt::Rejected);
                }
                Failure::Incomplete | Failure::Malformed(..) => {
                    let (code, message) = self.explain(&failure);
                    self.reject_rest(code, message)?;
                    return Ok(Attempt::Rejected(Flow::Break(())));
                }
            }
        }
    }

    /// Rejects the value at hand up to where its brackets close, or the rest of the file.
    pub(super) fn reject_framed(&mut self, code: &'static str, message: String) -> Result<Flow> {
        let mut brackets = Brackets::default();
        let mut closed = false;
        let lost = self.pass_until(|piece| {
            let end = brackets.close(piece);
            closed |= end.is_some();
            end
        })?;
        self.reject(code, message, &lost);
        Ok(if closed { Flow::Continue(()) } else { Flow::Break(()) })
    }
}

pub(super) fn not_an_object() -> (&'static str, String) {
    ("not-an-object", "a record is a JSON object".into())
}
