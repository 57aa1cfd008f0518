//! What to do at start-up, decided from what both logs show.
//!
//! Owns the decision, a pure function of names; knows nothing of how they were observed.
//!
//! | last offset | last commit | do |
//! |---|---|---|
//! | none | none | fresh |
//! | N | N | resume: publish N again, continue with N+1 |
//! | 0 | none | replay 0 |
//! | N+1 | N | publish N again, replay N+1 |
//! | anything else | | refuse |
//!
//! Both logs must be whole: commits from 0 on, offsets from the first micro-batch on that no
//! segment of consumed files covers.

use super::layout::{COMMITS, OFFSETS, SEEN, record};
use crate::{
    diagnostic::{Diagnostic, Result},
    types::{BatchId, CommitRecord, OffsetRecord},
};

/// What to do at start-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing has happened yet: start with micro-batch 0.
    Fresh,
    /// Everything begun was committed.
    Resume {
        /// The last commit, to be published again.
        publish: CommitRecord,
        /// The micro-batch to continue with.
        next: BatchId,
    },
    /// A micro-batch was begun and not committed.
    Replay {
        /// The commit before it, to be published again.
        publish: Option<CommitRecord>,
        /// What it reads: exactly these files, with exactly these components.
        offsets: OffsetRecord,
    },
}

impl Recovery {
    /// The micro-batch that comes next.
    pub fn next(&self) -> BatchId {
        match self {
            Self::Fresh => BatchId(0),
            Self::Resume { next, .. } => *next,
            Self::Replay { offsets, .. } => offsets.batch,
        }
    }
}

/// What the checkpoint holds, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Observed {
    /// Root of the checkpoint, for messages.
    pub(super) root: String,
    /// Micro-batches with an offset record, ascending.
    pub(super) offsets: Vec<BatchId>,
    /// Micro-batches with a commit record, ascending.
    pub(super) commits: Vec<BatchId>,
    /// Last micro-batch whose consumed files are in a segment; its offset record, and those
    /// before it, may be gone.
    pub(super) compacted: Option<BatchId>,
}

/// Which records a [`Recovery`] is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// See [`Recovery::Fresh`].
    Fresh,
    /// See [`Recovery::Resume`].
    Resume(BatchId),
    /// See [`Recovery::Replay`]: the micro-batch, and the commit before it.
    Replay(BatchId, Option<BatchId>),
}

/// Decides what to do at start-up.
///
/// # Errors
/// Refuses when the logs contradict each other, naming the files, what each means, and the
/// ways out.
pub(super) fn decide(observed: &Observed) -> Result<Decision> {
    let Observed { offsets, commits, compacted, .. } = observed;
    let first_offset = compacted.map_or(BatchId(0), BatchId::next);
    let (last_offset, last_commit) = (offsets.last().copied(), commits.last().copied());
    let Some(last_offset) = last_offset else {
        return match (last_commit, compacted) {
            (None, None) => Ok(Decision::Fresh),
            (Some(commit), _) => Err(observed.refuse(&[
                &format!(
                    "`{}` says that micro-batch {} is committed",
                    at(COMMITS, commit),
                    commit.0
                ),
                &format!("`{OFFSETS}/` is empty, so nothing says which files were consumed"),
            ])),
            (None, Some(batch)) => Err(observed.refuse(&[
                &format!("`{SEEN}/` holds the files consumed up to micro-batch {}", batch.0),
                &format!("`{OFFSETS}/` and `{COMMITS}/` are empty"),
            ])),
        };
    };
    if let Some(missing) = first_gap(offsets, first_offset, last_offset) {
        return Err(observed.refuse(&[
            &format!("`{}` is missing: which files it consumed is unknown", at(OFFSETS, missing)),
            &format!("`{}` says that later micro-batches were begun", at(OFFSETS, last_offset)),
        ]));
    }
    if let Some(missing) = last_commit.and_then(|last| first_gap(commits, BatchId(0), last)) {
        return Err(observed.refuse(&[
            &format!("`{}` is missing: what it wrote is unknown", at(COMMITS, missing)),
            "later micro-batches are committed",
        ]));
    }
    if compacted.is_some_and(|compacted| last_commit.is_none_or(|last| compacted >= last)) {
        let upto = compacted.map_or(0, |batch| batch.0);
        return Err(observed.refuse(&[
            &format!("`{SEEN}/` holds the files consumed up to micro-batch {upto}"),
            &format!("`{COMMITS}/` holds fewer outcomes than that"),
        ]));
    }
    match last_commit {
        Some(commit) if commit == last_offset => Ok(Decision::Resume(commit)),
        Some(commit) if commit.next() == last_offset => {
            Ok(Decision::Replay(last_offset, Some(commit)))
        }
        None if last_offset == BatchId(0) => Ok(Decision::Replay(last_offset, None)),
        Some(commit) if commit > last_offset => Err(observed.refuse(&[
            &format!("`{}` says that micro-batch {} is committed", at(COMMITS, commit), commit.0),
            &format!("`{}`, which says what it read, is missing", at(OFFSETS, commit)),
        ])),
        other => {
            let first_open = other.map_or(BatchId(0), BatchId::next);
            Err(observed.refuse(&[
                &format!(
                    "`{}` says that micro-batch {} was begun",
                    at(OFFSETS, last_offset),
                    last_offset.0
                ),
                &format!(
                    "`{}` is missing: micro-batch {}, before it, has no outcome",
                    at(COMMITS, first_open),
                    first_open.0
                ),
            ]))
        }
    }
}

