use super::*;
use crate::checkpoint::{Checkpoint, Written, fixture, tiers::Tiers};
use std::sync::Arc;

const TIERS: Tiers =
    Tiers { batches: 2, fan_out: 2, max_seen_bytes: 1 << 20, max_history_bytes: 1 << 20 };

/// Carries out micro-batches, one file each, and gives what was recorded of them.
fn carry_out(checkpoint: &mut Checkpoint, batches: std::ops::Range<u64>) -> Vec<Recorded> {
    let one = |batch: u64| {
        let offsets = fixture::offsets(batch, &[&format!("in/{batch} \u{1F600}.json")]);
        checkpoint.write_offsets(&offsets).unwrap();
        let (_temp, sink) = fixture::storage();
        let written = Written::verify(fixture::commit(batch, Vec::new()), &*sink).unwrap();
        let commit = Some(checkpoint.write_commit(written).unwrap());
        checkpoint.compact().unwrap();
        Recorded { offsets, commit }
    };
    batches.map(one).collect()
}

fn open(storage: &Storage) -> Checkpoint {
    let mut checkpoint = Checkpoint::open_with(Arc::clone(storage), "payments", TIERS).unwrap();
    checkpoint.observe().unwrap();
    checkpoint
}

fn all(history: &mut History) -> Vec<Recorded> {
    history.from(BatchId(0)).collect::<Result<_>>().unwrap()
}

fn paths(storage: &Storage, dir: &str) -> Vec<String> {
    storage.list(dir).unwrap().into_iter().map(|meta| meta.path).collect()
}

#[test]
fn records_are_found_wherever_they_went() {
    let (_temp, storage) = fixture::storage();
    assert_eq!(History::open(&storage).unwrap().first(), None);
    assert_eq!(all(&mut History::open(&storage).unwrap()), []);
    let mut checkpoint = open(&storage);
    let mut expected = carry_out(&mut checkpoint, 0..23);
    let begun = fixture::offsets(23, &["last"]);
    checkpoint.write_offsets(&begun).unwrap();
    expected.push(Recorded { offsets: begun, commit: None });
    assert!(paths(&storage, "history").len() < 4, "{:?}", paths(&storage, "history"));
    assert_eq!(paths(&storage, "commits").len(), 3);
    assert_eq!(paths(&storage, "offsets").len(), 4);
    let mut history = History::open(&storage).unwrap();
    assert_eq!((history.first(), history.last()), (Some(BatchId(0)), Some(BatchId(23))));
    assert_eq!(all(&mut history), expected);
    for recorded in expected {
        assert_eq!(history.find(recorded.offsets.batch).unwrap(), Some(recorded));
    }
    assert_eq!(history.find(BatchId(24)).unwrap(), None);
}

#[test]
fn records_are_kept_as_they_stood_in_the_logs() {
    let (_temp, storage) = fixture::storage();
    let mut checkpoint = open(&storage);
    carry_out(&mut checkpoint, 0..3);
    let newer =
        br#"{"format":1,"later":[1.50],"batch":0,"files":[],"components":[],"config_hash":"",
        "watermark_us":null,"runner":{"host":"h","pid":1,"started_us":2},"written_us":3}"#;
    storage.put("offsets/0000000000.json", newer).unwrap();
    let commit = storage.read("commits/0000000001.json").unwrap().unwrap();
    carry_out(&mut checkpoint, 3..4);
    let segment = storage.read("history/0000000000-0000000001.jsonl.zst").unwrap().unwrap();
    let text = zstd::decode_all(&*segment).unwrap();
    let lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[0].starts_with(br#"{"format":1,"later":[1.50],"#), "fields it does not know");
    assert_eq!(lines[3], commit);
}

