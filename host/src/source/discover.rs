//! Which files a micro-batch reads: the listing, minus what was consumed, in a fixed order,
//! up to the limits of a trigger.
//!
//! Files are ordered by modification time, then by path, so that what arrived first is read
//! first and every replay and every machine sees one order; or by path alone, where names grow
//! with time, so that only what is new is listed.

use super::pattern::Pattern;
use crate::{
    diagnostic::Result,
    pipeline::plan::{Order, SourcePlan},
    storage::{Meta, Storage},
    types::{InputFile, Position, Sighting},
};
use std::{collections::BTreeSet, time::Duration};

/// What is known of the source already.
pub struct Known<'a> {
    /// How a file stands to the consumed ones.
    pub sighting: &'a dyn Fn(&InputFile) -> Sighting,
    /// How far the source was read.
    pub position: Option<&'a Position>,
    /// What is not read yet.
    pub unfinished: &'a Unfinished,
}

/// Files that somebody may still be writing. In lexicographic order nothing that comes after
/// one of them is read either, since the position would leave it behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Files that are known to be.
    pub paths: BTreeSet<String>,
    /// Files that changed since this time, in microseconds, may be.
    pub since_us: i64,
}

impl Unfinished {
    /// All files are complete.
    pub const NONE: Self = Self { paths: BTreeSet::new(), since_us: i64::MAX };

    fn holds(&self, meta: &Meta) -> bool {
        meta.modified_us >= self.since_us || self.paths.contains(&meta.path)
    }
}

/// What a look at the source gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// The files of the next micro-batch, in reading order.
    pub files: Vec<InputFile>,
    /// Those of later ones, in reading order.
    pub later: Vec<InputFile>,
    /// Files that were consumed and have changed since.
    pub changed: Vec<InputFile>,
    /// New files that are too old to be read.
    pub too_old: Vec<InputFile>,
}

/// Lists the files of the next micro-batch: those that match, are new and not too old, in the
/// plan's order; cut at the plan's limits, but always at least one file when there is one.
///
/// In lexicographic order only what sorts after the position is listed.
///
/// # Errors
/// Fails when the glob is malformed or the store refuses to list.
pub fn discover(plan: &SourcePlan, storage: &Storage, known: &Known<'_>) -> Result<Discovered> {
    let pattern = Pattern::new(&plan.pattern)?;
    let listed = list(plan, storage, &pattern, known.position)?;
    Ok(choose(plan, &pattern, listed, known))
}

/// As [`discover`], of these paths alone: nothing is listed.
///
/// # Errors
/// Fails when the glob is malformed or the store refuses to look at a file.
pub fn discover_among(
    plan: &SourcePlan,
    storage: &Storage,
    known: &Known<'_>,
    paths: &BTreeSet<String>,
) -> Result<Discovered> {
    let pattern = Pattern::new(&plan.pattern)?;
    let is_read = |path: &&String| match (plan.order, known.position) {
        (Order::Lexicographic, Some(position)) => **path > position.path,
        _ => true,
    };
    let found = paths.iter().filter(is_read).map(|path| storage.head(path));
    let found = found.filter_map(Result::transpose).collect::<Result<_>>()?;
    Ok(choose(plan, &pattern, found, known))
}

/// The files of the next micro-batch among these, which are in order of paths.
fn choose(plan: &SourcePlan, pattern: &Pattern, metas: Vec<Meta>, known: &Known<'_>) -> Discovered {
    let oldest_us = match (plan.max_file_age, known.position) {
        (Some(age), Some(position)) => position.modified_us.saturating_sub(micros(age)),
        _ => i64::MIN,
    };
    let mut found = Discovered::default();
    let mut is_held_back = false;
    for meta in metas {
        let is_unfinished = pattern.matches(&meta.path) && known.unfinished.holds(&meta);
        is_held_back |= is_unfinished && plan.order == Order::Lexicographic;
        if is_held_back || is_unfinished || !pattern.matches(&meta.path) {
            continue;
        }
        let file = InputFile::from(meta);
        match (known.sighting)(&file) {
            Sighting::Consumed => {}
            Sighting::Changed => found.changed.push(file),
            Sighting::New if file.modified_us < oldest_us => found.too_old.push(file),
            Sighting::New => found.files.push(file),
        }
    }
    if plan.order == Order::ModificationTime {
        found
            .files
            .sort_unstable_by(|a, b| (a.modified_us, &a.path).cmp(&(b.modified_us, &b.path)));
    }
    found.later = found.files.split_off(count_within(plan, &found.files));
    found
}

