//! One output file while it is open.

use super::{
    super::partition_value::{instants, per_second},
    partition::Partition,
};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{PendingWriter, Storage},
    types::{BatchId, PendingFile},
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use parquet::{
    arrow::ArrowWriter,
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterPropertiesPtr},
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
    pub(super) schema: SchemaRef,
    pub(super) event_time: Option<usize>,
    pub(super) max_file_bytes: u64,
}

/// A pending file that rows are written to.
pub(super) struct OpenFile {
    path: String,
    writer: ArrowWriter<Counted>,
    refusal: Refusal,
    rows: u64,
    event_time_us: Option<(i64, i64)>,
}

impl OpenFile {
    pub(super) fn create(
        target: &Target,
        partition: &Partition,
        ordinal: u64,
        properties: &WriterPropertiesPtr,
    ) -> Result<Self> {
        let path = partition.file(target.batch, ordinal);
        let refusal = Refusal::default();
        let inner = target.storage.pending(target.batch, &path)?;
        let file = Counted { inner, bytes: 0, refusal: Arc::clone(&refusal) };
        let properties = Some(properties.as_ref().clone());
        let writer = ArrowWriter::try_new(file, Arc::clone(&target.schema), properties);
        let mut writer = writer.map_err(|error| refused(&path, error, &refusal))?;
        let key = KeyValue::new("lockgate.partition".to_owned(), partition.key_json());
        writer.append_key_value_metadata(key);
        Ok(Self { path, writer, refusal, rows: 0, event_time_us: None })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, event_time: Option<usize>) -> Result<()> {
        self.writer.write(batch).map_err(|error| refused(&self.path, error, &self.refusal))?;
        self.rows += batch.num_rows() as u64;
        let range = event_time.and_then(|index| range_us(batch.column(index)));
        self.event_time_us = match (self.event_time_us, range) {
            (Some((min, max)), Some((low, high))) => Some((min.min(low), max.max(high))),
            (known, range) => known.or(range),
        };
        Ok(())
    }

    /// Size once the rows so far are encoded, about.
    pub(super) fn size_bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// Ends the row group and frees its memory.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(|error| refused(&self.path, error, &self.refusal))
    }

    /// Completes the file and makes it durable.
    pub(super) fn finish(self) -> Result<PendingFile> {
        let Self { path, writer, refusal, rows, event_time_us } = self;
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
struct Counted {
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
fn range_us(column: &ArrayRef) -> Option<(i64, i64)> {
    let DataType::Timestamp(unit, _) = column.data_type() else { return None };
    let per_second = i128::from(per_second(*unit));
    let us = |value: i64| {
        let us = (i128::from(value) * 1_000_000).div_euclid(per_second);
        i64::try_from(us).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
    };
    let mut values = instants(column, *unit)?.flatten();
    let first = values.next()?;
    let (min, max) = values.fold((first, first), |(a, b), value| (a.min(value), b.max(value)));
    Some((us(min), us(max)))
}
