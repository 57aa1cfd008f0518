//! Rows on their way to the files, where they were decoded: no value is moved before it is
//! encoded.
//!
//! Columns whose arrays are indexed the same way share their row numbers, so numbers are kept
//! once for each such group.

use super::memory::column_bytes;
use crate::diagnostic::{Diagnostic, Result};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use arrow_select::take::take;
use std::{hint::black_box, ops::Range, sync::Arc};

/// The number of a row that is in no array: all its values are null.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Columns, and the order in which their rows are meant.
#[derive(Debug)]
pub struct Selection {
    pub(super) schema: SchemaRef,
    columns: Vec<(ArrayRef, usize)>,
    groups: Vec<Numbers>,
    rows: usize,
    /// What a row takes on average, once it is on its own.
    row_bytes: u64,
    /// What all arrays hold.
    held_bytes: u64,
}

/// Row numbers of a group of columns.
#[derive(Debug, Default)]
struct Numbers {
    each: Vec<u32>,
    /// Whether some are [`NOWHERE`].
    some_nowhere: bool,
}

impl Selection {
    /// Columns with the number of their group, and the row numbers of each group; a null is a
    /// row without values. Groups without columns may have any numbers.
    ///
    /// # Errors
    /// Fails when the columns are not those of the schema.
    pub fn new(
        schema: &SchemaRef,
        columns: Vec<(ArrayRef, usize)>,
        groups: &[UInt32Array],
        rows: usize,
    ) -> Result<Self> {
        let types = columns.iter().map(|(array, _)| array.data_type());
        let used = |group: usize| columns.iter().any(|(_, of)| *of == group);
        let fits = |(group, numbers): (usize, &UInt32Array)| numbers.len() == rows || !used(group);
        if !types.eq(schema.fields().iter().map(|field| field.data_type()))
            || !groups.iter().enumerate().all(fits)
        {
            return Err(Diagnostic::internal("the sink was given rows of another schema"));
        }
        for (field, (array, group)) in schema.fields().iter().zip(&columns) {
            let is_null = |row: Option<u32>| row.is_none_or(|row| array.is_null(row as usize));
            if !field.is_nullable() && groups[*group].iter().any(is_null) {
                let name = field.name();
                return Err(Diagnostic::internal(format!("`{name}` has nulls, and cannot have")));
            }
        }
        let numbers = |numbers: &UInt32Array| Numbers {
            each: numbers.iter().map(|number| number.unwrap_or(NOWHERE)).collect(),
            some_nowhere: numbers.null_count() > 0,
        };
        let bytes = |array: &ArrayRef| column_bytes(array, &(0..array.len())) as u64;
        let of_row = |(array, _): &(ArrayRef, usize)| bytes(array) / array.len().max(1) as u64;
        Ok(Self {
            schema: Arc::clone(schema),
            row_bytes: columns.iter().map(of_row).sum(),
            held_bytes: columns.iter().map(|(array, _)| bytes(array)).sum(),
            groups: groups.iter().map(numbers).collect(),
            columns,
            rows,
        })
    }
}

/// Some rows of a selection, side by side.
#[derive(Clone, Debug)]
pub struct Rows {
    of: Arc<Selection>,
    range: Range<usize>,
}

/// A column of [`Rows`].
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnRows<'a> {
    pub(super) array: &'a ArrayRef,
    /// Places in the array, or [`NOWHERE`].
    pub(super) numbers: &'a [u32],
    /// Whether some are [`NOWHERE`].
    pub(super) some_nowhere: bool,
}

/// Arrays that are read ahead, at most: what a cache of the second level has room for.
const FETCHED_BYTES: usize = 256 << 10;
const CACHE_LINE_BYTES: usize = 64;

/// Reads memory in order, which the processor does far ahead, and forgets it.
fn fetch(data: &ArrayData) {
    for buffer in data.buffers().iter().filter(|buffer| buffer.len() <= FETCHED_BYTES) {
        let lines = buffer.as_slice().iter().step_by(CACHE_LINE_BYTES);
        black_box(lines.fold(0, |all, byte| all ^ byte));
    }
    data.child_data().iter().for_each(fetch);
}

