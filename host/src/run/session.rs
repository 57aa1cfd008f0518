//! A run in progress: the stores, the checkpoint, the opened stages, and the next number.

use super::{
    Run, bind,
    micro_batch::{self, Timings},
    worker::Worker,
};
use crate::{
    checkpoint::{Checkpoint, Recovery, Sighting, this_runner},
    clock,
    diagnostic::{Diagnostic, Result},
    metrics::Observer,
    pipeline::plan::{OnChangedInput, Plan},
    sink, source,
    stage::{Component, ConfiguredStage, Engine},
    types::{BatchId, CommitRecord, InputFile, OffsetRecord},
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
    next: BatchId,
    watermark_us: Option<i64>,
    replay: Option<OffsetRecord>,
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

impl<'a> Session<'a> {
    /// Opens everything and brings the table to the state of the commit log.
    ///
    /// # Errors
    /// Fails when the pipeline does not bind, a store refuses, or the checkpoint is not ours.
    pub(super) fn open(run: Run<'a>, engine: &Engine) -> Result<Self> {
        bind::refuse_own_output(run.plan)?;
        let stages = bind::load(engine, run.plan)?;
        let checkpoint = Arc::clone(&run.stores.checkpoint);
        let mut checkpoint = Checkpoint::open(checkpoint, &run.plan.name)?;
        let recovery = checkpoint.observe()?;
        checkpoint.claim_table(&run.stores.sink)?;
        let (publish, next, replay) = match recovery {
            Recovery::Fresh => (None, BatchId(0), None),
            Recovery::Resume { publish, next } => (Some(publish), next, None),
            Recovery::Replay { publish, offsets } => (publish, offsets.batch, Some(offsets)),
        };
        if let Some(commit) = &publish {
            sink::publish::publish(&run.stores.sink, commit)?;
            sink::publish::discard(&run.stores.sink, commit.batch)?;
        }
        let watermark_us = publish.and_then(|commit| commit.watermark_us);
        let (engine, workers) = (engine.clone(), Vec::new());
        let mut session =
            Self { run, engine, checkpoint, stages, workers, next, watermark_us, replay };
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

    /// Identity of the checkpoint.
    pub(super) fn id(&self) -> &str {
        &self.checkpoint.identity().id
    }

    /// Replays the micro-batch an earlier run did not finish, if there is one.
    ///
    /// # Errors
    /// See [`Session::micro_batch`]; also when a recorded input changed and may not be skipped.
    pub(super) fn replay(&mut self, observer: &dyn Observer) -> Result<Option<Done>> {
        let Some(offsets) = self.replay.take() else { return Ok(None) };
        let start = Instant::now();
        let (table, batch) = (Arc::clone(&self.run.stores.sink), offsets.batch);
        // Without a lock, what is pending may belong to a runner that is still at work: it goes
        // once this one has won the commit.
        if self.checkpoint.is_locked() {
            sink::publish::discard(&table, batch)?;
        }
        let files = self.unchanged(&offsets, observer)?;
        let recorded = self.recorded_stages(&offsets, observer)?;
        let components = self.store_components(&recorded)?;
        let offsets = OffsetRecord { components, ..offsets };
        self.workers = self.open_workers(&recorded, &files)?;
        let done = self.carry_out(offsets, &files, [Duration::ZERO; 2], start, observer)?;
        sink::publish::discard(&table, batch)?;
        table.delete(&sink::quarantine::stopped_path(batch))?;
        // The pipeline file's own components take over from here.
        self.workers.clear();
        Ok(Some(done))
    }

    /// Discovers new files and carries out one micro-batch; `None` when there are none.
    ///
    /// # Errors
    /// Fails when a store refuses, another runner took the number, a stage or the quarantine
    /// stops the pipeline, or the run is abandoned.
    pub(super) fn micro_batch(&mut self, observer: &dyn Observer) -> Result<Option<Done>> {
        let start = Instant::now();
        let seen = self.checkpoint.seen();
        let consumed = |file: &InputFile| seen.sighting(file) != Sighting::New;
        let files =
            source::discover::discover(&self.run.plan.source, &self.run.stores.source, &consumed)?;
        let discover = start.elapsed();
        if files.is_empty() {
            return Ok(None);
        }
        if self.workers.is_empty() {
            self.workers = self.open_workers(&self.stages, &files)?;
        }
        let intent = Instant::now();
        let components = self.store_components(&self.stages)?;
        let offsets = OffsetRecord {
            batch: self.next,
            files: files.clone(),
            components,
            config_hash: self.run.plan.config_hash.clone(),
            watermark_us: self.watermark_us,
            runner: this_runner(),
            written_us: clock::now_us(),
        };
        self.checkpoint.claim_table(&self.run.stores.sink)?;
        self.checkpoint.write_offsets(&offsets)?;
        let done =
            self.carry_out(offsets, &files, [discover, intent.elapsed()], start, observer)?;
        Ok(Some(done))
    }

    fn carry_out(
        &mut self,
        offsets: OffsetRecord,
        files: &[InputFile],
        [discover, intent]: [Duration; 2],
        start: Instant,
        observer: &dyn Observer,
    ) -> Result<Done> {
        let bytes = files.iter().map(|file| file.size_bytes).sum();
        observer.batch_started(offsets.batch, files.len() as u64, bytes);
        let mut parts = micro_batch::Parts {
            plan: self.run.plan,
            source: &self.run.stores.source,
            sink: &self.run.stores.sink,
            checkpoint: &mut self.checkpoint,
            workers: &mut self.workers,
            abandon: &self.run.stop.abandon,
            observer,
        };
        let (commit, timings) = micro_batch::run(&mut parts, &offsets, files)?;
        self.checkpoint.compact()?;
        self.next = offsets.batch.next();
        self.watermark_us = commit.watermark_us;
        let total = start.elapsed();
        Ok(Done { offsets, commit, timings, discover, intent, start, total })
    }

    /// Keeps what these stages run, for a replay; gives the digests.
    fn store_components(&self, stages: &[ConfiguredStage]) -> Result<Vec<String>> {
        let store =
            |stage: &ConfiguredStage| self.checkpoint.store_component(stage.component.bytes());
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

    /// The recorded inputs that are still what they were.
    fn unchanged(&self, offsets: &OffsetRecord, observer: &dyn Observer) -> Result<Vec<InputFile>> {
        let mut files = Vec::with_capacity(offsets.files.len());
        for file in &offsets.files {
            let now = self.run.stores.source.head(&file.path)?.map(|meta| InputFile {
                path: meta.path,
                size_bytes: meta.size_bytes,
                modified_us: meta.modified_us,
                etag: meta.etag,
            });
            if now.as_ref() == Some(file) {
                files.push(file.clone());
                continue;
            }
            let changed = changed_input(offsets.batch, file, now.as_ref());
            match self.run.plan.source.on_changed_input {
                OnChangedInput::Fail => return Err(changed),
                OnChangedInput::Skip => observer.warning(&changed),
            }
        }
        Ok(files)
    }
}

fn changed_input(batch: BatchId, then: &InputFile, now: Option<&InputFile>) -> Diagnostic {
    let path = &then.path;
    let cause = match now {
        None => "it is gone".to_owned(),
        Some(now) => format!(
            "it had {} bytes, now it has {} bytes or another time of change",
            then.size_bytes, now.size_bytes
        ),
    };
    Diagnostic::data(format!("input `{path}` changed after micro-batch {batch} recorded it"))
        .cause(cause)
        .hint("put the file back as it was, or set `on_changed_input = \"skip\"` in `[source]` to leave it out")
}
