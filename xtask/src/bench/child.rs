//! Runs a program and asks the kernel what it took.

use crate::Result;
use std::{io, mem::MaybeUninit, process::Command, time::Instant};

/// What a process and its children took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) wall_secs: f64,
    /// User and system time.
    pub(super) cpu_secs: f64,
    /// Largest resident set.
    pub(super) peak_bytes: u64,
}

/// Runs a program to its end.
///
/// # Errors
/// Fails when it does not start, or ends with another code than 0.
pub(super) fn run(command: &mut Command) -> Result<Usage> {
    let start = Instant::now();
    let child = command.spawn().map_err(|error| format!("{command:?} does not start: {error}"))?;
    let pid = libc::pid_t::try_from(child.id())?;
    let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are valid for the call; `child` has not been waited for, so the id
    // is still its own.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    let wall_secs = start.elapsed().as_secs_f64();
    if waited != pid {
        return Err(io::Error::last_os_error().into());
    }
    if !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) != 0 {
        return Err(format!("{command:?} failed: wait status {status}").into());
    }
    // SAFETY: `wait4` succeeded and has filled it in; zeroes were valid before, too.
    let usage = unsafe { usage.assume_init() };
    let secs = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let kibibytes = u64::try_from(usage.ru_maxrss)?;
    let cpu_secs = secs(usage.ru_utime) + secs(usage.ru_stime);
    Ok(Usage { wall_secs, cpu_secs, peak_bytes: kibibytes * 1024 })
}
