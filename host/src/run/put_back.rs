//! Puts rejected records back into the stream: each exactly once, in micro-batches of their
//! own, whose intent and outcome are in the logs like any other's.
//!
//! Records are taken as they come, so memory holds one micro-batch of them. Which ones were put
//! back is known by the set of consumed files, where each counts as a file: doing it twice adds
//! nothing, and what a crash left half-done is done by the next start of anything.

use super::{
    Run, Stores,
    candidates::{Candidates, Tally, Wanted, judge},
    report::Report,
    session::Session,
};
use crate::{
    checkpoint::{self, Seen},
    diagnostic::Result,
    metrics::Observer,
    pipeline::plan::SourcePlan,
    source::returned::{Content, Returned},
    stage::Engine,
    storage::Storage,
    types::{BatchId, CommitRecord},
};
/// Most records of one micro-batch.
const MOST_RECORDS: usize = 8_192;
/// Bytes from which on a micro-batch is full, files that are read again included; less where the
/// source takes less.
const MOST_BYTES: u64 = 16 << 20;

/// What putting back came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutBack {
    /// What became of the records asked for.
    pub tally: Tally,
    /// The micro-batches that put them back.
    pub batches: Vec<BatchId>,
    /// Rows written.
    pub rows_written: u64,
    /// Records and rows that were rejected again.
    pub rejected_again: u64,
    /// Whether it stopped before all were put back.
    pub stopped: bool,
}

/// What putting back would do, seen from outside; changes nothing.
///
/// # Errors
/// Fails when the checkpoint will not start, a line of the repaired records is wrong, or a
/// store refuses.
pub fn preview(plan: &SourcePlan, stores: &Stores, wanted: &Wanted) -> Result<Tally> {
    let survey = checkpoint::survey(&stores.checkpoint)?;
    if let Some(refusal) = survey.refusal {
        return Err(refusal);
    }
    let last = survey.last_commit.map(|commit| commit.batch);
    let mut seen = checkpoint::consumed(&stores.checkpoint)?;
    // What was begun will be finished first.
    if let Some(begun) = &survey.begun {
        seen.add(begun.consumed());
    }
    if let Some(repaired) = &wanted.repaired {
        repaired.check(&stores.sink, last)?;
    }
    let mut tally = Tally::default();
    for candidate in Candidates::open(wanted, &stores.sink, last)? {
        let candidate = candidate?;
        let verdict = judge(&candidate, &seen, plan, &stores.source)?;
        tally.count(&candidate, verdict);
    }
    Ok(tally)
}

impl Run<'_> {
    /// Puts rejected records back, after finishing what an earlier run left.
    ///
    /// # Errors
    /// As [`Run::run`]; also when a line of the repaired records is wrong, before anything is
    /// put back. What was put back before stays, and doing it again goes on from there.
    pub fn put_back(
        self,
        engine: &Engine,
        observer: &dyn Observer,
        wanted: &Wanted,
    ) -> Result<PutBack> {
        let stop = self.stop;
        let (stores, plan) = (self.stores.clone(), &self.plan.source);
        let mut session = Session::open(self, engine)?;
        let mut report = Report::new(session.plan(), session.id());
        if let Some(done) = session.replay(observer)? {
            observer.batch_done(&report.micro_batch(&done));
        }
        let last = session.last();
        if let Some(repaired) = &wanted.repaired {
            repaired.check(&stores.sink, last)?;
        }
        let mut candidates = Candidates::open(wanted, &stores.sink, last)?;
        let mut done = PutBack::default();
        while !stop.is_asked() {
            let records =
                take(&mut candidates, plan, session.seen(), &stores.source, &mut done.tally)?;
            if records.is_empty() {
                return Ok(done);
            }
            let micro_batch = session.put_back(&records, observer)?;
            observer.batch_done(&report.micro_batch(&micro_batch));
            done.add(&micro_batch.commit);
        }
        done.stopped = true;
        Ok(done)
    }
}

impl PutBack {
    fn add(&mut self, commit: &CommitRecord) {
        self.batches.push(commit.batch);
        self.rows_written += commit.rows_written;
        self.rejected_again += commit.quarantined;
    }
}

/// The records of the next micro-batch.
fn take(
    candidates: &mut Candidates,
    plan: &SourcePlan,
    seen: &Seen,
    source: &Storage,
    tally: &mut Tally,
) -> Result<Vec<Returned>> {
    let most_bytes = plan.max_bytes_per_trigger.unwrap_or(u64::MAX).clamp(1, MOST_BYTES);
    let mut records = Vec::new();
    let mut bytes = 0;
    while records.len() < MOST_RECORDS && bytes < most_bytes {
        let Some(candidate) = candidates.next().transpose()? else { break };
        let verdict = judge(&candidate, seen, plan, source)?;
        if let Some(returned) = tally.count(&candidate, verdict) {
            bytes += match &returned.content {
                Content::Record(text) => text.len() as u64,
                Content::Reread(reread) => reread.file.size_bytes,
            };
            records.push(returned);
        }
    }
    Ok(records)
}
