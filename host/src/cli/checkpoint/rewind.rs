//! `lockgate checkpoint rewind`: undoes the latest micro-batches.

use super::{Failures, Terminal, count};
use crate::{
    checkpoint::{self, Checkpoint, Files, Recovery, Undo},
    cli::load,
    diagnostic::{Diagnostic, Result},
    pipeline::plan::Plan,
    run::Stores,
    types::BatchId,
};
use clap::Args;
use indicatif::HumanBytes;
use std::{fmt::Write as _, path::PathBuf, sync::Arc};

const AFTER_HELP: &str = "\
The files of every micro-batch after the one given leave the table, with their quarantine; their
inputs are new again, and the next run reads them as the pipeline is then. Stop the runner first.
Stopped half-way, the next start of anything finishes the rewind before it does anything else.

File names are used again: readers that cache files by name must forget them.

  lockgate checkpoint rewind pipeline.toml --to 11          what would be undone
  lockgate checkpoint rewind pipeline.toml --to 11 --yes    undo it";

/// Arguments of `lockgate checkpoint rewind`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct RewindArgs {
    /// The pipeline file
    pipeline: PathBuf,
    /// The last micro-batch that stays
    #[arg(long, value_name = "BATCH")]
    to: u64,
    /// Undo it; without this, say what would be undone
    #[arg(long)]
    yes: bool,
    /// Also where inputs are gone or changed: rows of those that are gone are lost
    #[arg(long)]
    allow_lost_inputs: bool,
}

/// Runs `lockgate checkpoint rewind`.
///
/// # Errors
/// Refuses when inputs are gone or changed, when there is nothing to undo or too much, and while
/// the pipeline is being run; fails when a store refuses.
pub(super) fn run(args: &RewindArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    let stores = Stores::open(&plan, &terminal.notices())?;
    let to = BatchId(args.to);
    if !args.yes {
        let survey = checkpoint::survey(&stores.checkpoint)?;
        if let Some(refusal) = survey.refusal {
            return Err(refusal.into());
        }
        let last = survey.last_commit.map(|commit| commit.batch).ok_or_else(nothing)?;
        let undo = Undo::preview(&stores.checkpoint, &stores.source, &stores.sink, (to, last))?;
        terminal.data(&text(&undo, &plan, "would undo"))?;
        refuse_lost(&undo, args)?;
        terminal.talk("nothing was changed: say --yes to undo it");
        return Ok(());
    }
    let checkpoint = Arc::clone(&stores.checkpoint);
    let mut checkpoint = Checkpoint::open_beside(checkpoint, &plan.name, &stores.sink)?;
    if let Some(finished) = checkpoint.finish_rewind(&stores.sink)? {
        terminal.talk(&format!("finished the rewind to micro-batch {} first", finished.to.0));
        if finished.to == to {
            return Ok(());
        }
    }
    let last = last(&checkpoint.observe()?).ok_or_else(nothing)?;
    checkpoint.claim_table(&stores.sink)?;
    let undo = Undo::preview(&stores.checkpoint, &stores.source, &stores.sink, (to, last))?;
    refuse_lost(&undo, args)?;
    checkpoint.rewind(&stores.sink, to)?;
    terminal.data(&text(&undo, &plan, "undid"))?;
    terminal.talk(&format!("the next run begins micro-batch {}", to.next().0));
    Ok(())
}

fn nothing() -> Diagnostic {
    Diagnostic::config("there is nothing to undo").cause("no micro-batch was committed")
}

/// The last committed micro-batch.
fn last(recovery: &Recovery) -> Option<BatchId> {
    recovery.next().0.checked_sub(1).map(BatchId)
}

fn refuse_lost(undo: &Undo, args: &RewindArgs) -> Result<()> {
    let lost = undo.gone.count + undo.changed.count;
    if lost == 0 || args.allow_lost_inputs {
        return Ok(());
    }
    let mut refusal = Diagnostic::data(format!(
        "{} of what would be undone cannot be read again as it was",
        count(lost, "input", "inputs")
    ));
    for (files, what) in [(&undo.gone, "is gone"), (&undo.changed, "changed since")] {
        for path in &files.first {
            refusal = refusal.cause(format!("`{path}` {what}"));
        }
        if let Some(more @ 1..) = files.count.checked_sub(files.first.len() as u64) {
            refusal = refusal.cause(format!("{more} more"));
        }
    }
    Err(refusal
        .hint("put them back, or go back less far")
        .hint("or say `--allow-lost-inputs`: rows of inputs that are gone are lost"))
}

fn text(undo: &Undo, plan: &Plan, did: &str) -> String {
    let mut text = String::new();
    if let Some((first, last)) = undo.batches {
        let _ = match last.0 - first.0 {
            0 => writeln!(text, "{did} micro-batch {}", last.0),
            _ => writeln!(text, "{did} micro-batches {} to {}", first.0, last.0),
        };
    }
    if let Some(begun) = undo.begun {
        let _ = writeln!(text, "  and micro-batch {}, which was begun and not committed", begun.0);
    }
    let _ = writeln!(text, "from the table {}: {} rows", plan.sink.root, undo.rows);
    for (files, what) in [
        (&undo.table_files, "deleted from the table"),
        (&undo.quarantine_files, "deleted from the quarantine"),
        (&undo.inputs, "to be read again by the next run"),
        (&undo.changed, "of them changed since they were read"),
        (&undo.gone, "that cannot be read again: they are gone"),
    ] {
        list(&mut text, files, what);
    }
    if undo.put_back > 0 {
        let number = undo.put_back;
        let _ = writeln!(text, "rejected records put back, which will wait again: {number}");
    }
    text
}

fn list(text: &mut String, files: &Files, what: &str) {
    if files.count == 0 {
        return;
    }
    let _ = writeln!(
        text,
        "{} ({}) {what}",
        count(files.count, "file", "files"),
        HumanBytes(files.bytes)
    );
    for path in &files.first {
        let _ = writeln!(text, "  {path}");
    }
    if let Some(more @ 1..) = files.count.checked_sub(files.first.len() as u64) {
        let _ = writeln!(text, "  and {more} more");
    }
}
