//! Inference: what a sample of the input looks like, as a schema.
//!
//! | seen | type |
//! |---|---|
//! | only nulls, or nothing | `string` |
//! | `true`, `false` | `boolean` |
//! | integers within 64 bits | `bigint` |
//! | integers and fractions | `double` |
//! | larger integers, strings, or a mixture of kinds | `string` (which keeps JSON text) |
//! | objects, however many keys they have | `struct`, fields as first seen |
//! | lists | `array` of what all elements look like together |
//!
//! The result depends on the bytes and their order alone.

use crate::diagnostic::{Diagnostic, Result};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{collections::HashMap, fmt, io::Read, sync::Arc};

/// How much of the input a sample takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InferLimits {
    /// Bytes (uncompressed) read of one file; a document that goes on is seen in part.
    pub file_bytes: u64,
    /// Bytes read of all files together.
    pub total_bytes: u64,
}

impl Default for InferLimits {
    fn default() -> Self {
        Self { file_bytes: 16 << 20, total_bytes: 64 << 20 }
    }
}

/// An inferred schema and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inference {
    /// The schema.
    pub schema: SchemaRef,
    /// Records seen, whole ones.
    pub records: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// Infers a schema from readers over the text of sample files (see
/// [`open_text`](crate::source::json::open_text)), in order, until a limit is reached. Files
/// that do not open are left out: reading them will say so.
///
/// # Errors
/// Fails when no file holds an object.
pub fn infer<R: Read>(
    samples: impl IntoIterator<Item = Result<R>>,
    limits: InferLimits,
) -> Result<Inference> {
    let mut root = Kind::Unseen;
    let mut refused = None;
    let (mut bytes, mut records) = (0, 0);
    for sample in samples {
        let take = limits.file_bytes.min(limits.total_bytes.saturating_sub(bytes));
        if take == 0 {
            break;
        }
        let sample = match sample {
            Ok(sample) => sample,
            Err(error) => {
                refused.get_or_insert(error);
                continue;
            }
        };
        let mut text = Vec::new();
        // A damaged tail is the decoder's business: what came before it is a sample, too.
        let read = sample.take(take).read_to_end(&mut text);
        if read.is_err() && text.is_empty() {
            continue;
        }
        bytes += text.len() as u64;
        records += infer_text(&mut root, &text);
    }
    match root.data_type() {
        DataType::Struct(fields) if !fields.is_empty() => {
            Ok(Inference { schema: Arc::new(Schema::new(fields)), records, bytes })
        }
        _ => {
            let error = Diagnostic::data("no JSON object to infer a schema from").hint(
                "declare the schema in `[source.schema]`, or run again when the first files have arrived",
            );
            Err(refused.into_iter().fold(error, Diagnostic::cause))
        }
    }
}

/// Merges every record of a text; gives how many there were.
fn infer_text(root: &mut Kind, text: &[u8]) -> u64 {
    let mut records = 0;
    let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    while !rest.trim_ascii_start().is_empty() {
        let mut framed = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        let end = matches!(framed.next(), Some(Ok(_))).then(|| framed.byte_offset());
        // Of a record that is broken or cut off, what precedes the break is learned all the same.
        let value = &rest[..end.unwrap_or(rest.len())];
        let mut json = serde_json::Deserializer::from_slice(value);
        let _ = Record { root, records: &mut records }.deserialize(&mut json);
        let next_line = || memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        rest = &rest[end.unwrap_or_else(next_line)..];
        if end.is_none() && !rest.starts_with(b"{") {
            break;
        }
    }
    records
}

/// What has been seen of one value's place.
#[derive(Clone, Debug, Default, PartialEq)]
enum Kind {
    #[default]
    Unseen,
    Boolean,
    Integer,
    Fraction,
    Text,
    List(Box<Kind>),
    Struct(Members),
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Members {
    names: HashMap<String, usize>,
    fields: Vec<(String, Kind)>,
}

impl Kind {
    fn data_type(&self) -> DataType {
        match self {
            Self::Unseen | Self::Text => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Fraction => DataType::Float64,
            Self::List(element) => {
                DataType::List(Arc::new(Field::new_list_field(element.data_type(), true)))
            }
            Self::Struct(members) if members.fields.is_empty() => DataType::Utf8,
            Self::Struct(members) => {
                let field =
                    |(name, kind): &(String, Self)| Field::new(name, kind.data_type(), true);
                DataType::Struct(members.fields.iter().map(field).collect())
            }
        }
    }

    fn see(&mut self, scalar: Self) {
        *self = match (std::mem::take(self), scalar) {
            (Self::Unseen, scalar) => scalar,
            (Self::Integer | Self::Fraction, Self::Fraction) | (Self::Fraction, Self::Integer) => {
                Self::Fraction
            }
            (seen, scalar) if seen == scalar => seen,
            _ => Self::Text,
        };
    }
}

/// Merges one record, or the records of a top-level array.
struct Record<'a> {
    root: &'a mut Kind,
    records: &'a mut u64,
}

