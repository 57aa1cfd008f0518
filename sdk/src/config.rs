//! The config between the pipeline file and the stage: its JSON Schema, and its parsing.

use crate::Error;
use serde::de::DeserializeOwned;

/// JSON Schema of a stage's config.
#[cfg(target_arch = "wasm32")]
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
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = message.strip_suffix(&place).unwrap_or(&message);
        match key_at(text, offset(text, error.line(), error.column())) {
            Some(key) => Error::config(format!("`{key}`: {message}")),
            None => Error::config(message),
        }
    })
}

/// Byte offset of a line and column as `serde_json` counts them, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines_before = text.split_inclusive('\n').take(line.saturating_sub(1));
    lines_before.map(str::len).sum::<usize>() + column
}

/// The key whose value `offset` lies in or just behind: `outer.list[2].inner`.
fn key_at(text: &str, offset: usize) -> Option<String> {
    enum Step {
        Key(String),
        Index(usize),
    }
    let bytes = text.as_bytes();
    let mut steps: Vec<Step> = Vec::new();
    let mut last_string = "";
    let mut at = 0;
    while at < offset.min(bytes.len()) {
        match bytes[at] {
            b'"' => {
                let start = at + 1;
                at = start;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                last_string = text.get(start..at).unwrap_or("");
            }
            b'{' => steps.push(Step::Key(String::new())),
            b'[' => steps.push(Step::Index(0)),
            b':' => {
                if let Some(Step::Key(key)) = steps.last_mut() {
                    last_string.clone_into(key);
                }
            }
            // A failing value is reported at the comma behind it at the latest.
            b',' if at + 1 < offset => match steps.last_mut() {
                Some(Step::Index(index)) => *index += 1,
                Some(Step::Key(key)) => key.clear(),
                None => {}
            },
            b'}' | b']' if at + 1 < offset => {
                steps.pop();
            }
            _ => {}
        }
        at += 1;
    }
    let mut path = String::new();
    for step in &steps {
        match step {
            Step::Key(key) if path.is_empty() || key.is_empty() => path.push_str(key),
            Step::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
            Step::Index(index) => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
        }
    }
    (!path.is_empty()).then_some(path)
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
            (r#"{"column": 3}"#, "`column`: invalid type: integer `3`, expected a string"),
            (
                r#"{"column": "a", "limits": [{"rows": 1}, {"rows": "many"}]}"#,
                "`limits[1].rows`: invalid type: string \"many\", expected u32",
            ),
            (
                "{\"column\": \"a\",\n \"limits\": [{\"rows\": -1}]}",
                "`limits[0].rows`: invalid value: integer `-1`, expected u32",
            ),
            (
                r#"{"column": "a", "limits": true}"#,
                "`limits`: invalid type: boolean `true`, expected a sequence",
            ),
        ] {
            assert_eq!(parse::<Config>(text).unwrap_err().message(), message, "{text}");
        }
        let unknown = parse::<Config>(r#"{"colunm": "a"}"#).unwrap_err();
        assert!(unknown.message().contains("unknown field `colunm`"), "{unknown}");
        let missing = parse::<Config>("{}").unwrap_err();
        assert_eq!(missing.message(), "missing field `column`");
    }
}
