//! The checkpoint: what a pipeline has begun, what it has committed, and what that means
//! after a crash.
//!
//! Owns both logs and everything beside them (`docs/checkpoint.md` is the protocol); knows
//! nothing of how files are read, transformed or written.
//!
//! ```text
//! open ── observe ──> Recovery ──> ┌ write_offsets ── (the run writes pending files) ──┐
//!  lock    both logs               │                        Written ── write_commit ───┤
//!                                  └── compact <── (the sink publishes) <── CommitRecord ┘
//! ```

mod compact;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod fixture;
pub mod history;
mod identity;
mod kept;
mod layout;
mod log;
#[cfg(test)]
mod model;
mod prune;
mod recover;
mod rewind;
#[cfg(test)]
mod rewind_tests;
mod runner;
mod seen;
mod segment;
mod survey;
mod tiers;
mod undo;
mod verify;
#[cfg(test)]
mod verify_tests;
mod written;
#[cfg(test)]
mod zombies;

pub use identity::Identity;
pub use log::who;
pub use prune::Prunable;
pub use recover::Recovery;
pub use rewind::Rewind;
pub use runner::this as this_runner;
pub use seen::Seen;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use segment::around as encode_segment;
pub use survey::{Contents, Survey, consumed, contents, survey};
pub use undo::{Files, Undo};
pub use verify::{Verified, verify};
pub use written::Written;

use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{Created, Lock, Storage},
    types::{BatchId, CommitRecord, OffsetRecord, Position, Runner},
};
use compact::Compaction;
use layout::{COMMITS, HISTORY, Holding, OFFSETS, RUNNER, SCHEMA, SEEN, record};
use recover::{Decision, Observed};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use tiers::{Segments, Tiers};

/// How often logs that contradict each other are looked at again.
const LOOKS_AGAIN: u32 = 3;

/// A pipeline's checkpoint, held by this process.
pub struct Checkpoint {
    storage: Storage,
    identity: Identity,
    lock: Option<Box<dyn Send + Sync>>,
    seen: Seen,
    position: Option<Position>,
    compaction: Compaction,
    /// The micro-batch that was begun and is not committed.
    begun: Option<OffsetRecord>,
    /// The commit before it.
    last: Option<CommitRecord>,
    /// The micro-batch to begin next; known once the logs were observed.
    next: Option<BatchId>,
}

impl Checkpoint {
    /// Opens the checkpoint of a pipeline, creates it if there is none, and locks it where
    /// the store has locks.
    ///
    /// # Errors
    /// Fails when it belongs to another pipeline, has a newer format, or is locked by another
    /// runner, which is named; and when the store refuses.
    pub fn open(storage: Storage, pipeline_name: &str) -> Result<Self> {
        Self::open_with(storage, pipeline_name, Tiers::default())
    }

    /// As [`Checkpoint::open`], but creates none beside a table that was written with another.
    ///
    /// # Errors
    /// As [`Checkpoint::open`]; also when there is none and the table is somebody's.
    pub fn open_beside(storage: Storage, pipeline_name: &str, table: &Storage) -> Result<Self> {
        if identity::read(&storage)?.is_none() {
            identity::belong_together(&storage, pipeline_name, table, false)?;
        }
        Self::open(storage, pipeline_name)
    }

    fn open_with(storage: Storage, pipeline_name: &str, tiers: Tiers) -> Result<Self> {
        let identity = identity::claim(&storage, pipeline_name)?;
        let lock = match storage.lock(RUNNER, &log::encode(&this_runner())?)? {
            Lock::Held(guard) => Some(guard),
            Lock::Unsupported => None,
            Lock::Elsewhere(holder) => return Err(busy(&storage, pipeline_name, &holder)),
        };
        Ok(Self {
            storage,
            identity,
            lock,
            seen: Seen::default(),
            position: None,
            compaction: Compaction::new(tiers),
            begun: None,
            last: None,
            next: None,
        })
    }

    /// Whose checkpoint it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether no other runner can be at work on it: the store has locks, and ours is held.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Makes the table at `sink` this pipeline's, or makes sure that it is: once the logs were
    /// observed, and before every micro-batch, since somebody may have moved it away.
    ///
    /// # Errors
    /// Fails when the table was written from another checkpoint, or is not the one that this
    /// checkpoint's micro-batches went to, and when the store refuses.
    pub fn claim_table(&self, sink: &Storage) -> Result<()> {
        let is_written = self.next.is_some_and(|next| next > BatchId(0));
        identity::claim_table(&self.identity, sink, is_written)
    }