impl<'de> DeserializeSeed<'de> for Record<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Record<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object or an array of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        *self.records += 1;
        self.root.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Record { root, records } = self;
        while elements.next_element_seed(Record { root, records })?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Kind {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Kind {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.see(Kind::Boolean);
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.see(Kind::Integer);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.see(if i64::try_from(value).is_ok() { Kind::Integer } else { Kind::Text });
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        // An integer beyond 64 bits arrives here as well; no double keeps all its digits.
        let large_integer = value.fract() == 0.0 && value.abs() >= 9_007_199_254_740_992.0;
        self.see(if large_integer { Kind::Text } else { Kind::Fraction });
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.see(Kind::Text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        if *self == Kind::Unseen {
            *self = Kind::List(Box::default());
        }
        if let Kind::List(element) = self {
            while elements.next_element_seed(&mut **element)?.is_some() {}
            return Ok(());
        }
        *self = Kind::Text;
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if *self == Kind::Unseen {
            *self = Kind::Struct(Members::default());
        }
        if let Kind::Struct(members) = self {
            while let Some(name) = map.next_key::<String>()? {
                let known = members.names.get(&name).copied();
                let index = known.unwrap_or(members.fields.len());
                if known.is_none() {
                    members.names.insert(name.clone(), index);
                    members.fields.push((name, Kind::Unseen));
                }
                let seen = map.next_value_seed(&mut members.fields[index].1);
                if seen.is_err() && known.is_none() && members.fields[index].1 == Kind::Unseen {
                    // The sample ends before the value: its name alone says nothing of its type.
                    members.fields.pop().map(|(name, _)| members.names.remove(&name));
                }
                seen?;
            }
            return Ok(());
        }
        *self = Kind::Text;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::schema::schema_text;

    fn inferred(text: &str) -> String {
        let inference = infer([Ok(text.as_bytes())], InferLimits::default()).unwrap();
        schema_text(&inference.schema)
    }

    #[test]
    fn scalars_widen_and_mixtures_become_strings() {
        assert_eq!(
            inferred(
                r#"{"a":1,"b":true,"c":null,"d":[],"e":{}} {"a":1.5,"b":0,"d":[null],"f":"x"}"#
            ),
            "struct<a: double, b: string, c: string, d: array<string>, e: string, f: string>"
        );
        assert_eq!(
            inferred(r#"{"a":12345678901234567890,"b":-1,"c":[1,"x"]}"#),
            "struct<a: string, b: bigint, c: array<string>>"
        );
    }

    #[test]
    fn nested_records_of_any_form_merge() {
        let schema = "struct<r: array<struct<a: bigint, b: struct<c: string>>>>";
        assert_eq!(inferred(r#"{"r":[{"a":1},{"b":{"c":"x"}}]}"#), schema);
        assert_eq!(inferred("[{\"r\":[{\"a\":1}]},\n{\"r\":[{\"b\":{\"c\":\"x\"}}]}]"), schema);
        assert_eq!(
            inferred("\u{feff}{\"r\":[{\"a\":1}]}\n{\"r\":[{\"b\":{\"c\":null}}]}\n"),
            schema
        );
        assert_eq!(inferred(r#"{"r":[{"a":1}]}{"r":3}"#), "struct<r: string>");
    }

    #[test]
    fn a_cut_off_document_and_a_broken_line_still_teach() {
        assert_eq!(
            inferred(r#"{"r":[{"a":1},{"b":2.5,"c":"#),
            "struct<r: array<struct<a: bigint, b: double>>>"
        );
        assert_eq!(inferred("{\"a\":1,}\n{\"b\":2}\n"), "struct<a: bigint, b: bigint>");
        let limits = InferLimits { file_bytes: 8, total_bytes: 12 };
        let samples = [r#"{"a":1}"#, r#"{"b":1, "c":1}"#, r#"{"d":1}"#];
        let inference = infer(samples.map(|text| Ok(text.as_bytes())), limits).unwrap();
        assert_eq!(schema_text(&inference.schema), "struct<a: bigint>");
        assert_eq!((inference.records, inference.bytes), (2, 12));
    }

    #[test]
    fn files_that_do_not_open_are_left_out() {
        let refused = || Err(Diagnostic::storage("cannot open `a`"));
        let samples = [refused(), Ok(br#"{"a":1}"#.as_slice())];
        let inference = infer(samples, InferLimits::default()).unwrap();
        assert_eq!(schema_text(&inference.schema), "struct<a: bigint>");
        let error = infer([refused(), Ok(b"".as_slice())], InferLimits::default()).unwrap_err();
        assert_eq!(error.causes, ["cannot open `a`"]);
    }

    #[test]
    fn no_object_no_schema() {
        for text in ["", "[]", "1", "[[1]]", "{}", "nonsense"] {
            assert!(infer([Ok(text.as_bytes())], InferLimits::default()).is_err(), "{text}");
        }
    }
}
