//! One bit per row, and the three truth values made of two of them.
//!
//! Owns the logic of `AND`, `OR`, `NOT`, 64 rows at a time; knows nothing of values.

/// One bit per row; bits past the last row are clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    /// The same bit for every row.
    pub(crate) fn filled(rows: usize, bit: bool) -> Self {
        let words = vec![if bit { u64::MAX } else { 0 }; rows.div_ceil(64)];
        Self { words, rows }.trimmed()
    }

    /// Packed bits as Arrow stores them, least significant first.
    pub(crate) fn from_bytes(bytes: &[u8], rows: usize) -> Self {
        let words = bytes[..rows.div_ceil(8)].chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        Self { words: words.collect(), rows }.trimmed()
    }

    /// The bit of each value. A function of its own, and eight values per round: in a larger
    /// one, WebAssembly is compiled to code that moves every value through memory.
    #[inline(never)]
    pub(crate) fn test<T>(values: &[T], test: impl Fn(&T) -> bool) -> Self {
        let byte =
            |eight: &[T; 8]| (0..8).fold(0, |byte, i| byte | u64::from(test(&eight[i])) << i);
        let word = |chunk: &[T]| {
            let (eights, rest) = chunk.as_chunks();
            let bits = rest.iter().rev().fold(0, |bits, value| bits << 1 | u64::from(test(value)));
            let bytes = eights.iter().rev().map(byte);
            bytes.fold(bits, |word, byte| word << 8 | byte)
        };
        Self { words: values.chunks(64).map(word).collect(), rows: values.len() }
    }

    /// The bit of each pair of values.
    #[inline(never)]
    pub(crate) fn test_pairs<T>(left: &[T], right: &[T], test: impl Fn(&T, &T) -> bool) -> Self {
        let word = |(left, right): (&[T], &[T])| {
            let bits = left.iter().zip(right).enumerate();
            bits.fold(0, |word, (i, (left, right))| word | u64::from(test(left, right)) << i)
        };
        let words = left.chunks(64).zip(right.chunks(64)).map(word).collect();
        Self { words, rows: left.len() }
    }

    /// The bit of each row number.
    #[inline(never)]
    pub(crate) fn test_rows(rows: usize, test: impl Fn(usize) -> bool) -> Self {
        let word = |start: usize| {
            let end = rows.min(start + 64);
            (start..end).fold(0, |word, row| word | u64::from(test(row)) << (row - start))
        };
        Self { words: (0..rows).step_by(64).map(word).collect(), rows }
    }

    fn trimmed(mut self) -> Self {
        if !self.rows.is_multiple_of(64)
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << (self.rows % 64)) - 1;
        }
        self
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn get(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    fn combine(mut self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word = combine(*word, *other);
        }
        self
    }

    pub(crate) fn and(self, other: &Self) -> Self {
        self.combine(other, |a, b| a & b)
    }

    pub(crate) fn and_not(self, other: &Self) -> Self {
        self.combine(other, |a, b| a & !b)
    }

    pub(crate) fn or(self, other: &Self) -> Self {
        self.combine(other, |a, b| a | b)
    }

    pub(crate) fn not(mut self) -> Self {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.trimmed()
    }
}

/// A truth value per row: true where `yes`, false where `no`, unknown where neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) yes: Bits,
    pub(crate) no: Bits,
}

impl Truth {
    pub(crate) fn filled(rows: usize, value: Option<bool>) -> Self {
        let bits = |wanted| Bits::filled(rows, value == Some(wanted));
        Self { yes: bits(true), no: bits(false) }
    }

    /// `bits` where rows are known, unknown elsewhere.
    pub(crate) fn masked(bits: Bits, known: Option<&Bits>) -> Self {
        match known {
            Some(known) => Self { no: known.clone().and_not(&bits), yes: bits.and(known) },
            None => Self { no: bits.clone().not(), yes: bits },
        }
    }

    pub(crate) fn known(&self) -> Bits {
        self.yes.clone().or(&self.no)
    }

    pub(crate) fn and(self, other: &Self) -> Self {
        Self { yes: self.yes.and(&other.yes), no: self.no.or(&other.no) }
    }

    pub(crate) fn or(self, other: &Self) -> Self {
        Self { yes: self.yes.or(&other.yes), no: self.no.and(&other.no) }
    }

    pub(crate) fn not(self) -> Self {
        Self { yes: self.no, no: self.yes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logic_follows_the_three_valued_tables() {
        let values = [Some(true), Some(false), None];
        let column = |pick: fn(usize) -> usize| {
            let bits = |wanted| Bits::test_rows(9, |row| values[pick(row)] == Some(wanted));
            Truth { yes: bits(true), no: bits(false) }
        };
        let (a, b) = (column(|row| row / 3), column(|row| row % 3));
        let read = |truth: &Truth| -> String {
            let letter = |row| match (truth.yes.get(row), truth.no.get(row)) {
                (true, false) => 'T',
                (false, true) => 'F',
                (false, false) => '?',
                (true, true) => '!',
            };
            (0..9).map(letter).collect()
        };
        assert_eq!(read(&a.clone().and(&b)), "TF?FFF?F?");
        assert_eq!(read(&a.clone().or(&b)), "TTTTF?T??");
        assert_eq!(read(&a.not()), "FFFTTT???");
    }

    #[test]
    fn bits_past_the_last_row_stay_clear() {
        for rows in [0, 1, 63, 64, 65, 130] {
            let full = Bits::filled(rows, true);
            assert_eq!(full.rows(), rows);
            assert_eq!(full, Bits::test_rows(rows, |_| true));
            assert_eq!(full, Bits::from_bytes(&vec![0xff; rows.div_ceil(8)], rows));
            assert_eq!(full.clone().not(), Bits::filled(rows, false));
            assert_eq!(Bits::filled(rows, false).not(), full);
        }
    }
}
