//! The nouns that travel between the parts of a run, and the records of both logs.
//!
//! Owns data only; knows nothing of where it comes from or goes to.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Number of a micro-batch: one commit unit, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub u64);

impl BatchId {
    /// The micro-batch after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Ten digits, so that names sort by number.
impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

/// A file of the source, as listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Path below the source's root.
    pub path: String,
    /// Size in bytes, as stored (compressed files: compressed).
    pub size_bytes: u64,
    /// Last change, in microseconds since 1970.
    pub modified_us: i64,
    /// Entity tag, from stores that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// Values of the partition columns, as directory text: `None` is null.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionKey(pub Vec<(String, Option<String>)>);

/// How a store makes a pending file visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PendingHandle {
    /// Written under this path, and durable once the store was asked to sync it; published by a
    /// rename.
    Rename {
        /// Path of the pending file below the store's root.
        path: String,
    },
    /// All parts of an upload are with the service; published by completing it.
    Multipart {
        /// The service's name of the upload; empty where it has none.
        upload: String,
        /// The service's names of the parts, in order.
        parts: Vec<String>,
        /// Path of the note that names the upload as long as it is open; empty where there is none.
        note: String,
    },
}

/// A complete output file that no reader sees yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingFile {
    /// Final path below the sink's root.
    pub path: String,
    /// How to publish it.
    pub handle: PendingHandle,
    /// Rows in it.
    pub rows: u64,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Smallest and largest event time in it, in microseconds since 1970, where the sink knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time_us: Option<(i64, i64)>,
}

/// Who runs a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    /// Host name.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// Start of the process, in microseconds since 1970.
    pub started_us: i64,
}

/// A rejected record, for good: the micro-batch that rejected it, and its line there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId {
    /// The micro-batch that rejected it.
    pub batch: BatchId,
    /// Line in that micro-batch's quarantine file, from 1.
    pub line: u64,
}

/// How paths of input files start that are rejected records. The empty name in it is one that
/// no file of any store has.
const RECORD_PATH: &str = "//quarantine/";

impl RecordId {
    /// The path under which a record counts as an input file once it is put back.
    #[must_use]
    pub fn input_path(self) -> String {
        format!("{RECORD_PATH}{}/{}", self.batch, self.line)
    }

    /// The record that counts as the input file of this path; `None` for a real file.
    #[must_use]
    pub fn of_input_path(path: &str) -> Option<Self> {
        let (batch, line) = path.strip_prefix(RECORD_PATH)?.split_once('/')?;
        Some(Self { batch: BatchId(batch.parse().ok()?), line: line.parse().ok()? })
    }
}

/// `3:17`, micro-batch and line.
impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.batch.0, self.line)
    }
}

/// One record that left the stream, with everything needed to repair and replay it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Where it failed: `source`, or the name of a stage.
    pub stage: String,
    /// Stable identifier of the reason.
    pub code: String,
    /// The reason, for a person.
    pub message: String,
    /// Path of the input file below the source's root.
    pub file: String,
    /// Where the record starts, in bytes of the uncompressed file.
    pub offset_bytes: u64,
    /// Position in the list that was unnested, for a row that came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<u64>,
    /// The original text of the record (invalid UTF-8 replaced).
    pub record: String,
    /// Whether `record` is only the start of the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Whether `record` stands for more rows than the rejected one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// For a record that was put back and rejected again: which one it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<RecordId>,
}

/// Rows of one stage in one micro-batch: `rows_in + unnested = rows_out + filtered + quarantined`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRows {
    /// Name of the stage.
    pub stage: String,
    /// Rows that came in.
    pub rows_in: u64,
    /// Rows added by unnesting or reindexing.
    pub unnested: i64,
    /// Rows that a decision of the stage removed, or that had nothing to unnest.
    pub filtered: u64,
    /// Rows it sent to the quarantine.
    pub quarantined: u64,
    /// Rows it noted and let through.
    pub noted: u64,
    /// Rows that went out.
    pub rows_out: u64,
}

