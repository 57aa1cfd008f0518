//! Segments: files that each hold something of a range of micro-batches, in tiers of size.
//!
//! Owns which segments are live, and when they are cut and merged; knows nothing of what they
//! hold. A segment is never changed: the records it replaces, or the smaller segments, are
//! deleted after it is durable, and ignored where a crash left them.

use super::layout::Holding;
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::Storage,
    types::BatchId,
};

/// Records that take no more than this are rewritten at no cost to speak of.
const SMALL_BYTES: u64 = 4 << 10;

/// When segments are cut and merged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiers {
    /// Micro-batches of a new segment; as many again stay in the logs.
    pub(super) batches: u64,
    /// At least this many segments are merged into one.
    pub(super) fan_out: usize,
    /// Merged segments of consumed files do not grow beyond this size.
    pub(super) max_seen_bytes: u64,
    /// Merged segments of records do not grow beyond this size.
    pub(super) max_history_bytes: u64,
}

impl Default for Tiers {
    fn default() -> Self {
        Self { batches: 64, fan_out: 8, max_seen_bytes: 32 << 20, max_history_bytes: 8 << 20 }
    }
}

impl Tiers {
    fn max_bytes(&self, holding: Holding) -> u64 {
        match holding {
            Holding::Records => self.max_history_bytes,
            Holding::ConsumedFiles => self.max_seen_bytes,
        }
    }
}

/// A segment as listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) holding: Holding,
    pub(super) first: BatchId,
    pub(super) last: BatchId,
    pub(super) size_bytes: u64,
}

/// What a directory of segments holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segments {
    /// What they hold.
    holding: Holding,
    /// Those in use, ascending and without a gap: from micro-batch 0 on, except that the oldest
    /// records may have been dropped. Neighbours may hold the same micro-batches.
    pub(super) live: Vec<Segment>,
    /// Those that a wider one replaces.
    pub(super) replaced: Vec<Segment>,
}

impl Segment {
    pub(super) fn path(&self) -> String {
        self.holding.path(self.first, self.last)
    }

    /// What decides how it stands to others. Small ones count alike, however well each was
    /// compressed, so that short runs of the same pipeline merge alike.
    fn weight(&self) -> u64 {
        match self.holding {
            Holding::Records => self.size_bytes.max(SMALL_BYTES),
            Holding::ConsumedFiles => self.size_bytes,
        }
    }

    /// The refusal where it should be and is not.
    pub(super) fn gone(&self, storage: &Storage) -> Diagnostic {
        Diagnostic::storage(format!("`{}/{}` is gone", storage.root(), self.path()))
            .hint("put back the checkpoint as a whole from one copy")
    }
}

impl Segments {
    /// No segments.
    pub(super) fn none(holding: Holding) -> Self {
        Self { holding, live: Vec::new(), replaced: Vec::new() }
    }

    /// Lists the segments of a checkpoint.
    pub(super) fn list(storage: &Storage, holding: Holding) -> Result<Self> {
        let listed = storage.list(holding.directory())?.into_iter().filter_map(|meta| {
            let (first, last) = holding.batches_of(&meta.path)?;
            Some(Segment { holding, first, last, size_bytes: meta.size_bytes })
        });
        Self::sort(storage.root(), holding, listed.collect())
    }

    /// Tells live segments from replaced ones.
    fn sort(root: &str, holding: Holding, mut all: Vec<Segment>) -> Result<Self> {
        all.sort_by_key(|segment| (segment.first, std::cmp::Reverse(segment.last)));
        let mut segments = Self::none(holding);
        let mut next = match holding {
            Holding::Records => all.first().map_or(BatchId(0), |oldest| oldest.first),
            Holding::ConsumedFiles => BatchId(0),
        };
        for segment in all {
            if segment.last < next {
                segments.replaced.push(segment);
            } else if segment.first <= next {
                next = segment.last.next();
                segments.live.push(segment);
            } else {
                let what = match holding {
                    Holding::Records => "records of its history",
                    Holding::ConsumedFiles => "consumed files",
                };
                return Err(Diagnostic::storage(format!(
                    "the checkpoint `{root}` has lost {what}"
                ))
                .cause(format!(
                    "`{}` is there, but no segment that ends right before micro-batch {}",
                    segment.path(),
                    segment.first.0
                ))
                .hint("put back the checkpoint as a whole from one copy")
                .hint(
                    "or start over: move the checkpoint and the table away, both, then run again",
                ));
            }
        }
        Ok(segments)
    }

    /// The last micro-batch in a segment.
    pub(super) fn upto(&self) -> Option<BatchId> {
        self.live.last().map(|segment| segment.last)
    }

