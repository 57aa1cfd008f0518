//! Rows of each partition that wait to be encoded.
//!
//! Rows are part of a larger batch, and keep the whole of it in memory: a rare partition with a
//! few rows of each of a thousand batches would hold all of them. So rows that have waited
//! while much else was written are copied out.

use super::rows::Rows;
use crate::diagnostic::{Diagnostic, Result};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use std::{collections::VecDeque, mem};

/// Buffered rows of all partitions.
pub(super) struct Buffers {
    schema: SchemaRef,
    /// Rows are copied out when batches of this many bytes came after them.
    patience_bytes: u64,
    written_bytes: u64,
    partitions: Vec<Buffer>,
    /// Partitions with slices, by when the first of them came; some have none any more.
    waiting: VecDeque<(u64, usize)>,
}

#[derive(Default)]
struct Buffer {
    /// Copies, before the slices in row order.
    owned: Vec<(Rows, u64)>,
    slices: Vec<(Rows, u64)>,
    /// When the first of the slices came.
    since: u64,
}

impl Buffers {
    pub(super) fn new(schema: SchemaRef, patience_bytes: u64) -> Self {
        let (partitions, waiting) = Default::default();
        Self { schema, patience_bytes, written_bytes: 0, partitions, waiting }
    }

    /// Adds rows of this many bytes to a partition.
    ///
    /// # Errors
    /// Fails when slices cannot be joined.
    pub(super) fn add(&mut self, partition: usize, rows: Rows, bytes: u64) -> Result<()> {
        if partition >= self.partitions.len() {
            self.partitions.resize_with(partition + 1, Buffer::default);
        }
        let buffer = &mut self.partitions[partition];
        if buffer.slices.is_empty() {
            buffer.since = self.written_bytes;
            self.waiting.push_back((self.written_bytes, partition));
        }
        let held_bytes = rows.held_bytes();
        buffer.slices.push((rows, bytes));
        self.written_bytes += held_bytes.max(1);
        while let Some((since, partition)) = self.waiting.front().copied()
            && since + self.patience_bytes < self.written_bytes
        {
            self.waiting.pop_front();
            let buffer = &mut self.partitions[partition];
            if !buffer.slices.is_empty() && buffer.since == since {
                buffer.copy_out(&self.schema)?;
            }
        }
        Ok(())
    }

    /// Takes the rows of a partition, in order.
    pub(super) fn take(&mut self, partition: usize) -> Vec<(Rows, u64)> {
        let Some(buffer) = self.partitions.get_mut(partition) else { return Vec::new() };
        let mut rows = mem::take(&mut buffer.owned);
        rows.append(&mut buffer.slices);
        rows
    }
}

impl Buffer {
    fn copy_out(&mut self, schema: &SchemaRef) -> Result<()> {
        let bytes = self.slices.iter().map(|(_, bytes)| bytes).sum();
        let copies: Vec<_> =
            self.slices.iter().map(|(rows, _)| rows.to_batch()).collect::<Result<_>>()?;
        let joined = concat_batches(schema, &copies).map_err(|error| {
            Diagnostic::internal("cannot join rows of one partition").cause(error)
        })?;
        self.owned.push((joined.into(), bytes));
        self.slices.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;

    fn batch(ids: std::ops::Range<i64>) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("id", DataType::Int64, true)]);
        let ids = Arc::new(Int64Array::from_iter_values(ids));
        RecordBatch::try_new(Arc::new(schema), vec![ids]).unwrap()
    }

    fn ids(rows: Vec<(Rows, u64)>) -> Vec<i64> {
        let ids = |(rows, _): (Rows, u64)| {
            let rows = rows.to_batch().unwrap();
            rows.column(0).as_primitive::<Int64Type>().values().to_vec()
        };
        rows.into_iter().flat_map(ids).collect()
    }

    #[test]
    fn a_rare_partition_does_not_hold_the_batches_its_rows_came_in() {
        let mut buffers = Buffers::new(batch(0..0).schema(), 50_000);
        for n in 0..100 {
            let mut whole = Rows::from(batch(n * 1_000..(n + 1) * 1_000));
            buffers.add(0, whole.split_first(1), 8).unwrap();
            buffers.add(1, whole, 7_992).unwrap();
            drop(buffers.take(1));
        }
        let held: usize = buffers.partitions[0].slices.len();
        assert!(held <= 8, "{held} slices");
        let rows = buffers.take(0);
        assert_eq!(rows.iter().map(|(_, bytes)| bytes).sum::<u64>(), 800);
        assert!(ids(rows).into_iter().eq((0..100).map(|n| n * 1_000)));
    }

    #[test]
    fn rows_that_go_soon_are_not_copied() {
        let mut buffers = Buffers::new(batch(0..0).schema(), 100);
        for n in 0..20 {
            buffers.add(0, batch(n..n + 1).into(), 8).unwrap();
            buffers.add(1, batch(n..n + 1).into(), 8).unwrap();
            if n % 4 == 3 {
                assert_eq!(buffers.take(0).len(), 4);
                assert_eq!(buffers.take(1).len(), 4);
            }
        }
        assert_eq!(buffers.take(0).len(), 0);
    }
}
