//! The config between the pipeline file and the stage: its JSON Schema, and its parsing.

use crate::{Error, json};
use serde::de::DeserializeOwned;

/// JSON Schema of a stage's config.
pub(crate) fn schema<S: crate::Stage>() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let schema = settings.into_generator().into_root_schema_for::<S::Config>();
    serde_json::to_string(schema.as_value()).unwrap_or_default()
}

/// Parses a config.
///
/// # Errors
/// [`Error::Config`] names the key and what is wrong with its value.
pub(crate) fn parse<C: DeserializeOwned>(text: &str) -> Result<C, Error> {
    json::from_str(text).map_err(|fault| Error::config(fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Config {
        column: String,
        limits: Option<Vec<Limit>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Limit {
        rows: u32,
    }

    #[test]
    fn a_mistake_in_a_config_names_the_key() {
        for (text, message) in [
            (r#"{"column": 3}"#, "`column`: expected a string, found 3"),
            (
                r#"{"column": "a", "limits": [{"rows": 1}, {"rows": "many"}]}"#,
                "`limits[1].rows`: expected u32, found \"many\"",
            ),
            (
                "{\"column\": \"a\",\n \"limits\": [{\"rows\": -1}]}",
                "`limits[0].rows`: expected u32, found -1",
            ),
            (r#"{"column": "a", "limits": true}"#, "`limits`: expected a sequence, found `true`"),
        ] {
            assert_eq!(parse::<Config>(text).unwrap_err().message(), message, "{text}");
        }
        let unknown = parse::<Config>(r#"{"colunm": "a"}"#).unwrap_err();
        assert!(unknown.message().contains("unknown field `colunm`"), "{unknown}");
        let missing = parse::<Config>("{}").unwrap_err();
        assert_eq!(missing.message(), "missing field `column`");
    }
}
