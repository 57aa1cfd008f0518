//! A run that waits for files, seen from outside: a file is given to it, and everything of its
//! micro-batch is waited for.
//!
//! Owns what "visible" means: every file that the commit record names is there under its final
//! name. The next number tells which micro-batch is waited for, so files are given one by one.

use crate::Result;
use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// How long a file may take until something is wrong.
const TOO_LONG: Duration = Duration::from_mins(1);
/// Between two looks at the table.
const BETWEEN_LOOKS: Duration = Duration::from_micros(100);

/// How a file gets into the source.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// Written elsewhere, then renamed.
    Moved,
    /// Created, written and closed.
    Written,
}

/// A run of a pipeline that lies in `folder`, with its source in `input`, its checkpoint in
/// `state` and its table in `table`.
pub(super) struct Arriving {
    child: Child,
    folder: PathBuf,
    /// The micro-batch of the next file.
    next: u64,
}

impl Arriving {
    /// Starts a run whose next micro-batch has this number.
    ///
    /// # Errors
    /// Fails when the program does not start.
    pub(super) fn start(program: &Path, folder: &Path, next: u64) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .arg("run")
            .arg(folder.join("pipeline.toml"))
            .args(["--on-arrival", "--no-progress"]);
        Ok(Self { child: command.spawn()?, folder: folder.to_owned(), next })
    }

    /// Gives it a file of this name and content, and waits until all that came of it is visible:
    /// the time from the close of the file.
    ///
    /// # Errors
    /// Fails when the run ends, nothing happens, or what is visible is no Parquet file.
    pub(super) fn give(&mut self, name: &str, content: &[u8], way: Way) -> Result<Duration> {
        let file = self.folder.join("input").join(name);
        let start = match way {
            Way::Moved => {
                let beside = self.folder.join(name);
                write(&beside, content)?;
                fs::rename(&beside, &file)?;
                Instant::now()
            }
            Way::Written => {
                write(&file, content)?;
                Instant::now()
            }
        };
        let record = |log: &str| self.folder.join(format!("state/{log}/{:010}.json", self.next));
        let (offsets, commit) = (record("offsets"), record("commits"));
        self.wait_for(&commit, start)?;
        let files = published(&fs::read_to_string(commit)?);
        for path in &files {
            self.wait_for(&self.folder.join("table").join(path), start)?;
        }
        let visible = start.elapsed();
        if !fs::read_to_string(offsets)?.contains(&format!("\"{name}\"")) {
            return Err(format!("micro-batch {} is not that of `{name}`", self.next).into());
        }
        for path in &files {
            if !fs::read(self.folder.join("table").join(path))?.ends_with(b"PAR1") {
                return Err(format!("`{path}` is visible and not whole").into());
            }
        }
        self.next += 1;
        Ok(visible)
    }

    fn wait_for(&mut self, path: &Path, start: Instant) -> Result {
        while !path.exists() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the run ended: {status}").into());
            }
            if start.elapsed() > TOO_LONG {
                return Err(format!("`{}` does not appear", path.display()).into());
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }
}

/// The run has nothing to finish when it is not given anything.
impl Drop for Arriving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(path: &Path, content: &[u8]) -> Result {
    Ok(File::create_new(path)?.write_all(content)?)
}

/// The final names in a commit record.
fn published(record: &str) -> Vec<String> {
    let paths = record.split("\"path\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    paths.filter(|path| path.ends_with(".parquet")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_names_are_read_from_a_commit_record() {
        let record = r#"{"format":1,"files":[{"path":"d=1/part-0.parquet","handle":{"rename":{"path":"_lockgate/pending/0/ab.pending"}}},{"path":"d=2/part-0.parquet"}]}"#;
        assert_eq!(published(record), ["d=1/part-0.parquet", "d=2/part-0.parquet"]);
    }
}
