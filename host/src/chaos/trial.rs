//! One fault at one operation, and the run after it.

use super::{
    Difference, Publish, Sample, Watcher,
    site::{Site, Table},
};
use crate::{
    diagnostic::{Diagnostic, Result},
    metrics::{Observer, Progress},
    pipeline::plan::{CleanSource, Plan, Trigger},
    run::{Run, Stop, Stores},
    stage::Engine,
    storage::{
        StorageOptions,
        fault::{Fault, Faults},
    },
};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A fault at an operation: `multipart:stop-after:37`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Where.
    pub publish: Publish,
    /// What.
    pub fault: Fault,
    /// When, counted from 0.
    pub operation: u64,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { publish, fault, operation } = self;
        write!(f, "{publish}:{fault}:{operation}")
    }
}

impl FromStr for Trial {
    type Err = Diagnostic;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (publish, fault) = (part().parse()?, part().parse()?);
        let operation = part().parse().map_err(|_| {
            Diagnostic::config(format!("`{text}` does not end in the number of an operation"))
                .hint("write it as chaos does: `multipart:stop-after:37`")
        })?;
        Ok(Self { publish, fault, operation })
    }
}

/// What undisturbed runs leave, and the operations they take.
#[derive(Debug)]
pub(super) struct Golden {
    pub(super) publish: Publish,
    pub(super) table: Table,
    pub(super) trace: Vec<String>,
    pub(super) counts: Counts,
}

/// What a run counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) micro_batches: AtomicU64,
    pub(super) rows_read: AtomicU64,
    pub(super) rows_written: AtomicU64,
    pub(super) rows_quarantined: AtomicU64,
}

impl Observer for Counts {
    fn batch_done(&self, progress: &Progress) {
        self.micro_batches.fetch_add(1, Ordering::Relaxed);
        self.rows_read.fetch_add(progress.num_input_rows, Ordering::Relaxed);
        self.rows_written.fetch_add(progress.sink.num_output_rows, Ordering::Relaxed);
        self.rows_quarantined.fetch_add(progress.num_quarantined_rows, Ordering::Relaxed);
    }
}

/// The user's plan as it runs on the sample: the same but for its places, how many files a
/// micro-batch has, and that files which were read stay.
pub(super) fn staged(plan: &Plan, source: &Path, site: &Path, files_per_trigger: u64) -> Plan {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut staged = plan.clone();
    staged.source.root = text(source.to_owned());
    staged.source.storage_options = StorageOptions::default();
    staged.source.max_files_per_trigger = Some(files_per_trigger);
    // Every run needs the whole sample.
    staged.source.clean_source = CleanSource::Off;
    staged.checkpoint = text(site.join("checkpoint"));
    staged.checkpoint_options = StorageOptions::default();
    staged.sink.root = text(site.join("table"));
    staged.sink.storage_options = StorageOptions::default();
    staged
}

/// Runs a staged plan until nothing is left.
pub(super) fn run(
    plan: &Plan,
    stores: Stores,
    engine: &Engine,
    observer: &dyn Observer,
) -> Result<()> {
    let (trigger, stop) = (Trigger::AvailableNow, Stop::default());
    // One worker: with more, the order of operations would differ from run to run.
    Run { plan, stores, trigger, workers: 1, stop: &stop }.run(engine, observer)
}

/// Everything that runs share.
pub(super) struct Lab<'a> {
    pub(super) plan: Plan,
    pub(super) sample: &'a Sample,
    engine: &'a Engine,
    recoveries: AtomicU64,
    tables: AtomicU64,
}

impl<'a> Lab<'a> {
    pub(super) fn new(plan: &Plan, engine: &'a Engine, sample: &'a Sample) -> Self {
        let files_per_trigger = sample.files_per_trigger(plan);
        let plan = staged(plan, &sample.source(), sample.place(), files_per_trigger);
        Self { plan, sample, engine, recoveries: AtomicU64::new(0), tables: AtomicU64::new(0) }
    }

    /// Runs that broke and were recovered.
    pub(super) fn recoveries(&self) -> u64 {
        self.recoveries.load(Ordering::Relaxed)
    }

    /// Tables that were compared with the uninterrupted one.
    pub(super) fn tables(&self) -> u64 {
        self.tables.load(Ordering::Relaxed)
    }

    /// Runs the sample twice undisturbed. Both runs, and the one of the other publish, must
    /// agree: nothing else can be told apart from a fault's effect.
    pub(super) fn golden(
        &self,
        publish: Publish,
        other: Option<&Golden>,
        watcher: &dyn Watcher,
    ) -> Result<Result<Golden, Difference>> {
        let mut before: Option<Table> = other.map(|golden| golden.table.clone());
        loop {
            let (site, faults) = (self.site(publish)?, Faults::none());
            let counts = Counts::default();
            self.run(&site, &faults, &counts).map_err(|failure| {
                failure.context("the sample does not run through, even undisturbed")
            })?;
            watcher.step();
            let (table, trace) = (site.table()?, faults.trace());
            let Some(same) = before.replace(table.clone()) else { continue };
            return Ok(match same.first_difference(&table) {
                None => Ok(Golden { publish, table, trace, counts }),
                Some(what) => Err(Difference {
                    after: format!("a second run that nothing disturbed ({publish})"),
                    what,
                    again: String::new(),
                }),
            });
        }
    }

    pub(super) fn site(&self, publish: Publish) -> Result<Site> {
        Site::new(publish, self.sample.place())
    }

    fn run(&self, site: &Site, faults: &Arc<Faults>, observer: &dyn Observer) -> Result<()> {
        let stores = site.stores(&self.sample.source())?;
        run(&self.plan, stores.map(|store| faults.wrap(store)), self.engine, observer)
    }

    /// Breaks a run, looks at what is visible, runs again, and compares.
    pub(super) fn attempt(&self, golden: &Golden, trial: Trial) -> Result<Option<Difference>> {
        let site = self.site(trial.publish)?;
        let faults = Faults::at(trial.operation, trial.fault);
        let broken = self.run(&site, &faults, &Counts::default());
        let what = match &broken {
            Err(failure) if trial.fault == Fault::Delay => {
                Some(format!("a delay alone stopped the run: {failure}"))
            }
            Err(_) => golden.table.foreign(&site.table()?),
            Ok(()) => golden.table.first_difference(&site.table()?),
        };
        let what = match (what, broken) {
            (Some(what), _) => Some(format!("before the next run, {what}")),
            (None, Ok(())) => None,
            (None, Err(_)) => {
                self.recoveries.fetch_add(1, Ordering::Relaxed);
                self.recover(golden, &site)?
            }
        };
        self.tables.fetch_add(1, Ordering::Relaxed);
        Ok(what.map(|what| Difference {
            after: format!(
                "`{}` at operation {}, `{}`, with {} publish",
                trial.fault,
                trial.operation,
                golden.trace.get(trial.operation as usize).map_or("none", String::as_str),
                trial.publish
            ),
            what,
            again: format!("--only {trial}"),
        }))
    }

    /// Runs again undisturbed; says what is different then.
    fn recover(&self, golden: &Golden, site: &Site) -> Result<Option<String>> {
        if let Err(failure) = self.run(site, &Faults::none(), &Counts::default()) {
            return Ok(Some(format!("the next run does not recover: {failure}")));
        }
        if let Some(what) = golden.table.first_difference(&site.table()?) {
            return Ok(Some(format!("after the next run, {what}")));
        }
        let left = site.left_pending()?;
        Ok(left.map(|path| format!("`{path}` is left behind")))
    }
}
