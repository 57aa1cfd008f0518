//! Type text, as Spark users write it: parsed with positions, and printed back.

use arrow_schema::{DataType, Field, Fields, TimeUnit};
use std::{fmt::Write, ops::Range, sync::Arc};

/// Nesting that type text may have; deeper text is a mistake, not a schema.
const MAX_DEPTH: usize = 64;

const NAMES: [&str; 16] = [
    "string",
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "decimal",
    "date",
    "timestamp",
    "binary",
    "array",
    "map",
    "struct",
    "long",
];

/// A mistake in type text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl TypeError {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }
}

/// Reads type text such as `array<struct<id: bigint, amount: decimal(12,2)>>`.
///
/// # Errors
/// Fails with the place of the mistake.
pub fn parse_type(text: &str) -> Result<DataType, TypeError> {
    let mut parser = Parser { text, at: 0 };
    let data_type = parser.data_type(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(TypeError::new(parser.at..text.len(), "unexpected text after the type"));
    }
    Ok(data_type)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, expected: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(expected);
        self.at += if found { expected.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, expected: char) -> Result<(), TypeError> {
        if self.eat(expected) {
            return Ok(());
        }
        let found = self.rest().chars().next();
        let end = self.at + found.map_or(0, char::len_utf8);
        let found = found.map_or_else(|| "the end".into(), |c| format!("`{c}`"));
        Err(TypeError::new(self.at..end, format!("expected `{expected}`, found {found}")))
    }

    fn word(&mut self) -> Range<usize> {
        self.skip_space();
        let start = self.at;
        let length = self.rest().find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
        self.at += length.unwrap_or(self.rest().len());
        start..self.at
    }

    /// A field name: a word, or anything in backquotes.
    fn name(&mut self) -> Result<String, TypeError> {
        self.skip_space();
        let start = self.at;
        if !self.eat('`') {
            let word = self.word();
            if word.is_empty() {
                return Err(TypeError::new(start..start, "expected a field name"));
            }
            return Ok(self.text[word].into());
        }
        let mut name = String::new();
        while let Some(length) = self.rest().find('`') {
            name.push_str(&self.rest()[..length]);
            self.at += length + 1;
            if !self.rest().starts_with('`') {
                return Ok(name);
            }
            name.push('`');
            self.at += 1;
        }
        Err(TypeError::new(start..self.text.len(), "a name in backquotes does not end"))
    }

    fn number(&mut self, what: &str, allowed: Range<i16>) -> Result<i16, TypeError> {
        let word = self.word();
        let number = self.text[word.clone()].parse().ok().filter(|n| allowed.contains(n));
        number.ok_or_else(|| {
            let (first, last) = (allowed.start, allowed.end - 1);
            TypeError::new(word, format!("the {what} of a decimal is {first} to {last}"))
        })
    }

    fn decimal(&mut self) -> Result<DataType, TypeError> {
        if !self.eat('(') {
            return Ok(DataType::Decimal128(10, 0));
        }
        let precision = self.number("precision", 1..39)?;
        let scale = if self.eat(',') { self.number("scale", 0..precision + 1)? } else { 0 };
        self.expect(')')?;
        Ok(DataType::Decimal128(precision as u8, scale as i8))
    }

    fn fields(&mut self, depth: usize) -> Result<DataType, TypeError> {
        self.expect('<')?;
        let mut fields: Vec<Field> = Vec::new();
        loop {
            self.skip_space();
            let start = self.at;
            let name = self.name()?;
            if fields.iter().any(|field| *field.name() == name) {
                return Err(TypeError::new(start..self.at, format!("a second field `{name}`")));
            }
            self.eat(':');
            fields.push(Field::new(name, self.data_type(depth)?, true));
            if !self.eat(',') {
                break;
            }
        }
        self.expect('>')?;
        Ok(DataType::Struct(Fields::from(fields)))
    }

    fn data_type(&mut self, depth: usize) -> Result<DataType, TypeError> {
        let span = self.word();
        let word = self.text[span.clone()].to_ascii_lowercase();
        if depth >= MAX_DEPTH {
            return Err(TypeError::new(span, format!("more than {MAX_DEPTH} levels of nesting")));
        }
        Ok(match word.as_str() {
            "string" => DataType::Utf8,
            "boolean" => DataType::Boolean,
            "tinyint" | "byte" => DataType::Int8,
            "smallint" | "short" => DataType::Int16,
            "int" | "integer" => DataType::Int32,
            "bigint" | "long" => DataType::Int64,
            "float" | "real" => DataType::Float32,
            "double" => DataType::Float64,
            "decimal" | "numeric" | "dec" => self.decimal()?,
            "date" => DataType::Date32,
            "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            "binary" => DataType::Binary,
            "array" => {
                self.expect('<')?;
                let element = self.data_type(depth + 1)?;
                self.expect('>')?;
                DataType::List(Arc::new(Field::new_list_field(element, true)))
            }
            "map" => {
                self.expect('<')?;
                self.skip_space();
                let key_start = self.at;
                if self.data_type(depth + 1)? != DataType::Utf8 {
                    let mut error =
                        TypeError::new(key_start..self.at, "the keys of a JSON object are strings");
                    error.hint = Some("write `map<string, ...>`".into());
                    return Err(error);
                }
                self.expect(',')?;
                let value = self.data_type(depth + 1)?;
                self.expect('>')?;
                map_of(value)
            }
            "struct" => self.fields(depth + 1)?,
            _ => return Err(self.unknown(span, &word)),
        })
    }

    fn unknown(&self, span: Range<usize>, word: &str) -> TypeError {
        if word.is_empty() {
            return TypeError::new(span.start..self.text.len(), "expected a type");
        }
        let near = NAMES.iter().min_by_key(|name| strsim::damerau_levenshtein(name, word));
        let near = near.filter(|name| strsim::damerau_levenshtein(name, word) <= 2);
        let mut error = TypeError::new(span, format!("unknown type `{word}`"));
        error.hint = Some(match near {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("types are {}", NAMES[..15].join(", ")),
        });
        error
    }
}

