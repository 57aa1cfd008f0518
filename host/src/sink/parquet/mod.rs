//! The table writer: rows of a micro-batch in, complete pending Parquet files out.
//!
//! Owns how rows become files; knows nothing of commits. Names, rows, order and bytes of the
//! files are a pure function of the plan and the sequence of [`TableWriter::write`] calls (no
//! clock, no randomness, no timing of threads), so that a replay writes the same files.
//!
//! ```text
//! write(partition, rows) -> buffer per partition -> chunk -> encoder (any thread) -> pending file
//!                           `ledger`: what next, within memory and open files
//! ```
//!
//! Many small writes to each partition are the normal case (a thousand rows split by thirty
//! dates). Values are encoded from where they were decoded, so they are moved once, and soon.

mod buffer;
mod column;
mod encoder;
mod file;
mod layout;
mod ledger;
mod memory;
mod partition;
mod properties;
#[cfg(test)]
mod round_trip;
mod rows;
#[cfg(test)]
mod tests;
mod threads;
mod workers;

use super::bind;
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::SinkPlan,
    storage::Storage,
    types::{BatchId, PartitionKey, PendingFile, RecordId},
};
use arrow_schema::{FieldRef, SchemaRef};
use buffer::Buffers;
use encoder::Command;
use file::Target;
use layout::{Layout, Outline};
use ledger::{Ledger, Limits, Step};
use partition::Partition;
pub use rows::{Rows, Selection};
use std::{collections::HashMap, sync::Arc};
pub use threads::{EncoderCpu, EncoderThreads};
use workers::Workers;

/// Rows that are worth encoding at once: few, so that they are still in the cache that they
/// were decoded into.
const CHUNK_ROWS: u64 = 32;
/// Bytes that are worth encoding at once, whatever their number of rows.
const CHUNK_BYTES: u64 = 1 << 20;
/// Bytes of rows that the layout is decided by, at most.
const EVIDENCE_BYTES: u64 = 8 << 20;

/// What the footer of an open file keeps for each column of a finished row group.
const FOOTER_BYTES: u64 = 1 << 10;

/// What an open file takes before any row, and for each column.
const OPEN_FILE_BYTES: u64 = 16 << 10;
const OPEN_COLUMN_BYTES: u64 = 1 << 10;

/// Where rows come from; every file's footer says it.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Input files of the micro-batch.
    pub inputs: Vec<String>,
    /// SHA-256 of each stage's component, in order.
    pub components: Vec<String>,
    /// The rejected records that the micro-batch put back; none in any other.
    pub replayed: Vec<RecordId>,
}

/// Writes the rows of one micro-batch to pending files. Dropping it abandons them; they are
/// then left for [`Store::discard`](crate::storage::Store::discard).
pub struct TableWriter {
    plan: SinkPlan,
    schema: SchemaRef,
    /// A schema of rows that was found to be the files'.
    known_schema: SchemaRef,
    outline: Outline,
    layout: Option<Arc<Layout>>,
    /// The first rows, until the layout is decided.
    evidence: Vec<Rows>,
    partitions: Vec<Slot>,
    buffers: Buffers,
    by_key: HashMap<PartitionKey, usize>,
    ledger: Ledger,
    workers: Workers,
}

struct Slot {
    partition: Arc<Partition>,
    encoder: usize,
}

impl TableWriter {
    /// A writer of files of this schema, which encodes on these threads, or on the calling one
    /// where there is none. The number of threads does not show in the files. One writer at a
    /// time has the threads: another would wait for it for ever.
    ///
    /// # Errors
    /// Fails when a column cannot be stored in Parquet.
    pub fn new(
        storage: Storage,
        plan: &SinkPlan,
        schema: SchemaRef,
        batch: BatchId,
        provenance: &Provenance,
        threads: &EncoderThreads,
    ) -> Result<Self> {
        bind::check_files(plan, &schema)?;
        let outline = Outline::new(&schema, batch, provenance)?;
        let event_time = plan.event_time.as_ref().and_then(|name| schema.index_of(name).ok());
        let target = Target { storage, batch, event_time, max_file_bytes: plan.max_file_bytes };
        let columns = outline.columns() as u64;
        let limits = Limits {
            chunk_rows: CHUNK_ROWS.min(plan.row_group_rows.max(1) as u64),
            chunk_bytes: CHUNK_BYTES,
            row_group_rows: plan.row_group_rows.max(1) as u64,
            // The rest is for rows on their way to the encoders, for what slices share, and for
            // what buffers have too much.
            memory_bytes: plan.memory_bytes / 3 * 2,
            max_open_files: plan.max_open_files.max(1),
            open_file_bytes: OPEN_FILE_BYTES + columns * OPEN_COLUMN_BYTES,
            footer_bytes: columns * FOOTER_BYTES,
        };
        let buffers = Buffers::new(Arc::clone(&schema), plan.memory_bytes / 2);
        Ok(Self {
            plan: plan.clone(),
            known_schema: Arc::clone(&schema),
            schema,
            outline,
            layout: None,
            evidence: Vec::new(),
            partitions: Vec::new(),
            buffers,
            by_key: HashMap::new(),
            ledger: Ledger::new(limits),
            workers: Workers::start(&target, threads)?,
        })
    }

