//! Type text, as in a pipeline file: `array<struct<id: bigint, amount: decimal(12,2)>>`.

use crate::{DataType, Error, Field, TimeUnit};

/// Reads type text.
///
/// # Errors
/// Says what is wrong, and where the text goes on.
pub(super) fn parse(text: &str) -> Result<DataType, Error> {
    let mut parser = Parser { text, rest: text };
    let data_type = parser.data_type()?;
    parser.rest = parser.rest.trim_start();
    if parser.rest.is_empty() { Ok(data_type) } else { Err(parser.unexpected("the end")) }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn unexpected(&self, due: &str) -> Error {
        let (text, rest) = (self.text, self.rest);
        Error::input(format!("type `{text}`: expected {due} before `{rest}`"))
    }

    fn eat(&mut self, due: char) -> bool {
        let rest = self.rest.trim_start();
        let eaten = rest.strip_prefix(due);
        self.rest = eaten.unwrap_or(rest);
        eaten.is_some()
    }

    fn expect(&mut self, due: char) -> Result<(), Error> {
        if self.eat(due) { Ok(()) } else { Err(self.unexpected(&format!("`{due}`"))) }
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
        let (word, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = rest;
        word
    }

    fn number<N: std::str::FromStr>(&mut self) -> Result<N, Error> {
        self.word().parse().map_err(|_| self.unexpected("a number"))
    }

    fn name(&mut self) -> Result<String, Error> {
        if !self.eat('`') {
            let word = self.word();
            return if word.is_empty() { Err(self.unexpected("a name")) } else { Ok(word.into()) };
        }
        let mut name = String::new();
        while let Some((part, rest)) = self.rest.split_once('`') {
            name.push_str(part);
            self.rest = rest;
            match rest.strip_prefix('`') {
                Some(rest) => self.rest = rest,
                None => return Ok(name),
            }
            name.push('`');
        }
        Err(self.unexpected("a closing backquote"))
    }

    fn bracketed(&mut self) -> Result<DataType, Error> {
        self.expect('<')?;
        let data_type = self.data_type()?;
        self.expect('>')?;
        Ok(data_type)
    }

    fn fields(&mut self) -> Result<Vec<Field>, Error> {
        let mut fields = Vec::new();
        self.expect('<')?;
        while !self.eat('>') {
            let name = self.name()?;
            self.eat(':');
            fields.push(Field::new(name, self.data_type()?));
            if !self.eat(',') {
                self.expect('>')?;
                break;
            }
        }
        Ok(fields)
    }

    fn map(&mut self) -> Result<DataType, Error> {
        self.expect('<')?;
        let key = Field::new("key", self.data_type()?).required();
        self.expect(',')?;
        let value = Field::new("value", self.data_type()?);
        self.expect('>')?;
        let entries = Field::new("entries", DataType::Struct(vec![key, value])).required();
        Ok(DataType::Map(Box::new(entries)))
    }

    fn data_type(&mut self) -> Result<DataType, Error> {
        let utc = || Some("UTC".to_owned());
        Ok(match self.word().to_ascii_lowercase().as_str() {
            "null" => DataType::Null,
            "boolean" => DataType::Boolean,
            "tinyint" | "byte" => DataType::Int8,
            "smallint" | "short" => DataType::Int16,
            "int" | "integer" => DataType::Int32,
            "bigint" | "long" => DataType::Int64,
            "uint8" => DataType::UInt8,
            "uint16" => DataType::UInt16,
            "uint32" => DataType::UInt32,
            "uint64" => DataType::UInt64,
            "float" | "real" => DataType::Float32,
            "double" => DataType::Float64,
            "string" => DataType::Utf8,
            "date" => DataType::Date32,
            "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, utc()),
            "timestamp_ntz" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "decimal" | "numeric" | "dec" => {
                let (mut precision, mut scale) = (10, 0);
                if self.eat('(') {
                    precision = self.number()?;
                    scale = if self.eat(',') { self.number()? } else { 0 };
                    self.expect(')')?;
                }
                DataType::Decimal128(precision, scale)
            }
            "binary" if self.eat('(') => {
                let width = self.number()?;
                self.expect(')')?;
                DataType::FixedSizeBinary(width)
            }
            "binary" => DataType::Binary,
            "array" => DataType::List(Box::new(Field::new("item", self.bracketed()?))),
            "map" => self.map()?,
            "struct" => DataType::Struct(self.fields()?),
            word => {
                return Err(Error::input(format!("type `{}`: unknown type `{word}`", self.text)));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_printed() {
        for text in [
            "binary(16)",
            "decimal(12, 2)",
            "timestamp_ntz",
            "map<string, array<uint8>>",
            "struct<>",
            "array<struct<id: bigint, at: timestamp, inner: struct<ok: boolean>>>",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn names_may_be_quoted_and_colons_left_out() {
        let DataType::Struct(fields) = parse("STRUCT<`a b``.c` LONG, d: int>").unwrap() else {
            unreachable!()
        };
        assert_eq!(fields[0].name, "a b`.c");
        assert_eq!(fields[1], Field::new("d", DataType::Int32));
    }

    #[test]
    fn mistakes_say_where() {
        for (text, message) in [
            ("strin", "type `strin`: unknown type `strin`"),
            ("array<int", "type `array<int`: expected `>` before ``"),
            ("int x", "type `int x`: expected the end before `x`"),
            ("decimal(x)", "type `decimal(x)`: expected a number before `)`"),
        ] {
            assert_eq!(parse(text).unwrap_err().message(), message);
        }
    }
}
