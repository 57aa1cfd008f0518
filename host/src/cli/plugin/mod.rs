//! `lockgate plugin`: inspect, build and test plugins.

mod build;
mod cases;
mod config_table;
mod diff;
mod inspect;
mod rows;
pub mod toolchain;

use super::{Failures, terminal::Terminal};
use crate::{
    diagnostic::{Diagnostic, Result},
    stage::{Component, Engine},
};
use clap::{Args, Subcommand};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Arguments of `lockgate plugin`.
#[derive(Clone, Debug, Args)]
pub struct PluginArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// Show what a plugin is: config, examples, docs, digest, interfaces
    Inspect {
        /// Path of a `.wasm` file
        plugin: PathBuf,
        /// Print one JSON object, with the JSON Schema of the config
        #[arg(long)]
        json: bool,
    },
    /// Build a plugin crate into one `.wasm` file
    Build {
        /// Directory of the crate
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// File to write [default: NAME.wasm in the directory of the crate]
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Run the case files of a plugin through the sandbox
    Test {
        /// Directory of the crate, which is built first, or path of a `.wasm` file
        #[arg(default_value = ".")]
        plugin: PathBuf,
        /// Directory of the case files [default: `cases` in the crate, or beside the file]
        #[arg(long, value_name = "DIR")]
        cases: Option<PathBuf>,
    },
}

/// Runs `lockgate plugin`.
///
/// # Errors
/// What went wrong, and what to do next.
pub fn run(args: &PluginArgs, terminal: &Terminal) -> Result<(), Failures> {
    match &args.verb {
        Verb::Inspect { plugin, json } => {
            let component = read(&Engine::with_user_cache()?, plugin)?;
            let text = if *json {
                format!("{:#}\n", inspect::json(&component)?)
            } else {
                inspect::text(&component)?
            };
            terminal.data(&text)?;
        }
        Verb::Build { dir, out } => {
            let built = build::build(&Engine::with_user_cache()?, dir)?;
            let file = build::write(&built.component, dir, out.as_deref())?;
            let absolute = file.canonicalize().unwrap_or_else(|_| file.clone());
            let stage = inspect::stage_toml(&built.component, &absolute.to_string_lossy())?;
            terminal.data(&format!(
                "built {} with {}\n  size    {}\n  digest  sha256:{}\nnext: lockgate plugin test {}\nin a pipeline file:\n\n{stage}",
                file.display(),
                built.toolchain,
                inspect::size_text(built.component.bytes().len()),
                built.component.digest(),
                dir.display(),
            ))?;
        }
        Verb::Test { plugin, cases } => test(plugin, cases.as_deref(), terminal)?,
    }
    Ok(())
}

fn test(plugin: &Path, cases: Option<&Path>, terminal: &Terminal) -> Result<()> {
    let engine = Engine::with_user_cache()?;
    let (component, beside) = if plugin.is_dir() {
        (build::build(&engine, plugin)?.component, plugin.join("cases"))
    } else {
        (read(&engine, plugin)?, plugin.with_file_name("cases"))
    };
    let report = cases::run(&component, cases.unwrap_or(&beside))?;
    let cases::Report { text, cases, failed } = report;
    terminal.data(&format!("{text}{} of {cases} cases passed\n", cases - failed))?;
    match failed {
        0 => Ok(()),
        failed => Err(Diagnostic::plugin(format!("{failed} of {cases} cases failed"))
            .hint("lines with `-` were expected and did not come, lines with `+` came instead")),
    }
}

fn read(engine: &Engine, path: &Path) -> Result<Component> {
    let bytes = fs::read(path).map_err(|error| {
        Diagnostic::config(format!("cannot read the plugin `{}`", path.display()))
            .cause(error)
            .hint("give the path of a `.wasm` file that `lockgate plugin build` wrote")
    })?;
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    Component::new(engine, &name, &bytes)
}
