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
//! members, also those after the array, and memory holds one slice.

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
        let members = &outline.members;
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

    /// The first pass, over the file opened anew.
    fn outline(&mut self) -> Result<Pass> {
        let mut input = Input::open(self.storage, self.path(), self.most_text)?;
        input.skip(self.window.offset_of(self.window.at))?;
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

    /// The second pass.
    fn slices(&mut self, members: &[Member], array: usize, length: u64) -> Result<()> {
        self.flush()?;
        let giant = &members[array];
        let offset_bytes = self.window.offset_of(self.window.at);
        let column = column_name(giant.key());
        let wanted = self.rows.wants(column.as_bytes());
        let others = |members: &[Member]| {
            members.iter().map(|member| member.text.as_slice()).collect::<Vec<_>>().join(&b',')
        };
        let (before, after) = (others(&members[..array]), others(&members[array + 1..]));
        let mut passed = 0;
        let mut elements = 0;
        for cut in &giant.cuts {
            let from = if passed == 0 { giant.elements_at } else { passed + 1 };
            if wanted && cut.at - from > self.max_record_bytes as u64 {
                self.window.skip(cut.at - passed)?;
                let limit = self.max_record_bytes;
                let message = format!("an element of a list is longer than {limit} bytes");
                self.reject("record-too-long", message, &Lost::new(offset_bytes + from));
                (passed, elements) = (cut.at, cut.elements);
                continue;
            }
            let mut text = vec![b'{'];
            text.extend_from_slice(&before);
            if wanted {
                text.extend_from_slice(if array > 0 { b"," } else { b"" });
                text.extend_from_slice(&giant.text[..giant.head_bytes]);
                self.window.skip(from - passed)?;
                self.window.read_exact(cut.at - from, &mut text)?;
                self.window.shrink();
                text.push(b']');
            }
            let comma = !after.is_empty() && text.len() > 1;
            text.extend_from_slice(if comma { b"," } else { b"" });
            text.extend_from_slice(&after);
            text.push(b'}');
            let slice = wanted.then(|| (Arc::clone(&column), elements));
            self.slice(text, offset_bytes, slice)?;
            if !wanted {
                break;
            }
            (passed, elements) = (cut.at, cut.elements);
        }
        self.window.skip(length - passed)
    }

    /// Decodes a slice, which is a batch of its own.
    fn slice(
        &mut self,
        text: Vec<u8>,
        offset_bytes: u64,
        slice: Option<(Arc<str>, u64)>,
    ) -> Result<()> {
        let utf8 = std::str::from_utf8(&text).is_ok();
        let decoded = self.rows.decode(&text, 0);
        let conflict = self.rows.take_conflict();
        let refusal = if let Ok(end) = decoded
            && end == text.len()
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
            lost.add(&text);
            self.reject(code, message + &place, &lost);
        } else {
            let file = self.file as u32;
            self.rows.commit(Origin { file, offset_bytes, text: 0..text.len() as u32, slice });
            self.stats.rows += 1;
        }
        self.flush_with(text.into())
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

    /// Appends so much text to `out`; less when the file ends before.
    fn read_exact(&mut self, bytes: u64, out: &mut Vec<u8>) -> Result<()> {
        let (mut at, end) = (out.len(), out.len() + bytes as usize);
        out.resize(end, 0);
        while at < end {
            match self.pass(&mut out[at..end])? {
                0 => break,
                length => at += length,
            }
        }
        out.truncate(at);
        Ok(())
    }
}
