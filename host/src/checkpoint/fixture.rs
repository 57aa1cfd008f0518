//! Records and stores for the tests of the checkpoint.

use super::this_runner;
use crate::{
    storage::{Storage, open},
    types::{BatchId, CommitRecord, InputFile, OffsetRecord, PendingFile, Position},
};
use tempfile::TempDir;

/// A directory in memory where there is one: these tests stop processes, not machines, so a
/// real fsync would only cost time.
pub(super) fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(super) fn storage() -> (TempDir, Storage) {
    let temp = directory();
    let storage = open(temp.path().to_str().unwrap()).unwrap();
    (temp, storage)
}

pub(super) fn offsets(batch: u64, paths: &[&str]) -> OffsetRecord {
    let file = |path: &&str| InputFile {
        path: (*path).to_owned(),
        size_bytes: 7,
        modified_us: 1_700_000_000_000_000,
        etag: None,
    };
    let files: Vec<_> = paths.iter().map(file).collect();
    OffsetRecord {
        batch: BatchId(batch),
        position: Position::after(None, &files),
        files,
        components: vec!["c0ffee".into()],
        config_hash: "beef".into(),
        replay: None,
        read_again: Vec::new(),
        watermark_us: None,
        runner: this_runner(),
        written_us: 1_700_000_000_000_001,
    }
}

pub(super) fn commit(batch: u64, files: Vec<PendingFile>) -> CommitRecord {
    let rows = files.iter().map(|file| file.rows).sum();
    CommitRecord {
        batch: BatchId(batch),
        skipped: Vec::new(),
        files,
        rows_read: rows,
        rows_written: rows,
        source_rejected: 0,
        stages: Vec::new(),
        quarantined: 0,
        quarantine_file: None,
        watermark_us: None,
        runner: this_runner(),
        written_us: 1_700_000_000_000_002,
    }
}