/// Adds the counts; the name stays.
impl std::ops::AddAssign<&Self> for StageRows {
    fn add_assign(&mut self, other: &Self) {
        self.rows_in += other.rows_in;
        self.unnested += other.unnested;
        self.filtered += other.filtered;
        self.quarantined += other.quarantined;
        self.noted += other.noted;
        self.rows_out += other.rows_out;
    }
}

/// How a listed file stands to the consumed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// No file of this path was consumed.
    New,
    /// It was consumed, and has not changed since.
    Consumed,
    /// It was consumed, and has changed since.
    Changed,
}

/// How far the source was read: the furthest in each order, over all micro-batches so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The greatest path.
    pub path: String,
    /// The latest change of a file, in microseconds since 1970.
    pub modified_us: i64,
}

impl Position {
    /// The position once these files were read, too.
    #[must_use]
    pub fn after(before: Option<&Self>, files: &[InputFile]) -> Option<Self> {
        let path = files.iter().map(|file| file.path.as_str()).max();
        let modified_us = files.iter().map(|file| file.modified_us).max();
        let path = path.max(before.map(|before| before.path.as_str()))?.to_owned();
        let modified_us = modified_us.max(before.map(|before| before.modified_us))?;
        Some(Self { path, modified_us })
    }
}

/// INTENT: what a micro-batch will read, written before anything is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetRecord {
    /// The micro-batch.
    pub batch: BatchId,
    /// Its input files, in reading order.
    pub files: Vec<InputFile>,
    /// SHA-256 of each stage's component, in order.
    pub components: Vec<String>,
    /// SHA-256 of what the pipeline file says about the data.
    pub config_hash: String,
    /// For one that puts rejected records back: SHA-256 of their text, `replays/<sha256>.jsonl`
    /// of the checkpoint. Its files are then these records: see [`RecordId::input_path`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// Files of the source that such a micro-batch reads again, as they are now: consumed in this
    /// form, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_again: Vec<InputFile>,
    /// How far the source is read with this micro-batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Event-time watermark before the micro-batch, in microseconds since 1970.
    pub watermark_us: Option<i64>,
    /// Who wrote this record.
    pub runner: Runner,
    /// When, in microseconds since 1970.
    pub written_us: i64,
}

impl OffsetRecord {
    /// Every file that is consumed once the micro-batch is committed.
    pub fn consumed(&self) -> impl Iterator<Item = &InputFile> {
        self.files.iter().chain(&self.read_again)
    }
}

/// OUTCOME: what a micro-batch wrote. Writing it is the commit point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRecord {
    /// The micro-batch.
    pub batch: BatchId,
    /// Paths of recorded inputs that were not read, because they had changed before a replay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// The files to publish.
    pub files: Vec<PendingFile>,
    /// Records read from the source.
    pub rows_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Records the source rejected.
    pub source_rejected: u64,
    /// Rows of every stage.
    pub stages: Vec<StageRows>,
    /// Lines in the micro-batch's quarantine file.
    pub quarantined: u64,
    /// The quarantine file, where there is one: published before the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine_file: Option<PendingFile>,
    /// Event-time watermark after the micro-batch, in microseconds since 1970.
    pub watermark_us: Option<i64>,
    /// Who wrote this record; after a replay not who began the micro-batch.
    pub runner: Runner,
    /// When, in microseconds since 1970.
    pub written_us: i64,
}

impl CommitRecord {
    /// Rows that went to the quarantine after the last stage: for want of a directory.
    #[must_use]
    pub fn sink_rejected(&self) -> u64 {
        let by_stages: u64 = self.stages.iter().map(|stage| stage.quarantined).sum();
        self.quarantined.saturating_sub(self.source_rejected + by_stages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_put_back_has_a_path_that_no_file_has() {
        let id = RecordId { batch: BatchId(3), line: 17 };
        assert_eq!(id.input_path(), "//quarantine/0000000003/17");
        assert_eq!(RecordId::of_input_path(&id.input_path()), Some(id));
        assert_eq!(id.to_string(), "3:17");
        for file in ["quarantine/0000000003/17", "/quarantine/3/1", "//quarantine/3", "a//b"] {
            assert_eq!(RecordId::of_input_path(file), None, "{file}");
        }
    }
}
