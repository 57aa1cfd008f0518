//! What to do with the rows at hand: a pure function of the calls so far.
//!
//! Rows wait in a buffer per partition until there are enough of them to be worth encoding;
//! encoded rows wait in the row group of an open file. The ledger keeps count of both, knows
//! the limits, and says which step is next. It never asks how far the encoding has come, so
//! the same calls always give the same files.
//!
//! | when | step |
//! |---|---|
//! | a partition has a chunk of rows, and a file is open or may be opened | append them |
//! | memory is over the limit | append and flush the largest; first close the file that was idle longest, if another one must open |
//! | ... and the largest is mostly the footer of its many row groups | close it |

/// What is allowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) chunk_rows: u64,
    pub(super) chunk_bytes: u64,
    pub(super) row_group_rows: u64,
    pub(super) memory_bytes: u64,
    pub(super) max_open_files: usize,
    /// What an open file takes before any row.
    pub(super) open_file_bytes: u64,
    /// What a finished row group takes until its file is closed.
    pub(super) footer_bytes: u64,
}

/// The next thing to do with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Hand its buffered rows to the encoder.
    Append(usize),
    /// End its row group.
    Flush(usize),
    /// Complete its file, to make room for another.
    Close(usize),
}

/// Count of everything that takes memory.
#[derive(Debug)]
pub(super) struct Ledger {
    limits: Limits,
    partitions: Vec<Account>,
    open_files: usize,
    total_bytes: u64,
    clock: u64,
}

#[derive(Clone, Debug, Default)]
struct Account {
    buffered_rows: u64,
    buffered_bytes: u64,
    group_rows: u64,
    group_bytes: u64,
    /// Of row groups that are finished.
    footer_bytes: u64,
    open: bool,
    last_append: u64,
}

impl Account {
    fn bytes(&self) -> u64 {
        self.buffered_bytes + self.group_bytes + self.footer_bytes
    }
}

impl Ledger {
    /// Open files get at most three quarters of the memory, whatever the limit on their number.
    pub(super) fn new(mut limits: Limits) -> Self {
        let affordable = limits.memory_bytes / 4 * 3 / limits.open_file_bytes.max(1);
        limits.max_open_files = limits.max_open_files.min(affordable as usize).max(1);
        Self { limits, partitions: Vec::new(), open_files: 0, total_bytes: 0, clock: 0 }
    }

    /// Rows of a partition were buffered; partitions are numbered from 0 as they appear.
    pub(super) fn add(&mut self, partition: usize, rows: u64, bytes: u64) {
        if partition >= self.partitions.len() {
            self.partitions.resize_with(partition + 1, Account::default);
        }
        let account = &mut self.partitions[partition];
        account.buffered_rows += rows;
        account.buffered_bytes += bytes;
        self.total_bytes += bytes;
    }

    /// The next step after [`add`](Self::add), taken as done; ask until there is none.
    pub(super) fn next_step(&mut self, added: usize) -> Option<Step> {
        let account = self.partitions.get(added)?;
        let is_chunk = account.buffered_rows >= self.limits.chunk_rows
            || account.buffered_bytes >= self.limits.chunk_bytes;
        if is_chunk && (account.open || self.open_files < self.limits.max_open_files) {
            return Some(self.append(added));
        }
        if self.used_bytes() <= self.limits.memory_bytes {
            return None;
        }
        let sizes = self.partitions.iter().map(Account::bytes).enumerate();
        // The first of several equals.
        let (largest, bytes) = sizes.rev().max_by_key(|(_, bytes)| *bytes)?;
        let account = &self.partitions[largest];
        if bytes == 0 {
            return None;
        }
        if account.open && account.footer_bytes * 2 > bytes {
            return Some(self.close(largest));
        }
        if account.buffered_bytes == 0 {
            return Some(self.flush(largest));
        }
        if !account.open && self.open_files >= self.limits.max_open_files {
            return self.close_idle();
        }
        Some(self.append(largest))
    }

    /// Partitions with an open file, then those without that have rows: the order to finish in.
    pub(super) fn remaining(&self) -> (Vec<usize>, Vec<usize>) {
        let has_rows = |partition: &usize| self.partitions[*partition].buffered_rows > 0;
        let all = 0..self.partitions.len();
        let (open, rest): (Vec<_>, Vec<_>) =
            all.partition(|partition| self.partitions[*partition].open);
        (open, rest.into_iter().filter(has_rows).collect())
    }

    fn used_bytes(&self) -> u64 {
        self.total_bytes + self.open_files as u64 * self.limits.open_file_bytes
    }

    fn append(&mut self, partition: usize) -> Step {
        self.clock += 1;
        let account = &mut self.partitions[partition];
        self.open_files += usize::from(!account.open);
        account.open = true;
        account.last_append = self.clock;
        account.group_rows += account.buffered_rows;
        account.group_bytes += account.buffered_bytes;
        (account.buffered_rows, account.buffered_bytes) = (0, 0);
        if account.group_rows >= self.limits.row_group_rows {
            // Full row groups have left; what is over has its share of the bytes.
            let over = account.group_rows % self.limits.row_group_rows;
            let kept = u128::from(account.group_bytes) * u128::from(over);
            let kept = (kept / u128::from(account.group_rows)) as u64;
            let footers =
                account.group_rows / self.limits.row_group_rows * self.limits.footer_bytes;
            account.footer_bytes += footers;
            self.total_bytes = self.total_bytes + footers + kept - account.group_bytes;
            (account.group_rows, account.group_bytes) = (over, kept);
        }
        Step::Append(partition)
    }

