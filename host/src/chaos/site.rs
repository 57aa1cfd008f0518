//! A checkpoint and a table of their own, as often as they are needed.

use crate::{
    diagnostic::{Diagnostic, Result},
    run::Stores,
    storage::{self, PENDING, Storage, remote::Memory},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
};
use tempfile::TempDir;

/// How files of the table become visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// By renames in a local directory, under a lock.
    Local,
    /// By completing multipart uploads, as on object stores, in memory and without a lock.
    Multipart,
}

impl Publish {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Local, Self::Multipart];
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Local => "local",
            Self::Multipart => "multipart",
        })
    }
}

impl FromStr for Publish {
    type Err = Diagnostic;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|publish| publish.to_string() == name).ok_or_else(|| {
            Diagnostic::config(format!("there is no publish `{name}`"))
                .hint("files are published `local` or `multipart`")
        })
    }
}

/// Visible files and the SHA-256 of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table(pub(super) BTreeMap<String, [u8; 32]>);

impl Table {
    /// The first file in which another table is not this one.
    pub(super) fn first_difference(&self, other: &Self) -> Option<String> {
        self.foreign(other).or_else(|| {
            let missing = self.0.keys().find(|path| !other.0.contains_key(*path))?;
            Some(format!("`{missing}` is missing"))
        })
    }

    /// The first file of another table that is not in this one, or not the same.
    pub(super) fn foreign(&self, other: &Self) -> Option<String> {
        other.0.iter().find_map(|(path, digest)| match self.0.get(path) {
            Some(same) if same == digest => None,
            Some(_) => Some(format!("`{path}` has other bytes")),
            None => Some(format!("`{path}` should not be there")),
        })
    }
}

/// A checkpoint and a table that outlive the runs on them.
#[derive(Debug)]
pub(super) enum Site {
    Directory(TempDir),
    Memory(Memory),
}

impl Site {
    /// A new one; a directory lies below `place`.
    pub(super) fn new(publish: Publish, place: &Path) -> Result<Self> {
        match publish {
            Publish::Multipart => Ok(Self::Memory(Memory::default())),
            Publish::Local => {
                let dir = TempDir::with_prefix_in("site-", place);
                Ok(Self::Directory(dir.map_err(|error| refused(place, error))?))
            }
        }
    }

    fn open(&self, name: &str) -> Result<Storage> {
        match self {
            Self::Directory(dir) => storage::open(&dir.path().join(name).to_string_lossy()),
            Self::Memory(memory) => memory.open(name),
        }
    }

    /// Where it is, unless it is in memory.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Directory(dir) => Some(dir.path().to_owned()),
            Self::Memory(_) => None,
        }
    }

    /// The stores of a run, as a process of its own opens them.
    pub(super) fn stores(&self, source: &Path) -> Result<Stores> {
        let source = storage::open(&source.to_string_lossy())?;
        let (checkpoint, sink) = (self.open("checkpoint")?, self.open("table")?);
        Ok(Stores { source, checkpoint, sink, archive: None })
    }

    /// What readers see: the files of the table, and the quarantine.
    pub(super) fn table(&self) -> Result<Table> {
        let sink = self.open("table")?;
        let mut files = BTreeMap::new();
        for meta in sink.list("")? {
            let is_hidden = meta.path.starts_with(PENDING) || meta.path.ends_with("/table.json");
            if !is_hidden {
                let content = sink.read(&meta.path)?.unwrap_or_default();
                files.insert(meta.path, Sha256::digest(content).into());
            }
        }
        Ok(Table(files))
    }

    /// Something that no reader sees and nobody needs any more.
    pub(super) fn left_pending(&self) -> Result<Option<String>> {
        let left = self.open("table")?.list(PENDING)?;
        Ok(left.into_iter().next().map(|meta| meta.path))
    }
}

fn refused(path: &Path, error: io::Error) -> Diagnostic {
    Diagnostic::storage(format!("cannot use the temporary `{}`", path.display())).cause(error)
}
