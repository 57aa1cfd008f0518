//! The local file system as a store. Everything that returns has been fsynced, names included,
//! but for a pending file that is written: all of a micro-batch are fsynced together.
//!
//! Owns how a file appears whole or not at all; knows nothing of what the files mean.
//!
//! | call | file | names |
//! |---|---|---|
//! | `create` | temporary file, fsync, `link` to the final name (fails if taken), temporary name removed | fsync of the directory |
//! | `put` | temporary file, fsync, `rename` | fsync of the directory |
//! | `sync_pending` | `_lockgate/pending/<batch>/<hash of the path>-<attempt>.pending`, fsync | fsync of that directory once |
//! | `publish` | `rename` of each file | fsync of each directory once, new ones and their parents too |
//! | `delete`, `discard` | removed | fsync of the directory |
//!
//! A directory's own name is made durable when this process first writes below it.

mod directories;
mod listing;
mod lock;
pub mod name;
mod pending;
mod refusal;
mod sync;
mod unsynced;
mod watch;

use super::{
    Created, Lock, Meta, PendingWriter, RESTORE, Store, Tell, UNDO, Watch, changed, verify_renamed,
};
use crate::{
    diagnostic::{Diagnostic, Result},
    types::{BatchId, PendingFile},
};
use directories::{Directories, sync, sync_if_present};
use refusal::refused;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use unsynced::Unsynced;
use uuid::Uuid;

/// Start of the names of temporary files: hidden from glob readers and from [`Store::list`].
const TEMPORARY: &str = ".lockgate-tmp-";

/// A temporary file of this age belongs to a process that died: writing one takes seconds.
const ABANDONED: Duration = Duration::from_hours(1);

/// Numbers the temporary files of this process.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// A directory as a store.
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
    name: String,
    /// Part of the names of pending and temporary files: tells this instance's from others'.
    attempt: String,
    dirs: Directories,
    unsynced: Arc<Unsynced>,
}

impl LocalStore {
    /// The store rooted at an absolute directory, which is created by the first write.
    ///
    /// # Errors
    /// Fails when the path is not absolute, not UTF-8, or names something else than a directory.
    pub fn new(root: &Path) -> Result<Self> {
        let shown = root.display();
        if !root.is_absolute() {
            return Err(Diagnostic::config(format!("`{shown}` is not an absolute directory"))
                .hint("write the whole path, starting with `/`"));
        }
        if fs::metadata(root).is_ok_and(|meta| !meta.is_dir()) {
            return Err(Diagnostic::config(format!("`{shown}` is not a directory"))
                .hint("name the directory, and give file names as a pattern below it"));
        }
        let root: PathBuf = root.components().collect();
        let Some(name) = root.to_str().map(str::to_owned) else {
            return Err(Diagnostic::config(format!("the directory `{shown}` is not UTF-8"))
                .hint("rename the directory"));
        };
        let attempt = Uuid::new_v4().simple().to_string()[..12].to_owned();
        let dirs = Directories::new(root.clone());
        Ok(Self { dirs, root, name, attempt, unsynced: Arc::default() })
    }

    /// The file of a path, which must stay below the root.
    fn locate(&self, path: &str) -> Result<PathBuf> {
        let proper = |name: &str| !matches!(name, "" | "." | "..");
        match name::of_text(path) {
            Some(file) if path.split('/').all(proper) => return Ok(self.root.join(file)),
            _ => {}
        }
        Err(Diagnostic::storage(format!("`{path}` is no path below `{}`", self.name))
            .hint("paths are relative, with single `/` and without `.` and `..`"))
    }

    /// As [`Self::locate`], for a directory: the empty path is the root.
    fn locate_dir(&self, prefix: &str) -> Result<PathBuf> {
        match prefix.trim_end_matches('/') {
            "" => Ok(self.root.clone()),
            prefix => self.locate(prefix),
        }
    }

