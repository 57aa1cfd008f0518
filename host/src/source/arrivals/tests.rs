use super::{growing::QUIET, telling::Telling, *};
use crate::{
    source::fixture::{MemoryStore, plan},
    storage::{Arrival, local::LocalStore},
};
use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    sync::{Mutex, atomic::Ordering::Relaxed},
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
        Self::in_order(Order::ModificationTime, storage, pattern, poll)
    }

    fn in_order(order: Order, storage: &Storage, pattern: &str, poll: Duration) -> Self {
        let plan = SourcePlan { pattern: pattern.into(), order, ..plan() };
        let said = Said::default();
        Self { arrivals: Arrivals::new(&plan, storage, poll).unwrap(), said }
    }

    /// A directory that was looked at as a whole.
    fn below(root: &Path, pattern: &str) -> Self {
        let storage: Storage = Arc::new(LocalStore::new(root).unwrap());
        let mut waiting = Self::on(&storage, pattern, Duration::from_millis(100));
        waiting.everything(5_000);
        waiting
    }

    /// What comes within so many milliseconds.
    fn look(&mut self, at_most_ms: u64) -> Option<Look> {
        let end = Instant::now() + Duration::from_millis(at_most_ms);
        self.arrivals.wait(&|| Instant::now() > end, None, &self.said)
    }

    /// Everything is looked at within so many milliseconds; gives what is left out by name.
    #[track_caller]
    fn everything(&mut self, at_most_ms: u64) -> BTreeSet<String> {
        match self.look(at_most_ms) {
            Some(Look::Everything(but)) => but.paths,
            other => panic!("{other:?}"),
        }
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
    // By the time one looks, a name like any other.
    for name in ["0", "1", "2", "3", "4", "5", "6", "7"] {
        fs::write(at("half"), "{}").unwrap();
        fs::hard_link(at("half"), at(&format!("{name}.json"))).unwrap();
        fs::remove_file(at("half")).unwrap();
        assert_eq!(waiting.look(5_000), Some(files(&[&format!("{name}.json")])));
    }
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
fn a_file_that_is_being_written_is_left_out_until_it_is_closed_or_gone() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    let mut before = File::create(at("before.json")).unwrap();
    before.write_all(b"{").unwrap();
    let storage: Storage = Arc::new(LocalStore::new(temp.path()).unwrap());
    let mut waiting = Waiting::on(&storage, "*.json", Duration::from_millis(100));
    assert_eq!(waiting.everything(5_000), ["before.json".to_owned()].into());
    let mut after = File::create(at("after.json")).unwrap();
    after.write_all(b"{").unwrap();
    before.write_all(b"}").unwrap();
    File::create(at("gone.json")).unwrap().write_all(b"{").unwrap();
    assert_eq!(waiting.look(5_000), Some(files(&["gone.json"])));
    let mut gone = File::options().append(true).open(at("gone.json")).unwrap();
    gone.write_all(b"{").unwrap();
    assert_eq!(waiting.look(2_000), None, "however long nothing is written");
    waiting.arrivals.put_back(Look::EVERYTHING);
    let open = ["after.json", "before.json", "gone.json"].map(str::to_owned);
    assert_eq!(waiting.everything(5_000), open.into());
    drop(before);
    assert_eq!(waiting.look(5_000), Some(files(&["before.json"])));
    fs::remove_file(at("gone.json")).unwrap();
    waiting.arrivals.everything_at = Instant::now();
    assert_eq!(waiting.everything(5_000), ["after.json".to_owned()].into());
    drop(after);
    assert_eq!(waiting.look(5_000), Some(files(&["after.json"])));
}