/// A map from strings to this type.
pub(crate) fn map_of(value: DataType) -> DataType {
    let entry = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", value, true),
    ]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

/// The text of a type, which [`parse_type`] reads back for every type of the notation; other
/// Arrow types are named as Arrow names them.
pub fn type_text(data_type: &DataType) -> String {
    let mut text = String::new();
    write_type(&mut text, data_type);
    text
}

fn write_type(text: &mut String, data_type: &DataType) {
    match data_type {
        DataType::Utf8 => text.push_str("string"),
        DataType::Boolean => text.push_str("boolean"),
        DataType::Int8 => text.push_str("tinyint"),
        DataType::Int16 => text.push_str("smallint"),
        DataType::Int32 => text.push_str("int"),
        DataType::Int64 => text.push_str("bigint"),
        DataType::Float32 => text.push_str("float"),
        DataType::Float64 => text.push_str("double"),
        DataType::Date32 => text.push_str("date"),
        DataType::Timestamp(_, _) => text.push_str("timestamp"),
        DataType::Binary => text.push_str("binary"),
        DataType::Decimal128(precision, scale) => {
            let _ = write!(text, "decimal({precision},{scale})");
        }
        DataType::List(element) => {
            text.push_str("array<");
            write_type(text, element.data_type());
            text.push('>');
        }
        DataType::Map(entries, _) => {
            let members = match entries.data_type() {
                DataType::Struct(fields) => fields.as_ref(),
                _ => &[],
            };
            text.push_str("map<");
            for (i, member) in members.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { "," });
                write_type(text, member.data_type());
            }
            text.push('>');
        }
        DataType::Struct(fields) => {
            text.push_str("struct<");
            for (i, field) in fields.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { ", " });
                write_name(text, field.name());
                text.push_str(": ");
                write_type(text, field.data_type());
            }
            text.push('>');
        }
        other => text.push_str(&other.to_string().to_lowercase()),
    }
}

fn write_name(text: &mut String, name: &str) {
    let plain =
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain {
        text.push_str(name);
    } else {
        let _ = write!(text, "`{}`", name.replace('`', "``"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_text_round_trips() {
        for text in [
            "string",
            "decimal(38,0)",
            "timestamp",
            "array<array<tinyint>>",
            "map<string,map<string,struct<a: int>>>",
            "struct<a: float, `odd``name: x`: binary, x-y: date, `ü.b`: smallint>",
        ] {
            assert_eq!(type_text(&parse_type(text).unwrap()), text);
        }
    }

    #[test]
    fn case_space_and_aliases_are_tolerated() {
        let parsed = parse_type(" STRUCT < a : Long , b  array < Integer > > ").unwrap();
        assert_eq!(type_text(&parsed), "struct<a: bigint, b: array<int>>");
        assert_eq!(type_text(&parse_type("decimal").unwrap()), "decimal(10,0)");
        assert_eq!(type_text(&parse_type("decimal(7)").unwrap()), "decimal(7,0)");
    }

    #[test]
    fn each_mistake_has_its_place() {
        for (text, span, message) in [
            ("", 0..0, "expected a type"),
            ("decimal(39,0)", 8..10, "the precision of a decimal is 1 to 38"),
            ("decimal(5,6)", 10..11, "the scale of a decimal is 0 to 5"),
            ("array<int", 9..9, "expected `>`, found the end"),
            ("map<int,int>", 4..7, "the keys of a JSON object are strings"),
            ("struct<a: int, a: int>", 15..16, "a second field `a`"),
            ("struct<`a: int>", 7..15, "a name in backquotes does not end"),
            ("struct<>", 7..7, "expected a field name"),
            ("int x", 4..5, "unexpected text after the type"),
        ] {
            let error = parse_type(text).unwrap_err();
            assert_eq!((error.span, error.message.as_str()), (span, message), "{text}");
        }
        assert!(parse_type(&"array<".repeat(1000)).is_err());
    }
}
