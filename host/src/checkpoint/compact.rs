//! Old records move out of the logs, so that start-up reads a bounded number of files.
//!
//! Owns what is moved and when: both records of a micro-batch into `history/`, the files it
//! consumed into `seen/`, small segments into larger ones. Every segment is durable before
//! anything it replaces is deleted; what a crash leaves undeleted is ignored and deleted later.

use super::{
    history,
    layout::{COMMITS, Holding, OFFSETS, record},
    log, seen, segment,
    tiers::{Segment, Segments, Tiers},
};
use crate::{
    diagnostic::Result,
    storage::Storage,
    types::{BatchId, CommitRecord, OffsetRecord},
};
use std::collections::VecDeque;

/// The segments of a checkpoint, and what they replace.
#[derive(Debug)]
pub(super) struct Compaction {
    tiers: Tiers,
    /// Segments of both logs' records.
    pub(super) history: Segments,
    /// Segments of consumed files.
    pub(super) seen: Segments,
    /// Files that a segment replaces, in the order in which they go. Records go in ascending
    /// order: while the commit of a micro-batch is there, so is every later one.
    leftovers: VecDeque<String>,
}

impl Compaction {
    /// Before anything was looked at.
    pub(super) fn new(tiers: Tiers) -> Self {
        let (history, seen) =
            (Segments::none(Holding::Records), Segments::none(Holding::ConsumedFiles));
        Self { tiers, history, seen, leftovers: VecDeque::new() }
    }

    /// Looks at the segments there are.
    pub(super) fn observe(&mut self, storage: &Storage) -> Result<()> {
        self.history = Segments::list(storage, Holding::Records)?;
        self.seen = Segments::list(storage, Holding::ConsumedFiles)?;
        let replaced = self.history.replaced.iter().chain(&self.seen.replaced);
        self.leftovers = replaced.map(Segment::path).collect();
        Ok(())
    }

    /// The last micro-batch that left the logs: its records and consumed files are in segments.
    pub(super) fn upto(&self) -> Option<BatchId> {
        Option::zip(self.history.upto(), self.seen.upto()).map(|(a, b)| a.min(b))
    }

    /// Notes the records of a micro-batch that left the logs as still there.
    pub(super) fn left_over(&mut self, log: &str, batch: BatchId) {
        self.leftovers.push_back(record(log, batch));
    }

    /// Moves what is due, where `next` is the micro-batch to begin next.
    ///
    /// # Errors
    /// Fails when the store refuses; the checkpoint is as good as before.
    pub(super) fn run(&mut self, storage: &Storage, next: BatchId) -> Result<()> {
        self.delete_leftovers(storage)?;
        // A runner that stands still in a merge may yet write what it was about to: this one makes
        // the same of the same segments first, so that all later ones hold it as a whole.
        self.merge(storage, Holding::Records)?;
        self.merge(storage, Holding::ConsumedFiles)?;
        loop {
            let first = self.upto().map_or(BatchId(0), BatchId::next);
            if next.0 < first.0 + 2 * self.tiers.batches {
                return Ok(());
            }
            self.cut(storage, first, BatchId(first.0 + self.tiers.batches - 1))?;
            self.merge(storage, Holding::Records)?;
            self.merge(storage, Holding::ConsumedFiles)?;
        }
    }

    /// Cuts segments up to `last`. A crash between the two leaves the one ahead of the other,
    /// so each goes on from where it stands.
    fn cut(&mut self, storage: &Storage, first: BatchId, last: BatchId) -> Result<()> {
        let start = |segments: &Segments| segments.upto().map_or(first, BatchId::next);
        let batches = |first: BatchId| (first.0..=last.0).map(BatchId);
        let from = start(&self.history);
        if from <= last {
            let mut records = history::Builder::new(from)?;
            for batch in batches(from) {
                let offsets = log::read_text::<OffsetRecord>(storage, batch)?;
                records.push(&offsets, &log::read_text::<CommitRecord>(storage, batch)?)?;
            }
            self.history.live.push(records.write(storage)?);
        }
        let from = start(&self.seen);
        if from <= last {
            let mut entries = Vec::new();
            for batch in batches(from) {
                let offsets: OffsetRecord = log::read(storage, batch)?;
                entries.extend(offsets.consumed().map(seen::Entry::of));
            }
            self.seen.live.push(segment::write(storage, from, last, entries)?);
        }
        for batch in batches(first) {
            self.left_over(OFFSETS, batch);
            self.left_over(COMMITS, batch);
        }
        self.delete_leftovers(storage)
    }

    fn merge(&mut self, storage: &Storage, holding: Holding) -> Result<()> {
        let tiers = self.tiers;
        loop {
            let segments = match holding {
                Holding::Records => &mut self.history,
                Holding::ConsumedFiles => &mut self.seen,
            };
            let Some(due) = segments.due(tiers) else { return Ok(()) };
            let merged = match holding {
                Holding::Records => history::merge(storage, due)?,
                Holding::ConsumedFiles => segment::merge(storage, due)?,
            };
            let kept = segments.live.len() - due.len();
            let replaced = segments.live.split_off(kept);
            segments.live.push(merged);
            self.leftovers.extend(replaced.iter().map(Segment::path));
            self.delete_leftovers(storage)?;
        }
    }

    fn delete_leftovers(&mut self, storage: &Storage) -> Result<()> {
        while let Some(leftover) = self.leftovers.front() {
            storage.delete(leftover)?;
            self.leftovers.pop_front();
        }
        Ok(())
    }
}
