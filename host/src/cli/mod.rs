//! The command line: one file per verb.
//!
//! Owns what is typed and what is printed; every verb does its work elsewhere.

mod chaos;
mod check;
mod checkpoint;
mod completions;
mod explain;
pub mod plugin;
pub mod progress;
mod quarantine;
mod run;
mod schema;
mod schema_tree;
pub mod status;
mod table;
pub mod terminal;
mod why;

pub use schema_tree::schema_tree;

use crate::{
    diagnostic::Diagnostic,
    pipeline::{self, plan::Plan},
};
use clap::{Parser, Subcommand};
use std::{ffi::OsString, path::Path, process::ExitCode, sync::Arc};
use terminal::{Colour, Terminal};

const AFTER_HELP: &str = "\
Exit codes:
    0  done
    1  a bug in lockgate
    2  the pipeline file, a plugin's config or the command line must change
    3  the input data stops the pipeline
    4  a plugin does not load, breaks the contract, or exceeds its limits
    5  a file system or store refuses
  130  interrupted; what was committed stays, the rest is replayed by the next run

A first pipeline:
  lockgate check pipeline.toml                   find every mistake, see every schema
  lockgate run pipeline.toml --available-now     read what is there, then stop
  lockgate status pipeline.toml                  what has been read and written";

/// Streams raw files into a query-ready table, continuously and exactly once
///
/// A pipeline file says where JSON files come from, which sandboxed WebAssembly stages they
/// pass, and where the partitioned Parquet table goes. Whatever happens in between, a crash, a
/// swapped plugin, files that arrive meanwhile, the table is the one an uninterrupted run would
/// have written.
///
/// Data goes to standard output, everything else to standard error.
#[derive(Clone, Debug, Parser)]
#[command(name = "lockgate", version, after_help = AFTER_HELP, verbatim_doc_comment)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// When to colour
    #[arg(long = "color", global = true, value_enum, value_name = "WHEN", default_value_t)]
    colour: Colour,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// Run a pipeline
    Run(run::RunArgs),
    /// Find every mistake in a pipeline, and print the schema after every stage
    Check(check::CheckArgs),
    /// Show what a pipeline will do, and what crosses the sandbox boundary
    Explain(explain::ExplainArgs),
    /// Show what a pipeline has committed, what is in flight, and who runs it
    Status(status::StatusArgs),
    /// Look into the checkpoint, check it, make it smaller, or take it back
    Checkpoint(checkpoint::CheckpointArgs),
    /// Look into rejected records, and put them back
    Quarantine(quarantine::QuarantineArgs),
    /// Tell where a file of the table came from, or what became of an input file
    Why(why::WhyArgs),
    /// Break a pipeline in every way on a sample of its data, and compare the tables
    Chaos(chaos::ChaosArgs),
    /// Inspect, build, test and measure plugins
    Plugin(plugin::PluginArgs),
    /// Print the JSON Schema of the pipeline file, for editors
    Schema(schema::SchemaArgs),
    /// Print a script that completes commands in a shell
    Completions(completions::CompletionsArgs),
}

/// What is wrong; at least one thing.
#[derive(Debug)]
pub struct Failures(Vec<Diagnostic>);

impl From<Diagnostic> for Failures {
    fn from(failure: Diagnostic) -> Self {
        Self(vec![failure])
    }
}

impl From<Vec<Diagnostic>> for Failures {
    fn from(failures: Vec<Diagnostic>) -> Self {
        Self(failures)
    }
}

/// Reads a pipeline file; from then on the terminal talks about it.
fn load(path: &Path, terminal: &Terminal) -> Result<Plan, Failures> {
    let plan = pipeline::load(path)?;
    terminal.about(&plan);
    Ok(plan)
}

/// Runs the command line, the program's name first.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistake; a reader that has seen enough is none either.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    // A file that is too large is refused with an error instead of a signal.
    let _ = signal_hook::flag::register(libc::SIGXFSZ, Arc::default());
    let terminal = Terminal::new(cli.colour);
    let done = match &cli.verb {
        Verb::Run(args) => run::run(args, &terminal),
        Verb::Check(args) => check::run(args, &terminal),
        Verb::Explain(args) => explain::run(args, &terminal),
        Verb::Status(args) => status::run(args, &terminal),
        Verb::Checkpoint(args) => checkpoint::run(args, &terminal),
        Verb::Quarantine(args) => quarantine::run(args, &terminal),
        Verb::Why(args) => why::run(args, &terminal),
        Verb::Chaos(args) => chaos::run(args, &terminal),
        Verb::Plugin(args) => plugin::run(args, &terminal),
        Verb::Schema(args) => schema::run(args, &terminal),
        Verb::Completions(args) => completions::run(args, &terminal),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failures(failures)) => terminal.fail(&failures),
    }
}
