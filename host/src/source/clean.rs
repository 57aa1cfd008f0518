//! Files that were read leave the source: deleted, or moved to an archive.
//!
//! Owns the way of one file, which may be gone any number of times; knows nothing of what was
//! made of it. A file that is not what it was when it was read stays, and a copy is durable and
//! whole before the original goes.

use super::side_by_side;
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::Storage,
    types::{BatchId, InputFile, PendingFile},
};
use std::{
    borrow::Cow,
    io::{self, Read, Write as _},
};

const BUFFER_BYTES: usize = 1 << 18;

/// Cleans files of one micro-batch that still are what they were. Those that are gone, and
/// those that changed, count as done.
///
/// # Errors
/// Fails when a store refuses, or the archive holds another file of the same path; other files
/// may be cleaned then, and this one is where it was.
pub fn clean(
    source: &Storage,
    archive: Option<&Storage>,
    batch: BatchId,
    files: &[InputFile],
) -> Result<()> {
    let cleaned = side_by_side::each(files, |file| clean_file(source, archive, batch, file));
    if let Some(archive) = archive {
        // What a copy that failed, or a process that died, left behind.
        archive.discard(batch)?;
    }
    cleaned.map(drop)
}

fn clean_file(
    source: &Storage,
    archive: Option<&Storage>,
    batch: BatchId,
    file: &InputFile,
) -> Result<()> {
    if !is_unchanged(source, file)? {
        return Ok(());
    }
    if let Some(archive) = archive {
        let path = archived_path(archive, &file.path);
        match archive.head(&path)? {
            None => copy(source, archive, batch, file, &path)?,
            Some(_) => compare(source, archive, file, &path)?,
        }
        if !is_unchanged(source, file)? {
            return Ok(());
        }
    }
    source.delete(&file.path)
}

fn is_unchanged(source: &Storage, file: &InputFile) -> Result<bool> {
    Ok(source.head(&file.path)?.map(InputFile::from).as_ref() == Some(file))
}

/// Path of a file in the archive: object stores take no NUL, which stands in the path of a file
/// whose name is not UTF-8.
fn archived_path<'a>(archive: &Storage, path: &'a str) -> Cow<'a, str> {
    if path.contains('\0') && archive.root().contains("://") {
        return path.replace('\0', "").into();
    }
    path.into()
}

/// Copies a file; it is visible in the archive once it is whole and durable.
fn copy(
    source: &Storage,
    archive: &Storage,
    batch: BatchId,
    file: &InputFile,
    path: &str,
) -> Result<()> {
    let mut from = source.open(&file.path)?;
    let mut to = archive.pending(batch, path)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut size_bytes = 0;
    loop {
        let read = fill(&mut *from, &mut buffer).map_err(|e| unread(source, file, &e))?;
        if read == 0 {
            break;
        }
        size_bytes += read as u64;
        to.write_all(&buffer[..read]).map_err(|e| {
            Diagnostic::storage(format!("cannot write `{}/{path}`", archive.root())).cause(e)
        })?;
    }
    if size_bytes != file.size_bytes {
        let short = io::Error::new(io::ErrorKind::UnexpectedEof, "it changed while it was copied");
        return Err(unread(source, file, &short));
    }
    let handle = to.finish()?;
    let copy =
        [PendingFile { path: path.to_owned(), handle, rows: 0, size_bytes, event_time_us: None }];
    archive.sync_pending(&copy)?;
    archive.publish(&copy)
}

/// Makes sure that the archive holds this very file already, as after a crash.
fn compare(source: &Storage, archive: &Storage, file: &InputFile, path: &str) -> Result<()> {
    let (mut here, mut there) = (source.open(&file.path)?, archive.open(path)?);
    let (mut left, mut right) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    loop {
        let read = fill(&mut *here, &mut left).map_err(|e| unread(source, file, &e))?;
        let copied = fill(&mut *there, &mut right).map_err(|e| unread(archive, file, &e))?;
        if left[..read] != right[..copied] {
            return Err(Diagnostic::storage(format!(
                "the archive has another file `{}/{path}` already",
                archive.root()
            ))
            .hint("give the pipeline an archive of its own, or move that file away"));
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

fn unread(store: &Storage, file: &InputFile, error: &io::Error) -> Diagnostic {
    Diagnostic::storage(format!("cannot read `{}/{}`", store.root(), file.path)).cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{PENDING, local::LocalStore, remote::Memory};
    use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, sync::Arc};

    fn files(store: &Storage) -> Vec<InputFile> {
        store.list("").unwrap().into_iter().map(InputFile::from).collect()
    }

    #[test]
    fn many_files_go_from_one_object_store_to_another() {
        let memory = Memory::default();
        let (source, archive) = (memory.open("in").unwrap(), memory.open("done").unwrap());
        let content = |n: usize| vec![n as u8; n * 10_000];
        let path = |n: usize| format!("x/{n:02}.json");
        for n in 0..40 {
            source.put(&path(n), &content(n)).unwrap();
        }
        let recorded = files(&source);
        // One that changed, one that is gone, and one that a crash left in both.
        source.put(&path(3), b"changed").unwrap();
        source.delete(&path(4)).unwrap();
        archive.put(&path(5), &content(5)).unwrap();
        for _ in 0..2 {
            clean(&source, Some(&archive), BatchId(7), &recorded).unwrap();
            let left: Vec<_> = files(&source).into_iter().map(|file| file.path).collect();
            assert_eq!(left, [path(3)]);
            let archived = files(&archive).len();
            assert_eq!(archived, 40 - 2);
            assert_eq!(archive.read(&path(20)).unwrap().unwrap(), content(20));
            assert_eq!(archive.list(PENDING).unwrap(), []);
        }
    }

    #[test]
    fn a_name_that_is_not_utf8_goes_to_an_object_store_as_text() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join(OsStr::from_bytes(b"caf\xe9.json")), b"text").unwrap();
        let source: Storage = Arc::new(LocalStore::new(temp.path()).unwrap());
        let archive = Memory::default().open("done").unwrap();
        for _ in 0..2 {
            clean(&source, Some(&archive), BatchId(7), &files(&source)).unwrap();
            assert_eq!(files(&source), []);
            assert_eq!(archive.read("caf\u{fffd}e9.json").unwrap().unwrap(), b"text");
        }
    }

    #[test]
    fn one_that_cannot_go_is_told_and_stays() {
        let memory = Memory::default();
        let (source, archive) = (memory.open("in").unwrap(), memory.open("done").unwrap());
        for n in 0..32 {
            source.put(&format!("{n:02}"), b"new").unwrap();
        }
        archive.put("07", b"old").unwrap();
        let recorded = files(&source);
        let refusal = clean(&source, Some(&archive), BatchId(0), &recorded).unwrap_err();
        assert!(refusal.message.contains("done/07` already"), "{refusal}");
        assert_eq!(source.read("07").unwrap().unwrap(), b"new");
        assert_eq!(archive.read("07").unwrap().unwrap(), b"old");
    }
}
