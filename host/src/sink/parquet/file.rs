//! One output file while it is open.

use super::{
    super::partition_value::{instants, per_second},
    column::{self, Chunk, Scratch},
    layout::Layout,
    partition::Partition,
    rows::{ColumnRows, Rows},
};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{PendingWriter, Storage},
    types::{BatchId, PendingFile},
};
use arrow_schema::DataType;
use parquet::{
    errors::ParquetError,
    file::{metadata::KeyValue, writer::SerializedFileWriter},
};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// Where files go, and what all files of a micro-batch share.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) storage: Storage,
    pub(super) batch: BatchId,
    pub(super) event_time: Option<usize>,
    pub(super) max_file_bytes: u64,
}

/// Their ordinals are 16 bits wide.
const MOST_ROW_GROUPS: usize = i16::MAX as usize;

/// What an open file holds in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Of the row group at hand.
    pub(super) group_rows: u64,
    pub(super) group_bytes: u64,
    /// Those that are finished, of which the footer is still to be written.
    pub(super) row_groups: u64,
}

/// A pending file that rows are written to.
pub(super) struct OpenFile {
    path: String,
    writer: SerializedFileWriter<Counted>,
    layout: Arc<Layout>,
    /// Columns of the row group at hand; none before its first row.
    chunks: Vec<Chunk>,
    group_rows: usize,
    refusal: Refusal,
    rows: u64,
    event_time_us: Option<(i64, i64)>,
}

impl OpenFile {
    pub(super) fn create(
        target: &Target,
        partition: &Partition,
        ordinal: u64,
        layout: &Arc<Layout>,
    ) -> Result<Self> {
        let path = partition.file(target.batch, ordinal);
        let refusal = Refusal::default();
        let inner = target.storage.pending(target.batch, &path)?;
        let file = Counted { inner, bytes: 0, refusal: Arc::clone(&refusal) };
        let writer = layout.writer(file);
        let mut writer = writer.map_err(|error| refused(&path, error, &refusal))?;
        let key = KeyValue::new("lockgate.partition".to_owned(), partition.key_json());
        writer.append_key_value_metadata(key);
        let (layout, chunks) = (Arc::clone(layout), Vec::new());
        let (group_rows, rows, event_time_us) = (0, 0, None);
        Ok(Self { path, writer, layout, chunks, group_rows, refusal, rows, event_time_us })
    }

    /// Rows that the row group at hand has room for.
    pub(super) fn room(&self) -> usize {
        self.layout.row_group_rows - self.group_rows
    }

    /// Counts rows in that are to be written, no more than there is room for.
    pub(super) fn count(&mut self, rows: &Rows, event_time: Option<usize>) {
        if self.chunks.is_empty() {
            self.chunks = self.layout.chunks();
        }
        self.group_rows += rows.len();
        self.rows += rows.len() as u64;
        let range = event_time.and_then(|index| range_us(rows.column(index)));
        self.event_time_us = match (self.event_time_us, range) {
            (Some((min, max)), Some((low, high))) => Some((min.min(low), max.max(high))),
            (known, range) => known.or(range),
        };
    }

    /// Writes one column of rows that were counted.
    pub(super) fn write(
        &mut self,
        column: usize,
        rows: &Rows,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let shape = &self.layout.shapes[column];
        column::append(shape, &mut self.chunks, rows.column(column), scratch)
            .map_err(|error| error.context(format!("cannot write `{}`", self.path)))
    }

    /// Size once the rows so far are encoded, about.
    pub(super) fn size_bytes(&self) -> u64 {
        let group: usize = self.chunks.iter().map(Chunk::bytes).sum();
        (self.writer.bytes_written() + group) as u64
    }

    /// Bytes of memory that it takes, by what is held rather than by what was allocated.
    pub(super) fn held(&self) -> Held {
        let group_bytes: usize = self.chunks.iter().map(Chunk::held_bytes).sum();
        Held {
            group_rows: self.group_rows as u64,
            group_bytes: group_bytes as u64,
            row_groups: self.writer.flushed_row_groups().len() as u64,
        }
    }

