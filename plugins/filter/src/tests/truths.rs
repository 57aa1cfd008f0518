//! What README.md promises, as conditions that are true, and what conditions read.

use super::rows::{Cell, keep, open, schema};
use crate::{Config, Filter};
use lockgate_sdk::{Batch, DataType, Field, Part, Path, Plan, Schema, Stage};

/// Conditions without columns are computed when the filter opens; true ones read nothing.
#[test]
fn constant_conditions_have_the_documented_truth() {
    for condition in [
        // Numbers.
        "1 = 1.0 AND 1.50 = 1.5 AND 0.1 = 1e-1",
        "9007199254740993 > 9007199254740992.0",
        "1 / 2 = 0.5 AND 7 % 3 = 1 AND -7 % 3 = -1 AND 2 + 3 * 4 = 14 AND -(2) = - 2",
        "0.1 + 0.2 = 0.3 AND 1.25 * 1.25 = 1.5625",
        "9223372036854775807 + 1 IS NULL AND -9223372036854775808 < 0",
        "1 / 0 IS NULL AND 1 % 0 IS NULL AND 1e0 / 0 IS NULL",
        "abs(-2.5) = 2.5 AND abs(CAST(-1 AS BIGINT)) = 1",
        "CAST('NaN' AS DOUBLE) = CAST('NaN' AS DOUBLE) AND isnan(CAST('nan' AS DOUBLE))",
        "CAST('NaN' AS DOUBLE) > CAST('Infinity' AS DOUBLE) AND -0e0 = 0e0",
        "1L = 1 AND 18446744073709551615 > 9223372036854775807",
        // Text.
        "'a' < 'b' AND 'B' < 'a' AND '' < 'a' AND 'it''s' = 'it''s'",
        "lower('ÄB') = 'äb' AND upper('äß') = 'ÄSS' AND trim('  a ') = 'a'",
        "ltrim(' a ') = 'a ' AND rtrim(' a ') = ' a' AND TRIM(LEADING FROM ' a ') = 'a '",
        "length('äb') = 2 AND octet_length('äb') = 3 AND length('') = 0",
        "contains('abc', 'b') AND starts_with('abc', 'a') AND ends_with('abc', 'c')",
        "contains('abc', '') AND NOT contains('a%', 'b') AND contains('a%', '%')",
        "'abc' LIKE 'a%' AND 'abc' NOT LIKE 'A%' AND 'abc' ILIKE 'A_C'",
        r"'100%' LIKE '100\%' AND '1000' NOT LIKE '100\%' AND 'a_b' LIKE 'a!_b' ESCAPE '!'",
        "'ΟΔΟΣ' ILIKE 'οδοσ%' AND 'ä' LIKE '_'",
        // Dates and times.
        "DATE '2024-02-29' = TIMESTAMP '2024-02-29 00:00:00' AND DATE '2024-02-29' < '2024-02-29T00:00:01'",
        "TIMESTAMP '2024-02-29T12:30:00+02:00' = '2024-02-29 10:30'",
        "date(TIMESTAMP '1969-12-31 23:59:59.5') = '1969-12-31'",
        "CAST('2024-02-30' AS DATE) IS NULL AND CAST('2024-2-9' AS DATE) = '2024-02-09'",
        "CAST(0 AS TIMESTAMP) = '1970-01-01' AND CAST(TIMESTAMP '1969-12-31 23:59:59.5' AS BIGINT) = -1",
        "CAST(DATE '2024-02-29' AS STRING) = '2024-02-29'",
        "CAST(TIMESTAMP '2024-02-29 01:02:03.500' AS STRING) = '2024-02-29 01:02:03.5'",
        // Casts.
        "CAST(' 12 ' AS INT) = 12 AND CAST('1.5' AS INT) IS NULL AND CAST(300 AS TINYINT) IS NULL",
        "CAST(-2.9 AS INT) = -2 AND CAST(1e300 AS BIGINT) IS NULL AND '7'::smallint = 7",
        "CAST(2.345 AS DECIMAL(10, 2)) = 2.35 AND CAST(-2.345 AS DECIMAL(10, 2)) = -2.35",
        "CAST(123.4 AS DECIMAL(3, 1)) IS NULL AND CAST('1e2' AS DECIMAL(5, 0)) = 100",
        "CAST(1.15e0 AS DECIMAL(10, 1)) = 1.2 AND CAST(0.1 AS FLOAT) > 0.1",
        "CAST(1.50 AS STRING) = '1.50' AND CAST(-5 AS STRING) = '-5' AND CAST(TRUE AS STRING) = 'true'",
        "CAST('yes' AS BOOLEAN) AND NOT CAST(' F ' AS BOOLEAN) AND CAST('x' AS BOOLEAN) IS NULL",
        "CAST(2 AS BOOLEAN) AND NOT CAST(0.0 AS BOOLEAN) AND CAST(TRUE AS INT) = 1",
        "TRY_CAST('x' AS DOUBLE) IS NULL AND CAST('1e3' AS DOUBLE) = 1000 AND '1'::double precision = 1",
        // Nulls.
        "(1 = 1 OR CAST(NULL AS BOOLEAN)) AND (CAST(NULL AS INT) = 1) IS UNKNOWN",
        "NULL IS NULL AND (NULL AND FALSE) IS FALSE AND (NULL OR FALSE) IS NULL",
        "(1 IN (2, NULL)) IS NULL AND 1 IN (1, NULL) AND (1 NOT IN (2, NULL)) IS UNKNOWN",
        "NULL <=> NULL AND NOT (1 <=> NULL) AND 1 IS DISTINCT FROM NULL",
        "(NULL + 1) IS NULL AND (- NULL) IS NULL AND ('a' LIKE NULL) IS NULL",
        "coalesce(NULL, 2, 3) = 2 AND coalesce(NULL, 1, 2.5) = 1.00 AND coalesce(NULL, FALSE) IS FALSE",
        "coalesce(CAST(NULL AS DATE), '2024-02-29') = DATE '2024-02-29'",
        "(2 BETWEEN 1 AND CAST(NULL AS INT)) IS NULL AND (0 BETWEEN 1 AND CAST(NULL AS INT)) IS FALSE",
        "TRUE = TRUE AND FALSE < TRUE AND (TRUE = CAST(NULL AS BOOLEAN)) IS NULL",
        "TRUE /* a comment */ AND -- and another\n TRUE",
    ] {
        assert_eq!(open(condition).1, Plan::keep(), "{condition}");
    }
}

