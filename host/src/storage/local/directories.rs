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
    sync::{Mutex, MutexGuard, PoisonError},
};

#[derive(Debug)]
pub(super) struct Directories {
    root: PathBuf,
    durable: Mutex<HashSet<PathBuf>>,
}

impl Directories {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, durable: Mutex::default() }
    }

    /// Makes a directory below the root exist, durably.
    pub(super) fn ensure(&self, dir: &Path) -> Result<()> {
        self.ensure_all(&BTreeSet::from([dir.to_owned()]))
    }

    /// Makes directories below the root exist, durably; syncs a common parent once.
    pub(super) fn ensure_all(&self, dirs: &BTreeSet<PathBuf>) -> Result<()> {
        let fresh: Vec<&PathBuf> = {
            let durable = self.durable();
            dirs.iter().filter(|dir| !durable.contains(*dir)).collect()
        };
        if fresh.is_empty() {
            return Ok(());
        }
        let mut parents = self.ensure_root()?;
        for dir in &fresh {
            fs::create_dir_all(dir).map_err(|e| refused("create the directory", dir, &e))?;
            let above = dir.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.root));
            parents.extend(above.map(Path::to_owned));
        }
        for parent in &parents {
            sync(parent)?;
        }
        self.durable().extend(fresh.into_iter().cloned());
        Ok(())
    }

    /// Forgets a directory that is gone, or may be, and everything below it.
    pub(super) fn forget(&self, dir: &Path) {
        self.durable().retain(|known| !known.starts_with(dir));
    }

    /// Creates the root if needed, and gives the directories above it that must be synced.
    fn ensure_root(&self) -> Result<BTreeSet<PathBuf>> {
        if self.durable().contains(&self.root) {
            return Ok(BTreeSet::new());
        }
        let missing = self.root.ancestors().take_while(|dir| !dir.exists());
        let above = missing.filter_map(Path::parent).map(Path::to_owned).collect();
        fs::create_dir_all(&self.root)
            .map_err(|e| refused("create the directory", &self.root, &e))?;
        self.durable().insert(self.root.clone());
        Ok(above)
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
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
}
