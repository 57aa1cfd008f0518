//! What every store promises, as functions that each one must pass.

#[path = "../../../tests/place.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with tests of whole pipelines")]
mod place;

use super::{
    Created, PENDING, Storage, StorageOptions, fault::Faults, open, open_with, remote::Memory,
    silent,
};
use crate::types::{BatchId, PendingFile};
use std::io::{Read as _, Write as _};

const ODD: [&str; 6] =
    ["a b.json", "100%.json", "x%20y#1?.json", "é\u{301}/ü.json", "a=b/c:d.json", "'\"\\`$.json"];

/// Holds an empty store to all promises.
fn conforms(store: &Storage) {
    conforms_but_for(store, &Lacks::default());
}

/// What a service cannot do.
#[derive(Default)]
struct Lacks {
    /// Names with these characters.
    names: &'static [char],
    /// Forgetting an upload: unused parts go by themselves, some days later.
    abort: bool,
}

/// As [`conforms`], as far as the service can.
fn conforms_but_for(store: &Storage, lacks: &Lacks) {
    a_missing_file_is_none_and_a_missing_directory_is_empty(store);
    create_writes_once(store);
    put_replaces(store);
    list_is_recursive_sorted_and_by_directory(store);
    odd_names_are_kept_as_they_are(store, lacks.names);
    a_pending_file_is_seen_once_published(store);
    a_large_file_is_whole(store);
    publishing_twice_is_publishing_once(store);
    publish_never_replaces_a_file(store);
    if !lacks.abort {
        a_lost_file_is_named(store);
        discard_drops_one_micro_batch(store);
    }
    paths_that_leave_the_root_are_refused(store);
    of_many_creators_one_wins(store);
}

fn pending(store: &Storage, batch: u64, path: &str, content: &[u8]) -> PendingFile {
    let mut writer = store.pending(BatchId(batch), path).unwrap();
    writer.write_all(content).unwrap();
    let handle = writer.finish().unwrap();
    let (path, size_bytes) = (path.to_owned(), content.len() as u64);
    PendingFile { path, handle, rows: 1, size_bytes, event_time_us: None }
}

fn paths(store: &Storage, prefix: &str) -> Vec<String> {
    store.list(prefix).unwrap().into_iter().map(|meta| meta.path).collect()
}

fn clear(store: &Storage) {
    for path in paths(store, "") {
        store.delete(&path).unwrap();
    }
    assert_eq!(paths(store, ""), [""; 0]);
}

fn a_missing_file_is_none_and_a_missing_directory_is_empty(store: &Storage) {
    assert_eq!(paths(store, ""), [""; 0]);
    assert_eq!(paths(store, "no/where"), [""; 0]);
    assert_eq!(store.head("no/where").unwrap(), None);
    assert_eq!(store.read("no/where").unwrap(), None);
    store.delete("no/where").unwrap();
    store.settle("no/where").unwrap();
    let error = store.open("no/where").err().unwrap();
    assert!(error.message.contains("no/where"), "{error}");
}

fn create_writes_once(store: &Storage) {
    assert_eq!(store.create("logs/0", b"first").unwrap(), Created::New);
    assert_eq!(store.create("logs/0", b"second").unwrap(), Created::Exists);
    assert_eq!(store.read("logs/0").unwrap().unwrap(), b"first");
    assert_eq!(store.create("logs/empty", b"").unwrap(), Created::New);
    assert_eq!(store.read("logs/empty").unwrap().unwrap(), b"");
    assert_eq!(paths(store, ""), ["logs/0", "logs/empty"]);
    clear(store);
}

fn put_replaces(store: &Storage) {
    store.put("a/b/c", b"first").unwrap();
    store.put("a/b/c", b"second, longer").unwrap();
    let meta = store.head("a/b/c").unwrap().unwrap();
    assert_eq!((meta.path.as_str(), meta.size_bytes), ("a/b/c", 14));
    assert!(meta.modified_us > 1_700_000_000_000_000, "microseconds since 1970");
    let mut content = String::new();
    store.open("a/b/c").unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "second, longer");
    assert_eq!(store.head("a/b").unwrap(), None, "a directory is no file");
    clear(store);
}

