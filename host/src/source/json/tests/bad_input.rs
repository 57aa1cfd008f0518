//! What is wrong is named, kept, and does not stop the rest.

use super::*;
use std::io::Write;

fn schema() -> Value {
    json!({ "a": "int", "s": "string" })
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_broken_line_leaves_the_others() {
    let seen = read(&schema(), "{\"a\":1}\n{\"a\":2,}\n{\"a\":\n{\"a\":3} x\n{\"a\":4}\n{\"a\":");
    assert_eq!(seen.rows, [json!({ "a": 1 }), json!({ "a": 4 })]);
    assert_eq!(
        seen.codes(),
        ["malformed-json", "malformed-json", "malformed-json", "truncated-json"]
    );
    assert_eq!(seen.rejected[0].1, 8);
    assert_eq!(seen.messages[0], "expected a key in quotes at byte 15, found `}`");
    assert_eq!(seen.messages[1], "the line ends before the record does");
    assert_eq!(seen.rejected[2].2, "{\"a\":3} x");
    assert_eq!(seen.messages[3], "the file ends before the record does");
    let seen = read(&schema(), "{\"a\":1,}\n{\"a\":2}\n");
    assert_eq!((seen.rows.len(), seen.codes()), (1, vec!["malformed-json"]));
}

#[test]
fn a_broken_document_takes_the_rest_of_its_file() {
    let text = "{\n \"a\": 1\n}\n{\n \"a\": x\n}\n{\n \"a\": 2\n}\n";
    let seen = read(&schema(), text);
    assert_eq!(seen.rows, [json!({ "a": 1 })]);
    assert_eq!(seen.rejected, [("malformed-json".into(), 12, text[12..].trim_end().into())]);
    let seen = read(&schema(), "[{\"a\":1},{\"a\":2} {\"a\":3}]");
    assert_eq!((seen.rows.len(), seen.codes()), (2, vec!["malformed-json"]));
    assert_eq!(seen.rejected[0].2, "{\"a\":3}]");
}

#[test]
fn what_ends_early_is_truncated() {
    for (text, rows, record) in [
        ("{\"a\":1,\"s\":\"x", 0, "{\"a\":1,\"s\":\"x"),
        ("[{\"a\":1},", 1, ""),
        ("[{\"a\":1},{\"a\"", 1, "{\"a\""),
        ("{\"a\":1}{\"a\":tr", 1, "{\"a\":tr"),
        ("[", 0, ""),
    ] {
        let seen = read(&schema(), text);
        assert_eq!(seen.rows.len(), rows, "{text}");
        assert_eq!(seen.codes(), ["truncated-json"], "{text}");
        assert_eq!(seen.rejected[0].2, record);
    }
}

#[test]
fn a_truncated_gzip_gives_what_precedes() {
    let lines = "{\"a\":1}\n".repeat(50);
    let whole = gzip(lines.as_bytes());
    let seen = read(&schema(), &whole[..whole.len() - 60]);
    assert!(seen.rows.len() > 30 && seen.rows.len() < 50);
    assert_eq!(seen.codes(), ["truncated-gzip"]);
    let seen = read(&schema(), &whole[..whole.len() - 4]);
    assert_eq!((seen.rows.len(), seen.codes()), (50, vec!["truncated-gzip"]));
    let document = gzip(format!("{{\"a\":1,\"s\":\"{}\"}}", "x".repeat(100)).as_bytes());
    let seen = read(&schema(), &document[..80]);
    assert_eq!((seen.rows.len(), seen.codes()), (0, vec!["truncated-gzip"]));
    let files = [("a.gz", &whole[..1]), ("b.gz", &b""[..]), ("c.json", b"{\"a\":9}")];
    let seen = Setup::default().read(&schema(), &files).unwrap();
    assert_eq!((seen.rows.len(), seen.codes()), (1, vec!["truncated-gzip"]));
}

#[test]
fn damage_inside_compressed_files_is_named() {
    let mut gz = gzip(&b"{\"a\":1}\n".repeat(50));
    let last = gz.len() - 6;
    gz[last] ^= 0xff;
    let seen = read(&schema(), &gz);
    assert_eq!((seen.rows.len(), seen.codes()), (50, vec!["corrupt-gzip"]));
    let zst = zstd::encode_all(&b"{\"a\":1}\n".repeat(50)[..], 1).unwrap();
    let seen = read(&schema(), &zst[..zst.len() - 3]);
    assert_eq!(seen.codes(), ["truncated-zstd"]);
}

#[test]
fn damage_anywhere_leaves_the_same_rows_however_the_file_arrives() {
    let mut setup = Setup::default();
    setup.plan.rescued_column = None;
    let line = |id: u64| {
        format!("{{\"a\":{id},\"s\":\"{:x}\"}}\n", id.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    let lines = (0..30).map(line).collect::<Vec<_>>().concat();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(lines.as_bytes()).unwrap();
    for file in [encoder.finish().unwrap(), zstd::encode_all(lines.as_bytes(), 1).unwrap()] {
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x55;
            setup.file(&schema(), &damaged);
        }
    }
}

#[test]
fn what_was_found_is_shown_whole_however_the_file_arrives() {
    for (text, found) in [
        ("[{\"a\":1}\n\u{201c}x]", "\u{201c}"),
        ("[{\n\"a\":\u{1f600}}]", "\u{1f600}"),
        ("{\n\"a\":1,\u{e9}}", "\u{e9}"),
    ] {
        let seen = read(&schema(), text);
        assert_eq!(seen.codes(), ["malformed-json"], "{text}");
        assert!(seen.messages[0].ends_with(&format!("found `{found}`")), "{}", seen.messages[0]);
    }
}

#[test]
fn invalid_utf8_costs_its_record_alone() {
    let seen = read(
        &schema(),
        b"{\"a\":1}\n{\"s\":\"\xff\"}\n{\"a\":2,\"s\":\"\xc3\xa9\"}\n{\"u\":\"\xc3\"}\n",
    );
    assert_eq!(seen.rows, [json!({ "a": 1 }), json!({ "a": 2, "s": "é" })]);
    assert_eq!(seen.codes(), ["invalid-utf8", "invalid-utf8"]);
    assert_eq!(seen.rejected[0].2, "{\"s\":\"\u{fffd}\"}");
    let seen = read(&schema(), b"[{\"a\":1},{\"s\":\"\xf0\x9f\"},{\"a\":2}]");
    assert_eq!((seen.rows.len(), seen.codes()), (2, vec!["invalid-utf8"]));
    let seen = read(&schema(), b"[{\"a\":1},\"\xff\",[\"\xff\"],{\"s\":\"x\"}]");
    assert_eq!((seen.rows.len(), seen.codes()), (2, vec!["not-an-object"; 2]));
    let seen = read(&schema(), b"{\"a\":1}\n\xff\n{\"a\":2}\n");
    assert_eq!((seen.rows.len(), seen.codes()), (2, vec!["malformed-json"]));
}

#[test]
fn depth_is_limited_without_recursion() {
    let mut setup = Setup::default();
    setup.plan.max_depth = 5;
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let text = format!("{{\"s\":{}}}\n{{\"s\":{}}}\n{{\"a\":1}}\n", nested(4), nested(5));
    let seen = setup.file(&schema(), &text);
    assert_eq!((seen.rows.len(), seen.codes()), (2, vec!["too-deep"]));
    let text = format!("[{{\"u\":{}}},{{\"a\":1}}]", nested(50));
    let seen = setup.file(&schema(), &text);
    assert_eq!((seen.rows.len(), seen.codes()), (1, vec!["too-deep"]));
    for text in
        ["[".repeat(100_000), "{\"a\":".repeat(100_000), format!("{{\"u\":{}", "[".repeat(100_000))]
    {
        let seen = Setup::default().read(&schema(), &[("f", text.as_bytes())]).unwrap();
        assert_eq!((seen.rows.len(), seen.codes()), (0, vec!["too-deep"]));
    }
    let deep = parse_schema(&json!({ "s": "array<array<array<array<array<int>>>>>" })).unwrap();
    assert_eq!(deep.fields().len(), 1);
    let seen = setup
        .file(&json!({ "s": "array<array<array<array<array<int>>>>>" }), "{\"s\":[[[[[1]]]]]}");
    assert_eq!(seen.codes(), ["too-deep"]);
}

#[test]
fn long_records_are_passed_over() {
    let mut setup = Setup::default();
    setup.plan.max_record_bytes = 100;
    let long = format!("{{\"s\":\"{}\"}}", "x".repeat(92));
    let fits = format!("{{\"s\":\"{}\"}}", "x".repeat(91));
    assert_eq!((long.len(), fits.len()), (101 - 1, 100 - 1));
    let longer = format!("{{\"s\":\"{}\"}}", "x".repeat(3000));
    for text in [
        format!("{{\"a\":1}}\n{longer}\n{fits}\n{{\"a\":2}}\n"),
        format!("[{{\"a\":1}},{longer},{fits},{{\"a\":2}}]"),
        format!("{{\"a\":1}}{longer}{fits}{{\"a\":2}}"),
    ] {
        let seen = setup.file(&schema(), &text);
        assert_eq!((seen.rows.len(), seen.codes()), (3, vec!["record-too-long"]), "{text}");
        assert_eq!(seen.rejected[0].2, longer);
    }
}

#[test]
fn the_text_of_a_rejected_record_is_bounded() {
    let text = format!("{{\"s\":\"{}\"", "x".repeat(3 << 20));
    let setup = Setup { buffer_bytes: 1 << 20, ..Setup::default() };
    let seen = setup.read(&schema(), &[("f", text.as_bytes())]).unwrap();
    assert_eq!(seen.codes(), ["truncated-json"]);
    assert_eq!(seen.rejected[0].2.len(), 1 << 20);
    let all = text.len();
    let note = format!(" (the first 1048576 of its {all} bytes are kept here)");
    assert!(seen.messages[0].ends_with(&note), "{}", seen.messages[0]);
}

#[test]
fn an_unreadable_file_is_rejected_and_a_vanished_one_stops() {
    let files = [("a", &b"{\"a\":1}"[..]), ("forbidden", b"{}"), ("z", b"{\"a\":2}")];
    let seen = Setup::default().read(&schema(), &files).unwrap();
    assert_eq!((seen.rows.len(), seen.codes()), (2, vec!["unreadable-file"]));
    let storage: Storage = Arc::new(MemoryStore::default());
    let schema = parse_schema(&schema()).unwrap();
    let mut reader = JsonReader::new(&plan(), &schema).unwrap();
    let gone =
        crate::types::InputFile { path: "gone".into(), size_bytes: 1, modified_us: 0, etag: None };
    let error = reader.read_unit(&storage, &[gone], &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.message, "input file `gone` has vanished");
}
