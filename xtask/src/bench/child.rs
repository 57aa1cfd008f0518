//! Runs a program with all that it starts, and asks the kernel what they took.
//!
//! The program leads a process group of its own. Processes whose parent ends before them (the
//! Java machine of a Python program) become children of this one, so that each is waited for and
//! its CPU time counted, and none outlives the run.

use crate::Result;
use std::{
    fmt, fs, io,
    mem::MaybeUninit,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// What a program and all that it started took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// From its start to the end of the program itself.
    pub(super) wall_secs: f64,
    /// User and system time of all processes.
    pub(super) cpu_secs: f64,
    /// Largest sum of the resident sets of all processes at one moment.
    pub(super) peak_bytes: u64,
}

/// Why there is no [`Usage`].
#[derive(Debug)]
pub(super) enum Failure {
    /// It did not start, or could not be watched.
    NotRun(String),
    /// It ended by a signal or with another code than 0.
    Ended(ExitStatus),
    /// It was killed after this time.
    TimedOut(Duration),
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun(why) => f.write_str(why),
            Self::Ended(status) => write!(f, "the program ended with {status}"),
            Self::TimedOut(limit) => write!(f, "not done after {} s", limit.as_secs()),
        }
    }
}

/// Runs a program to its end, and what it started to theirs.
///
/// # Errors
/// Fails when it does not start, ends with another code than 0, or takes longer than `limit`.
pub(super) fn run(command: &mut Command, limit: Duration) -> std::result::Result<Usage, Failure> {
    measure(command, limit).map_err(|error| match error.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(error) => Failure::NotRun(error.to_string()),
    })
}

fn measure(command: &mut Command, limit: Duration) -> Result<Usage> {
    // SAFETY: this call takes an integer and touches no memory.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) } != 0 {
        return Err(io::Error::last_os_error().into());
    }
    let start = Instant::now();
    // It is in no group that the terminal interrupts, so it ends with this process instead.
    // SAFETY: between fork and exec the closure makes one system call, and does not allocate.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    let child = command.process_group(0).spawn();
    let child = child.map_err(|error| format!("{command:?} does not start: {error}"))?;
    let group = libc::pid_t::try_from(child.id())?;
    let (done, is_done) = mpsc::channel();
    let watch = thread::spawn(move || watch(group, limit, &is_done));
    let (mut status, mut wall_secs, mut cpu_secs, mut largest) = (0, 0.0, 0.0, 0);
    while let Some(ended) = wait_for_one(group)? {
        if ended.pid == group {
            (status, wall_secs) = (ended.status, start.elapsed().as_secs_f64());
        }
        cpu_secs += ended.cpu_secs;
        largest = largest.max(ended.peak_bytes);
    }
    // It may have ended before, when its time was up.
    let _ = done.send(());
    let watched = watch.join().map_err(|_| "the watching thread failed")?;
    if watched.is_killed {
        return Err(Failure::TimedOut(limit).into());
    }
    let status = ExitStatus::from_raw(status);
    if !status.success() {
        return Err(Failure::Ended(status).into());
    }
    Ok(Usage { wall_secs, cpu_secs, peak_bytes: largest.max(watched.peak_bytes) })
}

/// A process that was waited for, with those of its children it waited for itself.
struct Ended {
    pid: libc::pid_t,
    status: i32,
    cpu_secs: f64,
    /// Of one process.
    peak_bytes: u64,
}

/// Waits for a child in this process group; `None` when there is none left.
fn wait_for_one(group: libc::pid_t) -> Result<Option<Ended>> {
    let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are valid for the call; the group's leader was waited for by nobody
    // else, and no process group takes its id while a process of this group lives.
    let pid = unsafe { libc::wait4(-group, &raw mut status, 0, usage.as_mut_ptr()) };
    if pid < 0 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ECHILD) => Ok(None),
            Some(libc::EINTR) => wait_for_one(group),
            _ => Err(error.into()),
        };
    }
    // SAFETY: `wait4` succeeded and has filled it in; zeroes were valid before, too.
    let usage = unsafe { usage.assume_init() };
    let secs = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu_secs = secs(usage.ru_utime) + secs(usage.ru_stime);
    Ok(Some(Ended { pid, status, cpu_secs, peak_bytes: u64::try_from(usage.ru_maxrss)? * 1024 }))
}

