//! What a store told since it was last asked.
//!
//! Owns the hand-over from the store's thread, and its bound; knows nothing of what is looked
//! at then.

use super::MOST_FILES;
use crate::{
    source::pattern::Pattern,
    storage::{Arrival, Tell},
};
use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// An arrival that may concern the source. In this order: a directory is looked into before its
/// files are named one by one, and a file is complete at last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Arrived {
    Missed,
    Directory(String),
    Created(String),
    Written(String),
    File(String),
}

/// Arrivals, each once however often it was told.
#[derive(Default)]
pub(super) struct Told {
    arrivals: Mutex<BTreeSet<Arrived>>,
    more: Condvar,
}

impl Told {
    /// Notes what may concern a source of this pattern.
    pub(super) fn teller(told: &Arc<Self>, pattern: Pattern, is_deep: bool) -> Tell {
        let told = Arc::clone(told);
        Box::new(move |arrival| {
            told.note(match arrival {
                Arrival::Created(path) if pattern.matches(&path) => Arrived::Created(path),
                Arrival::Written(path) if pattern.matches(&path) => Arrived::Written(path),
                Arrival::File(path) if pattern.matches(&path) => Arrived::File(path),
                Arrival::Directory(path) if is_deep && pattern.enters(&path) => {
                    Arrived::Directory(path)
                }
                Arrival::Missed => Arrived::Missed,
                _ => return,
            });
        })
    }

    fn note(&self, arrived: Arrived) {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        if arrivals.len() > MOST_FILES {
            arrivals.clear();
            arrivals.insert(Arrived::Missed);
        }
        arrivals.insert(arrived);
        self.more.notify_all();
    }

    /// What was told, which is forgotten.
    pub(super) fn take(&self) -> BTreeSet<Arrived> {
        mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something is told, or for so long.
    pub(super) fn wait(&self, at_most: Duration) {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        if arrivals.is_empty() {
            // Whoever wakes looks again, whatever woke it.
            let _ = self.more.wait_timeout(arrivals, at_most);
        }
    }
}
