//! What goes wrong at night: full disks, lost rights, things that disappear. Each stops the
//! pipeline with a message that says what to do, and once it is mended the next run gives the
//! table that an undisturbed one would have given.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot start has failed, one that is skipped says so"
)]

mod service;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const PIPELINE: &str = "[pipeline]\nname = \"night\"\n[source]\npath = \"in/*.json\"\nschema = { id = \"bigint\", text = \"string\" }\n\
     max_files_per_trigger = 1\n[trigger]\nmode = \"available_now\"\n\
     [checkpoint]\npath = \"disk/state\"\n[sink]\npath = \"disk/out\"\ncompression = \"none\"\n";

/// Input files of a job; each is a micro-batch.
const FILES: u64 = 8;

/// Someone without rights of their own.
const NOBODY: u32 = 65_534;

/// A pipeline in a temporary place that whoever runs it may write to.
struct Job {
    dir: tempfile::TempDir,
}

impl Job {
    fn new() -> Self {
        let job = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(job.path("in")).unwrap();
        fs::create_dir_all(job.path("disk")).unwrap();
        fs::write(job.path("pipeline.toml"), PIPELINE).unwrap();
        (0..FILES).for_each(|file| job.input(file));
        job
    }

    /// A file of about 200 kB, which no compression makes small.
    fn input(&self, file: u64) {
        let mut text = String::new();
        let mut state = file + 1;
        for id in 0..1_000 {
            let mut word = String::new();
            for _ in 0..10 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                write!(word, "{state:016x}").unwrap();
            }
            writeln!(text, "{{\"id\": {id}, \"text\": \"{word}\"}}").unwrap();
        }
        let path = self.path(&format!("in/{file}.json"));
        fs::write(&path, text).unwrap();
        let modified = std::time::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + file);
        fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.arg("run").arg(self.path("pipeline.toml"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self) -> Output {
        self.command().output().unwrap()
    }

    /// Runs, and expects nothing to go wrong.
    fn finish(&self) -> Table {
        let output = self.run();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        self.table()
    }

    /// The visible files: name and bytes.
    fn table(&self) -> Table {
        let mut table = BTreeMap::new();
        visible(&self.path("disk/out"), &mut table);
        table
    }

    /// Makes a copy of everything belong to someone without rights of their own, so that rights
    /// count; `None` where the test has no rights to give.
    fn as_nobody(&self) -> Option<Command> {
        let mut command = self.command();
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return Some(command);
        }
        let setpriv = Command::new("setpriv").arg("--version").output();
        if !setpriv.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: runs as root, and there is no `setpriv`");
            return None;
        }
        give(self.dir.path());
        let binary = self.path("lockgate");
        if !binary.exists() {
            fs::copy(env!("CARGO_BIN_EXE_lockgate"), &binary).unwrap();
        }
        command = Command::new("setpriv");
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
        command.arg("--clear-groups").arg(binary).arg("run").arg(self.path("pipeline.toml"));
        command.env("LOCKGATE_CACHE_DIR", self.path("cache"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Some(command)
    }
}

type Table = BTreeMap<PathBuf, Vec<u8>>;

fn visible(dir: &Path, table: &mut Table) {
    for entry in fs::read_dir(dir).into_iter().flatten().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            visible(&path, table);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            table.insert(path.file_name().unwrap().into(), fs::read(&path).unwrap());
        }
    }
}

fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

