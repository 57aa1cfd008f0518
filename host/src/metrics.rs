//! What a run tells of itself: one record per micro-batch, and what happens in between.
//!
//! Owns the names in progress records, which are those of Spark's `StreamingQueryProgress`
//! where it has one; knows nothing of who listens.

use crate::{
    diagnostic::Diagnostic,
    types::{BatchId, StageRows},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who listens to a run. Called from several threads.
pub trait Observer: Send + Sync {
    /// A micro-batch begins that will read this much, as stored.
    fn batch_started(&self, batch: BatchId, files: u64, bytes: u64) {
        let _ = (batch, files, bytes);
    }

    /// More input has been read, in bytes as stored.
    fn bytes_read(&self, bytes: u64) {
        let _ = bytes;
    }

    /// A micro-batch is visible.
    fn batch_done(&self, progress: &Progress) {
        let _ = progress;
    }

    /// There is nothing to read now; the next look is this far off.
    fn waiting(&self, until: Duration) {
        let _ = until;
    }

    /// Something worth saying in passing.
    fn remark(&self, remark: &str) {
        let _ = remark;
    }

    /// Something that does not stop the run.
    fn warning(&self, warning: &Diagnostic) {
        let _ = warning;
    }
}

/// Nobody listens.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {}

/// One micro-batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Identifier of the pipeline, from its checkpoint.
    pub id: String,
    /// Identifier of the run.
    pub run_id: String,
    /// Name of the pipeline.
    pub name: String,
    /// Start of the micro-batch: `2026-03-01T17:04:05.123Z`.
    pub timestamp: String,
    /// Number of the micro-batch.
    pub batch_id: u64,
    /// Wall time of the micro-batch, in milliseconds.
    pub batch_duration: u64,
    /// Records read.
    pub num_input_rows: u64,
    /// Records read for each second since the micro-batch before this one started.
    pub input_rows_per_second: f64,
    /// Records read for each second of the micro-batch.
    pub processed_rows_per_second: f64,
    /// Where the wall time went.
    pub duration_ms: DurationMs,
    /// Where the CPU time went, all threads together.
    pub cpu_ms: CpuMs,
    /// Rejected records that the micro-batch put back; it reads nothing else then.
    #[serde(default)]
    pub num_replayed_records: u64,
    /// Where the records came from; one.
    pub sources: Vec<SourceProgress>,
    /// What each stage did.
    pub stages: Vec<StageProgress>,
    /// Where the rows went.
    pub sink: SinkProgress,
    /// Records in the quarantine file of the micro-batch, the source's and every stage's.
    pub num_quarantined_rows: u64,
}

/// Wall time in milliseconds. `decode`, `stages` and `write` are parts of `addBatch`, summed
/// over the workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DurationMs {
    /// Discovering files.
    pub latest_offset: u64,
    /// Writing the intent.
    pub wal_commit: u64,
    /// Reading, transforming and writing.
    pub add_batch: u64,
    /// Decoding records.
    pub decode: u64,
    /// Running stages.
    pub stages: u64,
    /// Writing Parquet.
    pub write: u64,
    /// Writing the outcome.
    pub commit_offsets: u64,
    /// Making files visible.
    pub publish: u64,
    /// Everything.
    pub trigger_execution: u64,
}

/// CPU time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CpuMs {
    /// Decoding records.
    pub decode: u64,
    /// Running stages.
    pub stages: u64,
    /// Writing Parquet.
    pub write: u64,
    /// The whole process, in the time of the micro-batch.
    pub total: u64,
}

/// Where records came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceProgress {
    /// The source's root and pattern.
    pub description: String,
    /// The micro-batch before this one, if any.
    pub start_offset: Option<LogOffset>,
    /// This micro-batch.
    pub end_offset: LogOffset,
    /// Records read.
    pub num_input_rows: u64,
    /// Files read.
    pub num_input_files: u64,
    /// Bytes read, as stored.
    pub num_input_bytes: u64,
    /// Records that could not be decoded.
    pub num_quarantined_rows: u64,
}

