//! `lockgate quarantine replay`: puts rejected records back into the stream.
//!
//! Owns the words; [`Run::put_back`] does it.

use super::{Failures, SelectionArgs, Terminal, records};
use crate::{
    cli::{load, progress::ProgressArgs, run::listen},
    diagnostic::{Diagnostic, Kind},
    run::{PutBack, Repaired, Run, Stop, Stores, Tally, Wanted, preview},
    stage::Engine,
};
use clap::Args;
use std::{fmt::Write as _, path::PathBuf};

const AFTER_HELP: &str = "\
A record goes back as it stood in its file (of a list, the one element that was rejected), through
the decoder and the stages as the pipeline file has them now. A file that could not be read is read
from where reading had stopped. What is rejected again gets a line in the quarantine of the new
micro-batch. Doing it twice adds no row, also after a crash; what is rejected again goes into the
quarantine again, so replay what was mended.

The pipeline must not be running: stop it, replay, start it again.

  lockgate quarantine replay pipeline.toml --dry-run
  lockgate quarantine replay pipeline.toml --batch 12 --code bad-timestamp
  lockgate quarantine replay pipeline.toml --from repaired.jsonl";

/// Arguments of `lockgate quarantine replay`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ReplayArgs {
    /// The pipeline file
    pipeline: PathBuf,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Put back the records of this file alone: lines of `quarantine show` with `record` repaired
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Say what would be put back, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Runs `lockgate quarantine replay`.
///
/// # Errors
/// As [`Run::put_back`].
pub(super) fn run(args: &ReplayArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    let repaired = args.from.as_deref().map(Repaired::at).transpose()?;
    let wanted = Wanted { selection: args.selection.selection(), repaired };
    if args.dry_run {
        let tally = preview(&plan.source, &Stores::open(&plan, &terminal.notices())?, &wanted)?;
        return Ok(terminal.data(&dry_text(&tally))?);
    }
    let listener = args.progress.listener(terminal)?;
    let engine = Engine::with_user_cache()?;
    // Signal handlers outlive every scope.
    let stop: &'static Stop = Box::leak(Box::default());
    listen(stop)?;
    let done = Run::new(&plan, stop, &listener.notices())?.put_back(&engine, &listener, &wanted)?;
    drop(listener);
    terminal.data(&done_text(&done))?;
    if let (1.., Some(batch)) = (done.rejected_again, done.batches.last()) {
        let file = args.pipeline.display();
        terminal.talk(&format!(
            "to see why some were rejected again: lockgate quarantine show {file} --batch {}",
            batch.0
        ));
    }
    if done.stopped {
        let failure = Diagnostic::new(Kind::Interrupted, "interrupted before all were put back");
        return Err(failure.hint("run it again: it goes on where it stopped").into());
    }
    Ok(())
}

fn dry_text(tally: &Tally) -> String {
    let mut text = format!("would put back {}\n", records(tally.records()));
    for ((stage, code), number) in &tally.put_back {
        let _ = writeln!(text, "  {number} rejected by `{stage}` as `{code}`");
    }
    text + &rest(tally)
}

fn done_text(done: &PutBack) -> String {
    let number = records(done.tally.records());
    let batches = match done.batches.as_slice() {
        [] => String::new(),
        [only] => format!(" in micro-batch {}", only.0),
        [first, .., last] => format!(" in micro-batches {} to {}", first.0, last.0),
    };
    let outcome = match done.batches.as_slice() {
        [] => String::new(),
        _ => {
            format!(": {} rows written, {} rejected again", done.rows_written, done.rejected_again)
        }
    };
    format!("put back {number}{batches}{outcome}\n{}", rest(&done.tally))
}

/// What was not put back.
fn rest(tally: &Tally) -> String {
    let mut text = String::new();
    if tally.already > 0 {
        let _ = writeln!(text, "put back before: {}", records(tally.already));
    }
    for (obstacle, staying) in &tally.stay {
        let (number, first) = (records(staying.records), staying.first);
        let _ = writeln!(text, "{number} in the quarantine still: {obstacle}");
        let _ = writeln!(
            text,
            "  the first is line {} of micro-batch {}: {}",
            first.line, first.batch.0, staying.detail
        );
    }
    text
}
