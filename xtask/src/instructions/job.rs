//! The jobs whose instructions are counted: small, fixed, each for another part of the product.
//!
//! Owns their input and pipeline files; knows nothing of counting.
//!
//! | job | input | stands for |
//! |---|---|---|
//! | `payments` | 4 documents of 2,000 records, 10 MB | throughput: decode, four stages, Parquet by date |
//! | `small-files` | 200 documents of 20 records | what a file and a micro-batch cost: 10 micro-batches |
//! | `cloudtrail` | real events, 60 times over, in one file | maps, the rescued column, zstd, event time |

use crate::{
    Result,
    bench::{generate, pipeline},
};
use std::{fs, path::Path, path::PathBuf};

/// A pipeline with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Payments,
    SmallFiles,
    CloudTrail,
}

pub(super) const JOBS: [Job; 3] = [Job::Payments, Job::SmallFiles, Job::CloudTrail];

impl Job {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Payments => "payments",
            Self::SmallFiles => "small-files",
            Self::CloudTrail => "cloudtrail",
        }
    }

    /// Makes the job anew below `folder`: what an earlier run left must not count. Gives its
    /// pipeline file.
    ///
    /// # Errors
    /// Fails when the disk refuses.
    pub(super) fn make(self, root: &Path, folder: &Path) -> Result<PathBuf> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let (input, run) = (folder.join("input"), folder.join("run"));
        fs::create_dir_all(&input)?;
        fs::create_dir_all(&run)?;
        let file = run.join("pipeline.toml");
        match self {
            Self::Payments => {
                generate::generate(&input, 4, 2_000)?;
                fs::write(&file, pipeline::text(100))?;
            }
            Self::SmallFiles => {
                generate::generate(&input, 200, 20)?;
                fs::write(&file, pipeline::text(20))?;
            }
            Self::CloudTrail => {
                let example = root.join("pipelines/cloudtrail");
                fs::write(input.join("events.json"), events(&example.join("input"))?)?;
                fs::copy(example.join("schema.toml"), run.join("schema.toml"))?;
                let text = fs::read_to_string(example.join("pipeline.toml"))?;
                fs::write(&file, text.replace("\"input/", "\"../input/"))?;
            }
        }
        Ok(file)
    }
}

/// The events of all files of the example, 60 times over, as one document.
fn events(input: &Path) -> Result<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(input)? {
        files.push(entry?.path());
    }
    files.sort();
    let mut events = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let inside =
            text.trim().strip_prefix("{\"Records\":[").and_then(|text| text.strip_suffix("]}"));
        let inside =
            inside.ok_or_else(|| format!("{} is no log file of CloudTrail", file.display()))?;
        events.push(inside.to_owned());
    }
    Ok(format!("{{\"Records\":[{}]}}\n", vec![events.join(",\n"); 60].join(",\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_made_twice_has_the_same_input() {
        let root = crate::root();
        let folder = std::env::temp_dir().join(format!("lockgate-jobs-{}", std::process::id()));
        for job in JOBS {
            let read = || {
                let file = job.make(&root, &folder).unwrap();
                let mut texts = vec![fs::read(file).unwrap()];
                for entry in fs::read_dir(folder.join("input")).unwrap() {
                    texts.push(fs::read(entry.unwrap().path()).unwrap());
                }
                texts.sort();
                texts
            };
            let first = read();
            assert!(first.iter().map(Vec::len).sum::<usize>() > 3_000_000, "{}", job.name());
            assert!(first == read(), "{}", job.name());
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
