//! An advisory lock that ends with the process that holds it.
//!
//! Owns the `flock`; knows nothing of what it protects. The file stays when the lock goes, so
//! that no two processes ever lock two files of one name.

use super::refusal::refused;
use crate::{diagnostic::Result, storage::Lock};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read, Seek, Write},
    path::Path,
    time::Duration,
};

/// A look at the lock (see [`holder`]) takes it for an instant: asked again, it is free.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Takes the lock, or says who has it.
pub(super) fn take(file: &Path, holder: &[u8]) -> Result<Lock> {
    let failed = |e: io::Error| refused("lock", file, &e);
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file);
    let mut open = open.map_err(failed)?;
    for attempt in 1..=TRIES {
        match open.try_lock() {
            Ok(()) => {
                write(&mut open, holder).map_err(failed)?;
                return Ok(Lock::Held(Box::new(open)));
            }
            Err(TryLockError::WouldBlock) if attempt < TRIES => std::thread::sleep(BETWEEN_TRIES),
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(e)) if unsupported(&e) => return Ok(Lock::Unsupported),
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
    }
    let mut held_by = Vec::new();
    open.read_to_end(&mut held_by).map_err(failed)?;
    Ok(Lock::Elsewhere(held_by))
}

/// What the holder wrote; `None` when nobody holds the lock.
pub(super) fn holder(file: &Path) -> Result<Option<Vec<u8>>> {
    let failed = |e: io::Error| refused("read", file, &e);
    let mut open = match File::open(file) {
        Ok(open) => open,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    match open.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut held_by = Vec::new();
            open.read_to_end(&mut held_by).map_err(failed)?;
            Ok(Some(held_by))
        }
        Err(TryLockError::Error(e)) if unsupported(&e) => Ok(None),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

fn write(open: &mut File, holder: &[u8]) -> io::Result<()> {
    open.set_len(0)?;
    open.rewind()?;
    open.write_all(holder)
}

/// Network file systems without a lock server refuse every lock.
fn unsupported(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported || error.raw_os_error() == Some(libc::ENOLCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_learns_who_holds_it_until_the_guard_is_dropped() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("runner.lock");
        assert_eq!(holder(&file).unwrap(), None);
        let Lock::Held(guard) = take(&file, b"the first").unwrap() else { panic!("not held") };
        assert!(
            matches!(take(&file, b"two").unwrap(), Lock::Elsewhere(who) if who == b"the first")
        );
        assert_eq!(holder(&file).unwrap().unwrap(), b"the first");
        drop(guard);
        assert_eq!(holder(&file).unwrap(), None);
        assert!(matches!(take(&file, b"2").unwrap(), Lock::Held(_)));
        assert_eq!(std::fs::read(&file).unwrap(), b"2");
    }
}
