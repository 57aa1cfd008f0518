//! Being told of what arrives in a store.
//!
//! Owns the words that a store and who listens to it have in common; a store that can tell
//! gives a [`Watch`].

use crate::diagnostic::Result;

/// What a store tells of itself. Paths are below its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A file is complete at this path: it was closed after writing, or moved or linked there.
    File(String),
    /// A directory appeared at this path; what was completed in it before it was watched was
    /// not told.
    Directory(String),
    /// A file appeared at this path, and is not known to be complete.
    Created(String),
    /// Somebody is writing the file at this path, and has not closed it.
    Written(String),
    /// Something was not told, or is not watched any more: anything may have arrived.
    Missed,
}

/// How far what lies in a directory is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// From now on, whatever is completed in it is told.
    Told,
    /// There is no such directory.
    Missing,
    /// It lies where others can write without a word, on a network file system.
    Untold,
}

/// Called for every arrival, on a thread of the store's.
pub type Tell = Box<dyn Fn(Arrival) + Send>;

/// Arrivals are told while this is kept.
pub trait Watch: Send {
    /// Watches this directory (empty: the root), again if it was watched already: another one
    /// may have taken its name.
    ///
    /// # Errors
    /// Fails when the system refuses, because of a limit for example. Some of what lies below
    /// may be watched then.
    fn cover(&mut self, prefix: &str) -> Result<Coverage>;
}
