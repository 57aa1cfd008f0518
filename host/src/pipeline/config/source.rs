//! `[source]` as written: where files come from, and what is in them.

use super::{
    super::quantity::{ByteSize, TimeSpan},
    StorageOptions,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where files come from, and what is in them.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Files to read: a path with `*`, `?`, `[a-z]`, `{a,b}` and `**` (any directories), or a
    /// directory (everything below it). Files that end in `.gz` or `.zst`, or start like
    /// such files, are decompressed. Names that start with `_` or `.` are left out unless the
    /// path spells that letter. A file is read once: move finished files into place.
    /// Or a URL below which the pattern is looked for: `s3://bucket/input/**/*.json`.
    #[schemars(example = &"input/**/*.json")]
    pub path: String,
    /// How to reach the store, where `path` is a URL.
    #[serde(default)]
    pub storage_options: StorageOptions,
    /// What is in the files.
    #[serde(default)]
    pub format: Format,
    /// What is in a record: the path of a schema file, or a table with the same content.
    /// Default: inferred from the first micro-batch, then pinned in the checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"payments.schema.toml")]
    pub schema: Option<SchemaSource>,
    /// Column that holds, as JSON text, the parts of a record that did not fit the schema.
    /// `false` drops them.
    #[serde(default = "Source::rescued_column")]
    pub rescued_column: RescuedColumn,
    /// What a value of the wrong type does.
    #[serde(default)]
    pub on_type_conflict: OnTypeConflict,
    /// Longest record that is decoded; longer ones go to the quarantine. An array at the top
    /// of a document is streamed, so that only its elements count.
    #[serde(default = "Source::max_record_bytes")]
    pub max_record_bytes: ByteSize,
    /// Deepest nesting that is decoded; deeper records go to the quarantine.
    #[serde(default = "Source::max_depth")]
    #[schemars(range(min = 1, max = 1024))]
    pub max_depth: u32,
    /// How many times its size a compressed file may give in text, 64 MiB in any case. What
    /// comes before is read; the rest is named in the quarantine, as `decompression-bomb`.
    #[serde(default = "Source::max_decompression_ratio")]
    #[schemars(range(min = 1))]
    pub max_decompression_ratio: u64,
    /// At most this many files in a micro-batch.
    #[serde(default = "Source::max_files_per_trigger")]
    #[schemars(range(min = 1))]
    pub max_files_per_trigger: u64,
    /// At most this many bytes in a micro-batch, as stored, but always at least one file.
    #[serde(default = "Source::max_bytes_per_trigger")]
    pub max_bytes_per_trigger: ByteSize,
    /// What happens when a micro-batch is replayed after a crash and one of its files has
    /// changed or is gone.
    #[serde(default)]
    pub on_changed_input: OnChangedInput,
    /// In which order files are taken.
    #[serde(default)]
    pub order: Order,
    /// Files that were changed longer than this before the newest file read so far are left
    /// out, however late they are found. The clock does not count, and the first micro-batch
    /// takes files of any age. Default: files of any age are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"7d")]
    pub max_file_age: Option<TimeSpan>,
    /// What happens to a file once everything of its micro-batch is visible in the table.
    #[serde(default)]
    pub clean_source: CleanSource,
    /// Where `clean_source = "archive"` moves files to, under the paths they had below the
    /// source: a directory or a URL outside the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"../archive/payments")]
    pub archive_path: Option<String>,
    /// How to reach the archive's store. Default: as the source, where both URLs have the same
    /// scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_storage_options: Option<StorageOptions>,
}

impl Source {
    fn rescued_column() -> RescuedColumn {
        RescuedColumn::Name("_rescued".into())
    }

    fn max_record_bytes() -> ByteSize {
        ByteSize(16 << 20)
    }

    fn max_depth() -> u32 {
        64
    }

    fn max_decompression_ratio() -> u64 {
        250
    }

    fn max_files_per_trigger() -> u64 {
        1_000
    }

    fn max_bytes_per_trigger() -> ByteSize {
        ByteSize(1 << 30)
    }
}

/// What is in the files.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Documents, one record a line (NDJSON) or arrays at the top, told apart per file.
    #[default]
    Json,
}

/// In which order files are taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Oldest change first. Every trigger lists all files; but a listing serves later
    /// micro-batches, too, for ten times as long as it took, at least a second.
    #[default]
    ModificationTime,
    /// By path. A trigger lists only what sorts after the greatest path read so far, so that its
    /// cost does not grow with what was read; a file that appears later under a smaller path is
    /// never read. For names that grow with time, in one directory tree for each writer.
    Lexicographic,
}

/// What happens to files that were read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CleanSource {
    /// They stay.
    #[default]
    Off,
    /// They are copied to `archive_path`, then deleted.
    Archive,
    /// They are deleted, except those with records in the quarantine; of a micro-batch in which
    /// a row was rejected that a stage made up, none is.
    Delete,
}

/// A schema file, or its content.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SchemaSource {
    /// Path of a schema file.
    File(String),
    /// The content of a schema file.
    Inline(serde_json::Map<String, serde_json::Value>),
}

/// A column name, or `false`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RescuedColumn {
    /// Name of the column.
    Name(String),
    /// `false`: no such column.
    Off(Off),
}

/// `false`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Off(bool);

impl<'de> Deserialize<'de> for Off {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            return Err(serde::de::Error::custom("`true` is neither a name nor `false`"));
        }
        Ok(Self(false))
    }
}

impl JsonSchema for Off {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Off".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "boolean", "const": false })
    }
}

/// What a value of the wrong type does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnTypeConflict {
    /// It becomes null; the value goes to the rescued column.
    #[default]
    Null,
    /// Its record goes to the quarantine.
    Quarantine,
}

/// What a changed input does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnChangedInput {
    /// The pipeline stops and names the file.
    #[default]
    Fail,
    /// The file is left out for good, and a warning says so. Where no file at all
    /// matches `path`, the pipeline stops.
    Skip,
}
