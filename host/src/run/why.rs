//! Where a file of the table came from, and what became of an input file.
//!
//! Owns the search; changes nothing, and works while the pipeline runs.

use super::Stores;
use crate::{
    checkpoint::{
        self,
        history::{History, Recorded},
    },
    diagnostic::Result,
    pipeline::plan::{Order, Plan},
    sink::{footer, quarantine, rejected::Lines},
    source::pattern::Pattern,
    storage::local::name,
    types::{BatchId, InputFile, Position, RecordId, Sighting},
};
use std::{collections::BTreeMap, time::Duration};

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is a file of the table, or a quarantine.
    Output(Box<Output>),
    /// It is a file of the source, or would be one.
    Input(Input),
}

/// Where a file of the table came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its path below the table.
    pub path: String,
    /// The micro-batch in its name.
    pub batch: Option<BatchId>,
    /// What is recorded of that micro-batch, if it names the file.
    pub recorded: Option<Recorded>,
    /// What its own footer says: keys that start with `lockgate.`.
    pub footer: BTreeMap<String, String>,
}

/// What became of an input file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its path below the source.
    pub path: String,
    /// The file as it is now.
    pub now: Option<InputFile>,
    /// Whether it was read.
    pub fate: Fate,
}

/// Whether an input file was read, and if not, why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A micro-batch consumed it.
    Consumed {
        /// What is recorded of that.
        recorded: Box<Recorded>,
        /// Whether the file changed, or is gone, since.
        changed: bool,
        /// Whether it was left out, because it changed before it could be read.
        skipped: bool,
        /// Records of it in the quarantine of the micro-batch.
        quarantined: u64,
        /// Micro-batches that put such records back.
        put_back: Vec<BatchId>,
    },
    /// It was consumed by a micro-batch whose records were dropped.
    Forgotten,
    /// A micro-batch was begun that reads it.
    Begun(BatchId),
    /// There is no such file.
    Missing,
    /// Its path does not match the source's pattern.
    Unmatched,
    /// A name of its path starts with `_` or `.`.
    Hidden,
    /// It changed this long before the newest file that was read.
    TooOld(Duration),
    /// Its path does not sort after the last one that was read.
    SortsBefore(String),
    /// The next micro-batches will read it.
    Waiting,
}

/// Looks for a file: named as a path, a URL, or below the table's or the source's root.
///
/// # Errors
/// Fails when a record is damaged, and when a store refuses.
pub fn why(plan: &Plan, stores: &Stores, file: &str) -> Result<Why> {
    if let Some(path) = below(&plan.sink.root, file) {
        return output(stores, path);
    }
    if let Some(path) = below(&plan.source.root, file) {
        return input(plan, stores, path);
    }
    let is_output = stores.sink.head(file)?.is_some() || batch_of(file).is_some();
    if is_output && stores.source.head(file)?.is_none() {
        return output(stores, file.to_owned());
    }
    input(plan, stores, file.to_owned())
}

/// The path of a file below a root.
fn below(root: &str, file: &str) -> Option<String> {
    let rest = |file: &str| {
        let rest = file.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/')?;
        Some(rest.to_owned())
    };
    if file.contains("://") {
        return rest(file);
    }
    let absolute = std::path::absolute(name::of_text(file)?).ok()?;
    rest(&name::as_text(absolute.as_os_str()))
}

/// The micro-batch in the name of a file of the table, or of a quarantine.
fn batch_of(path: &str) -> Option<BatchId> {
    let name = path.rsplit('/').next()?;
    let number = match name.strip_prefix("part-") {
        Some(rest) => rest.split_once('-')?.0,
        None => path.strip_prefix(quarantine::DIRECTORY)?.strip_prefix('/')?.split_once('.')?.0,
    };
    Some(BatchId(number.parse().ok()?))
}

fn output(stores: &Stores, path: String) -> Result<Why> {
    let batch = batch_of(&path);
    let names = |recorded: &Recorded| {
        let commit = recorded.commit.as_ref();
        commit.is_some_and(|commit| {
            commit.files.iter().chain(&commit.quarantine_file).any(|file| file.path == path)
        })
    };
    let mut recorded = None;
    if let Some(batch) = batch {
        recorded = History::open(&stores.checkpoint)?.find(batch)?.filter(names);
    }
    let is_parquet = path.ends_with(".parquet") && stores.sink.head(&path)?.is_some();
    let footer = if is_parquet { footer::read(&stores.sink, &path)? } else { BTreeMap::new() };
    Ok(Why::Output(Box::new(Output { path, batch, recorded, footer })))
}

