//! The text being read: a buffer that records are decoded from and that batches keep.
//!
//! A buffer is shared with the batches cut from it and never written while one of them lives;
//! when they are gone it is used again, because fresh pages cost more than decoding saves.

use super::input::Input;
use crate::diagnostic::Result;
use std::{iter, sync::Arc};

/// Buffers kept for the next use.
const POOL: usize = 4;

/// Bytes that UTF-8 is checked ahead of what was decoded, so that it is still in the cache.
const UTF8_STRIDE: usize = 32 << 10;

/// The text at hand.
#[derive(Debug)]
pub(super) struct Window {
    buffer: Arc<[u8]>,
    /// Text ends here; what follows in the buffer means nothing.
    end: usize,
    /// The first byte that is not consumed.
    pub(super) at: usize,
    /// Offset in the file of the buffer's first byte; before the file's start: negative.
    offset: i64,
    /// Text before this position is known to be UTF-8 (or was rejected).
    utf8_to: usize,
    /// The file has no more text than this.
    pub(super) ended: bool,
    pub(super) input: Option<Input>,
    pool: Vec<Arc<[u8]>>,
    capacity: usize,
}

fn zeroed(bytes: usize) -> Arc<[u8]> {
    iter::repeat_n(0, bytes).collect()
}

impl Window {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            buffer: zeroed(capacity),
            end: 0,
            at: 0,
            offset: 0,
            utf8_to: 0,
            ended: true,
            input: None,
            pool: Vec::new(),
            capacity,
        }
    }

    /// Everything read so far, from the buffer's start.
    #[inline]
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer[..self.end]
    }

    /// The buffer, for a batch to keep.
    pub(super) fn share(&self) -> Arc<[u8]> {
        Arc::clone(&self.buffer)
    }

    /// Offset in the uncompressed file of a position in the text.
    pub(super) fn offset_of(&self, at: usize) -> u64 {
        (at as i64 + self.offset) as u64
    }

    /// Starts on a file; its text follows the last one's.
    pub(super) fn start(&mut self, input: Input) {
        self.at = self.end;
        self.offset = -(self.end as i64);
        self.utf8_to = self.end;
        self.ended = false;
        self.input = Some(input);
    }

    /// Reads on. Text before `keep` may be given up; gives by how much positions moved down.
    ///
    /// # Errors
    /// Fails when the store does.
    pub(super) fn fill(&mut self, keep: usize) -> Result<usize> {
        let moved = self.make_room(keep, 1);
        let Some(input) = self.input.as_mut().filter(|_| !self.ended) else { return Ok(moved) };
        let Some(buffer) = Arc::get_mut(&mut self.buffer) else { return Ok(moved) };
        let length = input.read(&mut buffer[self.end..])?;
        self.end += length;
        self.ended = length == 0;
        Ok(moved)
    }

    /// Sees to it that `bytes` can be written at the end. Text before `keep` may be given up;
    /// gives by how much positions moved down.
    pub(super) fn make_room(&mut self, keep: usize, bytes: usize) -> usize {
        let free = self.buffer.len() - self.end;
        if free >= bytes && Arc::get_mut(&mut self.buffer).is_some() {
            return 0;
        }
        let kept = self.end - keep;
        let needed = kept + bytes;
        let small = kept <= self.capacity / 2 && needed <= self.capacity;
        let mut next = self.acquire(if small { needed } else { needed.max(kept * 2) });
        if let Some(buffer) = Arc::get_mut(&mut next) {
            buffer[..kept].copy_from_slice(&self.buffer[keep..self.end]);
        }
        let last = std::mem::replace(&mut self.buffer, next);
        self.take_back(last);
        self.at -= keep;
        self.end = kept;
        self.offset += keep as i64;
        self.utf8_to = self.utf8_to.saturating_sub(keep);
        keep
    }

    /// Keeps a buffer for the next use, once nobody else holds it.
    pub(super) fn take_back(&mut self, buffer: Arc<[u8]>) {
        if buffer.len() == self.capacity && self.pool.len() < POOL {
            self.pool.push(buffer);
        }
    }

    /// A buffer of at least so many bytes that nobody else holds.
    pub(super) fn acquire(&mut self, bytes: usize) -> Arc<[u8]> {
        let size = bytes.max(1).next_multiple_of(self.capacity);
        let free = |buffer: &mut Arc<[u8]>| buffer.len() == size && Arc::get_mut(buffer).is_some();
        if let Some(index) = self.pool.iter_mut().position(free) {
            return self.pool.swap_remove(index);
        }
        // The oldest is still held elsewhere and will not come back soon.
        if self.pool.len() == POOL {
            self.pool.remove(0);
        }
        zeroed(size)
    }

    /// Lets go of a buffer that had to grow, if all its text is consumed and no row refers to it.
    pub(super) fn shrink(&mut self) {
        if self.at < self.end || self.buffer.len() <= self.capacity {
            return;
        }
        self.buffer = self.acquire(self.capacity);
        self.offset += self.end as i64;
        (self.at, self.end, self.utf8_to) = (0, 0, 0);
    }

    /// Reads past the buffer: what is left in it first, then the file. 0 at the end.
    ///
    /// # Errors
    /// Fails when the store does.
    pub(super) fn pass(&mut self, scratch: &mut [u8]) -> Result<usize> {
        let left = self.end - self.at;
        if left > 0 {
            let length = left.min(scratch.len());
            scratch[..length].copy_from_slice(&self.buffer[self.at..self.at + length]);
            self.at += length;
            return Ok(length);
        }
        let Some(input) = self.input.as_mut().filter(|_| !self.ended) else { return Ok(0) };
        let length = input.read(scratch)?;
        self.ended = length == 0;
        self.offset += length as i64;
        Ok(length)
    }

    /// Puts back the last bytes that [`pass`](Self::pass) gave; as for [`fill`](Self::fill),
    /// text before `keep` may be given up.
    pub(super) fn unread(&mut self, bytes: &[u8], keep: usize) -> usize {
        if bytes.len() <= self.at && self.buffer[self.at - bytes.len()..self.at] == *bytes {
            // The buffer holds these very bytes already.
            self.at -= bytes.len();
            self.utf8_to = self.utf8_to.min(self.at);
            return 0;
        }
        let moved = self.make_room(keep, bytes.len());
        if let Some(buffer) = Arc::get_mut(&mut self.buffer) {
            buffer[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        }
        self.at = self.end;
        self.end += bytes.len();
        self.offset -= bytes.len() as i64;
        self.utf8_to = self.at;
        moved
    }

    /// Whether the text between two positions, both between characters, is UTF-8. What is
    /// not will be rejected and is not looked at again.
    pub(super) fn check_utf8(&mut self, start: usize, end: usize) -> bool {
        self.utf8_to = self.utf8_to.max(start);
        while self.utf8_to < end {
            let ahead = self.end.min(end.max(self.utf8_to + UTF8_STRIDE));
            let text = &self.buffer[self.utf8_to..ahead];
            match std::str::from_utf8(text) {
                Ok(_) => self.utf8_to = ahead,
                Err(error) => {
                    self.utf8_to += error.valid_up_to();
                    if self.utf8_to < end {
                        self.utf8_to = end;
                        return false;
                    }
                }
            }
        }
        true
    }
}
