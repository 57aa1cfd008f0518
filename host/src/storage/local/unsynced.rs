//! Pending files that are complete and have not reached the disk.
//!
//! Owns when they do: a file system writes its journal once for all that is synced at a time,
//! so the files of a micro-batch wait here for each other.

use super::{
    directories::{self, sync_if_present},
    refusal::refused,
    sync::SyncThreads,
};
use crate::diagnostic::Result;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    fs::File,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Files that wait at most: each keeps a file descriptor.
const MOST_FILES: usize = 64;

/// Files by their path below the store's root.
#[derive(Default)]
pub(super) struct Unsynced {
    files: Mutex<HashMap<String, Waiting>>,
    threads: SyncThreads,
}

struct Waiting {
    path: PathBuf,
    file: File,
}

/// What is to be synced.
enum Due {
    File(Waiting),
    Directory(PathBuf),
}

impl fmt::Debug for Unsynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files().keys()).finish()
    }
}

impl Unsynced {
    /// Lets a file wait; when too many do, they are synced at once.
    pub(super) fn add(&self, handle: String, path: PathBuf, file: File) -> Result<()> {
        let mut files = self.files();
        files.insert(handle, Waiting { path, file });
        if files.len() < MOST_FILES {
            return Ok(());
        }
        let waiting: Vec<_> = files.drain().map(|(_, waiting)| waiting).collect();
        drop(files);
        self.threads.all(waiting, Waiting::sync)
    }

    /// Syncs those of these files that still wait, and directories, as far as they are there.
    pub(super) fn sync<'a>(
        &self,
        handles: impl Iterator<Item = &'a str>,
        dirs: BTreeSet<PathBuf>,
    ) -> Result<()> {
        let mut due: Vec<_> = {
            let mut files = self.files();
            handles.filter_map(|handle| files.remove(handle)).map(Due::File).collect()
        };
        due.extend(dirs.into_iter().map(Due::Directory));
        self.threads.all(due, |due| match due {
            Due::File(waiting) => waiting.sync(),
            Due::Directory(dir) => sync_if_present(dir),
        })
    }

    /// Makes the names in these directories durable.
    pub(super) fn sync_names(&self, dirs: BTreeSet<PathBuf>) -> Result<()> {
        self.threads.all(dirs.into_iter().collect(), |dir| directories::sync(dir))
    }

    /// Lets go of the files below a directory, which are to be deleted.
    pub(super) fn forget(&self, directory: &Path) {
        self.files().retain(|_, waiting| !waiting.path.starts_with(directory));
    }

    fn files(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|e| refused("write", &self.path, &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_files_are_bounded_and_discarded_ones_are_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let unsynced = Unsynced::default();
        let add = |name: String| {
            let path = folder.path().join(&name);
            let file = File::create(&path).unwrap();
            unsynced.add(name, path, file).unwrap();
            unsynced.files().len()
        };
        let most = (0..150).map(|n| add(format!("{n}"))).max();
        assert_eq!(most, Some(MOST_FILES - 1));
        unsynced.sync(["149", "no such file"].into_iter(), BTreeSet::new()).unwrap();
        assert_eq!(unsynced.files().len(), 150 % MOST_FILES - 1);
        unsynced.forget(folder.path());
        assert_eq!(unsynced.files().len(), 0);
    }
}
