//! What a stage gives back for a batch: row decisions, computed columns, rejections.

use crate::{Bitmap, Computed};

/// Which rows come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowResult {
    /// All rows, same order.
    Same,
    /// Bit i set: row i stays. Computed columns still have one value per input row.
    Keep(Vec<u8>),
    /// Output row i is input row n\[i\]. Computed columns have one value per output row.
    Take(Vec<u32>),
    /// Number of new rows, for `produce` plans.
    Produced(u32),
}

/// What becomes of a rejected row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disposition {
    /// It leaves the stream; the host writes the original record to the quarantine.
    Quarantine,
    /// It stays; counted, and sampled into the log.
    Note,
}

/// Rows that failed for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Short stable identifier, for example `bad-timestamp`.
    pub code: String,
    /// What is wrong with these rows, for a person.
    pub message: String,
    /// What becomes of them.
    pub disposition: Disposition,
    /// Rows of the batch given to `process`.
    pub rows: Vec<u32>,
}

/// The answer to one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Which rows come out.
    pub rows: RowResult,
    /// The computed columns, in the order of the plan's `compute` edits.
    pub columns: Vec<Computed>,
    /// What is wrong with which rows.
    pub rejections: Vec<Rejection>,
}

impl Output {
    fn new(rows: RowResult) -> Self {
        Self { rows, columns: Vec::new(), rejections: Vec::new() }
    }

    /// Every row, in order.
    #[must_use]
    pub fn same() -> Self {
        Self::new(RowResult::Same)
    }

    /// The rows whose bit is set; `same` when all are.
    #[must_use]
    pub fn keep(bitmap: Bitmap) -> Self {
        if bitmap.count_set() == bitmap.len() {
            return Self::same();
        }
        Self::new(RowResult::Keep(bitmap.into_bytes()))
    }

    /// These input rows, in this order.
    #[must_use]
    pub fn take(rows: Vec<u32>) -> Self {
        Self::new(RowResult::Take(rows))
    }

    /// This many new rows, made of computed columns alone.
    #[must_use]
    pub fn produced(rows: u32) -> Self {
        Self::new(RowResult::Produced(rows))
    }

    /// Adds the next computed column.
    #[must_use]
    pub fn with_column(mut self, column: Computed) -> Self {
        self.columns.push(column);
        self
    }

    /// Adds rejections.
    #[must_use]
    pub fn with_rejections(mut self, rejections: Rejections) -> Self {
        self.rejections.extend(rejections.groups);
        self
    }
}

/// Collects rejected rows, one group per distinct reason.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    groups: Vec<Rejection>,
}

impl Rejections {
    /// Rejects a row. Give rows with the same cause the same message: a group costs one string.
    pub fn push(&mut self, disposition: Disposition, code: &str, message: &str, row: usize) {
        let row = row as u32;
        let same = |group: &&mut Rejection| {
            group.code == code && group.message == message && group.disposition == disposition
        };
        if let Some(group) = self.groups.iter_mut().rev().find(same) {
            group.rows.push(row);
            return;
        }
        let (code, message) = (code.to_owned(), message.to_owned());
        self.groups.push(Rejection { code, message, disposition, rows: vec![row] });
    }

    /// Whether no row was rejected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}