    /// Writes content to a temporary file beside `file`, durably.
    fn write_beside(&self, file: &Path, content: &[u8]) -> Result<PathBuf> {
        let dir = directory_of(file);
        let number = NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed);
        let temporary = dir.join(format!("{TEMPORARY}{}-{number}", self.attempt));
        let write = || -> io::Result<()> {
            let mut open = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
            open.write_all(content)?;
            open.sync_all()
        };
        self.dirs.ensure(dir)?;
        let mut written = write();
        if matches!(&written, Err(e) if e.kind() == ErrorKind::NotFound) {
            self.dirs.forget(dir);
            self.dirs.ensure(dir)?;
            written = write();
        }
        if let Err(e) = written {
            let _ = fs::remove_file(&temporary);
            return Err(refused("write", file, &e));
        }
        Ok(temporary)
    }

    /// Moves one pending file to its final path; what is there already stays.
    fn move_into_place(&self, file: &PendingFile, from: &Path, to: &Path) -> Result<()> {
        let (pending, published) = (listing::head(from, "")?, listing::head(to, &file.path)?);
        match (pending, published) {
            (Some(_), None) => {
                let mut moved = fs::rename(from, to);
                if matches!(&moved, Err(e) if e.kind() == ErrorKind::NotFound) {
                    // Another runner that publishes the same commit may have been faster.
                    if listing::head(from, "")?.is_none() {
                        return self.move_into_place(file, from, to);
                    }
                    self.dirs.forget(directory_of(to));
                    self.dirs.ensure(directory_of(to))?;
                    moved = fs::rename(from, to);
                }
                moved.map_err(|e| refused("publish", to, &e))
            }
            (None, Some(meta)) if meta.size_bytes == file.size_bytes => Ok(()),
            (Some(_), Some(_)) if pending::same_file(from, to)? => {
                fs::remove_file(from).map_err(|e| refused("delete", from, &e))
            }
            (Some(_), Some(_)) => Err(Diagnostic::storage(format!(
                "cannot publish `{}`: there is another file of that name",
                to.display()
            ))
            .hint("another pipeline, or this one with an older checkpoint, wrote to this table: move its files away or choose another `sink` directory")),
            (None, Some(meta)) => Err(changed(self, file, meta.size_bytes)),
            (None, None) => Err(Diagnostic::storage(format!(
                "the committed file `{}` is gone, and so is its pending file `{}`",
                to.display(),
                from.display()
            ))
            .hint(RESTORE)
            .hint(UNDO)),
        }
    }
}

