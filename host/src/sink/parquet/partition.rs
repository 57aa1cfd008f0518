//! A partition as the writer sees it: a number, a directory, and the true values.

use super::super::hive;
use crate::{
    diagnostic::{Diagnostic, Result},
    types::{BatchId, PartitionKey},
};

/// Longest directory name that every usual file system takes.
const LONGEST_NAME_BYTES: usize = 255;

/// One partition of one micro-batch.
#[derive(Debug)]
pub(super) struct Partition {
    /// Position in order of first appearance.
    pub(super) index: usize,
    /// Its directory below the sink's root; several partitions may share one.
    pub(super) directory: String,
    key: PartitionKey,
}

impl Partition {
    /// # Errors
    /// Fails when the directory could not be made: pending files have other names, so this
    /// would show only after the commit.
    pub(super) fn new(index: usize, key: PartitionKey) -> Result<Self> {
        let directory = hive::directory(&key);
        match directory.split('/').find(|name| name.len() > LONGEST_NAME_BYTES) {
            None => Ok(Self { index, directory, key }),
            Some(name) => {
                let start: String = name.chars().take(60).collect();
                let message = format!(
                    "a row belongs to the partition `{start}...`, whose directory name has {} \
                     bytes; file systems take {LONGEST_NAME_BYTES}",
                    name.len()
                );
                let hint = "shorten the value in a stage, or partition by something else";
                Err(Diagnostic::data(message).hint(hint))
            }
        }
    }

    /// Final path of a file of this partition: a pure function of micro-batch, directory and
    /// ordinal.
    pub(super) fn file(&self, batch: BatchId, ordinal: u64) -> String {
        let slash = if self.directory.is_empty() { "" } else { "/" };
        format!("{}{slash}part-{batch}-{ordinal:04}.parquet", self.directory)
    }

    /// The true values, which the directory text may not tell apart: `[["k",null]]`.
    pub(super) fn key_json(&self) -> String {
        serde_json::to_string(&self.key).unwrap_or_default()
    }
}