    /// The newest segments, if they are due to be merged into one: the fewest, but at least
    /// `fan_out`, of which none outweighs the others together. So a merge at least doubles
    /// what it rewrites, and a heavy old segment is not rewritten for the sake of light new ones.
    pub(super) fn due(&self, tiers: Tiers) -> Option<&[Segment]> {
        let newest = |count: usize| &self.live[self.live.len() - count..];
        (tiers.fan_out..=self.live.len()).map(newest).find(|newest| {
            let weights = || newest.iter().map(Segment::weight);
            let (total, heaviest) = (weights().sum::<u64>(), weights().max().unwrap_or(0));
            let size_bytes: u64 = newest.iter().map(|segment| segment.size_bytes).sum();
            heaviest * 2 <= total && size_bytes <= tiers.max_bytes(self.holding)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(holding: Holding, ranges: &[(u64, u64)]) -> Vec<Segment> {
        let segment = |&(first, last)| Segment {
            holding,
            first: BatchId(first),
            last: BatchId(last),
            size_bytes: 100,
        };
        ranges.iter().map(segment).collect()
    }

    fn sort(holding: Holding, ranges: &[(u64, u64)]) -> Result<Segments> {
        Segments::sort("/c", holding, of(holding, ranges))
    }

    #[test]
    fn a_wider_segment_replaces_those_it_holds() {
        for holding in [Holding::Records, Holding::ConsumedFiles] {
            let segments = sort(holding, &[(0, 3), (4, 7), (0, 7), (8, 11)]).unwrap();
            assert_eq!(segments.live, of(holding, &[(0, 7), (8, 11)]));
            assert_eq!(segments.replaced, of(holding, &[(0, 3), (4, 7)]));
            assert_eq!(segments.upto(), Some(BatchId(11)));
        }
    }

    #[test]
    fn what_two_segments_hold_both_is_no_gap() {
        for holding in [Holding::Records, Holding::ConsumedFiles] {
            let segments = sort(holding, &[(0, 7), (4, 11), (8, 11), (12, 12)]).unwrap();
            assert_eq!(segments.live, of(holding, &[(0, 7), (4, 11), (12, 12)]));
            assert_eq!(segments.replaced, of(holding, &[(8, 11)]));
        }
    }

    #[test]
    fn a_gap_between_segments_is_refused() {
        for gap in [&[(4, 7)][..], &[(0, 3), (8, 11)], &[(0, 3), (2, 7), (9, 11)]] {
            let refusal = sort(Holding::ConsumedFiles, gap).unwrap_err();
            assert!(refusal.message.contains("`/c` has lost consumed files"), "{refusal}");
        }
        let refusal = sort(Holding::Records, &[(0, 3), (8, 11)]).unwrap_err();
        assert!(refusal.message.contains("`/c` has lost records"), "{refusal}");
    }

    #[test]
    fn the_oldest_records_may_be_gone() {
        let segments = sort(Holding::Records, &[(4, 7), (8, 11)]).unwrap();
        assert_eq!(segments.live, of(Holding::Records, &[(4, 7), (8, 11)]));
    }

    /// Segments of these sizes, one micro-batch each.
    fn sized(holding: Holding, sizes: &[u64]) -> Segments {
        let segment = |(batch, &size_bytes): (usize, &u64)| {
            let batch = BatchId(batch as u64);
            Segment { holding, first: batch, last: batch, size_bytes }
        };
        let live = sizes.iter().enumerate().map(segment).collect();
        Segments { live, ..Segments::none(holding) }
    }

    #[test]
    fn segments_of_like_size_are_merged_until_they_are_large() {
        let tiers = Tiers { batches: 1, fan_out: 3, max_seen_bytes: 1000, max_history_bytes: 3 };
        for (sizes, due) in [
            (&[][..], 0),
            (&[1, 1], 0),
            (&[1, 1, 1], 3),
            (&[3, 1, 1], 0),
            (&[3, 1, 1, 1], 3),
            (&[4, 2, 1, 1], 3),
            (&[1, 1, 90, 30, 30, 30], 3),
            (&[400, 300, 300], 3),
            (&[401, 300, 300], 0),
        ] {
            let segments = sized(Holding::ConsumedFiles, sizes);
            assert_eq!(segments.due(tiers).map_or(0, <[Segment]>::len), due, "{sizes:?}");
        }
        assert!(sized(Holding::Records, &[1, 1, 1]).due(tiers).is_some());
        assert!(sized(Holding::Records, &[2, 1, 1]).due(tiers).is_none());
    }

    /// Cuts and merges segments of so many micro-batches, after one of `first_bytes`; each
    /// micro-batch adds `bytes`, each segment `overhead`. Gives the number of segments in the
    /// end, and the bytes written for each micro-batch.
    fn grow(
        holding: Holding,
        first_bytes: u64,
        batches: u64,
        (bytes, overhead): (u64, u64),
    ) -> (usize, u64) {
        let tiers = Tiers::default();
        let (mut segments, mut written) = (sized(holding, &[first_bytes + overhead]), 0);
        for cut in 0..batches / tiers.batches {
            let mut push = |segments: &mut Segments, first: u64, size_bytes: u64| {
                written += size_bytes;
                let (first, last) = (BatchId(first), BatchId((cut + 1) * tiers.batches));
                segments.live.push(Segment { holding, first, last, size_bytes });
            };
            push(&mut segments, cut * tiers.batches + 1, tiers.batches * bytes + overhead);
            while let Some(due) = segments.due(tiers) {
                let (kept, first) = (segments.live.len() - due.len(), due[0].first.0);
                let merged = due.iter().map(|segment| segment.size_bytes).sum();
                segments.live.truncate(kept);
                push(&mut segments, first, merged);
            }
        }
        (segments.live.len(), written / batches.max(1))
    }

    #[test]
    fn segments_stay_few_and_writing_them_cheap_after_a_million_files() {
        // One file in each micro-batch, after a first one that held many.
        for (files, batches) in [(0, 1_000), (0, 1_000_000), (1_000_000, 100_000), (5_000, 100_000)]
        {
            let (few, bytes) = grow(Holding::ConsumedFiles, files * 24, batches, (24, 48));
            assert!(few < 40, "{few} segments after {files} and {batches} files");
            assert!(bytes < 300, "{bytes} bytes after {files} and {batches} files");
            let (few, bytes) = grow(Holding::Records, files * 30, batches, (200, 150));
            assert!(few < 100, "{few} segments after {files} and {batches} files");
            assert!(bytes < 1_500, "{bytes} bytes after {files} and {batches} files");
        }
    }
}
