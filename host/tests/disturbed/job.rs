//! A pipeline in a temporary place, run by the real program, and its table byte for byte.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, UNIX_EPOCH},
};

const PIPELINE: &str = "[pipeline]\nname = \"night\"\n\
     [source]\npath = \"input/*.json\"\nschema = { id = \"bigint\", note = \"string\" }\n\
     [trigger]\ninterval = \"100ms\"\n[checkpoint]\npath = \"state\"\n[sink]\npath = \"table\"\n";

pub(super) type Table = BTreeMap<String, Vec<u8>>;

pub(super) fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

pub(super) struct Job {
    dir: tempfile::TempDir,
}

impl Job {
    /// So many files of a thousand records.
    pub(super) fn new(files: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let job = Self { dir };
        for name in ["input", "state", "table", "cache"] {
            fs::create_dir(job.path(name)).unwrap();
        }
        job.write("pipeline.toml", PIPELINE);
        for file in 0..files {
            job.write(&format!("input/{file}.json"), Self::records(file * 1_000));
        }
        job.settle();
        job
    }

    /// A thousand records that do not compress well.
    pub(super) fn records(first: u64) -> String {
        let mut text = String::new();
        for id in first..first + 1_000 {
            let noise = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let more = noise.rotate_left(17).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            writeln!(text, "{{\"id\": {id}, \"note\": \"{noise:x}{more:x}\"}}").unwrap();
        }
        text
    }

    /// What a run over so many files makes when nothing disturbs it.
    pub(super) fn undisturbed(files: u64) -> Table {
        let job = Self::new(files);
        assert!(job.run().status.success());
        job.table()
    }

    /// As [`Self::undisturbed`], with a file that arrives afterwards.
    pub(super) fn undisturbed_with_late(files: u64, first: u64) -> Table {
        let job = Self::new(files);
        assert!(job.run().status.success());
        job.arrive("late.json", first);
        assert!(job.run().status.success());
        job.table()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Moves a complete file into the input.
    pub(super) fn arrive(&self, name: &str, first: u64) {
        self.write(name, Self::records(first));
        fs::rename(self.path(name), self.path("input").join(name)).unwrap();
    }

    /// Gives all input one time, so that files come in the order of their names.
    pub(super) fn settle(&self) {
        for entry in fs::read_dir(self.path("input")).unwrap() {
            let file = File::options().write(true).open(entry.unwrap().path()).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
        }
    }

    /// Runs until nothing is left.
    pub(super) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["run", "pipeline.toml", "--available-now", "--no-progress"]);
        self.place(&mut command);
        command
    }

    fn place(&self, command: &mut Command) {
        command.current_dir(self.dir.path()).env("LOCKGATE_CACHE_DIR", self.path("cache"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    pub(super) fn command_line(&self) -> String {
        let program = env!("CARGO_BIN_EXE_lockgate");
        let cache = self.path("cache");
        format!(
            "env LOCKGATE_CACHE_DIR={} {program} run pipeline.toml --available-now --no-progress",
            cache.display()
        )
    }

    pub(super) fn run(&self) -> Output {
        self.program().output().unwrap()
    }

    /// Starts a run that goes on until it is stopped.
    pub(super) fn start(&self) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["run", "pipeline.toml", "--progress-json", "-"]);
        self.place(&mut command);
        let mut child = command.spawn().unwrap();
        let records = BufReader::new(child.stdout.take().unwrap());
        Running { child, records }
    }

    /// Every file that a `**/*.parquet` glob finds.
    pub(super) fn table(&self) -> Table {
        fn walk(root: &Path, dir: &Path, files: &mut Table) {
            for entry in fs::read_dir(dir).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(root, &path, files);
                } else if path.extension().is_some_and(|extension| extension == "parquet") {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        let mut files = Table::new();
        walk(&self.path("table"), &self.path("table"), &mut files);
        files
    }

    /// A library that lets the clock of a process run backwards, or why there is none.
    pub(super) fn backwards_clock(&self) -> Result<PathBuf, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disturbed/clock.rs");
        let library = self.path("libclock.so");
        let mut compiler = Command::new(std::env::var("RUSTC").unwrap_or("rustc".into()));
        compiler
            .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
            .args([&library, &source]);
        match compiler.output() {
            Ok(done) if done.status.success() => Ok(library),
            refused => Err(format!("the library cannot be built here: {refused:?}")),
        }
    }
}

/// Runs a shell script in the job's directory, where it may mount what only it sees. `run` in it
/// runs the job. An error is why mounting is not possible.
pub(super) fn unshared(job: &Job, script: &str) -> Result<Output, String> {
    let enter = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", script]);
        command.current_dir(job.path("")).output()
    };
    let allowed = enter("mount -t tmpfs tmpfs cache && umount cache");
    if !allowed.as_ref().is_ok_and(|done| done.status.success()) {
        return Err(format!("mounting is not allowed here: {allowed:?}"));
    }
    let done = enter(&format!("run() {{ {}; }}\n{script}", job.command_line())).unwrap();
    assert!(done.status.success(), "{}", said(&done));
    Ok(done)
}

/// A run that goes on.
pub(super) struct Running {
    child: Child,
    records: BufReader<ChildStdout>,
}

impl Running {
    /// Waits until this micro-batch is committed and published.
    pub(super) fn wait_for_batch(&mut self, batch: u64) {
        let mut line = String::new();
        loop {
            line.clear();
            if self.records.read_line(&mut line).unwrap() == 0 {
                let mut said = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                assert!(line.starts_with(char::is_alphabetic), "it ended before: {said}");
            }
            let record: serde_json::Value = serde_json::from_str(&line).unwrap();
            if record["batchId"] == batch {
                return;
            }
        }
    }

    /// Waits for some intervals to pass.
    pub(super) fn wait_for_look(&mut self) {
        std::thread::sleep(Duration::from_millis(500));
        assert!(self.child.try_wait().unwrap().is_none(), "it still runs");
    }

    pub(super) fn ask_to_stop(&self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(asked.unwrap().success());
    }

    /// Waits for its end.
    pub(super) fn finish(self) -> Output {
        let Self { child, records } = self;
        drop(records);
        child.wait_with_output().unwrap()
    }
}
