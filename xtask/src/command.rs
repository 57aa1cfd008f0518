//! Running other programs.

use crate::Result;
use std::path::Path;
use std::process::Command;

/// Runs a program in a directory and waits for it.
///
/// # Errors
/// Fails when it does not start, or ends with another code than 0.
pub fn run(directory: &Path, program: &str, arguments: &[&str]) -> Result {
    let line = format!("{program} {}", arguments.join(" "));
    eprintln!("$ {line}");
    let status = Command::new(program).args(arguments).current_dir(directory).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed: {status}").into()),
        Err(error) => Err(format!("`{line}` does not start: {error}").into()),
    }
}

/// Whether a program is there and answers to these arguments with success.
pub fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}
