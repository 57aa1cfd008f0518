use super::*;
use crate::{
    source::fixture::{MemoryStore, plan},
    storage::{Arrival, Created, Meta, PendingWriter, Store, Tell, local::LocalStore},
    types::{BatchId, PendingFile},
};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::Mutex,
    thread,
};

/// What was said.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Observer for Said {
    fn remark(&self, remark: &str) {
        self.0.lock().unwrap().push(remark.to_owned());
    }

    fn warning(&self, warning: &Diagnostic) {
        self.0.lock().unwrap().push(format!("{}; {}", warning.message, warning.hints.join("; ")));
    }
}

struct Waiting {
    arrivals: Arrivals,
    said: Said,
}

impl Waiting {
    fn on(storage: &Storage, pattern: &str, poll: Duration) -> Self {
        let plan = SourcePlan { pattern: pattern.into(), ..plan() };
        let said = Said::default();
        Self { arrivals: Arrivals::new(&plan, storage, poll, &said).unwrap(), said }
    }

    /// A directory that was looked at as a whole.
    fn below(root: &Path, pattern: &str) -> Self {
        let storage: Storage = Arc::new(LocalStore::new(root).unwrap());
        let mut waiting = Self::on(&storage, pattern, Duration::from_millis(100));
        assert_eq!(waiting.look(5_000), Some(Look::Everything));
        waiting
    }

    /// What comes within so many milliseconds.
    fn look(&mut self, at_most_ms: u64) -> Option<Look> {
        let end = Instant::now() + Duration::from_millis(at_most_ms);
        self.arrivals.wait(&|| Instant::now() > end, &self.said).unwrap()
    }

    fn said(&self) -> Vec<String> {
        self.said.0.lock().unwrap().clone()
    }
}

fn files(paths: &[&str]) -> Look {
    Look::Files(paths.iter().map(|path| (*path).to_owned()).collect())
}

#[test]
fn a_file_is_looked_at_once_it_is_closed_moved_or_linked_and_not_before() {
    let (temp, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| temp.path().join(name);
    let mut waiting = Waiting::below(temp.path(), "*.json");
    let mut open = File::create(at("a.json")).unwrap();
    open.write_all(b"{").unwrap();
    assert_eq!(waiting.look(200), None, "it is being written");
    drop(open);
    assert_eq!(waiting.look(5_000), Some(files(&["a.json"])));
    fs::write(at("half"), "{}").unwrap();
    assert_eq!(waiting.look(200), None, "no name of the source's");
    fs::rename(at("half"), at("b.json")).unwrap();
    assert_eq!(waiting.look(5_000), Some(files(&["b.json"])));
    fs::hard_link(at("b.json"), at("c.json")).unwrap();
    assert_eq!(waiting.look(5_000), Some(files(&["c.json"])));
    fs::write(elsewhere.path().join("d"), "{}").unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("d"), at("d.json")).unwrap();
    assert_eq!(waiting.look(5_000), Some(files(&["d.json"])));
    assert_eq!(waiting.said(), [""; 0]);
}

#[test]
fn what_lies_in_a_directory_that_appears_is_found() {
    let (temp, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut waiting = Waiting::below(temp.path(), "**/*.json");
    fs::create_dir_all(elsewhere.path().join("x/y")).unwrap();
    fs::write(elsewhere.path().join("x/y/a.json"), "{}").unwrap();
    fs::rename(elsewhere.path().join("x"), temp.path().join("x")).unwrap();
    assert_eq!(waiting.look(5_000), Some(files(&["x/y/a.json"])));
    // Made and filled faster than anybody can begin to watch.
    for n in 0..5 {
        let dir = temp.path().join(format!("{n}/deep"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("a.json"), "{}").unwrap();
        assert_eq!(waiting.look(5_000), Some(files(&[&format!("{n}/deep/a.json")])));
    }
    fs::write(temp.path().join("3/deep/b.json"), "{}").unwrap();
    assert_eq!(waiting.look(5_000), Some(files(&["3/deep/b.json"])), "it stays watched");
}

#[test]
fn a_file_that_grows_in_a_directory_that_appears_is_not_looked_at() {
    let temp = tempfile::tempdir().unwrap();
    let mut waiting = Waiting::below(temp.path(), "**/*.json");
    let dir = temp.path().join("new");
    fs::create_dir(&dir).unwrap();
    let mut open = File::create(dir.join("a.json")).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..15 {
                open.write_all(b"{}").unwrap();
                thread::sleep(QUIET / 10);
            }
        });
        let start = Instant::now();
        assert_eq!(waiting.look(20_000), Some(files(&["new/a.json"])));
        assert!(start.elapsed() > QUIET * 5 / 4, "{:?}", start.elapsed());
    });
}

