//! Every message of the filter, with its caret.

use crate::{Config, Filter};
use lockgate_sdk::{DataType, Field, Schema, Stage, TimeUnit};
use std::fmt::Write;

fn schema() -> Schema {
    let text = |name| Field::new(name, DataType::Utf8);
    let identity = DataType::Struct(vec![text("type"), text("arn")]);
    let record = vec![Field::new("userIdentity", identity), Field::new("amount", DataType::Int64)];
    let entries =
        DataType::Struct(vec![text("key").required(), Field::new("value", DataType::Utf8)]);
    Schema::new(vec![
        Field::new("id", DataType::Int32),
        Field::new("amount", DataType::Decimal128(10, 2)),
        Field::new("price", DataType::Float64),
        text("name"),
        text("physician_id"),
        Field::new("active", DataType::Boolean),
        Field::new("day", DataType::Date32),
        Field::new("timestamp", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        Field::new("record", DataType::Struct(record)),
        Field::new("tags", DataType::List(Box::new(text("element")))),
        Field::new("attributes", DataType::Map(Box::new(Field::new("entries", entries)))),
        Field::new("raw", DataType::Binary),
        Field::new("duration", DataType::Duration(TimeUnit::Second)),
        text("odd.name"),
        text("user-id"),
        Field::new("Größe", DataType::Int64),
    ])
}

fn message(condition: &str) -> Result<(), String> {
    let config = Config { condition: condition.to_owned() };
    Filter::open(config, &schema()).map(drop).map_err(|error| error.message().to_owned())
}

/// The text with a caret under the range that the last line of the message names.
fn with_caret(condition: &str) -> String {
    let Err(error) = message(condition) else { return format!("{condition}\nopens\n") };
    let (text, range) = error.rsplit_once("\n@").expect("a message ends with its range");
    let (start, end) = range.split_once("..").unwrap();
    let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
    assert!(start <= end && condition.is_char_boundary(start) && condition.is_char_boundary(end));
    let before = condition[..start].chars().count();
    let width = condition[start..end].chars().count().max(1);
    format!("{condition}\n{}{} {text}\n", " ".repeat(before), "^".repeat(width))
}

fn all(conditions: &[&str]) -> String {
    let mut text = String::new();
    for condition in conditions {
        writeln!(text, "{}", with_caret(condition)).unwrap();
    }
    text
}

#[test]
fn syntax() {
    insta::assert_snapshot!(all(&[
        "",
        "  ",
        "amount >",
        "amount > 0 AND",
        "amount > 0 physician_id IS NOT NULL",
        "(amount > 0",
        "amount > 0)",
        "name = 'Jones",
        "name = `odd",
        "amount == 0",
        "amount > 0 && id > 0",
        "amount > 0 || id > 0",
        "!active",
        "WHERE amount > 0",
        "id IN (SELECT id FROM t)",
        "id = 1;",
        "tags[0] = 'a'",
        "name ~ 'a.*'",
        "id = ?",
        "id = $1",
        "record:amount > 0",
        "id = 1 XOR id = 2",
        "id & 1 = 1",
        "id IN ()",
        "id BETWEEN 1",
        "name IS 'x'",
        "name LIKE",
        "NOT",
        "CAST(id)",
        "id # 2",
        "name = N'x'",
        "name = X'00'",
        "id = 1 -- comment\nAND nam = 'x'",
    ]));
}

#[test]
fn unsupported_syntax() {
    insta::assert_snapshot!(all(&[
        "CASE WHEN id = 1 THEN TRUE ELSE FALSE END",
        "name RLIKE 'a'",
        "name REGEXP 'a'",
        "name SIMILAR TO 'a'",
        "name LIKE ANY ('a', 'b')",
        "id = ANY (1)",
        "id > ALL (1)",
        "timestamp > INTERVAL '1' DAY",
        "EXTRACT(YEAR FROM day) = 2024",
        "timestamp AT TIME ZONE 'UTC' > '2024-01-01'",
        "SUBSTRING(name, 1, 2) = 'ab'",
        "POSITION('a' IN name) = 1",
        "CEIL(price) = 1",
        "FLOOR(price) = 1",
        "TRIM('x' FROM name) = 'a'",
        "name COLLATE utf8 = 'a'",
        "(id, name) = (1, 'a')",
        "EXISTS (1)",
        "id DIV 2 = 1",
        "name = 'a' IS NORMALIZED",
        "name NOT AND id",
        "id IS NOT 5",
        "TRIM(name FROM 'a') = 'x'",
        "TRIM(name, 'a') = 'x'",
        "count(*) > 1",
        "name. = 'x'",
        "name::'x'",
        "CAST(id AS DECIMAL(x))",
        "record.type() = 1",
    ]));
}

#[test]
fn names() {
    insta::assert_snapshot!(all(&[
        "amout > 0",
        "Amount > 0",
        "zzz = 1",
        "name = \"Jones\"",
        "\"nme\" = 'x'",
        "record.amout > 0",
        "record.userIdentity.zzz = 'x'",
        "name.first = 'x'",
        "tags.element = 'x'",
        "odd.name = 'x'",
        "user-id = 'x'",
        "Größe > 0 AND Grösse > 0",
    ]));
}

#[test]
fn types() {
    insta::assert_snapshot!(all(&[
        "amount",
        "name",
        "day",
        "raw",
        "id AND active",
        "NOT name",
        "name IS TRUE",
        "name = 5",
        "5 < name",
        "price < name",
        "id = '5'",
        "id = 'five'",
        "amount IN (1, '2')",
        "price BETWEEN 1 AND 'x'",
        "physician_id = NULL",
        "NULL <> physician_id",
        "NULL = NULL",
        "active = 1",
        "active = 0",
        "active <> 'true'",
        "active = name",
        "name = TRUE",
        "record = 1",
        "tags = 'x'",
        "duration > 5",
        "day = name",
        "timestamp > 5",
        "timestamp > id",
        "raw = 'x'",
        "name + 1 > 2",
        "day + 1 > '2024-01-01'",
        "active * 2 = 1",
        "-name = 1",
        "name LIKE physician_id",
        "id LIKE '1%'",
        "name LIKE 'a\\b'",
        "name LIKE 'a!' ESCAPE '!'",
        "name LIKE 'a' ESCAPE '!!'",
        "CAST(amount AS DECIMAL(30, 20)) * CAST(amount AS DECIMAL(30, 20)) > 0",
    ]));
}

#[test]
fn literals_casts_and_functions() {
    insta::assert_snapshot!(all(&[
        "day = '2024-13-01'",
        "timestamp > 'yesterday'",
        "day = DATE '2024-02-30'",
        "day = DATE '2024-02-28 12:00'",
        "day = DATE 5",
        "timestamp = TIME '12:00'",
        "id = 123456789012345678901234567890123456789",
        "id = 1e999 AND id = 5x",
        "CAST(name AS BIGINT) = 'x'",
        "TRUE AND ((CAST((name) AS DECIMAL(10, 2)))) = 'x'",
        "name::decimal(10, 2) = 'x' OR active",
        "(name) = 5",
        "CAST(name AS JSON) = 'x'",
        "CAST(name AS DECIMAL(50, 2)) = 1",
        "CAST(price AS STRING) = '1.0'",
        "CAST(id AS DATE) = '2024-01-01'",
        "price::timestamp > '2024-01-01'",
        "CAST(day AS BOOLEAN)",
        "CAST(raw AS STRING) = 'x'",
        "rand() < 0.1",
        "timestamp > current_timestamp",
        "timestamp > now()",
        "foo(name) = 'x'",
        "lower(id) = 'x'",
        "lower(name, name) = 'x'",
        "length(id) = 1",
        "octet_length(id) = 1",
        "size(name) = 1",
        "abs(name) = 1",
        "isnan(id)",
        "contains(name, physician_id)",
        "contains(name)",
        "coalesce(name, 1) = 'x'",
        "coalesce(active, 1)",
        "coalesce(record, 1) = 1",
        "sum(id) OVER () > 1",
        "lower(*) = 'x'",
        "lower() = 'x'",
    ]));
}

#[test]
fn deep_parentheses_are_refused() {
    let deep = format!("{}id = 1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(message(&deep).unwrap_err().contains("nests deeper"));
    let deep = format!("{} active", "NOT ".repeat(200));
    assert!(message(&deep).unwrap_err().contains("nests deeper"));
}

#[test]
fn a_mistake_inside_nested_words_is_found_at_once() {
    let deep = format!("{} active", "NOT (".repeat(30));
    assert!(message(&deep).unwrap_err().contains("expected"));
}

#[test]
fn long_arithmetic_is_refused() {
    let long = format!("id = 0{}", " + 1".repeat(500));
    assert!(message(&long).unwrap_err().contains("nests deeper"));
}

#[test]
fn chains_and_lists_may_be_long() {
    let long = vec!["id = 1 AND active"; 20_000].join(" OR ");
    assert_eq!(message(&long), Ok(()));
    let list: Vec<_> = (0..20_000).map(|id| (id * 7).to_string()).collect();
    assert_eq!(message(&format!("id IN ({})", list.join(", "))), Ok(()));
}
