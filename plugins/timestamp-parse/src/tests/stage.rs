//! The stage as the host drives it.

use crate::TimestampParse;
use lockgate_sdk::{
    Bitmap, Build, Computed, DataType, Disposition, Edit, Field, Node, Opened, Output, Plan,
    RowResult, RowShape, Schema, TimeUnit, ValuesBuilder,
};

fn schema(data_type: DataType) -> Schema {
    let record = DataType::Struct(vec![Field::new("time", data_type.clone())]);
    let other = Field::new("other", DataType::Int64);
    Schema::new(vec![Field::new("time", data_type), Field::new("record", record), other])
}

fn open(config: &str, data_type: DataType) -> Result<(Opened<TimestampParse>, Plan), String> {
    Opened::new(config, &schema(data_type)).map_err(|error| error.message().to_owned())
}

fn refused(config: &str) -> String {
    open(config, DataType::Utf8).unwrap_err()
}

fn process(config: &str, texts: &[Option<&str>]) -> Output {
    let (mut stage, _) = open(config, DataType::Utf8).unwrap();
    let mut offsets = vec![0];
    let mut data = Vec::new();
    for text in texts {
        data.extend_from_slice(text.unwrap_or_default().as_bytes());
        offsets.push(data.len() as i32);
    }
    let column = Node { offsets, ..node(texts.iter().map(Option::is_some), data) };
    stage.process(texts.len(), None, [column]).unwrap()
}

fn node(valid: impl Iterator<Item = bool>, data: Vec<u8>) -> Node {
    let validity: Bitmap = valid.collect();
    let length = validity.len() as u32;
    let null_count = length - validity.count_set() as u32;
    let validity = if null_count == 0 { Vec::new() } else { validity.into_bytes() };
    Node { length, null_count, validity, offsets: Vec::new(), data }
}

fn integers(values: &[Option<i64>]) -> Node {
    let data = values.iter().flat_map(|value| value.unwrap_or(7).to_le_bytes()).collect();
    node(values.iter().map(Option::is_some), data)
}

fn times(times: &[Option<i64>]) -> [Computed; 1] {
    let mut values = ValuesBuilder::<i64>::with_capacity(times.len());
    for time in times {
        values.push_option(*time);
    }
    [values.finish()]
}

const SECOND: i64 = 1_000_000;

