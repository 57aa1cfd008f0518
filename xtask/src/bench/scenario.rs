//! The scenarios of the benchmark, and the data of each.
//!
//! Owns how many files of how many records there are, and where they lie: every scenario has a
//! directory `target/bench/NAME` with its documents in `input`. Knows nothing of who reads them.

use super::generate::{self, Expected};
use crate::Result;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

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

/// How the directories of runs begin.
const RUN: &str = "run-";

/// Runs that a benchmark may leave behind; a few GB.
const KEPT_RUNS: usize = 100;

/// Removes what runs left, also earlier ones that were stopped, once they are more than
/// [`KEPT_RUNS`]. Not every time: ext4 takes minutes to forget the inodes of removed files, and
/// files that are made meanwhile cost several times as much.
///
/// # Errors
/// Fails when the disk refuses.
pub(super) fn clean(root: &Path) -> Result {
    let mut runs = Vec::new();
    for scenario in &SCENARIOS {
        let Ok(entries) = fs::read_dir(scenario.folder(root)) else { continue };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(RUN) {
                runs.push(entry.path());
            }
        }
    }
    if runs.len() > KEPT_RUNS {
        println!("removing {} runs: wait five minutes before the next benchmark", runs.len());
        runs.iter().try_for_each(fs::remove_dir_all)?;
    }
    Ok(())
}

impl Scenario {
    /// Where its documents and runs are.
    pub(super) fn folder(&self, root: &Path) -> PathBuf {
        root.join("target/bench").join(self.name)
    }

    /// An empty directory for a run of this competitor, beside the documents.
    ///
    /// A new one each time, and none is removed before [`clean`].
    ///
    /// # Errors
    /// Fails when the disk refuses.
    pub(super) fn fresh(&self, root: &Path, competitor: &str) -> Result<PathBuf> {
        let folder = self.folder(root);
        for number in 1.. {
            let work = folder.join(format!("{RUN}{competitor}-{number}"));
            match fs::create_dir(&work) {
                Ok(()) => return Ok(work),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err("no number is left".into())
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

    #[test]
    fn every_run_has_a_directory_of_its_own_until_they_are_many() {
        let root = std::env::temp_dir().join(format!("lockgate-runs-{}", std::process::id()));
        let tiny = &SCENARIOS[0];
        fs::create_dir_all(tiny.folder(&root).join("input")).unwrap();
        let first = tiny.fresh(&root, "a").unwrap();
        let second = tiny.fresh(&root, "a").unwrap();
        assert_ne!(first, second);
        clean(&root).unwrap();
        assert!(first.exists() && second.exists());
        for _ in 0..KEPT_RUNS {
            tiny.fresh(&root, "b").unwrap();
        }
        clean(&root).unwrap();
        assert!(!first.exists() && !second.exists() && tiny.folder(&root).join("input").exists());
        fs::remove_dir_all(root).unwrap();
    }
}