fn input(plan: &Plan, stores: &Stores, path: String) -> Result<Why> {
    let now = stores.source.head(&path)?.map(InputFile::from);
    let fate = match read_by(stores, &path, now.as_ref())? {
        Some(fate) => fate,
        None => unread(plan, stores, &path, now.as_ref())?,
    };
    Ok(Why::Input(Input { path, now, fate }))
}

/// What became of a file that was consumed, or is about to be.
fn read_by(stores: &Stores, path: &str, now: Option<&InputFile>) -> Result<Option<Fate>> {
    let any = InputFile { path: path.into(), size_bytes: 0, modified_us: 0, etag: None };
    let sighting = checkpoint::consumed(&stores.checkpoint)?.sighting(now.unwrap_or(&any));
    let begun = checkpoint::survey(&stores.checkpoint)?.begun;
    if let Some(begun) = begun.filter(|begun| begun.files.iter().any(|file| file.path == path)) {
        return Ok(Some(Fate::Begun(begun.batch)));
    }
    if sighting == Sighting::New {
        return Ok(None);
    }
    let mut history = History::open(&stores.checkpoint)?;
    let Some(first) = history.first() else { return Ok(Some(Fate::Forgotten)) };
    let mut consumed: Option<(Recorded, Vec<RecordId>)> = None;
    let mut put_back = Vec::new();
    for recorded in history.from(first) {
        let recorded = recorded?;
        let offsets = &recorded.offsets;
        if let Some((_, rejected)) = &consumed {
            let is_one = |file: &InputFile| {
                RecordId::of_input_path(&file.path).is_some_and(|id| rejected.contains(&id))
            };
            if offsets.replay.is_some() && offsets.files.iter().any(is_one) {
                put_back.push(offsets.batch);
            }
        } else if offsets.files.iter().any(|file| file.path == path) {
            let rejected = rejected_of(stores, &recorded, path)?;
            consumed = Some((recorded, rejected));
        }
    }
    let Some((recorded, rejected)) = consumed else { return Ok(Some(Fate::Forgotten)) };
    let skipped = recorded.commit.as_ref().is_some_and(|c| c.skipped.iter().any(|s| s == path));
    Ok(Some(Fate::Consumed {
        recorded: Box::new(recorded),
        changed: sighting == Sighting::Changed && now.is_some(),
        skipped,
        quarantined: rejected.len() as u64,
        put_back,
    }))
}

/// The records of a file that its micro-batch rejected.
fn rejected_of(stores: &Stores, recorded: &Recorded, path: &str) -> Result<Vec<RecordId>> {
    let has = recorded.commit.as_ref().is_some_and(|commit| commit.quarantine_file.is_some());
    let batch = recorded.offsets.batch;
    if !has || stores.sink.head(&quarantine::path(batch))?.is_none() {
        return Ok(Vec::new());
    }
    let mut rejected = Vec::new();
    for record in Lines::open(&stores.sink, batch)? {
        let record = record?;
        if record.rejected.file == path {
            rejected.push(record.id);
        }
    }
    Ok(rejected)
}

/// Why a file was not read.
fn unread(plan: &Plan, stores: &Stores, path: &str, now: Option<&InputFile>) -> Result<Fate> {
    let Some(now) = now else { return Ok(Fate::Missing) };
    let pattern = Pattern::new(&plan.source.pattern)?;
    if pattern.hides(path) {
        return Ok(Fate::Hidden);
    }
    if !pattern.matches(path) {
        return Ok(Fate::Unmatched);
    }
    let Some(position) = position(stores)? else { return Ok(Fate::Waiting) };
    if plan.source.order == Order::Lexicographic && path <= position.path.as_str() {
        return Ok(Fate::SortsBefore(position.path));
    }
    let behind_us = u64::try_from(position.modified_us - now.modified_us).unwrap_or(0);
    let behind = Duration::from_micros(behind_us);
    Ok(match plan.source.max_file_age {
        Some(age) if behind > age => Fate::TooOld(behind),
        _ => Fate::Waiting,
    })
}

/// How far the source was read.
fn position(stores: &Stores) -> Result<Option<Position>> {
    let Some(last) = checkpoint::survey(&stores.checkpoint)?.last_commit else { return Ok(None) };
    let recorded = History::open(&stores.checkpoint)?.find(last.batch)?;
    Ok(recorded.and_then(|recorded| recorded.offsets.position))
}
