//! Rows on their way through the chain: arrays stay where they are, only row numbers move.
//!
//! Every column belongs to a *group*: columns whose arrays are indexed the same way. A row
//! decision rewrites the row numbers of each group once, however many columns it has, and the
//! values are read once, at the end ([`View::select`]).
//!
//! | after | group 0 (source rows) | group 1 (elements) |
//! |---|---|---|
//! | source: 2 documents of 2 and 3 payments | identity | |
//! | explode | 0 0 1 1 1 | identity |
//! | filter keeps rows 1, 2 and 4 | 0 1 1 | 1 2 4 |

use crate::diagnostic::{Diagnostic, Result};
use arrow_array::{
    Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array, cast::AsArray,
};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::{nullif::nullif, take::take};
use std::sync::Arc;

/// A column of a [`View`].
#[derive(Clone, Debug)]
pub(super) struct ViewColumn {
    /// The values, indexed by the group's row numbers.
    pub(super) array: ArrayRef,
    /// Its group.
    pub(super) group: usize,
}

/// Where the rows of the first unnest came from.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    /// Path of the list.
    pub(super) path: Arc<[String]>,
    /// Position in the list, null where it was empty.
    pub(super) positions: ViewColumn,
}

/// Where a row came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOrigin {
    /// Row of the source batch.
    pub row: usize,
    /// The first list that was unnested on the way, and the position in it.
    pub element: Option<(Arc<[String]>, u64)>,
    /// Whether that does not tell it from other rows: rows were multiplied in another way, too.
    pub shared: bool,
}

/// A batch whose rows are not gathered yet.
#[derive(Clone, Debug)]
pub struct View {
    pub(super) schema: SchemaRef,
    pub(super) columns: Vec<ViewColumn>,
    /// Row numbers of each group; `None` is identity.
    pub(super) groups: Vec<Option<UInt32Array>>,
    pub(super) rows: usize,
    pub(super) trail: Option<Trail>,
    /// Whether rows were multiplied in a way that `trail` does not tell.
    pub(super) multiplied: bool,
}

/// Columns with the number of their group, and the row numbers of each group.
pub type Selected = (Vec<(ArrayRef, usize)>, Vec<UInt32Array>);

/// The group of source rows.
const SOURCE: usize = 0;

impl View {
    /// Every row of a batch.
    pub(super) fn new(batch: &RecordBatch) -> Self {
        let columns = batch.columns().iter();
        let columns =
            columns.map(|array| ViewColumn { array: Arc::clone(array), group: SOURCE }).collect();
        let (schema, rows) = (batch.schema(), batch.num_rows());
        Self { schema, columns, groups: vec![None], rows, trail: None, multiplied: false }
    }

