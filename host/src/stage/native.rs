//! A plugin in the host's own process: what a sandboxed one is measured against.

use super::{
    bindings::lockgate::transform::types::{Batch, Error, FieldParam, Metadata, Output, Plan},
    fields,
    instance::Instance,
    meter::Split,
};
use crate::diagnostic::{Diagnostic, Result};
use arrow_schema::Schema;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A plugin without a sandbox, in terms of the contract.
pub trait NativePlugin: Send + Sync {
    /// What the plugin says of itself.
    fn describe(&self) -> Metadata;

    /// Opens a stage.
    ///
    /// # Errors
    /// What the plugin refuses.
    fn open(
        &self,
        config: &str,
        input: &[FieldParam<'_>],
    ) -> Result<(Box<dyn NativeStage>, Plan), Error>;
}

/// An opened stage without a sandbox.
pub trait NativeStage: Send {
    /// Transforms a batch.
    ///
    /// # Errors
    /// What the plugin says.
    fn process(&mut self, batch: Batch<'_>) -> Result<Output, Error>;
}

pub(super) struct Native {
    plugin: Arc<dyn NativePlugin>,
    stage: Option<Box<dyn NativeStage>>,
    /// Of the last call, once calls are measured.
    split: Option<Split>,
}

impl Native {
    pub(super) fn new(plugin: Arc<dyn NativePlugin>) -> Self {
        Self { plugin, stage: None, split: None }
    }
}

impl Instance for Native {
    fn open(&mut self, config: &str, input: &Schema) -> Result<Plan> {
        let nodes = fields::to_nodes("native", input)?;
        let opened = fields::with_params(&nodes, |input| self.plugin.open(config, input));
        let (stage, plan) = opened.map_err(refused)?;
        self.stage = Some(stage);
        Ok(plan)
    }

    fn process(&mut self, batch: Batch<'_>) -> Result<Output> {
        let stage = self.stage.as_mut();
        let stage = stage.ok_or_else(|| Diagnostic::internal("a native stage was not opened"))?;
        let start = self.split.is_some().then(Instant::now);
        let answer = stage.process(batch);
        self.split = start.map(|start| Split { kernel: start.elapsed(), metering: Duration::ZERO });
        answer.map_err(refused)
    }

    fn measure(&mut self) {
        self.split = Some(Split::default());
    }

    fn split(&self) -> Split {
        self.split.unwrap_or_default()
    }

    /// Its memory is the host's.
    fn memory_bytes(&self) -> usize {
        0
    }
}

fn refused(error: Error) -> Diagnostic {
    match error {
        Error::Config(message) | Error::Input(message) => Diagnostic::config(message),
        Error::Failed(message) => Diagnostic::plugin(message),
    }
}
