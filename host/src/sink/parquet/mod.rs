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
//! dates), and the fewer rows are encoded at a time, the more each one costs: hence the buffer.

mod buffer;
mod encoder;
mod file;
mod ledger;
mod memory;
mod partition;
mod properties;
#[cfg(test)]
mod tests;
mod workers;

use super::bind;
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::{Compression, SinkPlan},
    storage::Storage,
    types::{BatchId, PartitionKey, PendingFile, RecordId},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use buffer::Buffers;
use encoder::Command;
use file::Target;
use ledger::{Ledger, Limits, Step};
use parquet::{
    arrow::ArrowSchemaConverter,
    basic::Type,
    file::properties::WriterPropertiesPtr,
    schema::types::{ColumnDescPtr, SchemaDescriptor},
};
use partition::Partition;
use std::{collections::HashMap, sync::Arc};
pub use workers::EncoderCpu;
use workers::Workers;

/// Rows that are worth encoding at once.
const CHUNK_ROWS: u64 = 2048;
/// Bytes that are worth encoding at once, whatever their number of rows.
const CHUNK_BYTES: u64 = 2 << 20;

/// What the footer of an open file keeps for each column of a finished row group.
const FOOTER_BYTES: u64 = 1 << 10;

/// What an open file takes for a column before any row: the encoder makes room for a
/// dictionary of 4,096 numbers at once, and lets one of byte strings grow; zstd's tables come
/// with the first page.
fn open_column_bytes(column: &ColumnDescPtr, compression: Compression) -> u64 {
    let dictionary = match column.physical_type() {
        Type::BOOLEAN | Type::BYTE_ARRAY => 8 << 10,
        _ => 80 << 10,
    };
    dictionary + if compression == Compression::Zstd { 32 << 10 } else { 0 }
}

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
    parquet_schema: SchemaDescriptor,
    batch: BatchId,
    provenance: Provenance,
    properties: Option<WriterPropertiesPtr>,
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
    /// A writer of files of this schema, which encodes on `threads` threads of its own, or on
    /// the calling thread for 0. The number of threads does not show in the files.
    ///
    /// # Errors
    /// Fails when a column cannot be stored in Parquet, or no thread can be started.
    pub fn new(
        storage: Storage,
        plan: &SinkPlan,
        schema: SchemaRef,
        batch: BatchId,
        provenance: Provenance,
        threads: usize,
    ) -> Result<Self> {
        bind::check_files(plan, &schema)?;
        let parquet_schema = ArrowSchemaConverter::new().with_coerce_types(true).convert(&schema);
        let parquet_schema = parquet_schema.map_err(|error| {
            Diagnostic::config("the rows cannot be stored in Parquet")
                .cause(error)
                .hint("drop or convert the column in a stage")
        })?;
        let event_time = plan.event_time.as_ref().and_then(|name| schema.index_of(name).ok());
        let max_file_bytes = plan.max_file_bytes;
        let target =
            Target { storage, batch, schema: Arc::clone(&schema), event_time, max_file_bytes };
        let columns = parquet_schema.columns();
        let limits = Limits {
            chunk_rows: CHUNK_ROWS.min(plan.row_group_rows.max(1) as u64),
            chunk_bytes: CHUNK_BYTES,
            row_group_rows: plan.row_group_rows.max(1) as u64,
            // The rest is for rows on their way to the encoders, and for what slices share.
            memory_bytes: plan.memory_bytes / 4 * 3,
            max_open_files: plan.max_open_files.max(1),
            open_file_bytes: columns.iter().map(|c| open_column_bytes(c, plan.compression)).sum(),
            footer_bytes: columns.len() as u64 * FOOTER_BYTES,
        };
        let buffers = Buffers::new(Arc::clone(&schema), plan.memory_bytes / 2);
        Ok(Self {
            plan: plan.clone(),
            schema,
            parquet_schema,
            batch,
            provenance,
            properties: None,
            partitions: Vec::new(),
            buffers,
            by_key: HashMap::new(),
            ledger: Ledger::new(limits),
            workers: Workers::start(&target, threads)?,
        })
    }

    /// Adds rows to a partition, after those it has.
    ///
    /// # Errors
    /// Fails when the rows have another schema, the partition's directory would have too long
    /// a name, or the store refuses; possibly for rows of an
    /// earlier call.
    pub fn write(&mut self, key: &PartitionKey, rows: RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let rows = self.with_schema(rows)?;
        let index = match self.by_key.get(key) {
            Some(index) => *index,
            None => self.add_partition(key)?,
        };
        let bytes = memory::batch_bytes(&rows);
        self.ledger.add(index, rows.num_rows() as u64, bytes);
        self.buffers.add(index, rows, bytes)?;
        while let Some(step) = self.ledger.next_step(index) {
            match step {
                Step::Append(partition) => self.append(partition)?,
                Step::Flush(partition) => self.execute(partition, Command::Flush(partition))?,
                Step::Close(partition) => {
                    self.execute(partition, Command::Close(partition))?;
                    // The next file must not open before this one is closed.
                    self.workers.settle()?;
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
        let (open, unopened) = self.ledger.remaining();
        for partitions in [open, unopened] {
            for partition in partitions {
                self.append(partition)?;
                self.execute(partition, Command::Close(partition))?;
            }
            self.workers.settle()?;
        }
        let finished = self.workers.finish()?;
        Ok(finished.into_iter().map(|(_, _, file)| file).collect())
    }

    /// The rows under the writer's own schema: metadata may differ, names and types not.
    fn with_schema(&self, rows: RecordBatch) -> Result<RecordBatch> {
        if Arc::ptr_eq(rows.schema_ref(), &self.schema) {
            return Ok(rows);
        }
        let (_, columns, _) = rows.into_parts();
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|error| {
            Diagnostic::internal("the sink was given rows of another schema").cause(error)
        })
    }

    fn add_partition(&mut self, key: &PartitionKey) -> Result<usize> {
        let index = self.partitions.len();
        let partition = Arc::new(Partition::new(index, key.clone())?);
        let encoder = self.workers.encoder_of(&partition.directory);
        self.partitions.push(Slot { partition, encoder });
        self.by_key.insert(key.clone(), index);
        Ok(index)
    }

    /// Hands a partition's buffered rows to its encoder, a chunk at a time.
    fn append(&mut self, index: usize) -> Result<()> {
        let mut buffered = self.buffers.take(index).into_iter().peekable();
        while buffered.peek().is_some() {
            let (mut rows, mut chunk_rows, mut chunk_bytes) = (Vec::new(), 0, 0);
            while chunk_rows < CHUNK_ROWS
                && chunk_bytes < CHUNK_BYTES
                && let Some((batch, bytes)) = buffered.next()
            {
                chunk_rows += batch.num_rows() as u64;
                chunk_bytes += bytes;
                rows.push(batch);
            }
            let properties = self.properties(&rows);
            let partition = Arc::clone(&self.partitions[index].partition);
            self.execute(index, Command::Append { partition, rows, properties })?;
        }
        Ok(())
    }

    /// Chosen once, by the first rows that are encoded.
    fn properties(&mut self, first_rows: &[RecordBatch]) -> WriterPropertiesPtr {
        let (plan, batch) = (&self.plan, self.batch);
        let (schema, provenance) = (&self.parquet_schema, &self.provenance);
        let choose = || properties::of(plan, schema, batch, provenance, first_rows);
        Arc::clone(self.properties.get_or_insert_with(choose))
    }

    fn execute(&mut self, partition: usize, command: Command) -> Result<()> {
        self.workers.execute(self.partitions[partition].encoder, command)
    }
}
