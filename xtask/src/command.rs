//! Running other programs.

use crate::Result;
use std::path::Path;
use std::process::Command;

/// Runs a program in a directory and waits for it.
///
/// # Errors
/// Fails when it does not start, or ends with another code than 0.
pub fn run(directory: &Path, program: &str, arguments: &[&str]) -> Result {
    run_with(directory, program, arguments, &[])
}

/// The same, with these environment variables.
///
/// # Errors
/// Fails when it does not start, or ends with another code than 0.
pub fn run_with(
    directory: &Path,
    program: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Result {
    let line = format!("{program} {}", arguments.join(" "));
    eprintln!("$ {line}");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).envs(variables.iter().copied());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed: {status}").into()),
        Err(error) => Err(format!("`{line}` does not start: {error}").into()),
    }
}

/// Whether a program is there and answers to these arguments with success.
pub fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// What a program prints.
///
/// # Errors
/// Fails when it does not start, or ends with another code than 0.
pub fn output(directory: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let line = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program).args(arguments).current_dir(directory).output();
    let output = output.map_err(|error| format!("`{line}` does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{line}` failed: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