fn reads(condition: &str) -> Vec<(String, Part)> {
    let plan = open(condition).1;
    plan.reads.into_iter().map(|read| (read.path.to_string(), read.part)).collect()
}

#[test]
fn no_more_is_read_than_the_condition_needs() {
    let read = |name: &str, part| (name.to_owned(), part);
    assert_eq!(
        reads("i IS NOT NULL AND b IS NULL"),
        [read("i", Part::Validity), read("b", Part::Validity)]
    );
    assert_eq!(
        reads("s = '' OR octet_length(t) > 3 OR size(list) = 1"),
        [read("s", Part::Offsets), read("t", Part::Offsets), read("list", Part::Offsets)]
    );
    assert_eq!(reads("s IS NULL OR s <> ''"), [read("s", Part::Offsets)]);
    assert_eq!(reads("s IS NULL OR s = '' OR s = 'a'"), [read("s", Part::Full)]);
    assert_eq!(reads("i > 0 AND i < 5 OR d = 1"), [read("i", Part::Full), read("d", Part::Full)]);
    assert_eq!(reads("TRUE OR i > 0"), []);
    assert_eq!(reads("(FALSE AND i > 0) OR s = 'a'"), [read("s", Part::Full)]);
}

#[test]
fn what_is_never_true_drops_every_row() {
    let rows = vec![vec![Cell::Null; schema().fields.len()]; 3];
    assert_eq!(reads("FALSE"), [("b".to_owned(), Part::Validity)]);
    assert_eq!(keep("FALSE", &rows), [false; 3]);
    assert_eq!(keep("1 = CAST(NULL AS INT)", &rows), [false; 3]);
    let config = Config { condition: "FALSE".to_owned() };
    let error = Filter::open(config, &Schema::default()).unwrap_err();
    assert_eq!(error.message(), "the input has no columns, so there is nothing to filter");
}

#[test]
fn lengths_and_presence_come_without_values() {
    let row = |s: Cell, list: Cell| {
        let mut row = vec![Cell::Null; schema().fields.len()];
        (row[9], row[15]) = (s, list);
        row
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    let rows =
        [row(text(""), Cell::List(0)), row(text("ä"), Cell::List(2)), row(Cell::Null, Cell::Null)];
    assert_eq!(keep("s = ''", &rows), [true, false, false]);
    assert_eq!(keep("s <> ''", &rows), [false, true, false]);
    assert_eq!(keep("octet_length(s) = 2", &rows), [false, true, false]);
    assert_eq!(keep("size(list) > 0", &rows), [false, true, false]);
    assert_eq!(keep("list IS NULL", &rows), [false, false, true]);
    assert_eq!(keep("coalesce(size(list), 9) > 0", &rows), [false, true, true]);
}

#[test]
fn members_of_structs_are_columns() {
    let arn = Field::new("arn", DataType::Utf8);
    let identity = Field::new("user.Identity", DataType::Struct(vec![arn]));
    let input = Schema::new(vec![Field::new("record", DataType::Struct(vec![identity]))]);
    for condition in
        ["record.`user.Identity`.arn IS NOT NULL", "\"record\".\"user.Identity\".arn IS NOT NULL"]
    {
        let config = Config { condition: condition.to_owned() };
        let (_, plan) = Filter::open(config, &input).unwrap();
        assert_eq!(plan.reads[0].path, Path::from_steps(&["record", "user.Identity", "arn"]));
    }
}

#[test]
fn a_column_that_is_never_null_needs_no_test() {
    let input = Schema::new(vec![Field::new("id", DataType::Int64).required()]);
    let config = Config { condition: "id IS NOT NULL".to_owned() };
    assert_eq!(Filter::open(config, &input).unwrap().1, Plan::keep());
}

#[test]
fn an_empty_batch_stays_empty() {
    let (mut filter, _) = open("i > 0 AND lower(s) LIKE '%a%'");
    let output = filter.process(&Batch::new(0, None, Vec::new())).unwrap();
    assert!(output.columns.is_empty() && output.rejections.is_empty());
}

#[test]
fn the_config_is_strict_and_its_examples_are_not_empty() {
    let parse = |json: &str| serde_json::from_str::<Config>(json);
    assert!(parse(r#"{"where": "a > 0", "then": 1}"#).is_err());
    assert!(parse("{}").is_err());
    for example in Filter::ABOUT.examples {
        assert!(!parse(example).unwrap().condition.is_empty());
    }
}

#[test]
fn case_files_hold() -> Result<(), lockgate_sdk::testing::Failures> {
    lockgate_sdk::testing::cases::<Filter>("cases")
}
