//! Numbers of a page's values in the dictionary, or lengths of its strings, held as narrow as
//! they allow: pages stay open in every column of every file, so bytes of each value add up.

use super::hybrid;

/// Numbers in order, all in the width that the largest of them calls for.
#[derive(Debug)]
pub(super) enum Numbers {
    Bytes(Vec<u8>),
    Shorts(Vec<u16>),
    Words(Vec<u32>),
}

/// Does the same with the numbers of each width.
macro_rules! each {
    ($numbers:expr, $each:ident => $do:expr) => {
        match $numbers {
            Numbers::Bytes($each) => $do,
            Numbers::Shorts($each) => $do,
            Numbers::Words($each) => $do,
        }
    };
}

impl Default for Numbers {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Numbers {
    /// Adds the number of each value. A value may be asked for again when the numbers turn out
    /// to need another width.
    pub(super) fn extend<T>(
        &mut self,
        values: &(impl Iterator<Item = T> + Clone),
        mut number: impl FnMut(T) -> u32,
    ) {
        loop {
            let (before, mut all) = (self.len(), 0);
            let numbers = values.clone().map(|value| {
                let number = number(value);
                all |= number;
                number
            });
            match self {
                Self::Bytes(each) => each.extend(numbers.map(|number| number as u8)),
                Self::Shorts(each) => each.extend(numbers.map(|number| number as u16)),
                Self::Words(each) => each.extend(numbers),
            }
            if all <= self.largest() {
                return;
            }
            each!(self, each => each.truncate(before));
            self.widen(all);
        }
    }

    /// Adds one number.
    pub(super) fn push(&mut self, number: u32) {
        self.extend(&[number].into_iter(), |number| number);
    }

    pub(super) fn len(&self) -> usize {
        each!(self, each => each.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they take in memory.
    pub(super) fn held_bytes(&self) -> usize {
        each!(self, each => size_of_val(each.as_slice()))
    }

    /// Forgets them all; their width stays, since the dictionary does.
    pub(super) fn clear(&mut self) {
        each!(self, each => each.clear());
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = u32> {
        let number = |at: usize| match self {
            Self::Bytes(each) => each[at].into(),
            Self::Shorts(each) => each[at].into(),
            Self::Words(each) => each[at],
        };
        (0..self.len()).map(number)
    }

    pub(super) fn for_each(&self, mut visit: impl FnMut(usize)) {
        each!(self, each => each.iter().for_each(|number| visit(*number as usize)));
    }

    /// Appends them to a page, each of so many bits.
    pub(super) fn encode(&self, width: u8, page: &mut Vec<u8>) {
        each!(self, each => hybrid::encode(each, width, page));
    }

    fn largest(&self) -> u32 {
        match self {
            Self::Bytes(_) => u8::MAX.into(),
            Self::Shorts(_) => u16::MAX.into(),
            Self::Words(_) => u32::MAX,
        }
    }

    /// Makes room for numbers up to this one.
    fn widen(&mut self, largest: u32) {
        *self = if largest <= u16::MAX.into() {
            Self::Shorts(self.iter().map(|number| number as u16).collect())
        } else {
            Self::Words(self.iter().collect())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_however_late_they_need_more_room() {
        for steps in [vec![3, 255, 256, 7], vec![9, 65_535, 65_536, 1], vec![1, 70_000, 2]] {
            let mut numbers = Numbers::default();
            for chunk in steps.chunks(2) {
                numbers.extend(&chunk.iter(), |number| *number);
            }
            assert!(numbers.iter().eq(steps.iter().copied()));
            let mut found = Vec::new();
            numbers.for_each(|number| found.push(number as u32));
            assert_eq!(found, steps);
        }
    }

    #[test]
    fn a_small_dictionary_takes_a_byte_a_value() {
        let mut numbers = Numbers::default();
        numbers.extend(&(0..200), |number| number);
        assert_eq!(numbers.held_bytes(), 200);
        numbers.push(256);
        assert_eq!(numbers.held_bytes(), 402);
    }
}
