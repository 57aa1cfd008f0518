//! A job of several micro-batches that real processes run, wherever its files lie.

use super::place::{self, Place};
use lockgate::storage::{Storage, StorageOptions, open_with, silent};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};
use tempfile::TempDir;

/// Files by path, as a `**/*.parquet` glob finds them.
#[derive(PartialEq, Eq)]
pub struct Table(pub BTreeMap<String, Vec<u8>>);

/// Shows names and sizes, not bytes.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, bytes)| (name, bytes.len()))).finish()
    }
}

/// How far a job is, as its logs and its table tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing is begun that is not visible.
    Between,
    /// A micro-batch is begun and not committed.
    Begun,
    /// A micro-batch is committed, and some of its files are not visible.
    Committed,
}

/// A payments job with one input file in every micro-batch.
pub struct Job {
    directory: TempDir,
    checkpoint: Storage,
    table: Storage,
}

impl Job {
    /// A job whose input and table lie below `files`, its checkpoint below `checkpoint`; where
    /// that is `None`, in a directory of its own.
    pub fn new(files: Option<&Place>, checkpoint: Option<&Place>) -> Self {
        let directory = TempDir::new().unwrap();
        let own = place::directory(directory.path().to_str().unwrap());
        let [input, table] = ["input", "table"].map(|name| files.unwrap_or(&own).below(name));
        let state = checkpoint.unwrap_or(&own).below("state");
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines/payments");
        let text = fs::read_to_string(example.join("pipeline.toml")).unwrap();
        let edit = |text: String, old: &str, new: &str| {
            assert!(text.contains(old), "the example has no `{old}`");
            text.replace(old, new)
        };
        let text = edit(text, "max_files_per_trigger = 100", "max_files_per_trigger = 1");
        let text = edit(text, "path = \"input/*.json\"", &input.toml("*.json"));
        let text = edit(text, "path = \"state\"", &state.toml(""));
        let text = edit(text, "path = \"table\"", &table.toml(""));
        fs::write(directory.path().join("pipeline.toml"), text).unwrap();
        let input = open(&input);
        for (name, content) in small_input(&example.join("input")) {
            input.put(&name, &content).unwrap();
        }
        Self { directory, checkpoint: open(&state), table: open(&table) }
    }

    /// A job of which all lies below this place.
    pub fn below(place: &Place) -> Self {
        Self::new(Some(place), Some(place))
    }

    /// A path in its own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A process that runs until nothing is left; what it says goes to the file `name`.
    pub fn start(&self, name: &str) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        let said = fs::File::create(self.path(name)).unwrap();
        command.args(["run", "--available-now", "pipeline.toml"]).env("NO_COLOR", "1");
        command.current_dir(self.directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().unwrap()
    }

    /// What the process `name` said.
    pub fn said(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs to the end, undisturbed.
    pub fn finish(&self) {
        let status: ExitStatus = self.start("finish").wait().unwrap();
        assert!(status.success(), "{status}: {}", self.said("finish"));
    }

    /// The visible table.
    pub fn table(&self) -> Table {
        let files = self.table.list("").unwrap().into_iter().map(|meta| meta.path);
        let files = files.filter(|path| path.ends_with(".parquet"));
        Table(files.map(|path| (path.clone(), self.table.read(&path).unwrap().unwrap())).collect())
    }

    /// What lies below `_lockgate/pending` of the table.
    pub fn pending(&self) -> Vec<String> {
        let files = self.table.list("_lockgate/pending").unwrap();
        files.into_iter().map(|meta| meta.path).collect()
    }

    /// How far it is.
    pub fn stage(&self) -> Stage {
        let last = |log: &str| self.checkpoint.list(log).unwrap().pop().map(|meta| meta.path);
        let number = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let (begun, committed) = (last("offsets"), last("commits"));
        if begun.as_deref().map(number) != committed.as_deref().map(number) {
            return Stage::Begun;
        }
        let Some(committed) = committed else { return Stage::Between };
        let record = self.checkpoint.read(&committed).unwrap().unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        let files = record["files"].as_array().unwrap();
        let is_visible =
            |file: &Value| self.table.head(file["path"].as_str().unwrap()).unwrap().is_some();
        if files.iter().all(is_visible) { Stage::Between } else { Stage::Committed }
    }
}

fn open(place: &Place) -> Storage {
    let (endpoint, anonymous) = (place.endpoint.clone(), place.anonymous);
    let options = StorageOptions { endpoint, anonymous, ..StorageOptions::default() };
    open_with(&place.url, &options, &silent()).unwrap()
}

/// Six documents of two payments each, in the order of their names.
fn small_input(from: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<_> =
        fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let read = |path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
    let payments =
        names.iter().map(read).flat_map(|document| document["payment"].as_array().unwrap().clone());
    let payments: Vec<_> = payments.take(12).collect();
    let document = |(n, pair): (usize, &[Value])| {
        let content = serde_json::json!({ "payment": pair }).to_string().into_bytes();
        (format!("payments-{n}.json"), content)
    };
    payments.chunks(2).enumerate().map(document).collect()
}
