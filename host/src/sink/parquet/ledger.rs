//! What to do with the rows at hand: a pure function of the calls so far.
//!
//! Rows wait in a buffer per partition until there are enough of them to be worth encoding;
//! encoded rows wait in the row group of an open file. The ledger keeps count of both, knows
//! the limits, and says which step is next. What rows take once they are encoded shows only
//! when they are, so they count as they came until the count is over the limit. Then all files
//! are weighed, after everything before is done: so the weights depend on the calls alone, never
//! on how far another thread has come, and the same calls always give the same files.
//!
//! | when | step |
//! |---|---|
//! | a partition has a chunk of rows, and a file is open or may be opened | append them |
//! | memory is over the limit, and rows were appended since files were weighed | weigh them |
//! | more than three quarters of the memory are in use by that | seal them: pages are compressed, and row groups stay whole |
//! | ... and by that | append and flush the largest; first close the file that was idle longest, if another one must open |
//! | ... and the largest is mostly the footer of its many row groups | close it |

use super::file::Held;

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
    /// Do everything before, and tell [`Ledger::weighed`] what open files hold.
    Weigh,
    /// The same, once pages that are worth it are complete.
    Seal,
}

/// How far memory has been got back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Relief {
    /// It is not over the limit.
    #[default]
    None,
    /// What is counted is what files hold.
    Weighed,
    /// And their pages are compressed. Now row groups are to be ended.
    Sealed,
}

