//! `lockgate why`: where a file of the table came from, or what became of an input file.

use super::{Failures, load, terminal::Terminal};
use crate::{
    checkpoint::{self, history::Recorded},
    clock,
    diagnostic::{Diagnostic, Result},
    pipeline::{plan::Plan, quantity::TimeSpan},
    run::{Fate, Input, Output, Stores, Why, why},
    sink::footer,
    storage::{self, StorageOptions, local::name},
    types::RecordId,
};
use clap::Args;
use std::{collections::BTreeMap, ffi::OsString, fmt::Write as _, path::PathBuf};

/// Paths that are shown.
const SHOWN_PATHS: usize = 20;

const AFTER_HELP: &str = "\
A file of the table tells by itself which pipeline, micro-batch, inputs and components it came of;
with --pipeline, the checkpoint adds when, by whom, and with which config. An input file needs
--pipeline: it tells which micro-batch read it and what came of it, or why it was not read.

  lockgate why table/date=2026-03-01/part-0000000012-0000.parquet
  lockgate why table/date=2026-03-01/part-0000000012-0000.parquet --pipeline pipeline.toml
  lockgate why input/payments-17.json --pipeline pipeline.toml";

/// Arguments of `lockgate why`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct WhyArgs {
    /// The file: a path, a URL, or a path below the table's or the source's root
    file: OsString,
    /// The pipeline file
    #[arg(long)]
    pipeline: Option<PathBuf>,
}

/// Runs `lockgate why`.
///
/// # Errors
/// Fails when there is no such file, a record is damaged, and when a store refuses.
pub(super) fn run(args: &WhyArgs, terminal: &Terminal) -> Result<(), Failures> {
    let file = name::as_text(&args.file);
    let text = match &args.pipeline {
        None => alone(&file, terminal)?,
        Some(pipeline) => {
            let plan = load(pipeline, terminal)?;
            let stores = Stores::open(&plan, &terminal.notices())?;
            match why(&plan, &stores, &file)? {
                Why::Output(output) => output_text(&output)?,
                Why::Input(input) => input_text(&input, &plan)?,
            }
        }
    };
    Ok(terminal.data(&text)?)
}

/// What a file says of itself.
fn alone(file: &str, terminal: &Terminal) -> Result<String> {
    let missing = || Diagnostic::config(format!("there is no file `{file}`"));
    let (directory, name) = if file.contains("://") {
        let (directory, name) = file.rsplit_once('/').ok_or_else(missing)?;
        (directory.to_owned(), name.to_owned())
    } else {
        let path = std::path::absolute(file).map_err(|error| missing().cause(error))?;
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(missing());
        };
        (directory.to_string_lossy().into_owned(), name.to_string_lossy().into_owned())
    };
    let options = StorageOptions::default();
    let store = storage::open_with(&directory, &options, &terminal.notices())?;
    store.head(&name)?.ok_or_else(missing)?;
    let footer = footer::read(&store, &name)?;
    if footer.is_empty() {
        return Err(Diagnostic::data(format!("`{file}` was not written by lockgate"))
            .cause("its footer says nothing of a pipeline"));
    }
    let mut text = facts(&[("file", file.to_owned())]);
    footer_text(&mut text, &footer);
    text += &facts(&[("more", "with `--pipeline`: when, by whom, with which config".into())]);
    Ok(text)
}

fn facts(lines: &[(&str, String)]) -> String {
    lines.iter().fold(String::new(), |mut text, (name, fact)| {
        let _ = writeln!(text, "{name:<12}{fact}");
        text
    })
}

fn footer_text(text: &mut String, footer: &BTreeMap<String, String>) {
    for (key, value) in footer {
        let name = key.trim_start_matches("lockgate.");
        match serde_json::from_str::<serde_json::Value>(value) {
            Ok(value) if value["files"].is_array() => {
                let paths = |list: &serde_json::Value| -> Vec<String> {
                    let paths = list.as_array().into_iter().flatten();
                    paths.filter_map(|path| path.as_str().map(String::from)).collect()
                };
                let count = value["count"].as_u64().unwrap_or_default();
                *text += &facts(&[(name, format!("{count} (of the whole micro-batch)"))]);
                listed(text, &paths(&value["files"]), count);
            }
            _ => *text += &facts(&[(name, value.clone())]),
        }
    }
}

fn listed(text: &mut String, paths: &[String], count: u64) {
    for path in paths.iter().take(SHOWN_PATHS) {
        let _ = writeln!(text, "  {path}");
    }
    let shown = paths.len().min(SHOWN_PATHS) as u64;
    if let Some(more @ 1..) = count.checked_sub(shown) {
        let _ = writeln!(text, "  and {more} more");
    }
}