    fn flush(&mut self, partition: usize) -> Step {
        let account = &mut self.partitions[partition];
        account.footer_bytes += self.limits.footer_bytes;
        self.total_bytes = self.total_bytes + self.limits.footer_bytes - account.group_bytes;
        (account.group_rows, account.group_bytes) = (0, 0);
        Step::Flush(partition)
    }

    fn close_idle(&mut self) -> Option<Step> {
        let open = self.partitions.iter().enumerate().filter(|(_, account)| account.open);
        let (idle, _) = open.min_by_key(|(_, account)| account.last_append)?;
        Some(self.close(idle))
    }

    fn close(&mut self, partition: usize) -> Step {
        let account = &mut self.partitions[partition];
        self.total_bytes -= account.group_bytes + account.footer_bytes;
        (account.group_rows, account.group_bytes, account.footer_bytes) = (0, 0, 0);
        account.open = false;
        self.open_files -= 1;
        Step::Close(partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Step::{Append, Close, Flush};

    fn ledger(memory_bytes: u64, max_open_files: usize) -> Ledger {
        Ledger::new(Limits {
            chunk_rows: 100,
            chunk_bytes: 10_000,
            row_group_rows: 1_000,
            memory_bytes,
            max_open_files,
            open_file_bytes: 0,
            footer_bytes: 0,
        })
    }

    fn add(ledger: &mut Ledger, partition: usize, rows: u64, bytes: u64) -> Vec<Step> {
        ledger.add(partition, rows, bytes);
        std::iter::from_fn(|| ledger.next_step(partition)).collect()
    }

    #[test]
    fn rows_wait_until_there_is_a_chunk_of_them() {
        let mut ledger = ledger(1 << 20, 10);
        assert_eq!(add(&mut ledger, 0, 60, 600), []);
        assert_eq!(add(&mut ledger, 0, 60, 600), [Append(0)]);
        assert_eq!(add(&mut ledger, 1, 1, 10_000), [Append(1)]);
        assert_eq!(add(&mut ledger, 2, 1, 1), []);
        assert_eq!(ledger.remaining(), (vec![0, 1], vec![2]));
    }

    #[test]
    fn over_the_memory_limit_the_largest_row_group_goes_and_its_file_stays_open() {
        let mut ledger = ledger(5_000, 10);
        assert_eq!(add(&mut ledger, 0, 100, 3_000), [Append(0)]);
        assert_eq!(add(&mut ledger, 1, 100, 1_000), [Append(1)]);
        assert_eq!(add(&mut ledger, 1, 50, 1_500), [Flush(0)]);
        assert_eq!(add(&mut ledger, 0, 10, 3_000), [Append(0), Flush(0)]);
        assert_eq!(ledger.remaining(), (vec![0, 1], vec![]));
    }

    #[test]
    fn full_row_groups_free_their_memory() {
        let mut ledger = ledger(10_000, 10);
        assert_eq!(add(&mut ledger, 0, 1_250, 9_000), [Append(0)]);
        assert_eq!(ledger.used_bytes(), 1_800);
    }

    #[test]
    fn beyond_the_limit_of_open_files_rows_wait_in_memory_and_then_the_idle_file_goes() {
        let mut ledger = ledger(5_000, 2);
        assert_eq!(add(&mut ledger, 0, 100, 1_000), [Append(0)]);
        assert_eq!(add(&mut ledger, 1, 100, 1_000), [Append(1)]);
        assert_eq!(add(&mut ledger, 0, 100, 100), [Append(0)]);
        assert_eq!(add(&mut ledger, 2, 200, 2_000), []);
        assert_eq!(add(&mut ledger, 2, 200, 2_000), [Close(1), Append(2), Flush(2)]);
        assert_eq!(add(&mut ledger, 2, 200, 2_000), [Append(2)]);
        assert_eq!(ledger.remaining(), (vec![0, 2], vec![]));
    }

    #[test]
    fn open_files_leave_a_quarter_of_the_memory_to_rows() {
        let limits = Limits { open_file_bytes: 2_000, ..ledger(10_000, 10).limits };
        let mut ledger = Ledger::new(limits);
        for partition in 0..3 {
            assert_eq!(add(&mut ledger, partition, 100, 100), [Append(partition)]);
        }
        assert_eq!(add(&mut ledger, 3, 100, 100), []);
    }

    #[test]
    fn a_file_of_many_small_row_groups_is_closed_before_its_footer_fills_the_memory() {
        let limits = Limits { footer_bytes: 400, ..ledger(3_000, 10).limits };
        let mut ledger = Ledger::new(limits);
        let steps: Vec<_> = (0..12).flat_map(|_| add(&mut ledger, 0, 100, 2_500)).collect();
        let (group, end) = ([Append(0)], [Append(0), Flush(0)]);
        assert_eq!(steps[..3], [&group[..], &end].concat());
        assert!(steps.contains(&Close(0)), "{steps:?}");
        assert!(ledger.used_bytes() <= 3_000);
    }
}
