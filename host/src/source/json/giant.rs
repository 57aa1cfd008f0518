//! Documents too large to hold: one giant array at the top, delivered in slices.
//!
//! ```text
//! {"a":1,"Records":[e0,e1,e2,...,en],"b":2}
//!   -> {"a":1,"Records":[e0,e1],"b":2}      slice ("Records", 0)
//!      {"a":1,"Records":[e2,...],"b":2}     slice ("Records", 2)  ...
//! ```
//!
//! The document is read twice: a first pass outlines it (its members, and where its largest
//! array can be cut), the second one reads slice by slice. So every slice has all other
//! members, also those after the array, and memory holds one slice. Other arrays of more than a
//! slice are fetched in between: until the document ends, any may be the largest.

use super::{
    failure::Failure,
    input::Input,
    outline::{Member, Obstacle, Outline},
    unit::{Flow, Lost, Unit},
    window::Window,
};
use crate::{diagnostic::Result, source::Origin};
use std::sync::Arc;

/// How a first pass over a document ended.
enum Pass {
    /// It ends after so many bytes.
    Whole(Outline, u64),
    Blocked(Obstacle),
    /// The file ends before.
    Truncated,
}

impl Unit<'_> {
    /// Reads the document at hand in slices. `None`: there is nothing to slice, it is to be
    /// read in one piece.
    pub(super) fn giant(&mut self) -> Result<Option<Flow>> {
        let (outline, length) = match self.outline()? {
            Pass::Whole(outline, length) => (outline, length),
            Pass::Blocked(Obstacle::Malformed(bytes)) => {
                let offset = self.window.offset_of(self.window.at) + bytes;
                let message = format!("expected `,` or the right closing bracket at byte {offset}");
                self.reject_rest("malformed-json", message)?;
                return Ok(Some(Flow::Break(())));
            }
            Pass::Blocked(Obstacle::TooLong) => {
                let (code, message) = self.without_array();
                return self.reject_framed(code, message).map(Some);
            }
            Pass::Truncated => return self.reject_truncated().map(Some),
        };
        let mut members = outline.members;
        let sizes = members.iter().map(Member::elements_bytes).enumerate();
        // The first of the largest, so that the choice is the document's alone.
        let largest = sizes.rev().max_by_key(|(_, bytes)| *bytes).filter(|(_, bytes)| *bytes > 0);
        let small = |bytes: u64| bytes <= self.cuts.slice_bytes as u64;
        let Some((array, _)) = largest.filter(|(_, bytes)| !small(*bytes)) else {
            if length > self.max_record_bytes as u64 {
                let (code, message) = self.without_array();
                return self.reject_framed(code, message).map(Some);
            }
            return Ok(None);
        };
        let same_key =
            |(i, member): (usize, &Member)| i != array && member.key() == members[array].key();
        if members.iter().enumerate().any(same_key) {
            let message = "a document read in slices has two members of its array's name".into();
            return self.reject_framed("record-too-long", message).map(Some);
        }
        members[array].forget_elements();
        self.complete(&mut members, array)?;
        self.slices(members, array, length)?;
        Ok(Some(Flow::Continue(())))
    }

    fn without_array(&self) -> (&'static str, String) {
        let most = self.max_record_bytes;
        let message =
            format!("without its largest array the document is still longer than {most} bytes");
        ("record-too-long", message)
    }

    fn reject_truncated(&mut self) -> Result<Flow> {
        let lost = self.pass_until(|_| None)?;
        let (code, message) = self.explain(&Failure::Incomplete);
        self.reject(code, message, &lost);
        Ok(Flow::Break(()))
    }

    /// The file opened anew, from the document at hand on.
    fn document_anew(&self) -> Result<Input> {
        let mut input = Input::open(self.storage, self.path(), self.most_text)?;
        input.skip(self.window.offset_of(self.window.at))?;
        Ok(input)
    }

    /// The first pass.
    fn outline(&mut self) -> Result<Pass> {
        let mut input = self.document_anew()?;
        let mut outline = Outline::new(self.cuts.slice_bytes, self.max_record_bytes);
        let mut scratch = vec![0; 256 << 10];
        loop {
            let length = input.read(&mut scratch)?;
            if length == 0 {
                return Ok(Pass::Truncated);
            }
            match outline.read(&scratch[..length]) {
                Ok(None) => {}
                Ok(Some(length)) => return Ok(Pass::Whole(outline, length)),
                Err(obstacle) => return Ok(Pass::Blocked(obstacle)),
            }
        }
    }

    /// Reads the other large arrays, which every slice has whole.
    fn complete(&self, members: &mut [Member], sliced: usize) -> Result<()> {
        let others = members.iter_mut().enumerate().filter(|(member, _)| *member != sliced);
        let mut others =
            others.map(|(_, member)| member).filter(|member| member.cut_short).peekable();
        if others.peek().is_none() {
            return Ok(());
        }
        let mut input = self.document_anew()?;
        let mut passed = 0;
        for member in others {
            input.skip(member.at - passed)?;
            passed = member.end();
            member.text.resize((passed - member.at) as usize, 0);
            let mut length = 0;
            while length < member.text.len() {
                match input.read(&mut member.text[length..])? {
                    0 => break,
                    more => length += more,
                }
            }
        }
        Ok(())
    }

    /// The second pass.
    fn slices(&mut self, mut members: Vec<Member>, array: usize, length: u64) -> Result<()> {
        self.flush()?;
        self.rows.give_back();
        let offset_bytes = self.window.offset_of(self.window.at);
        let column = column_name(members[array].key());
        let wanted = self.rows.wants(column.as_bytes());
        let texts = |members: &[Member]| {
            members.iter().map(|member| member.text.as_slice()).collect::<Vec<_>>().join(&b',')
        };
        let head = [b"{", &*texts(&members[..=array])].concat();
        let last = array + 1 == members.len();
        let after = texts(&members[array + 1..]);
        let tail = [if last { b"]" } else { &b"],"[..] }, &*after, b"}"].concat();
        // Of the others everything is in these two.
        let giant = members.swap_remove(array);
        drop((members, after));
        if !wanted {
            let (text, end) = self.window.read_between(&head, 0, &tail)?;
            self.slice(text, end, offset_bytes, None)?;
            return self.window.skip(length);
        }
        let (mut passed, mut from, mut elements) = (0, giant.elements_at, 0);
        for cut in giant.cuts {
            if cut.at - from > self.max_record_bytes as u64 {
                self.window.skip(cut.at - passed)?;
                let limit = self.max_record_bytes;
                let message = format!("an element of a list is longer than {limit} bytes");
                self.reject("record-too-long", message, &Lost::new(offset_bytes + from));
            } else {
                self.window.skip(from - passed)?;
                let (text, end) = self.window.read_between(&head, cut.at - from, &tail)?;
                self.slice(text, end, offset_bytes, Some((Arc::clone(&column), elements)))?;
            }
            (passed, from, elements) = (cut.at, cut.at + 1, cut.elements);
        }
        self.window.skip(length - passed)
    }

    /// Decodes a slice, the text up to `end`; it is a batch of its own.
    fn slice(
        &mut self,
        text: Arc<[u8]>,
        end: usize,
        offset_bytes: u64,
        slice: Option<(Arc<str>, u64)>,
    ) -> Result<()> {
        let known = &text[..end];
        let utf8 = std::str::from_utf8(known).is_ok();
        let decoded = self.rows.decode(known, 0);
        let conflict = self.rows.take_conflict();
        let refusal = if let Ok(decoded) = decoded
            && decoded == end
        {
            match conflict {
                _ if !utf8 => Some(("invalid-utf8", "the record is not valid UTF-8".into())),
                conflict => conflict.map(|conflict| (conflict.code, conflict.message)),
            }
        } else {
            match self.rows.failure() {
                failure @ Failure::TooDeep(_) => {
                    Some((self.explain(&failure).0, String::from("too many levels of nesting")))
                }
                Failure::Malformed(_, expected) => {
                    Some(("malformed-json", format!("expected {expected}")))
                }
                Failure::Incomplete => Some(("malformed-json", "brackets do not match".into())),
            }
        };
        if let Some((code, message)) = refusal {
            self.rows.undo(self.rows.mark());
            let place = slice.as_ref().map_or(String::new(), |(column, elements)| {
                format!(" (in the slice of `{column}` from element {elements} on)")
            });
            let mut lost = Lost::new(offset_bytes);
            lost.add(known);
            self.reject(code, message + &place, &lost);
        } else {
            let file = self.file as u32;
            self.rows.commit(Origin { file, offset_bytes, text: 0..end as u32, slice });
            self.stats.rows += 1;
        }
        self.flush_with(Arc::clone(&text))?;
        self.window.take_back(text);
        Ok(())
    }
}

