//! Values held against a JSON Schema: every unknown key, missing key and wrong type at once.
//!
//! Owns the wording of such mistakes, for the pipeline file and for the config of plugins.
//! Understands the part of JSON Schema that config types generate; what it does not
//! understand it lets pass, since deserialising comes after it.

mod wording;

use crate::diagnostic::{Diagnostic, KeyPath, Place};
use serde_json::{Map, Value};
use wording::{
    format_problem, kinds, range_problem, table_name, unknown_key, wrong_choice, wrong_type,
};

/// Holds the value of `key` against a schema and adds every mistake to `failures`. Keys that
/// are at fault are taken out of their table, so that the rest can still be used.
pub fn check(schema: &Value, value: &mut Value, key: &KeyPath, failures: &mut Vec<Diagnostic>) {
    let before = failures.len();
    let checker = Checker { root: schema, failures };
    checker.run(schema, value, key);
    // The first mistake at a place explains the others.
    let mut at = 0;
    while at < failures.len() {
        let again = failures[..at].iter().any(|earlier| earlier.at == failures[at].at);
        if at >= before && again && failures[at].at.is_some() {
            failures.remove(at);
        } else {
            at += 1;
        }
    }
}

/// A plugin's schema is not trusted: references may go round in circles.
const MAX_OPTIONS: usize = 1_000;

struct Checker<'a> {
    root: &'a Value,
    failures: &'a mut Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    fn run(mut self, schema: &'a Value, value: &mut Value, key: &KeyPath) {
        self.value(schema, value, key);
    }

    /// Whether the value may stay.
    fn value(&mut self, schema: &'a Value, value: &mut Value, key: &KeyPath) -> bool {
        let options = self.options(schema);
        let fitting: Vec<&Value> = options.iter().copied().filter(|s| fits(s, value)).collect();
        if fitting.is_empty() && !options.is_empty() {
            return self.fail(wrong_type(value, &kinds(&options), key), key);
        }
        if !fitting.is_empty() && fitting.iter().all(|schema| !constants(schema).is_empty()) {
            let choices: Vec<&Value> =
                fitting.iter().flat_map(|schema| constants(schema)).collect();
            let chosen = choices.contains(&&*value);
            if !chosen && value.is_boolean() {
                return self.fail(wrong_type(value, &kinds(&options), key), key);
            }
            return chosen || self.fail(wrong_choice(value, &choices, key), key);
        }
        let tagged: Vec<&Value> = fitting.into_iter().filter(|s| tag_fits(s, value)).collect();
        // Between several that may fit, the value's own type decides: nothing to say here.
        let [schema] = tagged[..] else { return true };
        match value {
            Value::Object(table) => {
                self.table(schema, table, key);
                true
            }
            Value::Array(elements) => {
                let Some(schema) = schema.get("items") else { return true };
                for (index, element) in elements.iter_mut().enumerate() {
                    // Elements stay, so that the keys of those after them stay right.
                    self.value(schema, element, &key.index(index));
                }
                true
            }
            Value::String(text) => match format_problem(schema, text) {
                Some((problem, hint)) => self.fail(Diagnostic::config(problem).hint(hint), key),
                None => true,
            },
            Value::Number(_) => match range_problem(schema, value, key) {
                Some(failure) => self.fail(failure, key),
                None => true,
            },
            Value::Null | Value::Bool(_) => true,
        }
    }

    fn table(&mut self, schema: &'a Value, table: &mut Map<String, Value>, key: &KeyPath) {
        let known = schema.get("properties").and_then(Value::as_object);
        let known = |name: &str| known.and_then(|known| known.get(name));
        let other = schema.get("additionalProperties");
        let names: Vec<String> = table.keys().cloned().collect();
        let mut misspelt: Vec<String> = Vec::new();
        for name in names {
            let path = key.name(&name);
            let Some(value) = table.get_mut(&name) else { continue };
            let stays = match (known(&name), other) {
                (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => {
                    self.value(schema, value, &path)
                }
                (None, Some(Value::Bool(false))) => {
                    let (failure, meant) = unknown_key(&name, schema, key);
                    self.failures.push(failure.at_name(&path));
                    misspelt.extend(meant);
                    false
                }
                (None, _) => true,
            };
            if !stays {
                table.shift_remove(&name);
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            // A key that is there but at fault has been reported already.
            let path = Some(key.name(name));
            let reported = self.failures.iter().any(|failure| value_path(failure) == path.as_ref());
            let reported = reported || misspelt.iter().any(|meant| meant == name);
            if !table.contains_key(name) && !reported {
                let failure = self.missing(name, known(name), key);
                self.failures.push(failure);
            }
        }
    }

    fn missing(&self, name: &str, schema: Option<&'a Value>, key: &KeyPath) -> Diagnostic {
        let schema = schema.and_then(|schema| self.options(schema).first().copied());
        let path = key.name(name);
        if key.0.is_empty() {
            let example = self.example_table(schema).unwrap_or_default();
            return Diagnostic::config(format!("missing table `[{name}]`"))
                .hint(format!("add, for example:\n[{name}]{example}"));
        }
        let failure = Diagnostic::config(format!("missing key `{name}` in {}", table_name(key)));
        let example = schema.and_then(example);
        let hint = match example {
            Some(example) => format!("add, for example, `{name} = {example}`"),
            None => format!("add `{name}`"),
        };
        failure.hint(hint).at(&path)
    }

    /// The required keys of a table with their examples, a line each.
    fn example_table(&self, schema: Option<&'a Value>) -> Option<String> {
        let schema = schema?;
        let known = schema.get("properties")?;
        let required = schema.get("required")?.as_array()?.iter().filter_map(Value::as_str);
        let lines = required.filter_map(|name| {
            let schema = *self.options(known.get(name)?).first()?;
            Some(format!("\n{name} = {}", example(schema)?))
        });
        Some(lines.collect())
    }

    /// The schemas of which one must fit, references resolved; none when that does not end.
    fn options(&self, schema: &'a Value) -> Vec<&'a Value> {
        let (mut options, mut open, mut steps) = (Vec::new(), vec![schema], 0);
        while let Some(schema) = open.pop() {
            steps += 1;
            if steps > MAX_OPTIONS {
                return Vec::new();
            }
            let several = schema.get("anyOf").or_else(|| schema.get("oneOf"));
            if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
                let pointer = target.strip_prefix('#').unwrap_or("/");
                open.extend(self.root.pointer(pointer));
            } else if let Some(several) = several.and_then(Value::as_array) {
                open.extend(several.iter().rev());
            } else {
                options.push(schema);
            }
        }
        options
    }

    fn fail(&mut self, failure: Diagnostic, key: &KeyPath) -> bool {
        self.failures.push(failure.at(key));
        false
    }
}

/// The key whose value a failure is about.
fn value_path(failure: &Diagnostic) -> Option<&KeyPath> {
    match failure.at.as_ref()? {
        Place::Key(path, _) | Place::Written(path, _) => Some(path),
        Place::Name(_) | Place::Span(_) => None,
    }
}

/// Whether a value is of a type that the schema allows.
fn fits(schema: &Value, value: &Value) -> bool {
    let allowed = types(schema);
    let number = matches!(value, Value::Number(_)) && allowed.contains(&"number");
    allowed.is_empty() || number || allowed.contains(&kind(value))
}

/// Whether the constants among the schema's properties, such as `kind`, are the value's.
fn tag_fits(schema: &Value, value: &Value) -> bool {
    let known = schema.get("properties").and_then(Value::as_object);
    known.into_iter().flatten().all(|(name, schema)| {
        let constant = schema.get("const");
        constant.is_none() || value.get(name).is_none() || constant == value.get(name)
    })
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => constants(schema).into_iter().map(kind).collect(),
    }
}

