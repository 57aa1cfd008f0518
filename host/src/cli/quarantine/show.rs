//! `lockgate quarantine show`: the rejected records themselves, to be read or repaired.

use super::{Failures, SelectionArgs, Terminal};
use crate::{
    checkpoint,
    cli::load,
    diagnostic::Diagnostic,
    run::Stores,
    sink::rejected::{QuarantinedRecord, Records},
    source::returned::as_input,
    types::Sighting,
};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// Arguments of `lockgate quarantine show`.
#[derive(Clone, Debug, Args)]
pub(super) struct ShowArgs {
    /// The pipeline file
    pipeline: PathBuf,
    #[command(flatten)]
    selection: SelectionArgs,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// A record and whether it is still waiting.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    record: QuarantinedRecord,
    replayed: bool,
}

/// Runs `lockgate quarantine show`.
///
/// # Errors
/// Fails when a quarantine file is damaged, and when a store refuses.
pub(super) fn run(args: &ShowArgs, terminal: &Terminal) -> Result<(), Failures> {
    let stores = Stores::open(&load(&args.pipeline, terminal)?, &terminal.notices())?;
    let last = checkpoint::survey(&stores.checkpoint)?.last_commit.map(|commit| commit.batch);
    let seen = checkpoint::consumed(&stores.checkpoint)?;
    let records = Records::open(&stores.sink, last, &args.selection.selection())?;
    for record in records.take(args.limit.unwrap_or(usize::MAX)) {
        let record = record?;
        let replayed = seen.sighting(&as_input(record.id)) != Sighting::New;
        let mut line = serde_json::to_string(&Shown { record, replayed })
            .map_err(|error| Diagnostic::internal("cannot write a record as JSON").cause(error))?;
        line.push('\n');
        if !Terminal::records(&line)? {
            break;
        }
    }
    Ok(())
}
