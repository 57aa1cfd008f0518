//! What the calls of a stage cost, taken apart: the plugin's own code, the boundary round it,
//! and the host's part.
//!
//! A measured sandbox notes the time whenever control passes into it and out of it. Per call
//! that is, in this order:
//!
//! | the guest runs | how often | counted as |
//! |---|---|---|
//! | its allocator, for the list of columns and the three buffers of each | 1 + 3 per node | boundary |
//! | `process` | once | kernel |
//! | its clean-up after the answer was lifted | once or never | boundary |
//!
//! What lies between, copying in, entering, lifting and checking, is boundary, too. Reading
//! the clock takes time itself: what that is was measured before, and is taken off again.

use super::bindings::lockgate::transform::types::{Output, RowResult};
use std::time::{Duration, Instant};

/// What one stage cost on the batches it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageCost {
    /// Calls of the plugin.
    pub calls: u64,
    /// Rows of these calls.
    pub rows: u64,
    /// Bytes of the columns that went in.
    pub bytes_in: u64,
    /// Bytes of the columns and row decisions that came back.
    pub bytes_out: u64,
    /// Time in the plugin's `process`.
    pub kernel: Duration,
    /// Time to bring columns in and the answer out, the checks of the answer included.
    pub boundary: Duration,
    /// Time of the host's own work on rows: unnesting, gathering what is read, row decisions.
    pub host: Duration,
    /// Of the batch at hand: time in calls, measuring included.
    pub(crate) in_calls: Duration,
}

impl StageCost {
    /// All its time.
    pub fn total(&self) -> Duration {
        self.kernel + self.boundary + self.host
    }

    /// The median of each time over several passes of the same rows.
    pub fn median(passes: &[Self]) -> Self {
        let time = |of: fn(&Self) -> Duration| {
            let mut times: Vec<_> = passes.iter().map(of).collect();
            times.sort_unstable();
            times.get(times.len() / 2).copied().unwrap_or_default()
        };
        Self {
            kernel: time(|pass| pass.kernel),
            boundary: time(|pass| pass.boundary),
            host: time(|pass| pass.host),
            ..passes.last().copied().unwrap_or_default()
        }
    }

    /// Counts a call that took so long, the lowering before and the checks after it included.
    pub(super) fn add_call(&mut self, took: Duration, split: Split) {
        self.calls += 1;
        self.in_calls += took;
        self.kernel += split.kernel;
        self.boundary += took.saturating_sub(split.kernel + split.metering);
    }

    /// Counts a batch that took so long, its calls included.
    pub(super) fn add_batch(&mut self, took: Duration) {
        self.host += took.saturating_sub(std::mem::take(&mut self.in_calls));
    }
}

/// Bytes of the row decisions and columns of an answer.
pub(super) fn returned_bytes(output: &Output) -> u64 {
    let rows = match &output.rows {
        RowResult::Same | RowResult::Produced(_) => 0,
        RowResult::Keep(bits) => bits.len(),
        RowResult::Take(rows) => size_of_val(rows.as_slice()),
    };
    let columns = output.columns.iter().map(|column| {
        column.validity.len() + size_of_val(column.offsets.as_slice()) + column.data.len()
    });
    (rows + columns.sum::<usize>()) as u64
}

/// The times at which a sandbox was entered and left during one call.
#[derive(Debug)]
pub(super) struct Meter {
    marks: Vec<Instant>,
    /// What it takes to read the clock.
    reading: Duration,
}

impl Meter {
    /// A meter that knows what its clock costs.
    pub(super) fn new() -> Self {
        const READINGS: u32 = 2_000;
        let start = Instant::now();
        (0..READINGS).for_each(|_| _ = std::hint::black_box(Instant::now()));
        Self { marks: Vec::with_capacity(64), reading: start.elapsed() / READINGS }
    }

    /// Forgets the call before.
    pub(super) fn clear(&mut self) {
        self.marks.clear();
    }

    /// Notes that control passes into the sandbox or out of it.
    pub(super) fn mark(&mut self) {
        self.marks.push(Instant::now());
    }

    /// What the call of `process` with this many nodes took.
    pub(super) fn split(&self, nodes: usize) -> Split {
        let allocations = 1 + 3 * nodes;
        let kernel = match self.marks.as_chunks().0.get(allocations) {
            Some([entered, left]) => (*left - *entered).saturating_sub(self.reading),
            None => Duration::ZERO,
        };
        Split { kernel, metering: self.reading * self.marks.len() as u32 }
    }
}

/// The parts of one call that the host cannot see from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// Time in the plugin's `process`.
    pub(super) kernel: Duration,
    /// Time spent on measuring.
    pub(super) metering: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(marks: &[u64]) -> Meter {
        let start = Instant::now();
        let at = |micros: &u64| start + Duration::from_micros(*micros);
        Meter { marks: marks.iter().map(at).collect(), reading: Duration::from_micros(1) }
    }

    #[test]
    fn the_kernel_is_what_follows_the_allocations() {
        // Four allocations of 2 µs for the one column, 50 µs of `process`, 3 µs of clean-up.
        let marks = [0, 2, 5, 7, 10, 12, 15, 17, 30, 80, 95, 98];
        let split = meter(&marks).split(1);
        assert_eq!(split.kernel, Duration::from_micros(49));
        assert_eq!(split.metering, Duration::from_micros(12));
        // Without a clean-up it is the same.
        assert_eq!(meter(&marks[..10]).split(1).kernel, split.kernel);
        assert_eq!(meter(&marks[..8]).split(1).kernel, Duration::ZERO);
    }

    #[test]
    fn what_is_not_in_a_call_is_the_hosts() {
        let mut cost = StageCost::default();
        let micros = Duration::from_micros;
        for call in [30, 50] {
            let split = Split { kernel: micros(20), metering: micros(2) };
            cost.add_call(micros(call), split);
        }
        cost.add_batch(micros(100));
        assert_eq!((cost.calls, cost.kernel), (2, micros(40)));
        assert_eq!((cost.boundary, cost.host), (micros(36), micros(20)));
        assert_eq!(cost.total(), micros(96));
        cost.add_batch(micros(7));
        assert_eq!(cost.host, micros(27));
    }

    #[test]
    fn of_every_part_the_median_counts() {
        let pass = |kernel: u64, boundary: u64| StageCost {
            rows: 5,
            kernel: Duration::from_nanos(kernel),
            boundary: Duration::from_nanos(boundary),
            ..StageCost::default()
        };
        assert_eq!(StageCost::median(&[pass(9, 1), pass(1, 3), pass(2, 2)]), pass(2, 2));
        assert_eq!(StageCost::median(&[]), StageCost::default());
    }
}
