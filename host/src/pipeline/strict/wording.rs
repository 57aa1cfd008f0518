//! What a mistake in a value is called.

use super::{kind, types};
use crate::{
    diagnostic::{Diagnostic, Key, KeyPath, suggest},
    pipeline::quantity::{ByteSize, DURATION_HINT, SIZE_HINT, TimeSpan},
};
use serde_json::Value;

/// What a person calls it.
fn article(kind: &str) -> String {
    match kind {
        "object" => "a table".into(),
        "boolean" => "`true` or `false`".into(),
        "null" => "nothing".into(),
        "array" | "integer" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

pub(super) fn kinds(options: &[&Value]) -> String {
    let mut names: Vec<String> = Vec::new();
    for schema in options {
        let only = schema.get("const").filter(|value| value.is_boolean());
        let found = match (only, schema.get("format").and_then(Value::as_str)) {
            (Some(value), _) => vec![format!("`{value}`")],
            (None, Some("byte-size")) => vec!["a size such as `64 MiB`".to_owned()],
            (None, Some("time-span")) => vec!["a duration such as `10s`".to_owned()],
            _ => types(schema).into_iter().filter(|kind| *kind != "null").map(article).collect(),
        };
        for name in found {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.join(" or ")
}

pub(super) fn wrong_type(value: &Value, allowed: &str, key: &KeyPath) -> Diagnostic {
    let is = match value {
        Value::Bool(value) => format!("`{value}`"),
        value => article(kind(value)),
    };
    let failure = Diagnostic::config(format!("{} must be {allowed}, not {is}", name_of(key)));
    match (value, key.0.last()) {
        (Value::String(_), Some(Key::Name(name))) if allowed == "an array" => {
            failure.hint(format!("put it in brackets: `{name} = [{value}]`"))
        }
        (Value::Object(_), Some(Key::Name(name))) if allowed == "an array" && key.0.len() == 1 => {
            failure.hint(format!("write its header in two brackets: `[[{name}]]`"))
        }
        _ => failure,
    }
}

pub(super) fn wrong_choice(value: &Value, choices: &[&Value], key: &KeyPath) -> Diagnostic {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let names: Vec<String> = choices.iter().map(|choice| text(choice)).collect();
    let failure = Diagnostic::config(format!("{} cannot be `{}`", name_of(key), text(value)));
    let failure = match suggest(&text(value), names.iter().map(String::as_str)) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure,
    };
    failure.hint(format!("it is one of {}", quoted(&names)))
}

/// The failure, and the known key that was probably meant.
pub(super) fn unknown_key(
    name: &str,
    schema: &Value,
    key: &KeyPath,
) -> (Diagnostic, Option<String>) {
    let what = if key.0.is_empty() { "table" } else { "key" };
    let place = if key.0.is_empty() { String::new() } else { format!(" in {}", table_name(key)) };
    let failure = Diagnostic::config(format!("unknown {what} `{name}`{place}"));
    let known = schema.get("properties").and_then(Value::as_object);
    let names: Vec<String> = known.into_iter().flat_map(|known| known.keys().cloned()).collect();
    let meant = suggest(name, names.iter().map(String::as_str)).map(str::to_owned);
    let failure = match &meant {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure,
    };
    let failure = if names.is_empty() {
        failure.hint(format!("no {what}s are known here"))
    } else {
        failure.hint(format!("known {what}s: {}", quoted(&names)))
    };
    (failure, meant)
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A key as its line shows it: `max_depth`, or the whole path of an element.
fn name_of(key: &KeyPath) -> String {
    match key.0.last() {
        Some(Key::Name(name)) => format!("`{name}`"),
        Some(Key::Index(_)) => format!("an element of {}", name_of(&KeyPath(parent(key)))),
        None => "the file".to_owned(),
    }
}

fn parent(key: &KeyPath) -> Vec<Key> {
    key.0[..key.0.len() - 1].to_vec()
}

/// A table as its header shows it: `[stage.limits]`; the caret says which one.
pub(super) fn table_name(key: &KeyPath) -> String {
    let names = key.0.iter().filter_map(|key| match key {
        Key::Name(name) => Some(name.as_str()),
        Key::Index(_) => None,
    });
    let path = names.collect::<Vec<_>>().join(".");
    if matches!(key.0.last(), Some(Key::Index(_))) {
        format!("`[[{path}]]`")
    } else {
        format!("`[{path}]`")
    }
}

pub(super) fn format_problem(schema: &Value, text: &str) -> Option<(String, &'static str)> {
    match schema.get("format").and_then(Value::as_str)? {
        "byte-size" => text.parse::<ByteSize>().err().map(|problem| (problem, SIZE_HINT)),
        "time-span" => text.parse::<TimeSpan>().err().map(|problem| (problem, DURATION_HINT)),
        _ => None,
    }
}

pub(super) fn range_problem(schema: &Value, value: &Value, key: &KeyPath) -> Option<Diagnostic> {
    let number = value.as_f64()?;
    let bound = |name: &str| schema.get(name).filter(|bound| bound.is_number());
    let (least, most) = (bound("minimum"), bound("maximum"));
    let below = least.and_then(Value::as_f64).is_some_and(|least| number < least);
    let above = most.and_then(Value::as_f64).is_some_and(|most| number > most);
    if !below && !above {
        return None;
    }
    let range = match (least, most) {
        (Some(least), Some(most)) => format!("from {least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, most) => format!("at most {}", most?),
    };
    Some(Diagnostic::config(format!("{} must be {range}, not `{value}`", name_of(key))))
}
