//! Several things synced at a time, by threads that stay: a micro-batch of small files would take
//! as long to start them as to sync.

use crate::diagnostic::{Diagnostic, Result};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// Threads that sync at a time, the calling one among them. A disk takes that many requests in
/// the time of one.
const THREADS: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that help to sync. They start when there is something for them, and end when this is
/// dropped.
#[derive(Default)]
pub(super) struct SyncThreads(OnceLock<Vec<Sender<Job>>>);

impl fmt::Debug for SyncThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SyncThreads").field(&self.0.get().map(Vec::len)).finish()
    }
}

/// Items that several threads share out.
struct Shared<T> {
    items: Vec<T>,
    next: AtomicUsize,
    sync: fn(&T) -> Result<()>,
}

impl<T> Shared<T> {
    /// Syncs one after the other while there are any.
    fn work(&self) -> Result<()> {
        let mut outcome = Ok(());
        while let Some(item) = self.items.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            outcome = outcome.and((self.sync)(item));
        }
        outcome
    }

    /// The same; a panic is a failure, so that the thread stays.
    fn work_or_panic(&self) -> Result<()> {
        let panicked = |_| Err(Diagnostic::internal("a thread that syncs files panicked"));
        catch_unwind(AssertUnwindSafe(|| self.work())).unwrap_or_else(panicked)
    }
}

impl SyncThreads {
    /// Syncs every item, some at a time.
    ///
    /// # Errors
    /// Fails when one of them does; the others are synced nevertheless.
    pub(super) fn all<T>(&self, items: Vec<T>, sync: fn(&T) -> Result<()>) -> Result<()>
    where
        T: Send + Sync + 'static,
    {
        let others = items.len().saturating_sub(1);
        let shared = Arc::new(Shared { items, next: AtomicUsize::new(0), sync });
        let (answer, answers) = channel();
        // Where no thread could be started, this one does all the work.
        for thread in self.threads(others) {
            let (shared, answer) = (Arc::clone(&shared), answer.clone());
            let job = Box::new(move || {
                let outcome = shared.work_or_panic();
                // Nobody holds files open any more when the caller goes on.
                drop(shared);
                let _ = answer.send(outcome);
            });
            // A thread ends with its queue, and the queue is here.
            let _ = thread.send(job);
        }
        drop(answer);
        let outcome = shared.work();
        answers.into_iter().fold(outcome, Result::and)
    }

    /// As many as there are, and at most so many.
    fn threads(&self, most: usize) -> &[Sender<Job>] {
        if most == 0 {
            return &[];
        }
        let threads = self.0.get_or_init(|| (1..THREADS).map_while(start).collect());
        &threads[..most.min(threads.len())]
    }
}

fn start(index: usize) -> Option<Sender<Job>> {
    let (queue, jobs): (_, Receiver<Job>) = channel();
    let run = move || jobs.into_iter().for_each(|job| job());
    thread::Builder::new().name(format!("sync-{index}")).spawn(run).is_ok().then_some(queue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    struct Item {
        number: usize,
        synced: Arc<AtomicUsize>,
    }

    fn items(count: usize, synced: &Arc<AtomicUsize>) -> Vec<Item> {
        (0..count).map(|number| Item { number, synced: Arc::clone(synced) }).collect()
    }

    #[test]
    fn every_item_is_synced_once_also_when_one_fails() {
        let threads = SyncThreads::default();
        for count in [0, 1, 2, 7, 8, 50] {
            let synced = Arc::new(AtomicUsize::new(0));
            let outcome = threads.all(items(count, &synced), |item| {
                item.synced.fetch_add(1, Ordering::Relaxed);
                if item.number == 7 { Err(Diagnostic::storage("no")) } else { Ok(()) }
            });
            assert_eq!(outcome.map_err(|failure| failure.message).is_err(), count > 7);
            assert_eq!(synced.load(Ordering::Relaxed), count);
        }
    }

    #[test]
    fn one_that_panicked_is_no_success() {
        let (threads, synced) = (SyncThreads::default(), Arc::new(AtomicUsize::new(0)));
        let outcome = threads.all(items(50, &synced), |item| {
            item.synced.fetch_add(1, Ordering::Relaxed);
            let is_other = thread::current().name().is_some_and(|name| name.starts_with("sync-"));
            assert!(!is_other, "on purpose");
            // The others get something to do.
            thread::sleep(Duration::from_millis(5));
            Ok(())
        });
        assert_eq!(outcome.unwrap_err().message, "a thread that syncs files panicked");
        let outcome = threads.all(items(50, &synced), |_| Ok(()));
        assert!(outcome.is_ok(), "the threads are still there: {outcome:?}");
    }
}
