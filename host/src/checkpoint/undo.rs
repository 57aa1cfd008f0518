//! What a rewind would undo, told before it is done.
//!
//! Owns the account of it; changes nothing.

use super::{history::History, rewind};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{Meta, Storage},
    types::{BatchId, InputFile, PendingFile, RecordId},
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
    /// Refuses when there is nothing to undo, or too much, and when files of `to` itself are gone,
    /// as every start publishes the last commit again; fails when a record is damaged, and
    /// when a store refuses.
    pub fn preview(
        storage: &Storage,
        source: &Storage,
        sink: &Storage,
        (to, last): (BatchId, BatchId),
    ) -> Result<Self> {
        rewind::check(storage, to, last)?;
        refuse_gone(storage, sink, to, last)?;
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

/// Makes sure that the files of the micro-batch that becomes the last one are there.
fn refuse_gone(storage: &Storage, sink: &Storage, to: BatchId, last: BatchId) -> Result<()> {
    let mut refusal: Option<Diagnostic> = None;
    for recorded in History::open(storage)?.from(to) {
        let Some(commit) = recorded?.commit.filter(|commit| commit.batch < last) else { break };
        let files = commit.files.iter().chain(&commit.quarantine_file);
        if let Some(path) = first_gone(sink, files)? {
            refusal.get_or_insert_with(|| gone(sink, to, path));
            continue;
        }
        let hint = format!("or go back less far: `--to {}` is possible", commit.batch.0);
        return refusal.map_or(Ok(()), |refusal| Err(refusal.hint(hint)));
    }
    refusal.map_or(Ok(()), Err)
}

fn first_gone<'a>(
    sink: &Storage,
    files: impl Iterator<Item = &'a PendingFile>,
) -> Result<Option<&'a str>> {
    for file in files {
        if sink.head(&file.path)?.is_none_or(|found| found.size_bytes != file.size_bytes) {
            return Ok(Some(&file.path));
        }
    }
    Ok(None)
}

fn gone(sink: &Storage, to: BatchId, path: &str) -> Diagnostic {
    Diagnostic::data(format!("cannot go back to micro-batch {}: files of it are gone", to.0))
        .cause(format!("`{}/{path}` is gone, or not as it was committed", sink.root()))
        .cause("it would be the last micro-batch, which every start publishes again")
        .hint("put the file back from a copy")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{
        crash::{run, stores},
        fixture,
    };

    #[test]
    fn where_files_of_the_last_micro_batch_would_be_gone_the_next_possible_one_is_named() {
        let temp = fixture::directory();
        let (checkpoint, sink) = stores(temp.path());
        run(&checkpoint, &sink).unwrap();
        let preview = |to| Undo::preview(&checkpoint, &sink, &sink, (BatchId(to), BatchId(4)));
        for batch in [0, 1] {
            sink.delete(&format!("x=1/part-000000000{batch}-0.parquet")).unwrap();
        }
        for to in [0, 1] {
            let refusal = preview(to).unwrap_err();
            assert!(refusal.causes[0].contains(&format!("part-000000000{to}-0")), "{refusal}");
            assert!(refusal.hints[1].contains("`--to 2` is possible"), "{refusal}");
        }
        assert_eq!(preview(2).unwrap().table_files.count, 4);
        sink.delete("x=2/part-0000000003-0.parquet").unwrap();
        assert_eq!(preview(3).unwrap_err().hints.len(), 1, "none after it");
    }

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
