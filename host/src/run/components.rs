//! Which components a micro-batch runs, and the workers that run them.
//!
//! Owns that a replay runs what was recorded, even if the files were swapped since.

use super::{bind, session::Session, worker::Worker};
use crate::{
    diagnostic::{Diagnostic, Result},
    metrics::Observer,
    stage::{Component, ConfiguredStage},
    types::{InputFile, OffsetRecord},
};
use std::{iter, sync::Arc};

impl Session<'_> {
    /// Keeps what these stages run, for a replay; gives the digests.
    pub(super) fn store_components(&self, stages: &[ConfiguredStage]) -> Result<Vec<String>> {
        let store = |stage: &ConfiguredStage| {
            let (digest, bytes) = (stage.component.digest(), stage.component.bytes());
            self.checkpoint.store_component(digest, bytes)?;
            Ok(digest.to_owned())
        };
        stages.iter().map(store).collect()
    }

    pub(super) fn open_workers(
        &self,
        stages: &[ConfiguredStage],
        files: &[InputFile],
    ) -> Result<Vec<Worker>> {
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
    pub(super) fn recorded_stages(
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
