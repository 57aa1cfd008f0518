//! The only door to files and object stores.
//!
//! A [`Store`] is rooted at a URL or directory; every path is relative to that root, with
//! `/` between names. Calls block: the engine runs on threads of its own, and a remote store
//! hides its runtime. Everything that returns has reached the disk.

#[cfg(test)]
mod conformance;
pub mod fault;
pub mod local;
mod options;
pub mod remote;
mod url;
mod watch;

pub use options::StorageOptions;
pub use remote::silent;
pub use url::{open, open_with};
pub use watch::{Arrival, Coverage, Tell, Watch};

use crate::{
    diagnostic::{Diagnostic, Result},
    types::{BatchId, InputFile, PendingFile, PendingHandle},
};
use std::{fmt, io, sync::Arc};

/// Directory below a store's root for files that no reader sees yet, one directory per
/// micro-batch, where the store has no better place for them.
pub const PENDING: &str = "_lockgate/pending";

/// What to do about a committed file that is gone.
const RESTORE: &str = "somebody removed it after the commit: restore it from a copy";
const UNDO: &str = "or undo that micro-batch, and the next run does it again: `lockgate checkpoint rewind --to` the one before it";

/// A file as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Path below the store's root.
    pub path: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Last change, in microseconds since 1970.
    pub modified_us: i64,
    /// Entity tag, from stores that have one.
    pub etag: Option<String>,
}

/// As the record of a micro-batch names it.
impl From<Meta> for InputFile {
    fn from(Meta { path, size_bytes, modified_us, etag }: Meta) -> Self {
        Self { path, size_bytes, modified_us, etag }
    }
}

/// Outcome of a create-if-absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The file is new and ours.
    New,
    /// The file was there already; nothing changed.
    Exists,
}

/// Outcome of asking for a lock.
pub enum Lock {
    /// It is ours until the guard is dropped or the process ends, however it ends.
    Held(Box<dyn Send + Sync>),
    /// Somebody else holds it; this is what they wrote about themselves.
    Elsewhere(Vec<u8>),
    /// The store has no locks.
    Unsupported,
}

/// A file being written that no reader sees.
pub trait PendingWriter: io::Write + Send {
    /// Completes the file and gives the handle that publishes it. It is durable once
    /// [`Store::sync_pending`] has been told of it.
    ///
    /// # Errors
    /// Fails when the store refuses; the file is then left for [`Store::discard`].
    fn finish(self: Box<Self>) -> Result<PendingHandle>;
}

/// A shared store.
pub type Storage = Arc<dyn Store>;

/// Who is told when a store fails for now and is asked again.
pub type Notices = Arc<dyn Fn(&Diagnostic) + Send + Sync>;

/// A place that holds files.
pub trait Store: Send + Sync + fmt::Debug {
    /// How a person names the root, for messages.
    fn root(&self) -> &str;

    /// Every file whose path starts with the directory `prefix` (empty: all), sorted by path.
    ///
    /// # Errors
    /// Fails when the store refuses; a missing directory is an empty list.
    fn list(&self, prefix: &str) -> Result<Vec<Meta>>;

    /// As [`Self::list`], only what sorts after the path `after`, which need not exist.
    ///
    /// # Errors
    /// Fails when the store refuses; a missing directory is an empty list.
    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>>;

    /// What is known of a file; `None` when there is none.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn head(&self, path: &str) -> Result<Option<Meta>>;

    /// Opens a file for reading from its start.
    ///
    /// # Errors
    /// Fails when there is no such file or the store refuses.
    fn open(&self, path: &str) -> Result<Box<dyn io::Read + Send>>;

    /// Tells that these files will be opened, about in this order, so that a store far away can
    /// fetch them before.
    fn will_open(&self, _files: &[InputFile]) {}

    /// The whole of a (small) file; `None` when there is none.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// Creates a file with this content if there is none of that name: atomic, durable.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn create(&self, path: &str, content: &[u8]) -> Result<Created>;

    /// Creates or replaces a file: atomic, durable.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn put(&self, path: &str, content: &[u8]) -> Result<()>;

    /// Removes a file; a missing one is fine.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn delete(&self, path: &str) -> Result<()>;

    /// Starts a file that stays invisible until it is published at `path`.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn pending(&self, batch: BatchId, path: &str) -> Result<Box<dyn PendingWriter>>;

    /// Makes pending files that were finished durable, names included.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn sync_pending(&self, files: &[PendingFile]) -> Result<()>;

    /// Makes sure that a pending file is complete.
    ///
    /// # Errors
    /// Fails when it is missing or has another size than recorded, and when the store refuses.
    fn verify_pending(&self, file: &PendingFile) -> Result<()>;

    /// Makes pending files, durable ones, visible at their final paths, durably. Idempotent: a file that is
    /// published already (its handle is gone, its final path has `size_bytes`) is fine.
    ///
    /// # Errors
    /// Fails when the store refuses, or when a file is in neither place.
    fn publish(&self, files: &[PendingFile]) -> Result<()>;

    /// Drops everything pending of a micro-batch, whoever wrote it.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn discard(&self, batch: BatchId) -> Result<()>;

    /// Makes durable the names in the directory `prefix` (empty: the root) that an earlier
    /// process left behind: it may have died after they became visible and before they reached
    /// the disk. Removes what it left half-made.
    ///
    /// # Errors
    /// Fails when the store refuses; a missing directory is fine.
    fn settle(&self, _prefix: &str) -> Result<()> {
        Ok(())
    }

    /// Gets ready to tell of files that arrive in the directory `prefix` (empty: the root) and,
    /// where `is_deep`, in all that lie below it, once they are covered; `None` where the store
    /// cannot tell.
    ///
    /// # Errors
    /// Fails when the system refuses, because of a limit for example.
    fn watch(&self, _prefix: &str, _is_deep: bool, _tell: Tell) -> Result<Option<Box<dyn Watch>>> {
        Ok(None)
    }

    /// Takes the advisory lock of this name, and writes `holder` into it for others to read.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn lock(&self, _path: &str, _holder: &[u8]) -> Result<Lock> {
        Ok(Lock::Unsupported)
    }

    /// What the holder of the lock of this name wrote about itself; `None` when nobody holds it.
    ///
    /// # Errors
    /// Fails when the store refuses.
    fn lock_holder(&self, _path: &str) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

/// As [`Store::verify_pending`], for a file that lies under a path of its own.
fn verify_renamed(store: &dyn Store, file: &PendingFile, pending: &str) -> Result<()> {
    let found = store.head(pending)?.map(|meta| meta.size_bytes);
    if found == Some(file.size_bytes) {
        return Ok(());
    }
    let found = found.map_or("is gone".into(), |size| format!("has {size} bytes"));
    Err(Diagnostic::storage(format!(
        "the pending file `{}/{pending}`, written with {} bytes, {found}",
        store.root(),
        file.size_bytes
    ))
    .hint("nothing but lockgate may touch `_lockgate/`; run again: the micro-batch is replayed"))
}

/// The complaint about a published file of another size than recorded.
fn changed(store: &dyn Store, file: &PendingFile, found_bytes: u64) -> Diagnostic {
    Diagnostic::storage(format!(
        "the published file `{}/{}` has {found_bytes} bytes where the commit log says {}",
        store.root(),
        file.path,
        file.size_bytes
    ))
    .hint("it was changed after it was published: restore it from a copy")
}
