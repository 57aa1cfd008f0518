//! One unit being read: files one after the other, records kept or rejected, batches cut.

use super::{
    Cuts, UnitStats,
    failure::{Failed, Failure},
    input::{Damage, Input},
    rows::Rows,
    scan::{byte_at, skip_space},
    window::Window,
};
use crate::{
    diagnostic::{Diagnostic, Result},
    source::{Origin, SourceBatch},
    storage::Storage,
    types::{InputFile, Rejected},
};
use std::{fmt::Write, ops::ControlFlow, sync::Arc};

/// Bytes of a rejected record's text that are kept.
const KEPT_BYTES: usize = 1 << 20;

/// Text that any compressed file may give, however small it is.
const ALWAYS_BYTES: u64 = 64 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A unit being read.
pub(super) struct Unit<'a> {
    pub(super) rows: &'a mut Rows,
    pub(super) window: &'a mut Window,
    pub(super) cuts: Cuts,
    pub(super) max_record_bytes: usize,
    pub(super) max_decompression_ratio: u64,
    /// Text that the file at hand may give if it is compressed.
    pub(super) most_text: u64,
    pub(super) storage: &'a Storage,
    pub(super) paths: Arc<[String]>,
    /// Index of the file at hand.
    pub(super) file: usize,
    pub(super) emit: &'a mut dyn FnMut(SourceBatch) -> Result<()>,
    pub(super) stats: UnitStats,
    /// A record was rejected because the file at hand is damaged.
    pub(super) damage_told: bool,
}

/// Where a rejected record starts, and its text.
pub(super) struct Lost {
    pub(super) offset_bytes: u64,
    text: Vec<u8>,
    /// Length of the whole text.
    length: u64,
}

impl Lost {
    pub(super) fn new(offset_bytes: u64) -> Self {
        Self { offset_bytes, text: Vec::new(), length: 0 }
    }

    /// Appends text, of which the first megabyte is kept.
    pub(super) fn add(&mut self, text: &[u8]) {
        let room = KEPT_BYTES.saturating_sub(self.text.len());
        self.text.extend_from_slice(&text[..text.len().min(room)]);
        self.length += text.len() as u64;
    }
}

/// Whether a line ends where a value that spans lines would go on.
pub(super) fn goes_on(line: &[u8]) -> bool {
    matches!(line.trim_ascii_end().last(), Some(b'[' | b'{' | b',' | b':'))
}

/// How a file is written.
enum Form {
    /// One record per line.
    Lines,
    /// Objects one after the other, or a top-level array.
    Documents,
}

/// Text that a compressed file of this size may give.
pub fn most_text(size_bytes: u64, max_decompression_ratio: u64) -> u64 {
    size_bytes.saturating_mul(max_decompression_ratio).max(ALWAYS_BYTES)
}

