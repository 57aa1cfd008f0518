//! Consumed files on disk, in tiers, so that the offset log stays short.
//!
//! Owns the encoding of a segment and when segments are cut and merged; knows nothing of the
//! logs' records. A segment is never changed: the offset records it replaces, or the smaller
//! segments, are deleted after it is durable, and ignored where a crash left them.
//!
//! ```text
//! "lockgate seen 1\n" | entries of 24 bytes, sorted, three little-endian words | SHA-256 of all before
//! ```

use super::{
    layout::{SEEN, batches_of, segment},
    log::damaged,
    seen::{Entry, sorted},
};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{Created, Storage},
    types::BatchId,
};
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 16] = b"lockgate seen 1\n";
const ENTRY_BYTES: usize = size_of::<Entry>();
const DIGEST_BYTES: usize = 32;

/// When segments are cut and merged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiers {
    /// Micro-batches of a new segment; as many again stay in the offset log.
    pub(super) batches: u64,
    /// At least this many segments are merged into one.
    pub(super) fan_out: usize,
    /// Merged segments do not grow beyond this size.
    pub(super) max_bytes: u64,
}

impl Default for Tiers {
    fn default() -> Self {
        Self { batches: 64, fan_out: 8, max_bytes: 32 << 20 }
    }
}

/// A segment as listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) first: BatchId,
    pub(super) last: BatchId,
    pub(super) size_bytes: u64,
}

/// What the directory of segments holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segments {
    /// Those in use, ascending and without a gap from micro-batch 0 on.
    pub(super) live: Vec<Segment>,
    /// Those that a wider one replaces.
    pub(super) replaced: Vec<Segment>,
}

impl Segment {
    pub(super) fn path(&self) -> String {
        segment(self.first, self.last)
    }
}

impl Segments {
    /// Lists the segments of a checkpoint.
    pub(super) fn list(storage: &Storage) -> Result<Self> {
        let listed = storage.list(SEEN)?.into_iter().filter_map(|meta| {
            let (first, last) = batches_of(&meta.path)?;
            Some(Segment { first, last, size_bytes: meta.size_bytes })
        });
        Self::sort(storage.root(), listed.collect())
    }