    /// Adds rows to a partition, after those it has. Its directory is made only after the
    /// commit, so there must be a name for it that [is not too long](super::hive::name_too_long).
    ///
    /// # Errors
    /// Fails when the rows have another schema, or the store refuses; possibly for rows of an
    /// earlier call.
    pub fn write(&mut self, key: &PartitionKey, rows: impl Into<Rows>) -> Result<()> {
        let rows = rows.into();
        if rows.is_empty() {
            return Ok(());
        }
        self.check_schema(&rows)?;
        let index = match self.by_key.get(key) {
            Some(index) => *index,
            None => self.add_partition(key),
        };
        self.ledger.add(index, rows.len() as u64, rows.bytes());
        if self.layout.is_none() {
            self.evidence.push(rows.clone());
        }
        let bytes = rows.bytes();
        self.buffers.add(index, rows, bytes)?;
        if self.layout.is_some() {
            return self.steps(index);
        }
        let (rows, bytes) = self
            .evidence
            .iter()
            .fold((0, 0), |(rows, bytes), more| (rows + more.len(), bytes + more.bytes()));
        if rows < column::SAMPLE_ROWS && bytes < EVIDENCE_BYTES {
            return Ok(());
        }
        self.decide()?;
        (0..self.partitions.len()).try_for_each(|index| self.steps(index))
    }

    /// What is due after rows of a partition came.
    fn steps(&mut self, partition: usize) -> Result<()> {
        while let Some(step) = self.ledger.next_step(partition) {
            match step {
                Step::Append(partition) => self.append(partition)?,
                Step::Weigh => self.ledger.weighed(&self.workers.settle(false)?),
                Step::Seal => self.ledger.weighed(&self.workers.settle(true)?),
                Step::Flush(partition) => self.execute(partition, Command::Flush(partition))?,
                Step::Close(partition) => {
                    self.execute(partition, Command::Close(partition))?;
                    // The next file must not open before this one is closed.
                    self.workers.settle(false)?;
                }
            }
        }
        Ok(())
    }

    /// The CPU time of its threads, to be asked when it has finished.
    #[must_use]
    pub fn encoder_cpu(&self) -> EncoderCpu {
        self.workers.cpu.clone()
    }

    /// Completes all files: by partition in order of first appearance, then by ordinal.
    ///
    /// # Errors
    /// Fails when the store refuses.
    pub fn finish(mut self) -> Result<Vec<PendingFile>> {
        if self.layout.is_none() {
            self.decide()?;
        }
        let (open, unopened) = self.ledger.remaining();
        for partitions in [open, unopened] {
            for partition in partitions {
                self.append(partition)?;
                self.execute(partition, Command::Close(partition))?;
            }
            self.workers.settle(false)?;
        }
        let finished = self.workers.finish()?;
        Ok(finished.into_iter().map(|(_, _, file)| file).collect())
    }

    /// Metadata of rows may differ from the files', names and types not; and a column that may
    /// be null may not go where every row has a value.
    fn check_schema(&mut self, rows: &Rows) -> Result<()> {
        let schema = rows.schema();
        if Arc::ptr_eq(schema, &self.known_schema) {
            return Ok(());
        }
        let same =
            |(a, b): (&FieldRef, &FieldRef)| a.name() == b.name() && a.data_type() == b.data_type();
        let (theirs, ours) = (schema.fields(), self.schema.fields());
        if theirs.len() != ours.len() || !theirs.iter().zip(ours).all(same) {
            return Err(Diagnostic::internal("the sink was given rows of another schema"));
        }
        let mut both = theirs.iter().zip(ours);
        if let Some((column, _)) = both.find(|(a, b)| a.is_nullable() && !b.is_nullable()) {
            let name = column.name();
            let message = format!("`{name}` may be null in some rows, and not in the files");
            return Err(Diagnostic::internal(message));
        }
        self.known_schema = Arc::clone(schema);
        Ok(())
    }

    fn add_partition(&mut self, key: &PartitionKey) -> usize {
        let index = self.partitions.len();
        let partition = Arc::new(Partition::new(index, key.clone()));
        let encoder = self.workers.encoder_of(&partition.directory);
        self.partitions.push(Slot { partition, encoder });
        self.by_key.insert(key.clone(), index);
        index
    }

    /// Hands a partition's buffered rows to its encoder.
    fn append(&mut self, index: usize) -> Result<()> {
        let rows: Vec<_> = self.buffers.take(index).into_iter().map(|(rows, _)| rows).collect();
        let Some(layout) = self.layout.clone().filter(|_| !rows.is_empty()) else { return Ok(()) };
        let partition = Arc::clone(&self.partitions[index].partition);
        self.execute(index, Command::Append { partition, rows, layout })
    }

    /// Decides the layout by the rows so far.
    fn decide(&mut self) -> Result<()> {
        let layout = self.outline.decide(&self.plan, &self.evidence)?;
        self.layout = Some(Arc::new(layout));
        self.evidence.clear();
        Ok(())
    }

    fn execute(&mut self, partition: usize, command: Command) -> Result<()> {
        self.workers.execute(self.partitions[partition].encoder, command)
    }
}
