//! The scenarios of the benchmark, and the data of each.
//!
//! Owns how many files of how many records there are, and where they lie: every scenario has a
//! directory `target/bench/NAME` with its documents in `input`. Knows nothing of who reads them.

use super::generate::{self, Expected};
use crate::Result;
use std::{fs, path::Path, path::PathBuf};

/// One amount of data, in files of one size.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) files: u64,
    /// Records in each file.
    pub(super) records: u64,
    /// Files that a micro-batch takes at most, of ours and of peers that have micro-batches.
    pub(super) max_files_per_trigger: u64,
    /// What it stands for.
    pub(super) about: &'static str,
}

/// From the smallest to the largest.
pub(super) const SCENARIOS: [Scenario; 3] = [
    Scenario {
        name: "tiny",
        files: 1,
        records: 20,
        max_files_per_trigger: 100,
        about: "start to exit",
    },
    Scenario {
        name: "small",
        files: 5_000,
        records: 20,
        max_files_per_trigger: 100,
        about: "many small files",
    },
    Scenario {
        name: "medium",
        files: 200,
        records: 1_200,
        max_files_per_trigger: 1_000,
        about: "throughput",
    },
];

/// The scenarios of these names; none named: all.
///
/// # Errors
/// Says which there are when a name is none of them.
pub(super) fn named(names: &[&str]) -> Result<Vec<&'static Scenario>> {
    if let Some(name) = names.iter().find(|name| SCENARIOS.iter().all(|s| s.name != **name)) {
        let known = SCENARIOS.map(|scenario| scenario.name).join(", ");
        return Err(format!("`{name}` is no scenario of the benchmark; there are {known}").into());
    }
    let wanted = |scenario: &&Scenario| names.is_empty() || names.contains(&scenario.name);
    Ok(SCENARIOS.iter().filter(wanted).collect())
}

impl Scenario {
    /// Where its documents and runs are.
    pub(super) fn folder(&self, root: &Path) -> PathBuf {
        root.join("target/bench").join(self.name)
    }

    /// Makes the documents, unless they are there.
    ///
    /// The file of expectations is written last, so half-made data is made again.
    ///
    /// # Errors
    /// Fails when the disk refuses.
    pub(super) fn data(&self, root: &Path) -> Result<Expected> {
        let folder = self.folder(root);
        let input = folder.join("input");
        let note = folder.join("expected.txt");
        let version = format!("shape {}\n", generate::SHAPE);
        if let Ok(text) = fs::read_to_string(&note)
            && let Some(expected) = text.strip_prefix(&version).and_then(Expected::parse)
        {
            return Ok(expected);
        }
        eprintln!("making {} files below {}", self.files, input.display());
        if input.exists() {
            fs::remove_dir_all(&input)?;
        }
        let expected = generate::generate(&input, self.files, self.records)?;
        fs::write(&note, format!("{version}{expected}"))?;
        Ok(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_found_by_name_and_a_wrong_name_says_which_there_are() {
        let names = |names: &[&str]| -> Vec<_> {
            named(names).unwrap().iter().map(|scenario| scenario.name).collect()
        };
        assert_eq!(names(&[]), ["tiny", "small", "medium"]);
        assert_eq!(names(&["medium", "tiny"]), ["tiny", "medium"]);
        let Err(error) = named(&["huge"]) else { panic!("`huge` is none") };
        assert!(error.to_string().ends_with("there are tiny, small, medium"), "{error}");
    }
}
