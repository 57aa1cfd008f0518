//! How much memory something takes at most, measured in a process of its own.

use std::{env, fs, process::Command};

const CHILD: &str = "LOCKGATE_TEST_CHILD";

/// Runs `run` in a child of this test process, and gives the most memory it held at once, in
/// bytes. `test` is the path of the calling test, which is what the child runs; there, `None`.
///
/// # Panics
/// Panics when the child does, with what it said.
#[must_use]
pub fn peak_bytes(test: &str, run: impl FnOnce()) -> Option<u64> {
    if env::var(CHILD).is_ok_and(|child| child == test) {
        run();
        tell_peak();
        return None;
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture", "--test-threads", "1"]).env(CHILD, test);
    let done = child.output().unwrap();
    let said =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let peak = said.lines().find_map(|line| line.strip_prefix("peak "));
    Some(peak.unwrap_or_else(|| panic!("no test `{test}` was run: {said}")).parse().unwrap())
}

/// Tells the parent how much memory this process held at most.
fn tell_peak() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    // The name of the running test stands on the same line.
    println!("\npeak {}", kibibytes << 10);
}
