//! A partition as the writer sees it: a number, a directory, and the true values.

use super::super::hive;
use crate::types::{BatchId, PartitionKey};

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
    pub(super) fn new(index: usize, key: PartitionKey) -> Self {
        let directory = hive::directory(&key);
        Self { index, directory, key }
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
