//! `lockgate check`: what is wrong with a pipeline, and what every stage makes of its input.

use super::{Failures, load, schema_tree::schema_tree, terminal::Terminal};
use clap::Args;
use std::{path::PathBuf, sync::Arc};

/// Arguments of `lockgate check`.
#[derive(Clone, Debug, Args)]
pub(super) struct CheckArgs {
    /// The pipeline file
    pipeline: PathBuf,
}

/// Runs `lockgate check`.
///
/// # Errors
/// Everything that is wrong with the pipeline file.
pub(super) fn run(args: &CheckArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    if let Some(schema) = &plan.source.schema {
        terminal.data(&schema_tree(&[("source".to_owned(), Arc::clone(schema))]))?;
    }
    Ok(())
}
