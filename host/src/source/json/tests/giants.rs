//! Documents with one giant array come in slices.

use super::*;

fn setup() -> Setup {
    let mut setup = Setup::default();
    setup.cuts.slice_at = 200;
    setup.cuts.slice_bytes = 60;
    setup.plan.max_record_bytes = 300;
    setup
}

fn elements(count: usize) -> String {
    let element = |i| format!("{{\"id\":{i},\"t\":\"],\\\"{{\"}}");
    (0..count).map(element).collect::<Vec<_>>().join(" , ")
}

fn schema() -> Value {
    json!({ "a": "int", "R\n": [{ "id": "int", "t": "string" }], "b": { "c": "string" }, "e": ["int"] })
}

#[test]
fn slices_have_every_other_member_and_each_element_once() {
    let text = format!(
        "{{\"a\":1,\"e\":[7,8],\"R\\n\" : [{}],\"b\":{{\"c\":\"]\"}},\"x\":0}}{{\"a\":2}}",
        elements(100)
    );
    let seen = setup().file(&schema(), &text);
    assert!(seen.rejected.is_empty());
    let (last, slices) = seen.rows.split_last().unwrap();
    assert_eq!(*last, json!({ "a": 2 }));
    assert!(slices.len() > 20);
    let mut ids = Vec::new();
    for (row, (_, offset, slice)) in slices.iter().zip(&seen.origins) {
        assert_eq!(row["a"], 1);
        assert_eq!(row["e"], json!([7, 8]));
        assert_eq!(row["b"], json!({ "c": "]" }));
        assert_eq!(row["_rescued"], json!({ "x": 0 }));
        assert_eq!((*offset, slice.clone()), (0, Some(("R\n".to_owned(), ids.len() as u64))));
        ids.extend(
            row["R\n"].as_array().unwrap().iter().map(|element| element["id"].as_u64().unwrap()),
        );
    }
    assert!(ids.into_iter().eq(0..100));
    assert_eq!(
        seen.records[0].matches("\"id\"").count(),
        slices[0]["R\n"].as_array().unwrap().len()
    );
    assert_eq!(seen.origins.last().unwrap().1, text.len() as u64 - 7);
}

#[test]
fn other_large_arrays_are_whole_in_every_slice() {
    let numbers: Vec<_> = (100..160).collect();
    let e = serde_json::to_string(&numbers).unwrap();
    // The largest array is below the limit of a record, or beyond it.
    for count in [12, 100] {
        let r = elements(count);
        assert!(r.len() > e.len() && e.len() > setup().cuts.slice_bytes);
        for text in [
            format!("{{\"a\":1,\"R\\n\":[{r}], \"e\" : {e} ,\"b\":{{\"c\":\"]\"}}}}"),
            format!("{{ \"e\":{e},\"R\\n\":[{r}],\"a\":1,\"b\":{{\"c\":\"]\"}}}}"),
        ] {
            let seen = setup().file(&schema(), &text);
            assert_eq!(seen.codes(), [""; 0], "{text}");
            assert!(seen.rows.len() > 2, "{text}");
            assert!(seen.rows.iter().all(|row| row["e"] == json!(numbers)), "{text}");
            let slices = seen.rows.iter().map(|row| row["R\n"].as_array().unwrap().len());
            assert_eq!(slices.sum::<usize>(), count, "{text}");
        }
    }
}

#[test]
fn an_array_that_nobody_wants_is_passed_over() {
    let mut setup = setup();
    setup.plan.rescued_column = None;
    for (before, after) in [("", ""), ("\"a\":1,", ""), ("", ",\"a\":1"), ("\"q\":0,", ",\"a\":1")]
    {
        let text = format!("{{{before}\"unknown\":[{}]{after}}}", elements(50));
        let seen = setup.file(&schema(), &text);
        assert_eq!((seen.rows.len(), seen.codes().len()), (1, 0), "{before} {after}");
        assert_eq!(
            seen.rows[0].get("a").is_some(),
            !before.is_empty() && before != "\"q\":0," || !after.is_empty()
        );
    }
    let stray_comma = format!("{{\"unknown\":[{}],}}", elements(50));
    assert_eq!(setup.file(&schema(), stray_comma).codes(), ["malformed-json"]);
}

#[test]
fn a_slice_that_is_broken_is_rejected_alone() {
    let broken = elements(60).replace("\"id\":30", "\"id\":x");
    let seen = setup().file(&schema(), format!("{{\"R\\n\":[{broken}],\"a\":1}}"));
    assert_eq!(seen.codes(), ["malformed-json"]);
    let ids: usize = seen.rows.iter().map(|row| row["R\n"].as_array().unwrap().len()).sum();
    assert!(ids > 50 && ids < 60);
    assert!(seen.rejected[0].2.contains("\"id\":x"));
    let mut bytes = format!("{{\"R\\n\":[{}],\"a\":1}}", elements(60)).into_bytes();
    bytes[100] = 0xff;
    assert_eq!(setup().file(&schema(), bytes).codes().len(), 1);
}

#[test]
fn what_cannot_be_sliced_is_too_long_or_truncated() {
    let r = elements(60);
    for (text, code) in [
        (format!("{{\"R\\n\":[{r}],\"s\":\"{}\"}}{{\"a\":2}}", "x".repeat(400)), "record-too-long"),
        (format!("{{\"R\\n\":[{r}],\"a\":[{r}]}}{{\"a\":2}}"), "record-too-long"),
        (format!("{{\"R\\n\":[{r}],\"R\\n\":[1]}}{{\"a\":2}}"), "record-too-long"),
        (format!("{{\"s\":\"{}\"}}{{\"a\":2}}", "x".repeat(400)), "record-too-long"),
        (format!("{{\"R\\n\":[{r}],\"a\":1"), "truncated-json"),
        (format!("{{\"R\\n\":[{r}}},\"a\":1}}"), "malformed-json"),
        (format!("{{\"R\\n\":[{r}],\"a\":1]"), "malformed-json"),
    ] {
        let seen = setup().file(&schema(), &text);
        assert_eq!(seen.codes(), [code], "{text}");
        assert_eq!(seen.rows.len(), usize::from(code == "record-too-long"));
        assert!(text.starts_with(&seen.rejected[0].2));
    }
}

#[test]
fn a_large_document_without_a_large_array_is_one_record() {
    let text = format!("{{\"a\":1,\"x\":\"{}\"}}", "x".repeat(250));
    let seen = setup().file(&schema(), &text);
    assert_eq!((seen.rows.len(), seen.codes().len(), seen.records[0].len()), (1, 0, text.len()));
    assert_eq!(seen.origins[0].2, None);
}

#[test]
fn compressed_giants_are_read_twice() {
    let text = format!("{{\"a\":1,\"R\\n\":[{}]}}", elements(100));
    let whole = setup().file(&schema(), &text);
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    assert_eq!(setup().file(&schema(), packed).rows, whole.rows);
}

#[test]
fn a_top_level_array_of_any_size_streams() {
    let seen = setup().file(&json!({ "id": "int" }), format!("[{}]", elements(300)));
    assert_eq!((seen.rows.len(), seen.codes().len()), (300, 0));
}
