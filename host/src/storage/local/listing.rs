//! Every file below a directory, while others write and delete there.
//!
//! Owns the walk; knows nothing of patterns or of what the files hold. Links are followed;
//! a directory that contains itself through a link is entered once. Pipes, sockets and
//! devices are no files.

use super::{TEMPORARY, name, refusal::refused};
use crate::{diagnostic::Result, storage::Meta};
use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// A directory still to be read, and the identities of those it lies in.
struct Todo {
    dir: PathBuf,
    path: String,
    inside: Vec<(u64, u64)>,
}

/// Every file below `dir`, whose path below the store's root is `path`, sorted by path.
pub(super) fn list(dir: PathBuf, path: &str) -> Result<Vec<Meta>> {
    list_after(dir, path, "")
}

/// As [`list`], only paths that sort after `after`. Directories that lie before it are not
/// entered, and files that lie before it are not looked at.
pub(super) fn list_after(dir: PathBuf, path: &str, after: &str) -> Result<Vec<Meta>> {
    let mut found = Vec::new();
    let mut todo = match fs::metadata(&dir) {
        Ok(meta) => vec![Todo { dir, path: path.to_owned(), inside: vec![identity(&meta)] }],
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(refused("list", &dir, &e)),
    };
    while let Some(next) = todo.pop() {
        let entries = match fs::read_dir(&next.dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(refused("list", &next.dir, &e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| refused("list", &next.dir, &e))?;
            let name = entry.file_name();
            let name = name::as_text(&name);
            if name.starts_with(TEMPORARY) {
                continue;
            }
            let path = if next.path.is_empty() {
                name.into_owned()
            } else {
                format!("{}/{name}", next.path)
            };
            if lies_before(&path, after) {
                continue;
            }
            let meta = match fs::metadata(entry.path()) {
                Ok(meta) => meta,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(refused("look at", &entry.path(), &e)),
            };
            if meta.is_file() && path.as_str() > after {
                found.push(describe(path, &meta));
            } else if meta.is_dir() && !next.inside.contains(&identity(&meta)) {
                let mut inside = next.inside.clone();
                inside.push(identity(&meta));
                todo.push(Todo { dir: entry.path(), path, inside });
            }
        }
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Whether neither a file of this path nor anything in a directory of this path sorts after
/// `after`.
fn lies_before(path: &str, after: &str) -> bool {
    let inside = after.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    // The names in a directory sort as `path/...`, which is not where `path` sorts.
    !inside && path <= after && format!("{path}/").as_str() <= after
}

/// What is known of one file; `None` when there is none.
pub(super) fn head(file: &Path, path: &str) -> Result<Option<Meta>> {
    match fs::metadata(file) {
        Ok(meta) => Ok(meta.is_file().then(|| describe(path.to_owned(), &meta))),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(refused("look at", file, &e)),
    }
}

fn describe(path: String, meta: &fs::Metadata) -> Meta {
    let modified_us = meta.mtime() * 1_000_000 + meta.mtime_nsec() / 1_000;
    Meta { path, size_bytes: meta.len(), modified_us, etag: None }
}

fn identity(meta: &fs::Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Store, local::LocalStore};
    use std::{
        ffi::OsStr,
        os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
    };

    fn paths(dir: &Path) -> Vec<String> {
        list(dir.to_owned(), "").unwrap().into_iter().map(|meta| meta.path).collect()
    }

    #[test]
    fn links_are_followed_and_loops_are_entered_once() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir_all(temp.path().join("in/a")).unwrap();
        fs::write(temp.path().join("in/a/x"), "x").unwrap();
        fs::write(temp.path().join("outside"), "o").unwrap();
        symlink(temp.path().join("outside"), temp.path().join("in/linked")).unwrap();
        symlink(temp.path().join("in"), temp.path().join("in/a/loop")).unwrap();
        symlink("nowhere", temp.path().join("in/dangling")).unwrap();
        assert_eq!(paths(&temp.path().join("in")), ["a/x", "linked"]);
    }

    #[test]
    fn sockets_and_our_own_temporary_files_are_not_listed() {
        let temp = tempfile::tempdir().unwrap();
        let _socket = UnixListener::bind(temp.path().join("socket")).unwrap();
        fs::write(temp.path().join(format!("{TEMPORARY}1-0")), "half").unwrap();
        fs::write(temp.path().join(".hidden"), "").unwrap();
        assert_eq!(paths(temp.path()), [".hidden"]);
    }

    #[test]
    fn names_that_are_not_utf8_are_listed_and_lead_back_to_their_files() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join(OsStr::from_bytes(b"d\xe9"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(OsStr::from_bytes(b"a\xff.json")), "{}").unwrap();
        assert_eq!(paths(temp.path()), ["d\u{fffd}\0e9/a\u{fffd}\0ff.json"]);
        let store = LocalStore::new(temp.path()).unwrap();
        assert_eq!(
            store.list("d\u{fffd}\0e9").unwrap()[0].path,
            "d\u{fffd}\0e9/a\u{fffd}\0ff.json"
        );
        assert_eq!(store.read("d\u{fffd}\0e9/a\u{fffd}\0ff.json").unwrap().unwrap(), b"{}");
        assert_eq!(store.read("d\u{fffd}\0e9/a.json").unwrap(), None);
        assert!(store.read("d\0zz/a.json").is_err());
    }

    #[test]
    fn listing_a_file_as_a_directory_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("x"), "").unwrap();
        let error = list(temp.path().join("x"), "x").unwrap_err();
        assert!(error.causes[0].contains("Not a directory"), "{error}");
    }
}