    /// Looks at both logs, loads the set of consumed files, and says what to do first.
    ///
    /// # Errors
    /// Refuses logs that contradict each other or are damaged; fails when the store refuses.
    pub fn observe(&mut self) -> Result<Recovery> {
        for dir in ["", OFFSETS, COMMITS, HISTORY, SEEN] {
            self.storage.settle(dir)?;
        }
        if let Some(rewind) = rewind::begun(&self.storage)? {
            return Err(rewind::unfinished(&self.storage, &rewind));
        }
        let mut recovery = self.recover();
        // Without a lock another runner may go on, or move records, between two of the looks.
        for _ in 0..LOOKS_AGAIN {
            if recovery.is_ok() || self.is_locked() {
                break;
            }
            recovery = self.recover();
        }
        recovery
    }

    fn recover(&mut self) -> Result<Recovery> {
        let observed = self.look()?;
        let recovery = match recover::decide(&observed)? {
            Decision::Fresh => Recovery::Fresh,
            Decision::Resume(last) => {
                Recovery::Resume { publish: log::read(&self.storage, last)?, next: last.next() }
            }
            Decision::Replay(batch, before) => Recovery::Replay {
                publish: before.map(|batch| log::read(&self.storage, batch)).transpose()?,
                offsets: log::read(&self.storage, batch)?,
            },
        };
        self.load_seen(&observed)?;
        (self.begun, self.last) = match &recovery {
            Recovery::Replay { publish, offsets } => (Some(offsets.clone()), publish.clone()),
            Recovery::Resume { publish, .. } => (None, Some(publish.clone())),
            Recovery::Fresh => (None, None),
        };
        self.next = Some(recovery.next());
        Ok(recovery)
    }

    /// What is in the logs.
    fn look(&mut self) -> Result<Observed> {
        // Segments last: what leaves the logs meanwhile is in one.
        let commits = log::batches::<CommitRecord>(&self.storage)?;
        let offsets = log::batches::<OffsetRecord>(&self.storage)?;
        self.compaction.observe(&self.storage)?;
        Ok(Observed {
            root: self.storage.root().to_owned(),
            offsets,
            commits,
            history: self.compaction.history.upto(),
            seen: self.compaction.seen.upto(),
        })
    }

    /// Files consumed by committed micro-batches: the segments, and the offset records after them.
    fn load_seen(&mut self, observed: &Observed) -> Result<()> {
        (self.seen, self.position) = (Seen::default(), None);
        for segment in &self.compaction.seen.live {
            self.seen.add_sorted(segment::read(&self.storage, segment)?);
        }
        let (compacted, committed) = (observed.compacted(), observed.commits.last().copied());
        for &batch in &observed.offsets {
            if Some(batch) <= compacted {
                self.compaction.left_over(OFFSETS, batch);
            } else if Some(batch) <= committed {
                let offsets: OffsetRecord = log::read(&self.storage, batch)?;
                self.seen.add(offsets.consumed());
                self.position = offsets.position;
            }
        }
        let left = observed.commits.iter().filter(|batch| Some(**batch) <= compacted);
        left.for_each(|batch| self.compaction.left_over(COMMITS, *batch));
        Ok(())
    }

    /// The consumed files of all committed micro-batches.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// How far the source was read by committed micro-batches.
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// Begins a micro-batch: after this, it will read exactly these files.
    ///
    /// # Errors
    /// Fails when another runner began it first, which is named, when the checkpoint is gone or
    /// was replaced, and when the store refuses.
    pub fn write_offsets(&mut self, offsets: &OffsetRecord) -> Result<()> {
        if self.begun.is_some() || self.next != Some(offsets.batch) {
            return Err(self.out_of_order("begun", offsets.batch));
        }
        identity::verify(&self.identity, &self.storage)?;
        log::write(&self.storage, &self.identity.name, offsets)?;
        self.begun = Some(offsets.clone());
        Ok(())
    }

    /// Commits the micro-batch that was begun: after this, it happened.
    ///
    /// # Errors
    /// Fails when another runner committed it first, which is named, when the checkpoint is gone
    /// or was replaced, and when the store refuses.
    pub fn write_commit(&mut self, written: Written) -> Result<CommitRecord> {
        let commit = written.into_record();
        identity::verify(&self.identity, &self.storage)?;
        let Some(begun) = self.begun.as_ref().filter(|begun| begun.batch == commit.batch) else {
            return Err(self.out_of_order("committed", commit.batch));
        };
        self.refuse_taken_back(begun)?;
        log::write(&self.storage, &self.identity.name, &commit)?;
        self.refuse_overtaken(begun)?;
        if let Some(begun) = self.begun.take() {
            self.seen.add(begun.consumed());
            self.position = begun.position;
        }
        self.next = Some(commit.batch.next());
        self.last = Some(commit.clone());
        Ok(commit)
    }