/// As [`discover`], where nothing is known yet.
///
/// # Errors
/// See [`discover`].
pub fn first(plan: &SourcePlan, storage: &Storage) -> Result<Vec<InputFile>> {
    let known =
        Known { sighting: &|_| Sighting::New, position: None, unfinished: &Unfinished::NONE };
    Ok(discover(plan, storage, &known)?.files)
}

/// One path is looked at rather than looked for: a plain HTTP server lists nothing.
fn list(
    plan: &SourcePlan,
    storage: &Storage,
    pattern: &Pattern,
    position: Option<&Position>,
) -> Result<Vec<Meta>> {
    if let Some(path) = pattern.path() {
        return Ok(storage.head(&path)?.into_iter().collect());
    }
    let directory = pattern.directory();
    match (plan.order, position) {
        (Order::Lexicographic, Some(position)) => storage.list_after(&directory, &position.path),
        _ => storage.list(&directory),
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// How many of these files, in reading order, a micro-batch takes.
pub(super) fn count_within<'a>(
    plan: &SourcePlan,
    files: impl IntoIterator<Item = &'a InputFile>,
) -> usize {
    let max_files = plan.max_files_per_trigger.unwrap_or(u64::MAX);
    let max_bytes = plan.max_bytes_per_trigger.unwrap_or(u64::MAX);
    let mut bytes = 0_u64;
    let fits = |(index, file): &(usize, &'a InputFile)| {
        bytes = bytes.saturating_add(file.size_bytes);
        *index == 0 || ((*index as u64) < max_files && bytes <= max_bytes)
    };
    files.into_iter().enumerate().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        source::fixture::{MemoryStore, plan},
        storage::fault::Faults,
    };
    use std::sync::Arc;

    static ALL_COMPLETE: Unfinished = Unfinished::NONE;

    fn known<'a>(
        sighting: &'a dyn Fn(&InputFile) -> Sighting,
        position: Option<&'a Position>,
    ) -> Known<'a> {
        Known { sighting, position, unfinished: &ALL_COMPLETE }
    }

    fn found(plan: &SourcePlan, files: &[(&str, u64, i64)]) -> Vec<String> {
        let store = MemoryStore::default();
        for (path, size, modified) in files {
            store.put_at(path, &vec![b' '; *size as usize], *modified);
        }
        let storage: Storage = Arc::new(store);
        let sighting = |file: &InputFile| {
            if file.path.contains("seen") { Sighting::Consumed } else { Sighting::New }
        };
        let found = discover(plan, &storage, &known(&sighting, None));
        found.unwrap().files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn files_come_by_time_then_path_without_the_seen_ones() {
        let mut plan = plan();
        plan.pattern = "in/**/*.json".into();
        let files = [
            ("in/b.json", 1, 5),
            ("in/x/a.json", 1, 5),
            ("in/c.json", 1, 1),
            ("in/seen.json", 1, 0),
            ("in/c.csv", 1, 0),
            ("other/c.json", 1, 0),
        ];
        assert_eq!(found(&plan, &files), ["in/c.json", "in/b.json", "in/x/a.json"]);
    }

    #[test]
    fn limits_cut_but_leave_at_least_one_file() {
        let mut plan = plan();
        plan.pattern = "*".into();
        let files = [("a", 10, 0), ("b", 10, 1), ("c", 10, 2)];
        plan.max_files_per_trigger = Some(2);
        assert_eq!(found(&plan, &files), ["a", "b"]);
        plan.max_files_per_trigger = Some(0);
        assert_eq!(found(&plan, &files), ["a"]);
        plan.max_files_per_trigger = None;
        plan.max_bytes_per_trigger = Some(20);
        assert_eq!(found(&plan, &files), ["a", "b"]);
        plan.max_bytes_per_trigger = Some(5);
        assert_eq!(found(&plan, &files), ["a"]);
    }

    fn position(path: &str, modified_us: i64) -> Position {
        Position { path: path.into(), modified_us }
    }

    #[test]
    fn in_lexicographic_order_only_what_is_new_is_listed() {
        let mut plan = plan();
        plan.pattern = "logs/**/*.json".into();
        plan.order = Order::Lexicographic;
        plan.max_files_per_trigger = Some(2);
        let store = Arc::new(MemoryStore::default());
        let name = |n: u32| format!("logs/{:02}/{n:05}.json", n / 1000);
        // Changed in the opposite order of their names, so that the order shows.
        (0..10_000).for_each(|n| store.put_at(&name(n), b"x", -i64::from(n)));
        store.put_at("logs/09/late.csv", b"x", 0);
        store.put_at("logs/10/a.json", b"x", -1);
        store.put_at("logs/10/b.json", b"x", -2);
        store.put_at("logs/10/c.json", b"x", -3);
        let storage: Storage = Arc::clone(&store) as Storage;
        let last = position(&name(9_999), 0);
        let all_new = |_: &InputFile| Sighting::New;
        let found = discover(&plan, &storage, &known(&all_new, Some(&last))).unwrap();
        let paths: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["logs/10/a.json", "logs/10/b.json"]);
        assert_eq!(store.listed.load(std::sync::atomic::Ordering::Relaxed), 4);
        let first = first(&plan, &storage).unwrap();
        assert_eq!(first[0].path, name(0), "the first look lists everything, in order of names");
    }

    #[test]
    fn what_may_still_be_written_is_not_read_and_in_lexicographic_order_nothing_after_it() {
        let mut plan = plan();
        let store = MemoryStore::default();
        for (path, modified_us) in [("a", 1), ("b", 2), ("c", 3), ("d", 9), ("e", 4)] {
            store.put_at(path, b"x", modified_us);
        }
        let storage: Storage = Arc::new(store);
        let all_new = |_: &InputFile| Sighting::New;
        for (order, paths, since_us, left) in [
            (Order::ModificationTime, &["b"][..], 9, &["a", "c", "e"][..]),
            (Order::Lexicographic, &["b"], 9, &["a"]),
            (Order::Lexicographic, &[], 9, &["a", "b", "c"]),
        ] {
            plan.order = order;
            let paths = paths.iter().map(ToString::to_string).collect();
            let unfinished = &Unfinished { paths, since_us };
            let found = discover(&plan, &storage, &Known { unfinished, ..known(&all_new, None) });
            let files = found.unwrap().files;
            assert!(files.iter().map(|file| file.path.as_str()).eq(left.iter().copied()));
        }
    }

    #[test]
    fn age_counts_from_the_newest_file_read_and_not_in_the_first_micro_batch() {
        let mut plan = plan();
        plan.max_file_age = Some(Duration::from_micros(10));
        let store = MemoryStore::default();
        for (path, modified_us) in [("a", 89), ("b", 90), ("c", 100), ("d", 500), ("old", 1)] {
            store.put_at(path, b"x", modified_us);
        }
        let storage: Storage = Arc::new(store);
        let sighting = |file: &InputFile| match file.path.as_str() {
            "old" => Sighting::Consumed,
            _ => Sighting::New,
        };
        let newest = position("x", 100);
        let look = |position| discover(&plan, &storage, &known(&sighting, position));
        let paths = |files: Vec<InputFile>| files.into_iter().map(|f| f.path).collect::<Vec<_>>();
        let found = look(Some(&newest)).unwrap();
        assert_eq!(paths(found.files), ["b", "c", "d"]);
        assert_eq!(paths(found.too_old), ["a"]);
        let found = look(None).unwrap();
        assert_eq!(paths(found.files), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_path_without_wildcards_is_looked_at_and_nothing_is_listed() {
        let mut plan = plan();
        plan.pattern = "in/a.json".into();
        let store = MemoryStore::default();
        store.put_at("in/a.json", b" ", 1);
        store.put_at("in/b.json", b" ", 1);
        let faults = Faults::none();
        let files = first(&plan, &faults.wrap(Arc::new(store))).unwrap();
        assert_eq!(files[0].path, "in/a.json");
        assert_eq!((files.len(), faults.trace()), (1, vec!["head in/a.json".to_owned()]));
    }
}
