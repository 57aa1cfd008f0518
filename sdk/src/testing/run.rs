//! One batch through one stage: unnest, call, check the answer, move rows, place columns.

use super::rows::Rows;
use super::{decode, encode};
use crate::column::node_count;
use crate::{
    Computed, Disposition, Edit, Error, Field, Opened, Output, Plan, RowResult, RowShape, Schema,
    Stage,
};
use serde_json::Value;

/// What came of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The columns that come out.
    pub schema: Schema,
    /// One object per row that came out, with every column.
    pub rows: Vec<Value>,
    /// What was rejected, ordered by row.
    pub rejections: Vec<Rejected>,
}

/// One rejected row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejected {
    /// Number of the row, from 0, after the plan's unnest.
    pub row: usize,
    /// The stable identifier of the reason.
    pub code: String,
    /// Whether it left the stream.
    pub disposition: Disposition,
    /// The reason for a person.
    pub message: String,
}

/// Opens a stage and runs it on these rows, as one batch.
///
/// # Errors
/// What the stage refuses, rows that do not fit the schema, and answers that a host would
/// refuse because they break the contract.
#[expect(clippy::needless_pass_by_value, reason = "so that a call holds a literal")]
pub fn run<S: Stage>(config: Value, schema: &Schema, rows: &[Value]) -> Result<Outcome, Error> {
    let input = Rows::new(schema, rows)?;
    let (mut opened, plan) = Opened::<S>::new(&config.to_string(), schema)?;
    let unnested = match &plan.rows {
        RowShape::Unnest(unnest) => input.unnest(unnest)?,
        _ => input,
    };
    let output = call(&mut opened, &plan, &unnested)?;
    settle(&plan, unnested, output)
}

fn call<S: Stage>(opened: &mut Opened<S>, plan: &Plan, rows: &Rows) -> Result<Output, Error> {
    let makes_rows = matches!(plan.rows, RowShape::Reindex | RowShape::Produce);
    let is_called = makes_rows || !plan.reads.is_empty() || plan.computed().next().is_some();
    let has_rows = rows.count > 0 || plan.rows == RowShape::Produce;
    if !is_called || !has_rows {
        let empty = |field| Computed {
            nodes: encode::column(field, &[], crate::Part::Full).unwrap_or_default(),
        };
        return Ok(Output { columns: plan.computed().map(empty).collect(), ..Output::same() });
    }
    let mut nodes = Vec::new();
    for read in &plan.reads {
        let field = Field { name: read.path.to_string(), ..rows.schema.field(&read.path)? };
        let values = rows.values(&read.path);
        let values: Vec<&Value> = values.iter().collect();
        nodes.extend(encode::column(&field, &values, read.part).map_err(Error::failed)?);
    }
    opened.process(rows.count, None, nodes)
}

/// Applies row decisions, rejections and edits.
fn settle(plan: &Plan, mut rows: Rows, output: Output) -> Result<Outcome, Error> {
    let before = rows.count;
    let mut rejections = Vec::new();
    let mut good = vec![true; before];
    for rejection in output.rejections {
        for row in rejection.rows {
            let (row, disposition) = (row as usize, rejection.disposition);
            let Some(good) = good.get_mut(row) else {
                return Err(breach(format!("it rejects row {row} of {before}")));
            };
            *good &= disposition != Disposition::Quarantine;
            let (code, message) = (rejection.code.clone(), rejection.message.clone());
            rejections.push(Rejected { row, code, disposition, message });
        }
    }
    rejections.sort();
    let survivors: Vec<usize> = match (output.rows, &plan.rows) {
        (RowResult::Same, shape) if *shape != RowShape::Produce => {
            (0..before).filter(|row| good[*row]).collect()
        }
        (RowResult::Keep(bits), RowShape::Filter | RowShape::Unnest(_)) => {
            let (due, actual) = (before.div_ceil(8), bits.len());
            if actual != due {
                return Err(breach(format!("its bitmap has {actual} bytes where {due} are due")));
            }
            (0..before).filter(|row| good[*row] && crate::values::bit(&bits, *row)).collect()
        }
        (RowResult::Take(taken), RowShape::Reindex) => {
            let taken: Vec<_> = taken.into_iter().map(|row| row as usize).collect();
            if let Some(row) = taken.iter().find(|row| **row >= before) {
                return Err(breach(format!("it takes row {row} of {before}")));
            }
            rows.take(&taken);
            (0..taken.len()).filter(|row| good[taken[*row]]).collect()
        }
        (RowResult::Produced(produced), RowShape::Produce) => {
            rows.take(&[]);
            rows.count = produced as usize;
            (0..rows.count).collect()
        }
        (RowResult::Same, _) => {
            rows.take(&[]);
            Vec::new()
        }
        (result, shape) => {
            return Err(breach(format!("it answers {result:?} though its plan says {shape:?}")));
        }
    };
    let mut placed = place(plan, &rows, output.columns)?;
    placed.take(&survivors);
    Ok(Outcome { rows: placed.objects(), schema: placed.schema, rejections })
}

/// Builds the output's columns from references and computed values.
fn place(plan: &Plan, rows: &Rows, computed: Vec<Computed>) -> Result<Rows, Error> {
    let due = plan.computed().count();
    if computed.len() != due {
        let actual = computed.len();
        return Err(breach(format!("it answers {actual} columns where {due} are due")));
    }
    let mut computed = computed.into_iter();
    let mut columns: Vec<(Field, Vec<Value>)> =
        rows.schema.fields.iter().cloned().zip(rows.columns.iter().cloned()).collect();
    for edit in &plan.edits {
        match edit {
            Edit::Clear => columns.clear(),
            Edit::Drop(name) => {
                let at = columns.iter().position(|(field, _)| field.name == *name);
                let at = at.ok_or_else(|| breach(format!("it drops `{name}`, which is not there")));
                columns.remove(at?);
            }
            Edit::Refer { .. } if plan.rows == RowShape::Produce => {
                return Err(breach("row shape `produce` cannot refer to input columns"));
            }
            Edit::Refer { name, path } => {
                let field = Field { name: name.clone(), ..rows.schema.field(path)? };
                put(&mut columns, field, rows.values(path));
            }
            Edit::Compute(field) => {
                let nodes = computed.next().map(|column| column.nodes).unwrap_or_default();
                if nodes.len() != node_count(&field.data_type) {
                    let name = &field.name;
                    return Err(breach(format!("column `{name}` has {} nodes", nodes.len())));
                }
                let values = decode::column(field, rows.count, nodes).map_err(breach)?;
                put(&mut columns, field.clone(), values);
            }
        }
    }
    let (fields, columns) = columns.into_iter().unzip();
    Ok(Rows { schema: Schema::new(fields), columns, count: rows.count })
}

/// Adds a column, or replaces the one of that name where it stands.
fn put(columns: &mut Vec<(Field, Vec<Value>)>, field: Field, values: Vec<Value>) {
    match columns.iter_mut().find(|(other, _)| other.name == field.name) {
        Some(slot) => *slot = (field, values),
        None => columns.push((field, values)),
    }
}

fn breach(what: impl std::fmt::Display) -> Error {
    Error::failed(format!("the stage broke the contract: {what}"))
}
