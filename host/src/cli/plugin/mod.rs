//! `lockgate plugin`: list, inspect, make, build, test and measure plugins.

mod bench;
mod build;
mod cases;
mod config_table;
mod diff;
mod inspect;
mod made;
mod new;
mod rows;
mod template;
pub mod toolchain;

use super::{Failures, terminal::Terminal};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::PluginRef,
    run::component,
    stage::{Component, Engine, standard},
};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Arguments of `lockgate plugin`.
#[derive(Clone, Debug, Args)]
pub struct PluginArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// List the standard plugins
    List,
    /// Show what a plugin is: config, examples, docs, digest, interfaces
    Inspect {
        /// Name of a standard plugin, or path of a `.wasm` file
        plugin: String,
        /// Print one JSON object, with the JSON Schema of the config
        #[arg(long)]
        json: bool,
    },
    /// Make a plugin crate that builds and tests at once
    New {
        /// Name of the plugin and of its directory, for example `mask-email`
        name: String,
        /// Directory to make it in
        #[arg(long, value_name = "DIR", default_value = ".")]
        path: PathBuf,
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
    /// Measure calls of a plugin: its own code and the boundary of the sandbox apart
    Bench(bench::BenchArgs),
}

/// Runs `lockgate plugin`.
///
/// # Errors
/// What went wrong, and what to do next.
pub fn run(args: &PluginArgs, terminal: &Terminal) -> Result<(), Failures> {
    match &args.verb {
        Verb::List => {
            let engine = Engine::with_user_cache()?;
            let plugins = standard::names().map(|name| standard_plugin(&engine, name));
            terminal.data(&inspect::list(&plugins.collect::<Result<Vec<_>>>()?)?)?;
        }
        Verb::Inspect { plugin, json } => {
            let component = load(&Engine::with_user_cache()?, plugin)?;
            let text = if *json {
                format!("{:#}\n", terminal.shown_json(inspect::json(&component)?))
            } else {
                inspect::text(&component)?
            };
            terminal.data(&text)?;
        }
        Verb::New { name, path } => {
            let dir = new::create(name, path)?;
            let dir = dir.strip_prefix(".").unwrap_or(&dir).display();
            terminal.data(&format!(
                "made {dir}\nnext: cd {dir}\n      cargo test\n      lockgate plugin build\n      lockgate plugin test\n"
            ))?;
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
        Verb::Bench(args) => {
            let engine = Engine::with_user_cache()?;
            let path = Path::new(&args.plugin);
            let (component, beside) = if standard::standard(&args.plugin).is_some() {
                (standard_plugin(&engine, &args.plugin)?, None)
            } else {
                let (component, beside) = with_cases(&engine, path)?;
                (component, Some(beside))
            };
            terminal.data(&bench::bench(&component, args, beside.as_deref())?)?;
        }
    }
    Ok(())
}

fn test(plugin: &Path, cases: Option<&Path>, terminal: &Terminal) -> Result<()> {
    let engine = Engine::with_user_cache()?;
    let (component, beside) = with_cases(&engine, plugin)?;
    let report = cases::run(&component, cases.unwrap_or(&beside))?;
    let cases::Report { text, cases, failed } = report;
    terminal.data(&format!("{text}{} of {cases} cases passed\n", cases - failed))?;
    match failed {
        0 => Ok(()),
        failed => Err(Diagnostic::plugin(format!("{failed} of {cases} cases failed"))
            .hint("lines with `-` were expected and did not come, lines with `+` came instead")),
    }
}

/// A crate, which is built, or a file; and where its cases are.
fn with_cases(engine: &Engine, plugin: &Path) -> Result<(Component, PathBuf)> {
    Ok(if plugin.is_dir() {
        (build::build(engine, plugin)?.component, plugin.join("cases"))
    } else {
        (read(engine, plugin)?, plugin.with_file_name("cases"))
    })
}

/// A plugin as it is named on the command line: a standard name, or the path of a file.
fn load(engine: &Engine, plugin: &str) -> Result<Component> {
    let path = Path::new(plugin);
    let is_path = plugin.contains('/') || path.extension().is_some_and(|it| it == "wasm");
    if is_path { read(engine, path) } else { standard_plugin(engine, plugin) }
}

fn standard_plugin(engine: &Engine, name: &str) -> Result<Component> {
    component(engine, &PluginRef::Standard(name.to_owned()))
}

fn read(engine: &Engine, path: &Path) -> Result<Component> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    component(engine, &PluginRef::File(absolute))
}