fn list_is_recursive_sorted_and_by_directory(store: &Storage) {
    for path in ["b/2", "0", "b/1", "b/c/3", "bb/4", "b.x"] {
        store.put(path, path.as_bytes()).unwrap();
    }
    assert_eq!(paths(store, ""), ["0", "b.x", "b/1", "b/2", "b/c/3", "bb/4"]);
    assert_eq!(paths(store, "b"), ["b/1", "b/2", "b/c/3"]);
    assert_eq!(paths(store, "b/"), ["b/1", "b/2", "b/c/3"]);
    for prefix in ["", "b"] {
        for after in ["0", "a", "b", "b/1", "b/1x", "b/c", "b/c/3", "bb", "zz"] {
            let mut expected = store.list(prefix).unwrap();
            expected.retain(|meta| meta.path.as_str() > after);
            assert_eq!(store.list_after(prefix, after).unwrap(), expected, "{after}");
        }
    }
    clear(store);
}

fn odd_names_are_kept_as_they_are(store: &Storage, without: &[char]) {
    let odd = ODD.map(|path| path.replace(without, ""));
    for path in &odd {
        store.put(path, path.as_bytes()).unwrap();
        store.publish(&[pending(store, 0, &format!("table/{path}"), b"row")]).unwrap();
    }
    let mut expected = odd.to_vec();
    expected.extend(odd.each_ref().map(|path| format!("table/{path}")));
    expected.sort();
    assert_eq!(paths(store, ""), expected);
    for path in &odd {
        assert_eq!(store.read(path).unwrap().unwrap(), path.as_bytes());
    }
    clear(store);
}

fn a_pending_file_is_seen_once_published(store: &Storage) {
    let file = pending(store, 3, "day=1/part.parquet", b"rows");
    assert_eq!(store.head("day=1/part.parquet").unwrap(), None);
    assert!(paths(store, "").iter().all(|path| !path.ends_with(".parquet")));
    store.publish(std::slice::from_ref(&file)).unwrap();
    assert_eq!(store.read("day=1/part.parquet").unwrap().unwrap(), b"rows");
    assert_eq!(paths(store, ""), ["day=1/part.parquet"], "nothing else is left");
    clear(store);
}

fn a_large_file_is_whole(store: &Storage) {
    let content: Vec<u8> = (0..11_u32 << 18).flat_map(u32::to_le_bytes).collect();
    let file = pending(store, 9, "day=1/large", &content);
    store.publish(&[file]).unwrap();
    let mut read = Vec::new();
    store.open("day=1/large").unwrap().read_to_end(&mut read).unwrap();
    assert!(read == content, "{} bytes of {}", read.len(), content.len());
    clear(store);
}

fn publishing_twice_is_publishing_once(store: &Storage) {
    let files = [
        pending(store, 4, "day=1/p", b"one"),
        pending(store, 4, "day=2/p", b"two"),
        pending(store, 4, "p", b""),
    ];
    store.publish(&files[..1]).unwrap();
    store.publish(&files).unwrap();
    store.publish(&files).unwrap();
    assert_eq!(paths(store, ""), ["day=1/p", "day=2/p", "p"]);
    clear(store);
}

fn publish_never_replaces_a_file(store: &Storage) {
    store.put("p", b"of another pipeline").unwrap();
    let file = pending(store, 5, "p", b"ours");
    let error = store.publish(&[file]).unwrap_err();
    // Azure cannot tell it from a file that was changed later.
    let refusals = ["there is another file of that name", "where the commit log says 4"];
    assert!(refusals.iter().any(|part| error.message.contains(part)), "{error}");
    assert_eq!(store.read("p").unwrap().unwrap(), b"of another pipeline");
    store.discard(BatchId(5)).unwrap();
    clear(store);
}

fn a_lost_file_is_named(store: &Storage) {
    let file = pending(store, 6, "day=1/p", b"rows");
    store.discard(BatchId(6)).unwrap();
    let error = store.publish(std::slice::from_ref(&file)).unwrap_err();
    assert!(error.message.contains("day=1/p` is gone"), "{error}");
    store.put("day=1/p", b"other size").unwrap();
    let error = store.publish(&[file]).unwrap_err();
    assert!(error.message.contains("has 10 bytes where the commit log says 4"), "{error}");
    clear(store);
}

