//! What was tried, in words.

use super::{
    Options, Publish, Sample, Trial,
    kill::Tally,
    trial::{Golden, Lab},
};
use crate::{
    clock, diagnostic::Result, pipeline::plan::Plan, run, stage::Engine, storage::fault::Fault,
};
use std::{
    fmt::{self, Write as _},
    sync::atomic::Ordering,
    time::Duration,
};

/// Digits of a digest that are shown.
const DIGITS: usize = 12;

/// What was tried and found the same.
#[derive(Clone, Debug, Default)]
pub struct Certificate {
    lines: Vec<(&'static str, String)>,
    /// What a table holds.
    files: u64,
    rows: u64,
    /// Tables that were compared.
    pub(super) tables: u64,
    /// How long it took.
    pub(super) took: Duration,
}

impl Certificate {
    pub(super) fn new(
        plan: &Plan,
        engine: &Engine,
        options: &Options,
        lab: &Lab<'_>,
        sample: &Sample,
    ) -> Result<Self> {
        let mut certificate = Self::default();
        let config = &plan.config_hash[..DIGITS.min(plan.config_hash.len())];
        certificate.add("pipeline", format!("{} (config {config})", plan.name));
        let mut components = Vec::with_capacity(plan.stages.len());
        for stage in &plan.stages {
            let component = run::component(engine, &stage.plugin)?;
            let digest = &component.digest()[..DIGITS];
            components.push(format!("{} {digest}", stage.name));
        }
        certificate.add("components", components.join(", "));
        certificate.add("lockgate", env!("CARGO_PKG_VERSION").to_owned());
        certificate.add("date", clock::utc(clock::now_us()));
        let which = if options.newest { "newest" } else { "oldest" };
        let (files, of, bytes) = (sample.files, sample.of, sample.bytes);
        let batch = lab.plan.source.max_files_per_trigger.unwrap_or(files);
        certificate.add(
            "sample",
            format!(
                "the {which} {files} of {of} files, {bytes} bytes, at most {batch} to a micro-batch"
            ),
        );
        Ok(certificate)
    }

    fn add(&mut self, name: &'static str, what: String) {
        self.lines.push((name, what));
    }

    pub(super) fn undisturbed(&mut self, golden: &Golden) {
        let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let counts = &golden.counts;
        self.files = golden.table.0.len() as u64;
        self.rows = count(&counts.rows_written);
        let read = count(&counts.rows_read);
        let (rows, files, quarantined) = (self.rows, self.files, count(&counts.rows_quarantined));
        let batches = count(&counts.micro_batches);
        self.add(
            "table",
            format!("{batches} micro-batches, {read} rows read, {rows} written, {quarantined} quarantined, {files} files"),
        );
    }

    pub(super) fn injected(
        &mut self,
        goldens: &[Golden],
        possible: &[Trial],
        chosen: &[Trial],
        recoveries: u64,
    ) {
        for golden in goldens {
            let of = |trials: &[Trial]| {
                trials.iter().filter(|trial| trial.publish == golden.publish).count()
            };
            let name = match golden.publish {
                Publish::Local => "local",
                Publish::Multipart => "multipart",
            };
            let operations = golden.trace.len();
            self.add(
                name,
                format!(
                    "{operations} storage operations, {} of {} faults",
                    of(chosen),
                    of(possible)
                ),
            );
        }
        let mut kinds = String::new();
        for fault in Fault::ALL {
            let count = chosen.iter().filter(|trial| trial.fault == fault).count();
            let comma = if kinds.is_empty() { "" } else { ", " };
            let _ = write!(kinds, "{comma}{fault} {count}");
        }
        self.add("faults", kinds);
        let spread = if chosen.len() < possible.len() { ", spread evenly" } else { "" };
        let (chosen, possible) = (chosen.len(), possible.len());
        self.add(
            "injected",
            format!(
                "{chosen} of {possible} faults{spread}; {recoveries} runs broke and were recovered"
            ),
        );
    }

    pub(super) fn killed(&mut self, tally: Tally, seed: u64) {
        let Tally { kills, tables, run } = tally;
        self.tables += tables;
        self.add(
            "killed",
            format!("{kills} child processes (kill -9) within the {run:.1?} of a run, seed {seed}, {tables} tables"),
        );
    }
}

/// One line a fact.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, what) in &self.lines {
            writeln!(f, "{name:<12}{what}")?;
        }
        let Self { tables, files, rows, took, .. } = self;
        let (files, rows) = (tables * files, tables * rows);
        writeln!(f, "{:<12}{tables} tables: {files} files, {rows} rows", "compared")?;
        writeln!(f, "{:<12}{took:.1?}", "took")?;
        writeln!(f, "{:<12}every table is the uninterrupted one, byte for byte", "result")
    }
}
