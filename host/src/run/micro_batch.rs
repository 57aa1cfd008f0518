//! One micro-batch, from intent to visible: reads like the table in `docs/checkpoint.md`.

use super::{
    parallel,
    worker::{Piece, Times, Worker},
};
use crate::{
    allocator::Freed,
    checkpoint::{Checkpoint, Written, this_runner},
    clock::{self, Spent, Stopwatch},
    diagnostic::Result,
    metrics::Observer,
    pipeline::plan::Plan,
    sink::{
        self,
        parquet::{EncoderThreads, Provenance, TableWriter},
        quarantine::Quarantine,
    },
    source::{self, returned::ReturnedStore},
    storage::Storage,
    types::{CommitRecord, InputFile, OffsetRecord, RecordId, Rejected, StageRows},
};
use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

/// What a micro-batch works with.
pub(super) struct Parts<'a> {
    pub(super) plan: &'a Plan,
    pub(super) source: &'a Storage,
    /// The rejected records that the micro-batch puts back, if that is what it reads.
    pub(super) returned: Option<&'a ReturnedStore>,
    pub(super) sink: &'a Storage,
    pub(super) checkpoint: &'a mut Checkpoint,
    pub(super) workers: &'a mut [Worker],
    pub(super) encoders: &'a EncoderThreads,
    pub(super) freed: &'a mut Freed,
    /// Set to give up at the next piece.
    pub(super) abandon: &'a AtomicBool,
    /// Hears of progress inside the micro-batch.
    pub(super) observer: &'a dyn Observer,
}

/// Wall time of the steps, and time of the workers' parts summed over threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Timings {
    pub(super) add_batch: Duration,
    pub(super) commit: Duration,
    pub(super) publish: Duration,
    pub(super) workers: Times,
    /// Wall time of the sequencer; CPU time of the encoders too.
    pub(super) write: Spent,
}

/// Sums over the pieces of a micro-batch.
#[derive(Default)]
struct Counts {
    rows_read: u64,
    rows_written: u64,
    source_rejected: u64,
    rejected: u64,
    stages: Vec<StageRows>,
    times: Times,
}

/// Reads, transforms and writes the recorded files, commits and publishes them.
///
/// # Errors
/// Fails when a store refuses, a stage or the quarantine's `max_rate` stops the pipeline, or
/// the run is interrupted. Nothing is visible then, unless the commit was written: in that
/// case the next start publishes it.
pub(super) fn run(
    parts: &mut Parts<'_>,
    offsets: &OffsetRecord,
    files: &[InputFile],
) -> Result<(CommitRecord, Timings)> {
    let mut timings = Timings::default();
    let start = Instant::now();
    let written = write(parts, offsets, files, &mut timings)?;
    timings.add_batch = start.elapsed();

    let start = Instant::now();
    let commit = parts.checkpoint.write_commit(written)?;
    timings.commit = start.elapsed();

    let start = Instant::now();
    sink::publish::publish(parts.sink, &commit)?;
    timings.publish = start.elapsed();
    Ok((commit, timings))
}

