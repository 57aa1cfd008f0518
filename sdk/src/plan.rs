//! What a stage reads, what it does to rows, and how the columns change: said once, in `open`.

use crate::{Field, Path};

/// How much of a column enters the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything, nested children included.
    Full,
    /// Only whether values are null.
    Validity,
    /// Only validity and offsets: the lengths of strings, lists or maps.
    Offsets,
}

/// One column to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Where it is, after the plan's `unnest`.
    pub path: Path,
    /// How much of it.
    pub part: Part,
}

/// Handle of a column named with [`Plan::read`]; gives its values in every batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnId(pub(crate) usize);

/// One change to the column list. Edits apply in order; paths always mean the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Forget every column.
    Clear,
    /// Remove a top-level column.
    Drop(String),
    /// Add or replace a top-level column by a reference: no data moves.
    Refer {
        /// Name of the output column.
        name: String,
        /// What it shows.
        path: Path,
    },
    /// Add or replace a top-level column by one computed in every batch.
    Compute(Field),
}

/// A list or map column to unnest, and the name its elements get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The list or map; it leaves its place.
    pub column: Path,
    /// Name of the top-level column of the elements.
    pub name: String,
}

/// One row per list element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnest {
    /// Columns unnested side by side, the shorter padded with nulls.
    pub columns: Vec<Element>,
    /// Emit one row with null elements where all lists are null or empty.
    pub keep_empty: bool,
    /// Name of an added `bigint` column with the position in the list, from 0.
    pub position: Option<String>,
}

/// What may happen to rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowShape {
    /// Every input row is one output row, in order.
    Keep,
    /// Rows may disappear.
    Filter,
    /// Output rows are any input rows, repeated or reordered.
    Reindex,
    /// The host unnests; the stage may filter afterwards.
    Unnest(Unnest),
    /// Output rows do not come from input rows; only computed columns.
    Produce,
}

/// What the output may depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// Each row's result depends on that row alone.
    Row,
    /// On the whole batch, and nothing outside it.
    Batch,
    /// On earlier batches with the same key.
    Keyed(Vec<Path>),
    /// On everything before.
    Sequence,
}

/// The answer of [`Stage::open`](crate::Stage::open): everything the host needs to know up front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Columns to send, in the order of their [`ColumnId`]s.
    pub reads: Vec<Read>,
    /// What may happen to rows.
    pub rows: RowShape,
    /// Changes to the column list.
    pub edits: Vec<Edit>,
    /// What the output may depend on.
    pub dependence: Dependence,
}

impl Plan {
    /// Keeps every row and column and reads nothing.
    #[must_use]
    pub fn keep() -> Self {
        Self::with_rows(RowShape::Keep)
    }

    /// May drop rows.
    #[must_use]
    pub fn filter() -> Self {
        Self::with_rows(RowShape::Filter)
    }

    /// May repeat and reorder rows.
    #[must_use]
    pub fn reindex() -> Self {
        Self::with_rows(RowShape::Reindex)
    }

    /// Makes one row per list element.
    #[must_use]
    pub fn unnest(unnest: Unnest) -> Self {
        Self::with_rows(RowShape::Unnest(unnest))
    }

    /// Makes rows of its own, of computed columns only.
    #[must_use]
    pub fn produce() -> Self {
        let mut plan = Self::with_rows(RowShape::Produce);
        plan.edits.push(Edit::Clear);
        plan
    }

    fn with_rows(rows: RowShape) -> Self {
        Self { reads: Vec::new(), rows, edits: Vec::new(), dependence: Dependence::Row }
    }

    /// Asks for a column in every batch.
    pub fn read(&mut self, path: Path) -> ColumnId {
        self.read_part(path, Part::Full)
    }

    /// Asks for part of a column in every batch; the same part of the same path is sent once.
    pub fn read_part(&mut self, path: Path, part: Part) -> ColumnId {
        let read = Read { path, part };
        let known = self.reads.iter().position(|other| *other == read);
        ColumnId(known.unwrap_or_else(|| {
            self.reads.push(read);
            self.reads.len() - 1
        }))
    }

    /// Forgets every column; later edits build the output from nothing.
    pub fn clear(&mut self) {
        self.edits.push(Edit::Clear);
    }

    /// Removes a top-level column.
    pub fn drop(&mut self, name: impl Into<String>) {
        self.edits.push(Edit::Drop(name.into()));
    }

    /// Adds or replaces a column by a reference to one of the input.
    pub fn refer(&mut self, name: impl Into<String>, path: Path) {
        self.edits.push(Edit::Refer { name: name.into(), path });
    }

    /// Adds or replaces a column by one that every [`Output`](crate::Output) brings, in the order of these calls.
    pub fn compute(&mut self, field: Field) {
        self.edits.push(Edit::Compute(field));
    }

    /// The computed fields, in the order their values come back.
    pub fn computed(&self) -> impl Iterator<Item = &Field> {
        self.edits.iter().filter_map(|edit| match edit {
            Edit::Compute(field) => Some(field),
            _ => None,
        })
    }
}
