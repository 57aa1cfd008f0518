//! The pipeline file as written.
//!
//! Owns the keys, their defaults and their documentation: the JSON Schema, the reference
//! and the messages about unknown keys all come from here. Knows nothing of files, the
//! environment or plugins; `resolve` turns it into a
//! [`Plan`](super::plan::Plan).

mod source;
mod storage_options;

pub use source::{
    CleanSource, Format, Off, OnChangedInput, OnTypeConflict, Order, RescuedColumn, SchemaSource,
    Source,
};
pub use storage_options::StorageOptions;

use super::quantity::{ByteSize, TimeSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// A pipeline: files in, stages, a table out.
///
/// Relative paths are relative to the pipeline file. `${env:NAME}` and `${file:path}` work
/// in every string; what they stand for never reaches a log, the checkpoint or a message.
/// Write `$${` for a literal `${`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who the pipeline is.
    #[serde(default)]
    pub pipeline: Pipeline,
    /// Where files come from, and what is in them.
    pub source: Source,
    /// When micro-batches start.
    #[serde(default)]
    pub trigger: Trigger,
    /// Where progress is kept.
    pub checkpoint: Checkpoint,
    /// The stages, in order; without any, records go to the table as they are.
    #[serde(default, rename = "stage")]
    pub stages: Vec<Stage>,
    /// Where the table goes, and how it is written.
    pub sink: Sink,
    /// What happens to records that are rejected.
    #[serde(default)]
    pub quarantine: Quarantine,
}

/// Who the pipeline is.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Name in logs, progress records and the footers of files: letters, digits, `-`, `_`
    /// and `.`. Default: the name of the file, or of its directory when the file is called
    /// `pipeline.toml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"payments")]
    pub name: Option<String>,
}

/// When micro-batches start: an interval or a mode, not both.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Start a micro-batch at most this often, for ever. Default, without `mode`: `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"10s")]
    pub interval: Option<TimeSpan>,
    /// Start otherwise than at an interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// With `mode = "on_arrival"`: how often the source is listed where it cannot tell of files
    /// that arrive: in object stores and on network file systems. Default: `1s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"5s")]
    pub poll_interval: Option<TimeSpan>,
}

impl Trigger {
    /// The interval when the file names neither interval nor mode.
    pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);
    /// How often a source is listed that cannot tell of arrivals.
    pub const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(1);
}

/// When micro-batches start, other than at an interval.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One, at once; then stop.
    Once,
    /// One after the other, until nothing is left to read; then stop.
    AvailableNow,
    /// As soon as a file arrives, for ever: once it is closed after writing, or moved into place.
    OnArrival,
}

/// Where progress is kept.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Directory or URL of this pipeline alone. Losing it means reading everything again.
    #[schemars(example = &"../state/payments")]
    pub path: String,
    /// How to reach the store, where `path` is a URL.
    #[serde(default)]
    pub storage_options: StorageOptions,
}

/// One configured use of a plugin.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// A standard plugin by name, or the path of a `.wasm` component.
    #[schemars(example = &"filter")]
    pub plugin: String,
    /// Name in messages, logs and metrics. Default: the plugin's, with `-2`, `-3`, ... for
    /// further uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the plugin should do; each plugin documents its own keys.
    #[serde(default)]
    pub config: serde_json::Map<String, serde_json::Value>,
    /// What one call of the plugin may use.
    #[serde(default)]
    pub limits: Limits,
    /// What happens to rows that make the plugin fail, twice, in fresh sandboxes: by a trap,
    /// a limit, or an error of its own.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// What happens to rows that make a plugin fail.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// They go to the quarantine; the rest of the micro-batch goes on.
    #[default]
    Quarantine,
    /// The pipeline stops.
    Stop,
}

/// What one call of a plugin may use. Beyond any of these the call fails.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of one sandbox; each worker has its own.
    pub memory: ByteSize,
    /// Time of one call.
    pub time_per_batch: TimeSpan,
    /// Bytes that one call may return.
    pub output: ByteSize,
    /// Rows that one call may return for each row it was given.
    #[schemars(range(min = 1))]
    pub rows_per_row: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize(256 << 20),
            time_per_batch: TimeSpan(Duration::from_secs(10)),
            output: ByteSize(256 << 20),
            rows_per_row: 10_000,
        }
    }
}

/// Where the table goes, and how it is written.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// Directory or URL of the table.
    #[schemars(example = &"../out/payments")]
    pub path: String,
    /// How to reach the store, where `path` is a URL.
    #[serde(default)]
    pub storage_options: StorageOptions,
    /// Columns that become directories (`date=2026-03-01/`), outermost first: columns of the
    /// last stage, or names from `derive`.
    #[serde(default)]
    #[schemars(example = ["date"])]
    pub partition_by: Vec<String>,
    /// Partition columns computed from a timestamp (UTC) or date column: `date(column)`,
    /// `year(column)`, `month(column)`, `day(column)` or `hour(column)`.
    #[serde(default)]
    pub derive: BTreeMap<String, String>,
    /// Compression of the Parquet pages.
    #[serde(default)]
    pub compression: Compression,
    /// Rows of a row group, at most.
    #[serde(default = "Sink::row_group_rows")]
    #[schemars(range(min = 1, max = 16_777_216))]
    pub row_group_rows: u32,
    /// A file that has grown to this size is closed, and the next one started.
    #[serde(default = "Sink::max_file_bytes")]
    pub max_file_bytes: ByteSize,
    /// Memory for rows that are not yet written, all open files together.
    #[serde(default = "Sink::memory")]
    pub memory: ByteSize,
    /// At most this many files are open at once.
    #[serde(default = "Sink::max_open_files")]
    #[schemars(range(min = 1, max = 65_536))]
    pub max_open_files: u32,
    /// Timestamp column whose smallest and largest value the commit log keeps for each file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"timestamp")]
    pub event_time: Option<String>,
}

impl Sink {
    fn row_group_rows() -> u32 {
        131_072
    }

    fn max_file_bytes() -> ByteSize {
        ByteSize(512 << 20)
    }

    fn memory() -> ByteSize {
        ByteSize(48 << 20)
    }

    fn max_open_files() -> u32 {
        128
    }
}

/// Compression of Parquet pages.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Largest and fastest to write.
    None,
    /// Fast.
    Snappy,
    /// Small.
    #[default]
    Zstd,
}

/// What happens to records that are rejected: they are kept, with the reason, below the
/// table in `_lockgate/quarantine/`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// Stop when more than this share of a micro-batch's records is rejected. Default: never
    /// stop, since a share of a few records says little; every progress record counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0), example = 0.01)]
    pub max_rate: Option<f64>,
}
