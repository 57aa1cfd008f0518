//! Other projects' inputs, those made to break parsers among them, as one directory through
//! one run: what is JSON comes through with its values, what is not is in the quarantine with
//! a reason, and the run ends well.
//!
//! A record is a JSON object, so each text of the JSON test suite is read twice: as a file, and
//! as the members of an object, where scalars and arrays have columns of their own.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use arrow_array::{Array, RecordBatch, StructArray, cast::AsArray, types::Float64Type};
use lockgate_tests::{Job, files_below, memory, root, shared_data};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::Read,
    path::Path,
};

const PIPELINE: &str = r#"
[source]
path = "input"

[source.schema]
w_file = "string"
w_text = "string"
w_list = "array<string>"
w_number = "double"
w_truth = "boolean"
w_map = "map<string,string>"

[checkpoint]
path = "state"

[sink]
path = "table"

[quarantine]
max_rate = 1.0
"#;

/// Texts of the suite that are no JSON text, and yet have nothing to complain about.
const LENIENT: [(&str, &str); 4] = [
    ("n_structure_no_data.json", "a file without records is a file without records"),
    ("n_single_space.json", "so is one of white space"),
    ("n_structure_UTF8_BOM_no_data.json", "so is one of a byte order mark"),
    ("n_structure_double_array.json", "documents follow each other in a file, and both are empty"),
];

/// A file of the JSON test suite wrapped so that it is a record whatever it holds.
fn wrapped(name: &str, text: &[u8]) -> Vec<u8> {
    let mut record = format!("{{\"w_file\":\"{name}\"").into_bytes();
    for column in ["w_text", "w_list", "w_number", "w_truth", "w_map"] {
        record.extend_from_slice(format!(",\"{column}\":").as_bytes());
        record.extend_from_slice(text);
    }
    record.push(b'}');
    record
}

/// The files of the suite by name: all of them where they lie beside the repository.
fn json_test_suite() -> BTreeMap<String, Vec<u8>> {
    let whole = shared_data("json-test-suite/test_parsing");
    let from = whole.unwrap_or_else(|| root().join("tests/inputs/json-test-suite"));
    let files = files_below(&from).into_iter().map(|path| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
    });
    files.filter(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "json")).collect()
}

/// Whether two JSON texts mean the same.
fn same(one: &str, other: &Value) -> bool {
    serde_json::from_str::<Value>(one).is_ok_and(|one| one == *other)
}

/// A value as a `string` column shows it; JSON text parsed.
fn text_means(text: Option<&str>, value: &Value) -> bool {
    match (text, value) {
        (None, Value::Null) => true,
        (Some(text), Value::String(value)) => text == value,
        (Some(text), value) => same(text, value),
        (None, _) => false,
    }
}

fn text_at(array: &dyn Array, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.as_string::<i32>().value(row))
}

/// Holds a row of the table against the text that was wrapped.
fn check_row(batch: &RecordBatch, row: usize, name: &str, text: &str) {
    let value: Value = serde_json::from_str(text).unwrap();
    let column = |name| batch.column_by_name(name).unwrap();
    assert!(text_means(text_at(column("w_text"), row), &value), "{name}: {text}");
    let list = column("w_list");
    assert_eq!(list.is_valid(row), value.is_array(), "{name}");
    for (i, element) in value.as_array().into_iter().flatten().enumerate() {
        let read = list.as_list::<i32>().value(row);
        assert_eq!(read.len(), value.as_array().unwrap().len(), "{name}");
        assert!(text_means(text_at(&read, i), element), "{name}: {element}");
    }
    let number = column("w_number");
    if value.is_number() {
        let exact: f64 = text.trim().parse().unwrap();
        let read = number.as_primitive::<Float64Type>();
        assert!(read.is_valid(row) && read.value(row).to_bits() == exact.to_bits(), "{name}");
    } else {
        assert!(number.is_null(row), "{name}");
    }
    let truth = column("w_truth");
    let read = truth.is_valid(row).then(|| truth.as_boolean().value(row));
    assert_eq!(read, value.as_bool(), "{name}");
    let map = column("w_map");
    assert_eq!(map.is_valid(row), value.is_object(), "{name}");
    for (key, value) in value.as_object().into_iter().flatten() {
        let entries = map.as_map().value(row);
        let keys = entries.column(0).as_string::<i32>();
        let at: Vec<_> = (0..keys.len()).filter(|at| keys.value(*at) == key).collect();
        assert_eq!(at.len(), 1, "{name}: `{key}`, of which the last one counts");
        assert!(text_means(text_at(entries.column(1), at[0]), value), "{name}: `{key}`");
    }
}

/// Quarantine entries by file: code, message, text.
fn reasons(job: &Job) -> BTreeMap<String, Vec<(String, String, String)>> {
    let mut reasons: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for entry in job.quarantine() {
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        let (code, message) = (text("code"), text("message"));
        assert!(!code.is_empty() && !message.is_empty(), "{entry}");
        reasons.entry(text("file")).or_default().push((code, message, text("record")));
    }
    reasons
}

