//! One bit per row, and the three truth values made of two of them.
//!
//! Owns the logic of `AND`, `OR`, `NOT`, 64 rows at a time; knows nothing of values.

/// Bit i of a quarter of a word.
static PLACES: [u64; 16] = {
    let mut places = [0; 16];
    let mut i = 0;
    while i < places.len() {
        places[i] = 1 << i;
        i += 1;
    }
    places
};

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

    /// The bit of each value. A function of its own: in a larger one, WebAssembly is compiled to
    /// code that moves every value through memory. And 64 values are read as four times 16 side
    /// by side, each with its bit at hand: so compilers take several at once, and WebAssembly,
    /// which pays for every round of a loop, does few.
    #[inline(never)]
    pub(crate) fn test<T>(values: &[T], test: impl Fn(&T) -> bool) -> Self {
        let bit = |value: &T, place| if test(value) { place } else { 0 };
        let whole = |quarters: &[[T; 16]; 4]| {
            let mut bits = [0; 4];
            for (i, place) in PLACES.iter().enumerate() {
                for (bits, quarter) in bits.iter_mut().zip(quarters) {
                    *bits |= bit(&quarter[i], *place);
                }
            }
            bits.iter().rev().fold(0, |word, bits| word << 16 | bits)
        };
        let part = |part: &[T]| part.iter().rev().fold(0, |bits, value| bits << 1 | bit(value, 1));
        let word = |chunk: &[T]| {
            let (quarters, _) = chunk.as_chunks();
            quarters.first_chunk().map_or_else(|| part(chunk), whole)
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
    fn every_value_has_its_bit() {
        for rows in [0, 1, 31, 32, 33, 63, 64, 65, 95, 96, 130] {
            let values: Vec<usize> = (0..rows).map(|row| row * row % 7).collect();
            let bits = Bits::test(&values, |value| *value > 1);
            assert_eq!(bits, Bits::test_rows(rows, |row| values[row] > 1), "{rows}");
        }
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
