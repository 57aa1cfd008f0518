//! `lockgate checkpoint prune`: drops what is kept of old micro-batches.

use super::{Failures, Terminal, count};
use crate::{
    checkpoint::{Checkpoint, Prunable},
    cli::load,
    clock,
    pipeline::quantity::TimeSpan,
    run::Stores,
};
use clap::Args;
use indicatif::HumanBytes;
use std::{fmt::Write as _, path::PathBuf, sync::Arc};

const AFTER_HELP: &str = "\
What may go: records of old micro-batches, which `inspect`, `why` and `rewind` look back at, and
components and texts that only they name. The table is not touched, and what a start needs stays:
no file is read a second time.

  lockgate checkpoint prune pipeline.toml --older-than 30d          what would go
  lockgate checkpoint prune pipeline.toml --older-than 30d --yes    drop it";

/// Arguments of `lockgate checkpoint prune`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct PruneArgs {
    /// The pipeline file
    pipeline: PathBuf,
    /// Keep the records of micro-batches that were committed within this time: `12h`, `30d`
    #[arg(long, value_name = "TIME")]
    older_than: TimeSpan,
    /// Drop it; without this, say what would go
    #[arg(long)]
    yes: bool,
}

/// Runs `lockgate checkpoint prune`.
///
/// # Errors
/// Fails when the pipeline is being run, a record is damaged, and when a store refuses.
pub(super) fn run(args: &PruneArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    let stores = Stores::open(&plan, &terminal.notices())?;
    let age_us = i64::try_from(args.older_than.0.as_micros()).unwrap_or(i64::MAX);
    let before_us = clock::now_us().saturating_sub(age_us);
    if !args.yes {
        let prunable = Prunable::before(&stores.checkpoint, before_us)?;
        terminal.data(&text(&prunable, "would drop"))?;
        if !prunable.is_empty() {
            terminal.talk("nothing was changed: say --yes to drop it");
        }
        return Ok(());
    }
    let checkpoint = Arc::clone(&stores.checkpoint);
    let mut checkpoint = Checkpoint::open_beside(checkpoint, &plan.name, &stores.sink)?;
    checkpoint.finish_abandoned_rewind(&stores.sink)?;
    checkpoint.observe()?;
    let dropped = checkpoint.prune(before_us)?;
    Ok(terminal.data(&text(&dropped, "dropped"))?)
}

fn text(prunable: &Prunable, did: &str) -> String {
    if prunable.is_empty() {
        return "nothing is old enough to be dropped\n".into();
    }
    let mut text = format!("{did} {}\n", HumanBytes(prunable.bytes));
    if let (Some((_, (first, _))), Some((_, (_, last)))) =
        (prunable.segments.first(), prunable.segments.last())
    {
        let _ = writeln!(text, "  records of micro-batches {} to {}", first.0, last.0);
    }
    for (number, noun) in [
        (prunable.components.len(), ["component", "components"]),
        (prunable.replays.len(), ["text of records put back", "texts of records put back"]),
    ] {
        if number > 0 {
            let _ = writeln!(text, "  {}", count(number as u64, noun[0], noun[1]));
        }
    }
    if let Some(oldest) = prunable.oldest {
        let _ = writeln!(text, "the oldest micro-batch that stays recorded: {}", oldest.0);
    }
    text
}
