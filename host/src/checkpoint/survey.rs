//! A look at a checkpoint from outside, while somebody may be running it.
//!
//! Owns what can be said without holding the checkpoint; changes nothing.

use super::{
    Identity, Seen, identity,
    layout::{Holding, PLUGINS, REPLAYS, RUNNER},
    log,
    recover::{self, Decision, Observed},
    rewind, segment,
    tiers::Segments,
};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::Storage,
    types::{BatchId, CommitRecord, OffsetRecord, Runner},
};

/// What a checkpoint shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Whose it is; `None`: the pipeline never ran.
    pub identity: Option<Identity>,
    /// Who runs it now.
    pub runner: Option<Runner>,
    /// The last committed micro-batch.
    pub last_commit: Option<CommitRecord>,
    /// The micro-batch that was begun and is not committed.
    pub begun: Option<OffsetRecord>,
    /// Why the pipeline will not start, if its logs contradict each other.
    pub refusal: Option<Diagnostic>,
}

/// Looks at a checkpoint; looks again where what is seen contradicts itself, as it may when the
/// runner goes on between two of the listings.
///
/// # Errors
/// Fails when a record is damaged or has a newer format, and when the store refuses.
pub fn survey(storage: &Storage) -> Result<Survey> {
    let mut survey = look(storage);
    for _ in 1..LOOKS {
        if survey.as_ref().is_ok_and(|survey| survey.refusal.is_none()) {
            break;
        }
        survey = look(storage);
    }
    survey
}

fn look(storage: &Storage) -> Result<Survey> {
    let holder = storage.lock_holder(RUNNER)?;
    let runner = holder.and_then(|text| log::decode(storage, RUNNER, &text).ok());
    let mut survey = Survey { identity: identity::read(storage)?, runner, ..Survey::default() };
    if let Some(rewind) = rewind::begun(storage)? {
        survey.refusal = Some(rewind::unfinished(storage, &rewind));
        return Ok(survey);
    }
    let commits = log::batches::<CommitRecord>(storage)?;
    let offsets = log::batches::<OffsetRecord>(storage)?;
    let history = Segments::list(storage, Holding::Records)?.upto();
    let seen = Segments::list(storage, Holding::ConsumedFiles)?.upto();
    let observed = Observed { root: storage.root().to_owned(), offsets, commits, history, seen };
    let (last, begun) = match recover::decide(&observed) {
        Ok(Decision::Fresh) => (None, None),
        Ok(Decision::Resume(last)) => (Some(last), None),
        Ok(Decision::Replay(batch, before)) => (before, Some(batch)),
        Err(refusal) => {
            survey.refusal = Some(refusal);
            (observed.commits.last().copied(), None)
        }
    };
    survey.last_commit = last.map(|batch| log::read(storage, batch)).transpose()?;
    survey.begun = begun.map(|batch| log::read(storage, batch)).transpose()?;
    Ok(survey)
}

impl Survey {
    /// Makes sure that a run of the pipeline of this name would start, as far as its logs, and
    /// whose the checkpoint and the table are, tell.
    ///
    /// # Errors
    /// Why it would not; also when a store refuses.
    pub fn would_start(&self, name: &str, checkpoint: &Storage, table: &Storage) -> Result<()> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        identity::belong_together(checkpoint, name, table, self.last_commit.is_some())
    }
}

/// What lies in a checkpoint. Numbers go with bytes, ranges are of micro-batches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The offset log.
    pub offsets: Option<(BatchId, BatchId)>,
    /// The commit log.
    pub commits: Option<(BatchId, BatchId)>,
    /// Segments of records.
    pub history: (u64, u64),
    /// Segments of consumed files.
    pub seen: (u64, u64),
    /// Consumed files, records that were put back among them.
    pub consumed: u64,
    /// Components.
    pub components: (u64, u64),
    /// Texts of records that are put back.
    pub replays: (u64, u64),
}

