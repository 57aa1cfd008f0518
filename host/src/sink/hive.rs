//! The directory text of a partition, as Hive and Spark write it.
//!
//! Owns the escaping and its inverse; knows nothing of columns, types or files. A directory
//! is `name=text`, one level per partition column. A character is escaped as `%` and two
//! upper-case hex digits when it is one of `" # % ' * / : = ? \ { [ ] ^` or a control
//! character (0x00 to 0x1F and 0x7F); everything else stands for itself, `}`, space and
//! letters of any script included. Spark on Windows escapes four more; this does not.
//!
//! | value | directory text |
//! |---|---|
//! | `null` | `k=__HIVE_DEFAULT_PARTITION__` |
//! | `""` | `k=__HIVE_DEFAULT_PARTITION__` |
//! | `"A"` | `k=A` |
//! | `"2026-03-01"` | `k=2026-03-01` |
//! | `"2026-03-01 17:04:05.123"` | `k=2026-03-01 17%3A04%3A05.123` |
//! | `"A/A"` | `k=A%2FA` |
//! | `"B B"` | `k=B B` |
//! | `"100%"` | `k=100%25` |
//! | `"a=b"` | `k=a%3Db` |
//! | `"{[x]}^"` | `k=%7B%5Bx%5D}%5E` |
//! | `"\\\"'"` | `k=%5C%22%27` |
//! | `"#*?:"` | `k=%23%2A%3F%3A` |
//! | `"\u0000\u0001\n\u001f\u007f"` | `k=%00%01%0A%1F%7F` |
//! | `"<a>&~"` | `k=<a>&~` |
//! | `"Zürich ✓"` | `k=Zürich ✓` |
//! | `".."` | `k=..` |
//! | `"__HIVE_DEFAULT_PARTITION__"` | `k=__HIVE_DEFAULT_PARTITION__` |
//!
//! The empty string and the null's own text share the directory of null, as in Spark, so the
//! text alone does not tell these three apart. Nothing is lost: they are three partition
//! keys, their rows never share a file, and the footer of each file holds the true values
//! (`lockgate.partition`).

use crate::types::PartitionKey;
use std::fmt::Write;

/// Directory text of null.
pub const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Longest directory name, in bytes, that every usual file system takes.
pub const LONGEST_NAME_BYTES: usize = 255;

/// Directory of a partition below the sink's root, without a slash at either end; empty for
/// a table without partition columns.
#[must_use]
pub fn directory(key: &PartitionKey) -> String {
    let mut path = String::new();
    for (name, value) in &key.0 {
        if !path.is_empty() {
            path.push('/');
        }
        escape(name, &mut path);
        path.push('=');
        match value.as_deref() {
            None | Some("") => path.push_str(NULL),
            Some(value) => escape(value, &mut path),
        }
    }
    path
}

/// The first level of a partition's directory whose name usual file systems do not take.
#[must_use]
pub fn name_too_long(key: &PartitionKey) -> Option<String> {
    // Escaped, a byte becomes three at most.
    let may_be = |(name, value): &(String, Option<String>)| {
        3 * (name.len() + value.as_ref().map_or(NULL.len(), String::len)) >= LONGEST_NAME_BYTES
    };
    if !key.0.iter().any(may_be) {
        return None;
    }
    directory(key).split('/').find(|name| name.len() > LONGEST_NAME_BYTES).map(str::to_owned)
}

/// The partition a file is in, by the directories of its path; directories that are not
/// `name=text` are passed over.
#[must_use]
pub fn partition_of(path: &str) -> PartitionKey {
    let directories = path.rsplit_once('/').map_or("", |(directories, _)| directories);
    let levels = directories.split('/').filter_map(|level| level.split_once('='));
    let value = |text: &str| (text != NULL).then(|| unescape(text));
    PartitionKey(levels.map(|(name, text)| (unescape(name), value(text))).collect())
}

fn needs_escape(c: char) -> bool {
    c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c)
}

fn escape(text: &str, into: &mut String) {
    for c in text.chars() {
        if needs_escape(c) {
            // Writing to a string does not fail.
            let _ = write!(into, "%{:02X}", u32::from(c));
        } else {
            into.push(c);
        }
    }
}

