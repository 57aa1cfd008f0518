//! What a table of payments holds, held against what the data says.
//!
//! The reader is a program of its own that shares no code with the product.

use super::generate::Expected;
use crate::{Result, command};
use std::{error::Error, fmt, fs, path::Path, process::Command};

/// A table that cannot be read, or is not what the data says.
#[derive(Debug)]
pub(super) struct Wrong(String);

impl Error for Wrong {}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Builds the reader.
///
/// # Errors
/// Fails when it does not build.
pub(super) fn build_reader(root: &Path) -> Result {
    let facts = ["--package", "xtask", "--features", "bench", "--bin", "table-facts"];
    command::run(root, "cargo", &[&["build", "--release"][..], &facts].concat())
}

/// Reads the table of a run back.
///
/// # Errors
/// [`Wrong`] when it cannot be read, or its rows, the sum of its amounts or the rows of any date are
/// not those of the data; another when the reader does not start.
pub(super) fn verify(root: &Path, table: &Path, expected: &Expected) -> Result {
    let facts = Command::new(root.join("target/release/table-facts")).arg(table).output()?;
    let found = String::from_utf8_lossy(&facts.stdout);
    if !facts.status.success() {
        let error = String::from_utf8_lossy(&facts.stderr);
        return Err(Wrong(format!("the table cannot be read: {}", error.trim())).into());
    }
    if found != expected.facts() {
        let expected = expected.facts();
        let message = format!("the table is wrong\nexpected:\n{expected}found:\n{found}");
        return Err(Wrong(message).into());
    }
    Ok(())
}

/// How many Parquet files it has.
///
/// # Errors
/// Fails when it cannot be listed.
pub(super) fn count_files(table: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(table)? {
        let path = entry?.path();
        files += match path.extension() {
            _ if path.is_dir() => count_files(&path)?,
            Some(extension) => usize::from(extension == "parquet"),
            None => 0,
        };
    }
    Ok(files)
}
