//! The records of any micro-batch, whether they are still in the logs or in segments by now.
//!
//! Owns reading them, from outside and while the pipeline may be running: records that move
//! meanwhile are found where they went. What is damaged is named. Memory is bounded by one
//! segment as stored and the records of one micro-batch.

mod segment;
#[cfg(test)]
mod tests;

pub(super) use segment::{Builder, merge, shorten};

use super::{
    layout::Holding,
    log,
    tiers::{Segment, Segments},
};
use crate::{
    diagnostic::Result,
    storage::Storage,
    types::{BatchId, CommitRecord, OffsetRecord},
};
use segment::Lines;

/// What is recorded of a micro-batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What it read.
    pub offsets: OffsetRecord,
    /// What came of it; `None`: it was begun and is not committed.
    pub commit: Option<CommitRecord>,
}

/// The records of a checkpoint.
#[derive(Debug)]
pub struct History {
    storage: Storage,
    /// Micro-batches in the offset log when it was listed, ascending.
    log: Vec<BatchId>,
    segments: Segments,
}

impl History {
    /// Looks at what there is; reads no record.
    ///
    /// # Errors
    /// Fails when a segment is missing among others, and when the store refuses.
    pub fn open(storage: &Storage) -> Result<Self> {
        // The log first: what leaves it after this is in a segment.
        let log = log::batches::<OffsetRecord>(storage)?;
        let segments = Segments::list(storage, Holding::Records)?;
        Ok(Self { storage: Storage::clone(storage), log, segments })
    }

    /// The oldest micro-batch with records; `None` when none was begun.
    pub fn first(&self) -> Option<BatchId> {
        let oldest = self.segments.live.first().map(|segment| segment.first);
        oldest.or(self.log.first().copied())
    }

    /// The newest micro-batch with records; `None` when none was begun.
    pub fn last(&self) -> Option<BatchId> {
        self.log.last().copied().max(self.segments.upto())
    }

    /// The records of a micro-batch; `None` when it was not begun, or they were dropped. A
    /// segment is read as a whole, so that damage to it is noticed.
    ///
    /// # Errors
    /// Fails when what holds them is damaged or missing, and when the store refuses.
    pub fn find(&mut self, batch: BatchId) -> Result<Option<Recorded>> {
        if self.first().is_none_or(|first| batch < first) {
            return Ok(None);
        }
        let mut records = self.from(batch);
        let found = records.next().transpose()?;
        while let Some(lines) = &mut records.lines
            && lines.pair()?.is_some()
        {}
        Ok(found)
    }

    /// The records of this micro-batch and all later ones, ascending. The last item of a
    /// segment comes before the segment turns out to be whole; if it is not, an error follows
    /// and ends the iteration.
    pub fn from(&mut self, batch: BatchId) -> Records<'_> {
        let next = self.first().map_or(batch, |first| batch.max(first));
        Records { history: self, lines: None, next, failed: false }
    }

    fn segment_of(&self, batch: BatchId) -> Option<Segment> {
        let live = &self.segments.live;
        let at = live.partition_point(|segment| segment.last < batch);
        live.get(at).filter(|segment| segment.first <= batch).copied()
    }

    /// Looks at the segments again; true when there are others than before.
    fn look_again(&mut self) -> Result<bool> {
        let now = Segments::list(&self.storage, Holding::Records)?;
        let changed = now != self.segments;
        self.segments = now;
        Ok(changed)
    }
}

/// Records in ascending order; see [`History::from`].
pub struct Records<'a> {
    history: &'a mut History,
    lines: Option<Lines>,
    next: BatchId,
    failed: bool,
}

impl Records<'_> {
    fn advance(&mut self) -> Result<Option<Recorded>> {
        loop {
            if let Some(lines) = &mut self.lines {
                if let Some((offsets, commit)) = lines.pair()? {
                    return self.decode(&offsets, &commit).map(Some);
                }
                self.lines = None;
            }
            if let Some(segment) = self.history.segment_of(self.next) {
                self.open(segment)?;
                continue;
            }
            if self.history.last().is_none_or(|last| self.next > last) {
                return Ok(None);
            }
            if let Some(logged) = self.logged()? {
                self.next = self.next.next();
                return Ok(Some(logged));
            }
        }
    }

    /// Opens a segment at the next micro-batch, or looks where it went.
    fn open(&mut self, segment: Segment) -> Result<()> {
        let Some(mut lines) = Lines::open(&self.history.storage, segment)? else {
            if self.history.look_again()? {
                return Ok(());
            }
            return Err(segment.gone(&self.history.storage));
        };
        for _ in segment.first.0..self.next.0 {
            lines.pair()?;
        }
        self.lines = Some(lines);
        Ok(())
    }

    /// What the logs say of the next micro-batch; `None` when that is in a segment by now.
    fn logged(&mut self) -> Result<Option<Recorded>> {
        let Self { history, next, .. } = self;
        let offsets = log::find::<OffsetRecord>(&history.storage, *next)?;
        let commit = log::find::<CommitRecord>(&history.storage, *next)?;
        if offsets.is_none() || commit.is_none() {
            history.look_again()?;
            if history.segment_of(*next).is_some() {
                return Ok(None);
            }
        }
        match offsets {
            Some((offsets, _)) => Ok(Some(Recorded { offsets, commit: commit.map(|(c, _)| c) })),
            None => Err(log::gone::<OffsetRecord>(&history.storage, *next)),
        }
    }

    fn decode(&mut self, offsets: &[u8], commit: &[u8]) -> Result<Recorded> {
        let (storage, batch) = (&self.history.storage, self.next);
        let path = self.history.segment_of(batch).map_or_else(String::new, |s| s.path());
        self.next = batch.next();
        Ok(Recorded {
            offsets: log::decode_of(storage, &path, batch, offsets)?,
            commit: Some(log::decode_of(storage, &path, batch, commit)?),
        })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Recorded>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.advance().transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}