#[test]
fn the_column_is_added_or_replaced_as_timestamp_in_utc() {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    for (config, name) in [
        (r#"{"column": "time", "format": "iso8601"}"#, "time"),
        (r#"{"column": "record.time", "format": "iso8601", "into": "at"}"#, "at"),
        (r#"{"column": "time", "format": "iso8601", "into": "other"}"#, "other"),
    ] {
        let (_, plan) = open(config, DataType::Utf8).unwrap();
        assert_eq!(plan.edits, [Edit::Compute(Field::new(name, timestamp.clone()))]);
        assert_eq!(plan.rows, RowShape::Keep);
    }
}

#[test]
fn a_default_name_never_replaces_another_column() {
    let message = refused(r#"{"column": "record.time", "format": "iso8601"}"#);
    assert!(message.contains("`into`") && message.contains("`time`"), "{message}");
    let message = refused(r#"{"column": "time", "format": "iso8601", "into": "Other"}"#);
    assert!(message.contains("differs from column `other` only by case"), "{message}");
}

#[test]
fn bad_values_go_to_quarantine_in_one_group_per_reason() {
    let output = process(
        r#"{"column": "time", "format": "yyyy-MM-dd'T'HH:mm:ssX"}"#,
        &[
            Some("1970-01-01T00:00:01Z"),
            Some("soon"),
            None,
            Some("1970-02-30T00:00:00Z"),
            Some("later"),
        ],
    );
    assert_eq!(output.rows, RowResult::Same);
    assert_eq!(output.columns, times(&[Some(SECOND), None, None, None, None]));
    let groups: Vec<_> = output
        .rejections
        .iter()
        .map(|r| (r.code.as_str(), r.message.as_str(), r.rows.as_slice()))
        .collect();
    assert_eq!(
        groups,
        [
            ("bad-timestamp", "`soon` does not match `yyyy-MM-dd'T'HH:mm:ssX`", &[1, 4][..]),
            (
                "bad-timestamp",
                "`1970-02-30T00:00:00Z` names a day that its month or year does not have",
                &[3][..]
            ),
        ]
    );
    assert!(output.rejections.iter().all(|r| r.disposition == Disposition::Quarantine));
}

#[test]
fn bad_values_may_become_null_and_are_noted() {
    let output = process(
        r#"{"column": "time", "formats": ["iso8601", "epoch_s"], "on_error": "null"}"#,
        &[Some("1"), Some("never\n"), Some("1970-01-01T00:00:01Z")],
    );
    assert_eq!(output.rows, RowResult::Same);
    assert_eq!(output.columns, times(&[Some(SECOND), None, Some(SECOND)]));
    let note = &output.rejections[0];
    assert_eq!((note.disposition, note.rows.as_slice()), (Disposition::Note, &[1][..]));
    assert_eq!(note.message, "`never\u{fffd}` does not match any of `iso8601`, `epoch_s`");
}

#[test]
fn bad_values_may_be_dropped() {
    let config = r#"{"column": "time", "format": "iso8601", "on_error": "drop"}"#;
    assert_eq!(open(config, DataType::Utf8).unwrap().1.rows, RowShape::Filter);
    let output = process(config, &[Some("1970-01-01"), Some("x"), None]);
    assert_eq!(output.rows, RowResult::Keep(vec![0b101]));
    assert_eq!(output.columns, times(&[Some(0), None, None]));
    assert!(output.rejections.is_empty());
    assert_eq!(process(config, &[Some("1970-01-01"), None]).rows, RowResult::Same);
}

#[test]
fn numbers_are_read_as_epochs() {
    let config = r#"{"column": "time", "format": "epoch_s"}"#;
    let (mut stage, _) = open(config, DataType::Int64).unwrap();
    let output = stage.process(3, None, [integers(&[Some(1), None, Some(i64::MAX)])]).unwrap();
    assert_eq!(output.columns, times(&[Some(SECOND), None, None]));
    assert_eq!(output.rejections[0].code, "timestamp-out-of-range");

    let data = [1.5f64, f64::NAN].iter().flat_map(|double| double.to_le_bytes()).collect();
    let doubles = node([true, true].into_iter(), data);
    let (mut stage, _) = open(config, DataType::Float64).unwrap();
    let output = stage.process(2, None, [doubles]).unwrap();
    assert_eq!(output.columns, times(&[Some(SECOND * 3 / 2), None]));
    assert_eq!(output.rejections[0].message, "`NaN` is not a finite number");
}

#[test]
fn a_column_that_was_never_seen_stays_null() {
    let (mut stage, _) =
        open(r#"{"column": "time", "format": "iso8601"}"#, DataType::Null).unwrap();
    let column = Node { length: 2, null_count: 2, ..Node::default() };
    let output = stage.process(2, None, [column]).unwrap();
    assert_eq!(output.columns, times(&[None, None]));
    assert!(output.rejections.is_empty());
}

#[test]
fn long_values_are_cut_in_messages() {
    let output = process(r#"{"column": "time", "format": "iso8601"}"#, &[Some(&"é".repeat(500))]);
    assert!(output.rejections[0].message.chars().count() < 140);
}

#[test]
fn columns_of_other_types_are_refused_with_advice() {
    let text = r#"{"column": "time", "formats": ["epoch_s", "yyyyMMdd"]}"#;
    let message = open(text, DataType::Int64).unwrap_err();
    assert!(message.contains("`yyyyMMdd` cannot read"), "{message}");
    for (data_type, hint) in [
        (DataType::Date32, "already"),
        (DataType::Timestamp(TimeUnit::Second, None), "already"),
        (DataType::Boolean, "is boolean"),
    ] {
        let message = open(r#"{"column": "time", "format": "epoch_s"}"#, data_type).unwrap_err();
        assert!(message.contains(hint), "{message}");
    }
}

#[test]
fn configs_that_cannot_work_say_what_to_change() {
    for (config, hint) in [
        (r#"{"column": "time"}"#, "write `format`"),
        (r#"{"column": "time", "formats": []}"#, "at least one"),
        (r#"{"column": "time", "format": "iso8601", "formats": ["iso8601"]}"#, "keep one"),
        (r#"{"column": "time", "format": "YYYY"}"#, "`format`: `YYYY` in `YYYY`"),
        (r#"{"column": "time", "format": "yyyy-ww"}"#, "\n@5..7"),
        (r#"{"column": "time", "formats": ["iso8601", "e"]}"#, "`formats`: `e`"),
        (r#"{"column": "time", "format": "iso8601", "into": ""}"#, "`into`"),
        (r#"{"column": "time", "format": "iso8601", "input_zone": "CEST"}"#, "no time zone `CEST`"),
        (r#"{"column": "time", "format": "iso8601", "on_error": "ignore"}"#, "on_error"),
        (r#"{"column": "tiem", "format": "iso8601"}"#, "no column `tiem`"),
        (r#"{"column": "time", "fromat": "iso8601"}"#, "fromat"),
    ] {
        let message = refused(config);
        assert!(message.contains(hint), "{config}: {message}");
    }
}

#[test]
fn warnings_travel_with_the_computed_field() {
    let (_, plan) = open(r#"{"column": "time", "format": "hh:mm"}"#, DataType::Utf8).unwrap();
    let metadata = &plan.computed().next().unwrap().metadata;
    assert_eq!(metadata[0].0, "lockgate:warning");
    assert!(metadata[0].1.contains("17:04 is lost"));
}

#[test]
fn the_case_files_hold() {
    lockgate_sdk::testing::cases::<TimestampParse>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
        .unwrap();
}

#[test]
fn the_formats_of_the_examples_compile() {
    for example in <TimestampParse as lockgate_sdk::Stage>::ABOUT.examples {
        serde_json::from_str::<crate::Config>(example).unwrap().compile_formats().unwrap();
    }
}

#[test]
fn nulls_stay_null_whatever_is_stored_for_them() {
    const ROWS: usize = 130;
    let valid = |row: usize| !row.is_multiple_of(3);
    let offsets = (0..=ROWS as i32).map(|row| row * 20).collect();
    let data = b"1970-01-01T00:00:01Z".repeat(ROWS);
    let column = Node { offsets, ..node((0..ROWS).map(valid), data) };
    let config = r#"{"column": "time", "format": "iso8601"}"#;
    let (mut stage, _) = open(config, DataType::Utf8).unwrap();
    let output = stage.process(ROWS, None, [column]).unwrap();
    let expected: Vec<_> = (0..ROWS).map(|row| valid(row).then_some(SECOND)).collect();
    assert_eq!(output.columns, times(&expected));
}
