//! The text of a record, whole or narrowed to one element of a list, for the quarantine.

use super::{SourceBatch, rescued::members};
use serde_json::value::RawValue;
use std::borrow::Cow;

impl SourceBatch {
    /// The text of a row's record as it stands in the file (of a slice of a giant array: the
    /// document with that slice alone).
    pub fn record_text(&self, row: usize) -> Cow<'_, str> {
        let bytes = self
            .origins
            .get(row)
            .and_then(|origin| self.text.get(origin.text.start as usize..origin.text.end as usize));
        String::from_utf8_lossy(bytes.unwrap_or_default())
    }

    /// A row's record with one element alone in the list or map at `column`: what a row that
    /// came from that element can be replayed from. The whole record where there is no such
    /// element. For many elements of one record, [`Elements`] reads it once.
    pub fn record_for_element(&self, row: usize, column: &[&str], element: usize) -> String {
        let text = self.record_text(row);
        let narrowed = Elements::new(&text, column).and_then(|elements| elements.record(element));
        narrowed.unwrap_or_else(|| text.into_owned())
    }
}

/// The elements of one list or map of a record.
#[derive(Debug)]
pub struct Elements<'a> {
    /// The record up to the list, with its bracket.
    head: &'a str,
    texts: Vec<Cow<'a, str>>,
    /// The record from the list's closing bracket on.
    tail: &'a str,
}

impl<'a> Elements<'a> {
    /// Finds the list or map at this path of a record; `None` when there is none.
    pub fn new(record: &'a str, column: &[&str]) -> Option<Self> {
        let mut value = record;
        for name in column {
            let found = members(value)?.into_iter().rev().find(|(key, _)| key == name)?;
            value = found.1.get();
        }
        let start = value.as_ptr().addr() - record.as_ptr().addr();
        let elements = if value.starts_with('[') {
            let elements: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            elements.into_iter().map(|element| Cow::Borrowed(element.get())).collect()
        } else {
            let entries = members(value)?;
            let last = |(i, (key, _)): &(usize, &(Cow<'_, str>, _))| {
                !entries[i + 1..].iter().any(|(later, _)| later == key)
            };
            let entry = |(_, (key, value)): (usize, &(Cow<'_, str>, &RawValue))| {
                Cow::Owned(format!("{}:{}", serde_json::Value::from(key.as_ref()), value.get()))
            };
            entries.iter().enumerate().filter(last).map(entry).collect()
        };
        let end = start + value.len();
        Some(Self { head: &record[..=start], texts: elements, tail: &record[end - 1..] })
    }

    /// The record with this element alone.
    pub fn record(&self, element: usize) -> Option<String> {
        let element = self.texts.get(element)?;
        Some([self.head, element, self.tail].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_narrowed_to_one_element() {
        let record = r#"{"a":{"b": [ {"x":1}, [2], 3 ],"c":"["},"d":1}"#;
        let elements = Elements::new(record, &["a", "b"]).unwrap();
        assert_eq!(elements.record(1).unwrap(), r#"{"a":{"b": [[2]],"c":"["},"d":1}"#);
        assert_eq!(elements.record(3), None);
    }

    #[test]
    fn a_map_is_narrowed_to_one_entry_and_the_last_duplicate_counts() {
        let record = r#"{"m":{"a":0,"b":1,"a":2},"m":{"k":1,"l\n":2,"k":3}}"#;
        let elements = Elements::new(record, &["m"]).unwrap();
        assert_eq!(elements.record(0).unwrap(), r#"{"m":{"a":0,"b":1,"a":2},"m":{"l\n":2}}"#);
        assert_eq!(elements.record(1).unwrap(), r#"{"m":{"a":0,"b":1,"a":2},"m":{"k":3}}"#);
    }

    #[test]
    fn what_is_no_list_has_no_elements() {
        for (record, column) in [("{\"a\":1}", "a"), ("{}", "a"), ("{\"a\":", "a"), ("", "a")] {
            assert!(Elements::new(record, &[column]).is_none());
        }
    }
}
