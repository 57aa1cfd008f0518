//! `${env:NAME}` and `${file:path}` in the strings of a pipeline file.
//!
//! Owns the syntax of references; what they stand for is looked up by the caller's
//! [`Environment`]. A value is not searched for further references.

use crate::diagnostic::Diagnostic;
use std::{
    env, fs,
    ops::Range,
    path::{Path, PathBuf},
};

/// Where references are looked up.
pub trait Environment {
    /// The value of an environment variable.
    ///
    /// # Errors
    /// Says why there is none, without the value.
    fn variable(&self, name: &str) -> Result<String, String>;

    /// The content of a file, without the line end it closes with.
    ///
    /// # Errors
    /// Says why there is none, without the content.
    fn file(&self, path: &str) -> Result<String, String>;
}

/// The process's environment, and files relative to the pipeline file.
#[derive(Clone, Debug)]
pub struct Process {
    /// Directory of the pipeline file.
    pub directory: PathBuf,
}

impl Environment for Process {
    fn variable(&self, name: &str) -> Result<String, String> {
        env::var(name).map_err(|error| match error {
            env::VarError::NotPresent => format!("environment variable `{name}` is not set"),
            env::VarError::NotUnicode(_) => format!("environment variable `{name}` is not UTF-8"),
        })
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let read = fs::read(self.directory.join(Path::new(path)));
        let bytes = read.map_err(|error| format!("cannot read file `{path}`: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("file `{path}` is not UTF-8"))?;
        Ok(text.strip_suffix('\n').map_or(&*text, |t| t.strip_suffix('\r').unwrap_or(t)).to_owned())
    }
}

/// A string with its references replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Interpolated {
    /// The string.
    pub(super) text: String,
    /// Each value and the reference it came from.
    pub(super) values: Vec<(String, String)>,
}

/// Replaces the references in `text`.
///
/// # Errors
/// What is wrong with a reference, and its bytes in `text`.
pub(super) fn interpolate(
    text: &str,
    environment: &dyn Environment,
) -> Result<Interpolated, (Diagnostic, Range<usize>)> {
    let mut done = Interpolated::default();
    let mut at = 0;
    while let Some(start) = text[at..].find("${").map(|found| at + found) {
        if let Some(literal) = text[at..start].strip_suffix('$') {
            done.text.push_str(literal);
            done.text.push_str("${");
            at = start + 2;
            continue;
        }
        done.text.push_str(&text[at..start]);
        let Some(length) = text[start..].find('}') else {
            let failure = Diagnostic::config("reference `${` is not closed by `}`");
            return Err((failure.hint(LITERAL), start..start + 2));
        };
        let reference = &text[start..=start + length];
        let span = start..start + length + 1;
        let value = look_up(reference, environment).map_err(|failure| (failure, span.clone()))?;
        done.text.push_str(&value);
        done.values.push((value, reference.to_owned()));
        at = span.end;
    }
    done.text.push_str(&text[at..]);
    Ok(done)
}

const LITERAL: &str = "write `$${` for a literal `${`";

fn look_up(reference: &str, environment: &dyn Environment) -> Result<String, Diagnostic> {
    let inner = reference.trim_start_matches("${").trim_end_matches('}');
    let (found, hint) = match inner.split_once(':') {
        Some(("env", name)) if !name.is_empty() => {
            (environment.variable(name), "set it before starting lockgate")
        }
        Some(("file", path)) if !path.is_empty() => {
            (environment.file(path), "paths are relative to the pipeline file")
        }
        _ => {
            let failure =
                Diagnostic::config(format!("reference `{reference}` is of no known kind"));
            let hint = if inner.contains(':') || inner.is_empty() {
                "known kinds are `${env:NAME}` and `${file:path}`".to_owned()
            } else {
                format!("did you mean `${{env:{inner}}}`?")
            };
            return Err(failure.hint(hint).hint(LITERAL));
        }
    };
    found.map_err(|problem| {
        Diagnostic::config(problem).cause(format!("needed for `{reference}`")).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Environment for Fixed {
        fn variable(&self, name: &str) -> Result<String, String> {
            (name == "A").then(|| "${env:B}".to_owned()).ok_or("not set".to_owned())
        }

        fn file(&self, path: &str) -> Result<String, String> {
            Ok(format!("<{path}>"))
        }
    }

    fn text(text: &str) -> Result<String, (String, Range<usize>)> {
        let done = interpolate(text, &Fixed);
        done.map(|done| done.text).map_err(|(failure, span)| (failure.message, span))
    }

    #[test]
    fn references_are_replaced_once_and_escapes_kept() {
        assert_eq!(text("no $ {here}").unwrap(), "no $ {here}");
        assert_eq!(text("x${env:A}y${file:a/b}").unwrap(), "x${env:B}y<a/b>");
        assert_eq!(text("$${env:A} $$${env:A}").unwrap(), "${env:A} $${env:A}");
    }

    #[test]
    fn a_bad_reference_is_named_with_its_bytes() {
        assert_eq!(text("a ${env:NO}").unwrap_err(), ("not set".into(), 2..11));
        assert_eq!(text("${A}").unwrap_err().1, 0..4);
        assert_eq!(text("ab${env:A").unwrap_err().1, 2..4);
    }

    #[test]
    fn a_file_loses_its_last_line_end_only() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("token"), "a\n\r\n").unwrap();
        let process = Process { directory: directory.path().into() };
        assert_eq!(process.file("token").unwrap(), "a\n");
        assert!(process.file("none").unwrap_err().contains("`none`"));
    }
}
