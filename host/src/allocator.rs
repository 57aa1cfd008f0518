//! What the process's allocator keeps of memory that was freed.

/// Bytes of input after which freed memory goes back. To ask for it anew takes a hundredth of
/// the time that so much input takes.
const INPUT_BYTES: u64 = 256 << 20;

/// Memory that micro-batches freed and the C library keeps.
///
/// It keeps some for every thread, and the threads of the next micro-batch may not find what
/// those of the last one left: without giving it back, ten times the backlog takes a sixth more.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    of_input_bytes: u64,
}

impl Freed {
    /// Notes a micro-batch that is to come; what those before it left goes back to the system
    /// when they were large.
    pub(crate) fn before(&mut self, input_bytes: u64) {
        if self.of_input_bytes >= INPUT_BYTES {
            self.of_input_bytes = 0;
            give_back();
        }
        self.of_input_bytes = self.of_input_bytes.saturating_add(input_bytes);
    }
}

fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` takes no pointers, locks what it changes, and gives back only pages
    // that hold nothing but freed blocks.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_goes_back_after_much_input_and_not_for_each_micro_batch() {
        let mut freed = Freed::default();
        let mut given_back = 0;
        for _ in 0..100 {
            let before = freed.of_input_bytes;
            freed.before(INPUT_BYTES / 10);
            given_back += u32::from(freed.of_input_bytes <= before);
        }
        assert!((8..=10).contains(&given_back), "{given_back}");
        freed.before(u64::MAX);
        freed.before(1);
        assert_eq!(freed.of_input_bytes, 1);
    }
}
