//! Files of every form give the same records.

use super::*;
use std::io::Write;

fn schema() -> Value {
    json!({ "a": "int", "b": ["string"] })
}

fn expected() -> Vec<Value> {
    vec![json!({ "a": 1, "b": ["x", "y"] }), json!({ "a": 2 }), json!({ "b": [] })]
}

const FORMS: [&str; 10] = [
    "{\"a\":1,\"b\":[\"x\",\"y\"]}\n{\"a\":2}\n{\"b\":[]}\n",
    "{\"a\":1,\"b\":[\"x\",\"y\"]}\r\n\r\n  {\"a\":2}\r\n{\"b\":[]}",
    "{\"a\":1,\"b\":[\"x\",\"y\"]}{\"a\":2}{\"b\":[]}",
    "{\"a\":1,\"b\":[\"x\",\"y\"]} {\"a\":2}\n{\"b\":[]}",
    "{\n  \"a\": 1,\n  \"b\": [\n    \"x\",\n    \"y\"\n  ]\n}\n{\n  \"a\": 2\n}\n{\n  \"b\": []\n}\n",
    "{\"a\":1,\"b\":[\"x\",\"y\"]}\n{\n  \"a\": 2\n}\n{\n  \"b\": []\n}\n",
    "[{\"a\":1,\"b\":[\"x\",\"y\"]},{\"a\":2},{\"b\":[]}]",
    "[\n  { \"a\" : 1 , \"b\" : [ \"x\" , \"y\" ] }\n, { \"a\": 2 }\n,\n{ \"b\": [] } ]\n",
    "[{\"a\":1,\"b\":[\"x\",\"y\"]}]\n[{\"a\":2},{\"b\":[]}]\n[]\n",
    "\u{feff}{\"a\":1,\"b\":[\"x\",\"y\"]}\n{\"a\":2}\n{\"b\":[]}\n",
];

#[test]
fn every_form_gives_the_same_records() {
    for text in FORMS {
        let seen = read(&schema(), text);
        assert_eq!((seen.rows, seen.rejected), (expected(), vec![]), "{text}");
        let total = text.len() as u64;
        assert_eq!((seen.stats.text_bytes, seen.stats.rows), (total, 3));
        for (record, (_, offset, _)) in seen.records.iter().zip(&seen.origins) {
            assert!(text[*offset as usize..].starts_with(record));
        }
    }
}

#[test]
fn compressed_files_are_told_by_content() {
    for text in FORMS {
        let (first, second) = text.as_bytes().split_at(text.len() / 2);
        let gzip = |text: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let members = [gzip(first), gzip(second)].concat();
        assert_eq!(read(&schema(), &members).rows, expected());
        let zstd = |text| zstd::encode_all(text, 1).unwrap();
        let frames = [zstd(first), zstd(second)].concat();
        let seen = read(&schema(), &frames);
        assert_eq!((seen.rows, seen.stats.text_bytes), (expected(), text.len() as u64));
    }
}

#[test]
fn empty_files_have_no_records() {
    for text in ["", " \n\t ", "\u{feff}", "[]", "\n\n"] {
        let seen = read(&schema(), text);
        assert!(seen.rows.is_empty() && seen.rejected.is_empty(), "{text:?}");
    }
}

#[test]
fn records_that_are_no_objects_are_named() {
    let seen = read(&schema(), "{\"a\":1}\n3\n\"x\"\nnull\n{\"a\":2}\n");
    assert_eq!(seen.rows.len(), 2);
    assert_eq!(seen.codes(), ["not-an-object"; 3]);
    let seen = read(&schema(), "[{\"a\":1}, 3 , [4,[5]], {\"a\":2}]");
    assert_eq!(seen.rows.len(), 2);
    assert_eq!(seen.rejected[1], ("not-an-object".into(), 14, "[4,[5]]".into()));
    assert_eq!(read(&schema(), "12345678").codes(), ["not-an-object"]);
}

#[test]
fn spark_reads_three_rows_around_empty_lines() {
    let text = "{ \"a\" : 1 , \"b\" : 2 , \"c\" : 3 }\n\n     { \"a\" : 4 , \"b\" : 5 , \"c\" : 6 }\n     \t     \n{ \"a\" : 7 , \"b\" : 8 , \"c\" : 9 }\n\n     ";
    let seen = read(&json!({ "a": "int", "b": "int", "c": "int" }), text);
    assert_eq!(seen.rows.len(), 3);
    assert!(seen.rejected.is_empty());
}
