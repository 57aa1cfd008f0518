//! The JSON Schema of the pipeline file: for editors, for the reference, and for
//! [`strict`](super::strict) checking.
//!
//! Owns what `schemars` does not say the way TOML users need it: TOML has no null, and the
//! config of a stage depends on its plugin.

use super::config::Config;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The config schema of a plugin, by name.
pub type PluginSchema = (String, Value);

/// The JSON Schema (2020-12) of the pipeline file, with the config of these plugins.
#[must_use]
pub fn json_schema(plugins: &[PluginSchema]) -> Value {
    let mut schema = base();
    let mut cases = Vec::new();
    for (name, config) in plugins {
        let mut config = config.clone();
        if let Some(table) = config.as_object_mut() {
            table.shift_remove("$schema");
            // One schema has one set of definitions: those of a plugin go under its name.
            if let Some(Value::Object(definitions)) = table.shift_remove("$defs") {
                for (definition, mut value) in definitions {
                    move_references(&mut value, name);
                    schema["$defs"][format!("{name}.{definition}")] = value;
                }
            }
        }
        move_references(&mut config, name);
        cases.push(json!({
            "if": { "properties": { "plugin": { "const": name } }, "required": ["plugin"] },
            "then": { "properties": { "config": config } },
        }));
    }
    if !cases.is_empty() {
        schema["$defs"]["Stage"]["allOf"] = Value::Array(cases);
    }
    schema
}

/// The schema without the config of any plugin.
pub(super) fn base() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Config>().to_value();
    without_null(&mut schema);
    schema["title"] = json!("lockgate pipeline file");
    schema
}

fn move_references(value: &mut Value, plugin: &str) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(definition) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{plugin}.{definition}");
                        }
                    }
                    value => move_references(value, plugin),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|e| move_references(e, plugin)),
        _ => {}
    }
}

/// Takes null out of what is allowed: in TOML, no value is no key.
fn without_null(value: &mut Value) {
    match value {
        Value::Object(table) => {
            if let Some(Value::Array(types)) = table.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = &types[..] {
                    let only = only.clone();
                    table.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(options)) = table.get_mut("anyOf") {
                options.retain(|option| option.get("type") != Some(&json!("null")));
                if let [Value::Object(only)] = &options[..] {
                    let only = only.clone();
                    table.shift_remove("anyOf");
                    merge(table, only);
                }
            }
            if table.get("default") == Some(&Value::Null) {
                table.shift_remove("default");
            }
            table.values_mut().for_each(without_null);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// What the outer schema says, such as its description, goes before what the inner says.
fn merge(outer: &mut Map<String, Value>, inner: Map<String, Value>) {
    for (key, value) in inner {
        outer.entry(key).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_may_be_null() {
        let text = json_schema(&[]).to_string();
        assert!(!text.contains("null\"]") && !text.contains("\"type\":\"null\""), "{text}");
    }

    #[test]
    fn every_table_is_strict_and_every_key_documented() {
        let schema = base();
        let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
        for table in tables.filter(|table| table.get("properties").is_some()) {
            assert_eq!(table["additionalProperties"], json!(false), "{table}");
            for (name, property) in table["properties"].as_object().unwrap() {
                assert!(property.get("description").is_some(), "{name} has no description");
            }
        }
    }

    #[test]
    fn the_config_of_a_stage_follows_its_plugin() {
        let config = json!({
            "$schema": "x", "type": "object", "properties": { "to": { "$ref": "#/$defs/To" } },
            "additionalProperties": false, "$defs": { "To": { "type": "string" } },
        });
        let schema = json_schema(&[("copy".to_owned(), config)]);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let file = |plugin: &str, config: Value| {
            json!({
                "source": { "path": "a" }, "checkpoint": { "path": "b" }, "sink": { "path": "c" },
                "stage": [{ "plugin": plugin, "config": config }],
            })
        };
        assert!(validator.is_valid(&file("copy", json!({ "to": "x" }))));
        assert!(!validator.is_valid(&file("copy", json!({ "to": 1 }))));
        assert!(!validator.is_valid(&file("copy", json!({ "two": "x" }))));
        assert!(validator.is_valid(&file("./other.wasm", json!({ "two": "x" }))));
    }
}