/// Undoes any percent escape, also those of writers that escape more than this one. Text
/// that does not decode to UTF-8 stays as it is.
fn unescape(text: &str) -> String {
    let hex = |digit: u8| char::from(digit).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            bytes.push((high * 16 + low) as u8);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(value: Option<&str>) -> PartitionKey {
        PartitionKey(vec![("k".into(), value.map(Into::into))])
    }

    /// The rows of the table in this module's documentation.
    fn worked_values() -> Vec<(Option<String>, String)> {
        let cell = |text: &str| text.trim().trim_matches('`').to_owned();
        let row = |line: &str| {
            let (value, text) = line.trim_end_matches([' ', '|']).split_once(" | ")?;
            Some((serde_json::from_str(&cell(value)).unwrap(), cell(text)))
        };
        let lines = include_str!("hive.rs").lines().filter_map(|line| line.strip_prefix("//! |"));
        lines.skip(2).filter_map(row).collect()
    }

    #[test]
    fn the_worked_values_hold() {
        let rows = worked_values();
        assert_eq!(rows.len(), 17);
        for (value, text) in rows {
            let key = key(value.as_deref());
            assert_eq!(directory(&key), text, "{value:?}");
            let lossy = matches!(value.as_deref(), Some("" | NULL));
            let read_back = partition_of(&format!("{text}/part-0.parquet"));
            assert_eq!(read_back == key, !lossy, "{value:?} came back as {read_back:?}");
        }
    }

    #[test]
    fn several_columns_nest_in_order_and_names_are_escaped_too() {
        let columns = vec![("a=b/c".into(), Some("x".into())), ("day".into(), None)];
        let key = PartitionKey(columns);
        assert_eq!(directory(&key), "a%3Db%2Fc=x/day=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(partition_of(&format!("{}/f.parquet", directory(&key))), key);
        assert_eq!(directory(&PartitionKey(vec![])), "");
        assert_eq!(partition_of("f.parquet"), PartitionKey(vec![]));
    }

    #[test]
    fn a_level_may_have_255_bytes_once_escaped() {
        let too_long = |value: &str| name_too_long(&key(Some(value))).map(|name| name.len());
        assert_eq!(too_long(&"x".repeat(253)), None);
        assert_eq!(too_long(&"x".repeat(254)), Some(256));
        assert_eq!(too_long(&"é".repeat(126)), None);
        assert_eq!(too_long(&"é".repeat(127)), Some(256));
        assert_eq!(too_long(&":".repeat(84)), None);
        assert_eq!(too_long(&":".repeat(85)), Some(257));
        let name = "n".repeat(230);
        let null = PartitionKey(vec![("k".into(), Some("x".repeat(200))), (name.clone(), None)]);
        assert_eq!(name_too_long(&null), Some(format!("{name}={NULL}")));
    }

    #[test]
    fn escapes_of_other_writers_are_understood_and_broken_ones_are_left_alone() {
        let text = |text: &str| partition_of(&format!("k={text}/f")).0[0].1.clone().unwrap();
        assert_eq!(text("B%20B"), "B B");
        assert_eq!(text("%c3%a9"), "é");
        assert_eq!(text("%zz%4"), "%zz%4");
        assert_eq!(text("%ff"), "%ff");
        assert_eq!(text("é%2"), "é%2");
    }

    #[test]
    fn paths_written_by_spark_give_the_values_its_log_holds() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/partition-paths");
        let Ok(tables) = std::fs::read_dir(folder) else { return };
        let mut files = 0;
        for table in tables.map(|table| table.unwrap().path()) {
            let Ok(log) =
                std::fs::read_to_string(table.join("_delta_log/00000000000000000000.json"))
            else {
                continue;
            };
            for line in log.lines() {
                let entry: serde_json::Value = serde_json::from_str(line).unwrap();
                let Some(path) = entry["add"]["path"].as_str() else { continue };
                let values = entry["add"]["partitionValues"].as_object().unwrap();
                let value = |value: &serde_json::Value| value.as_str().map(Into::into);
                let mut expected: Vec<_> =
                    values.iter().map(|(name, text)| (name.clone(), value(text))).collect();
                let mut found = partition_of(path).0;
                expected.sort();
                found.sort();
                assert_eq!(found, expected, "{path}");
                files += 1;
            }
        }
        assert!(files > 0, "no file in the logs below {folder}");
    }

    proptest! {
        #[test]
        fn every_other_value_survives_the_round_trip(name in ".+", value in ".*") {
            prop_assume!(!value.is_empty() && value != NULL);
            let key = PartitionKey(vec![(name, Some(value))]);
            let path = directory(&key);
            prop_assert_eq!(path.matches('/').count(), 0);
            prop_assert_eq!(partition_of(&format!("{path}/part-0.parquet")), key);
        }
    }
}