fn at(log: &str, batch: BatchId) -> String {
    record(log, batch)
}

/// The first micro-batch of a range that is not in a sorted list.
fn first_gap(sorted: &[BatchId], first: BatchId, last: BatchId) -> Option<BatchId> {
    let start = sorted.partition_point(|batch| *batch < first);
    let mut expected = first.0;
    for batch in &sorted[start..] {
        if batch.0 != expected {
            return Some(BatchId(expected));
        }
        expected += 1;
    }
    (expected <= last.0).then_some(BatchId(expected))
}

impl Observed {
    fn refuse(&self, meaning: &[&str]) -> Diagnostic {
        let root = &self.root;
        let refusal = Diagnostic::storage(format!(
            "the logs of the checkpoint `{root}` contradict each other"
        ));
        meaning
            .iter()
            .fold(refusal, Diagnostic::cause)
            .hint("files were removed or restored in part: put back the checkpoint as a whole from one copy")
            .hint("or start over: move the checkpoint and the table away, both, then run again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const BATCHES: u64 = 5;

    fn observed(offsets: u64, commits: u64, compacted: Option<u64>) -> Observed {
        let bits = |mask: u64| (0..BATCHES).filter(|n| mask >> n & 1 == 1).map(BatchId).collect();
        let (offsets, commits) = (bits(offsets), bits(commits));
        Observed { root: "/c".into(), offsets, commits, compacted: compacted.map(BatchId) }
    }

    /// Every state the protocol can leave behind, and what it must lead to.
    fn reachable() -> HashMap<(u64, u64, Option<u64>), Decision> {
        let mut states = HashMap::new();
        for begun in 0..=BATCHES {
            for committed in [begun.saturating_sub(1), begun] {
                let last = committed.checked_sub(1);
                let decision = match (begun, begun == committed) {
                    (0, _) => Decision::Fresh,
                    (_, true) => Decision::Resume(BatchId(begun - 1)),
                    (_, false) => Decision::Replay(BatchId(begun - 1), last.map(BatchId)),
                };
                let upto = last.unwrap_or(0);
                for compacted in std::iter::once(None).chain((0..upto).map(Some)) {
                    let whole = (1 << begun) - 1;
                    let removable = compacted.map_or(0, |batch: u64| (1 << (batch + 1)) - 1);
                    for removed in (0..1 << BATCHES).filter(|mask| mask & !removable == 0) {
                        let commits = (1 << committed) - 1;
                        states.insert((whole & !removed, commits, compacted), decision);
                    }
                }
            }
        }
        states
    }

    #[test]
    fn every_combination_of_logs_is_recovered_as_the_protocol_left_it_or_refused() {
        let reachable = reachable();
        let compactions = || std::iter::once(None).chain((0..BATCHES).map(Some));
        let (mut recovered, mut refused) = (0, 0);
        for offsets in 0..1 << BATCHES {
            for (commits, compacted) in
                (0..1 << BATCHES).flat_map(|commits| compactions().map(move |c| (commits, c)))
            {
                let state = (offsets, commits, compacted);
                match (decide(&observed(offsets, commits, compacted)), reachable.get(&state)) {
                    (Ok(decision), Some(expected)) => {
                        assert_eq!(decision, *expected, "{state:?}");
                        recovered += 1;
                    }
                    (Err(refusal), None) => {
                        assert!(refusal.message.contains("`/c`"), "{state:?}: {refusal}");
                        assert!(refusal.causes.len() == 2 && refusal.hints.len() == 2);
                        refused += 1;
                    }
                    (Ok(decision), None) => panic!("{state:?}: {decision:?}"),
                    (Err(refusal), Some(_)) => panic!("{state:?}: {refusal}"),
                }
            }
        }
        assert_eq!(recovered, reachable.len());
        assert!(refused > recovered);
    }

    #[test]
    fn a_refusal_names_the_files_and_what_each_means() {
        let refusal = decide(&observed(0b1_0000, 0, None)).unwrap_err();
        assert!(refusal.causes[0].contains("`offsets/0000000000.json` is missing"), "{refusal}");
        let refusal = decide(&observed(0b11, 0, None)).unwrap_err();
        assert!(refusal.causes[0].contains("`offsets/0000000001.json` says"), "{refusal}");
        assert!(refusal.causes[1].contains("`commits/0000000000.json` is missing"), "{refusal}");
        let refusal = decide(&observed(0b1, 0b11, None)).unwrap_err();
        assert!(refusal.causes[1].contains("`offsets/0000000001.json`"), "{refusal}");
    }
}
