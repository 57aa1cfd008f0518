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
//! Both logs must be whole from the first micro-batch on that did not leave them: one leaves
//! them when segments hold both its records and the files it consumed. The last commit never
//! leaves.

use super::layout::{COMMITS, HISTORY, OFFSETS, SEEN, record};
use crate::{
    diagnostic::{Diagnostic, Result},
    types::{BatchId, CommitRecord, OffsetRecord},
};

/// What to do at start-up.
#[expect(clippy::large_enum_variant, reason = "a start makes one of them")]
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
    /// Last micro-batch whose records are in a segment.
    pub(super) history: Option<BatchId>,
    /// Last micro-batch whose consumed files are in a segment.
    pub(super) seen: Option<BatchId>,
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
    let Observed { offsets, commits, .. } = observed;
    let compacted = observed.compacted();
    let first = compacted.map_or(BatchId(0), BatchId::next);
    let (last_offset, last_commit) = (offsets.last().copied(), commits.last().copied());
    let Some(last_offset) = last_offset else {
        return match (last_commit, observed.history.max(observed.seen)) {
            (None, None) => Ok(Decision::Fresh),
            (Some(commit), _) => Err(observed.refuse(&[
                &format!(
                    "`{}` says that micro-batch {} is committed",
                    at(COMMITS, commit),
                    commit.0
                ),
                &format!("`{OFFSETS}/` is empty, so nothing says which files were consumed"),
            ])),
            (None, Some(_)) => Err(observed.refuse(&[
                &observed.segments(),
                &format!("`{OFFSETS}/` and `{COMMITS}/` are empty"),
            ])),
        };
    };
    if let Some(missing) = first_gap(offsets, first, last_offset) {
        return Err(observed.refuse(&[
            &format!("`{}` is missing: which files it consumed is unknown", at(OFFSETS, missing)),
            &observed.beyond(
                missing,
                &format!("`{}` says that later micro-batches were begun", at(OFFSETS, last_offset)),
            ),
        ]));
    }
    if let Some(missing) = last_commit.and_then(|last| first_gap(commits, first, last)) {
        return Err(observed.refuse(&[
            &format!("`{}` is missing: what it wrote is unknown", at(COMMITS, missing)),
            &observed.beyond(missing, "later micro-batches are committed"),
        ]));
    }
    if observed
        .history
        .max(observed.seen)
        .is_some_and(|upto| last_commit.is_none_or(|last| upto >= last))
    {
        return Err(observed.refuse(&[
            &observed.segments(),
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
    /// Last micro-batch that left the logs; its records, and those before it, may be gone.
    pub(super) fn compacted(&self) -> Option<BatchId> {
        self.history.min(self.seen)
    }

    fn segments(&self) -> String {
        let upto = |batch: Option<BatchId>| match batch {
            Some(batch) => format!("micro-batches up to {}", batch.0),
            None => "nothing".into(),
        };
        format!(
            "`{HISTORY}/` has the records of {}, `{SEEN}/` the consumed files of {}",
            upto(self.history),
            upto(self.seen)
        )
    }

    /// The segments, where one kind of them holds a micro-batch that the other lacks.
    fn beyond(&self, missing: BatchId, otherwise: &str) -> String {
        match self.history.max(self.seen) {
            Some(upto) if missing <= upto => self.segments(),
            _ => otherwise.to_owned(),
        }
    }

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

    /// Masks of both logs, and the last micro-batch in both kinds of segments.
    type State = (u64, u64, Option<u64>, Option<u64>);

    fn observed((offsets, commits, history, seen): State) -> Observed {
        let bits = |mask: u64| (0..BATCHES).filter(|n| mask >> n & 1 == 1).map(BatchId).collect();
        let (offsets, commits) = (bits(offsets), bits(commits));
        let (history, seen) = (history.map(BatchId), seen.map(BatchId));
        Observed { root: "/c".into(), offsets, commits, history, seen }
    }

    fn upto(end: u64) -> impl Iterator<Item = Option<u64>> + Clone {
        std::iter::once(None).chain((0..end).map(Some))
    }

    /// Every state the protocol can leave behind, and what it must lead to.
    fn reachable() -> HashMap<State, Decision> {
        let mut states = HashMap::new();
        for begun in 0..=BATCHES {
            for committed in [begun.saturating_sub(1), begun] {
                let last = committed.checked_sub(1);
                let decision = match (begun, begun == committed) {
                    (0, _) => Decision::Fresh,
                    (_, true) => Decision::Resume(BatchId(begun - 1)),
                    (_, false) => Decision::Replay(BatchId(begun - 1), last.map(BatchId)),
                };
                // The last commit is never in a segment.
                let segments = upto(last.unwrap_or(0));
                for (history, seen) in
                    segments.clone().flat_map(|history| segments.clone().map(move |s| (history, s)))
                {
                    let removable = history.min(seen).map_or(0, |batch| (1 << (batch + 1)) - 1);
                    let removals = || (0..1 << BATCHES).filter(|mask| mask & !removable == 0);
                    for (offsets, commits) in
                        removals().flat_map(|o| removals().map(move |c| (o, c)))
                    {
                        let whole = |records: u64| (1_u64 << records) - 1;
                        let left = (whole(begun) & !offsets, whole(committed) & !commits);
                        states.insert((left.0, left.1, history, seen), decision);
                    }
                }
            }
        }
        states
    }

    #[test]
    fn every_combination_of_logs_is_recovered_as_the_protocol_left_it_or_refused() {
        let reachable = reachable();
        let masks = || 0..1_u64 << BATCHES;
        let logs = masks().flat_map(|offsets| masks().map(move |commits| (offsets, commits)));
        let (mut recovered, mut refused) = (0, 0);
        for ((offsets, commits), history) in logs.flat_map(|l| upto(BATCHES).map(move |h| (l, h))) {
            for seen in upto(BATCHES) {
                let state = (offsets, commits, history, seen);
                match (decide(&observed(state)), reachable.get(&state)) {
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
        let refusal = decide(&observed((0b1_0000, 0, None, None))).unwrap_err();
        assert!(refusal.causes[0].contains("`offsets/0000000000.json` is missing"), "{refusal}");
        let refusal = decide(&observed((0b11, 0, None, None))).unwrap_err();
        assert!(refusal.causes[0].contains("`offsets/0000000001.json` says"), "{refusal}");
        assert!(refusal.causes[1].contains("`commits/0000000000.json` is missing"), "{refusal}");
        let refusal = decide(&observed((0b1, 0b11, None, None))).unwrap_err();
        assert!(refusal.causes[1].contains("`offsets/0000000001.json`"), "{refusal}");
        let refusal = decide(&observed((0b11000, 0b11000, None, Some(2)))).unwrap_err();
        assert!(refusal.causes[0].contains("`offsets/0000000000.json` is missing"), "{refusal}");
        assert_eq!(
            refusal.causes[1],
            "`history/` has the records of nothing, `seen/` the consumed files of micro-batches up to 2"
        );
    }
}