/// The key as a column's name: escapes resolved.
fn column_name(raw: &[u8]) -> Arc<str> {
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted)
        .unwrap_or_else(|_| String::from_utf8_lossy(raw).into_owned())
        .into()
}

impl Window {
    /// Skips text, without keeping it.
    fn skip(&mut self, mut bytes: u64) -> Result<()> {
        let mut scratch = vec![0; 64 << 10];
        while bytes > 0 {
            let most = scratch.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
            match self.pass(&mut scratch[..most])? {
                0 => break,
                length => bytes -= length as u64,
            }
        }
        Ok(())
    }

    /// A buffer with so much text, less when the file ends before, between these two; and where
    /// that ends.
    fn read_between(&mut self, head: &[u8], bytes: u64, tail: &[u8]) -> Result<(Arc<[u8]>, usize)> {
        let (mut at, end) = (head.len(), head.len() + bytes as usize);
        let mut text = self.acquire(end + tail.len());
        // Nobody else holds it.
        if let Some(buffer) = Arc::get_mut(&mut text) {
            buffer[..at].copy_from_slice(head);
            while at < end {
                match self.pass(&mut buffer[at..end])? {
                    0 => break,
                    length => at += length,
                }
            }
            buffer[at..at + tail.len()].copy_from_slice(tail);
        }
        self.shrink();
        Ok((text, at + tail.len()))
    }
}
