//! What a rewind would undo, told before it is done.
//!
//! Owns the account of it; changes nothing.

use super::{history::History, rewind};
use crate::{
    diagnostic::Result,
    storage::{Meta, Storage},
    types::{BatchId, InputFile, RecordId},
};
use std::collections::HashMap;

/// Paths that are named; more are only counted.
const NAMED: usize = 10;
/// Inputs that are looked at one by one; for more the source is listed.
const LOOKED_AT: u64 = 1_000;

/// The source as it is now.
struct Now<'a> {
    source: &'a Storage,
    looks: u64,
    listed: Option<HashMap<String, Meta>>,
}

impl Now<'_> {
    fn find(&mut self, path: &str) -> Result<Option<Meta>> {
        if let Some(listed) = &self.listed {
            return Ok(listed.get(path).cloned());
        }
        self.looks += 1;
        if self.looks <= LOOKED_AT {
            return self.source.head(path);
        }
        let listed = self.source.list("")?.into_iter().map(|meta| (meta.path.clone(), meta));
        Ok(self.listed.insert(listed.collect()).get(path).cloned())
    }
}

/// What a rewind undoes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undo {
    /// The first and last committed micro-batch that are undone.
    pub batches: Option<(BatchId, BatchId)>,
    /// The micro-batch that was begun and not committed, which is dropped, too.
    pub begun: Option<BatchId>,
    /// Rows that leave the table.
    pub rows: u64,
    /// Files of the table that go.
    pub table_files: Files,
    /// Quarantine files that go.
    pub quarantine_files: Files,
    /// Inputs that will be read again.
    pub inputs: Files,
    /// Inputs that are gone: what was read of them cannot be read again.
    pub gone: Files,
    /// Inputs that changed since they were read: they will be read as they are now.
    pub changed: Files,
    /// Rejected records that were put back, and will be waiting again.
    pub put_back: u64,
}

/// Some files: how many, how large, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// How many.
    pub count: u64,
    /// Bytes of them together.
    pub bytes: u64,
    /// The first paths.
    pub first: Vec<String>,
}

impl Files {
    fn add(&mut self, path: &str, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
        if self.first.len() < NAMED {
            self.first.push(path.to_owned());
        }
    }
}

impl Undo {
    /// What going back to `to` would undo, where `last` is the last committed micro-batch.
    ///
    /// # Errors
    /// Refuses when there is nothing to undo, or too much; fails when a record is damaged, and
    /// when a store refuses.
    pub fn preview(
        storage: &Storage,
        source: &Storage,
        to: BatchId,
        last: BatchId,
    ) -> Result<Self> {
        rewind::check(storage, to, last)?;
        let mut undo = Self { batches: Some((to.next(), last)), ..Self::default() };
        let mut now = Now { source, looks: 0, listed: None };
        let mut history = History::open(storage)?;
        for recorded in history.from(to.next()) {
            let recorded = recorded?;
            let Some(commit) = recorded.commit else {
                undo.begun = Some(recorded.offsets.batch);
                continue;
            };
            undo.rows += commit.rows_written;
            for file in &commit.files {
                undo.table_files.add(&file.path, file.size_bytes);
            }
            if let Some(file) = &commit.quarantine_file {
                undo.quarantine_files.add(&file.path, file.size_bytes);
            }
            for file in &recorded.offsets.files {
                undo.input(file, to, &mut now)?;
            }
        }
        Ok(undo)
    }

    fn input(&mut self, file: &InputFile, to: BatchId, now: &mut Now<'_>) -> Result<()> {
        if let Some(id) = RecordId::of_input_path(&file.path) {
            self.put_back += u64::from(id.batch <= to);
            return Ok(());
        }
        match now.find(&file.path)? {
            None => self.gone.add(&file.path, file.size_bytes),
            Some(now) => {
                self.inputs.add(&file.path, now.size_bytes);
                let same = now.size_bytes == file.size_bytes
                    && now.modified_us == file.modified_us
                    && now.etag == file.etag;
                if !same {
                    self.changed.add(&file.path, now.size_bytes);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture;

    #[test]
    fn many_inputs_are_listed_and_found_alike() {
        let (_temp, source) = fixture::storage();
        source.put("a", b"1").unwrap();
        for looks in [0, LOOKED_AT] {
            let mut now = Now { source: &source, looks, listed: None };
            let found = now.find("a").unwrap().unwrap();
            assert_eq!((found.path.as_str(), found.size_bytes), ("a", 1));
            assert_eq!(now.find("b").unwrap(), None);
            assert_eq!(now.listed.is_some(), looks == LOOKED_AT);
        }
    }
}