/// A position in the offset log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogOffset {
    /// Number of the micro-batch.
    pub log_offset: u64,
}

/// What a stage did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageProgress {
    /// Name of the stage.
    pub name: String,
    /// Rows that came in.
    pub num_input_rows: u64,
    /// Rows that went out.
    pub num_output_rows: u64,
    /// Rows that a decision of the stage removed, or that had nothing to unnest.
    pub num_filtered_rows: u64,
    /// Rows it sent to the quarantine.
    pub num_quarantined_rows: u64,
}

impl From<&StageRows> for StageProgress {
    fn from(rows: &StageRows) -> Self {
        Self {
            name: rows.stage.clone(),
            num_input_rows: rows.rows_in,
            num_output_rows: rows.rows_out,
            num_filtered_rows: rows.filtered,
            num_quarantined_rows: rows.quarantined,
        }
    }
}

/// Where rows went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SinkProgress {
    /// The table's root.
    pub description: String,
    /// Rows written.
    pub num_output_rows: u64,
    /// Rows sent to the quarantine: their partition can have no directory.
    #[serde(default)]
    pub num_quarantined_rows: u64,
    /// Files published.
    pub num_output_files: u64,
    /// Bytes published.
    pub num_output_bytes: u64,
}

impl Progress {
    /// Fills in what follows from the rest: the rates, from the wall time of this micro-batch
    /// and the time since the one before it started.
    #[must_use]
    pub fn with_rates(mut self, since_last_start: Option<Duration>) -> Self {
        let rate =
            |rows: u64, seconds: f64| if seconds > 0.0 { rows as f64 / seconds } else { 0.0 };
        let own = Duration::from_millis(self.batch_duration).as_secs_f64();
        self.processed_rows_per_second = rate(self.num_input_rows, own);
        self.input_rows_per_second =
            since_last_start.map_or(0.0, |since| rate(self.num_input_rows, since.as_secs_f64()));
        self
    }
}

/// Microseconds since 1970 as `2026-03-01T17:04:05.123Z`.
#[must_use]
pub fn timestamp_text(us: i64) -> String {
    let (days, of_day_us) = (us.div_euclid(86_400_000_000), us.rem_euclid(86_400_000_000));
    // Days since 0000-03-01, in eras of 400 years: a leap day is then the last of its year.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let ms = of_day_us / 1_000;
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    let milli = ms % 1_000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_field_names_of_spark() {
        let progress = Progress { sources: vec![SourceProgress::default()], ..Progress::default() };
        let json = serde_json::to_value(progress).unwrap();
        for pointer in [
            "/id",
            "/runId",
            "/name",
            "/timestamp",
            "/batchId",
            "/numInputRows",
            "/inputRowsPerSecond",
            "/processedRowsPerSecond",
            "/durationMs/triggerExecution",
            "/durationMs/walCommit",
            "/durationMs/addBatch",
            "/durationMs/commitOffsets",
            "/durationMs/latestOffset",
            "/sources/0/description",
            "/sources/0/startOffset",
            "/sources/0/endOffset/logOffset",
            "/sources/0/numInputRows",
            "/sink/description",
            "/sink/numOutputRows",
        ] {
            assert!(json.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn rates_follow_from_rows_and_times() {
        let progress = Progress { num_input_rows: 100, batch_duration: 500, ..Progress::default() };
        let progress = progress.with_rates(Some(Duration::from_secs(10)));
        assert_eq!(
            (progress.processed_rows_per_second, progress.input_rows_per_second),
            (200.0, 10.0)
        );
        let empty = Progress::default().with_rates(None);
        assert!(empty.processed_rows_per_second.abs() < f64::EPSILON);
    }

    #[test]
    fn timestamps_are_iso_8601_in_utc() {
        assert_eq!(timestamp_text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp_text(1_772_384_645_123_456), "2026-03-01T17:04:05.123Z");
        assert_eq!(timestamp_text(951_782_400_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(timestamp_text(-1), "1969-12-31T23:59:59.999Z");
    }
}
