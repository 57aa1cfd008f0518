//! Dropping what is kept of old micro-batches only to look back at them.
//!
//! Owns what may go: the oldest segments of records, components and texts of records that no
//! micro-batch names which is still recorded. Never goes what a start needs: both logs, the newest
//! segment of records, every segment of consumed files, and what the last micro-batches ran with.

use super::{
    Checkpoint,
    history::History,
    layout::{Holding, PLUGINS, REPLAYS},
    tiers::{Segment, Segments},
};
use crate::{
    clock,
    diagnostic::Result,
    storage::Storage,
    types::{BatchId, OffsetRecord},
};
use std::collections::HashSet;

/// Younger files stay, whether a record names them or not: the record may follow.
const YOUNG_US: i64 = 3_600 * 1_000_000;

/// What there is to drop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prunable {
    /// Segments of records, the oldest first: path, and micro-batches in it.
    pub segments: Vec<(String, (BatchId, BatchId))>,
    /// Components that are not named any more.
    pub components: Vec<String>,
    /// Texts of records that were put back by micro-batches that are not recorded any more.
    pub replays: Vec<String>,
    /// Size of all that.
    pub bytes: u64,
    /// The oldest micro-batch that stays recorded.
    pub oldest: Option<BatchId>,
}

impl Prunable {
    /// What can go of micro-batches that were committed before a time, in microseconds since
    /// 1970.
    ///
    /// # Errors
    /// Fails when a record is damaged, and when the store refuses.
    pub fn before(storage: &Storage, time_us: i64) -> Result<Self> {
        let mut prunable = Self::default();
        let segments = Segments::list(storage, Holding::Records)?.live;
        for segment in &segments[..segments.len().saturating_sub(1)] {
            let last = History::open(storage)?.find(segment.last)?;
            let commit = last.and_then(|recorded| recorded.commit);
            if commit.is_none_or(|commit| commit.written_us >= time_us) {
                break;
            }
            prunable.segment(segment);
        }
        let kept = prunable.segments.last().map(|(_, (_, last))| last.next());
        prunable.unnamed(storage, kept.unwrap_or(BatchId(0)))?;
        Ok(prunable)
    }

    /// Whether there is nothing to drop.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.components.is_empty() && self.replays.is_empty()
    }

    fn segment(&mut self, segment: &Segment) {
        self.segments.push((segment.path(), (segment.first, segment.last)));
        self.bytes += segment.size_bytes;
    }

    /// Finds what no micro-batch from `kept` on names.
    fn unnamed(&mut self, storage: &Storage, kept: BatchId) -> Result<()> {
        let young_us = clock::now_us() - YOUNG_US;
        // Listed before the records are read: what a record names later is young.
        let listed = [PLUGINS, REPLAYS].map(|directory| storage.list(directory));
        let mut named = HashSet::new();
        let mut history = History::open(storage)?;
        self.oldest = history.first().map(|first| first.max(kept));
        for recorded in history.from(kept) {
            let OffsetRecord { components, replay, .. } = recorded?.offsets;
            named.extend(components);
            named.extend(replay);
        }
        let [components, replays] = listed;
        for (found, unnamed) in [(components?, &mut self.components), (replays?, &mut self.replays)]
        {
            for meta in found {
                let name = meta.path.rsplit('/').next().and_then(|name| name.split('.').next());
                let is_named = name.is_some_and(|sha256| named.contains(sha256));
                if !is_named && meta.modified_us < young_us {
                    self.bytes += meta.size_bytes;
                    unnamed.push(meta.path);
                }
            }
        }
        Ok(())
    }
}

