//! Rows under construction, and the batch they become.

use super::{
    column::StructColumn,
    failure::{Conflict, Context, Decoded, Failure, Path},
    storage::Bytes,
};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::SourcePlan,
    source::{Origin, SourceBatch},
    types::Rejected,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use std::{ops::Range, sync::Arc};

/// Rows, where they came from, and what was rejected between them.
#[derive(Debug)]
pub(super) struct Rows {
    schema: SchemaRef,
    root: StructColumn,
    rescued: Option<Bytes>,
    pub(super) cx: Context,
    pub(super) origins: Vec<Origin>,
    pub(super) rejected: Vec<Rejected>,
    /// Bytes of text behind the rows and the rejected records.
    pub(super) text_bytes: usize,
}

/// A point to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    rows: usize,
    rejected: usize,
    text_bytes: usize,
}

/// The schema that a reader's batches have: the declared one and the rescued column.
///
/// # Errors
/// Fails when the rescued column has the name of a declared one.
pub(super) fn output_schema(plan: &SourcePlan, schema: &SchemaRef) -> Result<SchemaRef> {
    let Some(name) = &plan.rescued_column else { return Ok(Arc::clone(schema)) };
    if schema.fields().iter().any(|field| field.name() == name) {
        return Err(Diagnostic::config(format!("the schema has a column `{name}` of its own"))
            .hint("choose another name for `rescued_column`"));
    }
    let rescued = Arc::new(Field::new(name, DataType::Utf8, true));
    let fields = schema.fields().iter().cloned().chain([rescued]);
    Ok(Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())))
}

impl Rows {
    pub(super) fn new(plan: &SourcePlan, schema: &SchemaRef) -> Result<Self> {
        let root = StructColumn::new(schema.fields()).ok_or_else(|| {
            Diagnostic::config("the schema has a type that JSON input does not support")
                .hint("`docs/pipeline-reference.md` lists the types of a source schema")
        })?;
        Ok(Self {
            schema: output_schema(plan, schema)?,
            root,
            rescued: plan.rescued_column.as_ref().map(|_| Bytes::default()),
            cx: Context::new(plan),
            origins: Vec::new(),
            rejected: Vec::new(),
            text_bytes: 0,
        })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether values of this top-level key end up anywhere.
    pub(super) fn wants(&self, name: &[u8]) -> bool {
        self.rescued.is_some() || self.root.names.contains(name)
    }

    /// Decodes the object at `at` as the next row, to be followed by [`commit`](Self::commit)
    /// or [`undo`](Self::undo). Of a failure nothing is left.
    #[inline]
    pub(super) fn decode(&mut self, text: &[u8], at: usize) -> Decoded {
        self.cx.start_record();
        let decoded = self.root.read(&mut self.cx, text, at, &Path::ROOT);
        if decoded.is_err() {
            self.root.truncate(self.origins.len());
        }
        decoded
    }

    /// Why decoding failed.
    pub(super) fn failure(&self) -> Failure {
        self.cx.failure.clone()
    }

    /// Why the row just decoded may not stay.
    pub(super) fn take_conflict(&mut self) -> Option<Conflict> {
        self.cx.conflict.take()
    }

    /// Keeps the row just decoded.
    #[inline]
    pub(super) fn commit(&mut self, origin: Origin) {
        if let Some(rescued) = &mut self.rescued
            && !self.cx.rescued.is_empty()
        {
            self.cx.rescued.push(b'}');
            rescued.pad(self.origins.len());
            rescued.push(&self.cx.rescued);
        }
        self.text_bytes += origin.text.len();
        self.origins.push(origin);
    }

    /// Notes a record that is no row.
    pub(super) fn reject(&mut self, rejected: Rejected) {
        self.text_bytes += rejected.record.len();
        self.rejected.push(rejected);
    }

    pub(super) fn mark(&self) -> Mark {
        let (rows, rejected) = (self.origins.len(), self.rejected.len());
        Mark { rows, rejected, text_bytes: self.text_bytes }
    }

    /// Goes back; also drops a row that was decoded and not committed.
    pub(super) fn undo(&mut self, mark: Mark) {
        self.origins.truncate(mark.rows);
        self.rejected.truncate(mark.rejected);
        self.text_bytes = mark.text_bytes;
        self.root.truncate(mark.rows);
        if let Some(rescued) = &mut self.rescued {
            rescued.truncate(mark.rows);
        }
    }

    /// Forgets everything, so that the next unit starts afresh.
    pub(super) fn reset(&mut self) {
        self.undo(Mark { rows: 0, rejected: 0, text_bytes: 0 });
    }

    /// Gives up the room of columns without rows.
    pub(super) fn give_back(&mut self) {
        drop(self.root.take_members(self.origins.len()));
    }

    /// Follows text that moved down by so many bytes.
    pub(super) fn shift(&mut self, bytes: usize) {
        if bytes > 0 {
            let bytes = bytes as u32;
            for Origin { text: Range { start, end }, .. } in &mut self.origins {
                *start -= bytes;
                *end -= bytes;
            }
        }
    }

    /// Position of the first text that a row refers to.
    pub(super) fn text_start(&self) -> Option<usize> {
        self.origins.first().map(|origin| origin.text.start as usize)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.origins.is_empty() && self.rejected.is_empty()
    }

    /// The rows as a batch; the next ones start.
    ///
    /// # Errors
    /// Fails on a bug only.
    pub(super) fn take(&mut self, text: Arc<[u8]>, files: Arc<[String]>) -> Result<SourceBatch> {
        let batch = self.take_batch().map_err(|error| {
            Diagnostic::internal("decoded columns do not make a batch").cause(error)
        })?;
        let room = self.origins.len();
        let origins = std::mem::replace(&mut self.origins, Vec::with_capacity(room));
        let rejected = std::mem::take(&mut self.rejected);
        self.text_bytes = 0;
        Ok(SourceBatch { batch, origins, text, files, rejected })
    }

    fn take_batch(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = self.origins.len();
        let mut columns = self.root.take_members(rows)?;
        self.root.validity.take();
        if let Some(rescued) = &mut self.rescued {
            rescued.pad(rows);
            columns.push(Arc::new(rescued.take_strings()?) as ArrayRef);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}
