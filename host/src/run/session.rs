//! A run in progress: the stores, the checkpoint, the opened stages, and the next number.

use super::{
    Run, bind,
    clean_up::CleanUp,
    discovery::{Discovery, Place},
    inputs::Inputs,
    micro_batch::{self, Timings},
    worker::Worker,
};
use crate::{
    allocator::Freed,
    checkpoint::{Checkpoint, Recovery, Rewind, Seen, this_runner},
    clock,
    diagnostic::{Diagnostic, Result},
    metrics::Observer,
    pipeline::plan::Plan,
    sink,
    source::{self, arrivals::Look, returned::Returned},
    stage::{Component, ConfiguredStage, Engine},
    types::{BatchId, CommitRecord, InputFile, OffsetRecord, Position},
};
use std::{
    iter,
    sync::Arc,
    time::{Duration, Instant},
};

/// Stores and state of one run.
pub(super) struct Session<'a> {
    run: Run<'a>,
    engine: Engine,
    checkpoint: Checkpoint,
    stages: Vec<ConfiguredStage>,
    workers: Vec<Worker>,
    encoders: sink::parquet::EncoderThreads,
    next: BatchId,
    watermark_us: Option<i64>,
    replay: Option<OffsetRecord>,
    /// The rewind that was finished first, until it was told.
    rewound: Option<Rewind>,
    discovery: Discovery,
    clean_up: CleanUp,
    freed: Freed,
}

/// A micro-batch that was committed and published.
pub(super) struct Done {
    pub(super) offsets: OffsetRecord,
    pub(super) commit: CommitRecord,
    pub(super) timings: Timings,
    pub(super) discover: Duration,
    pub(super) intent: Duration,
    pub(super) start: Instant,
    pub(super) total: Duration,
}

/// What a look for files led to.
pub(super) struct Outcome {
    /// The micro-batch, if there were files for one.
    pub(super) done: Option<Done>,
    /// What is still to be looked at, as far as it is known.
    pub(super) rest: Option<Look>,
}

/// A micro-batch whose intent is recorded.
struct Begun {
    offsets: OffsetRecord,
    inputs: Inputs,
    /// The recorded files that are still what they were.
    files: Vec<InputFile>,
    discover: Duration,
    intent: Duration,
    start: Instant,
}

impl<'a> Session<'a> {
    /// Opens everything and brings the table to the state of the commit log.
    ///
    /// # Errors
    /// Fails when the pipeline does not bind, a store refuses, or the checkpoint is not ours.
    pub(super) fn open(run: Run<'a>, engine: &Engine) -> Result<Self> {
        bind::refuse_own_output(run.plan)?;
        let stages = bind::load(engine, run.plan)?;
        let checkpoint = Arc::clone(&run.stores.checkpoint);
        let (name, table) = (&run.plan.name, &run.stores.sink);
        let mut checkpoint = Checkpoint::open_beside(checkpoint, name, table)?;
        let rewound = checkpoint.finish_abandoned_rewind(&run.stores.sink)?;
        let recovery = checkpoint.observe()?;
        checkpoint.claim_table(&run.stores.sink)?;
        let (publish, next, replay) = match recovery {
            Recovery::Fresh => (None, BatchId(0), None),
            Recovery::Resume { publish, next } => (Some(publish), next, None),
            Recovery::Replay { publish, offsets } => (publish, offsets.batch, Some(offsets)),
        };
        if let Some(commit) = &publish {
            sink::publish::publish(&run.stores.sink, commit)?;
            sink::publish::discard_through(&run.stores.sink, commit.batch)?;
        }
        let mut clean_up = CleanUp::new(&run.plan.source.clean_source);
        if let Some(commit) = &publish {
            clean_up.is_visible(commit.batch);
        }
        let mut session = Self {
            watermark_us: publish.and_then(|commit| commit.watermark_us),
            encoders: sink::parquet::EncoderThreads::start(run.workers.max(1))?,
            run,
            engine: engine.clone(),
            checkpoint,
            stages,
            workers: Vec::new(),
            next,
            replay,
            rewound,
            discovery: Discovery::default(),
            clean_up,
            freed: Freed::default(),
        };
        // What is wrong with the chain is said now, not when the first file arrives.
        let is_known = session.run.plan.source.schema.is_some()
            || session.checkpoint.pinned_schema()?.is_some();
        if is_known {
            session.workers = session.open_workers(&session.stages, &[])?;
        }
        Ok(session)
    }

