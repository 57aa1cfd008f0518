//! Micro-batches that start as files arrive, with the real program.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start has failed")]

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Far longer than an arrival takes, far shorter than the minute after which everything is
/// listed anyway.
const SOON: Duration = Duration::from_secs(20);

struct Pipeline {
    dir: TempDir,
    child: Child,
    lines: Receiver<String>,
}

impl Pipeline {
    /// Starts a run in a new directory, where `prepare` may put files first.
    fn start(source: &str, trigger: &str, args: &[&str], prepare: impl Fn(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "[pipeline]\nname = \"p\"\n[source]\n{source}\nschema = {{ id = \"bigint\" }}\n\
             [trigger]\n{trigger}\n[checkpoint]\npath = \"state\"\n[sink]\npath = \"out\"\n"
        );
        fs::write(dir.path().join("pipeline.toml"), text).unwrap();
        prepare(dir.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.arg("run").arg(dir.path().join("pipeline.toml")).args(args);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = channel();
        thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        Self { dir, child, lines }
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(path)
    }

    /// A whole file appears at this path.
    fn arrives(&self, path: impl AsRef<Path>) {
        let (hidden, file) = (self.at("file"), self.at(path));
        fs::write(&hidden, "{\"id\": 1}\n").unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::rename(hidden, file).unwrap();
    }

    #[track_caller]
    fn line(&self) -> String {
        match self.lines.recv_timeout(SOON) {
            Ok(line) => line,
            Err(error) => panic!("nothing is said: {error}"),
        }
    }

    #[track_caller]
    fn says(&self, words: &str) {
        let line = self.line();
        assert!(line.starts_with(words), "{line}");
    }

    fn says_nothing_for(&self, time: Duration) {
        assert_eq!(self.lines.recv_timeout(time), Err(RecvTimeoutError::Timeout));
    }

    /// Ends the run, which does not wait for the next look at everything.
    fn end(mut self) {
        let start = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

/// A failed test leaves no process behind.
impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn files_are_read_as_they_arrive_in_whatever_directory() {
    let source = "path = \"in/**/*.json\"";
    let pipeline = Pipeline::start(source, "mode = \"on_arrival\"", &[], |dir| {
        fs::create_dir(dir.join("in")).unwrap();
        fs::write(dir.join("in/early.json"), "{\"id\": 1}\n").unwrap();
    });
    pipeline.says("batch 0: 1 file");
    for (batch, path) in
        ["in/a.json", "in/b.json", "in/x/y/c.json", "in/x/y/d.json"].iter().enumerate()
    {
        pipeline.arrives(path);
        pipeline.says(&format!("batch {}: 1 file", batch + 1));
    }
    // What is still being written starts nothing, what was read is not read again.
    let mut open = fs::File::create(pipeline.at("in/e.json")).unwrap();
    std::io::Write::write_all(&mut open, b"{\"id\": 2").unwrap();
    pipeline.says_nothing_for(Duration::from_millis(500));
    std::io::Write::write_all(&mut open, b"}\n").unwrap();
    drop(open);
    pipeline.says("batch 5: 1 file, 10 B, 1 rows in, 1 out, 0 quarantined");
    assert_eq!(fs::read_dir(pipeline.at("out")).unwrap().count(), 6 + 1, "and `_lockgate`");
    pipeline.end();
}

#[test]
fn a_backlog_goes_on_without_waiting_and_within_the_limits() {
    let source = "path = \"in/*.json\"\nmax_files_per_trigger = 2";
    let pipeline = Pipeline::start(source, "interval = \"1h\"", &["--on-arrival"], |dir| {
        fs::create_dir(dir.join("in")).unwrap();
        for n in 0..5 {
            fs::write(dir.join(format!("in/{n}.json")), "{\"id\": 1}\n").unwrap();
        }
    });
    for said in ["batch 0: 2 files", "batch 1: 2 files", "batch 2: 1 file,"] {
        pipeline.says(said);
    }
    // A name in Latin-1.
    pipeline.arrives(OsStr::from_bytes(b"in/caf\xe9.json"));
    pipeline.says("batch 3: 1 file,");
    // A burst: nothing is lost, however it is cut.
    for n in 0..50 {
        pipeline.arrives(format!("in/burst-{n}.json"));
    }
    let mut files = 0;
    while files < 50 {
        let line = pipeline.line();
        let count: u32 = line.split(' ').nth(2).unwrap().parse().unwrap();
        assert!(count <= 2, "{line}");
        files += count;
    }
    pipeline.end();
}

#[test]
fn a_source_that_is_not_there_yet_or_goes_away_is_waited_for() {
    let source = "path = \"in/*.json\"";
    let trigger = "mode = \"on_arrival\"\npoll_interval = \"100ms\"";
    let pipeline = Pipeline::start(source, trigger, &[], |_| ());
    pipeline.says("there is no `");
    pipeline.says_nothing_for(Duration::from_millis(300));
    pipeline.arrives("in/a.json");
    pipeline.says("batch 0: 1 file");
    fs::remove_dir_all(pipeline.at("in")).unwrap();
    thread::sleep(Duration::from_millis(300));
    pipeline.arrives("in/b.json");
    pipeline.says("batch 1: 1 file");
    pipeline.end();
}
