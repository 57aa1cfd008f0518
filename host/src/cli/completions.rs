//! `lockgate completions`: a script that completes commands in a shell.

use super::{Cli, Failures, terminal::Terminal};
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

/// Arguments of `lockgate completions`.
#[derive(Clone, Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs `lockgate completions`.
///
/// # Errors
/// Fails when standard output does.
pub(super) fn run(args: &CompletionsArgs, terminal: &Terminal) -> Result<(), Failures> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "lockgate", &mut script);
    Ok(terminal.data(&String::from_utf8_lossy(&script))?)
}
