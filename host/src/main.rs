//! The `lockgate` binary: its exit code is all it adds to the library.

use std::{env, panic, process::ExitCode};

/// Exit code of a bug, as `--help` has it.
const BUG: u8 = 1;

fn main() -> ExitCode {
    give_large_memory_back();
    // The message of a panic is on standard error already.
    panic::catch_unwind(|| lockgate::cli::main(env::args_os())).unwrap_or(ExitCode::from(BUG))
}

/// Blocks of a mebibyte and more go back to the system when they are freed. The C library would
/// keep blocks of up to 32 MiB once one was freed, and the peak would grow with the backlog.
fn give_large_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` sets a number of the allocator, takes no pointers, and no other thread
    // runs yet. Where it refuses, memory is as it would be without.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
    }
}
