//! `lockgate checkpoint inspect`: what the checkpoint holds, and what a start would do.

use super::{Failures, Terminal, count};
use crate::{
    checkpoint::{
        self, Contents, Identity, Survey,
        history::{History, Recorded},
    },
    cli::load,
    clock,
    diagnostic::{Diagnostic, Result},
    run::Stores,
    types::{BatchId, PendingFile, RecordId},
};
use clap::Args;
use indicatif::HumanBytes;
use serde_json::{Value, json};
use std::{fmt::Write as _, path::PathBuf};

/// Micro-batches of the history that are shown.
const SHOWN_BATCHES: u64 = 10;
/// Paths of one micro-batch that are shown to a person.
const SHOWN_PATHS: usize = 20;

/// Arguments of `lockgate checkpoint inspect`.
#[derive(Clone, Debug, Args)]
pub(super) struct InspectArgs {
    /// The pipeline file
    pipeline: PathBuf,
    /// Show all that is recorded of this micro-batch
    #[arg(long, value_name = "N")]
    batch: Option<u64>,
    /// Print one JSON object; nothing is left out
    #[arg(long)]
    json: bool,
}

/// Runs `lockgate checkpoint inspect`.
///
/// # Errors
/// Fails when a record is damaged, there is no such micro-batch, and when a store refuses.
pub(super) fn run(args: &InspectArgs, terminal: &Terminal) -> Result<(), Failures> {
    let stores = Stores::open(&load(&args.pipeline, terminal)?, &terminal.notices())?;
    let mut history = History::open(&stores.checkpoint)?;
    let shown = if let Some(batch) = args.batch {
        let batch = BatchId(batch);
        let recorded = history.find(batch)?.ok_or_else(|| unknown(batch, &history))?;
        if args.json {
            Shown::Json(recorded_json(&recorded))
        } else {
            Shown::Text(recorded_text(&recorded))
        }
    } else {
        let survey = checkpoint::survey(&stores.checkpoint)?;
        let contents = checkpoint::contents(&stores.checkpoint)?;
        let newest = newest(&mut history)?;
        if args.json {
            Shown::Json(summary_json(&survey, &contents, &newest))
        } else {
            Shown::Text(summary(&stores, &survey, &contents, &newest))
        }
    };
    let text = match shown {
        Shown::Text(text) => text,
        Shown::Json(value) => format!("{:#}\n", terminal.shown_json(value)),
    };
    Ok(terminal.data(&text)?)
}

enum Shown {
    Text(String),
    Json(Value),
}

fn unknown(batch: BatchId, history: &History) -> Diagnostic {
    let refusal = Diagnostic::config(format!("nothing is recorded of micro-batch {}", batch.0));
    match (history.first(), history.last()) {
        (Some(first), Some(last)) => {
            refusal.hint(format!("micro-batches {} to {} are recorded", first.0, last.0))
        }
        _ => refusal.hint("the pipeline never ran"),
    }
}

/// The newest micro-batches, ascending.
fn newest(history: &mut History) -> Result<Vec<Recorded>> {
    let Some(last) = history.last() else { return Ok(Vec::new()) };
    history.from(BatchId(last.0.saturating_sub(SHOWN_BATCHES - 1))).collect()
}

fn facts(lines: &[(&str, String)]) -> String {
    lines.iter().fold(String::new(), |mut text, (name, fact)| {
        let _ = writeln!(text, "{name:<12}{fact}");
        text
    })
}

fn summary(stores: &Stores, survey: &Survey, contents: &Contents, newest: &[Recorded]) -> String {
    let Some(Identity { id, name, created_us }) = &survey.identity else {
        return facts(&[
            ("checkpoint", stores.checkpoint.root().to_owned()),
            ("holds", "nothing: the pipeline never ran".into()),
            ("next start", next_start(survey)),
        ]);
    };
    let range = |range: Option<(BatchId, BatchId)>| match range {
        None => "none".to_owned(),
        Some((first, last)) => format!("micro-batches {} to {}", first.0, last.0),
    };
    let segments = |(number, bytes): (u64, u64)| {
        format!("{} ({})", count(number, "segment", "segments"), HumanBytes(bytes))
    };
    let kept = |(number, bytes): (u64, u64)| format!("{number} ({})", HumanBytes(bytes));
    let mut text = facts(&[
        ("checkpoint", stores.checkpoint.root().to_owned()),
        ("table", stores.sink.root().to_owned()),
        ("pipeline", format!("{name}, {id}, since {}", clock::utc(*created_us))),
        ("runner", survey.runner.as_ref().map_or("none".into(), checkpoint::who)),
        ("offsets", range(contents.offsets)),
        ("commits", range(contents.commits)),
        ("history", segments(contents.history)),
        (
            "consumed",
            format!("{} in {}", count(contents.consumed, "file", "files"), segments(contents.seen)),
        ),
        ("components", kept(contents.components)),
        ("replays", kept(contents.replays)),
        ("next start", next_start(survey)),
    ]);
    if let Some(refusal) = &survey.refusal {
        text += &facts(&[("problem", refusal.to_string())]);
        for hint in &refusal.hints {
            text += &facts(&[("hint", hint.clone())]);
        }
    }
    if !newest.is_empty() {
        let _ = writeln!(text, "\nthe newest micro-batches");
        text.extend(newest.iter().map(line));
    }
    text
}

