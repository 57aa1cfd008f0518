//! The protocol as a run follows it, with a transformation that is a pure function of the files'
//! numbers: every third to seventh row is dropped or rejected, the others are copied.

use crate::{
    checkpoint::{Checkpoint, Recovery, Written, hex_sha256, tiers::Tiers},
    diagnostic::{Diagnostic, Result},
    storage::{Storage, Store},
    types::{
        BatchId, CommitRecord, InputFile, OffsetRecord, PendingFile, Runner, Sighting, StageRows,
    },
};
use std::{collections::BTreeMap, io::Write as _, sync::Arc};

/// Small enough that a short run cuts and merges segments.
const TIERS: Tiers =
    Tiers { batches: 2, fan_out: 2, max_seen_bytes: 1 << 20, max_history_bytes: 1 << 20 };
const ROWS_PER_FILE: u64 = 3;

/// One process.
pub(super) struct Process<'a> {
    pub(super) checkpoint: Storage,
    pub(super) sink: Storage,
    /// What a listing of the source shows at each look; the last one, from then on.
    pub(super) looks: &'a [Vec<InputFile>],
    pub(super) files_per_trigger: usize,
    /// The component that the pipeline file names.
    pub(super) component: String,
    pub(super) pid: u32,
}

/// What a micro-batch makes of its input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) rows_read: u64,
    pub(super) filtered: u64,
    /// Path and lines of every file, the quarantine last.
    pub(super) files: Vec<(String, Vec<String>)>,
    pub(super) quarantine: Option<(String, Vec<String>)>,
}

/// Name of the n-th file that arrives.
pub(super) fn input(number: u64) -> InputFile {
    let path = format!("in/{number:04}.json");
    InputFile { path, size_bytes: number, modified_us: 1_700_000_000_000_000, etag: None }
}

/// The rows that a file leads to in the table, and those it leads to in the quarantine.
pub(super) fn rows(file: &InputFile) -> (Vec<u64>, Vec<u64>) {
    let all = || (0..ROWS_PER_FILE).map(|row| file.size_bytes * ROWS_PER_FILE + row);
    let written = all().filter(|row| row % 5 != 4 && row % 7 != 6);
    (written.collect(), all().filter(|row| row % 5 != 4 && row % 7 == 6).collect())
}

impl Outcome {
    pub(super) fn of(batch: BatchId, files: &[InputFile], component: &str) -> Self {
        let (mut partitions, mut rejected) = (BTreeMap::<u64, Vec<String>>::new(), Vec::new());
        let line = |row: u64| format!("row {row} by {component}");
        for (written, quarantined) in files.iter().map(rows) {
            for row in written {
                partitions.entry(row % 2).or_default().push(line(row));
            }
            rejected.extend(quarantined.into_iter().map(line));
        }
        let rows_read = files.len() as u64 * ROWS_PER_FILE;
        let name = |x| format!("x={x}/part-{batch}-0000.parquet");
        let files: Vec<_> = partitions.into_iter().map(|(x, lines)| (name(x), lines)).collect();
        let kept = files.iter().map(|(_, lines)| lines.len()).sum::<usize>() + rejected.len();
        let quarantine = (!rejected.is_empty())
            .then(|| (format!("_lockgate/quarantine/{batch}.jsonl"), rejected));
        Self { rows_read, filtered: rows_read - kept as u64, files, quarantine }
    }
}

