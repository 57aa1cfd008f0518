//! What a plugin answers to a batch, checked before it is used.

use super::{
    bindings::lockgate::transform::types::{Output, Rejection, RowResult},
    bound::{Bound, Rows},
    lift,
};
use crate::diagnostic::{Diagnostic, Result};
use arrow_array::{ArrayRef, new_empty_array};

/// A checked answer of `process`.
pub(super) struct Answer {
    pub(super) rows: RowResult,
    pub(super) columns: Vec<ArrayRef>,
    pub(super) rejections: Vec<Rejection>,
}

impl Answer {
    /// The answer to no rows.
    pub(super) fn nothing(bound: &Bound) -> Self {
        let columns = bound.computed.iter().map(|field| new_empty_array(field.data_type()));
        Self { rows: RowResult::Same, columns: columns.collect(), rejections: Vec::new() }
    }

    /// Holds an answer to this many rows against the plan and the limits.
    ///
    /// # Errors
    /// Says which rule of the contract the plugin broke.
    pub(super) fn check(
        output: Output,
        bound: &Bound,
        plugin: &str,
        rows: usize,
        rows_per_row: u64,
    ) -> Result<Self> {
        let breach = |breach: String| {
            Diagnostic::plugin(format!("plugin `{plugin}` broke the contract"))
                .cause(breach)
                .hint("its answer was not used; this is a bug of the plugin")
        };
        let due = check_rows(&output.rows, bound.rows, rows, rows_per_row).map_err(breach)?;
        for rejection in &output.rejections {
            if let Some(row) = rejection.rows.iter().find(|row| **row as usize >= rows) {
                return Err(breach(format!("it rejects row {row} of {rows}")));
            }
        }
        let columns = lift::columns(&bound.computed, output.columns, due).map_err(breach)?;
        Ok(Self { rows: output.rows, columns, rejections: output.rejections })
    }
}

/// Checks a row result against the plan's row shape; gives the rows due in computed columns.
fn check_rows(
    result: &RowResult,
    shape: Rows,
    rows: usize,
    rows_per_row: u64,
) -> Result<usize, String> {
    match (result, shape) {
        (RowResult::Same, Rows::Keep | Rows::Filter | Rows::Reindex) => Ok(rows),
        (RowResult::Same, Rows::Produce) => Ok(0),
        (RowResult::Keep(bits), Rows::Filter) => {
            let due = rows.div_ceil(8);
            let actual = bits.len();
            if actual == due {
                Ok(rows)
            } else {
                Err(format!("its bitmap has {actual} bytes where {due} are due"))
            }
        }
        (RowResult::Take(taken), Rows::Reindex) => {
            if let Some(row) = taken.iter().find(|row| **row as usize >= rows) {
                return Err(format!("it takes row {row} of {rows}"));
            }
            within(taken.len(), rows, rows_per_row)
        }
        (RowResult::Produced(produced), Rows::Produce) => {
            within(*produced as usize, rows, rows_per_row)
        }
        (result, shape) => {
            let result = match result {
                RowResult::Same => "same",
                RowResult::Keep(_) => "keep",
                RowResult::Take(_) => "take",
                RowResult::Produced(_) => "produced",
            };
            Err(format!("it answers `{result}` though its plan says {shape:?}"))
        }
    }
}

fn within(returned: usize, rows: usize, rows_per_row: u64) -> Result<usize, String> {
    let limit = rows_per_row.saturating_mul(rows.max(1) as u64);
    if returned as u64 <= limit {
        return Ok(returned);
    }
    Err(format!(
        "it returns {returned} rows for {rows}, the limit is {limit} (`limits.rows_per_row` = {rows_per_row})"
    ))
}
