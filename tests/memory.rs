//! How much memory something takes at most, measured in a process of its own.

use std::{env, fs, process::Command};

/// Names, in the child, the file it writes its peak to.
const CHILD: &str = "LOCKGATE_TEST_PEAK_FILE";

/// Runs `run` in a child of this test process, and gives the most memory it held at once, in
/// bytes. `test` is the path of the calling test, which is what the child runs; there, `None`.
///
/// # Panics
/// Panics when the child does, with what it said.
#[must_use]
pub fn peak_bytes(test: &str, run: impl FnOnce()) -> Option<u64> {
    if let Some(file) = env::var_os(CHILD) {
        run();
        fs::write(file, own_peak_bytes().to_string()).unwrap();
        return None;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new(env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture"]).env(CHILD, file.path());
    let done = child.output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&said));
    Some(fs::read_to_string(file).unwrap().parse().unwrap())
}

/// The most memory this process held at once.
fn own_peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kibibytes << 10
}