fn output_text(output: &Output) -> Result<String> {
    let mut text = facts(&[("file", output.path.clone())]);
    let Some(recorded) = &output.recorded else {
        if output.footer.is_empty() {
            return Err(Diagnostic::config(format!(
                "`{}` is no file that this pipeline wrote",
                output.path
            ))
            .cause("no micro-batch that is still recorded names it")
            .hint("`lockgate checkpoint verify` tells of every such file in the table"));
        }
        footer_text(&mut text, &output.footer);
        let none = "none that is still recorded names this file; the above is what it says itself";
        text += &facts(&[("micro-batch", none.into())]);
        return Ok(text);
    };
    batch_text(&mut text, recorded);
    if let Some(replayed) = output.footer.get("lockgate.replayed") {
        text += &facts(&[("put back", replayed.clone())]);
    }
    let inputs: Vec<_> =
        recorded.offsets.files.iter().map(|file| shown_input(&file.path)).collect();
    text += &facts(&[("inputs", format!("{} (of the whole micro-batch)", inputs.len()))]);
    listed(&mut text, &inputs, inputs.len() as u64);
    Ok(text)
}

fn shown_input(path: &str) -> String {
    match RecordId::of_input_path(path) {
        Some(id) => format!("quarantined record: line {} of micro-batch {}", id.line, id.batch.0),
        None => path.to_owned(),
    }
}

fn batch_text(text: &mut String, recorded: &Recorded) {
    let Recorded { offsets, commit } = recorded;
    *text += &facts(&[
        ("micro-batch", offsets.batch.0.to_string()),
        ("begun", clock::utc(offsets.written_us)),
    ]);
    if let Some(commit) = commit {
        *text += &facts(&[
            ("committed", clock::utc(commit.written_us)),
            ("by", checkpoint::who(&commit.runner)),
        ]);
    }
    *text += &facts(&[("config", offsets.config_hash.clone())]);
    *text += &facts(&[("components", offsets.components.join(" "))]);
}

fn input_text(input: &Input, plan: &Plan) -> Result<String> {
    let (path, source) = (&input.path, &plan.source);
    let mut text = facts(&[("file", path.clone())]);
    let not_read = |why: String| facts(&[("not read", why)]);
    text += &match &input.fate {
        Fate::Consumed { recorded, changed, skipped, quarantined, put_back } => {
            let mut read = String::new();
            batch_text(&mut read, recorded);
            if *skipped {
                read += &not_read(
                    "it changed after its micro-batch was begun, and was left out".into(),
                );
            } else {
                let outputs: Vec<_> =
                    recorded.commit.iter().flat_map(|commit| &commit.files).collect();
                let outputs: Vec<_> = outputs.iter().map(|file| file.path.clone()).collect();
                read +=
                    &facts(&[("outputs", format!("{} (of the whole micro-batch)", outputs.len()))]);
                listed(&mut read, &outputs, outputs.len() as u64);
            }
            if *quarantined > 0 {
                read += &facts(&[(
                    "quarantined",
                    format!(
                        "{quarantined} of its records; see `lockgate quarantine show {} --batch {}`",
                        plan.text.path.display(),
                        recorded.offsets.batch.0
                    ),
                )]);
            }
            if !put_back.is_empty() {
                let batches: Vec<_> = put_back.iter().map(|batch| batch.0.to_string()).collect();
                let batches = format!("some of those, by micro-batch {}", batches.join(", "));
                read += &facts(&[("put back", batches)]);
            }
            if *changed {
                read += &facts(&[(
                    "changed",
                    "since it was read; a file is read once, so what changed is not in the table"
                        .into(),
                )]);
            }
            read
        }
        Fate::Forgotten => facts(&[(
            "read",
            "by a micro-batch whose records were dropped since (`checkpoint prune`)".into(),
        )]),
        Fate::Begun(batch) => {
            facts(&[("micro-batch", format!("{}, which is not committed yet", batch.0))])
        }
        Fate::Missing => {
            return Err(Diagnostic::config(format!("there is no file `{path}` in the source"))
                .cause(format!("and none of that path was read; the source is {}", source.root))
                .hint("name it as a path, or below the source's root"));
        }
        Fate::Unmatched => {
            not_read(format!("it does not match `{}` below {}", source.pattern, source.root))
        }
        Fate::Hidden => not_read(
            "a name of its path starts with `_` or `.`, and none of the pattern's does".into(),
        ),
        Fate::TooOld(behind) => not_read(format!(
            "it changed {} s before the newest file that was read, and `max_file_age` is {}",
            behind.as_secs(),
            TimeSpan(source.max_file_age.unwrap_or_default())
        )),
        Fate::SortsBefore(last) => not_read(format!(
            "`order = \"lexicographic\"` reads what sorts after `{last}`, which was read"
        )),
        Fate::Waiting => not_read("it is new: the next run reads it".into()),
    };
    Ok(text)
}