impl Checkpoint {
    /// Drops what can go; call it after the logs were observed. Stopped anywhere, the checkpoint
    /// is as good as before, with less in it.
    ///
    /// # Errors
    /// Fails when a record is damaged, and when the store refuses.
    pub fn prune(&self, time_us: i64) -> Result<Prunable> {
        let prunable = Prunable::before(&self.storage, time_us)?;
        // The oldest records first, so that none is missing among others.
        let segments = prunable.segments.iter().map(|(path, _)| path);
        for path in segments.chain(&prunable.components).chain(&prunable.replays) {
            self.storage.delete(path)?;
        }
        Ok(prunable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Recovery, Written, fixture, hex_sha256, rewind, tiers::Tiers};
    use std::sync::Arc;

    /// A checkpoint of so many micro-batches, each in a segment of its own but the last two.
    fn segmented(storage: &Storage, batches: u64) -> Checkpoint {
        let tiers = Tiers { batches: 1, fan_out: 100, ..Tiers::default() };
        let mut checkpoint = Checkpoint::open_with(Arc::clone(storage), "p", tiers).unwrap();
        checkpoint.observe().unwrap();
        for batch in 0..batches {
            let mut offsets = fixture::offsets(batch, &[&format!("f{batch}")]);
            let component = format!("component {}", batch / 4);
            let digest = hex_sha256(component.as_bytes());
            checkpoint.store_component(&digest, component.as_bytes()).unwrap();
            offsets.components = vec![digest];
            checkpoint.write_offsets(&offsets).unwrap();
            let mut commit = fixture::commit(batch, Vec::new());
            commit.written_us = 1_000 * batch as i64;
            checkpoint.write_commit(Written::verify(commit, &**storage).unwrap()).unwrap();
            checkpoint.compact().unwrap();
        }
        checkpoint
    }

    /// Makes every file look older than young.
    fn age(directory: &std::path::Path) {
        let old = std::time::SystemTime::now() - std::time::Duration::from_hours(2);
        for name in ["plugins", "replays"] {
            for entry in std::fs::read_dir(directory.join(name)).into_iter().flatten() {
                let file = std::fs::File::options().write(true).open(entry.unwrap().path());
                file.unwrap().set_modified(old).unwrap();
            }
        }
    }

    #[test]
    fn old_records_go_with_what_only_they_name_and_a_start_misses_nothing() {
        let (temp, storage) = fixture::storage();
        let checkpoint = segmented(&storage, 10);
        assert_eq!(storage.list("history").unwrap().len(), 9);
        let young = Prunable::before(&storage, 5_500).unwrap();
        assert_eq!((young.segments.len(), young.components.len()), (6, 0));
        age(temp.path());
        let prunable = Prunable::before(&storage, 5_500).unwrap();
        // Micro-batches 4 to 7 share a component, which 6 and 7 still name.
        assert_eq!((prunable.segments.len(), prunable.components.len()), (6, 1));
        assert_eq!(prunable.oldest, Some(BatchId(6)));
        assert_eq!(storage.list("history").unwrap().len(), 9, "looking changes nothing");
        assert_eq!(checkpoint.prune(5_500).unwrap(), prunable);
        assert_eq!(checkpoint.prune(5_500).unwrap().segments, []);
        drop(checkpoint);
        let mut checkpoint = Checkpoint::open(Arc::clone(&storage), "p").unwrap();
        let Recovery::Resume { publish, .. } = checkpoint.observe().unwrap() else { panic!() };
        assert_eq!((publish.batch, checkpoint.seen().len()), (BatchId(9), 10));
        assert_eq!(History::open(&storage).unwrap().first(), Some(BatchId(6)));
    }

    #[test]
    fn the_newest_segment_stays_whatever_its_age() {
        let (_temp, storage) = fixture::storage();
        let checkpoint = segmented(&storage, 10);
        assert_eq!(checkpoint.prune(i64::MAX).unwrap().segments.len(), 8);
        drop(checkpoint);
        Checkpoint::open(storage, "p").unwrap().observe().unwrap();
    }

    #[test]
    fn a_rewind_to_what_was_dropped_names_the_earliest_that_is_possible() {
        let (_temp, storage) = fixture::storage();
        let checkpoint = segmented(&storage, 10);
        checkpoint.prune(5_500).unwrap();
        let refusal = rewind::check(&storage, BatchId(3), BatchId(9)).unwrap_err();
        assert_eq!(refusal.hints, ["the earliest possible one is `--to 7`"]);
        let refusal = rewind::check(&storage, BatchId(6), BatchId(9)).unwrap_err();
        assert_eq!(refusal.hints, ["the earliest possible one is `--to 7`"]);
        checkpoint.rewind(&storage, BatchId(7)).unwrap();
        let mut checkpoint = Checkpoint::open(Arc::clone(&storage), "p").unwrap();
        let Recovery::Resume { publish, .. } = checkpoint.observe().unwrap() else { panic!() };
        assert_eq!((publish.batch, checkpoint.seen().len()), (BatchId(7), 8));
    }
}
