//! Files of lines: one record per line. Whatever is wrong with a line ends with it.

use super::{
    documents::not_an_object,
    failure::{Failed, Failure},
    scan::{byte_at, skip_space},
    unit::{Unit, goes_on},
};
use crate::diagnostic::Result;

/// What is said of a line that ends within a record.
pub(in crate::source) const OPEN_LINE: &str = "the line ends before the record does";

/// Why a line is rejected as a whole.
enum Refusal {
    Failed(Failure),
    NotAnObject,
}

impl Unit<'_> {
    /// Reads the file from here on as lines.
    pub(super) fn lines(&mut self) -> Result<()> {
        let mut searched = 0;
        loop {
            let (start, text) = (self.window.at, self.window.text());
            let newline = memchr::memchr(b'\n', &text[start + searched..]);
            if let Some(length) = newline {
                let end = start + searched + length;
                if self.spans_lines(start, end)? {
                    return self.documents();
                }
                let end = self.window.at + (end - start);
                let blank = self.window.text()[self.window.at..end].trim_ascii().is_empty();
                if blank {
                    self.pass_over(end + 1 - self.window.at)?;
                } else {
                    self.line(self.window.at, end);
                }
                self.window.at = end + 1;
                searched = 0;
            } else if text.len() - start > self.max_record_bytes {
                let newline = |piece: &[u8]| memchr::memchr(b'\n', piece);
                let lost = self.pass_until(newline)?;
                let (code, message) = self.too_long();
                self.reject(code, message, &lost);
                searched = 0;
            } else if self.window.ended {
                let end = text.len();
                self.line(start, end);
                self.window.at = end;
                break;
            } else {
                searched = text.len() - start;
                self.fill()?;
            }
            self.cut()?;
        }
        Ok(())
    }

    /// Whether the line starts a document that spans lines: it ends open, and no record
    /// starts on the next one.
    fn spans_lines(&mut self, start: usize, end: usize) -> Result<bool> {
        if end - start > self.max_record_bytes || !goes_on(&self.window.text()[start..end]) {
            return Ok(false);
        }
        let mut next = end - start;
        loop {
            let text = &self.window.text()[self.window.at..];
            next = skip_space(text, next);
            if next - (end - start) > self.max_record_bytes {
                return Ok(false);
            }
            if next < text.len() || self.window.ended {
                return Ok(matches!(byte_at(text, next), b'"' | b'}' | b']'));
            }
            self.fill()?;
        }
    }

    /// Reads one line: all of it or nothing.
    fn line(&mut self, start: usize, end: usize) {
        let blank = self.window.text()[start..end].trim_ascii().is_empty();
        if blank {
            return;
        }
        let mark = self.rows.mark();
        let taken = self.stats;
        let refusal = if end - start > self.max_record_bytes {
            self.too_long()
        } else {
            match self.records(start, end) {
                Ok(()) => return,
                Err(Refusal::Failed(failure)) => self.explain_line(&failure, end),
                Err(Refusal::NotAnObject) => not_an_object(),
            }
        };
        self.rows.undo(mark);
        self.stats = taken;
        self.reject_range(refusal.0, refusal.1, start, end);
    }

    /// Only the last line can end because the file does, and stand for what may follow one day.
    fn explain_line(&mut self, failure: &Failure, end: usize) -> (&'static str, String) {
        if *failure == Failure::Incomplete && end < self.window.text().len() {
            return ("malformed-json", OPEN_LINE.into());
        }
        self.explain(failure)
    }

    /// The records of a line: objects, or arrays of objects.
    fn records(&mut self, start: usize, end: usize) -> Result<(), Refusal> {
        let mut at = start;
        let mut in_array = false;
        loop {
            let line = &self.window.text()[..end];
            at = skip_space(line, at);
            if at >= end {
                let whole =
                    if in_array { Err(Refusal::Failed(Failure::Incomplete)) } else { Ok(()) };
                return whole;
            }
            let decoded = match byte_at(line, at) {
                b'{' => self.rows.decode(line, at),
                b'[' if !in_array => {
                    at = skip_space(line, at + 1);
                    in_array = byte_at(line, at) != b']';
                    at += usize::from(!in_array);
                    continue;
                }
                _ => match self.rows.cx.skip_value(line, at, 0) {
                    Ok(_) => return Err(Refusal::NotAnObject),
                    failed => failed,
                },
            };
            let Ok(after) = decoded else {
                return Err(Refusal::Failed(self.rows.failure()));
            };
            self.accept(at, after);
            at = after;
            if in_array {
                let line = &self.window.text()[..end];
                match self.rows.cx.next_or_close(line, at, b']') {
                    Ok((next, more)) => (at, in_array) = (next, more),
                    Err(Failed) => return Err(Refusal::Failed(self.rows.failure())),
                }
            }
        }
    }
}
