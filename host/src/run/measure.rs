//! What every stage costs on a sample of the pipeline's own data. Nothing is written.
//!
//! The sample is decoded once and kept; then the chain runs over it several times on this
//! thread, and of each part of each stage the median counts.

use super::{
    bind::{self, Bound},
    cut_by_partition,
    worker::lineage,
};
use crate::{
    diagnostic::{Diagnostic, Kind, Result},
    pipeline::plan::Plan,
    source::{SourceBatch, discover, json::units},
    stage::{Engine, StageCost},
    storage::{Notices, open_with},
    types::StageRows,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Passes over the sample that are measured, after one that warms up.
const PASSES: usize = 7;

/// What a pipeline costs, writing excepted.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Files that were read, the last one maybe in part.
    pub files: usize,
    /// Files there are for the first micro-batch.
    pub of: usize,
    /// Text of the records.
    pub text_bytes: u64,
    /// Records.
    pub records: u64,
    /// Batches they came in.
    pub batches: u64,
    /// Passes over them whose medians these figures are.
    pub passes: usize,
    /// Wall time of reading and decoding them, once.
    pub decode: Duration,
    /// Wall time of splitting the surviving rows by partition.
    pub split: Duration,
    /// Every stage: its rows, and what they cost.
    pub stages: Vec<(StageRows, StageCost)>,
}

/// The sample, decoded.
#[derive(Default)]
struct Sample {
    files: usize,
    text_bytes: u64,
    rejected_bytes: u64,
    decode: Duration,
    batches: Vec<SourceBatch>,
}

/// Measures the stages on the first files of the source: at least one batch, and as many as
/// come to `most_bytes` of text, rejected records included.
///
/// # Errors
/// Fails where the pipeline does not bind, when there is nothing to read, and when a stage
/// stops the pipeline.
pub fn measure(
    plan: &Plan,
    engine: &Engine,
    notices: &Notices,
    most_bytes: u64,
) -> Result<Measured> {
    bind::refuse_own_output(plan)?;
    let stages = bind::load(engine, plan)?;
    let source = open_with(&plan.source.root, &plan.source.storage_options, notices)?;
    let files = discover::first(&plan.source, &source)?;
    if files.is_empty() {
        let (pattern, root) = (&plan.source.pattern, &plan.source.root);
        return Err(Diagnostic::config(format!("no files match `{pattern}` below {root}"))
            .hint("a pipeline is measured on its own data: put a file there"));
    }
    let schema = bind::schema(plan, &source, None, &files)?;
    let Bound { mut reader, mut chain, partitioner } = bind::open(plan, &schema, &stages)?;
    let mut sample = Sample::default();
    for unit in units(&files) {
        sample.files = unit.end;
        let mut start = Instant::now();
        let read = reader.read_unit(&source, &files[unit], &mut |batch| {
            sample.decode += start.elapsed();
            sample.add(batch);
            start = Instant::now();
            if sample.text_bytes + sample.rejected_bytes < most_bytes {
                Ok(())
            } else {
                Err(full())
            }
        });
        match read {
            Err(stopped) if stopped.kind == Kind::Interrupted => break,
            read => read?,
        };
    }
    chain.measure();
    let rescued = plan.source.rescued_column.as_deref().map(Arc::from);
    let mut costs = Vec::new();
    let mut splits = Vec::new();
    let mut rows: Vec<StageRows> = Vec::new();
    for _ in 0..=PASSES {
        let mut split = Duration::ZERO;
        rows.clear();
        for batch in &sample.batches {
            let mut output = chain.process(&batch.batch, &lineage(batch, rescued.as_ref()))?;
            let start = Instant::now();
            cut_by_partition(&output.view, &partitioner, &mut output.rejected)?;
            split += start.elapsed();
            if rows.is_empty() {
                rows = output.stages;
            } else {
                rows.iter_mut().zip(&output.stages).for_each(|(sum, rows)| *sum += rows);
            }
        }
        costs.push(chain.take_costs());
        splits.push(split);
    }
    // The first pass warmed up.
    let of_stage = |stage: usize| costs[1..].iter().map(|pass| pass[stage]).collect::<Vec<_>>();
    let costs = (0..stages.len()).map(|stage| StageCost::median(&of_stage(stage)));
    splits.remove(0);
    splits.sort_unstable();
    Ok(Measured {
        files: sample.files,
        of: files.len(),
        text_bytes: sample.text_bytes,
        records: sample.batches.iter().map(|batch| batch.batch.num_rows() as u64).sum(),
        batches: sample.batches.len() as u64,
        passes: PASSES,
        decode: sample.decode,
        split: splits[splits.len() / 2],
        stages: rows.into_iter().zip(costs).collect(),
    })
}

impl Sample {
    fn add(&mut self, batch: SourceBatch) {
        let text: usize = batch.origins.iter().map(|origin| origin.text.len()).sum();
        let rejected: usize = batch.rejected.iter().map(|rejected| rejected.record.len()).sum();
        self.text_bytes += text as u64;
        self.rejected_bytes += rejected as u64;
        self.batches.push(batch);
    }
}

/// Stops reading once there is enough.
fn full() -> Diagnostic {
    Diagnostic::new(Kind::Interrupted, "the sample is full")
}
