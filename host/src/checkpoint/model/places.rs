//! Where the runs of the model keep their checkpoint and table: each kind of store there is.

use crate::{
    checkpoint::fixture,
    diagnostic::Result,
    storage::{
        Created, Lock, Meta, PendingWriter, Storage, Store, Tell, Watch, open, remote::Memory,
    },
    types::{BatchId, InputFile, PendingFile},
};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Files that are renamed, with a lock: the local file system.
    Locked,
    /// Files that are renamed, without locks: some network file systems.
    Unlocked,
    /// Uploads that are completed, without locks: object stores.
    Uploads,
}

/// What outlives the runs.
pub(super) struct Places {
    kind: Kind,
    dir: TempDir,
    memory: Memory,
    holder: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Places {
    pub(super) fn new(kind: Kind) -> Self {
        let (memory, holder) = (Memory::default(), Arc::default());
        Self { kind, dir: fixture::directory(), memory, holder }
    }

    /// As a process of its own opens it.
    pub(super) fn open(&self, name: &str) -> Storage {
        let local = || open(self.dir.path().join(name).to_str().unwrap()).unwrap();
        let holder = match self.kind {
            Kind::Uploads => return self.memory.open(name).unwrap(),
            Kind::Unlocked => None,
            Kind::Locked => Some(Arc::clone(&self.holder)),
        };
        Arc::new(Locks { inner: local(), holder })
    }
}

/// A store whose lock is a word in memory, or which has none: asking for a real one that is
/// taken waits a while.
#[derive(Debug)]
struct Locks {
    inner: Storage,
    holder: Option<Arc<Mutex<Option<Vec<u8>>>>>,
}

struct Guard(Arc<Mutex<Option<Vec<u8>>>>);

impl Drop for Guard {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = None;
    }
}

#[warn(clippy::missing_trait_methods)]
impl Store for Locks {
    fn root(&self) -> &str {
        self.inner.root()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>> {
        self.inner.list(prefix)
    }

    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>> {
        self.inner.list_after(prefix, after)
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        self.inner.head(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn io::Read + Send>> {
        self.inner.open(path)
    }

    fn will_open(&self, files: &[InputFile]) {
        self.inner.will_open(files);
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.inner.read(path)
    }

    fn create(&self, path: &str, content: &[u8]) -> Result<Created> {
        self.inner.create(path, content)
    }

    fn put(&self, path: &str, content: &[u8]) -> Result<()> {
        self.inner.put(path, content)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.inner.delete(path)
    }

    fn pending(&self, batch: BatchId, path: &str) -> Result<Box<dyn PendingWriter>> {
        self.inner.pending(batch, path)
    }

    fn sync_pending(&self, files: &[PendingFile]) -> Result<()> {
        self.inner.sync_pending(files)
    }

    fn verify_pending(&self, file: &PendingFile) -> Result<()> {
        self.inner.verify_pending(file)
    }

    fn publish(&self, files: &[PendingFile]) -> Result<()> {
        self.inner.publish(files)
    }

    fn discard(&self, batch: BatchId) -> Result<()> {
        self.inner.discard(batch)
    }

    fn settle(&self, prefix: &str) -> Result<()> {
        self.inner.settle(prefix)
    }

    fn watch(&self, prefix: &str, is_deep: bool, tell: Tell) -> Result<Option<Box<dyn Watch>>> {
        self.inner.watch(prefix, is_deep, tell)
    }

    fn lock(&self, _path: &str, holder: &[u8]) -> Result<Lock> {
        let Some(lock) = &self.holder else { return Ok(Lock::Unsupported) };
        let mut held = lock.lock().unwrap();
        if let Some(other) = &*held {
            return Ok(Lock::Elsewhere(other.clone()));
        }
        *held = Some(holder.to_vec());
        Ok(Lock::Held(Box::new(Guard(Arc::clone(lock)))))
    }

    fn lock_holder(&self, _path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.holder.as_ref().and_then(|lock| lock.lock().unwrap().clone()))
    }
}
