//! A store that breaks at a chosen operation: how crash tests reach every moment of a run.
//!
//! Owns when it breaks; knows nothing of what is stored. All stores of a run share one
//! [`Faults`], which counts their operations: every call of [`Store`], every file of a
//! `publish`, every write and the finish of a pending file.
//!
//! | fault at operation n | operation n | later operations |
//! |---|---|---|
//! | `Fail` | an error, no effect | work |
//! | `StopBefore` | an error, no effect | errors |
//! | `StopAfter` | an error, but it took effect | errors |
//! | `Tear` | an error; half of a pending write took effect, nothing of an atomic operation | errors |

use super::{Created, Lock, Meta, PendingWriter, Storage, Store};
use crate::{
    diagnostic::{Diagnostic, Result},
    types::{BatchId, InputFile, PendingFile, PendingHandle},
};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// What happens at the chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails; the store works on.
    Fail,
    /// The process stops before it takes effect.
    StopBefore,
    /// The process stops after it took effect.
    StopAfter,
    /// The process stops half-way through a write of a pending file.
    Tear,
}

const FAILED: &str = "injected failure of storage operation";
const STOPPED: &str = "injected stop at storage operation";

/// When the stores of a run break, and what they were asked to do until then.
#[derive(Debug, Default)]
pub struct Faults {
    at: Option<(u64, Fault)>,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    stopped: bool,
    trace: Vec<String>,
}

/// How an operation goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Go {
    Through,
    StopAfter(u64),
    Tear(u64),
}

impl Faults {
    /// Nothing breaks: counts operations only.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// Breaks at this operation, counted from 0.
    #[must_use]
    pub fn at(operation: u64, fault: Fault) -> Arc<Self> {
        Arc::new(Self { at: Some((operation, fault)), progress: Mutex::default() })
    }

    /// A store that works as `inner` until it breaks.
    #[must_use]
    pub fn wrap(self: &Arc<Self>, inner: Storage) -> Storage {
        Arc::new(FaultStore { inner, faults: Arc::clone(self) })
    }

    /// Operations so far, not counting those refused after a stop.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.progress().trace.len() as u64
    }

    /// The operations so far, as text: `create offsets/0000000000.json`.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.progress().trace.clone()
    }

    /// True once a stop was reached.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.progress().stopped
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, operation: impl FnOnce() -> String) -> Result<Go> {
        let mut progress = self.progress();
        if progress.stopped {
            return Err(Diagnostic::storage(format!("{STOPPED} (before this one)")));
        }
        let number = progress.trace.len() as u64;
        progress.trace.push(operation());
        let Some((_, fault)) = self.at.filter(|(at, _)| *at == number) else {
            return Ok(Go::Through);
        };
        progress.stopped = fault != Fault::Fail;
        match fault {
            Fault::Fail => Err(Diagnostic::storage(format!("{FAILED} {number}"))),
            Fault::StopBefore => Err(stop(number)),
            Fault::StopAfter => Ok(Go::StopAfter(number)),
            Fault::Tear => Ok(Go::Tear(number)),
        }
    }

    fn act<T>(
        &self,
        operation: impl FnOnce() -> String,
        effect: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        match self.enter(operation)? {
            Go::Through => effect(),
            Go::StopAfter(number) => effect().and_then(|_| Err(stop(number))),
            Go::Tear(number) => Err(stop(number)),
        }
    }
}

fn stop(number: u64) -> Diagnostic {
    Diagnostic::storage(format!("{STOPPED} {number}"))
}

/// True for the failure that an injected stop caused, however it was wrapped since.
#[must_use]
pub fn is_stop(failure: &Diagnostic) -> bool {
    failure.message.contains(STOPPED) || failure.causes.iter().any(|c| c.contains(STOPPED))
}

#[derive(Debug)]
struct FaultStore {
    inner: Storage,
    faults: Arc<Faults>,
}