impl Process<'_> {
    /// Runs until nothing is left, as `run/session.rs` does.
    pub(super) fn run(self) -> Result<()> {
        let mut checkpoint = Checkpoint::open_with(Arc::clone(&self.checkpoint), "model", TIERS)?;
        let recovery = checkpoint.observe()?;
        checkpoint.claim_table(&self.sink)?;
        let mut batch = recovery.next();
        let (publish, replay) = match recovery {
            Recovery::Fresh => (None, None),
            Recovery::Resume { publish, .. } => (Some(publish), None),
            Recovery::Replay { publish, offsets } => (publish, Some(offsets)),
        };
        if let Some(commit) = publish {
            self.publish(&commit)?;
            self.sink.discard(commit.batch)?;
        }
        if let Some(offsets) = replay {
            if checkpoint.is_locked() {
                self.sink.discard(batch)?;
            }
            let component = checkpoint.component(&offsets.components[0])?;
            let component = String::from_utf8(component).unwrap();
            self.complete(&mut checkpoint, &offsets, &component)?;
            self.sink.discard(batch)?;
            batch = batch.next();
        }
        for look in 0.. {
            let listed = &self.looks[look.min(self.looks.len() - 1)];
            let is_new = |file: &&InputFile| checkpoint.seen().sighting(file) == Sighting::New;
            let files: Vec<_> =
                listed.iter().filter(is_new).take(self.files_per_trigger).cloned().collect();
            if files.is_empty() {
                return Ok(());
            }
            let digest = hex_sha256(self.component.as_bytes());
            checkpoint.store_component(&digest, self.component.as_bytes())?;
            let offsets = OffsetRecord {
                batch,
                files,
                components: vec![digest],
                config_hash: String::new(),
                replay: None,
                read_again: Vec::new(),
                position: None,
                watermark_us: None,
                runner: self.runner(),
                written_us: 0,
            };
            checkpoint.claim_table(&self.sink)?;
            checkpoint.write_offsets(&offsets)?;
            self.complete(&mut checkpoint, &offsets, &self.component)?;
            batch = batch.next();
        }
        Ok(())
    }

    fn runner(&self) -> Runner {
        Runner { host: "model".into(), pid: self.pid, started_us: 0 }
    }

    fn complete(
        &self,
        checkpoint: &mut Checkpoint,
        offsets: &OffsetRecord,
        component: &str,
    ) -> Result<()> {
        let outcome = Outcome::of(offsets.batch, &offsets.files, component);
        let record = self.write(offsets, &outcome)?;
        let commit = checkpoint.write_commit(Written::verify(record, &*self.sink)?)?;
        self.publish(&commit)?;
        checkpoint.compact()
    }

    fn write(&self, offsets: &OffsetRecord, outcome: &Outcome) -> Result<CommitRecord> {
        let quarantine = outcome.quarantine.as_ref();
        let quarantine_file =
            quarantine.map(|file| pending(&*self.sink, offsets.batch, file)).transpose()?;
        let files = outcome.files.iter().map(|file| pending(&*self.sink, offsets.batch, file));
        let files = files.collect::<Result<Vec<_>>>()?;
        let rows_written = files.iter().map(|file| file.rows).sum();
        let stage = StageRows { filtered: outcome.filtered, ..StageRows::default() };
        Ok(CommitRecord {
            batch: offsets.batch,
            skipped: Vec::new(),
            files,
            rows_read: outcome.rows_read,
            rows_written,
            source_rejected: 0,
            stages: vec![stage],
            quarantined: quarantine_file.as_ref().map_or(0, |file| file.rows),
            quarantine_file,
            watermark_us: None,
            runner: self.runner(),
            written_us: 0,
        })
    }

    fn publish(&self, commit: &CommitRecord) -> Result<()> {
        self.sink.publish(commit.quarantine_file.as_slice())?;
        self.sink.publish(&commit.files)
    }
}

fn pending(
    sink: &dyn Store,
    batch: BatchId,
    (path, lines): &(String, Vec<String>),
) -> Result<PendingFile> {
    let mut writer = sink.pending(batch, path)?;
    for line in lines {
        writeln!(writer, "{line}").map_err(|e| Diagnostic::storage("cannot write").cause(e))?;
    }
    let handle = writer.finish()?;
    let size_bytes = lines.iter().map(|line| line.len() as u64 + 1).sum();
    let (path, rows) = (path.clone(), lines.len() as u64);
    Ok(PendingFile { path, handle, rows, size_bytes, event_time_us: None })
}
