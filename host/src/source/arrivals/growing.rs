//! Files that somebody may still be writing.
//!
//! | found | complete |
//! |---|---|
//! | written to while it was watched | once the store tells |
//! | created while it was watched | once the store tells; or when it does not change and nobody is seen writing, since a link to a complete file looks the same |
//! | young in a directory that was not watched before | once the store tells, or when it does not change |

use super::LOST_AT_MOST;
use crate::{
    clock,
    diagnostic::Result,
    storage::{Meta, Storage},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// A file that has not changed for so long is taken for complete where nobody can have told.
pub(super) const QUIET: Duration = Duration::from_secs(1);

/// Size in bytes and time of the last change in microseconds.
type Seen = (u64, i64);

#[derive(Default)]
pub(super) struct Growing {
    /// By path: as it was seen last, and when it is complete unless it changes. `None` where
    /// the store tells.
    files: BTreeMap<String, Option<(Seen, Instant)>>,
}

impl Growing {
    pub(super) fn paths(&self) -> BTreeSet<String> {
        self.files.keys().cloned().collect()
    }

    pub(super) fn first(&self) -> Option<&String> {
        self.files.keys().next()
    }

    /// When to look at them again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.files.values().flatten().map(|(_, ripe)| *ripe).min()
    }

    pub(super) fn clear(&mut self) {
        self.files.clear();
    }

    /// Files up to this path are none of the source's.
    pub(super) fn clear_up_to(&mut self, path: &str) {
        self.files.retain(|growing, _| growing.as_str() > path);
    }

    /// # Errors
    /// Fails when the store refuses to look at one.
    pub(super) fn drop_missing(&mut self, storage: &Storage) -> Result<()> {
        let mut missing = BTreeSet::new();
        for path in self.files.keys() {
            if storage.head(path)?.is_none() {
                missing.insert(path.clone());
            }
        }
        self.files.retain(|path, _| !missing.contains(path));
        Ok(())
    }

    pub(super) fn written(&mut self, path: String) {
        self.files.insert(path, None);
    }

    /// # Errors
    /// Fails when the store refuses to look at it.
    pub(super) fn created(&mut self, path: String, storage: &Storage, now: Instant) -> Result<()> {
        if let Some(meta) = storage.head(&path)? {
            self.files.insert(path, Some((seen(&meta), now + patience(&meta))));
        }
        Ok(())
    }

    pub(super) fn completed(&mut self, path: &str) {
        self.files.remove(path);
    }

    /// Whether a file that nobody told of may be unfinished; it is remembered then.
    pub(super) fn is_young(&mut self, meta: &Meta, now: Instant) -> bool {
        let age_us = clock::now_us().saturating_sub(meta.modified_us).max(0);
        let left = patience(meta).saturating_sub(Duration::from_micros(age_us.unsigned_abs()));
        if !left.is_zero() {
            self.files.insert(meta.path.clone(), Some((seen(meta), now + left)));
        }
        !left.is_zero()
    }

    /// Takes those that have not changed for long enough.
    ///
    /// # Errors
    /// Fails when the store refuses to look at one.
    pub(super) fn take_ripe(&mut self, storage: &Storage, now: Instant) -> Result<Vec<String>> {
        let is_ripe = |state: &Option<(Seen, Instant)>| state.is_some_and(|(_, ripe)| ripe <= now);
        let due: Vec<_> = self.files.extract_if(.., |_, state| is_ripe(state)).collect();
        let mut ripe = Vec::new();
        for (path, state) in due {
            let Some(meta) = storage.head(&path)? else { continue };
            if state.is_some_and(|(before, _)| before == seen(&meta)) {
                ripe.push(path);
            } else {
                self.files.insert(path, Some((seen(&meta), now + patience(&meta))));
            }
        }
        Ok(ripe)
    }
}

fn seen(meta: &Meta) -> Seen {
    (meta.size_bytes, meta.modified_us)
}

/// An empty file was most likely just created.
fn patience(meta: &Meta) -> Duration {
    if meta.size_bytes == 0 { LOST_AT_MOST } else { QUIET }
}
