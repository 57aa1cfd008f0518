//! JSON text as a config: a parser and a deserializer small enough for the sandbox, where
//! `serde_json` would be most of a component. A mistake names the key it is in.

mod deserialize;
mod parse;

use serde::de::{DeserializeOwned, Error, Expected, Unexpected};
use std::fmt;

/// Reads a value from JSON text.
///
/// # Errors
/// Says what is wrong, and under which key.
pub(crate) fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    T::deserialize(parse::parse(text)?)
}

/// What is wrong with a value, and where it is.
#[derive(Debug)]
pub(crate) struct Fault {
    path: String,
    message: String,
}

impl Fault {
    fn new(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    fn within(mut self, step: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "`{}`: {}", self.path, self.message)
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    // The default would print floats, which alone is a third of a small component.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(true) => "`true`",
            Unexpected::Bool(false) => "`false`",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Str(text) => {
                return Self::new(format!("expected {expected}, found \"{text}\""));
            }
            Unexpected::Unit | Unexpected::Option => "`null`",
            Unexpected::Seq => "a list",
            Unexpected::Map => "an object",
            _ => "another value",
        };
        Self::new(format!("expected {expected}, found {found}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unsigned(value) => Self::new(format!("expected {expected}, found {value}")),
            Unexpected::Signed(value) => Self::new(format!("expected {expected}, found {value}")),
            other => Self::invalid_type(other, expected),
        }
    }
}

enum Json {
    Null,
    Bool(bool),
    /// As written: what it becomes depends on who asks.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Plain,
        Wide { by: u8 },
        Pair(i8, f64),
        Named(String),
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum OneOrMany {
        One(f64),
        Many(Vec<i64>),
    }

    #[test]
    fn every_kind_of_value_is_read() {
        type All = (Vec<Shape>, BTreeMap<String, Option<bool>>, Vec<OneOrMany>, ((), char));
        let text = r#" [ ["plain", {"wide": {"by": 255}}, {"pair": [-128, 1.5e3]}, {"named": ""}],
            {"a": null, "b": true}, [0.1, [9223372036854775807, -1], [ ]], [null, "x"] ] "#;
        let (shapes, map, many, rest): All = from_str(text).unwrap();
        let wide = Shape::Wide { by: 255 };
        let named = Shape::Named(String::new());
        assert_eq!(shapes, [Shape::Plain, wide, Shape::Pair(-128, 1500.0), named]);
        assert_eq!(map, BTreeMap::from([("a".into(), None), ("b".into(), Some(true))]));
        let lists = [vec![i64::MAX, -1], vec![]].map(OneOrMany::Many);
        assert_eq!(many[0], OneOrMany::One(0.1));
        assert_eq!(many[1..], lists);
        assert_eq!(rest, ((), 'x'));
    }

    #[test]
    fn strings_are_unescaped() {
        let text = r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#.replace("\\\\", "\\");
        let read: String = from_str(&text).unwrap();
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), read);
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "{",
            "[1",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{1:2}",
            "tru",
            "1 2",
            "\"a",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "[,]",
            "+1",
            "--1",
            &deep,
        ] {
            assert!(from_str::<serde_json::Value>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert!(from_str::<u8>("256").is_err());
        assert!(from_str::<u64>("-1").is_err());
        assert!(from_str::<i64>("1.5").is_err());
        assert!(from_str::<(u8,)>("[1, 2]").is_err());
    }
}
