//! The rescued column: what did not fit the schema, as one JSON object per record.
//!
//! ```text
//! {"payment[3].amount": "n/a", "payment[3].tags.team": ["a"], "extra": {"b": 1}}
//! ```
//!
//! A key is the path of a value: names joined by dots, elements of lists in brackets; keys of
//! maps count as names. Values stand as they stood in the file. Paths in a slice of a giant
//! array count elements from the start of the slice, as the rows do.

use arrow_array::{Array, StringArray, builder::StringBuilder};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::HashMap, fmt};

/// The members of a JSON object in order, keys unescaped, values as text.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// Reads the members of a JSON object; `None` when the text is none.
pub(super) fn members(text: &str) -> Option<Members<'_>> {
    struct InOrder;
    impl<'de> Visitor<'de> for InOrder {
        type Value = Members<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
            let mut members = Vec::new();
            while let Some(Name(name)) = map.next_key()? {
                members.push((name, map.next_value()?));
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_str(text).deserialize_map(InOrder).ok()
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Follows the unnesting of a list column: of the entries below `column[i]` each output row
/// keeps those of its own element, all other entries repeat.
///
/// Output row `r` is element `positions[r]` of input row `parents[r]`. In its keys
/// `column[i]` becomes `name`, or disappears where `name` is empty (as after flattening).
/// Rows of one parent that follow each other are cheapest.
pub fn narrow(
    rescued: &StringArray,
    parents: &[u32],
    positions: &[u64],
    column: &str,
    name: &str,
) -> StringArray {
    let mut narrowed = StringBuilder::with_capacity(parents.len(), 0);
    let mut current: Option<(u32, Entries)> = None;
    for (parent, position) in parents.iter().zip(positions) {
        let row = *parent as usize;
        if row >= rescued.len() || rescued.is_null(row) {
            narrowed.append_null();
            continue;
        }
        let entries = match &mut current {
            Some((known, entries)) if known == parent => entries,
            current => {
                &mut current.insert((*parent, Entries::new(rescued.value(row), column, name))).1
            }
        };
        let own = entries.of_element.get(position).map_or("", String::as_str);
        match (entries.common.as_str(), own) {
            ("", "") => narrowed.append_null(),
            ("", entries) | (entries, "") => narrowed.append_value(format!("{{{entries}}}")),
            (common, own) => narrowed.append_value(format!("{{{common},{own}}}")),
        }
    }
    narrowed.finish()
}

/// One record's entries, as JSON text without the outer braces.
struct Entries {
    common: String,
    of_element: HashMap<u64, String>,
}

impl Entries {
    fn new(rescued: &str, column: &str, name: &str) -> Self {
        let mut entries = Self { common: String::new(), of_element: HashMap::new() };
        for (key, value) in members(rescued).unwrap_or_default() {
            let (text, key) = match below(&key, column) {
                Some((position, rest)) => {
                    let rest = if name.is_empty() { rest.trim_start_matches('.') } else { rest };
                    let key = if name.is_empty() && rest.is_empty() {
                        column.to_owned()
                    } else {
                        format!("{name}{rest}")
                    };
                    (entries.of_element.entry(position).or_default(), Cow::Owned(key))
                }
                None => (&mut entries.common, key),
            };
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&serde_json::Value::from(key).to_string());
            text.push(':');
            text.push_str(value.get());
        }
        entries
    }
}

/// Of `column[7].rest`: 7 and `.rest`.
fn below<'a>(key: &'a str, column: &str) -> Option<(u64, &'a str)> {
    let (position, rest) = key.strip_prefix(column)?.strip_prefix('[')?.split_once(']')?;
    Some((position.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_follow_their_element_and_the_others_repeat() {
        let rescued = StringArray::from(vec![
            Some(r#"{"payment[1].amount":"n/a","a\"b":1,"payment[0][2]": [1] ,"payment[1]":{}}"#),
            None,
            Some(r#"{"payments[0].x":1}"#),
            Some(r#"{"payment[0].x":1}"#),
        ]);
        let (parents, positions) = ([0, 0, 0, 1, 2, 3, 3], [0, 1, 2, 0, 0, 0, 1]);
        let narrowed = narrow(&rescued, &parents, &positions, "payment", "record");
        let expected = [
            Some(r#"{"a\"b":1,"record[2]":[1]}"#),
            Some(r#"{"a\"b":1,"record.amount":"n/a","record":{}}"#),
            Some(r#"{"a\"b":1}"#),
            None,
            Some(r#"{"payments[0].x":1}"#),
            Some(r#"{"record.x":1}"#),
            None,
        ];
        assert_eq!(narrowed.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn without_a_name_the_prefix_disappears() {
        let rescued = StringArray::from(vec![r#"{"a.b[0].x.y":1,"a.b[0]":2}"#]);
        let narrowed = narrow(&rescued, &[0], &[0], "a.b", "");
        assert_eq!(narrowed.value(0), r#"{"x.y":1,"a.b":2}"#);
    }
}