/// Removes temporary files that dead processes left in a directory. What cannot be removed
/// harms nobody, so nothing is reported.
fn sweep(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let is_temporary = entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
        let modified = entry.metadata().and_then(|meta| meta.modified());
        let age = modified.ok().and_then(|time| time.elapsed().ok());
        if is_temporary && age.is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The directory that a file below the root lies in.
fn directory_of(file: &Path) -> &Path {
    file.parent().unwrap_or(file)
}

impl Store for LocalStore {
    fn root(&self) -> &str {
        &self.name
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>> {
        listing::list(self.locate_dir(prefix)?, prefix.trim_end_matches('/'))
    }

    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>> {
        listing::list_after(self.locate_dir(prefix)?, prefix.trim_end_matches('/'), after)
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        listing::head(&self.locate(path)?, path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn io::Read + Send>> {
        let file = self.locate(path)?;
        match File::open(&file) {
            Ok(open) => Ok(Box::new(open)),
            Err(e) => Err(refused("open", &file, &e)),
        }
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let file = self.locate(path)?;
        match fs::read(&file) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(refused("read", &file, &e)),
        }
    }

    fn create(&self, path: &str, content: &[u8]) -> Result<Created> {
        let file = self.locate(path)?;
        let temporary = self.write_beside(&file, content)?;
        let linked = fs::hard_link(&temporary, &file);
        fs::remove_file(&temporary).map_err(|e| refused("delete", &temporary, &e))?;
        let created = match linked {
            Ok(()) => Created::New,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Created::Exists,
            Err(e) => return Err(refused("create", &file, &e)),
        };
        sync(directory_of(&file))?;
        Ok(created)
    }

    fn put(&self, path: &str, content: &[u8]) -> Result<()> {
        let file = self.locate(path)?;
        let temporary = self.write_beside(&file, content)?;
        if let Err(e) = fs::rename(&temporary, &file) {
            let _ = fs::remove_file(&temporary);
            return Err(refused("replace", &file, &e));
        }
        sync(directory_of(&file))
    }

    fn delete(&self, path: &str) -> Result<()> {
        let file = self.locate(path)?;
        match fs::remove_file(&file) {
            Ok(()) => sync(directory_of(&file)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(refused("delete", &file, &e)),
        }
    }

    fn pending(&self, batch: BatchId, path: &str) -> Result<Box<dyn PendingWriter>> {
        self.locate(path)?;
        let handle = pending::handle(batch, path, &self.attempt);
        let file = self.locate(&handle)?;
        let (dir, unsynced) = (directory_of(&file).to_owned(), Arc::clone(&self.unsynced));
        let create = || pending::Writer::new(file, handle, unsynced);
        Ok(Box::new(self.dirs.create_in(&dir, create)?))
    }

    fn sync_pending(&self, files: &[PendingFile]) -> Result<()> {
        pending::sync(self, files)
    }

    fn verify_pending(&self, file: &PendingFile) -> Result<()> {
        verify_renamed(self, file, pending::path_of(self, file)?)
    }

    fn publish(&self, files: &[PendingFile]) -> Result<()> {
        pending::publish(self, files)
    }

    fn discard(&self, batch: BatchId) -> Result<()> {
        let dir = self.locate(&pending::directory(batch))?;
        self.dirs.forget(&dir);
        self.unsynced.forget(&dir);
        match fs::remove_dir_all(&dir) {
            Ok(()) => sync(directory_of(&dir)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(refused("delete", &dir, &e)),
        }
    }

    fn settle(&self, prefix: &str) -> Result<()> {
        let dir = self.locate_dir(prefix)?;
        sweep(&dir);
        sync_if_present(&dir)
    }

    fn watch(&self, prefix: &str, is_deep: bool, tell: Tell) -> Result<Option<Box<dyn Watch>>> {
        let watcher = watch::Watcher::new(&self.root, self.locate_dir(prefix)?, is_deep, tell)?;
        Ok(watcher.map(|watcher| Box::new(watcher) as _))
    }

    fn lock(&self, path: &str, holder: &[u8]) -> Result<Lock> {
        let file = self.locate(path)?;
        self.dirs.ensure(directory_of(&file))?;
        lock::take(&file, holder)
    }

    fn lock_holder(&self, path: &str) -> Result<Option<Vec<u8>>> {
        lock::holder(&self.locate(path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn temporary_files_of_dead_processes_are_removed_and_young_ones_stay() {
        let temp = tempfile::tempdir().unwrap();
        let store = LocalStore::new(temp.path()).unwrap();
        store.put("logs/record", b"").unwrap();
        let at = |name: &str| temp.path().join("logs").join(name);
        let (old, young) = (at(".lockgate-tmp-1-0"), at(".lockgate-tmp-2-0"));
        for (file, age_secs) in [(&old, 4000), (&young, 60), (&at("record"), 4000)] {
            let modified = SystemTime::now() - Duration::from_secs(age_secs);
            File::create(file).unwrap().set_modified(modified).unwrap();
        }
        store.settle("logs").unwrap();
        assert!(!old.exists() && young.exists() && at("record").exists());
    }

    #[test]
    fn a_write_below_a_file_says_what_is_in_the_way() {
        let temp = tempfile::tempdir().unwrap();
        let store = LocalStore::new(temp.path()).unwrap();
        store.put("logs", b"").unwrap();
        let refusal = store.create("logs/0.json", b"{}").unwrap_err();
        let dir = temp.path().join("logs");
        assert_eq!(refusal.message, format!("cannot create the directory `{}`", dir.display()));
        assert!(refusal.hints[0].contains("move it or choose another"), "{refusal:?}");
    }
}
