//! WHEN things happen: recovery, triggers, and one micro-batch after the other.
//!
//! [`Run`] is the loop; `micro_batch` reads top to bottom as a micro-batch goes; `parallel`
//! and `worker` are what happens between intent and commit.

mod bind;
mod candidates;
mod clean_up;
mod discovery;
mod inputs;
mod left_out;
mod measure;
mod micro_batch;
mod parallel;
mod put_back;
mod repaired;
mod report;
mod session;
mod trigger;
mod why;
mod worker;

pub(crate) use bind::component;
pub use candidates::{Obstacle, Staying, Tally, Wanted};
pub use measure::{Measured, measure};
pub use put_back::{PutBack, preview};
pub use repaired::Repaired;
pub use trigger::Stop;
pub use why::{Fate, Input, Output, Why, why};
pub use worker::cut_by_partition;

use crate::{
    checkpoint::{self, Survey},
    diagnostic::Result,
    metrics::Observer,
    pipeline::plan::{CleanSource, Plan, Trigger},
    sink::bind::check_files,
    source,
    stage::{Engine, StageSummary},
    storage::{Notices, Storage, open_with},
};
use arrow_schema::SchemaRef;
use bind::Bound;
use inputs::Inputs;
use report::Report;
use session::{Outcome, Session};
use std::{num::NonZero, sync::Arc, thread};
use trigger::Ticker;

/// Where a run reads, remembers and writes.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Below it are the input files.
    pub source: Storage,
    /// The checkpoint's directory.
    pub checkpoint: Storage,
    /// The table's directory.
    pub sink: Storage,
    /// Where files go that were read, if they are archived.
    pub archive: Option<Storage>,
}

impl Stores {
    /// The same places behind a decorator.
    #[must_use]
    pub fn map(self, decorate: impl Fn(Storage) -> Storage) -> Self {
        Self {
            source: decorate(self.source),
            checkpoint: decorate(self.checkpoint),
            sink: decorate(self.sink),
            archive: self.archive.map(decorate),
        }
    }

    /// Opens the stores a plan names. `notices` hears when one of them fails for now.
    ///
    /// # Errors
    /// Fails when a URL is not supported.
    pub fn open(plan: &Plan, notices: &Notices) -> Result<Self> {
        let (source, sink) = (&plan.source, &plan.sink);
        let archive = match &source.clean_source {
            CleanSource::Archive { root, storage_options } => {
                Some(open_with(root, storage_options, notices)?)
            }
            CleanSource::Off | CleanSource::Delete => None,
        };
        Ok(Self {
            archive,
            source: open_with(&source.root, &source.storage_options, notices)?,
            checkpoint: open_with(&plan.checkpoint, &plan.checkpoint_options, notices)?,
            sink: open_with(&sink.root, &sink.storage_options, notices)?,
        })
    }
}

/// What a run takes besides the plan.
#[derive(Debug)]
pub struct Run<'a> {
    /// The pipeline.
    pub plan: &'a Plan,
    /// Where it reads, remembers and writes.
    pub stores: Stores,
    /// When micro-batches start; overrides the plan's.
    pub trigger: Trigger,
    /// Worker threads; what is written does not depend on it.
    pub workers: usize,
    /// How the run is told to stop.
    pub stop: &'a Stop,
}

impl<'a> Run<'a> {
    /// A run as the plan says, with a worker for each core. `notices` hears when a store fails
    /// for now.
    ///
    /// # Errors
    /// Fails when a store cannot be opened.
    pub fn new(plan: &'a Plan, stop: &'a Stop, notices: &Notices) -> Result<Self> {
        let workers = thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Self {
            plan,
            stores: Stores::open(plan, notices)?,
            trigger: plan.trigger,
            workers,
            stop,
        })
    }

    /// Runs until the trigger is done or `stop` asks.
    ///
    /// # Errors
    /// The diagnostic's kind says whose turn it is; what was committed before stays, and the
    /// next run goes on from there.
    pub fn run(self, engine: &Engine, observer: &dyn Observer) -> Result<()> {
        let (trigger, stop) = (self.trigger, self.stop);
        let (source, plan) = (Arc::clone(&self.stores.source), &self.plan.source);
        let mut session = Session::open(self, engine)?;
        let mut report = Report::new(session.plan(), session.id());
        let mut outcome = Outcome { done: session.replay(observer)?, rest: None };
        if let Some(done) = &outcome.done {
            observer.batch_done(&report.micro_batch(done));
        }
        let mut ticker = Ticker::new(trigger, plan, &source)?;
        while let Some(look) = {
            let (found, rest) = (outcome.done.is_some(), outcome.rest.take());
            ticker.tick(found, rest, session.read_up_to(), stop, observer)
        } {
            outcome = session.micro_batch(&look, observer)?;
            match (&outcome.done, trigger) {
                (Some(done), _) => observer.batch_done(&report.micro_batch(done)),
                (None, Trigger::Interval(until) | Trigger::OnArrival(until)) => {
                    observer.waiting(until);
                }
                (None, Trigger::Once | Trigger::AvailableNow) => {}
            }
        }
        Ok(())
    }
}

/// Makes sure that a run would find its checkpoint, its table, and the inputs of a micro-batch
/// that was begun; changes nothing.
///
/// # Errors
/// Why the pipeline would not start; also when a store refuses.
pub fn would_start(plan: &Plan, stores: &Stores, survey: &Survey) -> Result<()> {
    survey.would_start(&plan.name, &stores.checkpoint, &stores.sink)?;
    let Some(begun) = survey.begun.as_ref().filter(|_| survey.runner.is_none()) else {
        return Ok(());
    };
    let found = Inputs::are_left(&plan.source, &stores.source, begun);
    // A runner without a lock may have committed it since, and removed what it read.
    if found.is_err() && checkpoint::survey(&stores.checkpoint)?.begun.as_ref() != Some(begun) {
        return Ok(());
    }
    found
}

/// A pipeline that type-checks from source to sink.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What the decoder gives.
    pub source: SchemaRef,
    /// Whether the source's schema is inferred from the files there are now.
    pub inferred: bool,
    /// Every stage: what it reads, computes and gives.
    pub stages: Vec<StageSummary>,
    /// Schema of the files.
    pub files: SchemaRef,
    /// What readers of the files may stumble over.
    pub warnings: Vec<String>,
}

/// Opens every stage against the schema the one before it gives; reads no data, except to
/// infer a schema that is not declared. `notices` hears when the source fails for now.
///
/// # Errors
/// The first thing that does not fit, at its place in the pipeline file.
pub fn check(plan: &Plan, engine: &Engine, notices: &Notices) -> Result<Checked> {
    bind::refuse_own_output(plan)?;
    let stages = bind::load(engine, plan)?;
    let storage = open_with(&plan.source.root, &plan.source.storage_options, notices)?;
    let inferred = plan.source.schema.is_none();
    let mut samples = Vec::new();
    if inferred {
        samples = source::discover::first(&plan.source, &storage)?;
    }
    let schema = bind::schema(plan, &storage, None, &samples)?;
    let Bound { reader, chain, partitioner } = bind::open(plan, &schema, &stages)?;
    let source = SchemaRef::clone(reader.schema());
    let (stages, files) = (chain.summaries(), SchemaRef::clone(partitioner.file_schema()));
    let warnings = check_files(&plan.sink, &files)?;
    Ok(Checked { source, inferred, stages, files, warnings })
}
