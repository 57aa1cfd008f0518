//! The `lockgate` binary: its exit code is all it adds to the library.

use std::{env, panic, process::ExitCode};

/// Exit code of a bug, as `--help` has it.
const BUG: u8 = 1;

fn main() -> ExitCode {
    // The message of a panic is on standard error already.
    panic::catch_unwind(|| lockgate::cli::main(env::args_os())).unwrap_or(ExitCode::from(BUG))
}
