//! The `lockgate` binary: its exit code is all it adds to the library.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    lockgate::cli::main(env::args_os())
}
