//! A config schema as a table for a person, and an example config as TOML.

use serde_json::{Map, Value};
use std::fmt::Write;

/// One line per key: `key`, type, default, and the first paragraph of its description.
pub(super) fn lines(schema: &Value) -> Vec<[String; 4]> {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let no_keys = Map::new();
    let keys = schema["properties"].as_object().unwrap_or(&no_keys);
    let line = |(key, value): (&String, &Value)| {
        let default = match value.get("default") {
            _ if required.contains(&key.as_str()) => "required".to_owned(),
            None | Some(Value::Null) => String::new(),
            Some(default) => default.to_string(),
        };
        let description = value["description"].as_str().unwrap_or("");
        let description = description.split("\n\n").next().unwrap_or("").replace('\n', " ");
        [key.clone(), type_text(value, schema), default, description]
    };
    keys.iter().map(line).collect()
}

/// The type of a key, as a user would write a value of it.
fn type_text(schema: &Value, root: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        return root.pointer(target).map_or("any".into(), |schema| type_text(schema, root));
    }
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return alternatives(values.iter().map(Value::to_string));
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(schemas) = schema[key].as_array() {
            return alternatives(schemas.iter().map(|schema| type_text(schema, root)));
        }
    }
    let one = |name: &str| match name {
        "array" => format!("list of {}", type_text(&schema["items"], root)),
        "object" => match schema["properties"].as_object() {
            Some(keys) => format!("{{ {} }}", keys.keys().cloned().collect::<Vec<_>>().join(", ")),
            None => "table".into(),
        },
        name => name.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => alternatives(names.iter().filter_map(Value::as_str).map(one)),
        _ => "any".into(),
    }
}

/// Alternatives joined; null, which stands for a key left out, is not one.
fn alternatives(texts: impl Iterator<Item = String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for text in texts.filter(|text| text != "null") {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    distinct.join(" | ")
}

/// JSON as inline TOML. Members that are null are left out: TOML has no null.
pub(super) fn inline_toml(value: &Value) -> String {
    let mut text = String::new();
    write_toml(value, &mut text);
    text
}

fn write_toml(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push('{');
            let present = members.iter().filter(|(_, value)| !value.is_null());
            for (i, (key, value)) in present.enumerate() {
                out.push_str(if i == 0 { " " } else { ", " });
                let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                if !key.is_empty() && key.chars().all(is_bare) {
                    out.push_str(key);
                } else {
                    write_string(key, out);
                }
                out.push_str(" = ");
                write_toml(value, out);
            }
            out.push_str(" }");
        }
        Value::Array(elements) => {
            out.push('[');
            for (i, element) in elements.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write_toml(element, out);
            }
            out.push(']');
        }
        Value::String(text) => write_string(text, out),
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// A string as TOML would have it; the escapes of JSON are among those of TOML, and a text with
/// quotes but no apostrophes reads better between apostrophes.
fn write_string(text: &str, out: &mut String) {
    let is_literal =
        text.contains(['"', '\\']) && !text.contains(|c: char| c == '\'' || c.is_control());
    let quoted = if is_literal { format!("'{text}'") } else { Value::from(text).to_string() };
    out.push_str(&quoted);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_becomes_a_table_of_keys() {
        let schema = json!({
            "type": "object",
            "required": ["column"],
            "properties": {
                "column": { "type": "string", "description": "The column.\nStill it.\n\nMore." },
                "into": { "type": ["string", "null"], "default": null },
                "maps": { "$ref": "#/$defs/Maps", "default": "keep" },
                "columns": { "anyOf": [{ "type": "array", "items": { "$ref": "#/$defs/Column" } }, { "type": "null" }] },
                "depth": { "type": ["integer", "null"], "format": "uint32" },
                "anything": true,
            },
            "$defs": {
                "Maps": { "oneOf": [{ "const": "keep", "type": "string" }, { "const": "json", "type": "string" }] },
                "Column": { "type": "object", "properties": { "column": {}, "into": {} } },
            },
        });
        let text: Vec<String> = lines(&schema).iter().map(|line| line.join(" / ")).collect();
        assert_eq!(
            text,
            [
                "column / string / required / The column. Still it.",
                "into / string /  / ",
                "maps / \"keep\" | \"json\" / \"keep\" / ",
                "columns / list of { column, into } /  / ",
                "depth / integer /  / ",
                "anything / any /  / ",
            ]
        );
    }

    #[test]
    fn an_example_becomes_inline_toml_that_says_the_same() {
        let example = json!({
            "column": "a.`b.c`", "n": 3, "x": [1.5, true], "odd key": {}, "quoted": "say \"hi\" \\ 'there'",
            "where": "name = \"x\"", "tab": "a\tb\u{1}",
        });
        let text = inline_toml(&example);
        assert!(
            text.starts_with("{ column = \"a.`b.c`\", n = 3, x = [1.5, true], \"odd key\" = { }"),
            "{text}"
        );
        assert!(text.contains("where = 'name = \"x\"'"), "{text}");
        let read: toml::Table = toml::from_str(&format!("config = {text}")).unwrap();
        assert_eq!(serde_json::to_value(&read["config"]).unwrap(), example);
        assert_eq!(inline_toml(&json!({ "a": null })), "{ }");
    }
}
