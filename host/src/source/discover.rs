//! Which files a micro-batch reads: the listing, minus what was consumed, in a fixed order,
//! up to the limits of a trigger.
//!
//! Files are ordered by modification time, then by path, so that what arrived first is read
//! first and every replay and every machine sees one order.

use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::SourcePlan,
    storage::Storage,
    types::InputFile,
};
use globset::{GlobBuilder, GlobMatcher};

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

    fn shows(&self, name: &str) -> bool {
        let hidden = name.starts_with(['_', '.']);
        !hidden || self.names.iter().any(|spelt| spelt.starts_with(&name[..1]))
    }

    /// The longest directory that every match lies in, so that no more is listed.
    fn directory(&self) -> String {
        let fixed = |name: &&String| !name.contains(['*', '?', '[', ']', '{', '}', '\\']);
        let parents = &self.names[..self.names.len().saturating_sub(1)];
        parents.iter().take_while(fixed).cloned().collect::<Vec<_>>().join("/")
    }
}

/// Lists the files of the next micro-batch: those that match and were not `seen`, by
/// modification time, then path; cut at the plan's limits, but always at least one file when
/// there is one.
///
/// # Errors
/// Fails when the glob is malformed or the store refuses to list.
pub fn discover(
    plan: &SourcePlan,
    storage: &Storage,
    seen: &dyn Fn(&InputFile) -> bool,
) -> Result<Vec<InputFile>> {
    let pattern = Pattern::new(&plan.pattern)?;
    let mut files: Vec<InputFile> = storage
        .list(&pattern.directory())?
        .into_iter()
        .filter(|meta| pattern.matches(&meta.path))
        .map(|meta| InputFile {
            path: meta.path,
            size_bytes: meta.size_bytes,
            modified_us: meta.modified_us,
            etag: meta.etag,
        })
        .filter(|file| !seen(file))
        .collect();
    files.sort_unstable_by(|a, b| (a.modified_us, &a.path).cmp(&(b.modified_us, &b.path)));
    files.truncate(count_within(plan, &files));
    Ok(files)
}

fn count_within(plan: &SourcePlan, files: &[InputFile]) -> usize {
    let max_files = plan.max_files_per_trigger.unwrap_or(u64::MAX);
    let max_bytes = plan.max_bytes_per_trigger.unwrap_or(u64::MAX);
    let mut bytes = 0_u64;
    let fits = |(index, file): &(usize, &InputFile)| {
        bytes = bytes.saturating_add(file.size_bytes);
        *index == 0 || ((*index as u64) < max_files && bytes <= max_bytes)
    };
    files.iter().enumerate().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fixture::{MemoryStore, plan};
    use std::sync::Arc;

    fn found(plan: &SourcePlan, files: &[(&str, u64, i64)]) -> Vec<String> {
        let store = MemoryStore::default();
        for (path, size, modified) in files {
            store.put_at(path, &vec![b' '; *size as usize], *modified);
        }
        let storage: Storage = Arc::new(store);
        let seen = |file: &InputFile| file.path.contains("seen");
        discover(plan, &storage, &seen).unwrap().into_iter().map(|file| file.path).collect()
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
}
