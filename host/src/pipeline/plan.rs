//! The pipeline as resolved: every default filled in, every path absolute, nothing left to
//! look up. Immutable and printable; made by `resolve`.

use super::secrets::Secrets;
use crate::{
    diagnostic::{KeyPath, SourceText},
    storage::StorageOptions,
};
use arrow_schema::SchemaRef;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Everything a run needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the pipeline.
    pub name: String,
    /// The pipeline file.
    pub file: PathBuf,
    /// What it says, for diagnostics: [`Diagnostic::in_file`](crate::diagnostic::Diagnostic::in_file).
    pub text: Arc<SourceText>,
    /// Values that must not be shown: text made from anything in this plan goes through
    /// [`Secrets::redact`] before it is printed, logged or stored.
    pub secrets: Arc<Secrets>,
    /// SHA-256 of what the file says about the data (not of triggers or paths), in hex.
    pub config_hash: String,
    /// Where files come from.
    pub source: SourcePlan,
    /// When micro-batches start.
    pub trigger: Trigger,
    /// URL or absolute directory of the checkpoint.
    pub checkpoint: String,
    /// How to reach the store of the checkpoint.
    pub checkpoint_options: StorageOptions,
    /// The stages, in order.
    pub stages: Vec<StagePlan>,
    /// Where the table goes.
    pub sink: SinkPlan,
    /// When rejected records stop the pipeline.
    pub quarantine: QuarantinePlan,
}

/// Where files come from, and what is in them.
#[derive(Clone, Debug)]
pub struct SourcePlan {
    /// URL or absolute directory that paths of input files are relative to.
    pub root: String,
    /// How to reach the store at the root.
    pub storage_options: StorageOptions,
    /// Glob below the root, for example `2026/**/*.json.gz`; `**` crosses directories.
    pub pattern: String,
    /// The declared schema; `None`: inferred once, then pinned in the checkpoint.
    pub schema: Option<SchemaRef>,
    /// Name of the column that holds what did not fit the schema; `None`: dropped.
    pub rescued_column: Option<String>,
    /// What a value of the wrong type does.
    pub on_type_conflict: OnTypeConflict,
    /// Longest record that is decoded; longer ones are quarantined. Arrays at the top of a
    /// document are streamed and do not count.
    pub max_record_bytes: u64,
    /// Deepest nesting that is decoded.
    pub max_depth: u32,
    /// How many times its size a compressed file may give in text.
    pub max_decompression_ratio: u64,
    /// At most this many files in a micro-batch.
    pub max_files_per_trigger: Option<u64>,
    /// At most about this many bytes in a micro-batch (always at least one file).
    pub max_bytes_per_trigger: Option<u64>,
    /// What an input that changed between intent and replay does.
    pub on_changed_input: OnChangedInput,
    /// In which order files are taken.
    pub order: Order,
    /// Files that were changed longer than this before the newest one read are left out.
    pub max_file_age: Option<Duration>,
    /// What happens to files that were read.
    pub clean_source: CleanSource,
}

/// In which order files are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By modification time, then path.
    ModificationTime,
    /// By path, and only after the greatest path read so far.
    Lexicographic,
}

/// What happens to files that were read, once their micro-batch is visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CleanSource {
    /// They stay.
    Off,
    /// They are copied to another store, then deleted.
    Archive {
        /// URL or absolute directory of the archive.
        root: String,
        /// How to reach it.
        storage_options: StorageOptions,
    },
    /// They are deleted.
    Delete,
}

/// What a value of the wrong type does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTypeConflict {
    /// It becomes null; the value goes to the rescued column.
    Null,
    /// Its record goes to the quarantine.
    Quarantine,
}

/// What an input does that changed or vanished between intent and replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChangedInput {
    /// Stop and name it.
    Fail,
    /// Leave it out and say so.
    Skip,
}

/// When micro-batches start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// One micro-batch, then stop.
    Once,
    /// Micro-batches until nothing is left, then stop.
    AvailableNow,
    /// A micro-batch at most this often, for ever.
    Interval(Duration),
    /// A micro-batch as soon as a file arrives, for ever; where a source cannot tell of
    /// arrivals, it is listed this often.
    OnArrival(Duration),
}

/// One configured use of a plugin.
#[derive(Clone, Debug)]
pub struct StagePlan {
    /// Name in messages, logs and metrics: `explode`, or `explode-2` for a second one.
    pub name: String,
    /// Which component.
    pub plugin: PluginRef,
    /// Its config, JSON.
    pub config: serde_json::Value,
    /// What it may use.
    pub limits: Limits,
    /// What happens to rows that make the plugin fail twice.
    pub on_failure: OnFailure,
    /// Its table in the pipeline file: `stage[0]`.
    pub key: KeyPath,
}

/// Which component a stage runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PluginRef {
    /// A standard plugin, embedded in the binary.
    Standard(String),
    /// A `.wasm` file, absolute path.
    File(PathBuf),
}

/// What happens to rows that make a plugin fail: trap, run over a limit, or say so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// They go to the quarantine; the rest of the batch goes on.
    Quarantine,
    /// The pipeline stops.
    Stop,
}

/// What one call of a stage may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance.
    pub memory_bytes: u64,
    /// Wall time of one call.
    pub time_per_batch: Duration,
    /// Bytes that one call may return.
    pub output_bytes: u64,
    /// Rows that one call may return for each row given.
    pub rows_per_row: u64,
}

/// Where the table goes.
#[derive(Clone, Debug)]
pub struct SinkPlan {
    /// URL or absolute directory of the table.
    pub root: String,
    /// How to reach the store of the table.
    pub storage_options: StorageOptions,
    /// Partition columns, outermost first.
    pub partition_by: Vec<PartitionColumn>,
    /// Compression of the Parquet pages.
    pub compression: Compression,
    /// Rows of a row group, at most.
    pub row_group_rows: usize,
    /// A file is closed, and the next one started, when it has grown to this size.
    pub max_file_bytes: u64,
    /// Memory for rows that are not yet written, all open files together.
    pub memory_bytes: u64,
    /// At most this many files are open at once.
    pub max_open_files: usize,
    /// Column with the event time, for the commit log's minimum and maximum.
    pub event_time: Option<String>,
}

/// One partition column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionColumn {
    /// Name in the directory text.
    pub name: String,
    /// What its value is.
    pub value: PartitionValue,
    /// Where the pipeline file says so.
    pub key: KeyPath,
}

/// What the value of a partition column is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionValue {
    /// The column of the same name, which leaves the files.
    Column,
    /// A function of a column, which stays in the files.
    Derived(DateFunction, String),
}

/// A function of a timestamp (UTC) or date column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateFunction {
    /// `2026-03-01`
    Date,
    /// `2026`
    Year,
    /// `3`
    Month,
    /// `1`
    Day,
    /// `17`
    Hour,
}

/// Compression of Parquet pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// No compression.
    None,
    /// Snappy.
    Snappy,
    /// Zstandard, level 1.
    Zstd,
}

/// When rejected records stop the pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuarantinePlan {
    /// Largest share of a micro-batch's records that may be rejected, 0 to 1; `None`: all.
    pub max_rate: Option<f64>,
}
