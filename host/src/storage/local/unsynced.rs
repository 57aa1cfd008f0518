//! Pending files that are complete and have not reached the disk.
//!
//! Owns when they do: a file system writes its journal once for all that is synced at a time,
//! so the files of a micro-batch wait here for each other.

use super::{directories::sync_if_present, refusal::refused};
use crate::diagnostic::Result;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    fs::File,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Files that wait at most: each keeps a file descriptor.
const MOST_FILES: usize = 64;

/// Threads that sync at a time. A disk takes that many requests in the time of one.
const THREADS: usize = 4;

/// Files by their path below the store's root.
#[derive(Default)]
pub(super) struct Unsynced {
    files: Mutex<HashMap<String, Waiting>>,
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
        all(&waiting, Waiting::sync)
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
        all(&due, |due| match due {
            Due::File(waiting) => waiting.sync(),
            Due::Directory(dir) => sync_if_present(dir),
        })
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

/// Syncs every item, some at a time.
///
/// # Errors
/// Fails when one of them does; the others are synced nevertheless.
pub(super) fn all<T: Sync>(items: &[T], sync: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcome = Ok(());
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            outcome = outcome.and(sync(item));
        }
        outcome
    };
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        // Where no thread can be started, this one does all the work.
        let others: Vec<_> = (1..items.len().min(THREADS)).map_while(start).collect();
        let outcomes =
            others.into_iter().map(|thread| thread.join().unwrap_or_else(|p| resume_unwind(p)));
        outcomes.fold(work(), Result::and)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;

    #[test]
    fn every_item_is_synced_once_also_when_one_fails() {
        let counts: Vec<_> = (0..50).map(|_| AtomicUsize::new(0)).collect();
        let items: Vec<_> = (0..50).collect();
        let outcome = all(&items, |item: &usize| {
            counts[*item].fetch_add(1, Ordering::Relaxed);
            if *item == 7 { Err(Diagnostic::storage("no")) } else { Ok(()) }
        });
        assert_eq!(outcome.unwrap_err().message, "no");
        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    }

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