    /// Whether the format allows the file no more row groups.
    pub(super) fn is_full(&self) -> bool {
        self.writer.flushed_row_groups().len() >= MOST_ROW_GROUPS
    }

    /// Compresses what is in open pages, as far as that is worth a page.
    pub(super) fn seal(&mut self, scratch: &mut Scratch) -> Result<()> {
        self.chunks.iter_mut().try_for_each(|chunk| chunk.seal(scratch))
    }

    /// Ends the row group and frees its memory.
    pub(super) fn flush(&mut self, scratch: &mut Scratch) -> Result<()> {
        self.end_group(true, scratch)
    }

    fn end_group(&mut self, with_index: bool, scratch: &mut Scratch) -> Result<()> {
        if self.group_rows == 0 {
            return Ok(());
        }
        self.group_rows = 0;
        let refused = |error| refused(&self.path, error, &self.refusal);
        let mut group = self.writer.next_row_group().map_err(refused)?;
        for chunk in self.chunks.drain(..) {
            let result = chunk.finish(with_index, scratch)?;
            group.append_column(&scratch.chunk(), result).map_err(refused)?;
        }
        scratch.shrink();
        group.close().map_err(refused)?;
        Ok(())
    }

    /// Completes the file and makes it durable. Where no column has a second page, statistics
    /// say all that an index would. An index is of all row groups or of none: readers that miss
    /// one do without the others.
    pub(super) fn finish(mut self, scratch: &mut Scratch) -> Result<PendingFile> {
        let is_first = self.writer.flushed_row_groups().is_empty();
        let with_index = !is_first || self.chunks.iter().any(Chunk::has_several_pages);
        self.end_group(with_index, scratch)?;
        let Self { path, writer, refusal, rows, event_time_us, .. } = self;
        let mut file = writer.into_inner().map_err(|error| refused(&path, error, &refusal))?;
        file.flush().map_err(|error| refused(&path, error.into(), &refusal))?;
        let size_bytes = file.bytes;
        Ok(PendingFile { handle: file.inner.finish()?, path, rows, size_bytes, event_time_us })
    }
}

/// What the store said when it refused: the Parquet writer passes on some of its words at most.
type Refusal = Arc<Mutex<Option<io::Error>>>;

fn refused(path: &str, error: ParquetError, refusal: &Refusal) -> Diagnostic {
    let message = format!("cannot write `{path}`");
    match refusal.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(refusal) => match refusal.downcast::<Diagnostic>() {
            Ok(diagnostic) => diagnostic.context(message),
            Err(error) => Diagnostic::storage(message).cause(error),
        },
        None => Diagnostic::internal(message).cause(error),
    }
}

/// Counts what reaches the store, and keeps its refusal.
pub(super) struct Counted {
    inner: Box<dyn PendingWriter>,
    bytes: u64,
    refusal: Refusal,
}

impl Counted {
    fn keep(&self, refusal: io::Error) -> io::Error {
        let told = io::Error::new(refusal.kind(), refusal.to_string());
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        told
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes).map_err(|refusal| self.keep(refusal))?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(|refusal| self.keep(refusal))
    }
}

/// Smallest and largest instant of a timestamp column, in microseconds since 1970.
fn range_us(column: ColumnRows<'_>) -> Option<(i64, i64)> {
    let DataType::Timestamp(unit, _) = column.array.data_type() else { return None };
    let per_second = i128::from(per_second(*unit));
    let us = |value: i64| {
        let us = (i128::from(value) * 1_000_000).div_euclid(per_second);
        i64::try_from(us).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
    };
    let copied = column.copied().ok()?;
    let mut values = instants(&copied, *unit)?.flatten();
    let first = values.next()?;
    let (min, max) = values.fold((first, first), |(a, b), value| (a.min(value), b.max(value)));
    Some((us(min), us(max)))
}