    /// What stopped a micro-batch, with the name of the runner that committed it meanwhile if
    /// there is one: the winner drops what the loser was writing, and stores then say that it is
    /// gone.
    pub fn explain(&self, batch: BatchId, failure: Diagnostic) -> Diagnostic {
        log::explain(&self.storage, &self.identity.name, batch, failure)
    }

    /// Moves old records into segments once there are enough of them, so that start-up reads a
    /// bounded number of files; call it after publishing. Most calls do nothing.
    ///
    /// # Errors
    /// Fails when the store refuses; the checkpoint is as good as before.
    pub fn compact(&mut self) -> Result<()> {
        match self.next {
            Some(next) => self.compaction.run(&self.storage, next),
            None => Ok(()),
        }
    }

    /// The schema that was pinned, if one was.
    ///
    /// # Errors
    /// Fails when it is not UTF-8, and when the store refuses.
    pub fn pinned_schema(&self) -> Result<Option<String>> {
        let Some(text) = self.storage.read(SCHEMA)? else { return Ok(None) };
        match String::from_utf8(text) {
            Ok(text) => Ok(Some(text)),
            Err(e) => Err(log::damaged(&self.storage, SCHEMA, &e.to_string())),
        }
    }

    /// Pins a schema, unless one is pinned; gives the one that is.
    ///
    /// # Errors
    /// Fails when the store refuses.
    pub fn pin_schema(&self, schema: &str) -> Result<String> {
        if self.storage.create(SCHEMA, schema.as_bytes())? == Created::New {
            return Ok(schema.to_owned());
        }
        Ok(self.pinned_schema()?.unwrap_or_else(|| schema.to_owned()))
    }

    /// A rewind takes back what was begun, and another runner may then begin the same number with
    /// other files.
    fn refuse_taken_back(&self, begun: &OffsetRecord) -> Result<()> {
        match log::find::<OffsetRecord>(&self.storage, begun.batch)? {
            Some((found, _)) if found == *begun => Ok(()),
            found => Err(self.superseded(begun.batch, found.map(|(record, _)| record))),
        }
    }

    /// Compaction and rewind delete records, so that a runner that stood still meanwhile finds
    /// their names free. But the commit before one's own stays, as it was, until one's own is in
    /// a segment, too. What was committed nevertheless goes again: no start could explain it.
    fn refuse_overtaken(&self, begun: &OffsetRecord) -> Result<()> {
        let is_next = match begun.batch.0.checked_sub(1) {
            Some(before) => {
                let found = log::find::<CommitRecord>(&self.storage, BatchId(before))?;
                found.map(|(commit, _)| commit) == self.last
            }
            None => Segments::list(&self.storage, Holding::Records)?.live.is_empty(),
        };
        if is_next {
            return Ok(());
        }
        self.storage.delete(&record(COMMITS, begun.batch))?;
        let found = log::find::<OffsetRecord>(&self.storage, begun.batch)?;
        if found.is_some_and(|(found, _)| found == *begun) {
            self.storage.delete(&record(OFFSETS, begun.batch))?;
        }
        Err(self.superseded(begun.batch, None))
    }

    /// Why this runner stops, where the records are not those that it left: `found` is what
    /// stands for its micro-batch now.
    fn superseded(&self, batch: BatchId, found: Option<OffsetRecord>) -> Diagnostic {
        let held = Segments::list(&self.storage, Holding::Records).map(|held| held.upto());
        let (pipeline, found) = (&self.identity.name, found.map(|record| record.runner));
        if found.is_none() && held.is_ok_and(|upto| upto >= Some(batch)) {
            return log::overtaken(&self.storage, pipeline, batch);
        }
        log::taken_back(&self.storage, pipeline, batch, found.as_ref())
    }

    fn out_of_order(&self, what: &str, batch: BatchId) -> Diagnostic {
        let begun = self.begun.as_ref().map(|begun| begun.batch.0);
        Diagnostic::internal(format!(
            "micro-batch {} was {what} out of order: begun is {begun:?}, next is {:?}",
            batch.0,
            self.next.map(|next| next.0)
        ))
    }
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn busy(storage: &Storage, pipeline: &str, holder: &[u8]) -> Diagnostic {
    let refusal = Diagnostic::storage(format!("pipeline `{pipeline}` is being run already"));
    let refusal = match log::decode::<Runner>(storage, RUNNER, holder) {
        Ok(runner) => refusal.cause(format!("by {}", log::who(&runner))),
        Err(_) => refusal.cause("by a process that is just starting"),
    };
    refusal
        .cause(format!("it holds the lock `{}/{RUNNER}`", storage.root()))
        .hint("stop it first, or let it finish; a runner that died holds no lock")
}