#[test]
fn records_that_move_while_they_are_read_are_found_where_they_went() {
    let (_temp, storage) = fixture::storage();
    let mut checkpoint = open(&storage);
    let mut expected = carry_out(&mut checkpoint, 0..7);
    let mut history = History::open(&storage).unwrap();
    let mut records = history.from(BatchId(0));
    let mut found = vec![records.next().unwrap().unwrap()];
    // Segments are merged, and records that were in the logs are in segments now.
    expected.extend(carry_out(&mut checkpoint, 7..20));
    expected.truncate(7);
    found.extend(records.map(Result::unwrap).take(6));
    assert_eq!(found, expected);
}

#[test]
fn any_damage_to_a_segment_is_noticed_and_named() {
    let (_temp, storage) = fixture::storage();
    let expected = carry_out(&mut open(&storage), 0..8);
    let path = &paths(&storage, "history")[0];
    let whole = storage.read(path).unwrap().unwrap();
    let read = |content: &[u8]| {
        storage.put(path, content).unwrap();
        let mut history = History::open(&storage).unwrap();
        (history.from(BatchId(0)).collect::<Result<Vec<_>>>(), history.find(BatchId(1)))
    };
    let refused = |content: &[u8], what: &str| {
        let (all, one) = read(content);
        for error in [all.unwrap_err(), one.unwrap_err()] {
            assert!(error.message.ends_with(&format!("/{path}` is damaged")), "{what}: {error}");
        }
    };
    let mut harmless = 0;
    for at in 0..whole.len() {
        refused(&whole[..at], &format!("cut at {at}"));
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        // A bit of a header may mean nothing; how many do depends on what was compressed.
        match read(&flipped).0 {
            Ok(same) => {
                assert_eq!(same, expected, "flipped at {at}");
                harmless += 1;
            }
            Err(_) => refused(&flipped, &format!("flipped at {at}")),
        }
    }
    assert!(harmless * 20 < whole.len(), "{harmless} of {}", whole.len());
    refused(&[&whole[..], &whole].concat(), "twice");
    refused(&[&whole[..], b"\n"].concat(), "with something behind it");
    let stranger = zstd::encode_all(&b"{\"format\":1}\n"[..], 3).unwrap();
    refused(&stranger, "another file");
    storage.put(path, &whole).unwrap();
    assert_eq!(all(&mut History::open(&storage).unwrap()), expected);
}

#[test]
fn a_lost_segment_is_named() {
    let (_temp, storage) = fixture::storage();
    carry_out(&mut open(&storage), 0..8);
    let mut history = History::open(&storage).unwrap();
    for path in paths(&storage, "history") {
        storage.delete(&path).unwrap();
    }
    let gone = history.find(BatchId(1)).unwrap_err();
    assert!(gone.message.contains("is gone"), "{gone}");
    let refusal = Checkpoint::open_with(Arc::clone(&storage), "payments", TIERS)
        .unwrap()
        .observe()
        .unwrap_err();
    assert!(refusal.message.contains("contradict"), "{refusal}");
    assert!(refusal.causes[1].starts_with("`history/` has the records of nothing"), "{refusal}");
}

#[test]
fn records_that_two_segments_hold_are_read_and_merged_once() {
    let (_temp, storage) = fixture::storage();
    let expected = carry_out(&mut open(&storage), 0..9);
    let held = |first: u64, last: u64| {
        let mut builder = Builder::new(BatchId(first)).unwrap();
        for recorded in &expected[first as usize..=last as usize] {
            let commit = log::encode(recorded.commit.as_ref().unwrap()).unwrap();
            builder.push(&log::encode(&recorded.offsets).unwrap(), &commit).unwrap();
        }
        builder
    };
    for path in paths(&storage, "history") {
        storage.delete(&path).unwrap();
    }
    let both = [(0, 4), (2, 6)].map(|(first, last)| held(first, last).write(&storage).unwrap());
    assert_eq!(all(&mut History::open(&storage).unwrap()), expected);
    assert_eq!(merge(&storage, &both).unwrap().last, BatchId(6));
    assert_eq!(History::open(&storage).unwrap().segments.live.len(), 1);
    assert_eq!(all(&mut History::open(&storage).unwrap()), expected);
}
