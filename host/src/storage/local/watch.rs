//! Arrivals as the kernel tells them (inotify).
//!
//! Owns which events mean that a file is complete: closed after writing, moved there, or linked
//! there. The creation of a file is none, as it is most likely still being written. Kernels other than
//! Linux do not tell when a file is closed, and network file systems not what other machines do.

use super::{name, refusal::refused};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{Arrival, Coverage, Tell, Watch},
};
use notify::{
    Config, Error, ErrorKind, Event, EventHandler, EventKind, RecommendedWatcher, RecursiveMode,
    Watcher as _,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode},
};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Network and user-space file systems, by the `f_type` of `statfs(2)`: NFS, SMB (three
/// versions), FUSE, Ceph, 9P, AFS, Lustre, GPFS, OCFS2, GFS2, shared folders of `VirtualBox`.
const NETWORK: [u32; 13] = [
    0x6969,
    0x517B,
    0xFF53_4D42,
    0xFE53_4D42,
    0x6573_5546,
    0x00C3_6400,
    0x0102_1997,
    0x5346_414F,
    0x0BD0_0BD0,
    0x4750_4653,
    0x7461_636F,
    0x0116_1970,
    0x786F_4256,
];

/// Watches directories of one store.
pub(super) struct Watcher {
    root: PathBuf,
    mode: RecursiveMode,
    inotify: RecommendedWatcher,
}

impl Watcher {
    /// Tells of what arrives in `dir`, which lies below `root`, once it is covered; `None` on
    /// systems that do not tell when a file is complete.
    pub(super) fn new(
        root: &Path,
        dir: PathBuf,
        is_deep: bool,
        tell: Tell,
    ) -> Result<Option<Self>> {
        if !cfg!(target_os = "linux") {
            return Ok(None);
        }
        let listener = Listener { root: root.to_owned(), dir, tell };
        let watcher = RecommendedWatcher::new(listener, Config::default())
            .map_err(|error| cannot_watch(root, error))?;
        let mode = if is_deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        Ok(Some(Self { root: root.to_owned(), mode, inotify: watcher }))
    }
}

impl Watch for Watcher {
    fn cover(&mut self, prefix: &str) -> Result<Coverage> {
        let Some(dir) = name::of_text(prefix) else { return Ok(Coverage::Missing) };
        let dir = self.root.join(dir);
        match is_on_network(&dir) {
            Ok(false) => {}
            Ok(true) => return Ok(Coverage::Untold),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Coverage::Missing),
            Err(e) => return Err(refused("look at", &dir, &e)),
        }
        match self.inotify.watch(&dir, self.mode) {
            Ok(()) => Ok(Coverage::Told),
            Err(error) if is_missing(&error) => Ok(Coverage::Missing),
            Err(error) => Err(cannot_watch(&dir, error)),
        }
    }
}

/// Whether other machines can change what lies in a directory.
fn is_on_network(dir: &Path) -> io::Result<bool> {
    // Types are 32 bits wide; some systems hold them in a longer, signed number.
    let file_system = rustix::fs::statfs(dir)?.f_type as u32;
    Ok(NETWORK.contains(&file_system))
}

fn is_missing(error: &Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

fn cannot_watch(dir: &Path, error: Error) -> Diagnostic {
    let failure =
        || Diagnostic::storage(format!("cannot watch `{}` for files that arrive", dir.display()));
    match error.kind {
        ErrorKind::MaxFilesWatch => failure()
            .cause("the system's limit of watched directories is reached")
            .hint("raise it: `sysctl fs.inotify.max_user_watches`"),
        ErrorKind::Io(error) => {
            let failure = failure().cause(&error);
            match error.raw_os_error() {
                Some(libc::EMFILE) => {
                    failure.hint("raise the limit: `sysctl fs.inotify.max_user_instances`")
                }
                _ => failure,
            }
        }
        _ => failure().cause(error),
    }
}

/// Turns events into arrivals.
struct Listener {
    root: PathBuf,
    /// What is watched as a whole.
    dir: PathBuf,
    tell: Tell,
}

impl EventHandler for Listener {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => (self.tell)(Arrival::Missed),
            Ok(event) => {
                for path in &event.paths {
                    if let Some(arrival) = self.arrival(event.kind, path) {
                        (self.tell)(arrival);
                    }
                }
            }
            Err(_) => (self.tell)(Arrival::Missed),
        }
    }
}

impl Listener {
    fn arrival(&self, kind: EventKind, path: &Path) -> Option<Arrival> {
        let arrival: fn(String) -> Arrival = match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Arrival::File,
            EventKind::Modify(ModifyKind::Data(_)) => Arrival::Written,
            EventKind::Create(CreateKind::Folder) => Arrival::Directory,
            EventKind::Create(_) if !is_link(path)? => Arrival::Created,
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => {
                if path.is_dir() { Arrival::Directory } else { Arrival::File }
            }
            // What is watched went away: another directory may take its name.
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From))
                if self.dir.starts_with(path) =>
            {
                return Some(Arrival::Missed);
            }
            _ => return None,
        };
        let path = path.strip_prefix(&self.root).ok();
        let text = path.map(|path| name::as_text(path.as_os_str()).into_owned());
        Some(text.map_or(Arrival::Missed, arrival))
    }
}

/// Whether a new name is a link to what was there before; `None` when it is gone again. A link
/// whose first name was removed since looks like a file that is yet to be written.
fn is_link(path: &Path) -> Option<bool> {
    let meta = fs::symlink_metadata(path).ok()?;
    Some(meta.is_symlink() || meta.nlink() > 1)
}
