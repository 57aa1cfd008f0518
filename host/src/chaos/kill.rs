//! Real child processes, killed at random moments.

use super::{
    Difference, Options, Watcher, interrupted,
    site::{Publish, Site},
    trial::{Golden, Lab, run, staged},
};
use crate::{
    diagnostic::{Diagnostic, Result},
    metrics::Silent,
    pipeline::plan::Plan,
    run::Stores,
    stage::Engine,
    storage::silent,
};
use std::{
    io::{self, Read as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

/// How often a child is looked at.
const NAP: Duration = Duration::from_millis(1);

/// What came of killing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) kills: u64,
    /// Tables compared.
    pub(super) tables: u64,
    /// How long a child runs that nobody kills.
    pub(super) run: Duration,
}

/// What a child does: runs the pipeline on the sample, with checkpoint and table in `site`.
///
/// # Errors
/// What stopped the run.
pub fn child(plan: &Plan, engine: &Engine, source: &Path, site: &Path, files: u64) -> Result<()> {
    let plan = staged(plan, source, site, files);
    run(&plan, Stores::open(&plan, &silent())?, engine, &Silent)
}

/// Kills children until there are enough, each at a moment drawn from the length of a run; a
/// table that comes to its end is compared, and another one begun.
pub(super) fn kill(
    lab: &Lab<'_>,
    golden: &Golden,
    options: &Options,
    watcher: &dyn Watcher,
    stop: &AtomicBool,
) -> Result<Result<Tally, Difference>> {
    let mut tally = Tally::default();
    let start = Instant::now();
    let mut site = lab.site(Publish::Local)?;
    if let Some(failed) = finish(lab, &site, options)? {
        return Err(Diagnostic::internal("a child process does not run through").cause(failed));
    }
    tally.run = start.elapsed();
    let mut dice = Dice(options.seed);
    let differs = |after: String, what: String| {
        let again = format!("--kills {} --seed {}", options.kills, options.seed);
        Ok(Err(Difference { after, what, again }))
    };
    while tally.kills < options.kills {
        interrupted(stop)?;
        let after = tally.run.mul_f64(dice.roll());
        let mut child = spawn(lab, &site, options)?;
        let end = wait(&mut child, Instant::now() + after)?;
        let kills = tally.kills;
        let context = || format!("kill {kills} (after {after:?})");
        match end {
            None => {
                tally.kills += 1;
                watcher.step();
            }
            Some(status) if !status.success() => {
                return differs(context(), format!("the next run fails: {}", said(child)));
            }
            Some(_) => {
                if let Some(what) = golden.table.first_difference(&site.table()?) {
                    return differs(context(), what);
                }
                tally.tables += 1;
                site = lab.site(Publish::Local)?;
            }
        }
        if let Some(what) = golden.table.foreign(&site.table()?) {
            return differs(context(), format!("before the next run, {what}"));
        }
    }
    if let Some(said) = finish(lab, &site, options)? {
        return differs("the last kill".into(), format!("the next run fails: {said}"));
    }
    tally.tables += 1;
    match golden.table.first_difference(&site.table()?) {
        Some(what) => differs("the last kill".into(), what),
        None => Ok(Ok(tally)),
    }
}

/// Lets a child run to its end; what it said when that is a bad one.
fn finish(lab: &Lab<'_>, site: &Site, options: &Options) -> Result<Option<String>> {
    let mut child = spawn(lab, site, options)?;
    let status = child.wait().map_err(|error| lost(&error))?;
    Ok((!status.success()).then(|| said(child)))
}

fn spawn(lab: &Lab<'_>, site: &Site, options: &Options) -> Result<Child> {
    let files = lab.plan.source.max_files_per_trigger.unwrap_or(1);
    let mut command = Command::new(&options.program);
    command.arg("chaos").arg(&lab.plan.file);
    command.arg("--child").arg(site.path().unwrap_or_default());
    command.arg("--child-source").arg(lab.sample.source());
    command.arg("--child-files").arg(files.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|error| {
        Diagnostic::internal(format!("cannot start `{}`", options.program.display())).cause(error)
    })
}

/// Waits for a child until a moment, and kills it then; `None` when it was killed.
fn wait(child: &mut Child, until: Instant) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait().map_err(|error| lost(&error))? {
            return Ok(Some(status));
        }
        let Some(rest) = until.checked_duration_since(Instant::now()) else { break };
        thread::sleep(rest.min(NAP));
    }
    child.kill().map_err(|error| lost(&error))?;
    let status = child.wait().map_err(|error| lost(&error))?;
    // It may have come to its end in the last moment.
    Ok(status.code().map(|_| status))
}

fn said(mut child: Child) -> String {
    let mut text = String::new();
    let read = child.stderr.as_mut().map(|stderr| stderr.read_to_string(&mut text));
    if !matches!(read, Some(Ok(_))) || text.is_empty() {
        return "it says nothing".into();
    }
    text.lines().collect::<Vec<_>>().join("; ")
}

fn lost(error: &io::Error) -> Diagnostic {
    Diagnostic::internal("lost sight of a child process").cause(error)
}

/// Numbers that follow from a seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    /// From 0 up to, but not, 1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
