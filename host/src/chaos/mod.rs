//! The proof on a user's own pipeline: every fault at every storage operation, and real kills,
//! on a sample of their data in a temporary place; every recovered table is compared with the
//! uninterrupted one, byte for byte.
//!
//! Owns what is tried and what counts as a difference; knows nothing of how it is shown.
//! Nothing that the pipeline file names is written to: the source is listed and copied from,
//! the checkpoint and the table are not even opened.
//!
//! ```text
//! Sample ──> Golden (twice, they must agree) ──> Trial, Trial, ... ──> kills ──> Certificate
//!                                                      └── the first Difference ends it
//! ```

mod certificate;
mod kill;
mod sample;
mod site;
#[cfg(test)]
mod tests;
mod trial;

pub use certificate::Certificate;
pub use kill::child;
pub use site::Publish;
pub use trial::Trial;

use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::Plan,
    stage::Engine,
    storage::{Notices, fault::Fault},
};
use sample::Sample;
use std::{
    num::NonZero,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};
use trial::{Golden, Lab};

/// What to try.
#[derive(Clone, Debug)]
pub struct Options {
    /// At most this many files of the source.
    pub files: usize,
    /// The newest files, not the oldest.
    pub newest: bool,
    /// At most this many faults; spread evenly when there are more to inject.
    pub faults: u64,
    /// Child processes to kill.
    pub kills: u64,
    /// Decides when they are killed.
    pub seed: u64,
    /// This one trial alone.
    pub only: Option<Trial>,
    /// The program that runs a child: [`child`] with the directory it is given.
    pub program: PathBuf,
}

/// Hears how far it is.
pub trait Watcher: Send + Sync {
    /// Something else begins, of so many steps.
    fn phase(&self, what: &str, steps: u64);
    /// A step is done.
    fn step(&self);
}

/// A recovered table that is not the uninterrupted one, or a run that does not recover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// After what.
    pub after: String,
    /// What is different.
    pub what: String,
    /// The arguments that try it again.
    pub again: String,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every table was the same.
    Same(Box<Certificate>),
    /// One was not.
    Differs(Difference),
}

/// Tries everything. `notices` hears when the source fails for now.
///
/// # Errors
/// Fails when there is nothing to try: the source has no files, the sample does not run through
/// undisturbed, the temporary place refuses, or `stop` asks.
pub fn certify(
    plan: &Plan,
    engine: &Engine,
    options: &Options,
    notices: &Notices,
    watcher: &dyn Watcher,
    stop: &AtomicBool,
) -> Result<Verdict> {
    let start = Instant::now();
    watcher.phase("copying the sample", options.files as u64);
    let sample = Sample::copy(plan, options, notices, watcher)?;
    let lab = Lab::new(plan, engine, &sample);
    let mut certificate = Certificate::new(plan, engine, options, &lab, &sample)?;
    let mut goldens = Vec::with_capacity(Publish::ALL.len());
    for publish in Publish::ALL {
        let runs = if goldens.is_empty() { 2 } else { 1 };
        watcher.phase(&format!("running undisturbed, {publish} publish"), runs);
        match lab.golden(publish, goldens.first(), watcher)? {
            Ok(golden) => goldens.push(golden),
            Err(difference) => return Ok(Verdict::Differs(difference)),
        }
    }
    certificate.undisturbed(&goldens[0]);
    let possible = trials(&goldens);
    let chosen = match options.only {
        Some(only) => vec![only],
        None => spread(&possible, options.faults),
    };
    watcher.phase("injecting faults", chosen.len() as u64);
    let injected = inject(&lab, &goldens, &chosen, watcher, stop)?;
    if let Some(difference) = injected {
        return Ok(Verdict::Differs(difference));
    }
    certificate.injected(&goldens, &possible, &chosen, lab.recoveries());
    certificate.tables = lab.tables();
    if options.only.is_none() && options.kills > 0 {
        watcher.phase("killing child processes", options.kills);
        match kill::kill(&lab, &goldens[0], options, watcher, stop)? {
            Ok(tally) => certificate.killed(tally, options.seed),
            Err(difference) => return Ok(Verdict::Differs(difference)),
        }
    }
    certificate.took = start.elapsed();
    Ok(Verdict::Same(Box::new(certificate)))
}

/// Every fault at every operation where it makes a difference.
fn trials(goldens: &[Golden]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for golden in goldens {
        for (operation, name) in golden.trace.iter().enumerate() {
            let (publish, operation) = (golden.publish, operation as u64);
            let faults = Fault::ALL.into_iter().filter(|fault| fault.strikes(name));
            trials.extend(faults.map(|fault| Trial { publish, fault, operation }));
        }
    }
    trials
}

/// At most so many, evenly spread.
fn spread(trials: &[Trial], most: u64) -> Vec<Trial> {
    let all = trials.len() as u64;
    if all <= most {
        return trials.to_vec();
    }
    (0..most).map(|index| trials[(index * all / most) as usize]).collect()
}

/// Tries them on all cores; gives the first that differs.
fn inject(
    lab: &Lab<'_>,
    goldens: &[Golden],
    trials: &[Trial],
    watcher: &dyn Watcher,
    stop: &AtomicBool,
) -> Result<Option<Difference>> {
    let (next, first) = (AtomicUsize::new(0), AtomicU64::new(u64::MAX));
    let outcomes = Mutex::new(Vec::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(trial) = trials.get(index) else { return };
            if stop.load(Ordering::Relaxed) || first.load(Ordering::Relaxed) != u64::MAX {
                return;
            }
            let golden = goldens.iter().find(|golden| golden.publish == trial.publish);
            let outcome = golden.map_or(Ok(None), |golden| lab.attempt(golden, *trial));
            watcher.step();
            if !matches!(outcome, Ok(None)) {
                first.fetch_min(index as u64, Ordering::Relaxed);
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    interrupted(stop)?;
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().next().map_or(Ok(None), |(_, outcome)| outcome)
}

/// Fails once somebody asked to stop.
fn interrupted(stop: &AtomicBool) -> Result<()> {
    if !stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(Diagnostic::new(crate::diagnostic::Kind::Interrupted, "interrupted before all was tried"))
}
