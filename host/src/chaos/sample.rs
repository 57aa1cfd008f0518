//! Some files of the source, copied to a temporary place with their names and times.

use super::{Options, Watcher};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::{Order, Plan},
    source::pattern::Pattern,
    storage::{Meta, Notices, Storage, local::name, open_with},
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

/// Most bytes that are copied; at least one file is.
const MOST_BYTES: u64 = 256 << 20;

/// A temporary place with files of the source in it.
#[derive(Debug)]
pub(super) struct Sample {
    dir: TempDir,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Files that match the source's pattern, copied or not.
    pub(super) of: u64,
}

impl Sample {
    /// Copies files of the source, which is read only.
    pub(super) fn copy(
        plan: &Plan,
        options: &Options,
        notices: &Notices,
        watcher: &dyn Watcher,
    ) -> Result<Self> {
        let source = open_with(&plan.source.root, &plan.source.storage_options, notices)?;
        let pattern = Pattern::new(&plan.source.pattern)?;
        let mut files = source.list(&pattern.directory())?;
        files.retain(|file| pattern.matches(&file.path));
        let of = files.len() as u64;
        if files.is_empty() {
            return Err(Diagnostic::config(format!(
                "no files match `{}` below {}",
                plan.source.pattern, plan.source.root
            ))
            .hint("chaos needs a few files to try the pipeline on"));
        }
        if plan.source.order == Order::ModificationTime {
            files.sort_unstable_by(|a, b| (a.modified_us, &a.path).cmp(&(b.modified_us, &b.path)));
        }
        if options.newest {
            files.reverse();
        }
        files.truncate(options.files.max(1));
        let dir = tempfile::tempdir().map_err(|error| {
            Diagnostic::storage("cannot make a temporary directory")
                .cause(error)
                .hint("set `TMPDIR` to a directory with free space")
        })?;
        let mut sample = Self { dir, files: 0, bytes: 0, of };
        for file in &files {
            if sample.files > 0 && sample.bytes + file.size_bytes > MOST_BYTES {
                break;
            }
            sample.add(&source, file)?;
            watcher.step();
        }
        Ok(sample)
    }

    fn add(&mut self, source: &Storage, file: &Meta) -> Result<()> {
        let to = self.source().join(name::of_text(&file.path).unwrap_or_default());
        let mut from = source.open(&file.path)?;
        let mut copy = || -> io::Result<u64> {
            fs::create_dir_all(to.parent().unwrap_or(&to))?;
            let mut open = File::create(&to)?;
            let bytes = io::copy(&mut from, &mut open)?;
            let age = Duration::from_micros(file.modified_us.unsigned_abs());
            open.set_modified(SystemTime::UNIX_EPOCH + age)?;
            Ok(bytes)
        };
        self.bytes += copy().map_err(|error| {
            Diagnostic::storage(format!("cannot copy `{}` to `{}`", file.path, to.display()))
                .cause(error)
        })?;
        self.files += 1;
        Ok(())
    }

    /// Where the copies are.
    pub(super) fn source(&self) -> PathBuf {
        self.dir.path().join("source")
    }

    /// Where everything else may be.
    pub(super) fn place(&self) -> &Path {
        self.dir.path()
    }

    /// Files of a micro-batch: the pipeline's own limit, but three micro-batches at least where
    /// there are files for them.
    pub(super) fn files_per_trigger(&self, plan: &Plan) -> u64 {
        let third = self.files.div_ceil(3).max(1);
        plan.source.max_files_per_trigger.unwrap_or(u64::MAX).min(third)
    }
}
