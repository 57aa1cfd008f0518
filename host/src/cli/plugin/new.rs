//! `lockgate plugin new`: a crate that builds and tests at once.

use super::template;
use crate::diagnostic::{Diagnostic, Result};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Names that cargo refuses for a crate, or that the crates it is made of have already.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "lockgate-sdk",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "schemars",
    "self",
    "serde",
    "serde-json",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "wit-bindgen",
    "yield",
];

/// Writes the crate; gives its directory.
///
/// # Errors
/// Fails when the name cannot be that of a crate, when the directory holds something already,
/// or when it cannot be written.
pub(super) fn create(name: &str, parent: &Path) -> Result<PathBuf> {
    check_name(name)?;
    let dir = parent.join(name);
    let failed = |error: io::Error| {
        Diagnostic::storage(format!("cannot write the new plugin to `{}`", dir.display()))
            .cause(error)
    };
    match fs::read_dir(&dir) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(Diagnostic::config(format!(
                    "`{}` exists and is not empty",
                    dir.display()
                ))
                .hint("choose another name, or another place with `--path DIR`"));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    for (path, content) in template::files(name) {
        let path = dir.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::write(&path, content).map_err(failed)?;
    }
    Ok(dir)
}

fn check_name(name: &str) -> Result<()> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let has_words = name.split('-').all(|word| !word.is_empty());
    if !(starts_well && is_plain && has_words && name.len() <= 64) {
        return Err(Diagnostic::config(format!("`{name}` cannot be the name of a plugin")).hint(
            "use lower-case letters, digits and single hyphens, a letter first, for example `mask-email`",
        ));
    }
    if RESERVED.contains(&name) {
        return Err(Diagnostic::config(format!("`{name}` cannot be the name of a crate"))
            .hint(format!("it means something to Rust or cargo already; try `my-{name}`")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_crate_holds_the_sdk() {
        let parent = tempfile::tempdir().unwrap();
        let dir = create("mask-email", parent.path()).unwrap();
        assert_eq!(dir, parent.path().join("mask-email"));
        for path in ["Cargo.toml", "Cargo.lock", "src/lib.rs", "lockgate-sdk/src/lib.rs"] {
            assert!(dir.join(path).is_file(), "{path}");
        }
    }

    #[test]
    fn a_directory_that_holds_something_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("empty")).unwrap();
        create("empty", parent.path()).unwrap();
        let error = create("empty", parent.path()).unwrap_err();
        assert!(error.message.ends_with("exists and is not empty"), "{error}");
    }

    #[test]
    fn names_that_cannot_be_crates_are_refused() {
        let parent = tempfile::tempdir().unwrap();
        for name in [
            "",
            "A",
            "1a",
            "a_b",
            "a--b",
            "-a",
            "a-",
            "../a",
            "a b",
            "match",
            "serde",
            "test",
            &"a".repeat(65),
        ] {
            let error = create(name, parent.path()).unwrap_err();
            assert!(error.message.contains("cannot be the name"), "{name}: {error}");
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