/// Count of everything that takes memory.
#[derive(Debug)]
pub(super) struct Ledger {
    limits: Limits,
    partitions: Vec<Account>,
    open_files: usize,
    total_bytes: u64,
    /// Whether rows were appended since files were weighed.
    is_unweighed: bool,
    /// Goes on until a quarter of the memory is free.
    relief: Relief,
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
        let (partitions, is_unweighed, relief) = Default::default();
        Self { limits, partitions, open_files: 0, total_bytes: 0, is_unweighed, relief, clock: 0 }
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
        if !self.is_over() {
            return None;
        }
        match self.relief {
            Relief::None if self.is_unweighed => return Some(Step::Weigh),
            Relief::Weighed => return Some(Step::Seal),
            Relief::None | Relief::Sealed => self.relief = Relief::Sealed,
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

    /// What open files hold, by number of their partition; no others are open.
    pub(super) fn weighed(&mut self, held: &[(usize, Held)]) {
        for account in &mut self.partitions {
            *account = Account {
                buffered_rows: account.buffered_rows,
                buffered_bytes: account.buffered_bytes,
                last_append: account.last_append,
                ..Account::default()
            };
        }
        for (partition, held) in held {
            let Some(account) = self.partitions.get_mut(*partition) else { continue };
            (account.open, account.group_rows) = (true, held.group_rows);
            account.group_bytes = held.group_bytes;
            account.footer_bytes = held.row_groups * self.limits.footer_bytes;
        }
        self.open_files = held.len();
        self.total_bytes = self.partitions.iter().map(Account::bytes).sum();
        self.is_unweighed = false;
        self.relief = if self.relief == Relief::None { Relief::Weighed } else { Relief::Sealed };
    }

    /// Partitions with an open file, then those without that have rows: the order to finish in.
    pub(super) fn remaining(&self) -> (Vec<usize>, Vec<usize>) {
        let has_rows = |partition: &usize| self.partitions[*partition].buffered_rows > 0;
        let all = 0..self.partitions.len();
        let (open, rest): (Vec<_>, Vec<_>) =
            all.partition(|partition| self.partitions[*partition].open);
        (open, rest.into_iter().filter(has_rows).collect())
    }

    /// Whether row groups and rows take more than they may, beside what open files take.
    fn is_over(&mut self) -> bool {
        let files = self.open_files as u64 * self.limits.open_file_bytes;
        let room = self.limits.memory_bytes.saturating_sub(files);
        if self.total_bytes <= room / 4 * 3 {
            self.relief = Relief::None;
        }
        self.relief != Relief::None || self.total_bytes > room
    }

    fn append(&mut self, partition: usize) -> Step {
        self.clock += 1;
        self.is_unweighed = true;
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
    use Step::{Append, Close, Flush, Seal, Weigh};

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

    /// Adds rows that take a tenth of their bytes once they are encoded.
    fn add(ledger: &mut Ledger, partition: usize, rows: u64, bytes: u64) -> Vec<Step> {
        add_to_files(ledger, partition, rows, bytes, 10)
    }

    /// The steps; files hold the bytes that were counted, divided by `parts`.
    fn add_to_files(
        ledger: &mut Ledger,
        partition: usize,
        rows: u64,
        bytes: u64,
        parts: u64,
    ) -> Vec<Step> {
        ledger.add(partition, rows, bytes);
        let mut steps = Vec::new();
        while let Some(step) = ledger.next_step(partition) {
            if matches!(step, Weigh | Seal) {
                let footer_bytes = ledger.limits.footer_bytes.max(1);
                let open = ledger.partitions.iter().enumerate().filter(|(_, file)| file.open);
                let held = open.map(|(partition, file)| {
                    let (group_rows, group_bytes) = (file.group_rows, file.group_bytes / parts);
                    let row_groups = file.footer_bytes / footer_bytes;
                    (partition, Held { group_rows, group_bytes, row_groups })
                });
                let held: Vec<_> = held.collect();
                ledger.weighed(&held);
            }
            steps.push(step);
        }
        steps
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
    fn row_groups_go_on_while_what_is_encoded_has_room() {
        let mut ledger = ledger(5_000, 10);
        assert_eq!(add(&mut ledger, 0, 100, 3_000), [Append(0)]);
        assert_eq!(add(&mut ledger, 1, 100, 3_000), [Append(1), Weigh]);
        assert_eq!(ledger.total_bytes, 600);
        assert_eq!(add(&mut ledger, 0, 100, 4_000), [Append(0)]);
        assert_eq!(add(&mut ledger, 1, 100, 3_000), [Append(1), Weigh]);
        assert_eq!(ledger.remaining(), (vec![0, 1], vec![]));
    }

    #[test]
    fn over_the_memory_limit_the_largest_row_groups_go_until_a_quarter_of_it_is_free() {
        let mut ledger = ledger(5_000, 10);
        let mut add = |partition, rows, bytes| add_to_files(&mut ledger, partition, rows, bytes, 1);
        assert_eq!(add(0, 100, 2_000), [Append(0)]);
        assert_eq!(add(1, 100, 1_900), [Append(1)]);
        assert_eq!(add(1, 50, 1_200), [Weigh, Seal, Append(1), Flush(1)]);
        assert_eq!(add(0, 10, 3_100), [Weigh, Seal, Append(0), Flush(0)]);
        assert_eq!(ledger.remaining(), (vec![0, 1], vec![]));
    }

    #[test]
    fn pages_are_sealed_before_row_groups_are_ended() {
        let mut ledger = ledger(5_000, 10);
        assert_eq!(add_to_files(&mut ledger, 0, 100, 4_500, 2), [Append(0)]);
        assert_eq!(add_to_files(&mut ledger, 1, 100, 4_500, 2), [Append(1), Weigh, Seal]);
        assert_eq!(ledger.total_bytes, 2_250);
    }

    #[test]
    fn a_file_that_was_closed_by_its_size_counts_for_nothing_once_files_are_weighed() {
        let mut ledger = ledger(5_000, 10);
        add(&mut ledger, 0, 100, 3_000);
        add(&mut ledger, 1, 10, 100);
        ledger.weighed(&[]);
        assert_eq!((ledger.total_bytes, ledger.open_files), (100, 0));
        assert_eq!(ledger.remaining(), (vec![], vec![1]));
    }

    #[test]
    fn full_row_groups_free_their_memory() {
        let mut ledger = ledger(10_000, 10);
        assert_eq!(add(&mut ledger, 0, 1_250, 9_000), [Append(0)]);
        assert_eq!(ledger.total_bytes, 1_800);
    }

    #[test]
    fn beyond_the_limit_of_open_files_rows_wait_in_memory_and_then_the_idle_file_goes() {
        let mut ledger = ledger(5_000, 2);
        let mut add = |partition, rows, bytes| add_to_files(&mut ledger, partition, rows, bytes, 1);
        assert_eq!(add(0, 100, 1_000), [Append(0)]);
        assert_eq!(add(1, 100, 1_000), [Append(1)]);
        assert_eq!(add(0, 100, 100), [Append(0)]);
        assert_eq!(add(2, 200, 2_000), []);
        assert_eq!(add(2, 200, 2_000), [Weigh, Seal, Close(1), Append(2), Flush(2)]);
        assert_eq!(add(2, 200, 2_000), [Append(2)]);
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
        let mut add = || add_to_files(&mut ledger, 0, 100, 2_500, 1);
        let steps: Vec<_> = (0..12).flat_map(|_| add()).collect();
        assert_eq!(steps[..5], [Append(0), Append(0), Weigh, Seal, Flush(0)]);
        assert!(steps.contains(&Close(0)), "{steps:?}");
        assert!(ledger.total_bytes <= 3_000);
    }
}