/// Records that came without a declared column, as what they mean; sorted.
fn bare_records(job: &Job) -> Vec<String> {
    let mut records = Vec::new();
    for (_, batch) in job.table().batches() {
        let rescued = batch.column_by_name("_rescued").unwrap();
        let wrapped = batch.column_by_name("w_file").unwrap();
        for row in (0..batch.num_rows()).filter(|row| wrapped.is_null(*row)) {
            let text = text_at(rescued, row).unwrap_or("{}");
            records.push(serde_json::from_str::<Value>(text).unwrap().to_string());
        }
    }
    records.sort();
    records
}

/// Takes each of `expected` out of `records`.
#[track_caller]
fn contains_all(records: &mut Vec<String>, expected: Vec<(String, String)>) {
    for (name, record) in expected {
        let at = records.binary_search(&record);
        assert!(at.is_ok(), "{name}: no row means {record}");
        records.remove(at.unwrap());
    }
}

/// Writes every text of the suite, as a file and as members, so many times.
fn write_suite(job: &Job, files: &BTreeMap<String, Vec<u8>>, dirs: &[&str; 2]) {
    for dir in dirs {
        fs::create_dir(job.path("input").join(dir)).unwrap();
    }
    for (name, text) in files {
        job.write(&format!("input/{}/{name}", dirs[0]), text);
        job.write(&format!("input/{}/{name}", dirs[1]), wrapped(name, text));
    }
}

/// The most memory that a run over so many copies of the suite takes. A micro-batch is part of
/// one copy, so that it holds as much of the suite however many there are.
fn peak_of_copies(test: &str, copies: usize) -> Option<u64> {
    let small = "path = \"input\"\nmax_files_per_trigger = 100";
    memory::peak_bytes(test, || {
        let job = Job::new(&PIPELINE.replace("path = \"input\"", small));
        let files = json_test_suite();
        for copy in 0..copies {
            write_suite(&job, &files, &[&format!("file-{copy}"), &format!("member-{copy}")]);
        }
        job.run().unwrap();
        assert!(job.table().rows() >= copies * 46, "{} rows", job.table().rows());
    })
}

#[test]
fn one_copy_of_the_suite() {
    peak_of_copies("one_copy_of_the_suite", 1);
}

#[test]
fn twenty_copies_of_the_suite_take_no_more_memory_than_one() {
    let Some(twenty) =
        peak_of_copies("twenty_copies_of_the_suite_take_no_more_memory_than_one", 20)
    else {
        return;
    };
    let one = peak_of_copies("one_copy_of_the_suite", 1).unwrap();
    assert!(twenty < one + (16 << 20), "{one} bytes for one, {twenty} for twenty");
}

#[test]
fn the_json_test_suite_comes_through_or_is_quarantined_with_a_reason() {
    let job = Job::new(PIPELINE);
    let files = json_test_suite();
    assert!(files.len() > 150);
    write_suite(&job, &files, &["file", "member"]);
    job.run().unwrap();
    let reasons = reasons(&job);
    let mut read = BTreeSet::new();
    for (_, batch) in job.table().batches() {
        for row in 0..batch.num_rows() {
            let Some(name) = text_at(batch.column_by_name("w_file").unwrap(), row) else {
                continue;
            };
            assert!(!name.starts_with("n_"), "{name} came through");
            if name.starts_with("y_") {
                check_row(&batch, row, name, std::str::from_utf8(&files[name]).unwrap());
            }
            assert!(read.insert(name.to_owned()), "{name} came twice");
        }
    }
    let mut bare = bare_records(&job);
    for (name, text) in &files {
        let of = |dir: &str| reasons.get(&format!("{dir}/{name}")).cloned().unwrap_or_default();
        match &name[..2] {
            "y_" => {
                assert!(
                    read.contains(name) && of("member").is_empty(),
                    "{name}: {:?}",
                    of("member")
                );
                let value: Value = serde_json::from_slice(text).unwrap();
                let values = match value {
                    Value::Array(values) => values,
                    value => vec![value],
                };
                let (objects, others): (Vec<_>, Vec<_>) =
                    values.into_iter().partition(Value::is_object);
                let objects = objects.iter().map(|object| (name.clone(), object.to_string()));
                contains_all(&mut bare, objects.collect());
                let rejected = of("file");
                assert_eq!(rejected.len(), others.len(), "{name}: {rejected:?}");
                for ((code, _, record), value) in rejected.iter().zip(&others) {
                    assert_eq!(code, "not-an-object", "{name}");
                    assert!(same(record, value), "{name}: {record}");
                }
            }
            "n_" => {
                assert!(!of("member").is_empty(), "{name} has no reason as a member");
                let lenient = LENIENT.iter().any(|(known, _)| known == name);
                assert_eq!(of("file").is_empty(), lenient, "{name}: {:?}", of("file"));
            }
            _ => {}
        }
    }
}

