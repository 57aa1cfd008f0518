//! `lockgate checkpoint`: what a pipeline remembers, whether it is whole, and how to make it less
//! or take it back.
//!
//! Owns the words; one file per verb.

mod inspect;
mod prune;
mod rewind;
mod verify;

use super::{Failures, terminal::Terminal};
use clap::{Args, Subcommand};

const AFTER_HELP: &str = "\
  lockgate checkpoint inspect pipeline.toml               what it holds, what a start would do
  lockgate checkpoint inspect pipeline.toml --batch 12    all that is recorded of one micro-batch
  lockgate checkpoint verify pipeline.toml                whether all is there that was promised
  lockgate checkpoint prune pipeline.toml --older-than 30d
  lockgate checkpoint rewind pipeline.toml --to 11        what would be undone; --yes undoes it

Inspecting and verifying change nothing, and work while the pipeline runs.";

/// Arguments of `lockgate checkpoint`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CheckpointArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// Show what the checkpoint holds, its history, and what a start would do
    Inspect(inspect::InspectArgs),
    /// Check that logs, segments, components and the table's files are all there, and whole
    Verify(verify::VerifyArgs),
    /// Drop what is kept of old micro-batches only to look back at them
    Prune(prune::PruneArgs),
    /// Undo the latest micro-batches: their files leave the table, their inputs are new again
    Rewind(rewind::RewindArgs),
}

/// Runs `lockgate checkpoint`.
///
/// # Errors
/// As its verbs.
pub(super) fn run(args: &CheckpointArgs, terminal: &Terminal) -> Result<(), Failures> {
    match &args.verb {
        Verb::Inspect(args) => inspect::run(args, terminal),
        Verb::Verify(args) => verify::run(args, terminal),
        Verb::Prune(args) => prune::run(args, terminal),
        Verb::Rewind(args) => rewind::run(args, terminal),
    }
}

/// `1 file`, `2 files`.
fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}
