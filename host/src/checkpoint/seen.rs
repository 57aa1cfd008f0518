//! The set of consumed files: what a path was when it was read, in 24 bytes.
//!
//! Owns the set in memory; knows nothing of how it is stored. A file is known by its path:
//! one that changes after it was consumed is not read again, but is told apart from one that
//! did not change. The path is kept as 128 bits of its SHA-256, what it was (size, time of
//! change, entity tag) as 64 bits.
//!
//! Entries lie in sorted runs, each less than half as long as the one before, so that adding
//! costs O(log n) amortised, looking up O(log² n), and there is no slack.

use crate::types::{InputFile, Sighting};
use sha2::{Digest, Sha256};

/// A consumed file: 16 bytes of its path's hash, 8 bytes of what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry(pub(super) [u64; 3]);

/// The set of consumed files.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    runs: Vec<Vec<Entry>>,
}

impl Entry {
    pub(super) fn of(file: &InputFile) -> Self {
        let [high, low] = path_of(file);
        Self([high, low, what_of(file)])
    }

    fn path(self) -> [u64; 2] {
        [self.0[0], self.0[1]]
    }
}

fn path_of(file: &InputFile) -> [u64; 2] {
    let path = Sha256::digest(file.path.as_bytes());
    [word(&path[..8]), word(&path[8..16])]
}

fn what_of(file: &InputFile) -> u64 {
    let mut what = Sha256::new();
    what.update(file.size_bytes.to_le_bytes());
    what.update(file.modified_us.to_le_bytes());
    what.update(file.etag.as_deref().unwrap_or_default());
    word(&what.finalize()[..8])
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

impl Seen {
    /// How a listed file stands to the consumed ones.
    pub fn sighting(&self, file: &InputFile) -> Sighting {
        let path = path_of(file);
        for run in self.runs.iter().rev() {
            if let Ok(at) = run.binary_search_by_key(&path, |known| known.path()) {
                let same = run[at].0[2] == what_of(file);
                return if same { Sighting::Consumed } else { Sighting::Changed };
            }
        }
        Sighting::New
    }

    /// Number of consumed files; a path that was consumed twice may count twice.
    pub fn len(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    /// True when no file was consumed.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Bytes that the set takes.
    pub fn memory_bytes(&self) -> usize {
        self.runs.iter().map(|run| run.capacity() * size_of::<Entry>()).sum()
    }

    /// Notes files as consumed.
    pub fn add<'a>(&mut self, files: impl IntoIterator<Item = &'a InputFile>) {
        self.add_sorted(sorted(files.into_iter().map(Entry::of).collect()));
    }

    /// Notes entries as consumed; they must be [`sorted`].
    pub(super) fn add_sorted(&mut self, mut run: Vec<Entry>) {
        while let Some(before) = self.runs.pop_if(|before| before.len() / 2 < run.len()) {
            run = merge(before, run);
        }
        if !run.is_empty() {
            self.runs.push(run);
        }
    }
}

/// Entries in the order of a run, each path once (its last entry wins).
pub(super) fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| entry.path());
    entries.dedup_by(|later, earlier| {
        let same = later.path() == earlier.path();
        if same {
            *earlier = *later;
        }
        same
    });
    entries.shrink_to_fit();
    entries
}

/// Merges two runs into one without a third; an entry of the new one replaces the old one.
fn merge(old: Vec<Entry>, new: Vec<Entry>) -> Vec<Entry> {
    let (mut into, from, from_is_new) =
        if old.len() >= new.len() { (old, new, true) } else { (new, old, false) };
    let (mut left, mut right) = (into.len(), from.len());
    let mut end = left + right;
    into.reserve_exact(right);
    into.resize(end, Entry([0; 3]));
    while right > 0 {
        end -= 1;
        let order = match left {
            0 => std::cmp::Ordering::Less,
            _ => into[left - 1].path().cmp(&from[right - 1].path()),
        };
        if order.is_gt() {
            left -= 1;
            into[end] = into[left];
            continue;
        }
        right -= 1;
        into[end] = from[right];
        if order.is_eq() {
            left -= 1;
            if !from_is_new {
                into[end] = into[left];
            }
        }
    }
    // Paths that both held leave a gap between what was never moved and what was.
    into.drain(left..end);
    into
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn file(path: &str, size_bytes: u64) -> InputFile {
        InputFile { path: path.into(), size_bytes, modified_us: 7, etag: None }
    }

    #[test]
    fn a_consumed_file_is_known_by_path_and_a_changed_one_is_noticed() {
        let mut seen = Seen::default();
        assert!(seen.is_empty());
        seen.add(&[file("output %@#/a b.json", 1), file("c", 2)]);
        assert_eq!(seen.sighting(&file("output %@#/a b.json", 1)), Sighting::Consumed);
        assert_eq!(seen.sighting(&file("output %@#/a b.json", 9)), Sighting::Changed);
        assert_eq!(seen.sighting(&file("output%20%25@%23/a%20b.json", 1)), Sighting::New);
        let touched = InputFile { modified_us: 8, ..file("c", 2) };
        let tagged = InputFile { etag: Some("x".into()), ..file("c", 2) };
        assert_eq!(seen.sighting(&touched), Sighting::Changed);
        assert_eq!(seen.sighting(&tagged), Sighting::Changed);
    }

    #[test]
    fn a_file_takes_less_than_32_bytes_and_runs_stay_few() {
        let mut seen = Seen::default();
        for batch in 0..20_000_u64 {
            seen.add(&[file(&format!("a/{batch}"), 1), file(&format!("b/{batch}"), 1)]);
        }
        assert_eq!(seen.len(), 40_000);
        assert!(seen.memory_bytes() < 32 * seen.len(), "{}", seen.memory_bytes());
        assert!(seen.runs.len() <= 16, "{}", seen.runs.len());
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_map(batches in prop::collection::vec(
            prop::collection::vec((0_u8..40, 0_u64..3), 0..12), 0..12)) {
            let mut seen = Seen::default();
            let mut model = HashMap::new();
            for batch in &batches {
                let files: Vec<_> = batch.iter().map(|(n, size)| file(&n.to_string(), *size)).collect();
                seen.add(&files);
                model.extend(batch.iter().copied());
            }
            prop_assert!(seen.len() >= model.len());
            for (n, size) in (0..40).flat_map(|n| (0..3).map(move |size| (n, size))) {
                let expected = match model.get(&n) {
                    None => Sighting::New,
                    Some(known) if *known == size => Sighting::Consumed,
                    Some(_) => Sighting::Changed,
                };
                prop_assert_eq!(seen.sighting(&file(&n.to_string(), size)), expected);
            }
        }
    }
}
