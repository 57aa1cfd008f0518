//! What each type takes, keeps as text, or rescues.

use super::*;
use crate::pipeline::plan::OnTypeConflict;

/// One column `v` of this type; what each value becomes, or `None` where it is rescued.
fn values(data_type: &str, cases: &[(&str, Option<Value>)]) {
    for (text, expected) in cases {
        let record = format!("{{\"v\":{text},\"w\":1}}");
        let seen = read(&json!({ "v": data_type, "w": "int" }), &record);
        let expected = match expected {
            Some(Value::Null) => json!({ "w": 1 }),
            Some(value) => json!({ "v": value, "w": 1 }),
            None => {
                json!({ "w": 1, "_rescued": parsed(&format!("{{\"v\":{text}}}")) })
            }
        };
        assert_eq!(seen.rows, [expected], "{data_type} {text}");
        assert!(seen.rejected.is_empty());
    }
}

#[expect(clippy::unnecessary_wraps, reason = "tables of cases read best with one word")]
fn some<T: Into<Value>>(value: T) -> Option<Value> {
    Some(value.into())
}

#[test]
fn integers_take_what_is_exact() {
    values(
        "int",
        &[
            ("7", some(7)),
            ("-2147483648", some(-2_147_483_648_i64)),
            ("2147483648", None),
            ("7.0", some(7)),
            ("70e-1", some(7)),
            ("7.5", None),
            ("\"-12\"", some(-12)),
            ("\"12 \"", None),
            ("\"\"", None),
            ("true", None),
            ("[7]", None),
            ("null", some(Value::Null)),
        ],
    );
    values(
        "bigint",
        &[
            ("9223372036854775807", some(i64::MAX)),
            ("-9223372036854775808", some(i64::MIN)),
            ("9223372036854775808", None),
            ("1e18", some(1_000_000_000_000_000_000_i64)),
        ],
    );
    values("tinyint", &[("127", some(127)), ("128", None)]);
    values("smallint", &[("-32768", some(-32768)), ("-32769", None)]);
}

#[test]
fn floats_and_decimals_take_numbers_and_quoted_numbers() {
    values(
        "double",
        &[
            ("0.1", some(0.1)),
            ("1e308", some(1e308)),
            ("1e309", None),
            ("123456789012345678901234567890", some(123_456_789_012_345_678_901_234_567_890_f64)),
            ("\"2.50\"", some(2.5)),
            ("\"NaN\"", some("NaN")),
            ("\"-Infinity\"", some("-inf")),
            ("\"1,5\"", None),
            ("{}", None),
        ],
    );
    values("float", &[("0.5", some(0.5)), ("1e39", None)]);
    values(
        "decimal(6,2)",
        &[
            ("1234.5", some("1234.50")),
            ("\"-0.25\"", some("-0.25")),
            ("1e3", some("1000.00")),
            ("0.125", None),
            ("10000", None),
            ("false", None),
        ],
    );
}

#[test]
fn booleans_dates_timestamps_and_bytes_are_strict() {
    values(
        "boolean",
        &[("true", some(true)), ("false", some(false)), ("\"true\"", None), ("1", None)],
    );
    values("date", &[("\"1970-01-02\"", some(1)), ("\"02/01/1970\"", None), ("1", None)]);
    values(
        "timestamp",
        &[
            ("\"1970-01-01T00:00:01Z\"", some(1_000_000)),
            ("\"1970-01-01T00:00:01\"", None),
            ("1", None),
        ],
    );
    values("binary", &[("\"aGk=\"", some(vec![104, 105])), ("\"a b\"", None), ("1", None)]);
}

#[test]
fn strings_keep_the_json_text_of_what_is_no_string() {
    values(
        "string",
        &[
            ("\"a\\u0041\\n\"", some("aA\n")),
            ("\"\"", some("")),
            ("1.50", some("1.50")),
            ("true", some("true")),
            ("{\"a\": [1, 2]}", some("{\"a\": [1, 2]}")),
            ("null", some(Value::Null)),
        ],
    );
    let many = format!("{{{}\"k\":2}}", "\"k\":1,".repeat(20));
    values(
        "map<string,string>",
        &[
            ("{}", some(json!({}))),
            (
                "{\"a\":\"x\",\"b\":{\"c\":1},\"d\":null,\"e\":0}",
                some(json!({"a":"x","b":"{\"c\":1}","d":null,"e":"0"})),
            ),
            (&many, some(json!({"k":"2"}))),
            ("{\"a\":1,\"b\":2,\"a\":3}", some(json!({"b":"2","a":"3"}))),
            ("[1]", None),
        ],
    );
}