    /// Tells live segments from replaced ones.
    fn sort(root: &str, mut all: Vec<Segment>) -> Result<Self> {
        all.sort_by_key(|segment| (segment.first, std::cmp::Reverse(segment.last)));
        let mut segments = Self::default();
        let mut next = BatchId(0);
        for segment in all {
            if segment.first == next {
                next = segment.last.next();
                segments.live.push(segment);
            } else if segment.last < next {
                segments.replaced.push(segment);
            } else {
                return Err(Diagnostic::storage(format!(
                    "the checkpoint `{root}` has lost consumed files"
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
    /// `fan_out`, of which none is larger than the others together. So a merge at least doubles
    /// what it rewrites, and a large old segment is not rewritten for the sake of small new ones.
    pub(super) fn due(&self, tiers: Tiers) -> Option<&[Segment]> {
        let newest = |count: usize| &self.live[self.live.len() - count..];
        (tiers.fan_out..=self.live.len()).map(newest).find(|newest| {
            let sizes = || newest.iter().map(|segment| segment.size_bytes);
            let (total, largest) = (sizes().sum::<u64>(), sizes().max().unwrap_or(0));
            largest * 2 <= total && total <= tiers.max_bytes
        })
    }
}

/// Writes a segment; one that is there already holds the same.
pub(super) fn write(
    storage: &Storage,
    first: BatchId,
    last: BatchId,
    entries: Vec<Entry>,
) -> Result<Segment> {
    let content = encode(&sorted(entries));
    let segment = Segment { first, last, size_bytes: content.len() as u64 };
    if storage.create(&segment.path(), &content)? == Created::Exists {
        read(storage, &segment)?;
    }
    Ok(segment)
}

/// Reads the entries of a segment, sorted.
pub(super) fn read(storage: &Storage, segment: &Segment) -> Result<Vec<Entry>> {
    let path = segment.path();
    let content = storage.read(&path)?.unwrap_or_default();
    decode(&content).ok_or_else(|| damaged(storage, &path, "its checksum does not match"))
}

fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut content = Vec::with_capacity(MAGIC.len() + entries.len() * ENTRY_BYTES + DIGEST_BYTES);
    content.extend_from_slice(MAGIC);
    for word in entries.iter().flat_map(|entry| entry.0) {
        content.extend_from_slice(&word.to_le_bytes());
    }
    let digest = Sha256::digest(&content);
    content.extend_from_slice(&digest);
    content
}

fn decode(content: &[u8]) -> Option<Vec<Entry>> {
    let (signed, digest) = content.split_at_checked(content.len().checked_sub(DIGEST_BYTES)?)?;
    let entries = signed.strip_prefix(MAGIC)?;
    if Sha256::digest(signed)[..] != *digest || entries.len() % ENTRY_BYTES != 0 {
        return None;
    }
    let word = |at: &[u8]| at.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let entry = |at: &[u8]| Entry([word(&at[..8]), word(&at[8..16]), word(&at[16..])]);
    Some(entries.chunks_exact(ENTRY_BYTES).map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(ranges: &[(u64, u64)]) -> Vec<Segment> {
        let segment = |&(first, last)| Segment {
            first: BatchId(first),
            last: BatchId(last),
            size_bytes: 100,
        };
        ranges.iter().map(segment).collect()
    }

    #[test]
    fn a_wider_segment_replaces_those_it_holds() {
        let segments = Segments::sort("/c", of(&[(0, 3), (4, 7), (0, 7), (8, 11)])).unwrap();
        assert_eq!(segments.live, of(&[(0, 7), (8, 11)]));
        assert_eq!(segments.replaced, of(&[(0, 3), (4, 7)]));
        assert_eq!(segments.upto(), Some(BatchId(11)));
    }

    #[test]
    fn a_gap_between_segments_is_refused() {
        for gap in [vec![(4, 7)], vec![(0, 3), (8, 11)], vec![(0, 3), (2, 7)]] {
            let refusal = Segments::sort("/c", of(&gap)).unwrap_err();
            assert!(refusal.message.contains("`/c` has lost consumed files"), "{refusal}");
        }
    }

    /// Segments of these sizes, one micro-batch each.
    fn sized(sizes: &[u64]) -> Segments {
        let segment = |(batch, &size_bytes): (usize, &u64)| {
            let batch = BatchId(batch as u64);
            Segment { first: batch, last: batch, size_bytes }
        };
        Segments { live: sizes.iter().enumerate().map(segment).collect(), replaced: Vec::new() }
    }

    #[test]
    fn segments_of_like_size_are_merged_until_they_are_large() {
        let tiers = Tiers { batches: 1, fan_out: 3, max_bytes: 1000 };
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
            let segments = sized(sizes);
            assert_eq!(segments.due(tiers).map_or(0, <[Segment]>::len), due, "{sizes:?}");
        }
    }

    /// Segments after this many files, `first_files` in the first micro-batch, then one each;
    /// and the bytes of segments written for each of the latter.
    fn history(first_files: u64, files: u64) -> (usize, u64) {
        let tiers = Tiers::default();
        let size = |files: u64| (MAGIC.len() + DIGEST_BYTES) as u64 + files * ENTRY_BYTES as u64;
        let (mut segments, mut written) = (sized(&[size(first_files)]), 0);
        for cut in 0..files / tiers.batches {
            let mut push = |segments: &mut Segments, size_bytes: u64| {
                written += size_bytes;
                let batch = BatchId(cut);
                segments.live.push(Segment { first: batch, last: batch, size_bytes });
            };
            push(&mut segments, size(tiers.batches));
            while let Some(due) = segments.due(tiers) {
                let (kept, merged) = (segments.live.len() - due.len(), due.iter());
                let merged = merged.map(|segment| segment.size_bytes).sum();
                segments.live.truncate(kept);
                push(&mut segments, merged);
            }
        }
        (segments.live.len(), written / files.max(1))
    }

    #[test]
    fn segments_stay_few_and_writing_them_cheap_after_a_million_files() {
        for (first_files, files) in
            [(0, 1_000), (0, 1_000_000), (1_000_000, 100_000), (5_000, 100_000)]
        {
            let (segments, bytes_per_file) = history(first_files, files);
            assert!(segments < 40, "{segments} segments after {first_files} and {files} files");
            assert!(bytes_per_file < 300, "{bytes_per_file} bytes after {first_files} and {files}");
        }
    }

    proptest! {
        #[test]
        fn a_segment_is_read_back_and_any_damage_is_noticed(
            words in prop::collection::vec(any::<[u64; 3]>(), 0..20),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let entries: Vec<_> = words.into_iter().map(Entry).collect();
            let mut content = encode(&entries);
            prop_assert_eq!(decode(&content), Some(entries));
            let at = at.index(content.len());
            prop_assert_eq!(decode(&content[..at]), None);
            content[at] ^= flip;
            prop_assert_eq!(decode(&content), None);
        }
    }
}
