//! Processes killed at random moments: the table is the one of a run that nobody disturbed.

use super::{
    chance::Chance,
    job::{Job, Stage},
    place::{self, Place},
};
use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

/// Kills of one job at most, before it may come to its end.
const KILLS_OF_ONE: u32 = 8;

/// Kills runs with `SIGKILL` until `kills` of them died, each job then run to its end.
fn kill_at_random(new_place: impl Fn() -> Place, kills: u32) {
    let golden = Job::below(&new_place());
    let start = Instant::now();
    golden.finish();
    let whole_us = start.elapsed().as_micros() as u64;
    let golden = golden.table();
    assert!(golden.0.len() >= 6, "{golden:?}");

    let mut chance = Chance::new(0x10c6_a7e5);
    let mut died_in: BTreeMap<Stage, u32> = BTreeMap::new();
    let mut jobs = 0;
    while died_in.values().sum::<u32>() < kills {
        let job = Job::below(&new_place());
        jobs += 1;
        for _ in 0..KILLS_OF_ONE {
            let mut process = job.start("killed");
            thread::sleep(Duration::from_micros(chance.below(whole_us)));
            if let Some(status) = process.try_wait().unwrap() {
                assert!(status.success(), "{status}: {}", job.said("killed"));
                break;
            }
            process.kill().unwrap();
            process.wait().unwrap();
            *died_in.entry(job.stage()).or_default() += 1;
            for (name, bytes) in &job.table().0 {
                assert_eq!(golden.0.get(name), Some(bytes), "a reader sees `{name}`");
            }
        }
        job.finish();
        assert_eq!(job.table(), golden);
        assert_eq!(job.pending(), [""; 0]);
    }
    eprintln!(
        "{kills} kills of {jobs} jobs within {:.1} s each: {died_in:?}",
        whole_us as f64 / 1e6
    );
}

#[test]
fn kills_at_random_moments_lose_and_double_nothing() {
    kill_at_random(super::stand_in, 12);
}

mod real {
    use super::*;

    #[test]
    fn a_hundred_kills_at_random_moments_on_s3_lose_and_double_nothing() {
        if place::real("s3").is_some() {
            kill_at_random(|| place::real("s3").unwrap(), 100);
        }
    }
}
