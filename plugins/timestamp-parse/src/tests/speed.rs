//! How long a row takes: `cargo test --release -p lockgate-timestamp-parse -- --ignored --nocapture`.

use crate::TimestampParse;
use lockgate_sdk::{DataType, Field, Node, Opened, Schema};
use std::time::Instant;

const ROWS: usize = 8192;

/// Median nanoseconds of a row, over batches of texts like this one on changing days.
fn nanos_per_row(format: &str, zone: &str, text: &str) -> f64 {
    let config = serde_json::json!({"column": "t", "format": format, "input_zone": zone, "on_error": "null"});
    let schema = Schema::new(vec![Field::new("t", DataType::Utf8)]);
    let (mut stage, _) = Opened::<TimestampParse>::new(&config.to_string(), &schema).unwrap();
    let mut offsets = vec![0];
    let mut data = Vec::new();
    for row in 0..ROWS {
        data.extend_from_slice(text.replace("17", &format!("{:02}", row % 28 + 1)).as_bytes());
        offsets.push(data.len() as i32);
    }
    let column = Node { length: ROWS as u32, offsets, data, ..Node::default() };
    let mut nanos: Vec<_> = (0..400)
        .map(|_| {
            let column = column.clone();
            let start = Instant::now();
            std::hint::black_box(stage.process(ROWS, None, [column]).unwrap());
            start.elapsed().as_nanos()
        })
        .collect();
    nanos.sort_unstable();
    nanos[nanos.len() / 2] as f64 / ROWS as f64
}

#[test]
#[ignore = "a measurement, for a release build on a quiet machine"]
fn nanoseconds_of_a_row() {
    for (format, zone, text) in [
        ("yyyy-MM-dd'T'HH:mm:ssX", "UTC", "2024-05-17T16:04:05Z"),
        ("iso8601", "UTC", "2024-05-17T16:04:05Z"),
        ("iso8601", "UTC", "2024-05-17T16:04:05.123456+02:00"),
        ("yyyy-MM-dd HH:mm:ss.SSS", "UTC", "2024-05-17 16:04:05.123"),
        ("yyyy-MM-dd HH:mm:ss", "Europe/Berlin", "2024-05-17 16:04:05"),
        ("yyyyMMdd", "UTC", "20240517"),
        ("d/M/yyyy H:mm", "UTC", "17/5/2024 16:04"),
        ("dd/MMM/yyyy:HH:mm:ss Z", "UTC", "17/May/2024:16:04:05 +0000"),
        ("yyyy-MM-dd HH:mm:ss VV", "UTC", "2024-05-17 16:04:05 Europe/Berlin"),
        ("epoch_ms", "UTC", "1715961845000"),
        ("yyyy-MM-dd'T'HH:mm:ssX", "UTC", "17 is no timestamp"),
    ] {
        println!("{:6.1} ns  {format}  {text}", nanos_per_row(format, zone, text));
    }
}
