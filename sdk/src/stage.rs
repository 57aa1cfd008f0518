//! What a plugin author implements.

use crate::{Batch, Output, Plan, Schema};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// What a plugin says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Lower-case name, unique within a registry.
    pub name: &'static str,
    /// Semantic version; `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Markdown; usually `include_str!("../README.md")`.
    pub docs: &'static str,
    /// Example configs, JSON.
    pub examples: &'static [&'static str],
}

/// Why a call failed. Bad *records* are not errors: reject their rows instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The config is well-formed but cannot work; says what to change.
    Config(String),
    /// The input schema lacks something.
    Input(String),
    /// Anything else, in `process`.
    Failed(String),
}

impl Error {
    /// The config cannot work: say which key, and what to change.
    pub fn config(message: impl Into<String>) -> Self {
        Self::Config(message.into())
    }

    /// The input lacks something: say what, and what it has.
    pub fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }

    /// The batch could not be processed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// The message alone.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Config(message) | Self::Input(message) | Self::Failed(message) => message,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}

/// One configured stage of a pipeline.
///
/// An instance serves one stage on one worker and is never called concurrently. It has no
/// clock, no randomness and no I/O, so the same input always gives the same output.
pub trait Stage: Sized {
    /// The config, as users write it in the pipeline file. Derive `Deserialize` with
    /// `deny_unknown_fields`, and `JsonSchema`: doc comments become the users' help.
    type Config: DeserializeOwned + JsonSchema;

    /// Name, version and docs.
    const ABOUT: About;

    /// Checks the config against the input schema and says, once, what the stage reads and
    /// does.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Input`] reject the pipeline before it starts.
    fn open(config: Self::Config, input: &Schema) -> Result<(Self, Plan), Error>;

    /// Transforms a batch. Never called when the plan reads and computes nothing.
    ///
    /// # Errors
    /// [`Error::Failed`] when the whole batch cannot be processed; the host retries once in
    /// a fresh instance, then stops or quarantines the batch.
    fn process(&mut self, batch: &Batch) -> Result<Output, Error> {
        let _ = batch;
        Ok(Output::same())
    }
}
