//! The golden pipelines on a few of their own records, and one run of them on given stores.

use lockgate::{
    diagnostic::Result,
    metrics::Silent,
    pipeline::plan::{Plan, PluginRef, Trigger},
    run::{Run, Stop, Stores},
    storage::{self, Meta, PENDING, Storage, fault::Faults, remote::Memory},
};
use lockgate_tests::{ENGINE, Job, Table, files_below, root};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

/// A golden pipeline with input of its own.
pub(crate) struct Pipeline {
    pub(crate) job: Job,
    pub(crate) plan: Plan,
}

impl Pipeline {
    /// An example on three of its files, cut to a few records, one of which is rejected.
    pub(crate) fn small(example: &str, files_per_trigger: usize) -> Self {
        let job = Job::example(example);
        job.edit(
            "max_files_per_trigger = 100",
            &format!("max_files_per_trigger = {files_per_trigger}"),
        );
        job.edit("max_rate = 0.05", "max_rate = 0.9");
        if example == "cloudtrail" {
            job.edit(r#"into = "timestamp" }"#, r#"into = "timestamp", on_error = "quarantine" }"#);
        }
        let inputs = files_below(&job.path("input"));
        for (index, path) in inputs.iter().enumerate() {
            if index < 3 { cut(path, index) } else { fs::remove_file(path).unwrap() }
        }
        let plan = job.plan();
        Self { job, plan }
    }

    /// The same with another component for the stage that reads times.
    pub(crate) fn with_timestamp_parse(mut self, component: &[u8]) -> Self {
        self.job.write("timestamp-parse.wasm", component);
        let stage = self.plan.stages.iter_mut().find(|stage| stage.name == "timestamp-parse");
        stage.unwrap().plugin = PluginRef::File(self.job.path("timestamp-parse.wasm"));
        self
    }

    /// The same without one of its input files, counted from 0.
    pub(crate) fn without_input(self, index: usize) -> Self {
        fs::remove_file(&files_below(&self.job.path("input"))[index]).unwrap();
        self
    }

    /// The same with the files of its input that old, in the order of their names.
    pub(crate) fn with_ages(self, hours: [u64; 3]) -> Self {
        for (path, hours) in files_below(&self.job.path("input")).iter().zip(hours) {
            set_age(path, hours);
        }
        self
    }

    /// Runs until nothing is left, and breaks as `faults` say.
    pub(crate) fn run(&self, place: &Place, faults: &Arc<Faults>) -> Result<()> {
        let source = storage::open(&self.plan.source.root)?;
        let stores = Stores {
            source: faults.wrap(source),
            checkpoint: faults.wrap(place.open("state")),
            sink: faults.wrap(place.open("table")),
            archive: None,
        };
        let (stop, trigger) = (Stop::default(), Trigger::AvailableNow);
        // One worker: with more, the order of operations would differ from run to run.
        Run { plan: &self.plan, stores, trigger, workers: 1, stop: &stop }.run(&ENGINE, &Silent)
    }
}

/// Few records, one in the first file with a time that is none.
fn cut(path: &Path, index: usize) {
    let mut document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (list, time) = match document.get("payment") {
        Some(_) => ("payment", "date_payment"),
        None => ("Records", "eventTime"),
    };
    let records = document[list].as_array_mut().unwrap();
    records.truncate(2);
    if index == 0 {
        records[1][time] = json!("yesterday");
    }
    fs::write(path, document.to_string()).unwrap();
    set_age(path, 1);
}

/// Inputs of the same age are read in the order of their names, whenever they were copied.
fn set_age(path: &Path, hours: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 - 3600 * hours);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// The standard component that reads times, and one whose rejections read differently.
pub(crate) fn two_versions() -> [Vec<u8>; 2] {
    let first = fs::read(root().join("target/plugins/timestamp-parse.wasm")).unwrap();
    let (old, new) = (b" does not match ", b" DOES NOT MATCH ");
    let mut second = first.clone();
    let found: Vec<_> =
        (0..first.len() - old.len()).filter(|&at| first[at..].starts_with(old)).collect();
    assert!(!found.is_empty(), "the component has no such message");
    for at in found {
        second[at..at + new.len()].copy_from_slice(new);
    }
    [first, second]
}

/// How files of the table become visible.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Publish {
    /// By renames in a directory, with a lock.
    Rename,
    /// By completing uploads, without locks.
    Upload,
}

/// A checkpoint and a table, both new, that outlive the runs on them.
pub(crate) enum Place {
    Directory(TempDir),
    Memory(Memory),
}

impl Place {
    pub(crate) fn new(publish: Publish) -> Self {
        match publish {
            // In memory where there is such a place: processes stop here, not machines.
            Publish::Rename => Self::Directory(
                tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap(),
            ),
            Publish::Upload => Self::Memory(Memory::default()),
        }
    }

    /// As a process of its own opens it.
    fn open(&self, name: &str) -> Storage {
        match self {
            Self::Directory(dir) => storage::open(dir.path().join(name).to_str().unwrap()),
            Self::Memory(memory) => memory.open(name),
        }
        .unwrap()
    }

    /// What a `**/*.parquet` glob finds, and the quarantine.
    pub(crate) fn table(&self) -> Table {
        let sink = self.open("table");
        let is_hidden = |path: &str| path.starts_with(PENDING) || path.ends_with("/table.json");
        let listed = sink.list("").unwrap().into_iter().filter(|meta| !is_hidden(&meta.path));
        let read = |path: &str| sink.read(path).unwrap().unwrap();
        Table(listed.map(|meta| (meta.path.clone(), read(&meta.path))).collect::<BTreeMap<_, _>>())
    }

    /// What no reader sees, and nobody needs once all is published.
    pub(crate) fn pending(&self) -> Vec<Meta> {
        self.open("table").list(PENDING).unwrap()
    }

    /// How many micro-batches were begun.
    pub(crate) fn begun(&self) -> u64 {
        self.open("state").list("offsets").unwrap().len() as u64
    }
}
