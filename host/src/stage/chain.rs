//! The stages of a pipeline, opened one after the other against the source's schema, and run
//! on batches: only what a stage reads enters its sandbox, only what it computes comes out.

use super::{
    Component, Lineage, View, bindings::lockgate::transform::types::Part, bound::Bound,
    instance::Instance, meter::StageCost, view::RowOrigin,
};
use crate::{
    diagnostic::{Diagnostic, Kind, Result},
    pipeline::plan::StagePlan,
    types::StageRows,
};
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A stage and the component it runs.
#[derive(Clone, Debug)]
pub struct ConfiguredStage {
    /// What the pipeline file says.
    pub plan: StagePlan,
    /// What it runs.
    pub component: Component,
}

/// One stage on one worker.
pub(super) struct OpenStage {
    pub(super) configured: ConfiguredStage,
    pub(super) config: String,
    pub(super) input: SchemaRef,
    pub(super) bound: Bound,
    pub(super) instance: Option<Box<dyn Instance>>,
    /// What it cost so far, when the chain is measured.
    pub(super) cost: Option<StageCost>,
}

/// All stages of a pipeline on one worker.
pub struct Chain {
    pub(super) stages: Vec<OpenStage>,
    input: SchemaRef,
}

/// A row that a stage rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// Name of the stage.
    pub stage: Arc<str>,
    /// Stable identifier of the reason.
    pub code: Arc<str>,
    /// The reason, for a person.
    pub message: Arc<str>,
    /// Its number in the batch given to the plugin, after the stage's unnest.
    pub row: usize,
    /// Where the row came from; `None` for one that a stage made up.
    pub origin: Option<RowOrigin>,
}

/// What stages said of rows, on the way through the chain.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) rejected: Vec<RejectedRow>,
    pub(super) noted: Vec<RejectedRow>,
}

/// What became of a batch.
#[derive(Debug)]
pub struct ChainOutput {
    /// The rows that came out, not gathered yet.
    pub view: View,
    /// The rows that left for the quarantine.
    pub rejected: Vec<RejectedRow>,
    /// Some of the rows that stages noted and let through, at most [`NOTED_SAMPLES`] of each
    /// stage; the log shows them.
    pub noted: Vec<RejectedRow>,
    /// Rows of every stage.
    pub stages: Vec<StageRows>,
    /// Time spent in each stage, the host's part included.
    pub times: Vec<Duration>,
}

/// What one stage reads, for `explain`.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Dotted path of the column.
    pub path: String,
    /// `full`, `validity` or `offsets`.
    pub part: &'static str,
    /// Bytes per row for a fixed-width column.
    pub bytes_per_row: Option<f64>,
}

/// What `check` and `explain` tell of a stage.
#[derive(Clone, Debug)]
pub struct StageSummary {
    /// Name of the stage.
    pub name: String,
    /// Digest of its component.
    pub digest: String,
    /// What enters the sandbox.
    pub reads: Vec<Crossing>,
    /// Names of the columns that come back.
    pub computed: Vec<String>,
    /// Whether the plugin is called at all.
    pub is_called: bool,
    /// What comes out.
    pub schema: SchemaRef,
    /// What the plugin warns of.
    pub warnings: Vec<String>,
}

/// Rows of one batch that a stage notes and that are kept as samples, at most.
pub const NOTED_SAMPLES: usize = 100;

impl Chain {
    /// Opens every stage against the schema the one before it gives.
    ///
    /// # Errors
    /// The first stage that refuses, with its place in the pipeline file.
    pub fn open(stages: &[ConfiguredStage], source: &SchemaRef) -> Result<Self> {
        let mut input = Arc::clone(source);
        let mut opened = Vec::with_capacity(stages.len());
        for configured in stages {
            let stage = OpenStage::open(configured.clone(), input)?;
            input = Arc::clone(&stage.bound.schema);
            opened.push(stage);
        }
        Ok(Self { stages: opened, input: Arc::clone(source) })
    }

    /// What comes out of the last stage.
    pub fn schema(&self) -> &SchemaRef {
        self.stages.last().map_or(&self.input, |stage| &stage.bound.schema)
    }

    /// What each stage reads, computes and gives.
    pub fn summaries(&self) -> Vec<StageSummary> {
        self.stages.iter().map(OpenStage::summary).collect()
    }

    /// From now on, [`Chain::take_costs`] tells what stages cost. Measuring takes time itself:
    /// a few readings of the clock per call.
    pub fn measure(&mut self) {
        for stage in &mut self.stages {
            stage.cost = Some(StageCost::default());
            stage.instance.iter_mut().for_each(|instance| instance.measure());
        }
    }

