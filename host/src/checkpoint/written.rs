//! The permit to commit.
//!
//! Owns the proof that a write is finished; knows nothing of logs. A [`Written`] exists only
//! for an outcome whose every file lies complete and invisible in the store, and
//! [`Checkpoint::write_commit`](super::Checkpoint::write_commit) takes nothing else, so "commit
//! before write" does not compile, and a file that was lost meanwhile is noticed while the
//! micro-batch can still be replayed.

use crate::{
    diagnostic::{Diagnostic, Result},
    storage::Store,
    types::{BatchId, CommitRecord, PendingFile},
};

/// An outcome whose files are all in the store.
#[derive(Debug)]
pub struct Written(CommitRecord);

impl Written {
    /// Makes every file of the outcome durable, and looks at it, and at the counts.
    ///
    /// # Errors
    /// Fails when the store refuses, when a file is missing or has another size than recorded, when its final name is
    /// taken, and when the files' rows do not add up to the rows written.
    pub fn verify(record: CommitRecord, sink: &dyn Store) -> Result<Self> {
        // All at once: names in one directory are made durable once.
        let files: Vec<_> = record.files.iter().chain(&record.quarantine_file).cloned().collect();
        sink.sync_pending(&files).map_err(|failure| failure.context(refused(record.batch)))?;
        for file in &files {
            verify_file(record.batch, file, sink)?;
        }
        let rows: u64 = record.files.iter().map(|file| file.rows).sum();
        if rows != record.rows_written {
            return Err(Diagnostic::internal(format!(
                "the files of micro-batch {} hold {rows} rows where {} were written",
                record.batch.0, record.rows_written
            )));
        }
        Ok(Self(record))
    }

    /// The outcome.
    pub fn record(&self) -> &CommitRecord {
        &self.0
    }

    pub(super) fn into_record(self) -> CommitRecord {
        self.0
    }
}

fn verify_file(batch: BatchId, file: &PendingFile, sink: &dyn Store) -> Result<()> {
    sink.verify_pending(file).map_err(|failure| failure.context(refused(batch)))?;
    match sink.head(&file.path)? {
        None => Ok(()),
        Some(_) => Err(Diagnostic::storage(refused(batch))
            .cause(format!("there is a file `{}/{}` already", sink.root(), file.path))
            .hint("the table is newer than the checkpoint: put back the checkpoint it was written with")
            .hint("or start over: move the checkpoint and the table away, both, then run again")),
    }
}

fn refused(batch: BatchId) -> String {
    format!("micro-batch {} cannot be committed", batch.0)
}
