//! Makes the files of a committed micro-batch visible, or drops those of an abandoned one.
//!
//! Owns the order: the quarantine first, so that whoever sees the table can see what is
//! missing from it. Both functions may be called any number of times.

use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{PENDING, Storage},
    types::{BatchId, CommitRecord},
};
use std::collections::BTreeSet;

/// Publishes every file of a commit; those that are published already stay as they are.
///
/// # Errors
/// Fails when the store refuses, or when a file is neither pending nor published.
pub fn publish(storage: &Storage, commit: &CommitRecord) -> Result<()> {
    let quarantine = commit.quarantine_file.as_slice();
    for files in [quarantine, &commit.files] {
        if !files.is_empty() {
            storage.publish(files).map_err(|error| in_doubt(commit.batch, error))?;
        }
    }
    Ok(())
}

/// Drops everything pending of a micro-batch that was not committed.
///
/// # Errors
/// Fails when the store refuses.
pub fn discard(storage: &Storage, batch: BatchId) -> Result<()> {
    storage.discard(batch).map_err(|error| {
        error.context(format!("cannot drop the pending files of micro-batch {}", batch.0))
    })
}

/// Drops everything that is pending of micro-batches up to this one, which are all published: it
/// belonged to runners that died, or that another one was faster than.
///
/// # Errors
/// Fails when the store refuses.
pub fn discard_through(storage: &Storage, last: BatchId) -> Result<()> {
    let batch = |path: &str| {
        let below = path.strip_prefix(PENDING)?.strip_prefix('/')?;
        below.split('/').next()?.parse().ok().map(BatchId)
    };
    let batches: BTreeSet<_> =
        storage.list(PENDING)?.iter().filter_map(|meta| batch(&meta.path)).collect();
    batches.into_iter().filter(|batch| *batch <= last).try_for_each(|batch| discard(storage, batch))
}

fn in_doubt(batch: BatchId, error: Diagnostic) -> Diagnostic {
    let is_hinted = error.hints.iter().any(|hint| hint.contains("rewind"));
    let doubt =
        error.context(format!("micro-batch {} is committed but not wholly published", batch.0));
    if is_hinted {
        return doubt;
    }
    doubt.hint("nothing is lost: run the pipeline again, and publishing goes on where it stopped")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        storage::{
            fault::{Fault, Faults},
            local::LocalStore,
        },
        types::{PendingFile, Runner},
    };
    use std::{io::Write, sync::Arc};

    fn pending(storage: &Storage, path: &str) -> PendingFile {
        let mut writer = storage.pending(BatchId(3), path).unwrap();
        writer.write_all(path.as_bytes()).unwrap();
        let (handle, size_bytes) = (writer.finish().unwrap(), path.len() as u64);
        PendingFile { path: path.into(), handle, rows: 1, size_bytes, event_time_us: None }
    }

    fn commit(storage: &Storage) -> CommitRecord {
        CommitRecord {
            batch: BatchId(3),
            skipped: Vec::new(),
            files: ["k=a/1.parquet", "k=b/1.parquet"].map(|path| pending(storage, path)).into(),
            rows_read: 0,
            rows_written: 0,
            source_rejected: 0,
            stages: Vec::new(),
            quarantined: 1,
            quarantine_file: Some(pending(storage, "_lockgate/quarantine/3.jsonl")),
            watermark_us: None,
            runner: Runner { host: "h".into(), pid: 1, started_us: 0 },
            written_us: 0,
        }
    }

    fn visible(storage: &Storage) -> Vec<String> {
        let files = storage.list("").unwrap().into_iter().map(|meta| meta.path);
        files.filter(|path| !path.contains("pending")).collect()
    }

    #[test]
    fn publishing_stops_at_any_operation_and_goes_on_where_it_stopped() {
        for operation in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let local: Storage = Arc::new(LocalStore::new(folder.path()).unwrap());
            let commit = commit(&local);
            let faults = Faults::at(operation, Fault::StopAfter);
            let first = publish(&faults.wrap(Arc::clone(&local)), &commit);
            let seen = visible(&local);
            assert!(seen.is_empty() || seen[0].starts_with("_lockgate/quarantine"), "{seen:?}");
            for _ in 0..2 {
                publish(&local, &commit).unwrap();
            }
            assert_eq!(visible(&local).len(), 3);
            if first.is_ok() {
                return;
            }
            assert!(first.unwrap_err().message.contains("micro-batch 3 is committed"));
        }
    }

    #[test]
    fn what_is_pending_of_published_micro_batches_goes_and_of_later_ones_stays() {
        let folder = tempfile::tempdir().unwrap();
        let local: Storage = Arc::new(LocalStore::new(folder.path()).unwrap());
        for batch in [1, 3, 4, 10] {
            local.pending(BatchId(batch), "p").unwrap().finish().unwrap();
        }
        discard_through(&local, BatchId(3)).unwrap();
        let left: Vec<_> = local.list("").unwrap().into_iter().map(|meta| meta.path).collect();
        let dirs: Vec<_> = left.iter().filter_map(|path| path.split('/').nth(2)).collect();
        assert_eq!(dirs, ["0000000004", "0000000010"]);
    }

    #[test]
    fn discarding_leaves_nothing_and_may_be_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let local: Storage = Arc::new(LocalStore::new(folder.path()).unwrap());
        commit(&local);
        for _ in 0..2 {
            discard(&local, BatchId(3)).unwrap();
            assert_eq!(local.list("").unwrap(), []);
        }
    }

    #[test]
    fn a_file_that_is_nowhere_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let local: Storage = Arc::new(LocalStore::new(folder.path()).unwrap());
        let commit = commit(&local);
        discard(&local, BatchId(3)).unwrap();
        assert!(publish(&local, &commit).is_err());
    }
}
