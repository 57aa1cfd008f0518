//! Several processes with one checkpoint: one wins, the others stop and say who won, and a dead
//! one is taken over from without anybody's help.

use super::{
    chance::Chance,
    job::{Job, Table},
    place,
};
use std::{
    os::unix::process::ExitStatusExt as _,
    process::Child,
    thread,
    time::{Duration, Instant},
};

const STORAGE: i32 = 5;

/// A process of a race.
struct Runner {
    name: String,
    child: Child,
    is_stopped: bool,
}

impl Runner {
    fn start(job: &Job, n: usize) -> Self {
        let name = format!("runner-{n}");
        Self { child: job.start(&name), name, is_stopped: false }
    }

    fn signal(&mut self, signal: i32) {
        // SAFETY: a system call without pointers; the process is our child and not yet waited
        // for, so its id is not another's.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    fn stop(&mut self) {
        self.signal(libc::SIGSTOP);
        self.is_stopped = true;
    }

    fn wake(&mut self) {
        self.signal(libc::SIGCONT);
        self.is_stopped = false;
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

/// How the processes of a race ended.
#[derive(Debug, Default)]
struct Outcomes {
    done: u32,
    killed: u32,
    fenced: u32,
}

impl Outcomes {
    /// Waits for a process, which must be done, killed, or stopped by another that it names.
    fn take(&mut self, job: &Job, runner: &mut Runner) {
        let status = runner.child.wait().unwrap();
        let said = job.said(&runner.name);
        match status.code() {
            Some(0) => self.done += 1,
            None if status.signal() == Some(libc::SIGKILL) => self.killed += 1,
            Some(STORAGE) => {
                let lost = ["another runner", "is being run already"];
                assert!(lost.iter().any(|part| said.contains(part)), "{}: {said}", runner.name);
                // Nobody can name a winner that was put to sleep between its lock and its name.
                let is_named = said.contains("by a process that is just starting")
                    || ["by process ", " on host `", "running since "]
                        .iter()
                        .all(|part| said.contains(part));
                assert!(is_named, "{}: {said}", runner.name);
                self.fenced += 1;
            }
            _ => panic!("{}: {status}: {said}", runner.name),
        }
    }
}

/// Runs the job alone; gives its table and how long it took.
fn alone(job: &Job) -> (Table, Duration) {
    let start = Instant::now();
    job.finish();
    (job.table(), start.elapsed())
}

/// Lets `runners` processes race for each of at least `rounds` jobs, until one of them lost, while
/// some are killed and some sleep through what the others do.
fn race(new_job: impl Fn() -> Job, runners: usize, rounds: u32) -> Outcomes {
    let (golden, whole) = alone(&new_job());
    let mut chance = Chance::new(0x0ace_0ace);
    let mut outcomes = Outcomes::default();
    // Where a run takes milliseconds, a few rounds may end with nobody in another's way.
    let most = rounds * 40;
    for round in 0..most {
        if round >= rounds && outcomes.fenced > 0 {
            break;
        }
        let job = new_job();
        let mut racing: Vec<_> = (0..runners).map(|n| Runner::start(&job, n)).collect();
        let start = Instant::now();
        while start.elapsed() < whole * 2 {
            thread::sleep(whole / 20);
            let runner = &mut racing[chance.below(runners as u64) as usize];
            if !runner.is_running() {
                continue;
            }
            match chance.below(8) {
                0 => runner.signal(libc::SIGKILL),
                1..=4 if !runner.is_stopped => runner.stop(),
                _ if runner.is_stopped => runner.wake(),
                _ => {}
            }
        }
        // A run that follows takes over from whoever is dead or asleep.
        let mut last = Runner::start(&job, runners);
        last.child.wait().unwrap();
        for runner in &mut racing {
            if runner.is_running() && runner.is_stopped {
                runner.wake();
            }
        }
        for runner in racing.iter_mut().chain([&mut last]) {
            outcomes.take(&job, runner);
        }
        for (name, bytes) in &job.table().0 {
            assert_eq!(golden.0.get(name), Some(bytes), "round {round}: a reader sees `{name}`");
        }
        job.finish();
        assert_eq!(job.table(), golden, "round {round}");
    }
    eprintln!("races of {runners} processes, at least {rounds}: {outcomes:?}");
    outcomes
}

#[test]
fn of_processes_without_locks_one_writes_the_table_and_the_others_say_who() {
    let outcomes = race(|| Job::below(&super::stand_in()), 4, 5);
    assert!(outcomes.fenced > 0, "nobody lost a race");
}

#[test]
fn of_processes_with_a_lock_one_writes_the_table_and_the_others_say_who() {
    let outcomes = race(|| Job::new(None, None), 4, 5);
    assert!(outcomes.fenced > 0, "nobody lost a race");
}

#[test]
fn without_locks_files_of_a_local_table_are_as_safe() {
    let outcomes = race(|| Job::new(None, Some(&super::stand_in())), 4, 5);
    assert!(outcomes.fenced > 0, "nobody lost a race");
}

#[test]
fn a_sleeping_holder_of_the_lock_is_named_and_a_dead_one_taken_over_from() {
    let job = Job::new(None, None);
    let mut holder = Runner::start(&job, 0);
    let lock = job.path("state/runner.lock");
    while std::fs::read(&lock).map_or(true, |text| text.is_empty()) {
        assert!(holder.is_running(), "{}", job.said(&holder.name));
    }
    holder.stop();
    let mut refused = Runner::start(&job, 1);
    assert_eq!(refused.child.wait().unwrap().code(), Some(STORAGE));
    let (said, pid) = (job.said(&refused.name), holder.child.id());
    assert!(said.contains(&format!("process {pid} on host")), "{said}");
    holder.signal(libc::SIGKILL);
    holder.child.wait().unwrap();
    job.finish();
    assert_eq!(job.table(), alone(&Job::new(None, None)).0);
}

mod real {
    use super::*;

    #[test]
    fn of_processes_on_azure_and_hdfs_one_writes_the_table() {
        for scheme in ["az", "hdfs"] {
            if place::real(scheme).is_some() {
                race(|| Job::below(&place::real(scheme).unwrap()), 3, 2);
            }
        }
    }

    #[test]
    fn of_processes_on_s3_one_writes_the_table_and_the_others_say_who() {
        if place::real("s3").is_some() {
            let outcomes = race(|| Job::below(&place::real("s3").unwrap()), 4, 25);
            assert!(outcomes.fenced > 0 && outcomes.killed > 0, "{outcomes:?}");
        }
    }
}