    /// What the gathered rows will look like.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.rows
    }

    /// The gathered values of one top-level column.
    ///
    /// # Errors
    /// Fails when there is no such column.
    pub fn column(&self, name: &str) -> Result<ArrayRef> {
        let index = self.schema.index_of(name).map_err(|error| gather_failed(&error))?;
        self.gather(&self.columns[index])
    }

    /// Some columns (by position) with the number of their group, and for each group the
    /// numbers of these rows; a null is a row that is not in the group's arrays. No value moves.
    ///
    /// # Errors
    /// Fails when there is no such row.
    pub fn select(&self, rows: &UInt32Array, columns: &[usize]) -> Result<Selected> {
        let mut moved = self.clone();
        moved.apply(rows)?;
        let column = |at: &usize| (Arc::clone(&self.columns[*at].array), self.columns[*at].group);
        let none = || UInt32Array::new_null(0);
        let groups = moved.groups.into_iter().map(|rows| rows.unwrap_or_else(none)).collect();
        Ok((columns.iter().map(column).collect(), groups))
    }

    /// Gathers every row of some columns (by position).
    ///
    /// # Errors
    /// Fails when a value does not fit the schema.
    pub fn gather_all(&self, columns: &[usize]) -> Result<RecordBatch> {
        let schema = Arc::new(self.schema.project(columns).map_err(|error| gather_failed(&error))?);
        let columns =
            columns.iter().map(|i| self.gather(&self.columns[*i])).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(|error| gather_failed(&error))
    }

    /// Where a row came from; `None` for one that a stage made up.
    pub fn origin(&self, row: usize) -> Option<RowOrigin> {
        let source = self.row_in(SOURCE, row)?;
        let element = self.trail.as_ref().and_then(|trail| {
            let positions = trail.positions.array.as_primitive::<arrow_array::types::UInt32Type>();
            let at =
                self.row_in(trail.positions.group, row).filter(|at| positions.is_valid(*at))?;
            Some((Arc::clone(&trail.path), u64::from(positions.value(at))))
        });
        Some(RowOrigin { row: source, element, shared: self.multiplied })
    }

    /// The row number that a group has for a row of the view.
    pub(super) fn row_in(&self, group: usize, row: usize) -> Option<usize> {
        match &self.groups[group] {
            None => Some(row),
            Some(rows) => rows.is_valid(row).then(|| rows.value(row) as usize),
        }
    }

    /// The values of one column, in the view's row order.
    pub(super) fn gather(&self, column: &ViewColumn) -> Result<ArrayRef> {
        match &self.groups[column.group] {
            None => Ok(Arc::clone(&column.array)),
            Some(rows) => take(&column.array, rows, None).map_err(|error| gather_failed(&error)),
        }
    }

    /// Keeps the rows whose bit is set.
    pub(super) fn filter(&mut self, keep: &BooleanBuffer) -> Result<()> {
        if keep.count_set_bits() == self.rows {
            return Ok(());
        }
        self.apply(&keep.set_indices_u32().collect::<Vec<_>>().into())
    }

    /// Makes row i the former row `rows[i]`.
    pub(super) fn apply(&mut self, rows: &UInt32Array) -> Result<()> {
        let used = self.used_groups();
        for (group, numbers) in self.groups.iter_mut().enumerate().filter(|(group, _)| used[*group])
        {
            let moved = match numbers {
                None => rows.clone(),
                Some(numbers) => {
                    let moved = take(numbers, rows, None)
                        .map_err(|error| gather_failed(&error).cause(format!("group {group}")))?;
                    moved.as_primitive::<arrow_array::types::UInt32Type>().clone()
                }
            };
            *numbers = Some(moved);
        }
        self.rows = rows.len();
        Ok(())
    }

    fn used_groups(&self) -> Vec<bool> {
        let mut used = vec![false; self.groups.len()];
        used[SOURCE] = true;
        let trail = self.trail.iter().map(|trail| trail.positions.group);
        self.columns
            .iter()
            .map(|column| column.group)
            .chain(trail)
            .for_each(|group| used[group] = true);
        used
    }

    /// The group of arrays that have one value for each row as it is now.
    pub(super) fn current_group(&mut self) -> usize {
        let used = self.used_groups();
        let current =
            (0..self.groups.len()).find(|group| used[*group] && self.groups[*group].is_none());
        current.unwrap_or_else(|| {
            self.groups.push(None);
            self.groups.len() - 1
        })
    }

    /// Forgets where rows came from: the stage made `rows` of its own.
    pub(super) fn replace_rows(&mut self, rows: usize) {
        self.columns.clear();
        self.trail = None;
        self.groups = vec![Some(UInt32Array::new_null(rows))];
        self.rows = rows;
    }
}

/// A member of nested structs, with the nulls of every struct round it.
pub(super) fn member(array: &ArrayRef, members: &[usize]) -> Result<ArrayRef> {
    let mut array = Arc::clone(array);
    for index in members {
        let outer = array.as_struct();
        let inner = Arc::clone(outer.column(*index));
        array = match outer.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => inner,
            Some(nulls) => {
                let absent = BooleanArray::new(!nulls.inner(), None);
                nullif(&inner, &absent).map_err(|error| gather_failed(&error))?
            }
        };
    }
    Ok(array)
}

pub(super) fn gather_failed(error: &ArrowError) -> Diagnostic {
    Diagnostic::internal("rows could not be gathered").cause(error)
}
