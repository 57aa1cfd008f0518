//! Drill's own tests of `flatten` (our explode) and `kvgen` (our explode of a map).
//!
//! <https://github.com/mapr/drill-test-framework>, Apache-2.0.
//!
//! One difference is meant: `kvgen` leaves out entries whose value is null, because Drill cannot
//! tell them from entries that are not there. A map can, so explode gives a row with a null.

use super::{Value, data, exploded, json, text, unordered, value_at, without_nulls};
use std::path::Path;

struct Case {
    name: &'static str,
    file: &'static str,
    /// Types of columns that are maps; the others are as they look.
    types: &'static [(&'static str, &'static str)],
    stages: &'static [&'static str],
    /// Columns of the expected rows.
    select: &'static [&'static str],
    /// The last expected column is a list of what we give as rows.
    is_gathered: bool,
}

const fn case(
    name: &'static str,
    file: &'static str,
    stages: &'static [&'static str],
    select: &'static [&'static str],
) -> Case {
    Case { name, file, types: &[], stages, select, is_gathered: false }
}

const EVENTS: &[&str] = &[r#"{"column": "evnts"}"#];
const COMPLEX: &[&str] = &[r#"{"column": "complex"}"#];
const COMPLEX_TWICE: &[&str] = &[r#"{"column": "complex"}"#, r#"{"column": "complex"}"#];
const COMPLEX_MAPS: &[(&str, &str)] = &[("complex", "array<map<string,bigint>>")];

const CASES: &[Case] = &[
    case("flatten/drill2217_1", "empty-array", EVENTS, &["id", "evnts"]),
    case("flatten/drill2217_2", "empty-null-map", EVENTS, &["id", "evnts"]),
    case("flatten/drill2217_3", "empty-array1", EVENTS, &["id", "evnts"]),
    case("flatten/flatten12", "empty-null-map", EVENTS, &["id", "evnts"]),
    case("flatten/flatten15", "empty-array1", EVENTS, &["id", "evnts"]),
    case("flatten/flatten18", "array-length-1000", EVENTS, &["id", "evnts"]),
    case("flatten/flatten_DRILL-1665", "array-length-100", EVENTS, &["id", "evnts"]),
    case("flatten/flatten2", "kvgen1", COMPLEX, &["complex"]),
    case("flatten/flatten4", "kvgen1-odd", COMPLEX, &["rownum", "complex"]),
    case("flatten/flattenbug_DRILL-1642", "DRILL-1642", COMPLEX, &["rownum", "complex"]),
    case("flatten/flatten21", "scalar-array", &[r#"{"column": "arrs"}"#], &["id", "arrs"]),
    case("flatten/flatten23", "many-arrays-50", &[r#"{"column": "evnts50"}"#], &["id", "evnts50"]),
    case("flatten/flattenbug_DRILL-1749", "DRILL-1749", &[r#"{"column": "data"}"#], &["data"]),
    // A join of two flattened columns of the same file on its key.
    case(
        "flatten/flattenbug_DRILL-2838",
        "data",
        &[r#"{"column": "events"}"#, r#"{"column": "transactions"}"#],
        &["uid", "events", "transactions"],
    ),
    Case {
        types: COMPLEX_MAPS,
        ..case("combo/kvgenflatten2", "kvgen1", COMPLEX_TWICE, &["rownum", "complex"])
    },
    Case {
        types: COMPLEX_MAPS,
        ..case("combo/kvgenflatten4", "kvgen1", COMPLEX_TWICE, &["rownum", "complex"])
    },
    Case {
        types: &[("map", "map<string,array<struct<rptd: array<struct<a: string>>>>>")],
        ..case(
            "combo/kvgenflattenbug_DRILL-1771",
            "nested3",
            &[r#"{"column": "map", "into": "fk"}"#, r#"{"column": "fk.value"}"#],
            &["fk.key", "value"],
        )
    },
    Case {
        types: &[("varcharcol", "map<string,string>")],
        is_gathered: true,
        ..case("kvgen/kvgen1", "kvgen1", &[r#"{"column": "varcharcol"}"#], &["varcharcol"])
    },
    Case {
        types: &[("bigintegercol", "map<string,bigint>")],
        is_gathered: true,
        ..case(
            "kvgen/kvgen4",
            "kvgen1",
            &[r#"{"column": "bigintegercol"}"#],
            &["rownum", "bigintegercol"],
        )
    },
    Case {
        types: &[("integercol", "map<string,bigint>")],
        is_gathered: true,
        ..case(
            "kvgen/kvgen8",
            "kvgen3",
            &[r#"{"column": "integercol"}"#],
            &["rownum", "integercol"],
        )
    },
    Case {
        types: &[("m", "map<string,bigint>")],
        is_gathered: true,
        ..case("kvgen/kvgen16", "missing-map", &[r#"{"column": "m"}"#], &["m"])
    },
    Case {
        types: &[("data", "map<string,struct<one: string>>")],
        is_gathered: true,
        ..case("kvgen/kvgen18", "nested2", &[r#"{"column": "data"}"#], &["data"])
    },
];

#[test]
fn rows_are_those_that_drill_expects() {
    let Some(dir) = data("drill-flatten-golden") else { return };
    for case in CASES {
        let mut actual = exploded(&input(&dir, case.file), case.types, case.stages);
        if case.is_gathered {
            actual.retain(|row| !row[case.select[case.select.len() - 1]]["value"].is_null());
        }
        let row = |row| case.select.iter().map(|path| value_at(row, path)).collect::<Value>();
        let expected = expected(&dir, case.name);
        let expected = if case.is_gathered { spread(expected) } else { expected };
        assert_eq!(unordered(actual.iter().map(row)), unordered(expected), "{}", case.name);
    }
    println!("{} cases of Drill pass", CASES.len());
}

#[test]
fn eleven_lists_multiply_as_drill_expects() {
    let Some(dir) = data("drill-flatten-golden") else { return };
    let stages: Vec<_> = (1..=11).map(|i| format!(r#"{{"column": "evnts{i}"}}"#)).collect();
    let stages: Vec<_> = stages.iter().map(String::as_str).collect();
    let rows = exploded(&input(&dir, "many-arrays-50"), &[], &stages);
    let expected = expected(&dir, "flatten/flatten_DRILL-1671");
    assert_eq!(expected, [json!([rows.len()])]);
}

#[test]
fn arithmetic_on_elements_gives_what_drill_expects() {
    let Some(dir) = data("drill-flatten-golden") else { return };
    let input = input(&dir, "math-flatten");
    let rows = exploded(&input, &[], &[r#"{"column": "decs"}"#]);
    let tenths = |value: &Value| (value.as_f64().unwrap() * 10.0).round();
    let actual: Vec<_> =
        rows.iter().map(|row| (row["id"].as_f64().unwrap(), tenths(&row["decs"]) + 10.0)).collect();
    let expected: Vec<_> = expected(&dir, "flatten/flatten30")
        .iter()
        .map(|row| (row[0].as_f64().unwrap(), tenths(&row[1])))
        .collect();
    assert_eq!(actual, expected);

    let rows = exploded(&input, &[], &[r#"{"column": "ints"}"#]);
    let largest = |id: &Value| {
        let of_id = rows.iter().filter(|row| row["id"] == *id);
        of_id.map(|row| row["ints"].as_i64().unwrap() + 1).max()
    };
    for row in self::expected(&dir, "flatten/flatten31") {
        assert_eq!(largest(&row[0]), row[1].as_i64());
    }
}

/// JSON objects, one after the other.
fn input(dir: &Path, file: &str) -> Vec<Value> {
    let text = text(&dir.join("data").join(format!("{file}.json")));
    serde_json::Deserializer::from_str(&text).into_iter().map(Result::unwrap).collect()
}

/// One list of cells per line; a cell that is no JSON is text.
fn expected(dir: &Path, name: &str) -> Vec<Value> {
    let text = text(&dir.join("cases").join(format!("{name}.expected.tsv")));
    let cell = |cell: &str| cell.parse().unwrap_or_else(|_| Value::from(cell));
    text.lines().map(|line| line.split('\t').map(cell).collect()).collect()
}

/// One row per element of the last cell.
fn spread(rows: Vec<Value>) -> Vec<Value> {
    let spread_one = |row: Value| {
        let Value::Array(mut cells) = row else { panic!("{row}") };
        let Some(Value::Array(elements)) = cells.pop() else { panic!("{cells:?}") };
        let row = move |element: &Value| {
            cells.iter().cloned().chain([without_nulls(element)]).collect::<Value>()
        };
        elements.iter().map(row).collect::<Vec<_>>()
    };
    rows.into_iter().flat_map(spread_one).collect()
}
