//! What the process's allocator keeps of memory that was freed.

/// Bytes of input files, as they are stored, after which freed memory goes back: to ask for it anew costs a hundredth of
/// what so much input costs.
const INPUT_BYTES: u64 = 512 << 20;

/// Memory that was freed and that the C library keeps.
///
/// It keeps some for every thread. Row groups end and others begin, and the threads that decode a
/// micro-batch do not find what those of the last one left; so what is kept would grow with input.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    input_bytes: u64,
}

impl Freed {
    /// Counts input that is done; after much of it, free memory goes back to the system.
    pub(crate) fn after(&mut self, input_bytes: u64) {
        self.input_bytes = self.input_bytes.saturating_add(input_bytes);
        if self.input_bytes >= INPUT_BYTES {
            self.input_bytes = 0;
            give_back();
        }
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
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// Resident memory of this process, in pages.
    fn resident() -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// One test, since what it looks at is one for the whole process.
    #[test]
    fn memory_goes_back_after_much_input_and_not_for_every_piece() {
        // Blocks too small for pages of their own, and one behind them at the heap's end.
        let blocks: Vec<_> = (0..16_384).map(|_| vec![1_u8; 8 << 10]).collect();
        let last = vec![1_u8; 8 << 10];
        drop(blocks);
        let mut freed = Freed::default();
        freed.after(INPUT_BYTES - 1);
        let kept = resident();
        freed.after(1);
        let after = resident();
        if cfg!(target_env = "gnu") {
            assert!(after + 16_384 < kept, "{kept} and {after} pages; {}", last.len());
        }
        freed.after(u64::MAX);
        freed.after(1);
        assert_eq!(freed.input_bytes, 1);
    }
}
