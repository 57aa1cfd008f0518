//! Directories whose names have reached the disk.
//!
//! Owns creation and fsync of directories; knows nothing of the files in them. A directory
//! that another process made may exist without having reached the disk, so the first use of
//! a directory in this process makes its whole path durable; later uses cost nothing.

use super::refusal::refused;
use crate::diagnostic::Result;
use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
};

#[derive(Debug)]
pub(super) struct Directories {
    root: PathBuf,
    known: Mutex<Known>,
    /// Shared while a file is created in a directory that may go; one goes alone.
    going: RwLock<()>,
}

/// Directories that this process has made or met.
#[derive(Debug, Default)]
struct Known {
    exist: HashSet<PathBuf>,
    /// Those whose names have reached the disk, with the names of all they lie in.
    durable: HashSet<PathBuf>,
}

impl Directories {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, known: Mutex::default(), going: RwLock::default() }
    }

    /// Makes a directory below the root exist, durably.
    pub(super) fn ensure(&self, dir: &Path) -> Result<()> {
        self.ensure_all(&BTreeSet::from([dir.to_owned()]))
    }

    /// Makes directories below the root exist, durably; syncs a common parent once.
    pub(super) fn ensure_all(&self, dirs: &BTreeSet<PathBuf>) -> Result<()> {
        dirs.iter().try_for_each(|dir| self.make(dir))?;
        self.unsettled(dirs).iter().try_for_each(|dir| sync(dir))?;
        self.are_settled(dirs);
        Ok(())
    }

    /// Makes a directory below the root exist. Its name is durable once [`Self::unsettled`] ones
    /// are synced.
    pub(super) fn make(&self, dir: &Path) -> Result<()> {
        if self.known().exist.contains(dir) {
            return Ok(());
        }
        self.ensure_root()?;
        fs::create_dir_all(dir).map_err(|e| refused("create the directory", dir, &e))?;
        self.known().exist.insert(dir.to_owned());
        Ok(())
    }

    /// Creates a file in a directory, which is made if need be and stays meanwhile.
    pub(super) fn create_in<T>(&self, dir: &Path, create: impl FnOnce() -> Result<T>) -> Result<T> {
        let _stays = self.going.read().unwrap_or_else(PoisonError::into_inner);
        self.make(dir)?;
        create()
    }

    /// Removes a directory, unless it holds files.
    pub(super) fn remove_empty(&self, dir: &Path) {
        let _going = self.going.write().unwrap_or_else(PoisonError::into_inner);
        self.forget(dir);
        let _ = fs::remove_dir(dir);
    }

    /// Directories to sync so that the names of these, and of what they lie in, are durable.
    pub(super) fn unsettled(&self, dirs: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let durable = &self.known().durable;
        let mut unsettled = BTreeSet::new();
        for dir in dirs {
            let below = dir.ancestors().take_while(|dir| **dir != self.root);
            let new = below.take_while(|dir| !durable.contains(*dir));
            unsettled.extend(new.filter_map(Path::parent).map(Path::to_owned));
        }
        unsettled
    }

    /// The [`Self::unsettled`] ones of these directories were synced.
    pub(super) fn are_settled(&self, dirs: &BTreeSet<PathBuf>) {
        let with_parents = dirs.iter().flat_map(|dir| dir.ancestors());
        let below = with_parents.filter(|dir| dir.starts_with(&self.root)).map(Path::to_owned);
        self.known().durable.extend(below);
    }

    /// Forgets a directory that is gone, or may be, and everything below it.
    pub(super) fn forget(&self, dir: &Path) {
        let mut known = self.known();
        known.exist.retain(|known| !known.starts_with(dir));
        known.durable.retain(|known| !known.starts_with(dir));
    }

    /// Creates the root if needed, and makes it durable.
    fn ensure_root(&self) -> Result<()> {
        if self.known().exist.contains(&self.root) {
            return Ok(());
        }
        let missing = self.root.ancestors().take_while(|dir| !dir.exists());
        let above: Vec<_> = missing.filter_map(Path::parent).map(Path::to_owned).collect();
        fs::create_dir_all(&self.root)
            .map_err(|e| refused("create the directory", &self.root, &e))?;
        above.iter().try_for_each(|dir| sync(dir))?;
        self.known().exist.insert(self.root.clone());
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync(dir: &Path) -> Result<()> {
    match File::open(dir).and_then(|dir| sync_names(&dir)) {
        Ok(()) => Ok(()),
        Err(e) => Err(refused("sync the directory", dir, &e)),
    }
}

/// As [`sync`]; a missing directory is fine.
pub(super) fn sync_if_present(dir: &Path) -> Result<()> {
    match File::open(dir) {
        Ok(open) => sync_names(&open).map_err(|e| refused("sync the directory", dir, &e)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(refused("sync the directory", dir, &e)),
    }
}

/// Some network file systems answer "invalid" to an fsync of a directory; their directory
/// operations are synchronous on the server.
fn sync_names(dir: &File) -> io::Result<()> {
    match dir.sync_all() {
        Err(e) if e.kind() == ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_removed_behind_our_back_is_made_again_once_forgotten() {
        let temp = tempfile::tempdir().unwrap();
        let dirs = Directories::new(temp.path().join("root"));
        let dir = temp.path().join("root/a/b");
        dirs.ensure(&dir).unwrap();
        fs::remove_dir_all(temp.path().join("root/a")).unwrap();
        dirs.ensure(&dir).unwrap();
        assert!(!dir.exists(), "a known directory costs no system call");
        dirs.forget(&temp.path().join("root/a"));
        dirs.ensure(&dir).unwrap();
        assert!(dir.is_dir());
    }

    #[test]
    fn what_a_new_directory_lies_in_is_unsettled_until_it_was_synced() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("root");
        let dirs = Directories::new(root.clone());
        let all = |names: &[&str]| names.iter().map(|name| root.join(name)).collect();
        let first: BTreeSet<PathBuf> = all(&["p/0"]);
        dirs.make(&root.join("p/0")).unwrap();
        assert!(root.join("p/0").is_dir());
        let expected: BTreeSet<PathBuf> = all(&["", "p"]);
        assert_eq!(dirs.unsettled(&first), expected);
        dirs.are_settled(&first);
        assert!(dirs.unsettled(&first).is_empty());
        assert_eq!(dirs.unsettled(&all(&["p/1"])), all(&["p"]));
        dirs.forget(&root.join("p/0"));
        assert_eq!(dirs.unsettled(&first), all(&["p"]));
    }
}
