//! House rules that no compiler checks: file length, the direction of imports, one door for each
//! large dependency, and a test for every guarantee.

use crate::{Result, command, proof};
use std::fs;
use std::path::Path;

const MAX_LINES: usize = 400;

/// Which modules of the host a module may import, besides itself.
const IMPORTS: [(&str, &[&str]); 11] = [
    ("types", &["diagnostic"]),
    ("diagnostic", &[]),
    ("storage", &["diagnostic", "types"]),
    ("metrics", &["diagnostic", "types"]),
    // The notation of schemas is the source's, that of URLs the storage's.
    ("pipeline", &["diagnostic", "source", "storage", "types"]),
    ("source", BASE),
    ("stage", BASE),
    ("sink", BASE),
    ("checkpoint", BASE),
    ("chaos", &["diagnostic", "metrics", "pipeline", "run", "source", "stage", "storage", "types"]),
    (
        "run",
        &[
            "checkpoint",
            "diagnostic",
            "metrics",
            "pipeline",
            "sink",
            "source",
            "stage",
            "storage",
            "types",
        ],
    ),
];
const BASE: &[&str] = &["diagnostic", "metrics", "pipeline", "storage", "types"];

/// Where in the host a dependency may be named.
const DOORS: [(&str, &[&str]); 10] = [
    ("wasmtime", &["stage/"]),
    ("parquet", &["sink/"]),
    ("object_store", &["storage/remote/"]),
    ("tokio", &["storage/remote/"]),
    ("futures_util", &["storage/remote/"]),
    ("clap", &["cli/", "main.rs"]),
    ("toml", &["pipeline/", "diagnostic", "source/schema/", "cli/plugin/"]),
    ("notify", &["storage/local/watch.rs"]),
    ("rustix", &["storage/local/watch.rs"]),
    ("jsonschema", &["pipeline/", "run/", "stage/"]),
];

/// Checks every tracked file.
///
/// # Errors
/// Lists what breaks a rule, one line each.
pub fn check(root: &Path) -> Result {
    let files =
        command::output(root, "git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    let mut breaches = Vec::new();
    for file in files.lines() {
        // Data and binary files have no rules.
        let Ok(text) = fs::read_to_string(root.join(file)) else { continue };
        breaches.extend(check_file(file, &text).into_iter().map(|what| format!("{file}: {what}")));
    }
    breaches.extend(proof::breaches(root));
    if breaches.is_empty() {
        eprintln!("the house rules are kept");
        return Ok(());
    }
    Err(breaches.join("\n").into())
}

fn check_file(file: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    if Path::new(file).extension().is_none_or(|extension| extension != "rs") {
        return breaches;
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        breaches.push(format!("{lines} lines, at most {MAX_LINES}: split it by noun"));
    }
    if !text.starts_with("//!") && !file.ends_with("tests.rs") {
        breaches.push("it does not start with `//!` saying what it owns".into());
    }
    if let Some(inside) = file.strip_prefix("host/src/") {
        breaches.extend(check_imports(inside, text));
        breaches.extend(check_doors(inside, text));
    }
    breaches
}

fn check_imports(inside: &str, text: &str) -> Vec<String> {
    let module = inside.split(['/', '.']).next().unwrap_or(inside);
    let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
        return Vec::new();
    };
    let is_module = |name: &str| name == "cli" || IMPORTS.iter().any(|(other, _)| *other == name);
    let mut found: Vec<_> = named_in_crate(text)
        .filter(|name| *name != module && is_module(name) && !allowed.contains(name))
        .map(|name| format!("`{module}` must not import `{name}`"))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The modules that are named as `crate::module` or in `crate::{module, ...}`, outside tests.
fn named_in_crate(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    code.match_indices("crate::").flat_map(|(at, prefix)| {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => top_level_names(group),
            None => vec![word(rest)],
        }
    })
}

/// The first word of each item of a `use` group, nested groups left out.
fn top_level_names(group: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(word(group[start..at].trim_start()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(word(group[start..at].trim_start()));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("")
}

fn check_doors(inside: &str, text: &str) -> Vec<String> {
    let closed =
        DOORS.iter().filter(|(_, doors)| !doors.iter().any(|door| inside.starts_with(door)));
    let is_used = |name: &str| {
        let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        code.any(|line| {
            line.match_indices(&format!("{name}::")).any(|(at, _)| {
                // At the start of an indented line it is a module in a `use` group.
                let before = line[..at].chars().next_back();
                let in_group = at > 0 && line[..at].trim().is_empty();
                !in_group
                    && before
                        .is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':' && c != '/')
            })
        })
    };
    let open = closed.filter(|(name, _)| is_used(name));
    open.map(|(name, doors)| format!("`{name}` is used only in {}", doors.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_against_the_direction_are_found() {
        for (text, breaches) in [
            ("use crate::stage::Chain;", 1),
            ("use crate::{\n    diagnostic::{A, B},\n    sink::Writer,\n    types::X,\n};", 1),
            ("fn f() { crate::run::go() } use crate::pipeline::plan::Plan;", 1),
            ("#[cfg(test)]\nmod tests {\n use crate::stage::Chain; }", 0),
        ] {
            assert_eq!(check_imports("source/json.rs", text).len(), breaches, "{text}");
        }
        assert!(check_imports("run/mod.rs", "use crate::stage::Chain;").is_empty());
        assert_eq!(check_imports("types.rs", "use crate::storage::Store;").len(), 1);
    }

    #[test]
    fn a_dependency_has_one_door() {
        assert!(check_doors("stage/engine.rs", "use wasmtime::Engine;").is_empty());
        assert_eq!(check_doors("run/mod.rs", "use wasmtime::Engine;").len(), 1);
        assert!(check_doors("run/mod.rs", "//! As wasmtime::Engine\nmy_wasmtime::x()").is_empty());
    }

    #[test]
    fn long_files_and_files_without_docs_are_found() {
        let long = format!("//! Docs.\n{}", "x\n".repeat(MAX_LINES));
        assert_eq!(check_file("sdk/src/a.rs", &long), ["401 lines, at most 400: split it by noun"]);
        assert_eq!(check_file("sdk/src/a.rs", "fn f() {}").len(), 1);
    }
}
