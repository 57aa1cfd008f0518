//! The schema of the source: declared in the pipeline file, or inferred from sample files.
//!
//! Owns the notation and its mapping to Arrow types; knows nothing of how values are decoded.
//!
//! | notation | Arrow |
//! |---|---|
//! | `string`, `boolean`, `binary` (base64 in JSON) | utf8, boolean, binary |
//! | `tinyint`, `smallint`, `int`, `bigint` | int8, int16, int32, int64 |
//! | `float`, `double`, `decimal(p,s)` | float32, float64, decimal128 |
//! | `date`, `timestamp` | date32, timestamp in microseconds UTC |
//! | `array<T>`, or `[T]` with one element | list |
//! | `map<string,T>` | map |
//! | `struct<a: T, b: T>`, or a table `{ a = T, b = T }` | struct |
//!
//! Every field is nullable. Names that are not plain words stand in backquotes inside type
//! text (`` struct<`odd name`: int> ``), a backquote inside them doubled.

mod infer;
mod notation;

pub use infer::{InferLimits, Inference, infer};
pub use notation::{TypeError, parse_type, type_text};

use crate::diagnostic::{Diagnostic, KeyPath};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use serde_json::Value;
use std::{fmt, ops::Range, sync::Arc};

/// A mistake in a declared schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// Key below the schema's root; empty for the root itself.
    pub path: KeyPath,
    /// Where inside the string value, in bytes, when the mistake sits in type text.
    pub span: Option<Range<usize>>,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.0.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for SchemaError {}

impl From<SchemaError> for Diagnostic {
    fn from(error: SchemaError) -> Self {
        let diagnostic = Self::config(error.to_string());
        match error.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}

/// Reads a declared schema: a table of columns, or one `struct<...>` text.
///
/// # Errors
/// Fails with the key, and the place inside its text, when the notation is not understood.
pub fn parse_schema(value: &Value) -> Result<SchemaRef, SchemaError> {
    let root = KeyPath::default();
    match data_type(value, &root)? {
        DataType::Struct(fields) => Ok(Arc::new(Schema::new(fields))),
        other => Err(SchemaError {
            path: root,
            span: None,
            message: format!("a schema is a table of columns, not `{}`", type_text(&other)),
            hint: Some("write one key per column: `amount = \"double\"`".into()),
        }),
    }
}

/// The notation of a schema, which [`parse_schema`] reads back.
pub fn schema_text(schema: &Schema) -> String {
    type_text(&DataType::Struct(schema.fields.clone()))
}

fn data_type(value: &Value, path: &KeyPath) -> Result<DataType, SchemaError> {
    let error = |message: String, hint: &str| SchemaError {
        path: path.clone(),
        span: None,
        message,
        hint: Some(hint.into()),
    };
    match value {
        Value::String(text) => parse_type(text).map_err(|e| SchemaError {
            path: path.clone(),
            span: Some(e.span),
            message: e.message,
            hint: e.hint,
        }),
        Value::Object(members) if members.is_empty() => {
            Err(error("a struct without fields".into(), "name at least one field"))
        }
        Value::Object(members) => {
            let fields: Result<Vec<Field>, SchemaError> = members
                .iter()
                .map(|(name, member)| {
                    let data_type = data_type(member, &path.name(name))?;
                    Ok(Field::new(name, data_type, true))
                })
                .collect();
            Ok(DataType::Struct(Fields::from(fields?)))
        }
        Value::Array(elements) => match elements.as_slice() {
            [element] => {
                let element = data_type(element, &path.index(0))?;
                Ok(DataType::List(Arc::new(Field::new_list_field(element, true))))
            }
            _ => Err(error(
                format!("a list has one element type, not {}", elements.len()),
                "write `[\"string\"]` or `[{ name = \"string\" }]`",
            )),
        },
        other => Err(error(
            format!("a type is text, a table or a one-element list, not `{other}`"),
            "write the type in quotes: `\"double\"`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tables_lists_and_type_text_make_one_schema() {
        let schema = parse_schema(&json!({
            "payment": [{ "amount": "decimal(12, 2)", "tags": "map<string,string>" }],
            "at": "timestamp",
        }))
        .unwrap();
        assert_eq!(
            schema_text(&schema),
            "struct<payment: array<struct<amount: decimal(12,2), tags: map<string,string>>>, at: timestamp>"
        );
        assert_eq!(parse_schema(&json!(schema_text(&schema))).unwrap(), schema);
    }

    #[test]
    fn mistakes_name_the_key_and_the_place() {
        let error = parse_schema(&json!({ "a": [{ "b": "struct<x: strin>" }] })).unwrap_err();
        assert_eq!(error.path.to_string(), "a[0].b");
        assert_eq!(error.span, Some(10..15));
        assert_eq!(error.message, "unknown type `strin`");
        assert_eq!(error.hint.as_deref(), Some("did you mean `string`?"));
    }

    #[test]
    fn a_root_that_is_no_table_is_refused() {
        assert!(parse_schema(&json!("int")).is_err());
        assert!(parse_schema(&json!({})).is_err());
        assert!(parse_schema(&json!({ "a": [] })).is_err());
        assert!(parse_schema(&json!({ "a": ["int", "int"] })).is_err());
        assert!(parse_schema(&json!({ "a": 3 })).is_err());
    }
}
