//! A finished micro-batch as a progress record.

use super::session::Done;
use crate::{
    clock::process_cpu,
    metrics::{
        CpuMs, DurationMs, LogOffset, Progress, SinkProgress, SourceProgress, StageProgress,
        timestamp_text,
    },
    pipeline::plan::Plan,
};
use std::time::{Duration, Instant};

/// Makes progress records of one run.
pub(super) struct Report {
    id: String,
    run_id: String,
    name: String,
    source: String,
    sink: String,
    last_start: Option<Instant>,
    cpu: Duration,
}

impl Report {
    pub(super) fn new(plan: &Plan, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            run_id: uuid::Uuid::new_v4().to_string(),
            name: plan.name.clone(),
            source: format!("{}/{}", plan.source.root.trim_end_matches('/'), plan.source.pattern),
            sink: plan.sink.root.clone(),
            last_start: None,
            cpu: process_cpu(),
        }
    }

    /// The record of one micro-batch.
    pub(super) fn micro_batch(&mut self, done: &Done) -> Progress {
        let since_last_start =
            self.last_start.map(|last| done.start.saturating_duration_since(last));
        self.last_start = Some(done.start);
        let cpu_before = std::mem::replace(&mut self.cpu, process_cpu());
        let (commit, timings) = (&done.commit, &done.timings);
        let batch_id = commit.batch.0;
        let (files, is_replay) = (done.offsets.files.len() as u64, done.offsets.replay.is_some());
        let progress = Progress {
            id: self.id.clone(),
            run_id: self.run_id.clone(),
            name: self.name.clone(),
            timestamp: timestamp_text(done.offsets.written_us),
            batch_id,
            batch_duration: ms(done.total),
            num_input_rows: commit.rows_read,
            num_replayed_records: if is_replay { files } else { 0 },
            duration_ms: DurationMs {
                latest_offset: ms(done.discover),
                wal_commit: ms(done.intent),
                add_batch: ms(timings.add_batch),
                decode: ms(timings.workers.decode.wall),
                stages: ms(timings.workers.stages.wall),
                write: ms(timings.write.wall + timings.workers.split.wall),
                commit_offsets: ms(timings.commit),
                publish: ms(timings.publish),
                trigger_execution: ms(done.total),
            },
            cpu_ms: CpuMs {
                decode: ms(timings.workers.decode.cpu),
                stages: ms(timings.workers.stages.cpu),
                write: ms(timings.write.cpu + timings.workers.split.cpu),
                total: ms(self.cpu.saturating_sub(cpu_before)),
            },
            sources: vec![SourceProgress {
                description: self.source.clone(),
                start_offset: batch_id.checked_sub(1).map(|log_offset| LogOffset { log_offset }),
                end_offset: LogOffset { log_offset: batch_id },
                num_input_rows: commit.rows_read,
                num_input_files: if is_replay { 0 } else { files },
                num_input_bytes: done.offsets.files.iter().map(|file| file.size_bytes).sum(),
                num_quarantined_rows: commit.source_rejected,
            }],
            stages: commit.stages.iter().map(StageProgress::from).collect(),
            sink: SinkProgress {
                description: self.sink.clone(),
                num_output_rows: commit.rows_written,
                num_output_files: commit.files.len() as u64,
                num_quarantined_rows: commit.sink_rejected(),
                num_output_bytes: commit.files.iter().map(|file| file.size_bytes).sum(),
            },
            num_quarantined_rows: commit.quarantined,
            ..Progress::default()
        };
        progress.with_rates(since_last_start)
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
