//! The reference of the pipeline file, in Markdown, from its JSON Schema.
//!
//! Owns the layout of `docs/pipeline-reference.md`; every fact in it comes from the config
//! types, except the notation of column types.

use super::schema;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The command that brings the reference up to date, from the root of the repository.
pub const UPDATE: &str =
    "cargo run --package lockgate -- schema --markdown > docs/pipeline-reference.md";

const VALUES: &str = "\
## Values

- A *size* is a number and a unit: `64 KiB`, `512 MiB`, `1.5 GiB`, `10 GB`; a bare integer is bytes.
- A *duration* is a number and a unit: `500ms`, `10s`, `5min`, `1h`, or several: `1h 30min`.
- Unknown keys are errors. Leaving a key out means its default.
";

const SCHEMA_FILES: &str = "\
## Schema files

A schema file holds one key per column of the input; `[source.schema]` holds the same. Every column
may be null.

```toml
id = \"bigint\"
amount = \"decimal(12,2)\"
tags = \"map<string,string>\"

[user]                      # a struct
name = \"string\"

[[payment]]                 # a list of structs
date = \"date\"
lines = \"array<struct<sku: string, count: int>>\"
```

| type | values |
|---|---|
| `string`, `boolean`, `binary` | text, `true` or `false`, base64 text |
| `tinyint`, `smallint`, `int`, `bigint` | integers of 8, 16, 32 and 64 bits |
| `float`, `double`, `decimal(p,s)` | fractions; `decimal` keeps every digit |
| `date`, `timestamp` | days, and microseconds in UTC |
| `array<T>`, `map<string,T>`, `struct<a: T, b: T>` | nested values |
";

/// The whole reference.
#[must_use]
pub fn markdown() -> String {
    let schema = schema::base();
    let mut out = String::from("# The pipeline file\n\n");
    out.push_str("<!-- Generated from the config types in host/src/pipeline/config.rs: do not edit.\n     Update: ");
    out.push_str(UPDATE);
    out.push_str(" -->\n\n");
    paragraph(&mut out, description(&schema));
    out.push_str("```toml\n");
    out.push_str(include_str!("../../../pipelines/payments/pipeline.toml").trim_end());
    out.push_str("\n```\n\n");
    out.push_str(VALUES);
    for (name, property) in properties(&schema) {
        let is_list = property.get("items").is_some();
        let target = property.get("items").unwrap_or(property);
        let header = if is_list { format!("[[{name}]]") } else { format!("[{name}]") };
        table(
            &mut out,
            &schema,
            &Table { header: &header, path: name, depth: 2 },
            property,
            target,
        );
    }
    out.push('\n');
    out.push_str(SCHEMA_FILES);
    out
}

struct Table<'a> {
    header: &'a str,
    path: &'a str,
    depth: usize,
}

/// A heading, what the table is for, its keys, then the tables inside it.
fn table(out: &mut String, root: &Value, table_: &Table<'_>, property: &Value, target: &Value) {
    let definition = follow(root, target);
    let marks = "#".repeat(table_.depth);
    let _ = write!(out, "\n{marks} `{}`\n\n", table_.header);
    paragraph(out, description(property).or(description(definition)));
    let required: Vec<&str> =
        definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut inner = Vec::new();
    for (name, property) in properties(definition) {
        if follow(root, property).get("properties").is_some() {
            inner.push((name, property));
        }
        key(out, root, name, property, required.contains(&name.as_str()));
    }
    for (name, property) in inner {
        let path = format!("{}.{name}", table_.path);
        let header = format!("[{path}]");
        let inner = Table { header: &header, path: &path, depth: table_.depth + 1 };
        table(out, root, &inner, property, property);
    }
}

fn key(out: &mut String, root: &Value, name: &str, property: &Value, is_required: bool) {
    let definition = follow(root, property);
    let mut facts = vec![value_kind(root, definition)];
    if let (Some(least), Some(most)) = (property.get("minimum"), property.get("maximum")) {
        facts.push(format!("{least} to {most}"));
    }
    match property.get("default") {
        _ if is_required => facts.push("required".to_owned()),
        Some(default) if !is_empty(default) && definition.get("properties").is_none() => {
            facts.push(format!("default `{default}`"));
        }
        _ => {}
    }
    let examples = property.get("examples").and_then(|examples| examples.get(0));
    if let Some(example) = examples.filter(|_| property.get("default").is_none_or(is_empty)) {
        facts.push(format!("for example `{example}`"));
    }
    let text = description(property).unwrap_or_default().replace('\n', " ");
    let _ = writeln!(out, "- **`{name}`** ({}): {text}", facts.join(", "));
    let choices = definition.get("oneOf").and_then(Value::as_array);
    for choice in choices.into_iter().flatten() {
        let text = description(choice).unwrap_or_default().replace('\n', " ");
        let _ = writeln!(out, "  - `{}`: {text}", choice["const"]);
    }
}

/// What a value of the key is called.
fn value_kind(root: &Value, definition: &Value) -> String {
    match definition.get("format").and_then(Value::as_str) {
        Some("byte-size") => return "size".into(),
        Some("time-span") => return "duration".into(),
        _ => {}
    }
    if let Some(constant) = definition.get("const").filter(|value| value.is_boolean()) {
        return format!("`{constant}`");
    }
    if let Some(options) = definition.get("anyOf").and_then(Value::as_array) {
        let kinds = options.iter().map(|option| value_kind(root, follow(root, option)));
        return kinds.collect::<Vec<_>>().join(" or ");
    }
    match definition.get("type").and_then(Value::as_str) {
        _ if definition.get("oneOf").is_some() => "one of these".into(),
        Some("array") => {
            format!("list of {}s", value_kind(root, follow(root, &definition["items"])))
        }
        Some("object") => "table".into(),
        Some(name) => name.to_owned(),
        None => "value".into(),
    }
}

fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|t| t.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str)
}

fn paragraph(out: &mut String, text: Option<&str>) {
    if let Some(text) = text {
        out.push_str(text);
        out.push_str("\n\n");
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.is_empty(),
        Value::Object(table) => table.is_empty(),
        Value::Null => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn the_reference_in_docs_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pipeline-reference.md");
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == markdown(), "docs/pipeline-reference.md is stale; run: {UPDATE}");
    }
}
