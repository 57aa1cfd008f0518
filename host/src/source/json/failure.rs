//! What a record can have against it, and what decoding keeps while it reads one.

use super::scan::{byte_at, skip_space};
use crate::pipeline::plan::{OnTypeConflict, SourcePlan};
use std::io::Write;

/// A position, or a failure whose story is in [`Context::failure`].
pub(super) type Decoded = Result<usize, Failed>;

/// Decoding stopped; [`Context::failure`] says why. Carries nothing, so that results stay in
/// registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

/// Why decoding stopped inside a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The text ends before the record does.
    Incomplete,
    /// The text at this position is not what the grammar asks for.
    Malformed(usize, &'static str),
    /// A container opens at this position that exceeds the depth limit.
    TooDeep(usize),
}

/// A value that does not fit its declared type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// The way from the record's root to a value. Lives on the stack, one node per container.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) parent: Option<&'a Path<'a>>,
    pub(super) step: Step,
    /// Containers around the value.
    pub(super) depth: u32,
}

/// The last step of a [`Path`].
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// The record itself.
    Root,
    /// A key: where its raw text, without quotes, stands.
    Key(usize, usize),
    /// An element of a list.
    Element(u64),
}

impl<'a> Path<'a> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root, depth: 0 };

    #[inline]
    pub(super) fn then(&'a self, step: Step) -> Path<'a> {
        Path { parent: Some(self), step, depth: self.depth + 1 }
    }

    /// Appends `a.b[3].c`; keys are raw JSON text and stay fit for a JSON string.
    fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        if let Some(parent) = self.parent {
            parent.write(text, out);
        }
        match self.step {
            Step::Root => {}
            Step::Key(start, end) => {
                if self.parent.is_some_and(|parent| !matches!(parent.step, Step::Root)) {
                    out.push(b'.');
                }
                out.extend_from_slice(text.get(start..end).unwrap_or_default());
            }
            Step::Element(index) => {
                // Writing to memory does not fail.
                let _ = write!(out, "[{index}]");
            }
        }
    }
}

/// What decoding keeps while it reads a record.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) max_depth: u32,
    rescue: bool,
    on_type_conflict: OnTypeConflict,
    /// Why decoding stopped.
    pub(super) failure: Failure,
    /// The first value that did not fit, where that rejects the record.
    pub(super) conflict: Option<Conflict>,
    /// The rescued column's JSON so far, without the closing brace; empty: nothing.
    pub(super) rescued: Vec<u8>,
    /// Closing brackets that a skipped value waits for.
    pub(super) open: Vec<u8>,
    /// Unescaped text of the string at hand.
    pub(super) scratch: Vec<u8>,
}

impl Context {
    pub(super) fn new(plan: &SourcePlan) -> Self {
        Self {
            max_depth: plan.max_depth,
            rescue: plan.rescued_column.is_some(),
            on_type_conflict: plan.on_type_conflict,
            failure: Failure::Incomplete,
            conflict: None,
            rescued: Vec::new(),
            open: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Forgets the previous record.
    #[inline]
    pub(super) fn start_record(&mut self) {
        self.conflict = None;
        self.rescued.clear();
    }

    /// The text is not what the grammar asks for, or ends: before the character that is to be
    /// shown does, too.
    #[cold]
    pub(super) fn malformed(&mut self, text: &[u8], at: usize, expected: &'static str) -> Failed {
        let length = match byte_at(text, at) {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        let whole = at + length <= text.len();
        self.failure = if whole { Failure::Malformed(at, expected) } else { Failure::Incomplete };
        Failed
    }

    #[cold]
    pub(super) fn too_deep(&mut self, at: usize) -> Failed {
        self.failure = Failure::TooDeep(at);
        Failed
    }

    /// Skips the value of a key the schema does not name, and rescues it if asked to.
    #[inline]
    pub(super) fn unknown(&mut self, text: &[u8], at: usize, path: &Path<'_>) -> Decoded {
        let end = self.skip_value(text, at, path.depth)?;
        if self.rescue {
            self.rescue(text, at, end, path);
        }
        Ok(end)
    }

    /// Skips a value that does not fit its declared type: its place stays null, and it is
    /// rescued, or its record will be rejected.
    #[cold]
    pub(super) fn conflict(
        &mut self,
        text: &[u8],
        at: usize,
        path: &Path<'_>,
        expected: &str,
    ) -> Decoded {
        let end = self.skip_value(text, at, path.depth)?;
        if self.on_type_conflict == OnTypeConflict::Null {
            if self.rescue {
                self.rescue(text, at, end, path);
            }
        } else if self.conflict.is_none() {
            let value = text.get(at..end).unwrap_or_default();
            let code = match (expected, value.first()) {
                ("a list" | "an object", _) | (_, Some(b'{' | b'[')) => "wrong-shape",
                _ => "type-conflict",
            };
            let mut place = Vec::new();
            path.write(text, &mut place);
            let place = String::from_utf8_lossy(&place);
            let shown = String::from_utf8_lossy(&value[..value.len().min(60)]);
            let dots = if value.len() > 60 { "..." } else { "" };
            let message = format!("`{place}` is `{shown}{dots}`, but the schema says {expected}");
            self.conflict = Some(Conflict { code, message });
        }
        Ok(end)
    }

    #[cold]
    fn rescue(&mut self, text: &[u8], at: usize, end: usize, path: &Path<'_>) {
        let mut rescued = std::mem::take(&mut self.rescued);
        rescued.extend_from_slice(if rescued.is_empty() { b"{\"" } else { b",\"" });
        path.write(text, &mut rescued);
        rescued.extend_from_slice(b"\":");
        rescued.extend_from_slice(text.get(at..end).unwrap_or_default());
        self.rescued = rescued;
    }

    /// After a member or element: the closing bracket, or a comma and where the next one starts.
    #[inline]
    pub(super) fn next_or_close(
        &mut self,
        text: &[u8],
        at: usize,
        closing: u8,
    ) -> Result<(usize, bool), Failed> {
        let at = skip_space(text, at);
        match byte_at(text, at) {
            b',' => Ok((skip_space(text, at + 1), true)),
            byte if byte == closing => Ok((at + 1, false)),
            _ => Err(self.malformed(text, at, "`,` or a closing bracket")),
        }
    }
}
