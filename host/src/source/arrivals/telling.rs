//! A store for tests that tells what it is made to tell.

use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{Coverage, Created, Meta, PendingWriter, Store, Tell, Watch},
    types::{BatchId, PendingFile},
};
use std::{
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// A store that tells what it is made to tell.
#[derive(Default)]
pub(super) struct Telling {
    pub(super) tell: Mutex<Option<Tell>>,
    /// Whether directories cannot be watched.
    pub(super) refuses: bool,
    /// How many times it still refuses to be listened to.
    pub(super) deaf: AtomicU64,
    /// Whether nothing can be listed.
    pub(super) unreadable: AtomicBool,
}

impl std::fmt::Debug for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telling")
    }
}

struct Covered(bool);

impl Watch for Covered {
    fn cover(&mut self, _: &str) -> Result<Coverage> {
        if self.0 { Err(Diagnostic::storage("no more watches")) } else { Ok(Coverage::Told) }
    }
}

impl Store for Telling {
    fn root(&self) -> &'static str {
        "telling"
    }

    fn watch(&self, _: &str, _: bool, tell: Tell) -> Result<Option<Box<dyn Watch>>> {
        let once_less = |times: u64| times.checked_sub(1);
        if self.deaf.fetch_update(Relaxed, Relaxed, once_less).is_ok() {
            return Err(Diagnostic::storage("too many watchers"));
        }
        *self.tell.lock().unwrap() = Some(tell);
        Ok(Some(Box::new(Covered(self.refuses))))
    }

    fn list(&self, _: &str) -> Result<Vec<Meta>> {
        if self.unreadable.load(Relaxed) {
            return Err(Diagnostic::storage("cannot list"));
        }
        Ok(Vec::new())
    }

    fn list_after(&self, _: &str, _: &str) -> Result<Vec<Meta>> {
        unreachable!("it only tells")
    }

    fn head(&self, _: &str) -> Result<Option<Meta>> {
        unreachable!("it only tells")
    }

    fn open(&self, _: &str) -> Result<Box<dyn io::Read + Send>> {
        unreachable!("it only tells")
    }

    fn read(&self, _: &str) -> Result<Option<Vec<u8>>> {
        unreachable!("it only tells")
    }

    fn create(&self, _: &str, _: &[u8]) -> Result<Created> {
        unreachable!("it only tells")
    }

    fn put(&self, _: &str, _: &[u8]) -> Result<()> {
        unreachable!("it only tells")
    }

    fn delete(&self, _: &str) -> Result<()> {
        unreachable!("it only tells")
    }

    fn pending(&self, _: BatchId, _: &str) -> Result<Box<dyn PendingWriter>> {
        unreachable!("it only tells")
    }

    fn sync_pending(&self, _: &[PendingFile]) -> Result<()> {
        unreachable!("it only tells")
    }

    fn verify_pending(&self, _: &PendingFile) -> Result<()> {
        unreachable!("it only tells")
    }

    fn publish(&self, _: &[PendingFile]) -> Result<()> {
        unreachable!("it only tells")
    }

    fn discard(&self, _: BatchId) -> Result<()> {
        unreachable!("it only tells")
    }
}
