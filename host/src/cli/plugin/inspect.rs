//! `lockgate plugin inspect` and `list`: what plugins say of themselves.

use super::config_table;
use crate::{
    diagnostic::{Diagnostic, Result},
    stage::{CONTRACT, Component, Metadata},
};
use serde_json::{Value, json};
use std::{fmt::Write as _, iter};

/// Everything known of a plugin, as text for a person.
///
/// # Errors
/// Fails when the plugin does not describe itself.
pub(super) fn text(component: &Component) -> Result<String> {
    let about = component.describe()?;
    let (imports, exports) = component.interfaces();
    let mut text = format!("{} {}  {}\n\n", about.name, about.version, about.summary);
    let facts = [
        ["digest".to_owned(), format!("sha256:{}", component.digest())],
        ["size".to_owned(), size_text(component.bytes().len())],
        ["contract".to_owned(), format!("lockgate:transform@{CONTRACT}")],
        ["imports".to_owned(), imports_text(&imports)],
        ["exports".to_owned(), exports.join(", ")],
    ];
    text.push_str(&aligned(&facts));
    text.push_str(&config_text(&config_table::lines(&config_schema(&about)?)));
    let examples = examples(&about)?;
    if !examples.is_empty() {
        text.push_str("\nExamples\n");
        for example in examples {
            let _ = writeln!(text, "  config = {}", config_table::inline_toml(&example));
        }
    }
    let _ = write!(text, "\n{}\n", about.docs.trim_end());
    Ok(text)
}

/// A line for each key, and below it what it means.
fn config_text(keys: &[[String; 4]]) -> String {
    if keys.is_empty() {
        return "\nConfig: none\n".to_owned();
    }
    let header = ["key", "type", "default"].map(str::to_owned);
    let rows = keys.iter().map(|[key, kind, default, _]| [key, kind, default].map(Clone::clone));
    let table = aligned(&iter::once(header).chain(rows).collect::<Vec<_>>());
    let meanings = iter::once("").chain(keys.iter().map(|[.., meaning]| meaning.as_str()));
    let mut text = String::from("\nConfig\n");
    for (line, meaning) in table.lines().zip(meanings) {
        let _ = writeln!(text, "{line}");
        if !meaning.is_empty() {
            let _ = writeln!(text, "      {meaning}");
        }
    }
    text
}

/// The same as JSON.
///
/// # Errors
/// Fails when the plugin does not describe itself.
pub(super) fn json(component: &Component) -> Result<Value> {
    let about = component.describe()?;
    let (imports, exports) = component.interfaces();
    Ok(json!({
        "name": about.name,
        "version": about.version,
        "summary": about.summary,
        "digest": component.digest(),
        "size_bytes": component.bytes().len(),
        "contract": CONTRACT,
        "imports": imports,
        "exports": exports,
        "config_schema": config_schema(&about)?,
        "examples": examples(&about)?,
        "docs": about.docs,
    }))
}

/// One line per plugin.
///
/// # Errors
/// Fails when one of them does not describe itself.
pub(super) fn list(components: &[Component]) -> Result<String> {
    let mut rows = Vec::with_capacity(components.len());
    for component in components {
        let about = component.describe()?;
        rows.push([about.name, about.version, about.summary]);
    }
    Ok(aligned(&rows))
}

/// The first example of a plugin, as a stage of a pipeline file.
///
/// # Errors
/// Fails when the plugin does not describe itself.
pub(super) fn stage_toml(component: &Component, plugin: &str) -> Result<String> {
    let about = component.describe()?;
    let plugin = config_table::inline_toml(&Value::from(plugin));
    let mut text = format!("[[stage]]\nplugin = {plugin}\n");
    if let Some(example) = examples(&about)?.first() {
        let _ = writeln!(text, "config = {}", config_table::inline_toml(example));
    }
    Ok(text)
}

fn config_schema(about: &Metadata) -> Result<Value> {
    parse(about, "config schema", &about.config_schema)
}

fn examples(about: &Metadata) -> Result<Vec<Value>> {
    about.examples.iter().map(|example| parse(about, "example config", example)).collect()
}

fn parse(about: &Metadata, what: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| {
        Diagnostic::plugin(format!("the {what} of plugin `{}` is not JSON", about.name))
            .cause(error)
    })
}

fn imports_text(imports: &[String]) -> String {
    match imports {
        [] => "none".to_owned(),
        names => format!("{} (types only)", names.join(", ")),
    }
}

/// Bytes in kB or MB, as a person compares them.
pub(super) fn size_text(bytes: usize) -> String {
    match bytes {
        0..=999 => format!("{bytes} B"),
        1_000..=999_949 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Rows with their columns below each other, indented; the last column takes what it needs.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, " {cell:<width$} ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_without_trailing_blanks() {
        let rows = [["a", "bb", ""], ["ccc", "d", "größe"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), "  a    bb\n  ccc  d   größe\n");
    }

    #[test]
    fn a_key_is_followed_by_what_it_means() {
        let keys = [["column", "string", "required", "The column."], ["n", "integer", "", ""]];
        let keys = keys.map(|key| key.map(str::to_owned));
        assert_eq!(
            config_text(&keys),
            "\nConfig\n  key     type     default\n  column  string   required\n      The column.\n  n       integer\n"
        );
        assert_eq!(config_text(&[]), "\nConfig: none\n");
    }

    #[test]
    fn sizes_are_readable() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (61_234, "61.2 kB"),
            (999_950, "1.0 MB"),
            (1_900_000, "1.9 MB"),
        ] {
            assert_eq!(size_text(bytes), text);
        }
    }
}
