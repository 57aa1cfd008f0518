//! `lockgate quarantine list`: how many records were rejected, by micro-batch and reason.

use super::{Failures, SelectionArgs, Terminal};
use crate::{
    checkpoint,
    cli::load,
    diagnostic::Result,
    run::Stores,
    sink::{
        quarantine::{DIRECTORY, stopped_path},
        rejected::{QuarantinedRecord, Records, Selection},
    },
    source::returned::as_input,
    types::{BatchId, Sighting},
};
use clap::Args;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};

/// Longest text of a reason in a table for a person, in characters.
const REASON_CHARS: usize = 100;

/// Arguments of `lockgate quarantine list`.
#[derive(Clone, Debug, Args)]
pub(super) struct ListArgs {
    /// The pipeline file
    pipeline: PathBuf,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Records of one micro-batch that were rejected for one reason.
struct Reason {
    records: u64,
    put_back: u64,
    first: QuarantinedRecord,
}

type Reasons = BTreeMap<(BatchId, String, String), Reason>;

/// Runs `lockgate quarantine list`.
///
/// # Errors
/// Fails when a quarantine file is damaged, and when a store refuses.
pub(super) fn run(args: &ListArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    let stores = Stores::open(&plan, &terminal.notices())?;
    let selection = args.selection.selection();
    let reasons = reasons(&stores, &selection)?;
    if args.json {
        for (key, reason) in &reasons {
            terminal.data(&format!("{}\n", terminal.shown_json(as_json(key, reason))))?;
        }
        return Ok(());
    }
    let table_root = plan.sink.root.trim_end_matches('/');
    let place = format!("{table_root}/{DIRECTORY}");
    if let Some(stopped) = stopped(&stores)? {
        terminal.talk(&format!(
            "`max_rate` stopped a micro-batch; nothing of it is committed, and its first rejected \
             records are in {table_root}/{stopped}"
        ));
    }
    if reasons.is_empty() {
        let Selection { batch, code, stage } = &selection;
        let all = batch.is_none() && code.is_none() && stage.is_none();
        let which = if all { "no rejected records" } else { "none of the rejected records match" };
        terminal.talk(&format!("{which} in {place}"));
        return Ok(());
    }
    terminal.data(&table(&reasons))?;
    let file = args.pipeline.display();
    terminal.talk(&format!("the records are in {place}"));
    terminal.talk(&format!("to see them:      lockgate quarantine show {file} --limit 10"));
    terminal.talk(&format!("to put them back: lockgate quarantine replay {file} --dry-run"));
    Ok(())
}

/// Path of the first rejected records of the micro-batch in flight, if too many stopped it.
fn stopped(stores: &Stores) -> Result<Option<String>> {
    let Some(begun) = checkpoint::survey(&stores.checkpoint)?.begun else { return Ok(None) };
    let path = stopped_path(begun.batch);
    Ok(stores.sink.head(&path)?.map(|_| path))
}

fn reasons(stores: &Stores, selection: &Selection) -> Result<Reasons> {
    let last = checkpoint::survey(&stores.checkpoint)?.last_commit.map(|commit| commit.batch);
    let seen = checkpoint::consumed(&stores.checkpoint)?;
    let mut reasons = Reasons::new();
    for record in Records::open(&stores.sink, last, selection)? {
        let record = record?;
        let put_back = u64::from(seen.sighting(&as_input(record.id)) != Sighting::New);
        let (stage, code) = (record.rejected.stage.clone(), record.rejected.code.clone());
        let reason = reasons.entry((record.id.batch, stage, code));
        let reason = reason.or_insert(Reason { records: 0, put_back: 0, first: record });
        reason.records += 1;
        reason.put_back += put_back;
    }
    Ok(reasons)
}

fn as_json((batch, stage, code): &(BatchId, String, String), reason: &Reason) -> Value {
    let first = &reason.first.rejected;
    json!({
        "batch": batch,
        "stage": stage,
        "code": code,
        "records": reason.records,
        "replayed": reason.put_back,
        "first": {
            "line": reason.first.id.line,
            "file": first.file,
            "offset_bytes": first.offset_bytes,
            "message": first.message,
        },
    })
}

/// Columns as wide as they must be, numbers to the right.
fn table(reasons: &Reasons) -> String {
    let head = ["batch", "stage", "code", "records", "replayed", "first"].map(String::from);
    let rows = reasons.iter().map(|((batch, stage, code), reason)| {
        let replayed = match reason.put_back {
            0 => "no".into(),
            all if all == reason.records => "yes".into(),
            some => some.to_string(),
        };
        let (batch, records) = (batch.0.to_string(), reason.records.to_string());
        [batch, stage.clone(), code.clone(), records, replayed, example(&reason.first)]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let [batch, stage, code, records, replayed] =
        [0, 1, 2, 3, 4].map(|column| width(column).unwrap_or(0));
    let line = |row: &[String; 6]| {
        format!(
            "{:>batch$}  {:stage$}  {:code$}  {:>records$}  {:>replayed$}  {}\n",
            row[0], row[1], row[2], row[3], row[4], row[5]
        )
    };
    rows.iter().map(line).collect()
}

fn example(first: &QuarantinedRecord) -> String {
    let rejected = &first.rejected;
    let mut text = format!(
        "line {}: {} at byte {}: {}",
        first.id.line,
        rejected.file,
        rejected.offset_bytes,
        rejected.message.replace(char::is_control, " ")
    );
    if let Some((end, _)) = text.char_indices().nth(REASON_CHARS) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}