#[warn(clippy::missing_trait_methods)]
impl Store for FaultStore {
    fn root(&self) -> &str {
        self.inner.root()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>> {
        self.faults.act(|| format!("list {prefix}"), || self.inner.list(prefix))
    }

    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>> {
        let list = || self.inner.list_after(prefix, after);
        self.faults.act(|| format!("list {prefix} after {after}"), list)
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        self.faults.act(|| format!("head {path}"), || self.inner.head(path))
    }

    fn open(&self, path: &str) -> Result<Box<dyn io::Read + Send>> {
        self.faults.act(|| format!("open {path}"), || self.inner.open(path))
    }

    fn will_open(&self, files: &[InputFile]) {
        self.inner.will_open(files);
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.faults.act(|| format!("read {path}"), || self.inner.read(path))
    }

    fn create(&self, path: &str, content: &[u8]) -> Result<Created> {
        self.faults.act(|| format!("create {path}"), || self.inner.create(path, content))
    }

    fn put(&self, path: &str, content: &[u8]) -> Result<()> {
        self.faults.act(|| format!("put {path}"), || self.inner.put(path, content))
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.faults.act(|| format!("delete {path}"), || self.inner.delete(path))
    }

    fn pending(&self, batch: BatchId, path: &str) -> Result<Box<dyn PendingWriter>> {
        let start = || self.inner.pending(batch, path);
        let inner = self.faults.act(|| format!("pending {path}"), start)?;
        Ok(Box::new(FaultWriter { inner, faults: Arc::clone(&self.faults), path: path.to_owned() }))
    }

    fn verify_pending(&self, file: &PendingFile) -> Result<()> {
        let verify = || self.inner.verify_pending(file);
        self.faults.act(|| format!("verify pending {}", file.path), verify)
    }

    fn publish(&self, files: &[PendingFile]) -> Result<()> {
        for file in files {
            let one = || self.inner.publish(std::slice::from_ref(file));
            self.faults.act(|| format!("publish {}", file.path), one)?;
        }
        Ok(())
    }

    fn discard(&self, batch: BatchId) -> Result<()> {
        self.faults.act(|| format!("discard {batch}"), || self.inner.discard(batch))
    }

    fn settle(&self, prefix: &str) -> Result<()> {
        self.faults.act(|| format!("settle {prefix}"), || self.inner.settle(prefix))
    }

    fn lock(&self, path: &str, holder: &[u8]) -> Result<Lock> {
        self.faults.act(|| format!("lock {path}"), || self.inner.lock(path, holder))
    }

    fn lock_holder(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.faults.act(|| format!("lock holder {path}"), || self.inner.lock_holder(path))
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
            Go::Through => self.inner.write(buffer),
            Go::StopAfter(number) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{PENDING, open};

    fn at(operation: u64, fault: Fault) -> (tempfile::TempDir, Storage, Arc<Faults>) {
        let temp = tempfile::tempdir().unwrap();
        let faults = Faults::at(operation, fault);
        let store = faults.wrap(open(temp.path().to_str().unwrap()).unwrap());
        (temp, store, faults)
    }

    #[test]
    fn a_failure_has_no_effect_and_passes() {
        let (_temp, store, faults) = at(1, Fault::Fail);
        store.create("a", b"1").unwrap();
        assert!(store.create("b", b"2").unwrap_err().message.contains(FAILED));
        assert_eq!(store.head("b").unwrap(), None);
        assert_eq!(faults.trace(), ["create a", "create b", "head b"]);
        assert!(!faults.stopped());
    }

    #[test]
    fn a_stop_ends_everything_before_or_after_its_effect() {
        for (fault, took_effect) in
            [(Fault::StopBefore, false), (Fault::StopAfter, true), (Fault::Tear, false)]
        {
            let (temp, store, faults) = at(0, fault);
            assert!(is_stop(&store.put("a", b"1").unwrap_err().context("while testing")));
            assert!(is_stop(&store.head("a").unwrap_err()));
            assert_eq!(temp.path().join("a").exists(), took_effect);
            assert_eq!(faults.operations(), 1);
        }
    }

    #[test]
    fn a_torn_write_leaves_half_a_pending_file() {
        let (temp, store, _) = at(1, Fault::Tear);
        let mut writer = store.pending(BatchId(0), "x.parquet").unwrap();
        let error = writer.write_all(b"12345678").unwrap_err();
        assert!(is_stop(&Diagnostic::storage("cannot write").cause(error)));
        assert!(is_stop(&writer.finish().unwrap_err()));
        let clean = open(temp.path().to_str().unwrap()).unwrap();
        let left = clean.list(PENDING).unwrap();
        assert_eq!(clean.read(&left[0].path).unwrap().unwrap(), b"1234");
    }

    #[test]
    fn each_file_of_a_publish_is_an_operation() {
        let (temp, store, _) = at(7, Fault::StopBefore);
        let files: Vec<PendingFile> = ["a", "b"]
            .map(|path| {
                let mut writer = store.pending(BatchId(0), path).unwrap();
                writer.write_all(b"x").unwrap();
                let handle = writer.finish().unwrap();
                let (path, event_time_us) = (path.to_owned(), None);
                PendingFile { path, handle, rows: 1, size_bytes: 1, event_time_us }
            })
            .into();
        assert!(is_stop(&store.publish(&files).unwrap_err()));
        assert!(temp.path().join("a").exists());
        assert!(!temp.path().join("b").exists());
    }
}