/// Looks at what lies in a checkpoint.
///
/// # Errors
/// Fails when a segment is damaged or missing among others, and when the store refuses.
pub fn contents(storage: &Storage) -> Result<Contents> {
    let range = |batches: Vec<BatchId>| Some((*batches.first()?, *batches.last()?));
    let segments = |holding| -> Result<(u64, u64)> {
        let live = Segments::list(storage, holding)?.live;
        Ok((live.len() as u64, live.iter().map(|segment| segment.size_bytes).sum()))
    };
    let files = |directory| -> Result<(u64, u64)> {
        let listed = storage.list(directory)?;
        Ok((listed.len() as u64, listed.iter().map(|meta| meta.size_bytes).sum()))
    };
    Ok(Contents {
        offsets: range(log::batches::<OffsetRecord>(storage)?),
        commits: range(log::batches::<CommitRecord>(storage)?),
        history: segments(Holding::Records)?,
        seen: segments(Holding::ConsumedFiles)?,
        consumed: consumed(storage)?.len() as u64,
        components: files(PLUGINS)?,
        replays: files(REPLAYS)?,
    })
}

/// How often is looked where the runner may have moved something between two looks.
const LOOKS: usize = 3;

/// The consumed files of committed micro-batches. Looks again when the runner compacts
/// meanwhile.
///
/// # Errors
/// Fails when a record or segment is damaged, and when the store refuses.
pub fn consumed(storage: &Storage) -> Result<Seen> {
    let mut look = load(storage);
    for _ in 1..LOOKS {
        if look.is_ok() {
            break;
        }
        look = load(storage);
    }
    look
}

fn load(storage: &Storage) -> Result<Seen> {
    let last = log::batches::<CommitRecord>(storage)?.last().copied();
    let offsets = log::batches::<OffsetRecord>(storage)?;
    let segments = Segments::list(storage, Holding::ConsumedFiles)?;
    let mut seen = Seen::default();
    for segment in &segments.live {
        seen.add_sorted(segment::read(storage, segment)?);
    }
    for batch in offsets.into_iter().filter(|batch| segments.upto() < Some(*batch)) {
        if Some(batch) <= last {
            seen.add(log::read::<OffsetRecord>(storage, batch)?.consumed());
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Checkpoint, Recovery, Written, fixture, this_runner};
    use std::sync::Arc;

    #[test]
    fn a_checkpoint_is_looked_at_while_it_is_run() {
        let (_temp, storage) = fixture::storage();
        assert_eq!(survey(&storage).unwrap(), Survey::default());
        let mut checkpoint = Checkpoint::open(Arc::clone(&storage), "payments").unwrap();
        assert_eq!(checkpoint.observe().unwrap(), Recovery::Fresh);
        let offsets = fixture::offsets(0, &["a"]);
        checkpoint.write_offsets(&offsets).unwrap();
        let running = survey(&storage).unwrap();
        assert_eq!(running.identity.as_ref(), Some(checkpoint.identity()));
        assert_eq!((running.runner, running.begun), (Some(this_runner()), Some(offsets)));
        let commit = fixture::commit(0, Vec::new());
        checkpoint.write_commit(Written::verify(commit.clone(), &*storage).unwrap()).unwrap();
        drop(checkpoint);
        let stopped = survey(&storage).unwrap();
        assert_eq!((stopped.runner, stopped.begun), (None, None));
        assert_eq!(stopped.last_commit, Some(commit));
        storage.put("commits/0000000005.json", b"").unwrap();
        storage.delete("commits/0000000000.json").unwrap();
        storage
            .put("commits/0000000005.json", &log::encode(&fixture::commit(5, Vec::new())).unwrap())
            .unwrap();
        let broken = survey(&storage).unwrap();
        assert!(broken.refusal.unwrap().message.contains("contradict"));
        assert_eq!(broken.last_commit.unwrap().batch, BatchId(5));
    }
}
