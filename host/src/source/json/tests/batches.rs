//! Where batches are cut, and what they remember.

use super::*;
use crate::{source::json::units, types::InputFile};

#[test]
fn batches_span_files_and_are_cut_by_their_text() {
    let mut setup = Setup { buffer_bytes: 64, ..Setup::default() };
    setup.cuts.batch_bytes = 50;
    let text = "{\"a\":1}{\"a\":2}{\"a\":3}{\"a\":x}";
    let files: Vec<_> =
        ["a", "b", "c", "d", "e"].iter().map(|path| (*path, text.as_bytes())).collect();
    let seen = setup.read(&json!({ "a": "int" }), &files).unwrap();
    assert_eq!(seen.rows.len(), 15);
    assert_eq!(seen.codes(), ["malformed-json"; 5]);
    assert_eq!(seen.batches.iter().sum::<usize>(), 15);
    assert_eq!(seen.batches[..2], [6, 6]);
    for step_bytes in [1, 5, 13] {
        let other = Setup { step_bytes, buffer_bytes: 96, ..setup.clone() };
        assert_eq!(other.read(&json!({ "a": "int" }), &files).unwrap(), seen);
    }
    assert!(seen.records.iter().all(|record| record.len() == 7));
    let offsets: Vec<_> = seen.origins.iter().map(|origin| (origin.0.as_str(), origin.1)).collect();
    assert_eq!(offsets[3..6], [("b", 0), ("b", 7), ("b", 14)]);
}

#[test]
fn what_stands_between_records_is_not_kept_in_memory() {
    let blank = " ".repeat(10_000);
    let lines = "\n".repeat(10_000);
    let empty = format!("[{}]", " ".repeat(98)).repeat(100);
    // A line is held as a whole, so only what stands between lines counts there.
    let (document, two_lines) = ("{\"a\":1}", "{\"a\":1}\n{\"a\":1}\n");
    for (first, between) in
        [(document, &blank), (document, &lines), (document, &empty), (two_lines, &lines)]
    {
        let text = format!("{first}{between}{{\"a\":2}}");
        let mut setup = Setup { buffer_bytes: 64, step_bytes: 100, ..Setup::default() };
        (setup.cuts.batch_bytes, setup.cuts.slice_at) = (200, 300);
        let mut store = MemoryStore::default();
        store.step_bytes = setup.step_bytes;
        store.put_at("f", text.as_bytes(), 0);
        let (inputs, storage): (_, Storage) = (store.inputs(), Arc::new(store));
        let schema = parse_schema(&json!({ "a": "int" })).unwrap();
        let mut reader = JsonReader::with_cuts(&setup.plan, &schema, setup.cuts, 64).unwrap();
        let mut longest = 0;
        let mut measure = |batch: SourceBatch| {
            longest = longest.max(batch.text.len());
            Ok(())
        };
        reader.read_unit(&storage, &inputs, &mut measure).unwrap();
        assert!(longest < 2_000, "{longest} bytes of text are kept");
        setup.file(&json!({ "a": "int" }), &text);
    }
}

#[test]
fn a_reader_serves_one_unit_after_the_other() {
    let store = MemoryStore::default();
    store.put_at("a", b"{\"a\":1,\"s\":\"x\"}", 0);
    let (storage, inputs): (Storage, _) = {
        let inputs = store.inputs();
        (Arc::new(store), inputs)
    };
    let schema = parse_schema(&json!({ "a": "int", "s": "string" })).unwrap();
    let mut reader = JsonReader::new(&plan(), &schema).unwrap();
    for _ in 0..3 {
        let mut seen = Seen::default();
        let stop = reader.read_unit(&storage, &inputs, &mut |_| {
            Err(crate::diagnostic::Diagnostic::data("stop"))
        });
        assert!(stop.is_err());
        let target = Arc::clone(reader.schema());
        reader
            .read_unit(&storage, &inputs, &mut |batch| {
                seen.add(&batch, &target);
                Ok(())
            })
            .unwrap();
        assert_eq!(seen.rows, [json!({ "a": 1, "s": "x" })]);
    }
}

#[test]
fn a_record_is_narrowed_to_one_element() {
    let mut texts = Vec::new();
    let store = MemoryStore::default();
    store.put_at("a", b"{\"p\":[{\"x\":1},{\"x\":2}],\"b\":1}", 0);
    let (inputs, storage): (_, Storage) = (store.inputs(), Arc::new(store));
    let schema = parse_schema(&json!({ "p": [{ "x": "int" }] })).unwrap();
    JsonReader::new(&plan(), &schema)
        .unwrap()
        .read_unit(&storage, &inputs, &mut |batch| {
            texts.push(batch.record_for_element(0, &["p"], 1));
            texts.push(batch.record_for_element(0, &["q"], 1));
            Ok(())
        })
        .unwrap();
    assert_eq!(texts, ["{\"p\":[{\"x\":2}],\"b\":1}", "{\"p\":[{\"x\":1},{\"x\":2}],\"b\":1}"]);
}

#[test]
fn units_group_small_files_and_leave_large_ones_alone() {
    let file = |path: &str, size_bytes| InputFile {
        path: path.into(),
        size_bytes,
        modified_us: 0,
        etag: None,
    };
    let kib = |n: u64| n << 10;
    let files = [
        file("a", kib(500)),
        file("b", kib(500)),
        file("c", kib(500)),
        file("d", kib(5000)),
        file("e.gz", kib(100)),
        file("f.gz", kib(100)),
        file("g", 1),
    ];
    assert_eq!(units(&files), [0..3, 3..4, 4..6, 6..7]);
    assert!(units(&[]).is_empty());
}