fn constants(schema: &Value) -> Vec<&Value> {
    let several = schema.get("enum").and_then(Value::as_array);
    schema.get("const").into_iter().chain(several.into_iter().flatten()).collect()
}

/// The type of a value as JSON Schema calls it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn example(schema: &Value) -> Option<&Value> {
    schema.get("examples")?.get(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The messages, and what is left of the value.
    fn checked(schema: &Value, mut value: Value) -> (Vec<String>, Value) {
        let mut failures = Vec::new();
        check(schema, &mut value, &KeyPath::default().name("config"), &mut failures);
        (failures.into_iter().map(|failure| failure.message).collect(), value)
    }

    #[test]
    fn every_mistake_is_found_and_taken_out() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["column", "into"],
            "properties": {
                "column": { "type": "string" }, "into": { "type": "string" },
                "depth": { "type": "integer", "minimum": 1 },
                "mode": { "oneOf": [{ "const": "keep" }, { "const": "drop" }] },
                "names": { "type": "array", "items": { "type": "string" } },
                "time": { "type": "string", "format": "time-span" },
            },
        });
        let value = json!({
            "colum": 1, "into": 2, "depth": 0, "mode": "kep", "names": ["a", 1], "time": "soon",
        });
        let (messages, left) = checked(&schema, value);
        assert_eq!(
            messages,
            [
                "unknown key `colum` in `[config]`",
                "`into` must be a string, not an integer",
                "`depth` must be at least 1, not `0`",
                "`mode` cannot be `kep`",
                "an element of `names` must be a string, not an integer",
                "`soon` is not a duration",
            ]
        );
        assert_eq!(left, json!({ "names": ["a", 1] }));
    }

    #[test]
    fn alternatives_are_told_apart_by_type_then_by_tag() {
        let table = |tag: &str, key: &str| {
            json!({
                "type": "object", "additionalProperties": false,
                "properties": { "kind": { "const": tag }, key: { "type": "string" } },
            })
        };
        let schema = json!({ "anyOf": [{ "type": "string" }, table("a", "x"), table("b", "y")] });
        assert_eq!(checked(&schema, json!("text")).0, [""; 0]);
        assert_eq!(checked(&schema, json!({ "kind": "b", "y": "1" })).0, [""; 0]);
        assert_eq!(
            checked(&schema, json!({ "kind": "b", "x": "1" })).0,
            ["unknown key `x` in `[config]`"]
        );
        assert_eq!(
            checked(&schema, json!(1)).0,
            ["`config` must be a string or a table, not an integer"]
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let round = json!({ "$ref": "#/$defs/A", "$defs": { "A": { "$ref": "#/$defs/A" } } });
        assert_eq!(checked(&round, json!({ "a": 1 })).0, [""; 0]);
        let wide = json!({ "anyOf": [{ "$ref": "#" }, { "$ref": "#" }] });
        assert_eq!(checked(&wide, json!({ "a": 1 })).0, [""; 0]);
    }

    #[test]
    fn what_is_not_understood_passes() {
        for schema in [json!(true), json!({}), json!({ "$ref": "#/nowhere" }), json!({ "not": {} })]
        {
            assert_eq!(checked(&schema, json!({ "a": [null] })).0, [""; 0], "{schema}");
        }
    }
}
