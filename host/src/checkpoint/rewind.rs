//! Going back to an earlier micro-batch: what was committed after it never happened.
//!
//! Owns the order in which that is safe. An intent is recorded first; from then on every start
//! finishes the rewind before it looks at anything else, so the table is never left in
//! disagreement with the logs. Knows nothing of how files are read or written.
//!
//! | step | what | when stopped after it |
//! |---|---|---|
//! | 1 | create `rewind.json`, **the point of no return** | all below is done, again where it was |
//! | 2 | delete the files of the undone micro-batches from the table | |
//! | 3 | delete their records from the logs, the newest first, its outcome before its intent | |
//! | 4 | write what segments hold up to the last micro-batch that stays as segments of its own, and its records into the logs | |
//! | 5 | delete the wider segments, the newest first, consumed files before records | |
//! | 6 | delete `rewind.json` | it is over |

use super::{
    Checkpoint,
    history::{self, History},
    identity,
    layout::{COMMITS, Holding, OFFSETS, REWIND, record},
    log, seen, segment, this_runner,
    tiers::{Segment, Segments},
};
use crate::{
    clock,
    diagnostic::{Diagnostic, Result},
    storage::{Created, Storage},
    types::{BatchId, CommitRecord, OffsetRecord, Runner},
};
use serde::{Deserialize, Serialize};

/// How long a rewind is left to the process that began it, where no lock tells whether it is
/// still at it, in microseconds.
const LEFT_ALONE_US: i64 = 5 * 60 * 1_000_000;

/// INTENT: which micro-batches are undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewind {
    /// The last micro-batch that stays.
    pub to: BatchId,
    /// The last one that was committed.
    pub from: BatchId,
    /// Who wrote this record.
    pub runner: Runner,
    /// When, in microseconds since 1970.
    pub written_us: i64,
}

impl Rewind {
    /// Clocks may differ, so one of the future is as old as one of the past.
    fn is_young(&self) -> bool {
        clock::now_us().abs_diff(self.written_us) < LEFT_ALONE_US.unsigned_abs()
    }

    /// What to tell whoever starts next that it was finished.
    #[must_use]
    pub fn finished(&self) -> Diagnostic {
        let to = self.to.0;
        Diagnostic::storage(format!("finished the rewind to micro-batch {to} before anything else"))
            .cause(format!(
                "it was begun {} by {}",
                clock::utc(self.written_us),
                log::who(&self.runner)
            ))
    }
}

impl Checkpoint {
    /// As [`Self::finish_rewind`], for a start that nobody asked to go back: where no lock tells
    /// whether the process that began it is still at it, it is left to that for a while.
    ///
    /// # Errors
    /// Says until when; fails when a store refuses.
    pub fn finish_abandoned_rewind(&self, sink: &Storage) -> Result<Option<Rewind>> {
        match begun(&self.storage)? {
            Some(rewind) if !self.is_locked() && rewind.is_young() => {
                Err(under_way(&self.storage, &rewind))
            }
            _ => self.finish_rewind(sink),
        }
    }

    /// Finishes the rewind that an earlier process began, if it did; call it before the logs are
    /// observed. Gives what was finished.
    ///
    /// # Errors
    /// Fails when a store refuses; the next start goes on.
    pub fn finish_rewind(&self, sink: &Storage) -> Result<Option<Rewind>> {
        let Some(rewind) = begun(&self.storage)? else { return Ok(None) };
        // Its name may not have reached the disk yet.
        self.storage.settle("")?;
        identity::claim_table(&self.identity, sink, true)?;
        finish(&self.storage, sink, &rewind)?;
        Ok(Some(rewind))
    }

