//! Public test data, where it lies beside the repository.

use super::*;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn data(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(path: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in fs::read_dir(path).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else {
                let content = fs::read(&path).unwrap();
                files.push((path, content));
            }
        }
    }
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    walk(&root.join(folder), &mut files);
    files.sort();
    files
}

/// Wraps a text as the value of a member, so that top-level scalars count, too.
fn wrapped(content: &[u8]) -> Vec<u8> {
    [b"{\"v\":", content, b"}"].concat()
}

#[test]
fn the_json_test_suite_is_told_apart() {
    for (path, content) in data("json-test-suite/test_parsing") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = wrapped(&content);
        // A byte order mark may start a file, not a value.
        if name.contains("BOM") || content.starts_with(b"\xef\xbb\xbf") {
            continue;
        }
        for schema in
            [json!({ "v": "string" }), json!({ "w": "string" }), json!({ "v": ["string"] })]
        {
            let seen = Setup::default().read(&schema, &[("f", &text)]).unwrap();
            match &name[..2] {
                "y_" => assert_eq!((seen.rows.len(), seen.codes().len()), (1, 0), "{name}"),
                "n_" => assert!(!seen.rejected.is_empty(), "{name}: {:?}", seen.rows),
                _ => {}
            }
        }
    }
}

#[test]
fn real_cloudtrail_files_have_the_records_that_serde_json_counts() {
    let schema = json!({ "Records": [{
        "eventVersion": "string", "eventTime": "timestamp", "eventName": "string", "readOnly": "boolean",
        "userIdentity": { "type": "string", "arn": "string", "sessionContext": { "attributes": "map<string,string>" } },
        "requestParameters": "map<string,string>", "responseElements": "map<string,string>",
        "resources": [{ "ARN": "string", "type": "string" }],
    }] });
    for (path, content) in data("cloudtrail") {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let Ok(whole) = serde_json::from_slice::<Value>(&content) else { continue };
        let seen = Setup { buffer_bytes: 64 << 10, ..Setup::default() }
            .read(&schema, &[("f", &content)])
            .unwrap();
        let expected = match &whole {
            Value::Object(_) => vec![&whole],
            Value::Array(values) => values.iter().collect(),
            _ => vec![],
        };
        assert_eq!(seen.rows.len() + seen.rejected.len(), expected.len(), "{}", path.display());
        for (row, document) in seen.rows.iter().zip(expected) {
            let Some(records) = document["Records"].as_array() else { continue };
            let read = row["Records"].as_array().unwrap();
            assert_eq!(read.len(), records.len());
            for (read, record) in read.iter().zip(records) {
                let name =
                    |value: &Value| value.get("eventName").cloned().filter(|name| !name.is_null());
                assert_eq!(name(read), name(record));
                for (key, value) in record["requestParameters"].as_object().into_iter().flatten() {
                    let text = match value {
                        Value::String(_) | Value::Null => value.clone(),
                        _ => continue,
                    };
                    assert_eq!(read["requestParameters"][key], text);
                }
            }
        }
    }
}

#[test]
fn other_projects_inputs_do_not_lose_records() {
    for folder in
        ["spark-test-data", "spark-rapids-inputs", "gh-events", "drill-inputs", "fhir-synthea"]
    {
        for (path, content) in data(folder) {
            let extension = path.extension().and_then(|extension| extension.to_str());
            if !matches!(extension, Some("json" | "ndjson")) || content.len() > 1 << 20 {
                continue;
            }
            let setup = Setup { buffer_bytes: 64 << 10, ..Setup::default() };
            let schema = json!({ "a": "int", "id": "string", "data": "map<string,string>" });
            let seen = setup.read(&schema, &[("f", &content)]).unwrap();
            let pieces = Setup { step_bytes: 1009, buffer_bytes: 4 << 10, ..Setup::default() };
            assert_eq!(
                pieces.read(&schema, &[("f", &content)]).unwrap(),
                seen,
                "{}",
                path.display()
            );
            let kept: usize = seen.records.iter().map(String::len).sum();
            let lost: usize = seen.rejected.iter().map(|(_, _, text)| text.len()).sum();
            let visible = content.iter().filter(|byte| !byte.is_ascii_whitespace()).count();
            let separators = seen.rows.len() + seen.rejected.len() + 8;
            assert!(
                kept + lost + separators >= visible,
                "{}: {kept} {lost} {visible}",
                path.display()
            );
        }
    }
}
