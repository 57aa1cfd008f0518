//! Names of the added columns: none may be that of a column which is there already.
//!
//! Names that differ only in case count as the same, as they do for the readers of the table.

use lockgate_sdk::{Element, Error, Schema};

/// Checks the names of the element columns.
pub(crate) fn check(input: &Schema, elements: &[Element]) -> Result<(), Error> {
    for (i, element) in elements.iter().enumerate() {
        let Element { column, name } = element;
        if name.is_empty() {
            return Err(Error::config(format!(
                "the elements of `{column}` would have an empty name; set `into` to the name they get"
            )));
        }
        if let Some(taken) = remaining(input, elements, name)
            && !keeps_its_name(element)
        {
            return Err(Error::config(format!(
                "the elements of `{column}` would be named `{name}`, but the input has a column `{taken}` already; set `into` to a name that is free"
            )));
        }
        if let Some(other) = elements[..i].iter().find(|other| same(&other.name, name)) {
            return Err(Error::config(format!(
                "the elements of `{}` and of `{column}` would both be named `{name}`; set `into` to another name for one of them",
                other.column
            )));
        }
    }
    Ok(())
}

/// Checks the name of the position column.
pub(crate) fn check_position(
    input: &Schema,
    elements: &[Element],
    position: Option<&str>,
) -> Result<(), Error> {
    let Some(position) = position else { return Ok(()) };
    if position.is_empty() {
        return Err(Error::config("`position` is empty; give the name of the column to add"));
    }
    let taken = remaining(input, elements, position)
        .or_else(|| elements.iter().map(|e| e.name.as_str()).find(|name| same(name, position)));
    match taken {
        Some(taken) => Err(Error::config(format!(
            "`position` is `{position}`, but there is a column `{taken}` already; choose a name that is free"
        ))),
        None => Ok(()),
    }
}

/// The column of this name that is still there when the elements have left their places.
fn remaining<'a>(input: &'a Schema, elements: &[Element], name: &str) -> Option<&'a str> {
    let leaves = |column: &str| {
        elements.iter().any(|e| matches!(e.column.steps(), [only] if only == column))
    };
    let mut names = input.fields.iter().map(|field| field.name.as_str());
    names.find(|column| same(column, name) && !leaves(column))
}

/// Whether the elements of a top-level list take its own name, which adds no name at all.
fn keeps_its_name(element: &Element) -> bool {
    matches!(element.column.steps(), [only] if *only == element.name)
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