    /// Undoes every micro-batch after `to`: their files leave the table, their inputs are new
    /// again. Call it after the logs were observed; the checkpoint is then of no further use.
    ///
    /// # Errors
    /// Refuses when there is nothing to undo, or too much; fails when a store refuses. Once it
    /// was begun, the next start finishes it.
    pub fn rewind(self, sink: &Storage, to: BatchId) -> Result<()> {
        let from = self.next.and_then(|next| next.0.checked_sub(1)).map_or(BatchId(0), BatchId);
        check(&self.storage, to, from)?;
        let rewind = Rewind { to, from, runner: this_runner(), written_us: clock::now_us() };
        if self.storage.create(REWIND, &log::encode(&rewind)?)? == Created::Exists {
            return Err(unfinished(&self.storage, &rewind));
        }
        finish(&self.storage, sink, &rewind)
    }
}

/// The rewind that was begun and is not finished, if there is one.
pub(super) fn begun(storage: &Storage) -> Result<Option<Rewind>> {
    let text = storage.read(REWIND)?;
    text.map(|text| log::decode(storage, REWIND, &text)).transpose()
}

/// Why a start that would have to finish a rewind refuses instead.
pub(super) fn unfinished(storage: &Storage, rewind: &Rewind) -> Diagnostic {
    Diagnostic::storage(format!(
        "the checkpoint `{}` is on its way back to micro-batch {}",
        storage.root(),
        rewind.to.0
    ))
    .cause(format!("the rewind was begun by {}, and did not finish", log::who(&rewind.runner)))
    .hint("nothing has to be done by hand: the next `lockgate run` finishes it first")
}

/// Why a start leaves a rewind to the process that began it.
fn under_way(storage: &Storage, rewind: &Rewind) -> Diagnostic {
    let (to, until) = (rewind.to.0, clock::utc(rewind.written_us + LEFT_ALONE_US));
    Diagnostic::storage(format!(
        "the checkpoint `{}` is on its way back to micro-batch {to}",
        storage.root()
    ))
    .cause(format!(
        "the rewind was begun by {}, which may still be at it",
        log::who(&rewind.runner)
    ))
    .hint(format!("start again after {until}: a rewind that is not over by then is finished first"))
    .hint(format!(
        "if that process is gone, `checkpoint rewind --to {to} --yes` finishes it at once"
    ))
}

/// Makes sure that the checkpoint can be taken back to a micro-batch.
///
/// # Errors
/// Names the earliest one that is possible where this one is not.
pub(super) fn check(storage: &Storage, to: BatchId, last: BatchId) -> Result<()> {
    if to >= last {
        let message = format!("there is nothing to undo after micro-batch {}", to.0);
        return Err(Diagnostic::config(message)
            .cause(format!("micro-batch {} is the last committed one", last.0)));
    }
    let history = Segments::list(storage, Holding::Records)?;
    let seen = Segments::list(storage, Holding::ConsumedFiles)?;
    let oldest = history.live.first().map_or(BatchId(0), |segment| segment.first);
    let is_possible = |to: BatchId| {
        let records = Some(to) > history.upto() || to > oldest || oldest == BatchId(0);
        let consumed = holder(&seen, to).is_none_or(|segment| segment.first >= oldest);
        records && consumed
    };
    if is_possible(to) {
        return Ok(());
    }
    let starts = seen.live.iter().map(|segment| segment.first).chain([
        oldest,
        oldest.next(),
        seen.upto().map_or(BatchId(0), BatchId::next),
        history.upto().map_or(BatchId(0), BatchId::next),
    ]);
    let earliest = starts.filter(|to| is_possible(*to)).min().unwrap_or(last);
    Err(Diagnostic::config(format!("micro-batch {} is too long ago to go back to", to.0))
        .cause("records of older micro-batches were dropped from the history")
        .hint(format!("the earliest possible one is `--to {}`", earliest.0)))
}

/// Carries out a rewind, from wherever an earlier attempt had stopped.
///
/// # Errors
/// Fails when a store refuses; doing it again goes on.
fn finish(storage: &Storage, sink: &Storage, rewind: &Rewind) -> Result<()> {
    match carry_out(storage, sink, rewind) {
        Err(failure) if begun(storage)?.as_ref() == Some(rewind) => Err(failure),
        // Otherwise another process carried it out meanwhile.
        _ => Ok(()),
    }
}