    /// What every stage cost since the last time this was asked; nothing for a chain that is
    /// not measured.
    pub fn take_costs(&mut self) -> Vec<StageCost> {
        let costs = self.stages.iter_mut().filter_map(|stage| stage.cost.as_mut());
        costs.map(std::mem::take).collect()
    }

    /// Bytes of memory that the plugins of all stages hold.
    pub fn memory_bytes(&self) -> usize {
        let instances = self.stages.iter().filter_map(|stage| stage.instance.as_ref());
        instances.map(|instance| instance.memory_bytes()).sum()
    }

    /// Runs a batch through every stage.
    ///
    /// # Errors
    /// Fails when a stage fails twice and its policy is to stop.
    pub fn process(&mut self, batch: &RecordBatch, lineage: &Lineage) -> Result<ChainOutput> {
        let mut view = View::new(batch);
        let mut left = Left::default();
        let mut rows = Vec::with_capacity(self.stages.len());
        let mut times = Vec::with_capacity(self.stages.len());
        for stage in &mut self.stages {
            let start = Instant::now();
            rows.push(stage.run(&mut view, lineage, &mut left)?);
            let took = start.elapsed();
            stage.cost.iter_mut().for_each(|cost| cost.add_batch(took));
            times.push(took);
        }
        let Left { rejected, noted } = left;
        Ok(ChainOutput { view, rejected, noted, stages: rows, times })
    }
}

impl OpenStage {
    fn open(configured: ConfiguredStage, input: SchemaRef) -> Result<Self> {
        let config = configured.plan.config.to_string();
        let (instance, bound) = open_instance(&configured, &config, &input)?;
        let instance = bound.is_called().then_some(instance);
        Ok(Self { configured, config, input, bound, instance, cost: None })
    }

    /// The running instance, or a fresh one opened like the first.
    pub(super) fn instance(&mut self) -> Result<Box<dyn Instance>> {
        if let Some(instance) = self.instance.take() {
            return Ok(instance);
        }
        let (mut instance, bound) = open_instance(&self.configured, &self.config, &self.input)?;
        if self.cost.is_some() {
            instance.measure();
        }
        if bound.schema != self.bound.schema {
            let name = &self.configured.plan.name;
            return Err(Diagnostic::plugin(format!(
                "stage `{name}` opened differently the second time"
            ))
            .hint("a plugin must give the same plan for the same config and input"));
        }
        Ok(instance)
    }

    fn summary(&self) -> StageSummary {
        let reads = self.bound.reads.iter().map(|read| Crossing {
            path: read.path.clone(),
            part: match read.part {
                Part::Full => "full",
                Part::Validity => "validity",
                Part::Offsets => "offsets",
            },
            bytes_per_row: bytes_per_row(read.part, &read.at.field),
        });
        StageSummary {
            name: self.configured.plan.name.clone(),
            digest: self.configured.component.digest().to_owned(),
            reads: reads.collect(),
            computed: self.bound.computed.iter().map(|field| field.name().clone()).collect(),
            is_called: self.bound.is_called(),
            schema: Arc::clone(&self.bound.schema),
            warnings: self.bound.warnings.clone(),
        }
    }
}

fn open_instance(
    configured: &ConfiguredStage,
    config: &str,
    input: &Schema,
) -> Result<(Box<dyn Instance>, Bound)> {
    let plan = &configured.plan;
    let in_config = plan.key.name("config");
    let mut instance =
        configured.component.instantiate(plan.limits).map_err(|e| e.at(&plan.key))?;
    let answer = instance.open(config, input).map_err(|refusal| match refusal.kind {
        Kind::Config => Diagnostic::from_plugin(&refusal.message, &in_config, &plan.config),
        _ => refusal.at(&in_config),
    })?;
    let bound =
        Bound::new(configured.component.name(), answer, input).map_err(|e| e.at(&plan.key))?;
    Ok((instance, bound))
}

fn bytes_per_row(part: Part, field: &arrow_schema::Field) -> Option<f64> {
    let validity = if field.is_nullable() { 0.125 } else { 0.0 };
    match part {
        Part::Validity => Some(validity),
        Part::Offsets => Some(4.0 + validity),
        Part::Full => match field.data_type() {
            arrow_schema::DataType::Boolean => Some(0.125 + validity),
            other => other.primitive_width().map(|width| width as f64 + validity),
        },
    }
}
