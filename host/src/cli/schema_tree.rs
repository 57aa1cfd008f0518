//! Schemas as indented trees.
//!
//! ```text
//! source
//!   payment: array<struct>
//!     amount: double
//! explode
//!   record: struct
//!     amount: double
//! filter
//!   (as before)
//! ```

use crate::source::schema::type_text;
use arrow_schema::{DataType, Fields, SchemaRef};
use std::fmt::Write as _;

/// The schema after the source and after every stage.
#[must_use]
pub fn schema_tree(steps: &[(String, SchemaRef)]) -> String {
    let mut out = String::new();
    let mut before: Option<&SchemaRef> = None;
    for (name, schema) in steps {
        out.push_str(name);
        out.push('\n');
        match before {
            Some(before) if before.fields == schema.fields => out.push_str("  (as before)\n"),
            _ if schema.fields.is_empty() => out.push_str("  (no columns)\n"),
            _ => columns(&schema.fields, 1, &mut out),
        }
        before = Some(schema);
    }
    out
}

fn columns(fields: &Fields, depth: usize, out: &mut String) {
    for field in fields {
        let indent = "  ".repeat(depth);
        let (text, members) = outline(field.data_type());
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{indent}{}: {text}", field.name());
        if let Some(members) = members {
            columns(members, depth + 1, out);
        }
    }
}

/// A type on one line, and the members to show below it.
fn outline(data_type: &DataType) -> (String, Option<&Fields>) {
    match data_type {
        DataType::Struct(fields) => ("struct".into(), Some(fields)),
        DataType::List(element) | DataType::LargeList(element) => {
            let (text, members) = outline(element.data_type());
            (format!("array<{text}>"), members)
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                let (key, (value, members)) =
                    (type_text(pair[0].data_type()), outline(pair[1].data_type()));
                (format!("map<{key},{value}>"), members)
            }
            _ => (type_text(data_type), None),
        },
        other => (type_text(other), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::schema::parse_schema;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn members_are_indented_under_their_column_and_repeats_are_not_repeated() {
        let before = parse_schema(&json!({
            "payment": "array<struct<amount: decimal(12,2), tags: map<string,array<struct<a: int>>>>>",
            "at": "timestamp",
        }));
        let after = parse_schema(&json!({ "at": "timestamp" })).unwrap();
        let steps = [
            ("source".to_owned(), before.unwrap()),
            ("drop".to_owned(), Arc::clone(&after)),
            ("filter".to_owned(), after),
        ];
        insta::assert_snapshot!(schema_tree(&steps), @r"
        source
          payment: array<struct>
            amount: decimal(12,2)
            tags: map<string,array<struct>>
              a: int
          at: timestamp
        drop
          at: timestamp
        filter
          (as before)
        ");
    }
}
