//! What a table of payments holds, held against what the data says.
//!
//! The reader is a program of its own that shares no code with the product.

use super::generate::Expected;
use crate::{Result, command};
use std::{fs, path::Path, process::Command};

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
/// Fails when it cannot be read, or its rows, the sum of its amounts or the rows of any date are
/// not those of the data.
pub(super) fn verify(root: &Path, table: &Path, expected: &Expected) -> Result {
    let facts = Command::new(root.join("target/release/table-facts")).arg(table).output()?;
    let found = String::from_utf8_lossy(&facts.stdout);
    if !facts.status.success() {
        let error = String::from_utf8_lossy(&facts.stderr);
        return Err(format!("the table cannot be read: {}", error.trim()).into());
    }
    if found != expected.facts() {
        let expected = expected.facts();
        return Err(format!("the table is wrong\nexpected:\n{expected}found:\n{found}").into());
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