#[test]
fn in_order_of_names_nothing_overtakes_a_file_that_is_being_written() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    let storage: Storage = Arc::new(LocalStore::new(temp.path()).unwrap());
    let poll = Duration::from_millis(100);
    let mut waiting = Waiting::in_order(Order::Lexicographic, &storage, "*.json", poll);
    waiting.everything(5_000);
    let mut open = File::create(at("b.json")).unwrap();
    open.write_all(b"{").unwrap();
    fs::write(at("c.json"), "{}").unwrap();
    assert_eq!(waiting.look(300), None, "`c.json` would leave `b.json` behind");
    fs::write(at("a.json"), "{}").unwrap();
    assert_eq!(waiting.look(5_000), Some(files(&["a.json"])));
    drop(open);
    let mut looked = BTreeSet::new();
    while looked.len() < 2 {
        let Some(Look::Files(paths)) = waiting.look(5_000) else { panic!("{looked:?}") };
        looked.extend(paths);
    }
    assert_eq!(looked, ["b.json", "c.json"].map(str::to_owned).into());
    // What a listing had to leave out is listed again.
    let mut open = File::create(at("d.json")).unwrap();
    open.write_all(b"{").unwrap();
    fs::write(at("e.json"), "{}").unwrap();
    assert_eq!(waiting.look(300), None);
    waiting.arrivals.everything_at = Instant::now();
    assert_eq!(waiting.everything(5_000), ["d.json".to_owned()].into());
    waiting.arrivals.named.clear();
    drop(open);
    assert_eq!(waiting.look(5_000), Some(files(&["d.json"])));
    assert!(waiting.everything(5_000).is_empty());
    // A file that was read is in nobody's way.
    let _open = File::options().append(true).open(at("e.json")).unwrap().write_all(b"{");
    fs::write(at("f.json"), "{}").unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    let mut looked = BTreeSet::new();
    while !looked.contains("f.json") {
        match waiting.arrivals.wait(&|| Instant::now() > end, Some("e.json"), &waiting.said) {
            Some(Look::Files(paths)) => looked.extend(paths),
            other => panic!("{other:?} after {looked:?}"),
        }
    }
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
            waiting.everything(1_000);
        }
        fs::write(root.join(name), "{}").unwrap();
        assert_eq!(waiting.look(5_000), Some(files(&[name])));
    };
    file_arrives(&mut waiting, "a.json");
    fs::remove_dir_all(&root).unwrap();
    waiting.everything(5_000);
    file_arrives(&mut waiting, "b.json");
    fs::rename(&root, temp.path().join("away")).unwrap();
    waiting.everything(5_000);
    file_arrives(&mut waiting, "c.json");
}

#[test]
fn when_the_store_missed_something_or_tells_too_much_everything_is_looked_at() {
    let store = Arc::new(Telling::default());
    let storage = Arc::clone(&store) as Storage;
    let mut waiting = Waiting::on(&storage, "*", Duration::from_hours(1));
    let tell = |arrival| (store.tell.lock().unwrap().as_ref().unwrap())(arrival);
    waiting.everything(5_000);
    tell(Arrival::File("a".into()));
    tell(Arrival::Missed);
    waiting.everything(1_000);
    // It may have changed too late for a listing to tell whether it is complete.
    assert_eq!(waiting.look(1_000), Some(files(&["a"])));
    assert_eq!(waiting.look(100), None);
    for n in 0..=2 * MOST_FILES {
        tell(Arrival::File(n.to_string()));
    }
    waiting.everything(1_000);
    let told_last = waiting.look(1_000);
    assert!(matches!(told_last, Some(Look::Files(paths)) if paths.len() <= MOST_FILES));
    assert!(waiting.look(100).is_none());
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
            waiting.everything(5_000);
        }
        assert!(start.elapsed() >= Duration::from_millis(60), "{:?}", start.elapsed());
        assert_eq!(waiting.said(), [said]);
    }
}

#[test]
fn a_store_that_refused_to_tell_is_asked_again_with_every_look_at_everything() {
    let store = Arc::new(Telling { deaf: 3.into(), ..Telling::default() });
    let storage = Arc::clone(&store) as Storage;
    let mut waiting = Waiting::on(&storage, "*", Duration::from_millis(20));
    for _ in 0..4 {
        assert!(!waiting.arrivals.is_covered);
        waiting.everything(5_000);
    }
    assert!(waiting.arrivals.is_covered);
    assert_eq!(waiting.look(100), None, "it is told");
    (store.tell.lock().unwrap().as_ref().unwrap())(Arrival::File("a".into()));
    assert_eq!(waiting.look(5_000), Some(files(&["a"])));
    let said = "too many watchers; until then the source is listed every 20ms";
    assert_eq!(waiting.said(), [said]);
}

#[test]
fn a_directory_that_cannot_be_looked_into_is_found_by_listing_everything() {
    let store = Arc::new(Telling::default());
    let storage = Arc::clone(&store) as Storage;
    let mut waiting = Waiting::on(&storage, "**", Duration::from_millis(20));
    waiting.everything(5_000);
    store.unreadable.store(true, Relaxed);
    (store.tell.lock().unwrap().as_ref().unwrap())(Arrival::Directory("d".into()));
    waiting.everything(5_000);
    store.unreadable.store(false, Relaxed);
    waiting.everything(5_000);
    assert_eq!(waiting.look(100), None, "it is told again");
    assert_eq!(waiting.said(), ["cannot list; until then the source is listed every 20ms"]);
}
