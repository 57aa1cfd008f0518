//! Consumed files on disk: what start-up reads instead of every offset record ever written.
//!
//! Owns the encoding of such a segment; knows nothing of when one is cut or merged.
//!
//! ```text
//! "lockgate seen 1\n" | entries of 24 bytes, sorted, three little-endian words | SHA-256 of all before
//! ```

use super::{
    layout::Holding,
    log::damaged,
    seen::{Entry, sorted},
    tiers::Segment,
};
use crate::{
    diagnostic::Result,
    storage::{Created, Storage},
    types::BatchId,
};
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 16] = b"lockgate seen 1\n";
const ENTRY_BYTES: usize = size_of::<Entry>();
const DIGEST_BYTES: usize = 32;

/// Writes a segment; one that is there already holds the same.
pub(super) fn write(
    storage: &Storage,
    first: BatchId,
    last: BatchId,
    entries: Vec<Entry>,
) -> Result<Segment> {
    let content = encode(&sorted(entries));
    let (holding, size_bytes) = (Holding::ConsumedFiles, content.len() as u64);
    let segment = Segment { holding, first, last, size_bytes };
    if storage.create(&segment.path(), &content)? == Created::Exists {
        read(storage, &segment)?;
    }
    Ok(segment)
}

/// Writes one segment that holds what several adjacent ones hold.
pub(super) fn merge(storage: &Storage, segments: &[Segment]) -> Result<Segment> {
    let mut entries = Vec::new();
    for segment in segments {
        entries.extend(read(storage, segment)?);
    }
    write(storage, segments[0].first, segments[segments.len() - 1].last, entries)
}

/// Reads the entries of a segment, sorted.
pub(super) fn read(storage: &Storage, segment: &Segment) -> Result<Vec<Entry>> {
    let path = segment.path();
    let content = storage.read(&path)?.ok_or_else(|| segment.gone(storage))?;
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

/// Magic and checksum round what may be entries.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn around(entries: &[u8]) -> Vec<u8> {
    let mut content = [MAGIC, entries].concat();
    content.extend_from_slice(&Sha256::digest(&content));
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
