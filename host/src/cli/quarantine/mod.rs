//! `lockgate quarantine`: what was rejected and why, and how it gets back into the table.
//!
//! Owns how records are chosen on the command line; one file per verb.

mod list;
mod replay;
mod show;

use super::{Failures, terminal::Terminal};
use crate::{sink::rejected::Selection, types::BatchId};
use clap::{Args, Subcommand};

const AFTER_HELP: &str = "\
What was rejected, what it looks like, and back into the table once the pipeline is mended:
  lockgate quarantine list pipeline.toml
  lockgate quarantine show pipeline.toml --code malformed-json --limit 10
  lockgate quarantine replay pipeline.toml --dry-run
  lockgate quarantine replay pipeline.toml

Repair the records themselves (change `record`, keep the rest), then put back those alone:
  lockgate quarantine show pipeline.toml --code malformed-json > repaired.jsonl
  $EDITOR repaired.jsonl
  lockgate quarantine replay pipeline.toml --from repaired.jsonl";

/// Arguments of `lockgate quarantine`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct QuarantineArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
enum Verb {
    /// Show how many records were rejected, by micro-batch and reason
    List(list::ListArgs),
    /// Print rejected records, one JSON object a line
    Show(show::ShowArgs),
    /// Put rejected records back into the stream, each exactly once
    Replay(replay::ReplayArgs),
}

/// Runs `lockgate quarantine`.
///
/// # Errors
/// As its verbs.
pub(super) fn run(args: &QuarantineArgs, terminal: &Terminal) -> Result<(), Failures> {
    match &args.verb {
        Verb::List(args) => list::run(args, terminal),
        Verb::Show(args) => show::run(args, terminal),
        Verb::Replay(args) => replay::run(args, terminal),
    }
}

/// Which records.
#[derive(Clone, Debug, Default, Args)]
struct SelectionArgs {
    /// Of this micro-batch only
    #[arg(long, value_name = "N")]
    batch: Option<u64>,
    /// Rejected for this reason only: a code of `quarantine list`
    #[arg(long)]
    code: Option<String>,
    /// Rejected by this stage only; `source` for what could not be decoded
    #[arg(long)]
    stage: Option<String>,
}

impl SelectionArgs {
    fn selection(&self) -> Selection {
        Selection {
            batch: self.batch.map(BatchId),
            code: self.code.clone(),
            stage: self.stage.clone(),
        }
    }
}

/// `1 record`, `2 records`.
fn records(number: u64) -> String {
    if number == 1 { "1 record".into() } else { format!("{number} records") }
}
