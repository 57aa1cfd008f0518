//! `lockgate schema`: the format of the pipeline file, for editors and for the reference.

use super::{Failures, terminal::Terminal};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::{
        reference,
        schema::{PluginSchema, json_schema},
    },
    stage::{Component, Engine, standard},
};
use clap::Args;

/// Arguments of `lockgate schema`.
#[derive(Clone, Debug, Args)]
pub(super) struct SchemaArgs {
    /// Print the reference in Markdown instead
    #[arg(long, hide = true)]
    markdown: bool,
}

/// Runs `lockgate schema`, with the config of the standard plugins.
///
/// # Errors
/// Fails when standard output does, or a standard plugin is broken.
pub(super) fn run(args: &SchemaArgs, terminal: &Terminal) -> Result<(), Failures> {
    if args.markdown {
        return Ok(terminal.data(&reference::markdown())?);
    }
    let schema = json_schema(&standard_plugins()?);
    Ok(terminal.data(&format!("{schema:#}\n"))?)
}

/// The config schema of every standard plugin, as the plugin itself gives it.
fn standard_plugins() -> Result<Vec<PluginSchema>> {
    let engine = Engine::with_user_cache()?;
    let schema = |name: &str| {
        let bytes = standard::standard(name).unwrap_or_default();
        let metadata = Component::new(&engine, name, bytes)?.describe()?;
        let schema = serde_json::from_str(&metadata.config_schema).map_err(|error| {
            Diagnostic::internal(format!("the config schema of `{name}` is not JSON")).cause(error)
        })?;
        Ok((name.to_owned(), schema))
    };
    standard::names().map(schema).collect()
}
