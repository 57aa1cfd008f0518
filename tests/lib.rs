//! What the tests of whole pipelines share: a pipeline in a temporary place, and its table as
//! any reader sees it.

#![expect(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "test support")]

pub mod memory;
pub mod native;
#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
pub mod place;

use arrow_array::{ArrayRef, RecordBatch, cast::AsArray, types::Float64Type};
use arrow_cast::{
    cast,
    display::{ArrayFormatter, FormatOptions},
};
use arrow_schema::DataType;
use bytes::Bytes;
use lockgate::{
    diagnostic::Diagnostic,
    metrics::Silent,
    pipeline::{
        self,
        plan::{Plan, Trigger},
    },
    run::{PutBack, Run, Stop, Stores, Wanted},
    stage::Engine,
    storage::silent,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};
use tempfile::TempDir;

/// One engine for all tests of a process; it caches in `$LOCKGATE_CACHE_DIR`.
pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::with_user_cache().unwrap());

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Data of other projects, where it lies beside the repository.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data").join(name);
    path.exists().then_some(path)
}

/// A pipeline with its own input, checkpoint and table in a temporary directory.
#[derive(Debug)]
pub struct Job {
    dir: TempDir,
}

impl Job {
    /// A pipeline of this text, without input.
    pub fn new(toml: &str) -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("input")).unwrap();
        let job = Self { dir };
        job.write("pipeline.toml", toml);
        job
    }

    /// A copy of `pipelines/<name>`, with its input.
    pub fn example(name: &str) -> Self {
        let from = root().join("pipelines").join(name);
        let job = Self::new(&fs::read_to_string(from.join("pipeline.toml")).unwrap());
        if from.join("schema.toml").exists() {
            fs::copy(from.join("schema.toml"), job.path("schema.toml")).unwrap();
        }
        job.copy_input(&from.join("input"));
        job
    }

    /// Copies every file below a directory to the input, in the order of their names.
    pub fn copy_input(&self, from: &Path) {
        for path in files_below(from) {
            let to = self.path("input").join(path.strip_prefix(from).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&path, &to).unwrap();
        }
    }

    /// A path below the job's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file below the job's directory.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Replaces text of the pipeline file.
    pub fn edit(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.path("pipeline.toml")).unwrap();
        assert!(text.contains(old), "the pipeline file has no `{old}`");
        self.write("pipeline.toml", text.replace(old, new));
    }

    /// The pipeline, resolved.
    pub fn plan(&self) -> Plan {
        self.try_plan().unwrap()
    }

    /// The pipeline, resolved, or everything that is wrong with the file.
    ///
    /// # Errors
    /// See [`pipeline::load`].
    pub fn try_plan(&self) -> Result<Plan, Vec<Diagnostic>> {
        pipeline::load(&self.path("pipeline.toml"))
    }

    /// Runs until nothing is left.
    ///
    /// # Errors
    /// What stopped the run.
    pub fn run(&self) -> Result<(), Diagnostic> {
        let plan = self.plan();
        let stores = Stores::open(&plan, &silent())?;
        self.run_on(stores, 1)
    }

    /// Runs until nothing is left, on these stores and this many workers.
    ///
    /// # Errors
    /// What stopped the run.
    pub fn run_on(&self, stores: Stores, workers: usize) -> Result<(), Diagnostic> {
        let (plan, stop) = (self.plan(), Stop::default());
        let run = Run { plan: &plan, stores, trigger: Trigger::AvailableNow, workers, stop: &stop };
        run.run(&ENGINE, &Silent)
    }

    /// Puts rejected records back, on these stores.
    ///
    /// # Errors
    /// What stopped it.
    pub fn put_back_on(&self, stores: Stores, wanted: &Wanted) -> Result<PutBack, Diagnostic> {
        let (plan, stop) = (self.plan(), Stop::default());
        let trigger = Trigger::AvailableNow;
        let run = Run { plan: &plan, stores, trigger, workers: 1, stop: &stop };
        run.put_back(&ENGINE, &Silent, wanted)
    }

    /// A job of its own with the same files.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let dir = TempDir::new().unwrap();
        for path in files_below(self.dir.path()) {
            let to = dir.path().join(path.strip_prefix(self.dir.path()).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&path, &to).unwrap();
        }
        Self { dir }
    }

    /// The table, as a `**/*.parquet` glob finds it.
    pub fn table(&self) -> Table {
        let dir = self.path("table");
        let files = files_below(&dir)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|ext| ext == "parquet"));
        let name = |path: &Path| path.strip_prefix(&dir).unwrap().to_str().unwrap().to_owned();
        Table(files.map(|path| (name(&path), fs::read(&path).unwrap())).collect())
    }

    /// Every line of the quarantine.
    pub fn quarantine(&self) -> Vec<serde_json::Value> {
        let files = files_below(&self.path("table/_lockgate/quarantine"));
        let lines = files.iter().map(|path| fs::read_to_string(path).unwrap());
        lines
            .flat_map(|text| {
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// Every file below a directory, sorted by path; none when there is no directory.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths = BTreeSet::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() { paths.extend(files_below(&path)) } else { paths.extend([path]) }
    }
    paths.into_iter().collect()
}

/// The visible files of a table: path and bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Table(pub BTreeMap<String, Vec<u8>>);

/// Shows names and sizes, not bytes.
impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, bytes)| (name, bytes.len()))).finish()
    }
}

