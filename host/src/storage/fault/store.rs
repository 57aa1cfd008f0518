//! The decorator itself: every operation asks [`Faults`] first.

use super::{Faults, Go, failure, stop};
use crate::{
    diagnostic::Result,
    storage::{Created, Lock, Meta, PendingWriter, Storage, Store, Tell, Watch},
    types::{BatchId, InputFile, PendingFile, PendingHandle},
};
use std::{
    io::{self, Read, Write},
    sync::Arc,
};

#[derive(Debug)]
pub(super) struct FaultStore {
    inner: Storage,
    faults: Arc<Faults>,
}

impl FaultStore {
    pub(super) fn new(inner: Storage, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    /// An operation that makes, replaces or removes a file.
    fn change<T>(&self, verb: &str, path: &str, effect: impl FnOnce() -> Result<T>) -> Result<T> {
        let noted = || {
            let before = self.inner.head(path).ok().flatten();
            let done = effect()?;
            self.faults.progress().changes.note(self.inner.root(), path, before);
            Ok(done)
        };
        self.faults.act(|| format!("{verb} {path}"), noted)
    }

    fn listing(
        &self,
        operation: impl FnOnce() -> String,
        now: impl FnOnce() -> Result<Vec<Meta>>,
        listed: impl Fn(&str) -> bool,
    ) -> Result<Vec<Meta>> {
        match self.faults.enter(operation)? {
            Go::Through => now(),
            Go::ThenFail(number) => Err(failure(number)),
            Go::ThenStop(number) | Go::Tear(number) => Err(stop(number)),
            Go::Stale => {
                let now = now()?;
                Ok(self.faults.progress().changes.undo_latest(self.inner.root(), listed, now))
            }
        }
    }
}

fn is_below(prefix: &str, path: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    prefix.is_empty() || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

#[warn(clippy::missing_trait_methods)]
impl Store for FaultStore {
    fn root(&self) -> &str {
        self.inner.root()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>> {
        let now = || self.inner.list(prefix);
        self.listing(|| format!("list {prefix}"), now, |path| is_below(prefix, path))
    }

    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>> {
        let now = || self.inner.list_after(prefix, after);
        let listed = |path: &str| is_below(prefix, path) && path > after;
        self.listing(|| format!("list {prefix} after {after}"), now, listed)
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        self.faults.act(|| format!("head {path}"), || self.inner.head(path))
    }

    fn open(&self, path: &str) -> Result<Box<dyn io::Read + Send>> {
        let inner = self.faults.act(|| format!("open {path}"), || self.inner.open(path))?;
        let (faults, path) = (Arc::clone(&self.faults), path.to_owned());
        Ok(Box::new(FaultReader { inner, faults, path }))
    }

    fn will_open(&self, files: &[InputFile]) {
        self.inner.will_open(files);
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.faults.act(|| format!("read {path}"), || self.inner.read(path))
    }

    fn create(&self, path: &str, content: &[u8]) -> Result<Created> {
        self.change("create", path, || self.inner.create(path, content))
    }

    fn put(&self, path: &str, content: &[u8]) -> Result<()> {
        self.change("put", path, || self.inner.put(path, content))
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.change("delete", path, || self.inner.delete(path))
    }

    fn pending(&self, batch: BatchId, path: &str) -> Result<Box<dyn PendingWriter>> {
        let start = || self.inner.pending(batch, path);
        let inner = self.faults.act(|| format!("pending {path}"), start)?;
        Ok(Box::new(FaultWriter { inner, faults: Arc::clone(&self.faults), path: path.to_owned() }))
    }

    fn sync_pending(&self, files: &[PendingFile]) -> Result<()> {
        self.faults.act(|| "sync pending files".into(), || self.inner.sync_pending(files))
    }

    fn verify_pending(&self, file: &PendingFile) -> Result<()> {
        let verify = || self.inner.verify_pending(file);
        self.faults.act(|| format!("verify pending {}", file.path), verify)
    }

    fn publish(&self, files: &[PendingFile]) -> Result<()> {
        for file in files {
            let one = || self.inner.publish(std::slice::from_ref(file));
            self.change("publish", &file.path, one)?;
        }
        Ok(())
    }

    fn discard(&self, batch: BatchId) -> Result<()> {
        self.faults.act(|| format!("discard {batch}"), || self.inner.discard(batch))
    }

    fn settle(&self, prefix: &str) -> Result<()> {
        self.faults.act(|| format!("settle {prefix}"), || self.inner.settle(prefix))
    }

    fn watch(&self, prefix: &str, is_deep: bool, tell: Tell) -> Result<Option<Box<dyn Watch>>> {
        self.inner.watch(prefix, is_deep, tell)
    }

    fn lock(&self, path: &str, holder: &[u8]) -> Result<Lock> {
        self.faults.act(|| format!("lock {path}"), || self.inner.lock(path, holder))
    }

    fn lock_holder(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.faults.act(|| format!("lock holder {path}"), || self.inner.lock_holder(path))
    }
}

struct FaultReader {
    inner: Box<dyn Read + Send>,
    faults: Arc<Faults>,
    path: String,
}

impl Read for FaultReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { inner, faults, path } = self;
        let mut read = None;
        let outcome = faults.act(
            || format!("read on {path}"),
            || {
                read = Some(inner.read(buffer));
                Ok(())
            },
        );
        outcome.map_err(io::Error::other)?;
        read.unwrap_or(Ok(0))
    }
}

struct FaultWriter {
    inner: Box<dyn PendingWriter>,
    faults: Arc<Faults>,
    path: String,
}

impl Write for FaultWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self.faults.enter(|| format!("write {}", self.path)).map_err(io::Error::other)? {
            Go::Through | Go::Stale => self.inner.write(buffer),
            Go::ThenFail(number) => {
                self.inner.write_all(buffer)?;
                Err(io::Error::other(failure(number)))
            }
            Go::ThenStop(number) => {
                self.inner.write_all(buffer)?;
                Err(io::Error::other(stop(number)))
            }
            Go::Tear(number) => {
                self.inner.write_all(&buffer[..buffer.len() / 2])?;
                self.inner.flush()?;
                Err(io::Error::other(stop(number)))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl PendingWriter for FaultWriter {
    fn finish(self: Box<Self>) -> Result<PendingHandle> {
        let Self { inner, faults, path } = *self;
        faults.act(|| format!("finish {path}"), || inner.finish())
    }
}
