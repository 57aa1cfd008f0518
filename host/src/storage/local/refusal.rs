//! What the operating system's refusals mean to a person.
//!
//! Owns the wording; knows nothing of the operations that were refused.

use crate::diagnostic::Diagnostic;
use std::{
    io::{Error, ErrorKind},
    path::Path,
};

/// A refusal of the file system: what was being done, to which path, why, and what to do.
pub(super) fn refused(doing: &str, path: &Path, error: &Error) -> Diagnostic {
    let refusal = Diagnostic::storage(format!("cannot {doing} `{}`", path.display())).cause(error);
    let is_denied = error.kind() == ErrorKind::PermissionDenied;
    let refusal = Diagnostic { is_denied, ..refusal };
    match next_step(error) {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

fn next_step(error: &Error) -> Option<&'static str> {
    if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
        return Some("raise the limit of open files (`ulimit -n`), or lower `max_open_files`");
    }
    Some(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space on that disk, then run again: nothing committed is lost"
        }
        ErrorKind::FileTooLarge => {
            "raise the limit on the size of files (`ulimit -f`), or lower `max_file_bytes`"
        }
        ErrorKind::PermissionDenied => {
            "give the user that runs lockgate the right to read and write there"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "that file system is mounted read-only: mount it writable, or choose another directory"
        }
        ErrorKind::NotADirectory => {
            "a name on that path is a file where a directory is needed: move it or choose another directory"
        }
        ErrorKind::IsADirectory => {
            "there is a directory where a file is needed: move it or choose another directory"
        }
        ErrorKind::AlreadyExists => {
            "there is something of that name already: move it or choose another directory"
        }
        ErrorKind::NotFound => "it is not there (any more): look who removed or renamed it",
        ErrorKind::CrossesDevices => {
            "`_lockgate/pending` must lie on the same file system as the table: files are renamed from there"
        }
        ErrorKind::InvalidFilename => {
            "the file system takes no such name; most take at most 255 bytes"
        }
        ErrorKind::Unsupported => {
            "the file system lacks hard links: put the checkpoint on one that has them (ext4, xfs, btrfs, zfs)"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_names_the_path_the_cause_and_a_next_step() {
        for (code, cause, next) in [
            (libc::ENOSPC, "No space left on device", "free some space"),
            (libc::EDQUOT, "quota exceeded", "free some space"),
            (libc::EACCES, "Permission denied", "give the user"),
            (libc::EROFS, "Read-only file system", "mounted read-only"),
            (libc::ENOTDIR, "Not a directory", "a file where a directory is needed"),
            (libc::EISDIR, "Is a directory", "a directory where a file is needed"),
            (libc::EEXIST, "File exists", "something of that name"),
            (libc::EXDEV, "cross-device link", "same file system"),
            (libc::ENAMETOOLONG, "File name too long", "255 bytes"),
            (libc::EFBIG, "File too large", "ulimit -f"),
            (libc::EMFILE, "Too many open files", "ulimit"),
        ] {
            let error = Error::from_raw_os_error(code);
            let refusal = refused("write", Path::new("/data/a b"), &error);
            assert_eq!(refusal.message, "cannot write `/data/a b`");
            assert!(refusal.causes[0].to_lowercase().contains(&cause.to_lowercase()), "{refusal}");
            assert!(refusal.hints[0].contains(next), "{:?}", refusal.hints);
        }
    }
}
