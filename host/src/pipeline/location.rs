//! Paths and URLs of a pipeline file, made absolute.
//!
//! Owns how text becomes a root that a store opens and a glob below it; knows nothing of
//! which stores there are.
//!
//! | written in `/p/pipeline.toml` | root | pattern |
//! |---|---|---|
//! | `in/*.json` | `/p/in` | `*.json` |
//! | `../in/**/a-?.gz` | `/in` | `**/a-?.gz` |
//! | `in/one.json` | `/p/in` | `one.json` |
//! | `in`, a directory, or `in/` | `/p/in` | `**` |
//! | `file:///in/*.json` | `file:///in` | `*.json` |

use crate::diagnostic::{Diagnostic, Result};
use std::path::{Component, Path, PathBuf};

const GLOB: [char; 5] = ['*', '?', '[', ']', '{'];

/// A root and a glob below it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) root: String,
    pub(super) pattern: String,
}

/// The absolute path or URL that `text` means in a pipeline file of `directory`.
///
/// # Errors
/// Fails when the text is empty or a URL without its second slash, or the path is not UTF-8.
pub(super) fn root(text: &str, directory: &Path) -> Result<String> {
    if text.trim().is_empty() {
        return Err(Diagnostic::config("a path cannot be empty")
            .hint("paths are relative to the pipeline file; its own directory is `.`"));
    }
    if text.contains("://") {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    if let Some((scheme, rest)) = text.split_once(":/")
        && !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return Err(Diagnostic::config(format!("`{text}` has one slash too few for a URL"))
            .hint(format!("did you mean `{scheme}://{rest}`?"))
            .hint(format!("a directory of that name is written `./{scheme}:/{rest}`")));
    }
    let path = file(text, directory);
    let text = path.to_str().ok_or_else(|| {
        Diagnostic::config(format!("the path `{}` is not UTF-8", path.display()))
            .hint("rename the directory")
    })?;
    Ok(text.to_owned())
}

/// The absolute path of a file that `text` means in a pipeline file of `directory`.
pub(super) fn file(text: &str, directory: &Path) -> PathBuf {
    let mut path = PathBuf::new();
    for component in directory.join(text).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            component => path.push(component),
        }
    }
    path
}

/// Splits a path with wildcards at the first of them.
///
/// # Errors
/// Fails when the text names no file, or goes up after a wildcard.
pub(super) fn input(text: &str, directory: &Path) -> Result<Input> {
    let names = text.rsplit_once("://").map_or(text, |(_, names)| names);
    let scheme = &text[..text.len() - names.len()];
    let parts: Vec<&str> = names.split('/').collect();
    let Some(first) = parts.iter().position(|name| name.contains(GLOB)) else {
        let whole = root(text, directory)?;
        if text.ends_with('/') || Path::new(&whole).is_dir() {
            return Ok(Input { root: whole, pattern: "**".into() });
        }
        let Some((parent, name)) = whole.rsplit_once('/') else {
            return Err(Diagnostic::config(format!("`{text}` names no file")));
        };
        let parent = if parent.is_empty() { "/" } else { parent };
        return Ok(Input { root: parent.to_owned(), pattern: name.to_owned() });
    };
    let (before, after) = parts.split_at(first);
    if after.contains(&"..") {
        return Err(Diagnostic::config(format!("`{text}` goes up (`..`) after a wildcard"))
            .hint("name the directory above the wildcard without `..`"));
    }
    let before = match before {
        [] => ".".to_owned(),
        [""] => "/".to_owned(),
        names => names.join("/"),
    };
    let names: Vec<&str> =
        after.iter().copied().filter(|name| !name.is_empty() && *name != ".").collect();
    let deeper = if text.ends_with('/') { "/**" } else { "" };
    Ok(Input {
        root: root(&format!("{scheme}{before}"), directory)?,
        pattern: format!("{}{deeper}", names.join("/")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (String, String) {
        let input = input(text, Path::new("/p")).unwrap();
        (input.root, input.pattern)
    }

    #[test]
    fn paths_split_into_root_and_pattern() {
        for (text, root, pattern) in [
            ("in/*.json", "/p/in", "*.json"),
            ("*.json", "/p", "*.json"),
            ("../in/./**/a-?.gz", "/in", "**/a-?.gz"),
            ("in/one.json", "/p/in", "one.json"),
            ("/one.json", "/", "one.json"),
            ("/*.json", "/", "*.json"),
            ("in/", "/p/in", "**"),
            ("in/2026-*/", "/p/in", "2026-*/**"),
            ("/tmp", "/tmp", "**"),
            ("file:///in/*.json", "file:///in", "*.json"),
            ("s3://bucket/a/{b,c}/*.json", "s3://bucket/a", "{b,c}/*.json"),
            ("s3://bucket/a/one.json", "s3://bucket/a", "one.json"),
        ] {
            assert_eq!(split(text), (root.into(), pattern.into()), "{text}");
        }
    }

    #[test]
    fn what_names_no_files_is_refused() {
        assert!(input("", Path::new("/p")).is_err());
        assert!(input("in/*/../x", Path::new("/p")).is_err());
    }

    #[test]
    fn a_url_that_lost_a_slash_is_no_directory() {
        let refused = root("s3:/bucket/t", Path::new("/p")).unwrap_err();
        assert!(refused.hints[0].contains("`s3://bucket/t`"), "{refused:?}");
        assert!(input("s3:/bucket/*.json", Path::new("/p")).is_err());
        assert_eq!(root("./s3:/bucket", Path::new("/p")).unwrap(), "/p/s3:/bucket");
    }
}
