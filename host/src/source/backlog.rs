//! New files that a listing gave and no micro-batch has taken yet.
//!
//! Owns how long they are good for. Listing a million files for the sake of every thousand
//! would take more time than reading them, so a listing serves the next micro-batches, too: for
//! a multiple of the time it took, so that listing takes a small share of a run, and what
//! vanishes or appears meanwhile is noticed soon.

use super::discover::count_within;
use crate::{pipeline::plan::SourcePlan, types::InputFile};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A listing serves for so many times as long as it took.
const SERVES: u32 = 10;
/// At least so long: nobody waits for what is new while there is a backlog.
const LEAST: Duration = Duration::from_secs(1);
/// At most this many files are kept, some tens of megabytes.
const MOST_FILES: usize = 100_000;

/// Files for later micro-batches.
#[derive(Debug, Default)]
pub struct Backlog {
    files: VecDeque<InputFile>,
    until: Option<Instant>,
}

impl Backlog {
    /// Keeps what a listing gave for later, which `took` so long and ended `now`.
    pub fn keep(&mut self, mut later: Vec<InputFile>, took: Duration, now: Instant) {
        later.truncate(MOST_FILES);
        later.shrink_to_fit();
        self.until = now.checked_add(took.saturating_mul(SERVES).max(LEAST));
        self.files = later.into();
    }

    /// The files of the next micro-batch; none when it is time to list.
    pub fn take(&mut self, plan: &SourcePlan, now: Instant) -> Vec<InputFile> {
        if self.until.is_none_or(|until| now > until) {
            self.files.clear();
        }
        let count = count_within(plan, &self.files);
        self.files.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fixture::plan;

    fn files(count: usize) -> Vec<InputFile> {
        let file = |n: usize| InputFile {
            path: format!("{n:06}"),
            size_bytes: 1,
            modified_us: n as i64,
            etag: None,
        };
        (0..count).map(file).collect()
    }

    #[test]
    fn a_listing_serves_for_a_multiple_of_its_time_and_at_least_for_a_second() {
        let mut plan = plan();
        plan.max_files_per_trigger = Some(2);
        let (now, mut backlog) = (Instant::now(), Backlog::default());
        assert_eq!(backlog.take(&plan, now), []);
        let later = |secs| now + Duration::from_secs(secs);
        backlog.keep(files(5), Duration::from_millis(1), now);
        assert_eq!(backlog.take(&plan, later(1)), files(2));
        assert_eq!(backlog.take(&plan, later(2)), []);
        backlog.keep(files(5), Duration::from_secs(3), now);
        assert_eq!(backlog.take(&plan, later(29)), files(2));
        assert_eq!(backlog.take(&plan, later(30)), files(4)[2..]);
        assert_eq!(backlog.take(&plan, later(31)), [], "too long ago to be relied on");
        assert_eq!(backlog.take(&plan, later(30)), []);
    }

    #[test]
    fn a_backlog_is_bounded() {
        let (plan, now, mut backlog) = (plan(), Instant::now(), Backlog::default());
        backlog.keep(files(MOST_FILES + 7), LEAST, now);
        assert_eq!(backlog.take(&plan, now), files(MOST_FILES));
        assert_eq!(backlog.take(&plan, now), [], "the rest is listed again");
    }
}
