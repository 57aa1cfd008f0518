//! What stands at a path of the input, and what to say when it cannot be exploded.

use lockgate_sdk::{DataType, Element, Error, Field, Path, Schema};

/// At most this many columns are listed in a message.
const LISTED: usize = 20;

/// Checks that a list or a map stands at the path.
pub(crate) fn check_collection(input: &Schema, path: &Path) -> Result<(), Error> {
    check_steps(input, path)?;
    let field = input.field(path).map_err(|error| with_suggestion(&error, input, path))?;
    match field.data_type {
        DataType::List(_) | DataType::Map(_) => Ok(()),
        DataType::Utf8 => Err(Error::config(format!(
            "`{path}` is string, not a list or a map; if it holds JSON text, declare it as `array<...>` in the schema of the source; {}",
            known_collections(input)
        ))),
        other => Err(Error::config(format!(
            "`{path}` is {other}, not a list or a map; {}",
            known_collections(input)
        ))),
    }
}

/// Refuses a path that goes on after a list, a map or a plain value.
fn check_steps(input: &Schema, path: &Path) -> Result<(), Error> {
    let steps = path.steps();
    for end in 1..steps.len() {
        let (outer, rest) = (Path::from_steps(&steps[..end]), &steps[end..]);
        let Ok(field) = input.field(&outer) else { return Ok(()) };
        let kind = match field.data_type {
            DataType::Struct(_) => continue,
            DataType::List(_) => "list",
            DataType::Map(_) => "map",
            other => {
                return Err(Error::input(format!(
                    "`{outer}` is {other} and has no members, so there is no `{path}`; {}",
                    known_collections(input)
                )));
            }
        };
        let mut inner = vec![outer.leaf().to_owned()];
        inner.extend_from_slice(rest);
        let inner = Path::from_steps(&inner);
        let member = if kind == "map" {
            format!(" (its entries have the members `{0}.key` and `{0}.value`)", outer.leaf())
        } else {
            String::new()
        };
        return Err(Error::config(format!(
            "`{path}` steps into the {kind} `{outer}`, which a path cannot do; use two explode stages: first `{outer}`, then `{inner}`{member}"
        )));
    }
    Ok(())
}

fn with_suggestion(error: &Error, input: &Schema, path: &Path) -> Error {
    let alike = |other: &&Path| other.leaf().eq_ignore_ascii_case(path.leaf());
    match collections(input).iter().find(alike) {
        Some(other) => Error::input(format!("{}; did you mean `{other}`?", error.message())),
        None => error.clone(),
    }
}

/// Says which lists and maps the input has.
pub(crate) fn known_collections(input: &Schema) -> String {
    let found = collections(input);
    if found.is_empty() {
        return "the input has neither lists nor maps".to_owned();
    }
    let names: Vec<_> = found.iter().take(LISTED).map(|path| format!("`{path}`")).collect();
    let more = if found.len() > LISTED { ", ..." } else { "" };
    format!("lists and maps of the input: {}{more}", names.join(", "))
}

/// Paths of all lists and maps that a path can reach, in schema order.
fn collections(input: &Schema) -> Vec<Path> {
    fn visit(path: &Path, field: &Field, found: &mut Vec<Path>) {
        match &field.data_type {
            DataType::List(_) | DataType::Map(_) => found.push(path.clone()),
            DataType::Struct(members) => {
                for member in members {
                    visit(&path.join(&member.name), member, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for field in &input.fields {
        visit(&Path::from_steps(&[&field.name]), field, &mut found);
    }
    found
}

/// Whether nothing is left in a struct column once the elements have left it.
pub(crate) fn is_emptied(field: &Field, elements: &[Element]) -> bool {
    fn only_taken(path: &Path, field: &Field, elements: &[Element]) -> bool {
        elements.iter().any(|element| element.column == *path)
            || match &field.data_type {
                DataType::Struct(members) => {
                    members.iter().all(|m| only_taken(&path.join(&m.name), m, elements))
                }
                _ => false,
            }
    }
    let path = Path::from_steps(&[&field.name]);
    let is_touched =
        elements.iter().any(|element| element.column.steps().first() == Some(&field.name));
    is_touched && only_taken(&path, field, elements)
}
