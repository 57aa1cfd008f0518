//! Repetition or definition levels of the page at hand.

use super::hybrid;

/// Levels in order; as long as all are the same, only their number is kept.
#[derive(Debug)]
pub(super) struct Levels {
    largest: u8,
    same: u8,
    count: usize,
    /// All of them, once they differ.
    each: Vec<u8>,
}

impl Levels {
    pub(super) fn new(largest: u8) -> Self {
        Self { largest, same: 0, count: 0, each: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Bytes that they take in memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.each.len()
    }

    pub(super) fn push_same(&mut self, level: u8, count: usize) {
        if self.each.is_empty() && (self.count == 0 || self.same == level) {
            self.same = level;
        } else {
            self.spread();
            self.each.resize(self.count + count, level);
        }
        self.count += count;
    }

    pub(super) fn extend(&mut self, levels: &[u8]) {
        let Some(first) = levels.first() else { return };
        if levels.iter().all(|level| level == first) {
            return self.push_same(*first, levels.len());
        }
        self.spread();
        self.each.extend_from_slice(levels);
        self.count += levels.len();
    }

    /// One level for each bit: the largest where it is set, and the one below where not.
    pub(super) fn extend_validity(&mut self, is_valid: impl Iterator<Item = bool>) {
        self.spread();
        let unset = self.largest.saturating_sub(1);
        self.each.extend(is_valid.map(|valid| unset + u8::from(valid)));
        self.count = self.each.len();
    }

    fn spread(&mut self) {
        if self.each.is_empty() {
            self.each.resize(self.count, self.same);
        }
    }

    /// Appends them to a page, with their length, and forgets them. Columns that need no
    /// levels write none.
    pub(super) fn take(&mut self, page: &mut Vec<u8>) {
        if self.largest > 0 {
            let start = page.len();
            page.extend_from_slice(&[0; 4]);
            let width = hybrid::bit_width(u32::from(self.largest));
            if self.each.is_empty() {
                hybrid::push_run(u32::from(self.same), self.count, width, page);
            } else {
                hybrid::encode(&self.each, width, page);
            }
            let length = (page.len() - start - 4) as u32;
            page[start..start + 4].copy_from_slice(&length.to_le_bytes());
        }
        self.each.clear();
        self.count = 0;
    }
}
