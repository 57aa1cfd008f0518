//! Bytes as a supply of choices. When they run out every choice is the first one, so that any
//! bytes make something.

/// What is left of the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take<'a>(pub(super) &'a [u8]);

impl<'a> Take<'a> {
    pub(super) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// True for one byte in sixteen: how often what is due is not what comes.
    pub(super) fn rarely(&mut self) -> bool {
        self.byte() >= 240
    }

    pub(super) fn number(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// So many bytes; fewer when there are no more.
    pub(super) fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Usually what is due; rarely a little more or less, or any number.
    pub(super) fn near(&mut self, due: usize) -> usize {
        if !self.rarely() {
            return due;
        }
        match self.byte() {
            0 => due.saturating_sub(1),
            1 => due + 1,
            2 => self.number() as usize,
            other => usize::from(other),
        }
    }
}
