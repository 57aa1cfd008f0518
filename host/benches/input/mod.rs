//! What micro-benchmarks read: small jobs in the build's directory for temporary files, with
//! the records and the pipeline of `cargo xtask bench`, so that both measure the same.
//!
//! Owns the files and their plan; knows nothing of what is measured. They were just written, so
//! reading them costs a copy from the page cache.

#[path = "../../../xtask/src/bench/generate.rs"]
#[expect(dead_code, unused_imports, reason = "what a table must hold, and tests, are of xtask")]
mod generate;
#[path = "../../../xtask/src/bench/pipeline.rs"]
mod pipeline;

use lockgate::{
    pipeline::plan::Plan,
    source::discover,
    storage::{self, Storage},
    types::InputFile,
};
use std::{fs, path::Path};

/// Documents of the payments job, and records in each: 12 MB of text.
const DOCUMENTS: u64 = 8;
const RECORDS: u64 = 1_200;

/// A pipeline and the files that it reads.
pub(crate) struct Job {
    /// The pipeline as resolved.
    pub(crate) plan: Plan,
    /// Where the files are.
    pub(crate) storage: Storage,
    /// All files of the source.
    pub(crate) files: Vec<InputFile>,
    /// Their size.
    pub(crate) bytes: u64,
}

impl Job {
    /// A job in a directory of its own: `write` fills the directory `input`, and `pipeline`,
    /// which stands in the directory `run` beside it, reads from there.
    pub(crate) fn new(name: &str, pipeline: &str, write: impl FnOnce(&Path)) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("benches").join(name);
        let (input, run) = (folder.join("input"), folder.join("run"));
        let _ = fs::remove_dir_all(&folder);
        for folder in [&input, &run] {
            fs::create_dir_all(folder).unwrap();
        }
        write(&input);
        let file = run.join("pipeline.toml");
        fs::write(&file, pipeline).unwrap();
        let plan = lockgate::pipeline::load(&file).unwrap();
        let storage = storage::open(&plan.source.root).unwrap();
        let files = discover::first(&plan.source, &storage).unwrap();
        let bytes = files.iter().map(|file| file.size_bytes).sum();
        Self { plan, storage, files, bytes }
    }
}

/// The payments job.
pub(crate) fn payments() -> Job {
    payments_with("payments", &pipeline::text(DOCUMENTS))
}

/// Another pipeline on the documents of the payments job.
pub(crate) fn payments_with(name: &str, pipeline: &str) -> Job {
    Job::new(name, pipeline, |input| {
        generate::generate(input, DOCUMENTS, RECORDS).unwrap();
    })
}
