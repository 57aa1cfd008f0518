//! Which paths belong to a source.

use crate::diagnostic::{Diagnostic, Result};
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

    /// Whether matches may lie below a directory, as far as its names tell.
    pub fn enters(&self, directory: &str) -> bool {
        directory.split('/').all(|name| self.shows(name))
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
    pub(super) fn path(&self) -> Option<String> {
        self.names.iter().all(|name| is_fixed(name)).then(|| self.names.join("/"))
    }
}

fn is_fixed(name: &str) -> bool {
    !name.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn hidden_directories_hold_no_match_unless_the_glob_spells_them() {
        assert!(Pattern::new("**/*.json").unwrap().enters("a/b"));
        assert!(!Pattern::new("**/*.json").unwrap().enters("a/.b"));
        assert!(Pattern::new("_tmp/**").unwrap().enters("_tmp/b"));
    }
}
