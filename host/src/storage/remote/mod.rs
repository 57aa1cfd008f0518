//! Object stores and HDFS as stores: `object_store` behind blocking calls.
//!
//! Owns how each promise of [`Store`] is kept by a service far away; knows nothing of what
//! the files mean. Requests that fail for now are repeated, and said so (`call`).
//!
//! | | stores with multipart uploads (S3, GCS, Azure) | stores with renames (HDFS, `WebDAV`) |
//! |---|---|---|
//! | `create` | conditional PUT | temporary object, renamed unless the name is taken |
//! | `pending` | an upload that is not completed (`upload`) | an object below `_lockgate/pending/` (`spool`) |
//! | `publish` | the upload completed | renamed unless the name is taken |
//! | `discard` | the uploads named by notes below `_lockgate/pending/` aborted | the objects deleted |
//!
//! Names of pending files and notes are new for every [`Remote`], so that two runners, which no
//! lock keeps apart here, never touch each other's.

mod ahead;
mod call;
mod connect;
mod listing;
mod memory;
mod publish;
mod reader;
mod refusal;
mod spool;
#[cfg(test)]
mod tests;
mod upload;

pub use call::silent;
pub(in crate::storage) use connect::{SCHEMES, open};
pub use memory::Memory;

use super::{Created, Meta, Notices, PENDING, PendingWriter, StorageOptions, Store};
use crate::{
    diagnostic::{Diagnostic, Result},
    types::{BatchId, InputFile, PendingFile, PendingHandle},
};
use ahead::Ahead;
use call::Caller;
use object_store::{
    Error, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload,
    multipart::MultipartStore, path::Path,
};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use uuid::Uuid;

/// Start of the names of temporary objects: hidden from glob readers and from [`Store::list`].
const TEMPORARY: &str = ".lockgate-tmp-";

/// What is read as a whole is at most about this large: a segment of the checkpoint.
const LARGEST_RECORD: usize = 64 << 20;

/// How a service makes something appear whole or not at all.
#[derive(Clone)]
enum Appear {
    /// By completing an upload; creation is conditional.
    Multipart {
        /// The service.
        uploads: Arc<dyn MultipartStore>,
        /// Parts of one file on their way at once.
        parts_at_once: usize,
    },
    /// By a rename that does not replace.
    Rename,
}

impl Appear {
    /// Whether listings come sorted by name, so that one can go on after a name.
    fn is_listed_in_order(&self) -> bool {
        matches!(self, Self::Multipart { .. })
    }
}

/// A store behind `object_store`.
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    appear: Appear,
    /// What every path of ours starts with in the service; empty: nothing.
    prefix: Path,
    name: String,
    /// Part of the names of pending files: tells this instance's from others'.
    attempt: String,
    caller: Caller,
    ahead: Ahead,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("root", &self.name).finish_non_exhaustive()
    }
}

impl Remote {
    fn new(
        store: Arc<dyn ObjectStore>,
        appear: Appear,
        prefix: Path,
        name: String,
        options: &StorageOptions,
        notices: &Notices,
    ) -> Result<Self> {
        let attempt = Uuid::new_v4().simple().to_string()[..12].to_owned();
        let caller = Caller::new(name.clone(), options.retry_timeout, Arc::clone(notices))?;
        Ok(Self { store, appear, prefix, name, attempt, caller, ahead: Ahead::default() })
    }

    /// The object of a path, which must stay below the root.
    fn locate(&self, path: &str) -> Result<Path> {
        let refusal = || {
            Diagnostic::storage(format!("`{path}` is no path below `{}`", self.name))
                .hint("paths are relative, with single `/` and without `.` and `..`")
        };
        let proper = |name: &str| !matches!(name, "" | "." | "..");
        if !path.split('/').all(proper) {
            return Err(refusal());
        }
        let below = Path::parse(path).map_err(|error| refusal().cause(error))?;
        Ok(self.prefix.parts().chain(below.parts()).collect())
    }

    /// As [`Self::locate`], for a directory: the empty path is the root.
    fn locate_dir(&self, prefix: &str) -> Result<Path> {
        match prefix.trim_end_matches('/') {
            "" => Ok(self.prefix.clone()),
            prefix => self.locate(prefix),
        }
    }

