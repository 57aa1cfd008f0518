//! New files that a listing gave and no micro-batch has taken yet.
//!
//! Owns how long they are good for. Listing a million files for the sake of every thousand
//! would take more time than reading them, so a listing serves the next micro-batches, too: for
//! a multiple of the time it took, so that listing takes a small share of a run, and what
//! appears meanwhile is noticed soon. What vanishes or changes meanwhile is noticed at once: the
//! files of a micro-batch are looked at one by one before they are recorded, several at a time.

use super::{discover::count_within, side_by_side};
use crate::{diagnostic::Result, pipeline::plan::SourcePlan, storage::Storage, types::InputFile};
use std::{
    collections::VecDeque,
    iter,
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

    /// The files of the next micro-batch that are still there; none when it is time to list. It
    /// is, too, once one of them changed: it may have another place in the order, be too large
    /// for this micro-batch, or still be written.
    ///
    /// # Errors
    /// Fails when the store refuses to look at a file.
    pub fn take(
        &mut self,
        plan: &SourcePlan,
        source: &Storage,
        now: Instant,
    ) -> Result<Vec<InputFile>> {
        if self.until.is_none_or(|until| now > until) {
            self.files.clear();
        }
        let count = count_within(plan, &self.files);
        let listed: Vec<_> = self.files.drain(..count).collect();
        let found = side_by_side::each(&listed, |file| source.head(&file.path))?;
        let mut files = Vec::with_capacity(listed.len());
        for (then, now) in iter::zip(listed, found) {
            match now.map(InputFile::from) {
                None => {}
                Some(now) if now == then => files.push(now),
                Some(_) => {
                    self.files.clear();
                    return Ok(Vec::new());
                }
            }
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        source::fixture::{MemoryStore, plan},
        storage::Store as _,
    };
    use std::sync::Arc;

    fn store(count: usize) -> Storage {
        let store = MemoryStore::default();
        (0..count).for_each(|n| store.put_at(&format!("{n:06}"), b"x", n as i64));
        Arc::new(store)
    }

    fn files(store: &Storage) -> Vec<InputFile> {
        store.list("").unwrap().into_iter().map(InputFile::from).collect()
    }

    #[test]
    fn a_listing_serves_for_a_multiple_of_its_time_and_at_least_for_a_second() {
        let mut plan = plan();
        plan.max_files_per_trigger = Some(2);
        let (now, mut backlog, store) = (Instant::now(), Backlog::default(), store(5));
        let take = |backlog: &mut Backlog, now| backlog.take(&plan, &store, now).unwrap();
        assert_eq!(take(&mut backlog, now), []);
        let (files, later) = (files(&store), |secs| now + Duration::from_secs(secs));
        backlog.keep(files.clone(), Duration::from_millis(1), now);
        assert_eq!(take(&mut backlog, later(1)), files[..2]);
        assert_eq!(take(&mut backlog, later(2)), []);
        backlog.keep(files.clone(), Duration::from_secs(3), now);
        assert_eq!(take(&mut backlog, later(29)), files[..2]);
        assert_eq!(take(&mut backlog, later(30)), files[2..4]);
        assert_eq!(take(&mut backlog, later(31)), [], "too long ago to be relied on");
        assert_eq!(take(&mut backlog, later(30)), []);
    }

    #[test]
    fn a_backlog_is_bounded() {
        let (plan, now, mut backlog) = (plan(), Instant::now(), Backlog::default());
        let store = store(MOST_FILES + 7);
        let files = files(&store);
        backlog.keep(files.clone(), LEAST, now);
        assert!(backlog.take(&plan, &store, now).unwrap() == files[..MOST_FILES]);
        assert_eq!(backlog.take(&plan, &store, now).unwrap(), [], "the rest is listed again");
    }

    #[test]
    fn what_vanished_is_left_out_and_what_changed_is_listed_again() {
        let mut plan = plan();
        plan.max_files_per_trigger = Some(2);
        let (now, mut backlog) = (Instant::now(), Backlog::default());
        let memory = Arc::new(MemoryStore::default());
        (0..9).for_each(|n| memory.put_at(&n.to_string(), b"x", n));
        let store: Storage = Arc::clone(&memory) as Storage;
        backlog.keep(files(&store), LEAST, now);
        let mut take = || {
            let files = backlog.take(&plan, &store, now).unwrap();
            files.into_iter().map(|file| file.path).collect::<Vec<_>>()
        };
        memory.delete("1").unwrap();
        assert_eq!(take(), ["0"]);
        assert_eq!(take(), ["2", "3"]);
        memory.put_at("5", b"y", 9);
        assert_eq!(take(), [""; 0]);
        assert_eq!(take(), [""; 0], "nothing is left of the listing");
    }
}
