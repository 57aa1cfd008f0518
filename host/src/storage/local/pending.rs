//! Files that no reader sees yet, and how they become visible.
//!
//! Owns the names below `_lockgate/pending/` and the order of renames and fsyncs. The names
//! end in `.pending`, so that no `**/*.parquet` finds them, differ between instances of a store, so
//! that two runners never touch each other's files, and lie flat in one directory per
//! micro-batch, so that one fsync makes all of them durable however deep their partitions are.

use super::{
    LocalStore, directories::sync_if_present, directory_of, refusal::refused, unsynced::Unsynced,
};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{PENDING, PendingWriter},
    types::{BatchId, PendingFile, PendingHandle},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Directory of a micro-batch's pending files.
pub(super) fn directory(batch: BatchId) -> String {
    format!("{PENDING}/{batch}")
}

/// Path of the pending file that will be published at `path`.
pub(super) fn handle(batch: BatchId, path: &str, attempt: &str) -> String {
    let hash = Sha256::digest(path.as_bytes());
    let mut handle = format!("{}/", directory(batch));
    for byte in &hash[..16] {
        let _ = write!(handle, "{byte:02x}");
    }
    let _ = write!(handle, "-{attempt}.pending");
    handle
}

/// Path of a pending file.
pub(super) fn path_of<'a>(store: &LocalStore, file: &'a PendingFile) -> Result<&'a str> {
    match &file.handle {
        PendingHandle::Rename { path } => Ok(path),
        PendingHandle::Multipart { .. } => Err(Diagnostic::storage(format!(
            "`{}` was written to an object store, not to the directory `{}`",
            file.path,
            store.root.display()
        ))
        .hint("run with the `[sink]` that the micro-batch was begun with")),
    }
}

/// A pending file being written.
pub(super) struct Writer {
    file: PathBuf,
    handle: String,
    open: BufWriter<File>,
    unsynced: Arc<Unsynced>,
}

impl Writer {
    pub(super) fn new(file: PathBuf, handle: String, unsynced: Arc<Unsynced>) -> Result<Self> {
        let open = OpenOptions::new().write(true).create_new(true).open(&file);
        let open = BufWriter::new(open.map_err(|e| refused("create", &file, &e))?);
        Ok(Self { file, handle, open, unsynced })
    }
}

impl Write for Writer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.open.write(buffer);
        written.map_err(|e| io::Error::other(refused("write", &self.file, &e)))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.flush()
    }
}

impl PendingWriter for Writer {
    fn finish(self: Box<Self>) -> Result<PendingHandle> {
        let Self { file: path, handle, open, unsynced } = *self;
        let file = open.into_inner().map_err(|e| refused("write", &path, e.error()))?;
        unsynced.add(handle.clone(), path, file)?;
        Ok(PendingHandle::Rename { path: handle })
    }
}

/// Makes finished files durable, names and new directories included, all at a time. What is
/// gone is left for whoever looks at it.
pub(super) fn sync(store: &LocalStore, files: &[PendingFile]) -> Result<()> {
    let handles: Vec<_> = files.iter().map(|file| path_of(store, file)).collect::<Result<_>>()?;
    let mut inside = BTreeSet::new();
    for handle in &handles {
        inside.insert(directory_of(&store.locate(handle)?).to_owned());
    }
    let mut dirs = store.dirs.unsettled(&inside);
    dirs.extend(inside.iter().cloned());
    store.unsynced.sync(handles.iter().copied(), dirs)?;
    store.dirs.are_settled(&inside);
    Ok(())
}

/// Makes files visible, durably. Directories of files that were published before are synced
/// too: whoever published them may have died before they reached the disk.
pub(super) fn publish(store: &LocalStore, files: &[PendingFile]) -> Result<()> {
    let mut moves = Vec::with_capacity(files.len());
    for file in files {
        let path = path_of(store, file)?;
        moves.push((file, store.locate(path)?, store.locate(&file.path)?));
    }
    let into: BTreeSet<_> = moves.iter().map(|(_, _, to)| directory_of(to).to_owned()).collect();
    // First: a file must not go where a power failure may leave nothing.
    store.dirs.ensure_all(&into)?;
    for (file, from, to) in &moves {
        store.move_into_place(file, from, to)?;
    }
    store.unsynced.sync_names(into)?;
    // Last: a file must not lose its old name before the new one is durable.
    for dir in moves.iter().map(|(_, from, _)| directory_of(from)).collect::<BTreeSet<_>>() {
        sync_if_present(dir)?;
        store.dirs.remove_empty(dir);
    }
    Ok(())
}

/// True for two names of one file: what a rename may leave when power fails.
pub(super) fn same_file(a: &Path, b: &Path) -> Result<bool> {
    let identity = |file: &Path| match fs::metadata(file) {
        Ok(meta) => Ok((meta.dev(), meta.ino())),
        Err(e) => Err(refused("look at", file, &e)),
    };
    Ok(identity(a)? == identity(b)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Store;
    use std::thread;

    /// Each goes alone, as copies to an archive do, and takes the directory of pending files with
    /// it when it is the last one there.
    #[test]
    fn files_of_one_micro_batch_are_published_one_by_one_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::new(folder.path()).unwrap();
        let publish = |path: &str| {
            let handle = store.pending(BatchId(7), path)?.finish()?;
            let (path, event_time_us) = (path.to_owned(), None);
            let file = [PendingFile { path, handle, rows: 0, size_bytes: 0, event_time_us }];
            store.publish(&file)
        };
        thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let all = move || (0..100).try_for_each(|n| publish(&format!("{name}/{n}")));
                scope.spawn(move || all().unwrap());
            }
        });
        assert_eq!(store.list("").unwrap().len(), 400);
    }
}