#[test]
fn a_directory_that_is_missing_deleted_or_replaced_is_watched_once_it_is_there() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("in");
    let mut waiting = Waiting::below(&root, "*.json");
    let file_arrives = |waiting: &mut Waiting, name: &str| {
        fs::create_dir_all(&root).unwrap();
        // It is watched again with a look at everything.
        let end = Instant::now() + Duration::from_secs(5);
        while !waiting.arrivals.is_covered {
            assert!(Instant::now() < end, "it is not watched");
            assert_eq!(waiting.look(1_000), Some(Look::Everything));
        }
        fs::write(root.join(name), "{}").unwrap();
        assert_eq!(waiting.look(5_000), Some(files(&[name])));
    };
    file_arrives(&mut waiting, "a.json");
    fs::remove_dir_all(&root).unwrap();
    assert_eq!(waiting.look(5_000), Some(Look::Everything));
    file_arrives(&mut waiting, "b.json");
    fs::rename(&root, temp.path().join("away")).unwrap();
    assert_eq!(waiting.look(5_000), Some(Look::Everything));
    file_arrives(&mut waiting, "c.json");
}

/// A store that tells what it is made to tell.
#[derive(Default)]
struct Telling {
    tell: Mutex<Option<Tell>>,
    refuses: bool,
}

impl std::fmt::Debug for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telling")
    }
}

struct Covered(bool);

impl Watch for Covered {
    fn cover(&mut self, _: &str) -> Result<Coverage> {
        if self.0 { Err(Diagnostic::storage("no more watches")) } else { Ok(Coverage::Told) }
    }
}

impl Store for Telling {
    fn root(&self) -> &'static str {
        "telling"
    }

    fn watch(&self, _: &str, _: bool, tell: Tell) -> Result<Option<Box<dyn Watch>>> {
        *self.tell.lock().unwrap() = Some(tell);
        Ok(Some(Box::new(Covered(self.refuses))))
    }

    fn list(&self, _: &str) -> Result<Vec<Meta>> {
        Ok(Vec::new())
    }

    fn list_after(&self, _: &str, _: &str) -> Result<Vec<Meta>> {
        unreachable!("it only tells")
    }

    fn head(&self, _: &str) -> Result<Option<Meta>> {
        unreachable!("it only tells")
    }

    fn open(&self, _: &str) -> Result<Box<dyn io::Read + Send>> {
        unreachable!("it only tells")
    }

    fn read(&self, _: &str) -> Result<Option<Vec<u8>>> {
        unreachable!("it only tells")
    }

    fn create(&self, _: &str, _: &[u8]) -> Result<Created> {
        unreachable!("it only tells")
    }

    fn put(&self, _: &str, _: &[u8]) -> Result<()> {
        unreachable!("it only tells")
    }

    fn delete(&self, _: &str) -> Result<()> {
        unreachable!("it only tells")
    }

    fn pending(&self, _: BatchId, _: &str) -> Result<Box<dyn PendingWriter>> {
        unreachable!("it only tells")
    }

    fn sync_pending(&self, _: &[PendingFile]) -> Result<()> {
        unreachable!("it only tells")
    }

    fn verify_pending(&self, _: &PendingFile) -> Result<()> {
        unreachable!("it only tells")
    }

    fn publish(&self, _: &[PendingFile]) -> Result<()> {
        unreachable!("it only tells")
    }

    fn discard(&self, _: BatchId) -> Result<()> {
        unreachable!("it only tells")
    }
}

#[test]
fn when_the_store_missed_something_or_tells_too_much_everything_is_looked_at() {
    let store = Arc::new(Telling::default());
    let storage = Arc::clone(&store) as Storage;
    let mut waiting = Waiting::on(&storage, "*", Duration::from_hours(1));
    let tell = |arrival| (store.tell.lock().unwrap().as_ref().unwrap())(arrival);
    assert_eq!(waiting.look(5_000), Some(Look::Everything));
    tell(Arrival::File("a".into()));
    tell(Arrival::Anything);
    assert_eq!(waiting.look(1_000), Some(Look::Everything));
    assert_eq!(waiting.look(100), None, "`a` was looked at with everything");
    for n in 0..=2 * MOST_FILES {
        tell(Arrival::File(n.to_string()));
    }
    assert_eq!(waiting.look(1_000), Some(Look::Everything));
    assert_eq!(waiting.look(100), None);
    waiting.arrivals.put_back(Look::Files(["b".to_owned()].into()));
    tell(Arrival::File("c".into()));
    assert_eq!(waiting.look(1_000), Some(files(&["b", "c"])));
}

#[test]
fn where_nothing_is_told_everything_is_looked_at_at_intervals_and_that_is_said_once() {
    let refusing: Storage = Arc::new(Telling { refuses: true, ..Telling::default() });
    let memory: Storage = Arc::new(MemoryStore::default());
    for (storage, said) in [
        (memory, "`memory` does not tell of files that arrive: it is listed every 20ms"),
        (refusing, "no more watches; until then the source is listed every 20ms"),
    ] {
        let mut waiting = Waiting::on(&storage, "*", Duration::from_millis(20));
        let start = Instant::now();
        for _ in 0..4 {
            assert_eq!(waiting.look(5_000), Some(Look::Everything));
        }
        assert!(start.elapsed() >= Duration::from_millis(60), "{:?}", start.elapsed());
        assert_eq!(waiting.said(), [said]);
    }
}