fn next_start(survey: &Survey) -> String {
    match (&survey.refusal, &survey.begun, &survey.last_commit) {
        (Some(refusal), ..) if refusal.message.contains("on its way back") => {
            "finishes the rewind".into()
        }
        (Some(_), ..) => "refuses".into(),
        (None, Some(begun), _) => format!("replays micro-batch {}", begun.batch.0),
        (None, None, Some(last)) => {
            format!("publishes micro-batch {} again, begins {}", last.batch.0, last.batch.next().0)
        }
        (None, None, None) => "begins micro-batch 0".into(),
    }
}

/// `    12  2026-11-22 12:00:01Z  3 files in, 20 rows in, 16 out to 2 files, 4 quarantined`
fn line(recorded: &Recorded) -> String {
    let Recorded { offsets, commit } = recorded;
    let number = offsets.files.len() as u64;
    let read = match offsets.replay {
        Some(_) => count(number, "record put back", "records put back"),
        None => count(number, "file", "files"),
    };
    let batch = offsets.batch.0;
    match commit {
        None => format!("{batch:>6}  {}  {read}; not committed\n", clock::utc(offsets.written_us)),
        Some(commit) => format!(
            "{batch:>6}  {}  {read}, {} rows in, {} out to {}, {} quarantined\n",
            clock::utc(commit.written_us),
            commit.rows_read,
            commit.rows_written,
            count(commit.files.len() as u64, "file", "files"),
            commit.quarantined
        ),
    }
}

fn recorded_text(recorded: &Recorded) -> String {
    let Recorded { offsets, commit } = recorded;
    let mut text = facts(&[
        ("micro-batch", offsets.batch.0.to_string()),
        (
            "begun",
            format!("{} by {}", clock::utc(offsets.written_us), checkpoint::who(&offsets.runner)),
        ),
        ("config", offsets.config_hash.clone()),
        ("components", offsets.components.join(" ")),
    ]);
    let inputs: Vec<_> =
        offsets.files.iter().map(|file| (shown_input(&file.path), file.size_bytes)).collect();
    files(&mut text, "reads", &inputs);
    let Some(commit) = commit else {
        text += &facts(&[("outcome", "none: it is not committed".into())]);
        return text;
    };
    text += &facts(&[
        (
            "committed",
            format!("{} by {}", clock::utc(commit.written_us), checkpoint::who(&commit.runner)),
        ),
        ("rows", format!("{} read, {} written", commit.rows_read, commit.rows_written)),
        (
            "quarantined",
            format!(
                "{} ({} by the source, {} by the sink)",
                commit.quarantined,
                commit.source_rejected,
                commit.sink_rejected()
            ),
        ),
    ]);
    for stage in &commit.stages {
        let _ = writeln!(
            text,
            "  {}: {} rows in, {} out, {} filtered, {} quarantined, {} noted",
            stage.stage,
            stage.rows_in,
            stage.rows_out,
            stage.filtered,
            stage.quarantined,
            stage.noted
        );
    }
    let written = |file: &PendingFile| (file.path.clone(), file.size_bytes);
    let outputs: Vec<_> = commit.files.iter().chain(&commit.quarantine_file).map(written).collect();
    files(&mut text, "wrote", &outputs);
    text
}

/// How a person is told of an input: a record that was put back is none of the source's files.
fn shown_input(path: &str) -> String {
    match RecordId::of_input_path(path) {
        Some(id) => format!("quarantined record: line {} of micro-batch {}", id.line, id.batch.0),
        None => path.to_owned(),
    }
}

fn files(text: &mut String, what: &str, files: &[(String, u64)]) {
    let bytes = files.iter().map(|(_, bytes)| bytes).sum();
    *text += &facts(&[(
        what,
        format!("{} ({})", count(files.len() as u64, "file", "files"), HumanBytes(bytes)),
    )]);
    for (path, bytes) in files.iter().take(SHOWN_PATHS) {
        let _ = writeln!(text, "  {path} ({})", HumanBytes(*bytes));
    }
    if let Some(more @ 1..) = files.len().checked_sub(SHOWN_PATHS) {
        let _ = writeln!(text, "  and {more} more, all with --json");
    }
}

fn recorded_json(recorded: &Recorded) -> Value {
    json!({ "offsets": recorded.offsets, "commit": recorded.commit })
}

fn summary_json(survey: &Survey, contents: &Contents, newest: &[Recorded]) -> Value {
    let range = |range: Option<(BatchId, BatchId)>| range.map(|(first, last)| [first, last]);
    let kept = |(number, bytes): (u64, u64)| json!({ "count": number, "bytes": bytes });
    json!({
        "id": survey.identity.as_ref().map(|identity| &identity.id),
        "pipeline": survey.identity.as_ref().map(|identity| &identity.name),
        "runner": survey.runner,
        "offsets": range(contents.offsets),
        "commits": range(contents.commits),
        "history": kept(contents.history),
        "seen": kept(contents.seen),
        "consumed_files": contents.consumed,
        "components": kept(contents.components),
        "replays": kept(contents.replays),
        "next_start": next_start(survey),
        "problem": survey.refusal.as_ref().map(ToString::to_string),
        "newest": newest.iter().map(recorded_json).collect::<Vec<_>>(),
    })
}