    /// What is known of an object, under its path below the root; `None` for temporary ones.
    fn describe(&self, meta: &ObjectMeta) -> Option<Meta> {
        let location = meta.location.as_ref();
        let path = match self.prefix.as_ref() {
            "" => location,
            prefix => location.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        (!path.is_empty() && !name.starts_with(TEMPORARY)).then(|| Meta {
            path: path.to_owned(),
            size_bytes: meta.size,
            // Listings and headers of one object differ below the second, and in quotes.
            modified_us: meta.last_modified.timestamp() * 1_000_000,
            etag: meta.e_tag.as_deref().map(|tag| tag.trim_matches('"').to_owned()),
        })
    }

    /// Path of what is pending for `path`, or of the note about it.
    fn pending_path(&self, batch: BatchId, path: &str, ending: &str) -> String {
        let mut handle = format!("{PENDING}/{batch}/");
        for byte in &Sha256::digest(path.as_bytes())[..12] {
            let _ = write!(handle, "{byte:02x}");
        }
        format!("{handle}-{}.{ending}", self.attempt)
    }

    /// Creates an object unless its name is taken, where a PUT has no conditions.
    async fn create_by_rename(&self, to: &Path, content: PutPayload) -> Result<(), Error> {
        let name = format!("{TEMPORARY}{}", Uuid::new_v4().simple());
        let mut parts: Vec<_> = to.parts().collect();
        parts.pop();
        let temporary: Path = parts.into_iter().chain([name.into()]).collect();
        self.store.put(&temporary, content).await?;
        let renamed = self.store.rename_if_not_exists(&temporary, to).await;
        if renamed.is_err() {
            absent(self.store.delete(&temporary).await)?;
        }
        renamed
    }
}

/// A WebDAV server answers about a collection, too, without anything that a file has.
fn is_file(meta: &ObjectMeta) -> bool {
    meta.size > 0 || meta.e_tag.is_some() || meta.last_modified.timestamp() != 0
}

/// `None` where there is no such object.
fn absent<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a request failed because there is no such object.
fn is_absent(error: &Error) -> bool {
    // What a name node says of a rename has no kind of its own.
    matches!(error, Error::NotFound { .. })
        || matches!(error, Error::Generic { source, .. }
            if source.to_string().contains("java.io.FileNotFoundException"))
}

impl Store for Remote {
    fn root(&self) -> &str {
        &self.name
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>> {
        listing::list(self, prefix, None)
    }

    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>> {
        listing::list(self, prefix, Some(after))
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        let object = self.locate(path)?;
        let head = || async { absent(self.store.head(&object).await) };
        let found = self.caller.call("look at", path, head)?;
        Ok(found.filter(is_file).and_then(|meta| self.describe(&meta)))
    }

    fn open(&self, path: &str) -> Result<Box<dyn io::Read + Send>> {
        let object = self.locate(path)?;
        if let Some(downloaded) = self.ahead.take(&object) {
            return Ok(downloaded);
        }
        reader::open(&self.caller, &self.store, path, object)
    }

    fn will_open(&self, files: &[InputFile]) {
        let located = files.iter().filter_map(|file| Some((self.locate(&file.path).ok()?, file)));
        self.ahead.start(self.caller.runtime, &self.store, located.collect());
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let object = self.locate(path)?;
        self.caller.call_with(LARGEST_RECORD, "read", path, || async {
            let Some(found) = absent(self.store.get(&object).await)? else { return Ok(None) };
            Ok(Some(found.bytes().await?.to_vec()))
        })
    }

    fn create(&self, path: &str, content: &[u8]) -> Result<Created> {
        let object = self.locate(path)?;
        let content = PutPayload::from(content.to_vec());
        let attempts = AtomicU32::new(0);
        let create = || async {
            attempts.fetch_add(1, Ordering::Relaxed);
            let created = match &self.appear {
                Appear::Multipart { .. } => {
                    let create = PutMode::Create.into();
                    self.store.put_opts(&object, content.clone(), create).await.map(drop)
                }
                Appear::Rename => self.create_by_rename(&object, content.clone()).await,
            };
            match created {
                Ok(()) => Ok(Created::New),
                Err(error) if refusal::is_taken(&error) => Ok(Created::Exists),
                Err(error) => Err(error),
            }
        };
        let created = self.caller.call_with(content.content_length(), "create", path, create)?;
        // A request that failed may have taken effect all the same. Records of two runners differ,
        // as each names its process and the microsecond; where equal content is no claim, it does
        // not matter who wrote it.
        if created == Created::Exists && attempts.into_inner() > 1 {
            let ours = |found: Vec<u8>| content.iter().flatten().eq(&found);
            if self.read(path)?.is_some_and(ours) {
                return Ok(Created::New);
            }
        }
        Ok(created)
    }

    fn put(&self, path: &str, content: &[u8]) -> Result<()> {
        let object = self.locate(path)?;
        let content = PutPayload::from(content.to_vec());
        let put = || async { self.store.put(&object, content.clone()).await };
        self.caller.call_with(content.content_length(), "write", path, put).map(drop)
    }

    fn delete(&self, path: &str) -> Result<()> {
        let object = self.locate(path)?;
        let delete = || async { absent(self.store.delete(&object).await) };
        self.caller.call("delete", path, delete).map(drop)
    }

    fn pending(&self, batch: BatchId, path: &str) -> Result<Box<dyn PendingWriter>> {
        let target = self.locate(path)?;
        match &self.appear {
            Appear::Multipart { uploads, parts_at_once } => {
                let note = self.pending_path(batch, path, upload::NOTE);
                let note = upload::Note { object: self.locate(&note)?, path: note };
                let place = upload::Place { path: path.to_owned(), object: target, note };
                let (store, uploads) = (Arc::clone(&self.store), Arc::clone(uploads));
                let caller = self.caller.clone();
                Ok(Box::new(upload::Writer::new(caller, store, uploads, *parts_at_once, place)))
            }
            Appear::Rename => {
                let path = self.pending_path(batch, path, spool::ENDING);
                let object = self.locate(&path)?;
                let (caller, store) = (self.caller.clone(), Arc::clone(&self.store));
                Ok(Box::new(spool::Writer::new(caller, store, path, object)))
            }
        }
    }

    /// What a service has answered is durable.
    fn sync_pending(&self, _: &[PendingFile]) -> Result<()> {
        Ok(())
    }

    fn verify_pending(&self, file: &PendingFile) -> Result<()> {
        match &file.handle {
            PendingHandle::Rename { path } => super::verify_renamed(self, file, path),
            // The service confirmed every part, and keeps them until the upload ends.
            PendingHandle::Multipart { .. } => Ok(()),
        }
    }

    fn publish(&self, files: &[PendingFile]) -> Result<()> {
        publish::publish(self, files)
    }

    fn discard(&self, batch: BatchId) -> Result<()> {
        publish::discard(self, batch)
    }
}