impl Table {
    /// The rows of every file, with the file's directory.
    pub fn batches(&self) -> Vec<(String, RecordBatch)> {
        let mut batches = Vec::new();
        for (name, content) in &self.0 {
            let dir = name.rsplit_once('/').map_or("", |(dir, _)| dir);
            let file = Bytes::copy_from_slice(content);
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            batches.extend(reader.map(|batch| (dir.to_owned(), batch.unwrap())));
        }
        batches
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batches().iter().map(|(_, batch)| batch.num_rows()).sum()
    }

    /// Every row as text, sorted: what must not depend on how files were cut.
    pub fn sorted_rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for (dir, batch) in self.batches() {
            let options = FormatOptions::default().with_null("NULL");
            let format = |array| ArrayFormatter::try_new(array, &options).unwrap();
            let arrays: Vec<_> = batch.columns().iter().map(without_zone).collect();
            let columns: Vec<_> = arrays.iter().map(|array| format(array.as_ref())).collect();
            rows.extend((0..batch.num_rows()).map(|row| {
                let values: Vec<_> =
                    columns.iter().map(|column| column.value(row).to_string()).collect();
                format!("{dir}|{}", values.join("|"))
            }));
        }
        rows.sort();
        rows
    }

    /// Rows by directory.
    pub fn rows_by_directory(&self) -> BTreeMap<String, u64> {
        let mut rows = BTreeMap::new();
        for (dir, batch) in self.batches() {
            *rows.entry(dir).or_default() += batch.num_rows() as u64;
        }
        rows
    }

    /// Every value of a string column, null as `None`.
    pub fn strings(&self, column: &str) -> Vec<Option<String>> {
        let values = |batch: &RecordBatch| {
            let array =
                batch.column_by_name(column).unwrap_or_else(|| panic!("no column `{column}`"));
            array
                .as_string::<i32>()
                .iter()
                .map(|value| value.map(str::to_owned))
                .collect::<Vec<_>>()
        };
        self.batches().iter().flat_map(|(_, batch)| values(batch)).collect()
    }

    /// Sum of a double column in whole cents, by directory.
    pub fn cents_by_directory(&self, column: &str) -> BTreeMap<String, i64> {
        let mut cents = BTreeMap::new();
        for (dir, batch) in self.batches() {
            let amounts = batch.column_by_name(column).unwrap().as_primitive::<Float64Type>();
            let sum =
                amounts.iter().flatten().map(|amount| (amount * 100.0).round() as i64).sum::<i64>();
            *cents.entry(dir).or_default() += sum;
        }
        cents
    }
}

/// A timestamp without its zone, which the formatter would look up.
fn without_zone(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            cast(array, &DataType::Timestamp(*unit, None)).unwrap()
        }
        _ => Arc::clone(array),
    }
}
