//! Who this process is, for the records it leaves to others.
//!
//! Owns the look-up; knows nothing of locks and logs.

use crate::{clock, types::Runner};
use std::sync::OnceLock;

/// Longest host name that is asked for; POSIX allows 255 bytes.
const NAME_BYTES: usize = 256;

/// This process: its start is taken to be the first call.
pub fn this() -> Runner {
    static THIS: OnceLock<Runner> = OnceLock::new();
    let look = || Runner { host: host(), pid: std::process::id(), started_us: clock::now_us() };
    THIS.get_or_init(look).clone()
}

fn host() -> String {
    let mut name = [0_u8; NAME_BYTES];
    // SAFETY: the pointer is valid for writes of the length given, which leaves the last byte
    // as the zero it is, so the name ends even where the system cut it.
    let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } != 0;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES);
    match String::from_utf8_lossy(&name[..end]) {
        name if failed || name.is_empty() => "unknown".into(),
        name => name.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_the_same_whenever_asked() {
        assert_eq!(this(), this());
        assert_eq!(this().pid, std::process::id());
        assert!(!this().host.contains('\0') && !this().host.is_empty());
    }
}
