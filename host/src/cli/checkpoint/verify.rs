//! `lockgate checkpoint verify`: whether all is there that was promised.

use super::{Failures, Terminal, count};
use crate::{checkpoint, cli::load, run::Stores};
use clap::Args;
use indicatif::HumanBytes;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Reads every record and segment of the checkpoint, and lists the table. Nothing is changed. Each
finding says what it means and what to do; the exit code is 5 when there is one.";

/// Arguments of `lockgate checkpoint verify`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct VerifyArgs {
    /// The pipeline file
    pipeline: PathBuf,
    /// Files of the table that are gone were deleted on purpose (not those of the last
    /// micro-batch)
    #[arg(long)]
    allow_missing: bool,
}

/// Runs `lockgate checkpoint verify`.
///
/// # Errors
/// Everything that is wrong; and when a store refuses.
pub(super) fn run(args: &VerifyArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    let stores = Stores::open(&plan, &terminal.notices())?;
    let verified =
        checkpoint::verify(&stores.checkpoint, &plan.name, &stores.sink, args.allow_missing)?;
    let checked = [
        count(verified.batches, "micro-batch", "micro-batches"),
        count(verified.segments, "segment", "segments"),
        count(verified.contents, "component or text", "components and texts"),
        format!(
            "{} of the table ({})",
            count(verified.files, "file", "files"),
            HumanBytes(verified.bytes)
        ),
    ];
    terminal.data(&format!("whole: {}\n", checked.join(", ")))?;
    if verified.gone > 0 {
        terminal
            .data(&format!("deleted on purpose: {}\n", count(verified.gone, "file", "files")))?;
    }
    if verified.findings.is_empty() {
        return Ok(());
    }
    let number = verified.findings.len() as u64 + verified.more;
    terminal
        .data(&format!("{}, told on standard error\n", count(number, "finding", "findings")))?;
    Err(verified.findings.into())
}
