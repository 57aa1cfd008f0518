//! An opened stage and what it was promised: the type of every column its plan reads, so
//! that what arrives in a batch is checked before the author's code sees it.

use crate::column::node_count;
use crate::{
    Batch, ColumnData, DataType, Error, Node, Output, Part, Plan, RowShape, Schema, Stage, config,
};

/// A stage between `open` and its last batch.
#[derive(Debug)]
pub struct Opened<S> {
    stage: S,
    reads: Vec<(DataType, Part)>,
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
        let resolve = |read: &crate::Read| Ok((input.field(&read.path)?.data_type, read.part));
        let reads = plan.reads.iter().map(resolve).collect::<Result<_, Error>>()?;
        Ok((Self { stage, reads }, plan))
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
        let mut nodes = nodes.into_iter();
        let mut columns = Vec::with_capacity(self.reads.len());
        for (i, (data_type, part)) in self.reads.iter().enumerate() {
            let count = if *part == Part::Full { node_count(data_type) } else { 1 };
            let nodes: Vec<_> = nodes.by_ref().take(count).collect();
            let complete = nodes.first().is_some_and(|node| node.length as usize == rows);
            let column = complete.then(|| ColumnData::new(data_type.clone(), *part, nodes));
            columns.push(column.flatten().ok_or_else(|| {
                Error::failed(format!("the host sent a malformed column for read {i}"))
            })?);
        }
        if nodes.next().is_some() {
            return Err(Error::failed("the host sent more columns than the plan reads"));
        }
        self.stage.process(&Batch::new(rows, watermark, columns))
    }
}
