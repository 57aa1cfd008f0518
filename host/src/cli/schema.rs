//! `lockgate schema`: the format of the pipeline file, for editors and for the reference.

use super::{Failures, terminal::Terminal};
use crate::pipeline::{
    reference,
    schema::{PluginSchema, json_schema},
};
use clap::Args;

/// Arguments of `lockgate schema`.
#[derive(Clone, Debug, Args)]
pub(super) struct SchemaArgs {
    /// Print the reference in Markdown instead
    #[arg(long, hide = true)]
    markdown: bool,
}

/// Runs `lockgate schema`, with the config of these plugins.
///
/// # Errors
/// Fails when standard output does.
pub(super) fn run(
    args: &SchemaArgs,
    plugins: &[PluginSchema],
    terminal: &Terminal,
) -> Result<(), Failures> {
    if args.markdown {
        return Ok(terminal.data(&reference::markdown())?);
    }
    let schema = json_schema(plugins);
    Ok(terminal.data(&format!("{schema:#}\n"))?)
}
