//! How all files of a micro-batch are laid out: their schema, and the form of each column.

use super::{
    Provenance,
    column::{self, Choice, Chunk, Leaf, Scratch, Shape},
    properties,
    rows::Rows,
};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::SinkPlan,
    types::BatchId,
};
use arrow_schema::SchemaRef;
use parquet::{
    arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata},
    errors::ParquetError,
    file::{properties::WriterPropertiesPtr, writer::SerializedFileWriter},
    schema::types::{SchemaDescPtr, SchemaDescriptor},
};
use std::{io::Write, sync::Arc};

/// What the first rows do not change.
#[derive(Debug)]
pub(super) struct Outline {
    parquet_schema: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    shapes: Arc<[Shape]>,
    leaves: Arc<[Leaf]>,
}

/// How all files of a micro-batch are laid out.
#[derive(Debug)]
pub(super) struct Layout {
    parquet_schema: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    pub(super) shapes: Arc<[Shape]>,
    leaves: Arc<[Leaf]>,
    choices: Vec<Choice>,
    /// Rows of a row group, at most.
    pub(super) row_group_rows: usize,
}

impl Outline {
    /// # Errors
    /// Fails when a column cannot be stored in Parquet.
    pub(super) fn new(schema: &SchemaRef, batch: BatchId, provenance: &Provenance) -> Result<Self> {
        let refused = |cause: String| {
            Diagnostic::config("the rows cannot be stored in Parquet")
                .cause(cause)
                .hint("drop or convert the column in a stage")
        };
        let parquet_schema = ArrowSchemaConverter::new().with_coerce_types(true).convert(schema);
        let parquet_schema = parquet_schema.map_err(|error| refused(error.to_string()))?;
        let (shapes, leaves) = column::shapes(schema.fields())
            .map_err(|other| refused(format!("no stage makes columns of type {other}")))?;
        check_leaves(&parquet_schema, &leaves)?;
        let mut properties = properties::of(batch, provenance);
        add_encoded_arrow_schema_to_metadata(schema, &mut properties);
        let (parquet_schema, properties) = (Arc::new(parquet_schema), Arc::new(properties));
        Ok(Self { parquet_schema, properties, shapes: shapes.into(), leaves: leaves.into() })
    }

    /// Leaf columns of the files.
    pub(super) fn columns(&self) -> usize {
        self.leaves.len()
    }

    /// The layout, by the first rows.
    ///
    /// # Errors
    /// Fails when sample values cannot be compressed.
    pub(super) fn decide(&self, plan: &SinkPlan, first_rows: &[Rows]) -> Result<Layout> {
        let (shapes, leaves) = (&self.shapes, &self.leaves);
        let scratch = &mut Scratch::default();
        Ok(Layout {
            parquet_schema: Arc::clone(&self.parquet_schema),
            properties: Arc::clone(&self.properties),
            shapes: Arc::clone(shapes),
            leaves: Arc::clone(leaves),
            choices: column::choose(shapes, leaves, plan.compression, first_rows, scratch)?,
            row_group_rows: plan.row_group_rows.max(1),
        })
    }
}

/// Levels and kinds come from the rows' schema here, and from the files' in readers.
fn check_leaves(parquet_schema: &SchemaDescriptor, leaves: &[Leaf]) -> Result<()> {
    if parquet_schema.num_columns() == leaves.len()
        && parquet_schema.columns().iter().zip(leaves).all(|(column, leaf)| leaf.fits(column))
    {
        return Ok(());
    }
    Err(Diagnostic::internal("the files would hold something else than their schema says"))
}

impl Layout {
    /// Starts a file.
    ///
    /// # Errors
    /// Fails when the file refuses its first bytes.
    pub(super) fn writer<W: Write + Send>(
        &self,
        file: W,
    ) -> Result<SerializedFileWriter<W>, ParquetError> {
        let root = self.parquet_schema.root_schema_ptr();
        SerializedFileWriter::new(file, root, Arc::clone(&self.properties))
    }

    /// The columns of a row group, empty.
    pub(super) fn chunks(&self) -> Vec<Chunk> {
        let columns = self.parquet_schema.columns().iter();
        let chunk = |((column, leaf), choice)| Chunk::new(column, leaf, choice);
        columns.zip(self.leaves.iter()).zip(self.choices.iter().copied()).map(chunk).collect()
    }
}