fn rights(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The table of an undisturbed run.
fn undisturbed() -> Table {
    let table = Job::new().finish();
    assert_eq!(table.len() as u64, FILES);
    table
}

/// Holds two tables equal, and names the first file that differs.
fn same(table: &Table, expected: &Table) {
    assert!(table.keys().eq(expected.keys()), "{:?}, {:?}", table.keys(), expected.keys());
    for (name, bytes) in table {
        assert!(*bytes == expected[name], "{} differs", name.display());
    }
}

/// Runs a script in a mount namespace of its own; `None` where that is not permitted.
fn mounted(job: &Job, script: &str) -> Option<Output> {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-euc"]);
    let permitted = command.arg("mount -t tmpfs tmpfs /mnt").output();
    if !permitted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: mounts are not permitted here");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-uc", script, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_lockgate")).arg(job.dir.path());
    Some(command.output().unwrap())
}

#[test]
fn a_full_disk_stops_the_run_and_the_next_one_with_space_completes_the_table() {
    let job = Job::new();
    let script = "cd \"$2\" && mount -t tmpfs -o size=1m tmpfs disk
        \"$1\" run pipeline.toml; echo \"exit code $?\" >&2
        ls disk/out/*.parquet | wc -l >&2
        mount -o remount,size=64m disk && \"$1\" run pipeline.toml && cp -r disk/out disk-out";
    let Some(output) = mounted(&job, script) else { return };
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("exit code 5\n"), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains("free some space on that disk"), "{said}");
    let mut table = Table::new();
    visible(&job.path("disk-out"), &mut table);
    same(&table, &undisturbed());
}

#[test]
fn a_table_that_becomes_read_only_stops_the_run() {
    let job = Job::new();
    fs::remove_file(job.path("in/7.json")).unwrap();
    job.finish();
    job.input(7);
    let script = "cd \"$2/disk\" && mount --bind out out && mount -o remount,bind,ro out
        exec \"$1\" run ../pipeline.toml";
    let Some(output) = mounted(&job, script) else { return };
    let said = said(&output);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("Read-only file system") && said.contains("mounted read-only"), "{said}");
    same(&job.finish(), &undisturbed());
}

#[test]
fn rights_that_are_lost_stop_the_run_and_name_the_place() {
    let expected = undisturbed();
    for lost in ["disk/out", "disk/state/offsets", "disk/state/commits", "in"] {
        let job = Job::new();
        fs::remove_file(job.path("in/7.json")).unwrap();
        let Some(mut command) = job.as_nobody() else { return };
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        job.input(7);
        let place = job.path(lost);
        let Some(mut command) = job.as_nobody() else { return };
        rights(&place, if lost == "in" { 0o000 } else { 0o555 });
        let output = command.output().unwrap();
        rights(&place, 0o755);
        assert_eq!(output.status.code(), Some(5), "{lost}: {}", said(&output));
        assert!(said(&output).contains(place.to_str().unwrap()), "{lost}: {}", said(&output));
        assert!(said(&output).contains("Permission denied"), "{lost}: {}", said(&output));
        assert!(said(&output).contains("give the user that runs lockgate"), "{}", said(&output));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{lost}: {}", said(&output));
        same(&job.table(), &expected);
    }
}

/// Starts an endless run, and waits until it has written this many files.
fn endless(job: &Job, files: usize) -> Child {
    let text = PIPELINE.replace("mode = \"available_now\"", "interval = \"50ms\"");
    fs::write(job.path("pipeline.toml"), text).unwrap();
    let child = job.command().spawn().unwrap();
    let start = Instant::now();
    while job.table().len() < files {
        assert!(start.elapsed() < Duration::from_mins(1), "it does not start");
        thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Gives a run some more files until it stops by itself.
fn stopped(job: &Job, mut child: Child) -> Output {
    let start = Instant::now();
    for file in FILES.. {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        if start.elapsed() > Duration::from_mins(1) {
            child.kill().unwrap();
            panic!("it does not stop: {}", said(&child.wait_with_output().unwrap()));
        }
        job.input(file);
        thread::sleep(Duration::from_millis(50));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn a_checkpoint_deleted_under_a_run_stops_it_and_starting_over_gives_every_row() {
    let job = Job::new();
    let child = endless(&job, FILES as usize);
    fs::remove_dir_all(job.path("disk/state")).unwrap();
    let output = stopped(&job, child);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("the checkpoint `") && told.contains("is gone"), "{told}");
    assert!(told.contains("move the checkpoint and the table away, both"), "{told}");
    // Nobody goes on as if nothing had been read: that would double every row.
    let again = job.run();
    assert_ne!(again.status.code(), Some(0), "{}", said(&again));
    for left in ["disk/state", "disk/out"] {
        let _ = fs::remove_dir_all(job.path(left));
    }
    fs::write(job.path("pipeline.toml"), PIPELINE).unwrap();
    let files = fs::read_dir(job.path("in")).unwrap().count();
    assert_eq!(job.finish().len(), files);
}

#[test]
fn a_table_deleted_under_a_run_stops_it_and_putting_it_back_goes_on() {
    let job = Job::new();
    let child = endless(&job, FILES as usize);
    fs::rename(job.path("disk/out"), job.path("disk/moved")).unwrap();
    let output = stopped(&job, child);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("is not the table that this checkpoint belongs to"), "{told}");
    fs::write(job.path("pipeline.toml"), PIPELINE).unwrap();
    let again = job.run();
    assert_eq!(again.status.code(), Some(5), "{}", said(&again));
    fs::rename(job.path("disk/moved"), job.path("disk/out")).unwrap();
    let files = fs::read_dir(job.path("in")).unwrap().count();
    assert_eq!(job.finish().len(), files);
}

#[test]
fn a_clock_that_goes_backwards_changes_nothing() {
    let job = Job::new();
    let late = job.path("in/7.json");
    let input = fs::read(&late).unwrap();
    fs::remove_file(&late).unwrap();
    job.finish();
    // What was written seems to be of the year 2096 now.
    for record in ["pipeline.json", "offsets/0000000006.json", "commits/0000000006.json"] {
        let path = job.path("disk/state").join(record);
        let mut value: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for key in ["written_us", "created_us"] {
            if let Some(time) = value.get_mut(key) {
                *time = 4_000_000_000_000_000_i64.into();
            }
        }
        fs::write(&path, serde_json::to_vec(&value).unwrap()).unwrap();
    }
    let mark = job.path("disk/out/_lockgate/table.json");
    assert!(mark.exists());
    // And the next file is older than all before.
    fs::write(&late, input).unwrap();
    let old = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&late).unwrap().set_modified(old).unwrap();
    same(&job.finish(), &undisturbed());
    let status = Command::new(env!("CARGO_BIN_EXE_lockgate"))
        .arg("status")
        .arg(job.path("pipeline.toml"))
        .output()
        .unwrap();
    assert_eq!(status.status.code(), Some(0), "{}", said(&status));
}

#[test]
fn a_store_that_fails_for_now_is_asked_again_and_says_so() {
    let job = Job::new();
    let listing = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents>\
         <Key>in/0.json</Key><Size>12</Size><LastModified>2026-11-22T15:04:05.000Z</LastModified>\
         <ETag>\"one\"</ETag></Contents></ListBucketResult>";
    let object = "ETag: \"one\"\r\nLast-Modified: Sun, 22 Nov 2026 15:04:05 GMT\r\n";
    let endpoint = service::start(vec![
        service::answer("503 Slow Down", "", ""),
        service::answer("200 OK", "", listing),
        service::answer("500 Internal Server Error", "", ""),
        service::answer("500 Internal Server Error", "", ""),
        service::answer("200 OK", object, "{\"id\": 123}\n"),
    ]);
    let options = format!(
        "path = \"s3://bucket/in/*.json\"\n\
         storage_options = {{ endpoint = \"{endpoint}\", anonymous = true }}"
    );
    let text = PIPELINE.replace("path = \"in/*.json\"", &options).replace("available_now", "once");
    fs::write(job.path("pipeline.toml"), text).unwrap();
    let output = job.run();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("warning: cannot list `s3://bucket/in`"), "{told}");
    assert!(told.contains("trying again in"), "{told}");
    assert!(told.contains("1 out, 0 quarantined"), "{told}");
    assert_eq!(job.table().len(), 1);
}

#[test]
fn a_store_that_refuses_for_good_stops_at_once_and_says_what_it_lacks() {
    for (status, body, hint) in [
        ("403 Forbidden", "<Code>AccessDenied</Code>", "the right to list, read, write"),
        ("403 Forbidden", "<Code>InvalidAccessKeyId</Code>", "AWS_ACCESS_KEY_ID"),
        ("404 Not Found", "<Code>NoSuchBucket</Code>", "there is no such bucket"),
    ] {
        let job = Job::new();
        let endpoint = service::start(vec![service::answer(status, "", body)]);
        let options = format!(
            "path = \"s3://bucket/in/*.json\"\n\
             storage_options = {{ endpoint = \"{endpoint}\", anonymous = true }}"
        );
        let text = PIPELINE.replace("path = \"in/*.json\"", &options);
        fs::write(job.path("pipeline.toml"), text).unwrap();
        let start = Instant::now();
        let output = job.run();
        let told = said(&output);
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert!(told.contains(hint) && !told.contains("trying again"), "{told}");
        assert!(start.elapsed() < Duration::from_secs(30), "{told}");
    }
}