    /// The pipeline.
    pub(super) fn plan(&self) -> &'a Plan {
        self.run.plan
    }

    /// The consumed files, records that were put back among them.
    pub(super) fn seen(&self) -> &Seen {
        self.checkpoint.seen()
    }

    /// The last committed micro-batch.
    pub(super) fn last(&self) -> Option<BatchId> {
        self.next.0.checked_sub(1).map(BatchId)
    }

    /// Identity of the checkpoint.
    pub(super) fn id(&self) -> &str {
        &self.checkpoint.identity().id
    }

    /// Replays the micro-batch an earlier run did not finish, if there is one.
    ///
    /// # Errors
    /// See [`Session::micro_batch`]; also when a recorded input changed and may not be skipped.
    pub(super) fn replay(&mut self, observer: &dyn Observer) -> Result<Option<Done>> {
        if let Some(rewind) = self.rewound.take() {
            observer.warning(&rewind.finished());
        }
        let Some(offsets) = self.replay.take() else { return Ok(None) };
        let start = Instant::now();
        let (table, batch) = (Arc::clone(&self.run.stores.sink), offsets.batch);
        // Without a lock, what is pending may belong to a runner that is still at work: it goes
        // once this one has won the commit.
        if self.checkpoint.is_locked() {
            sink::publish::discard(&table, batch)?;
        }
        let (inputs, files) = self.inputs(&offsets, observer)?;
        let recorded = self.recorded_stages(&offsets, observer)?;
        let components = self.store_components(&recorded)?;
        let offsets = OffsetRecord { components, ..offsets };
        self.workers = self.open_workers(&recorded, &files)?;
        let begun = Begun {
            offsets,
            inputs,
            files,
            discover: Duration::ZERO,
            intent: Duration::ZERO,
            start,
        };
        let done = self.carry_out(begun, observer)?;
        sink::publish::discard(&table, batch)?;
        table.delete(&sink::quarantine::stopped_path(batch))?;
        // The pipeline file's own components take over from here.
        self.workers.clear();
        Ok(Some(done))
    }

    /// How far the source was read, by path.
    pub(super) fn read_up_to(&self) -> Option<&str> {
        self.checkpoint.position().map(|position| position.path.as_str())
    }

    /// Discovers new files among those to be looked at, and carries out one micro-batch when
    /// there are any.
    ///
    /// # Errors
    /// Fails when a store refuses, another runner took the number, a stage or the quarantine
    /// stops the pipeline, or the run is abandoned.
    pub(super) fn micro_batch(&mut self, look: &Look, observer: &dyn Observer) -> Result<Outcome> {
        self.clean_up.carry_on(&self.run.stores, observer);
        let start = Instant::now();
        let place = Place {
            plan: &self.run.plan.source,
            source: &self.run.stores.source,
            checkpoint: &self.checkpoint,
        };
        let (files, rest) = self.discovery.next(look, &place, observer)?;
        let discover = start.elapsed();
        if files.is_empty() {
            return Ok(Outcome { done: None, rest });
        }
        if self.workers.is_empty() {
            self.workers = self.open_workers(&self.stages, &files)?;
        }
        let intent = Instant::now();
        let offsets = self.begin(files.clone(), None, Vec::new())?;
        let inputs = Inputs::of_files(&self.run.stores.source);
        let intent = intent.elapsed();
        let begun = Begun { offsets, inputs, files, discover, intent, start };
        Ok(Outcome { done: Some(self.carry_out(begun, observer)?), rest })
    }

    /// Carries out a micro-batch that puts these rejected records back.
    ///
    /// # Errors
    /// See [`Session::micro_batch`].
    pub(super) fn put_back(
        &mut self,
        records: &[Returned],
        observer: &dyn Observer,
    ) -> Result<Done> {
        let start = Instant::now();
        if self.workers.is_empty() {
            self.workers = self.open_workers(&self.stages, &[])?;
        }
        let replay = self.checkpoint.store_replay(&source::returned::encode(records)?)?;
        let (discover, intent) = (start.elapsed(), Instant::now());
        let files = records.iter().map(Returned::input).collect();
        let read_again = records.iter().filter_map(Returned::reread).cloned().collect();
        let offsets = self.begin(files, Some(replay), read_again)?;
        let (inputs, files) = self.inputs(&offsets, observer)?;
        let intent = intent.elapsed();
        self.carry_out(Begun { offsets, inputs, files, discover, intent, start }, observer)
    }

    /// Records the intent to read these files with the stages as they are now.
    fn begin(
        &mut self,
        files: Vec<InputFile>,
        replay: Option<String>,
        read_again: Vec<InputFile>,
    ) -> Result<OffsetRecord> {
        // Records that are put back are no files of the source.
        let read = if replay.is_some() { &[][..] } else { &files };
        let position = Position::after(self.checkpoint.position(), read);
        let offsets = OffsetRecord {
            batch: self.next,
            files,
            components: self.store_components(&self.stages)?,
            config_hash: self.run.plan.config_hash.clone(),
            replay,
            read_again,
            position,
            watermark_us: self.watermark_us,
            runner: this_runner(),
            written_us: clock::now_us(),
        };
        self.checkpoint.claim_table(&self.run.stores.sink)?;
        self.checkpoint.write_offsets(&offsets)?;
        Ok(offsets)
    }

    /// Where a micro-batch reads, and which of its recorded files are still what they were.
    fn inputs(
        &self,
        offsets: &OffsetRecord,
        observer: &dyn Observer,
    ) -> Result<(Inputs, Vec<InputFile>)> {
        let inputs = Inputs::open(&self.checkpoint, &self.run.stores.source, offsets)?;
        let files = inputs.unchanged(&self.run.plan.source, offsets, observer)?;
        Ok((inputs, files))
    }

    fn carry_out(&mut self, begun: Begun, observer: &dyn Observer) -> Result<Done> {
        let Begun { offsets, inputs, files, discover, intent, start } = begun;
        let bytes = files.iter().map(|file| file.size_bytes).sum();
        observer.batch_started(offsets.batch, files.len() as u64, bytes);
        let mut parts = micro_batch::Parts {
            plan: self.run.plan,
            source: inputs.store(),
            returned: inputs.returned(),
            sink: &self.run.stores.sink,
            checkpoint: &mut self.checkpoint,
            workers: &mut self.workers,
            encoders: &self.encoders,
            freed: &mut self.freed,
            abandon: &self.run.stop.abandon,
            observer,
        };
        let outcome = micro_batch::run(&mut parts, &offsets, &files);
        let (commit, timings) =
            outcome.map_err(|failure| self.checkpoint.explain(offsets.batch, failure))?;
        if offsets.replay.is_none() {
            self.clean_up.is_visible(offsets.batch);
            self.clean_up.carry_on(&self.run.stores, observer);
        }
        if let Some(sha256) = &offsets.replay {
            self.checkpoint.drop_replay(sha256)?;
        }
        self.checkpoint.compact()?;
        self.next = offsets.batch.next();
        self.watermark_us = commit.watermark_us;
        let total = start.elapsed();
        Ok(Done { offsets, commit, timings, discover, intent, start, total })
    }

    /// Keeps what these stages run, for a replay; gives the digests.
    fn store_components(&self, stages: &[ConfiguredStage]) -> Result<Vec<String>> {
        let store = |stage: &ConfiguredStage| {
            let (digest, bytes) = (stage.component.digest(), stage.component.bytes());
            self.checkpoint.store_component(digest, bytes)?;
            Ok(digest.to_owned())
        };
        stages.iter().map(store).collect()
    }

    fn open_workers(&self, stages: &[ConfiguredStage], files: &[InputFile]) -> Result<Vec<Worker>> {
        let plan = self.run.plan;
        let schema = bind::schema(plan, &self.run.stores.source, Some(&self.checkpoint), files)?;
        let first = Worker::new(plan, &schema, stages)?;
        // Only a schema that the stages take is pinned.
        let pinned = match plan.source.schema {
            Some(_) => Arc::clone(&schema),
            None => bind::pin(&self.checkpoint, &schema)?,
        };
        let first = if pinned == schema { first } else { Worker::new(plan, &pinned, stages)? };
        let others = (1..self.run.workers).map(|_| Worker::new(plan, &pinned, stages));
        iter::once(Ok(first)).chain(others).collect()
    }

    /// The stages to replay with: the components that the record names, even if the files were
    /// swapped; the pipeline file's own if it says something else about the data by now.
    fn recorded_stages(
        &self,
        offsets: &OffsetRecord,
        observer: &dyn Observer,
    ) -> Result<Vec<ConfiguredStage>> {
        if offsets.config_hash != self.run.plan.config_hash {
            let batch = offsets.batch.0;
            let changed = format!("the pipeline file changed after micro-batch {batch} was begun");
            observer.warning(&Diagnostic::config(changed).cause(
                "nothing of that micro-batch is visible, so it is carried out as the file says now",
            ));
            return Ok(self.stages.clone());
        }
        let stages = self.stages.iter().zip(&offsets.components).map(|(stage, digest)| {
            if stage.component.digest() == digest {
                return Ok(stage.clone());
            }
            let bytes = self.checkpoint.component(digest)?;
            let component = Component::new(&self.engine, stage.component.name(), &bytes)?;
            Ok(ConfiguredStage { plan: stage.plan.clone(), component })
        });
        stages.collect()
    }
}