/// The JSON inputs of other projects: path below the shared data, and uncompressed content.
fn others() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let folders = [
        "duckdb-inputs/json",
        "spark-test-data",
        "drill-inputs",
        "gluten-inputs",
        "spark-rapids-inputs",
    ];
    let mut files = Vec::new();
    for folder in folders {
        let Some(base) = shared_data(folder) else { continue };
        for path in files_below(&base) {
            let name = path.strip_prefix(&base).unwrap().to_str().unwrap().to_owned();
            let json = |end: &str| name.ends_with(end);
            let is_json = [".json", ".ndjson", ".jsonl", ".geojsonl", ".gz"].into_iter().any(json)
                || name.contains("json");
            if !is_json {
                continue;
            }
            let stored = fs::read(&path).unwrap();
            let mut text = Vec::new();
            if path.extension().is_some_and(|end| end == "gz") {
                flate2::read::MultiGzDecoder::new(&stored[..]).read_to_end(&mut text).unwrap();
            } else {
                text.clone_from(&stored);
            }
            files.push((format!("{}/{name}", folder.replace('/', "-")), stored, text));
        }
    }
    files
}

/// The records of a text that is JSON throughout, and how many values in it are no record.
fn records(text: &[u8]) -> Option<(Vec<Value>, usize)> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
        match value.ok()? {
            Value::Array(elements) => values.extend(elements),
            value => values.push(value),
        }
    }
    let all = values.len();
    values.retain(Value::is_object);
    let others = all - values.len();
    Some((values, others))
}

#[test]
fn inputs_of_other_projects_come_through_or_are_quarantined_with_a_reason() {
    let files = others();
    let job = Job::new(PIPELINE);
    for (name, stored, _) in &files {
        let path = job.path("input").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, stored).unwrap();
    }
    job.run().unwrap();
    let reasons = reasons(&job);
    let mut bare = if files.is_empty() { Vec::new() } else { bare_records(&job) };
    let (mut whole, mut damaged) = (0, 0);
    for (name, _, text) in &files {
        let given = reasons.get(name).map_or(&[][..], Vec::as_slice);
        if let Some((objects, others)) = records(text) {
            let objects = objects.iter().map(|object| (name.clone(), object.to_string()));
            contains_all(&mut bare, objects.collect());
            // A line with a value that is no record is rejected as a whole.
            assert_eq!(given.is_empty(), others == 0, "{name}: {given:?}");
            assert!(given.iter().all(|(code, ..)| code == "not-an-object"), "{name}: {given:?}");
            whole += 1;
        } else {
            assert!(!given.is_empty(), "{name} is no JSON, and nothing says so");
            damaged += 1;
        }
    }
    println!("{whole} files of JSON, {damaged} damaged, {} rows of those", bare.len());
}

#[test]
fn numbers_come_through_with_their_bits() {
    let job = Job::new(
        "[source]\npath = \"input\"\n[source.schema]\nat = \"bigint\"\nd = \"double\"\nf = \"float\"\n\
         [checkpoint]\npath = \"state\"\n[sink]\npath = \"table\"\n",
    );
    let mut texts = vec![fs::read_to_string(root().join("tests/inputs/float-parse.txt")).unwrap()];
    for path in shared_data("float-parse").iter().flat_map(|dir| files_below(dir)) {
        if path.extension().is_some_and(|extension| extension == "txt") {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
    let mut expected = Vec::new();
    let mut lines = String::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        let mut words = line.split(' ').skip(1);
        let [f32_bits, f64_bits, text] = std::array::from_fn(|_| words.next().unwrap());
        // The vectors know forms that JSON does not have: `.5`, `0E19` with a plus, and so on.
        if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
            let at = expected.len();
            writeln!(lines, "{{\"at\":{at},\"d\":{text},\"f\":\"{text}\"}}").unwrap();
            let bits32 = u32::from_str_radix(f32_bits, 16).unwrap();
            let bits64 = u64::from_str_radix(f64_bits, 16).unwrap();
            expected.push((text.to_owned(), bits32, bits64));
        }
    }
    job.write("input/numbers.ndjson", lines);
    job.run().unwrap();
    assert!(job.quarantine().is_empty());
    let mut rows = 0;
    for (_, batch) in job.table().batches() {
        let columns = StructArray::from(batch);
        let at = columns.column(0).as_primitive::<arrow_array::types::Int64Type>();
        let doubles = columns.column(1).as_primitive::<Float64Type>();
        let floats = columns.column(2).as_primitive::<arrow_array::types::Float32Type>();
        for row in 0..columns.len() {
            let (text, bits32, bits64) = &expected[at.value(row) as usize];
            // What is beyond the finite ones is null, and rescued.
            let double = doubles.is_valid(row).then(|| doubles.value(row).to_bits());
            let finite = f64::from_bits(*bits64).is_finite();
            assert_eq!(double, finite.then_some(*bits64), "{text} as a double");
            let float = floats.is_valid(row).then(|| floats.value(row).to_bits());
            let finite = f32::from_bits(*bits32).is_finite();
            assert_eq!(float, finite.then_some(*bits32), "{text} as a float");
            rows += 1;
        }
    }
    assert_eq!(rows, expected.len());
    assert!(rows > 50, "{rows} numbers");
    println!("{rows} numbers");
}