/// Between two looks at the memory; between two looks for new processes, this many of them.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS_PER_LISTING: u32 = 10;

struct Watched {
    peak_bytes: u64,
    is_killed: bool,
}

/// Sums the resident sets of a process group until it is done, and kills it after `limit`.
fn watch(group: libc::pid_t, limit: Duration, is_done: &Receiver<()>) -> Watched {
    let start = Instant::now();
    let mut watched = Watched { peak_bytes: 0, is_killed: false };
    let mut members = Vec::new();
    for look in 0.. {
        if look % LOOKS_PER_LISTING == 0 {
            members = members_of(group);
        }
        let sum = members.iter().filter_map(|pid| resident_bytes(*pid)).sum();
        watched.peak_bytes = watched.peak_bytes.max(sum);
        if is_done.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
            break;
        }
        if start.elapsed() > limit && !watched.is_killed {
            // SAFETY: the call takes integers. The group is still being waited for, so its id is
            // its own.
            unsafe { libc::kill(-group, libc::SIGKILL) };
            watched.is_killed = true;
        }
    }
    watched
}

fn members_of(group: libc::pid_t) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| group_in(&stat) == Some(group))
    })
    .collect()
}

/// The process group in a line of `/proc/PID/stat`: `PID (NAME) STATE PARENT GROUP ...`.
fn group_in(stat: &str) -> Option<libc::pid_t> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

fn resident_bytes(pid: u32) -> Option<u64> {
    resident_in(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes = line.trim().strip_suffix(" kB")?;
    Some(kibibytes.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    fn shell(script: &str, limit: Duration) -> std::result::Result<Usage, Failure> {
        run(Command::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn work_of_a_process_that_outlives_its_parent_is_counted() {
        let work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let waited_for = shell(work, LIMIT).unwrap().cpu_secs;
        let left_behind = shell(&format!("(sleep 2; {work}) & exit 0"), LIMIT).unwrap();
        assert!(left_behind.cpu_secs > waited_for / 3.0, "{left_behind:?}, {waited_for} s");
        assert!(left_behind.wall_secs < 2.0, "{left_behind:?}: the wall time is the program's");
    }

    #[test]
    fn memory_of_processes_that_run_at_once_is_summed() {
        let hold = "x=$(head -c 20000000 /dev/zero | tr '\\0' x)";
        let one = shell(&format!("{hold}; sleep 2; :"), LIMIT).unwrap().peak_bytes;
        let more = format!("{hold}; for i in 1 2 3; do (sleep 2; :) & done; wait");
        let four = shell(&more, LIMIT).unwrap().peak_bytes;
        assert!(four > one + 20_000_000, "{four} bytes of four processes, {one} of one");
    }

    #[test]
    fn a_program_that_fails_or_hangs_is_an_error_and_leaves_nothing_behind() {
        let failed = shell("exit 3", LIMIT).unwrap_err();
        assert!(matches!(failed, Failure::Ended(status) if status.code() == Some(3)), "{failed}");
        let start = Instant::now();
        let hung = shell("sleep 60 & sleep 60", Duration::from_millis(100)).unwrap_err();
        assert!(matches!(hung, Failure::TimedOut(_)), "{hung}");
        assert!(start.elapsed() < Duration::from_secs(30), "both were killed");
    }

    #[test]
    fn what_the_kernel_says_of_a_process_is_read() {
        assert_eq!(group_in("7 (a) b) S 1 42 42 0"), Some(42));
        assert_eq!(resident_in("Name:\tx\nVmRSS:\t    12 kB\n"), Some(12_288));
        assert_eq!(resident_in("Name:\tkthreadd\n"), None);
    }
}
