//! What a run changed in its stores, as far as a listing that lags behind does not show it.
//!
//! Owns the latest change below every directory; knows nothing of when a listing is stale.
//! Pending files are left out: nobody lists them but the store itself.

use crate::storage::Meta;

/// Changed files, the latest one last.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes(Vec<Change>);

#[derive(Clone, Debug)]
struct Change {
    root: String,
    path: String,
    /// What was there before.
    before: Option<Meta>,
}

impl Changes {
    /// Notes that a file was made, replaced or removed.
    pub(super) fn note(&mut self, root: &str, path: &str, before: Option<Meta>) {
        self.0.push(Change { root: root.to_owned(), path: path.to_owned(), before });
    }

    /// A listing of what `listed` selects, as it was before the latest change to any of that.
    pub(super) fn undo_latest(
        &self,
        root: &str,
        listed: impl Fn(&str) -> bool,
        mut now: Vec<Meta>,
    ) -> Vec<Meta> {
        let latest = self.0.iter().rev().find(|change| change.root == root && listed(&change.path));
        let Some(change) = latest else { return now };
        now.retain(|meta| meta.path != change.path);
        now.extend(change.before.clone());
        now.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        now
    }
}
