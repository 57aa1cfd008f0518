//! The checkpoint: whatever lies in its directory, it is recovered consistently or refused.

use crate::{
    checkpoint::{Checkpoint, Recovery, encode_segment, survey},
    diagnostic::{Diagnostic, Kind},
    source::fixture::MemoryStore,
    stage::digest,
    storage::Storage,
    types::{BatchId, InputFile, OffsetRecord, Runner},
};
use std::sync::Arc;

const PIPELINE: &str = "payments";

/// Between two files stands a line `== ` and the path of the second one.
const FILE: &[u8] = b"\n== ";

/// Opens a checkpoint of these files, begins the next micro-batch, and opens it again.
///
/// The content of a segment that starts with `#` stands for its entries or lines alone: what
/// seals it is put round it, since no mutation finds a SHA-256.
///
/// # Panics
/// Panics when a recovery contradicts itself, when what was begun is not found again, and when
/// the host blames itself for what lies there.
pub fn checkpoint_reader(data: &[u8]) {
    let store = MemoryStore::default();
    for (path, content) in files(data) {
        match content.strip_prefix(b"#") {
            Some(entries) if path.starts_with("seen/") => {
                store.put_at(path, &encode_segment(entries), 0);
            }
            Some(lines) if path.starts_with("history/") => {
                store.put_at(path, &sealed(path, lines), 0);
            }
            _ => store.put_at(path, content, 0),
        }
    }
    let storage: Storage = Arc::new(store);
    let seen = survey(&storage);
    let mut checkpoint = match Checkpoint::open(Arc::clone(&storage), PIPELINE) {
        Ok(checkpoint) => checkpoint,
        Err(refusal) => return blamed_on_disk(&refusal),
    };
    let recovery = match checkpoint.observe() {
        Ok(recovery) => recovery,
        Err(refusal) => return blamed_on_disk(&refusal),
    };
    let next = recovery.next();
    match &recovery {
        Recovery::Fresh => assert_eq!(next, BatchId(0)),
        Recovery::Resume { publish, next } => assert_eq!(Some(publish.batch), before(*next)),
        Recovery::Replay { publish, offsets } => {
            assert_eq!(publish.as_ref().map(|commit| commit.batch), before(offsets.batch));
        }
    }
    assert!(seen.is_ok_and(|seen| seen.refusal.is_none()), "a look says what opening says");
    let begun = match recovery {
        Recovery::Replay { offsets, .. } => offsets,
        Recovery::Fresh | Recovery::Resume { .. } => {
            let offsets = offsets(next);
            checkpoint.write_offsets(&offsets).expect("the next micro-batch can be begun");
            offsets
        }
    };
    if let Err(refusal) = checkpoint.compact() {
        return blamed_on_disk(&refusal);
    }
    drop(checkpoint);
    let mut again = Checkpoint::open(storage, PIPELINE).expect("it opens a second time");
    match again.observe().expect("what was begun is understood") {
        Recovery::Replay { offsets, .. } => assert_eq!(offsets, begun),
        other => panic!("{begun:?} was begun, and then {other:?}"),
    }
}

/// Lines of records as a segment of the history, by the numbers in its name.
fn sealed(path: &str, lines: &[u8]) -> Vec<u8> {
    let name = path.trim_start_matches("history/").trim_end_matches(".jsonl.zst");
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    let (first, last) = name.split_once('-').unwrap_or_default();
    let (first, last, sha256) = (number(first), number(last), digest(lines));
    let seal = serde_json::json!({ "format": 1, "first": first, "last": last, "sha256": sha256 });
    zstd::encode_all(&[lines, seal.to_string().as_bytes(), b"\n"].concat()[..], 1).unwrap()
}

fn before(batch: BatchId) -> Option<BatchId> {
    batch.0.checked_sub(1).map(BatchId)
}

fn blamed_on_disk(refusal: &Diagnostic) {
    assert!(matches!(refusal.kind, Kind::Storage | Kind::Config), "{refusal}");
    assert!(!refusal.hints.is_empty(), "{refusal}");
}

fn files(data: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    let mut rest = Some(data.strip_prefix(&FILE[1..]).unwrap_or(data));
    std::iter::from_fn(move || {
        let here = rest.take()?;
        let end = here.windows(FILE.len()).position(|window| window == FILE);
        let file = &here[..end.unwrap_or(here.len())];
        rest = end.map(|end| &here[end + FILE.len()..]);
        let line = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        let path = std::str::from_utf8(&file[..line]).unwrap_or("not-utf-8");
        Some((path, file.get(line + 1..).unwrap_or_default()))
    })
}

fn offsets(batch: BatchId) -> OffsetRecord {
    let file = InputFile { path: "new".into(), size_bytes: 1, modified_us: 2, etag: None };
    OffsetRecord {
        batch,
        files: vec![file],
        components: Vec::new(),
        config_hash: String::new(),
        replay: None,
        read_again: Vec::new(),
        position: None,
        watermark_us: None,
        runner: Runner { host: "here".into(), pid: 1, started_us: 3 },
        written_us: 4,
    }
}