impl ColumnRows<'_> {
    /// Brings the array into the cache. Rows of one partition lie apart from each other, and
    /// were decoded by another thread: to wait for each is slower than to read all in order.
    pub(super) fn fetch(&self) {
        fetch(&self.array.to_data());
    }

    /// Its values in an array of their own.
    pub(super) fn copied(&self) -> Result<ArrayRef, ArrowError> {
        let numbers = self.numbers.iter().map(|row| (*row != NOWHERE).then_some(*row));
        take(self.array, &numbers.collect::<UInt32Array>(), None)
    }

    /// Where its values are, but for nulls.
    pub(super) fn valid(&self) -> Vec<usize> {
        let nulls = self.array.nulls();
        let all_null = *self.array.data_type() == DataType::Null;
        let is_valid = |row: &usize| {
            *row != NOWHERE as usize && !all_null && nulls.is_none_or(|nulls| nulls.is_valid(*row))
        };
        self.numbers.iter().map(|row| *row as usize).filter(is_valid).collect()
    }
}

impl Rows {
    /// All rows of a selection.
    pub fn all(of: Selection) -> Self {
        let range = 0..of.rows;
        Self { of: Arc::new(of), range }
    }

    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// Takes the first rows away, at most so many.
    #[must_use]
    pub fn split_first(&mut self, rows: usize) -> Self {
        let end = self.range.end.min(self.range.start.saturating_add(rows));
        let range = self.range.start..end;
        self.range.start = end;
        Self { of: Arc::clone(&self.of), range }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.of.schema
    }

    /// What they will take on their own, about.
    pub(super) fn bytes(&self) -> u64 {
        self.of.row_bytes * self.len() as u64
    }

    /// Their share of what they keep in memory.
    pub(super) fn held_bytes(&self) -> u64 {
        self.of.held_bytes * self.len() as u64 / self.of.rows.max(1) as u64
    }

    pub(super) fn same_batch(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.of, &other.of)
    }

    /// Whether rows of one batch are so many of its rows that most of its memory is read.
    pub(super) fn are_much_of_their_batch<'a>(mut rows: impl Iterator<Item = &'a Self>) -> bool {
        let Some(first) = rows.next() else { return false };
        let count = first.len() + rows.map(Self::len).sum::<usize>();
        count * 8 >= first.of.rows
    }

    pub(super) fn columns(&self) -> usize {
        self.of.columns.len()
    }

    pub(super) fn column(&self, index: usize) -> ColumnRows<'_> {
        let (array, group) = &self.of.columns[index];
        let numbers = &self.of.groups[*group];
        let some_nowhere = numbers.some_nowhere;
        ColumnRows { array, numbers: &numbers.each[self.range.clone()], some_nowhere }
    }

    /// The rows in a batch of their own.
    ///
    /// # Errors
    /// Fails when there are more bytes than fit into one.
    pub(super) fn to_batch(&self) -> Result<RecordBatch> {
        let columns = 0..self.of.columns.len();
        let columns = columns.map(|index| self.column(index).copied()).collect::<Result<_, _>>();
        let options = RecordBatchOptions::new().with_row_count(Some(self.len()));
        columns
            .and_then(|c| RecordBatch::try_new_with_options(Arc::clone(self.schema()), c, &options))
            .map_err(|error| Diagnostic::internal("rows could not be gathered").cause(error))
    }
}

impl From<RecordBatch> for Rows {
    fn from(batch: RecordBatch) -> Self {
        let (schema, columns, rows) = batch.into_parts();
        let bytes = |array: &ArrayRef| column_bytes(array, &(0..rows)) as u64;
        let held_bytes = columns.iter().map(bytes).sum();
        let each = (0..rows as u32).collect();
        Self::all(Selection {
            schema,
            columns: columns.into_iter().map(|array| (array, 0)).collect(),
            groups: vec![Numbers { each, some_nowhere: false }],
            rows,
            row_bytes: held_bytes / rows.max(1) as u64,
            held_bytes,
        })
    }
}