impl Unit<'_> {
    /// Path of the file at hand.
    pub(super) fn path(&self) -> &str {
        &self.paths[self.file]
    }

    /// Reads the next file to its end.
    pub(super) fn read_file(&mut self, index: usize, file: &InputFile) -> Result<()> {
        self.file = index;
        self.stats.files += 1;
        self.most_text = most_text(file.size_bytes, self.max_decompression_ratio);
        let input = match Input::open(self.storage, &file.path, self.most_text) {
            Ok(input) => input,
            Err(error) => return self.unreadable(&file.path, error),
        };
        self.window.start(input);
        self.fill()?;
        while self.window.text().len() - self.window.at < BOM.len() && !self.window.ended {
            self.fill()?;
        }
        if self.window.text()[self.window.at..].starts_with(BOM) {
            self.window.at += BOM.len();
        }
        self.damage_told = false;
        match self.form()? {
            Form::Lines => self.lines()?,
            Form::Documents => {
                self.hold(file.size_bytes)?;
                self.documents()?;
            }
        }
        if let Some(damage) = self.damage().filter(|_| !self.damage_told) {
            let lost = Lost::new(self.window.offset_of(self.window.at));
            self.reject(damage.code, damage.message, &lost);
        }
        self.stats.text_bytes += self.window.offset_of(self.window.at);
        self.window.input = None;
        self.cut()
    }

    /// Reads a file that may be one document to its end, into one buffer: what is decoded before
    /// the end of its record has arrived is decoded again.
    fn hold(&mut self, size_bytes: u64) -> Result<()> {
        if size_bytes > self.cuts.slice_at as u64 {
            return Ok(());
        }
        let read = self.window.offset_of(self.window.text().len());
        // One more, so that the end of the file shows without moving the text.
        let missing = size_bytes.saturating_sub(read) as usize + 1;
        let moved = self.window.make_room(self.keep(), missing);
        self.rows.shift(moved);
        self.fill_to(size_bytes as usize)
    }

    fn unreadable(&mut self, path: &str, error: Diagnostic) -> Result<()> {
        if matches!(self.storage.head(path), Ok(None)) {
            return Err(Diagnostic::storage(format!("input file `{path}` has vanished"))
                .cause(error)
                .hint("restore it, or set `on_changed_input = \"skip\"`"));
        }
        if !error.is_denied {
            return Err(error);
        }
        let message = format!("the file cannot be read: {error}");
        self.reject("unreadable-file", message, &Lost::new(0));
        Ok(())
    }

    /// Why the file at hand ended early, if it did.
    pub(super) fn damage(&self) -> Option<Damage> {
        self.window.input.as_ref().and_then(|input| input.damage.clone())
    }

    /// Position of the first text that must stay.
    fn keep(&self) -> usize {
        self.rows.text_start().unwrap_or(self.window.at).min(self.window.at)
    }

    /// Reads on; gives by how much positions moved down.
    pub(super) fn fill(&mut self) -> Result<usize> {
        let moved = self.window.fill(self.keep())?;
        self.rows.shift(moved);
        Ok(moved)
    }

    /// Reads on until so many bytes wait, or the file ends.
    pub(super) fn fill_to(&mut self, bytes: usize) -> Result<()> {
        while self.window.text().len() - self.window.at < bytes && !self.window.ended {
            self.fill()?;
        }
        Ok(())
    }

    /// Tells how the file is written: by its first two lines, as far as the slicing limit
    /// reaches.
    fn form(&mut self) -> Result<Form> {
        loop {
            let text = &self.window.text()[self.window.at..];
            let known = &text[..text.len().min(self.cuts.slice_at)];
            let start = skip_space(known, 0);
            let newline = memchr::memchr(b'\n', &known[start..]);
            if let Some(length) = newline {
                let next = byte_at(known, skip_space(known, start + length));
                if next != 0 {
                    let line = known[start..start + length].trim_ascii_end().to_vec();
                    return Ok(self.form_of(&line, next));
                }
            }
            if self.window.ended || known.len() == self.cuts.slice_at {
                return Ok(Form::Documents);
            }
            self.fill()?;
        }
    }

    /// `next` is the first byte after the first line that is no white space.
    fn form_of(&mut self, line: &[u8], next: u8) -> Form {
        let mut at = 0;
        while at < line.len() {
            match self.rows.cx.skip_value(line, at, 0) {
                Ok(end) => at = skip_space(line, end),
                Err(Failed) => break,
            }
        }
        // A first line that is broken: one that goes on would end differently.
        let broken = next == b'{' && !goes_on(line);
        if at >= line.len() || broken { Form::Lines } else { Form::Documents }
    }

    /// Code and message of a failure.
    pub(super) fn explain(&mut self, failure: &Failure) -> (&'static str, String) {
        match failure {
            Failure::Incomplete => match self.damage().filter(|_| self.window.ended) {
                Some(damage) => {
                    self.damage_told = true;
                    (damage.code, damage.message)
                }
                None => ("truncated-json", "the file ends before the record does".into()),
            },
            Failure::Malformed(at, expected) => {
                let offset = self.window.offset_of(*at);
                let found = self.window.text().get(*at..).unwrap_or_default();
                let found = String::from_utf8_lossy(&found[..found.len().min(4)]);
                let found = found.chars().next().unwrap_or_default().escape_debug();
                ("malformed-json", format!("expected {expected} at byte {offset}, found `{found}`"))
            }
            Failure::TooDeep(at) => {
                let (offset, most) = (self.window.offset_of(*at), self.rows.cx.max_depth);
                ("too-deep", format!("more than {most} levels of nesting at byte {offset}"))
            }
        }
    }

    /// Keeps the row decoded from the text up to `end`, unless something speaks against it.
    pub(super) fn accept(&mut self, start: usize, end: usize) {
        let conflict = self.rows.take_conflict();
        let utf8 = self.window.check_utf8(start, end);
        let long = end - start > self.max_record_bytes;
        let (code, message) = if long {
            self.too_long()
        } else if !utf8 {
            ("invalid-utf8", "the record is not valid UTF-8".into())
        } else if let Some(conflict) = conflict {
            (conflict.code, conflict.message)
        } else {
            self.rows.commit(Origin {
                file: self.file as u32,
                offset_bytes: self.window.offset_of(start),
                text: start as u32..end as u32,
                slice: None,
            });
            self.stats.rows += 1;
            return;
        };
        self.rows.undo(self.rows.mark());
        self.reject_range(code, message, start, end);
    }

    pub(super) fn too_long(&self) -> (&'static str, String) {
        let most = self.max_record_bytes;
        ("record-too-long", format!("the record is longer than {most} bytes"))
    }

    /// Rejects the text between two positions.
    pub(super) fn reject_range(
        &mut self,
        code: &'static str,
        message: String,
        start: usize,
        end: usize,
    ) {
        let mut lost = Lost::new(self.window.offset_of(start));
        lost.add(&self.window.text()[start..end]);
        self.reject(code, message, &lost);
    }

    /// Rejects everything from the first byte not consumed to the end of the file.
    pub(super) fn reject_rest(&mut self, code: &'static str, message: String) -> Result<()> {
        let lost = self.pass_until(|_| None)?;
        self.reject(code, message, &lost);
        Ok(())
    }

    /// Passes over text until `ends` says how much of a piece still belongs to it.
    pub(super) fn pass_until(
        &mut self,
        mut ends: impl FnMut(&[u8]) -> Option<usize>,
    ) -> Result<Lost> {
        let mut lost = Lost::new(self.window.offset_of(self.window.at));
        let mut scratch = vec![0; 64 << 10];
        loop {
            let length = self.window.pass(&mut scratch)?;
            if length == 0 {
                return Ok(lost);
            }
            let end = ends(&scratch[..length]);
            lost.add(&scratch[..end.unwrap_or(length)]);
            if let Some(end) = end {
                let moved = self.window.unread(&scratch[end..length], self.keep());
                self.rows.shift(moved);
                return Ok(lost);
            }
        }
    }

    /// Notes a record that is no row.
    pub(super) fn reject(&mut self, code: &str, mut message: String, lost: &Lost) {
        let cut = lost.length > lost.text.len() as u64;
        if cut {
            let (kept, all) = (lost.text.len(), lost.length);
            let _ = write!(message, " (the first {kept} of its {all} bytes are kept here)");
        }
        let mut record = String::from_utf8_lossy(&lost.text).into_owned();
        record.truncate(record.trim_end().len());
        self.stats.rejected += 1;
        self.rows.reject(Rejected {
            stage: "source".into(),
            code: code.into(),
            message,
            file: self.path().into(),
            offset_bytes: lost.offset_bytes,
            element: None,
            record,
            cut,
            shared: false,
            replay_of: None,
        });
    }

    /// Hands the batch on when it is full.
    #[inline]
    pub(super) fn cut(&mut self) -> Result<()> {
        let rows = self.rows.origins.len() + self.rows.rejected.len();
        if self.rows.text_bytes >= self.cuts.batch_bytes || rows >= self.cuts.batch_rows {
            return self.flush();
        }
        Ok(())
    }

    /// Counts text between records to the batch at hand, which keeps it in memory. A batch
    /// without rows keeps nothing, so there it does not count, however it arrives.
    pub(super) fn pass_over(&mut self, bytes: usize) -> Result<()> {
        if bytes == 0 || self.rows.is_empty() {
            return Ok(());
        }
        self.rows.text_bytes += bytes;
        self.cut()
    }

    /// Hands on what there is.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.flush_with(self.window.share())
    }

    /// Hands on what there is, which came from this text.
    pub(super) fn flush_with(&mut self, text: Arc<[u8]>) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let batch = self.rows.take(text, Arc::clone(&self.paths))?;
        self.stats.batches += 1;
        (self.emit)(batch)
    }
}

/// Whether a file goes on after a record.
pub(super) type Flow = ControlFlow<()>;