fn carry_out(storage: &Storage, sink: &Storage, rewind: &Rewind) -> Result<()> {
    delete_files(storage, sink, rewind)?;
    delete_records(storage, rewind)?;
    shorten(storage, rewind)?;
    delete(storage, rewind, storage, REWIND)
}

/// Deletes a file, unless another process carried out the rewind meanwhile: the file may then be
/// one that was made after it.
fn delete(storage: &Storage, rewind: &Rewind, from: &Storage, path: &str) -> Result<()> {
    still(storage, rewind)?;
    from.delete(path)
}

/// Makes sure that the rewind is still to be carried out.
fn still(storage: &Storage, rewind: &Rewind) -> Result<()> {
    match begun(storage)? {
        Some(found) if found == *rewind => Ok(()),
        _ => Err(Diagnostic::storage(format!(
            "another process finished the rewind to micro-batch {}",
            rewind.to.0
        ))),
    }
}

fn delete_files(storage: &Storage, sink: &Storage, rewind: &Rewind) -> Result<()> {
    let mut history = History::open(storage)?;
    for recorded in history.from(rewind.to.next()) {
        let Some(commit) = recorded?.commit else { continue };
        for file in commit.files.iter().chain(&commit.quarantine_file) {
            delete(storage, rewind, sink, &file.path)?;
        }
    }
    // Only these may have pending files: the last outcome may not be wholly published.
    for batch in [rewind.from, rewind.from.next()] {
        still(storage, rewind)?;
        sink.discard(batch)?;
    }
    Ok(())
}

fn delete_records(storage: &Storage, rewind: &Rewind) -> Result<()> {
    let mut batches = log::batches::<OffsetRecord>(storage)?;
    batches.extend(log::batches::<CommitRecord>(storage)?);
    batches.sort_unstable();
    batches.dedup();
    for batch in batches.into_iter().rev().take_while(|batch| *batch > rewind.to) {
        delete(storage, rewind, storage, &record(COMMITS, batch))?;
        delete(storage, rewind, storage, &record(OFFSETS, batch))?;
    }
    Ok(())
}

/// Leaves segments of what was before `to` alone, and its own records in the logs.
fn shorten(storage: &Storage, rewind: &Rewind) -> Result<()> {
    let to = rewind.to;
    let records = Segments::list(storage, Holding::Records)?;
    let consumed = Segments::list(storage, Holding::ConsumedFiles)?;
    // Once the wide segment of records is gone, the narrow ones were written.
    if let Some(wide) = holder(&records, to) {
        if let Some(seen) = holder(&consumed, to).filter(|seen| seen.first < to) {
            let mut entries = Vec::new();
            let mut history = History::open(storage)?;
            for recorded in history.from(seen.first) {
                let offsets = recorded?.offsets;
                if offsets.batch >= to {
                    break;
                }
                entries.extend(offsets.consumed().map(seen::Entry::of));
            }
            segment::write(storage, seen.first, BatchId(to.0 - 1), entries)?;
        }
        still(storage, rewind)?;
        let (offsets, commit) = history::shorten(storage, wide, to)?;
        still(storage, rewind)?;
        storage.create(&record(OFFSETS, to), &offsets)?;
        storage.create(&record(COMMITS, to), &commit)?;
    }
    delete_wide(storage, consumed, rewind)?;
    delete_wide(storage, records, rewind)
}

fn delete_wide(storage: &Storage, segments: Segments, rewind: &Rewind) -> Result<()> {
    let newest_first = segments.live.into_iter().rev();
    for segment in segments.replaced.into_iter().chain(newest_first) {
        if segment.last >= rewind.to {
            delete(storage, rewind, storage, &segment.path())?;
        }
    }
    Ok(())
}

/// The segment that holds a micro-batch.
fn holder(segments: &Segments, batch: BatchId) -> Option<Segment> {
    let holds = |segment: &&Segment| segment.first <= batch && batch <= segment.last;
    segments.live.iter().find(holds).copied()
}
