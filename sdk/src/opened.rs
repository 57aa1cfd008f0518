//! An opened stage and what it was promised: the type of every column its plan reads, so
//! that what arrives in a batch is checked before the author's code sees it.

use crate::{Batch, ColumnData, Error, Node, Output, Plan, RowShape, Schema, Stage, config};

/// A stage between `open` and its last batch.
#[derive(Debug)]
pub struct Opened<S> {
    stage: S,
    /// The columns of the reads, without nodes between two calls.
    batch: Batch,
}

impl<S: Stage> Opened<S> {
    /// Opens a stage with this config (JSON) against this input.
    ///
    /// # Errors
    /// What the config's type or the stage refuses, and reads of columns that do not exist.
    pub fn new(config: &str, input: &Schema) -> Result<(Self, Plan), Error> {
        let (stage, plan) = S::open(config::parse(config)?, input)?;
        let unnested = match &plan.rows {
            RowShape::Unnest(unnest) => Some(unnest.apply(input)?),
            _ => None,
        };
        let input = unnested.as_ref().unwrap_or(input);
        let unsent = |read: &crate::Read| {
            Ok(ColumnData::unsent(input.field(&read.path)?.data_type, read.part))
        };
        let columns = plan.reads.iter().map(unsent).collect::<Result<_, Error>>()?;
        Ok((Self { stage, batch: Batch::new(0, None, columns) }, plan))
    }

    /// Checks the nodes of a batch against the plan's reads, and processes it.
    ///
    /// # Errors
    /// What the stage refuses, and nodes that do not fit the columns read.
    pub fn process(
        &mut self,
        rows: usize,
        watermark: Option<i64>,
        nodes: impl IntoIterator<Item = Node>,
    ) -> Result<Output, Error> {
        let filled = self.batch.fill(rows, watermark, nodes.into_iter());
        let output = filled.and_then(|()| self.stage.process(&self.batch));
        self.batch.empty();
        output
    }
}
