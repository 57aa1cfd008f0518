//! Records that a person repaired: lines of `quarantine show`, edited.
//!
//! Owns the pairing of each line with the record it repairs.

use super::candidates::Candidate;
use crate::{
    diagnostic::{Diagnostic, Result},
    sink::{
        quarantine,
        rejected::{Lines, QuarantinedRecord, Selection},
    },
    storage::{self, Storage},
    types::{BatchId, RecordId},
};
use serde::Deserialize;
use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Read},
    path::Path,
};

/// A file of repaired records.
#[derive(Clone, Debug)]
pub struct Repaired {
    directory: Storage,
    name: String,
}

/// What counts of a line; the rest is for a person.
#[derive(Deserialize)]
struct Line {
    #[serde(flatten)]
    id: RecordId,
    record: String,
    file: Option<String>,
    offset_bytes: Option<u64>,
}

/// The records that a file repairs, in its order.
pub(super) struct RepairedRecords {
    sink: Storage,
    last: Option<BatchId>,
    selection: Selection,
    shown: String,
    text: BufReader<Box<dyn Read + Send>>,
    line: u64,
    quarantine: Option<Lines>,
}

impl Repaired {
    /// The file at this path.
    ///
    /// # Errors
    /// Fails when there is none.
    pub fn at(path: &Path) -> Result<Self> {
        let missing = || Diagnostic::config(format!("there is no file `{}`", path.display()));
        let absolute = std::path::absolute(path).map_err(|error| missing().cause(error))?;
        let (Some(directory), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(missing());
        };
        let (directory, name) = (directory.to_string_lossy(), name.to_string_lossy().into_owned());
        let directory = storage::open(&directory)?;
        directory.head(&name)?.ok_or_else(missing)?;
        Ok(Self { directory, name })
    }

    /// Reads the whole file to see that every line repairs a record, and none is repaired twice.
    ///
    /// # Errors
    /// Fails at the first line that does not.
    pub(super) fn check(&self, sink: &Storage, last: Option<BatchId>) -> Result<()> {
        let mut records = self.records(sink, last, &Selection::default())?;
        let mut known = HashSet::new();
        while let Some(candidate) = records.read()? {
            let id = candidate.record.id;
            if !known.insert(id) {
                let message = format!("repairs record {id} a second time");
                return Err(records.refuse(&message).hint("keep one line for each record"));
            }
        }
        Ok(())
    }

    /// The records it repairs, those asked for.
    ///
    /// # Errors
    /// Fails when the file cannot be opened.
    pub(super) fn records(
        &self,
        sink: &Storage,
        last: Option<BatchId>,
        selection: &Selection,
    ) -> Result<RepairedRecords> {
        Ok(RepairedRecords {
            sink: Storage::clone(sink),
            last,
            selection: selection.clone(),
            shown: self.name.clone(),
            text: BufReader::new(self.directory.open(&self.name)?),
            line: 0,
            quarantine: None,
        })
    }
}

impl RepairedRecords {
    fn refuse(&self, what: &str) -> Diagnostic {
        Diagnostic::config(format!("line {} of `{}` {what}", self.line, self.shown))
    }

    fn read(&mut self) -> Result<Option<Candidate>> {
        loop {
            let Some(line) = self.read_line()? else { return Ok(None) };
            let id = line.id;
            let Some(record) = self.find(id)? else {
                let what = format!("is about record {id}, which is not in the quarantine");
                return Err(self.refuse(&what).hint(
                    "`batch` and `line` say which record a line repairs: keep them as `quarantine show` prints them",
                ));
            };
            let rejected = &record.rejected;
            let is_other = line.file.is_some_and(|file| file != rejected.file)
                || line.offset_bytes.is_some_and(|offset| offset != rejected.offset_bytes);
            if is_other {
                let what = format!("says that it is record {id}, but names another place");
                return Err(self
                    .refuse(&what)
                    .cause(format!(
                        "record {id} starts at byte {} of `{}`",
                        rejected.offset_bytes, rejected.file
                    ))
                    .hint("take the lines of `quarantine show` for this pipeline, and change `record` only"));
            }
            if self.selection.takes(&record) {
                return Ok(Some(Candidate { record, repaired: Some(line.record) }));
            }
        }
    }

    fn read_line(&mut self) -> Result<Option<Line>> {
        let mut text = Vec::new();
        while text.trim_ascii().is_empty() {
            text.clear();
            self.line += 1;
            let read = self.text.read_until(b'\n', &mut text).map_err(|error| {
                Diagnostic::storage(format!("cannot read `{}`", self.shown)).cause(error)
            })?;
            if read == 0 {
                return Ok(None);
            }
        }
        let line = serde_json::from_slice(&text).map_err(|error| {
            self.refuse("is no line of `quarantine show`")
                .cause(error)
                .hint("each line is a JSON object with `batch`, `line` and `record`, the repaired text as a JSON string")
        })?;
        Ok(Some(line))
    }

    /// The record of this name. Looks onward from the last one, so a file in the order of
    /// `quarantine show` reads the quarantine once.
    fn find(&mut self, id: RecordId) -> Result<Option<QuarantinedRecord>> {
        let is_ahead = |lines: &Lines| {
            let next = lines.next_id();
            next.batch == id.batch && next.line <= id.line
        };
        if !self.quarantine.as_ref().is_some_and(is_ahead) {
            let is_there = Some(id.batch) <= self.last
                && self.sink.head(&quarantine::path(id.batch))?.is_some();
            if !is_there {
                return Ok(None);
            }
            self.quarantine = Some(Lines::open(&self.sink, id.batch)?);
        }
        let Some(lines) = &mut self.quarantine else { return Ok(None) };
        lines.find(|record| record.as_ref().map_or(true, |record| record.id == id)).transpose()
    }
}

impl Iterator for RepairedRecords {
    type Item = Result<Candidate>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