#[test]
fn containers_and_their_nulls_are_told_apart() {
    values(
        "array<int>",
        &[
            ("[]", some(json!([]))),
            ("[1,null,3]", some(json!([1, null, 3]))),
            ("[null]", some(json!([null]))),
            ("{}", None),
            ("null", some(Value::Null)),
        ],
    );
    values(
        "array<array<struct<a: int>>>",
        &[("[[{\"a\":1},{}],[],null,[null]]", some(json!([[{ "a": 1 }, {}], [], null, [null]])))],
    );
    values(
        "struct<a: int, b: struct<c: string>>",
        &[
            ("{}", some(json!({}))),
            ("{\"b\":{\"c\":\"x\"},\"a\":1}", some(json!({ "a": 1, "b": { "c": "x" } }))),
            ("{\"b\":{}}", some(json!({ "b": {} }))),
            ("3", None),
        ],
    );
}

#[test]
fn unknown_fields_and_inner_conflicts_are_rescued_under_their_paths() {
    let schema =
        json!({ "payment": [{ "amount": "double", "tags": "map<string,int>" }], "a b": "int" });
    let text = r#"{"payment":[{"amount":1,"x\"y":[true]},{"amount":{"v":1},"tags":{"k":"?"}},5],"a b":"q","extra": {"b" : 1}}"#;
    let seen = read(&schema, text);
    assert_eq!(
        seen.rows,
        [json!({
            "payment": [{ "amount": 1.0 }, { "tags": { "k": null } }, null],
            "_rescued": {
                "payment[0].x\"y": [true],
                "payment[1].amount": { "v": 1 },
                "payment[1].tags.k": "?",
                "payment[2]": 5,
                "a b": "q",
                "extra": { "b": 1 },
            },
        })]
    );
}

#[test]
fn without_a_rescued_column_there_is_none() {
    let mut setup = Setup::default();
    setup.plan.rescued_column = None;
    let seen = setup.file(&json!({ "a": "int" }), r#"{"a":"x","b":[1,{"c":2}]}"#);
    assert_eq!(seen.rows, [json!({})]);
}

#[test]
fn a_conflict_can_reject_its_record() {
    let mut setup = Setup::default();
    setup.plan.on_type_conflict = OnTypeConflict::Quarantine;
    let schema = json!({ "a": "int", "r": [{ "b": "int" }] });
    let text = "{\"a\":1}\n{\"a\":\"x\",\"r\":[]}\n{\"r\":{}}\n{\"r\":[{},{\"b\":[1]}],\"u\":1}\n{\"a\":2}";
    let seen = setup.file(&schema, text);
    assert_eq!(seen.rows, [json!({ "a": 1 }), json!({ "a": 2 })]);
    assert_eq!(seen.codes(), ["type-conflict", "wrong-shape", "wrong-shape"]);
    assert_eq!(seen.rejected[0].2, "{\"a\":\"x\",\"r\":[]}");
    assert_eq!(seen.messages[0], "`a` is `\"x\"`, but the schema says an int");
    assert_eq!(seen.messages[2], "`r[1].b` is `[1]`, but the schema says an int");
}

#[test]
fn of_duplicate_keys_the_last_counts() {
    let schema = json!({ "a": "int", "s": { "x": "int", "y": "string" }, "r": ["int"] });
    let text = r#"{"a":1,"s":{"x":1,"y":"a"},"r":[1,2],"a":2,"s":{"x":5},"r":[3],"r":null}"#;
    assert_eq!(read(&schema, text).rows, [json!({ "a": 2, "s": { "x": 5 } })]);
    assert_eq!(read(&schema, r#"{"a":1,"a":null}{"a":3}"#).rows, [json!({}), json!({ "a": 3 })]);
}

#[test]
fn keys_are_found_in_any_order_and_spelling() {
    let schema = json!({ "a": "int", "b": "int", "ü\"": "int" });
    let text =
        "{\"b\":1,\"\\u00fc\\\"\":2, \"a\" : 3}\n{\"\\u0061\":4,\"B\":5}\n{\"ü\\\"\":6,\"b\":7}";
    let seen = read(&schema, text);
    assert_eq!(
        seen.rows,
        [
            json!({ "a": 3, "b": 1, "ü\"": 2 }),
            json!({ "a": 4, "_rescued": { "B": 5 } }),
            json!({ "b": 7, "ü\"": 6 }),
        ]
    );
}

#[test]
fn a_schema_column_may_not_be_the_rescued_one() {
    let error = Setup::default().read(&json!({ "_rescued": "string" }), &[]).unwrap_err();
    assert_eq!(error.message, "the schema has a column `_rescued` of its own");
}
