//! Every promise broken once, and what is said of it.

use super::{
    crash::{run, stores},
    fixture,
    verify::{Verified, verify},
};
use crate::storage::Storage;

/// A checkpoint and a table of five micro-batches: four in segments, one in the logs.
fn written() -> (tempfile::TempDir, Storage, Storage) {
    let temp = fixture::directory();
    let (checkpoint, sink) = stores(temp.path());
    run(&checkpoint, &sink).unwrap();
    (temp, checkpoint, sink)
}

/// What is said once something was broken; looking changes nothing.
#[track_caller]
fn broken(allow_missing: bool, brk: impl FnOnce(&Storage, &Storage)) -> Verified {
    let (_temp, checkpoint, sink) = written();
    brk(&checkpoint, &sink);
    let state = || [checkpoint.list("").unwrap(), sink.list("").unwrap()];
    let before = state();
    let verified = verify(&checkpoint, "payments", &sink, allow_missing).unwrap();
    assert_eq!(state(), before);
    for finding in &verified.findings {
        assert!(!finding.hints.is_empty(), "{finding}: says what to do");
    }
    verified
}

#[track_caller]
fn only(verified: &Verified, words: &[&str]) {
    let [finding] = verified.findings.as_slice() else { panic!("{:#?}", verified.findings) };
    let text = format!("{finding} {:?}", finding.hints);
    assert!(words.iter().all(|words| text.contains(words)), "{text}");
}

fn first(storage: &Storage, directory: &str) -> String {
    storage.list(directory).unwrap()[0].path.clone()
}

fn flip(storage: &Storage, path: &str) {
    let mut content = storage.read(path).unwrap().unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    storage.put(path, &content).unwrap();
}

#[test]
fn a_whole_checkpoint_and_its_table_have_no_findings() {
    let verified = broken(false, |_, _| {});
    assert_eq!(verified.findings, []);
    assert_eq!((verified.batches, verified.files, verified.segments), (5, 10, 2));
    assert_eq!((verified.contents, verified.gone), (1, 0));
}

#[test]
fn files_of_the_table_that_are_gone_or_changed_are_told_with_their_micro_batch() {
    let path = "x=1/part-0000000001-0.parquet";
    let words = ["`x=1/part-", "is gone", "micro-batch 1 committed 1 rows", "rewind --to 0"];
    let gone = broken(false, |_, sink| sink.delete(path).unwrap());
    only(&gone, &words.map(|word| word.trim_start_matches('`')));
    let allowed = broken(true, |_, sink| sink.delete(path).unwrap());
    assert_eq!((allowed.findings.len(), allowed.gone), (0, 1));
    only(&broken(true, |_, sink| sink.put(path, b"x").unwrap()), &["has 1 bytes", "micro-batch 1"]);
    let last = |_: &Storage, sink: &Storage| sink.delete("x=2/part-0000000004-0.parquet").unwrap();
    only(&broken(true, last), &["is gone", "it refuses"]);
}

#[test]
fn files_that_no_micro_batch_wrote_are_told() {
    for batch in [2, 4, 5, 900] {
        let stray = |_: &Storage, sink: &Storage| {
            sink.put(&format!("x=1/part-{batch:010}-7.parquet"), b"rows").unwrap();
        };
        only(&broken(true, stray), &["no micro-batch of this checkpoint wrote it"]);
    }
    let other = |_: &Storage, sink: &Storage| sink.put("x=1/theirs.parquet", b"rows").unwrap();
    only(&broken(true, other), &["no micro-batch of this checkpoint wrote it"]);
    let no_table = |_: &Storage, sink: &Storage| sink.put("x=1/notes.txt", b"mine").unwrap();
    assert_eq!(broken(false, no_table).findings, []);
}

#[test]
fn damage_in_the_checkpoint_is_named() {
    let damaged = broken(false, |checkpoint, _| flip(checkpoint, &first(checkpoint, "seen")));
    only(&damaged, &["/seen/", "is damaged", "read a second time"]);
    let damaged = broken(false, |checkpoint, _| flip(checkpoint, &first(checkpoint, "history")));
    only(&damaged, &["/history/", "is damaged"]);
    assert_eq!(damaged.batches, 1, "the others are still looked at");
    let damaged = broken(false, |checkpoint, _| flip(checkpoint, &first(checkpoint, "plugins")));
    only(&damaged, &["/plugins/", "its SHA-256 is not its name"]);
    let torn = |checkpoint: &Storage, _: &Storage| {
        checkpoint.put(&first(checkpoint, "commits"), b"{").unwrap();
    };
    assert!(broken(false, torn).findings[0].message.contains("/commits/"));
}

#[test]
fn what_is_missing_in_the_checkpoint_is_named() {
    let gone =
        broken(false, |checkpoint, _| checkpoint.delete(&first(checkpoint, "seen")).unwrap());
    assert!(!gone.findings.is_empty());
    let gone = |checkpoint: &Storage, _: &Storage| {
        checkpoint.delete(&first(checkpoint, "offsets")).unwrap();
    };
    assert!(broken(false, gone).findings[0].message.contains("contradict"));
    let other = |_: &Storage, sink: &Storage| sink.delete("_lockgate/table.json").unwrap();
    only(&broken(false, other), &["is not the table that this checkpoint belongs to"]);
}

#[test]
fn a_component_that_a_replay_needs_is_missed() {
    let begun = |checkpoint: &Storage, _: &Storage| {
        let offsets = super::log::encode(&fixture::offsets(5, &["g"])).unwrap();
        checkpoint.put("offsets/0000000005.json", &offsets).unwrap();
    };
    // The fixture names a component that was never kept.
    only(&broken(false, begun), &["c0ffee.wasm` is gone", "has to be replayed"]);
}
