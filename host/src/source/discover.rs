//! Which files a micro-batch reads: the listing, minus what was consumed, in a fixed order,
//! up to the limits of a trigger.
//!
//! Files are ordered by modification time, then by path, so that what arrived first is read
//! first and every replay and every machine sees one order; or by path alone, where names grow
//! with time, so that only what is new is listed.

use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::{Order, SourcePlan},
    storage::{Meta, Storage},
    types::{InputFile, Position, Sighting},
};
use globset::{GlobBuilder, GlobMatcher};
use std::{collections::BTreeSet, time::Duration};

/// The source's glob, compiled.
///
/// `*` and `?` stay within one name, `**` crosses directories, `{a,b}` and `[a-z]` work as
/// usual. A name that starts with `_` or `.` is hidden, and so is everything below such a
/// directory, unless a name of the glob starts with that character, too.
#[derive(Clone, Debug)]
pub struct Pattern {
    matcher: GlobMatcher,
    names: Vec<String>,
}

impl Pattern {
    /// Compiles a glob.
    ///
    /// # Errors
    /// Fails when the glob is malformed.
    pub fn new(glob: &str) -> Result<Self> {
        let compiled = GlobBuilder::new(glob).literal_separator(true).build().map_err(|error| {
            Diagnostic::config(format!("`{glob}` is not a glob")).cause(error.kind())
        })?;
        let names = glob.split('/').map(String::from).collect();
        Ok(Self { matcher: compiled.compile_matcher(), names })
    }

    /// Whether a path below the root belongs to the source.
    pub fn matches(&self, path: &str) -> bool {
        self.matcher.is_match(path) && path.split('/').all(|name| self.shows(name))
    }

    /// Whether a path would belong to the source, if none of its names were hidden.
    pub fn hides(&self, path: &str) -> bool {
        self.matcher.is_match(path) && !self.matches(path)
    }

    fn shows(&self, name: &str) -> bool {
        let hidden = name.starts_with(['_', '.']);
        !hidden || self.names.iter().any(|spelt| spelt.starts_with(&name[..1]))
    }

    /// The longest directory that every match lies in, so that no more is listed.
    pub fn directory(&self) -> String {
        let parents = &self.names[..self.names.len().saturating_sub(1)];
        parents.iter().take_while(|name| is_fixed(name)).cloned().collect::<Vec<_>>().join("/")
    }

    /// Whether matches may lie below other directories than [`Self::directory`].
    pub fn is_deep(&self) -> bool {
        let fixed = self.names.iter().take_while(|name| is_fixed(name)).count();
        self.names.len() > fixed + 1 || self.names.last().is_some_and(|name| name == "**")
    }

    /// The one path that can match, where there is no wildcard.
    fn path(&self) -> Option<String> {
        self.names.iter().all(|name| is_fixed(name)).then(|| self.names.join("/"))
    }
}

fn is_fixed(name: &str) -> bool {
    !name.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

/// What is known of the source already.
pub struct Known<'a> {
    /// How a file stands to the consumed ones.
    pub sighting: &'a dyn Fn(&InputFile) -> Sighting,
    /// How far the source was read.
    pub position: Option<&'a Position>,
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
    for meta in metas {
        if !pattern.matches(&meta.path) {
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
    let known = Known { sighting: &|_| Sighting::New, position: None };
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

    fn found(plan: &SourcePlan, files: &[(&str, u64, i64)]) -> Vec<String> {
        let store = MemoryStore::default();
        for (path, size, modified) in files {
            store.put_at(path, &vec![b' '; *size as usize], *modified);
        }
        let storage: Storage = Arc::new(store);
        let sighting = |file: &InputFile| {
            if file.path.contains("seen") { Sighting::Consumed } else { Sighting::New }
        };
        let found = discover(plan, &storage, &Known { sighting: &sighting, position: None });
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
        let known = Known { sighting: &|_| Sighting::New, position: Some(&last) };
        let found = discover(&plan, &storage, &known).unwrap();
        let paths: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["logs/10/a.json", "logs/10/b.json"]);
        assert_eq!(store.listed.load(std::sync::atomic::Ordering::Relaxed), 4);
        let first = first(&plan, &storage).unwrap();
        assert_eq!(first[0].path, name(0), "the first look lists everything, in order of names");
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
        let look = |position| discover(&plan, &storage, &Known { sighting: &sighting, position });
        let paths = |files: Vec<InputFile>| files.into_iter().map(|f| f.path).collect::<Vec<_>>();
        let found = look(Some(&newest)).unwrap();
        assert_eq!(paths(found.files), ["b", "c", "d"]);
        assert_eq!(paths(found.too_old), ["a"]);
        let found = look(None).unwrap();
        assert_eq!(paths(found.files), ["a", "b", "c", "d"]);
    }

    #[test]
    fn hidden_names_need_a_glob_that_spells_them() {
        for (glob, path, matches) in [
            ("**/*.json", "a/b.json", true),
            ("**/*.json", "b.json", true),
            ("*.json", "a/b.json", false),
            ("**/*.json", "_tmp/b.json", false),
            ("**/*.json", "a/.b.json", false),
            ("_tmp/*.json", "_tmp/b.json", true),
            ("**/_*.json", "a/_b.json", true),
            ("{a,b}/[0-9].json", "b/7.json", true),
        ] {
            assert_eq!(Pattern::new(glob).unwrap().matches(path), matches, "{glob} {path}");
        }
        assert!(Pattern::new("a[").is_err());
    }

    #[test]
    fn only_the_fixed_directory_is_listed() {
        assert_eq!(Pattern::new("a/b/*.json").unwrap().directory(), "a/b");
        assert_eq!(Pattern::new("a/**/c/*.json").unwrap().directory(), "a");
        assert_eq!(Pattern::new("*.json").unwrap().directory(), "");
        assert_eq!(Pattern::new("a.json").unwrap().directory(), "");
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