fn discard_drops_one_micro_batch(store: &Storage) {
    let kept = pending(store, 7, "kept", b"rows");
    pending(store, 8, "dropped", b"rows");
    let mut unfinished = store.pending(BatchId(8), "unfinished").unwrap();
    unfinished.write_all(b"ro").unwrap();
    drop(unfinished);
    store.discard(BatchId(8)).unwrap();
    store.discard(BatchId(8)).unwrap();
    assert_eq!(paths(store, PENDING).len(), 1);
    store.publish(&[kept, pending(store, 8, "dropped", b"again")]).unwrap();
    assert_eq!(paths(store, ""), ["dropped", "kept"]);
    clear(store);
}

fn paths_that_leave_the_root_are_refused(store: &Storage) {
    for path in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "a\0b"] {
        for refused in [
            store.read(path).map(drop),
            store.put(path, b"").map(drop),
            store.create(path, b"").map(drop),
            store.delete(path).map(drop),
            store.pending(BatchId(0), path).map(drop),
        ] {
            assert!(refused.unwrap_err().message.contains("is no path below"), "{path}");
        }
    }
}

fn of_many_creators_one_wins(store: &Storage) {
    let wins: usize = std::thread::scope(|scope| {
        let create = |n: u8| move || store.create("logs/race", &[n; 1000]).unwrap();
        let racers: Vec<_> = (0..8).map(|n| scope.spawn(create(n))).collect();
        racers.into_iter().map(|r| usize::from(r.join().unwrap() == Created::New)).sum()
    });
    assert_eq!(wins, 1);
    let content = store.read("logs/race").unwrap().unwrap();
    assert!(content.len() == 1000 && content.iter().all(|b| *b == content[0]), "whole");
    clear(store);
}

#[test]
fn the_local_store_conforms() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("made/by the first write");
    conforms(&open(root.to_str().unwrap()).unwrap());
}

#[test]
fn a_store_with_multipart_uploads_conforms() {
    for root in ["", "tables/all of them"] {
        conforms(&Memory::default().open(root).unwrap());
    }
}

#[test]
fn what_another_instance_left_pending_is_dropped_and_its_own_is_not_touched() {
    let temp = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    let local = || open(temp.path().to_str().unwrap()).unwrap();
    for (first, second) in
        [(local(), local()), (memory.open("t").unwrap(), memory.open("t").unwrap())]
    {
        other_instances_are_kept_apart(&first, &second);
    }
}

fn other_instances_are_kept_apart(first: &Storage, second: &Storage) {
    let lost = pending(first, 0, "p", b"lost");
    let kept = pending(second, 0, "p", b"kept");
    second.verify_pending(&kept).unwrap();
    first.verify_pending(&lost).unwrap();
    second.publish(&[kept]).unwrap();
    second.discard(BatchId(0)).unwrap();
    assert_eq!(paths(first, ""), ["p"]);
    assert_eq!(first.read("p").unwrap().unwrap(), b"kept");
    clear(first);
}

#[test]
fn a_store_with_faults_conforms_while_nothing_breaks() {
    let temp = tempfile::tempdir().unwrap();
    conforms(&Faults::none().wrap(open(temp.path().to_str().unwrap()).unwrap()));
}

/// Stores that `cargo xtask test --stores` starts.
mod real {
    use super::*;

    /// Opens the store of this scheme, if there is one, as a process of its own would.
    fn real(scheme: &str) -> Option<impl Fn() -> Storage> {
        let place = place::real(scheme)?;
        let (endpoint, anonymous) = (place.endpoint.clone(), place.anonymous);
        let options = StorageOptions { endpoint, anonymous, ..StorageOptions::default() };
        Some(move || open_with(&place.url, &options, &silent()).unwrap())
    }

    fn a_real_store_conforms(scheme: &str, lacks: &Lacks) {
        let Some(store) = real(scheme) else { return };
        conforms_but_for(&store(), lacks);
        other_instances_are_kept_apart(&store(), &store());
    }

    #[test]
    fn s3_conforms() {
        a_real_store_conforms("s3", &Lacks::default());
    }

    #[test]
    fn azure_conforms() {
        // It takes a backslash for a slash.
        a_real_store_conforms("az", &Lacks { names: &['\\'], abort: true });
    }

    #[test]
    fn google_cloud_storage_conforms() {
        a_real_store_conforms("gs", &Lacks::default());
    }

    #[test]
    fn webdav_conforms() {
        // The server cuts the destination of a copy there.
        a_real_store_conforms("http", &Lacks { names: &['?'], abort: false });
    }

    #[test]
    fn hdfs_conforms() {
        a_real_store_conforms("hdfs", &Lacks { names: &[':'], abort: false });
    }
}