fn write(
    parts: &mut Parts<'_>,
    offsets: &OffsetRecord,
    files: &[InputFile],
    timings: &mut Timings,
) -> Result<Written> {
    let plan = parts.plan;
    let mut table = table_writer(parts, offsets, files)?;
    let mut quarantine = Quarantine::new(Arc::clone(parts.sink), offsets.batch);
    let mut counts = Counts::default();
    let encoder_cpu = table.encoder_cpu();
    parts.source.will_open(files);
    let units = source::json::units(files);
    let observer = parts.observer;
    let returned = parts.returned;
    let freed = &mut *parts.freed;
    for left_out in left_out(returned, offsets, files) {
        counts.source_rejected += 1;
        counts.rejected += 1;
        quarantine.add(&left_out)?;
    }
    parallel::run(parts.workers, parts.source, files, &units, parts.abandon, &mut |piece| {
        let mut watch = Stopwatch::start();
        counts.add(&piece);
        for mut rejected in piece.rejected {
            // A plugin may quote its config, and the config may hold a secret.
            rejected.message = plan.secrets.redact(&rejected.message).into_owned();
            if let Some(returned) = returned {
                returned.trace(&mut rejected);
            }
            quarantine.add(&rejected)?;
        }
        for (key, rows) in piece.rows {
            counts.rows_written += rows.len() as u64;
            table.write(&key, rows)?;
        }
        observer.bytes_read(piece.bytes_read);
        freed.after(piece.bytes_read);
        timings.write += watch.lap();
        Ok(())
    })?;
    let mut watch = Stopwatch::start();
    let quarantine = quarantine.finish()?;
    // Of records that were rejected before, many may be rejected again.
    if returned.is_none() {
        quarantine.check_rate(parts.sink, counts.records(), &plan.quarantine)?;
    }
    let record = CommitRecord {
        batch: offsets.batch,
        skipped: skipped(offsets, files),
        files: table.finish()?,
        rows_read: counts.rows_read,
        rows_written: counts.rows_written,
        source_rejected: counts.source_rejected,
        stages: counts.stages,
        quarantined: counts.rejected,
        quarantine_file: quarantine.file,
        watermark_us: offsets.watermark_us,
        runner: this_runner(),
        written_us: clock::now_us(),
    };
    timings.write += watch.lap();
    timings.write.cpu += encoder_cpu.get();
    timings.workers = counts.times;
    Written::verify(record, parts.sink.as_ref())
}

/// What goes back to the quarantine unread: files that changed before they were read again.
fn left_out(
    returned: Option<&ReturnedStore>,
    offsets: &OffsetRecord,
    files: &[InputFile],
) -> Vec<Rejected> {
    let Some(returned) = returned.filter(|_| files.len() < offsets.files.len()) else {
        return Vec::new();
    };
    let read: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let left_out = offsets.files.iter().filter(|file| !read.contains(file.path.as_str()));
    left_out.filter_map(|file| returned.left_out(file)).collect()
}

/// Recorded inputs that are not among the files to be read.
fn skipped(offsets: &OffsetRecord, files: &[InputFile]) -> Vec<String> {
    let mut read = files.iter().peekable();
    let left_out = |file: &&InputFile| read.next_if(|read| read.path == file.path).is_none();
    offsets.files.iter().filter(left_out).map(|file| file.path.clone()).collect()
}

fn table_writer(
    parts: &Parts<'_>,
    offsets: &OffsetRecord,
    files: &[InputFile],
) -> Result<TableWriter> {
    let paths = || files.iter().map(|file| file.path.as_str());
    let provenance = Provenance {
        pipeline: parts.plan.name.clone(),
        inputs: match parts.returned {
            Some(returned) => returned.origins(),
            None => paths().map(String::from).collect(),
        },
        components: offsets.components.clone(),
        replayed: paths().filter_map(RecordId::of_input_path).collect(),
    };
    let schema = Arc::clone(parts.workers[0].file_schema());
    let (storage, sink) = (Arc::clone(parts.sink), &parts.plan.sink);
    TableWriter::new(storage, sink, schema, offsets.batch, &provenance, parts.encoders)
}

impl Counts {
    fn add(&mut self, piece: &Piece) {
        self.rows_read += piece.rows_read;
        self.source_rejected += piece.source_rejected;
        self.rejected += piece.rejected.len() as u64;
        self.times.decode += piece.times.decode;
        self.times.stages += piece.times.stages;
        self.times.split += piece.times.split;
        if self.stages.is_empty() {
            self.stages.clone_from(&piece.stages);
            return;
        }
        for (sum, rows) in self.stages.iter_mut().zip(&piece.stages) {
            *sum += rows;
        }
    }

    /// Records that could have been rejected: at the widest point of the chain.
    fn records(&self) -> u64 {
        let widest =
            self.stages.iter().map(|rows| rows.rows_in.saturating_add_signed(rows.unnested)).max();
        (self.rows_read + self.source_rejected).max(widest.unwrap_or(0) + self.source_rejected)
    }
}
