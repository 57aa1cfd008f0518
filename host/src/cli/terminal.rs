//! Where a verb's words go: data to standard output, talk to standard error.
//!
//! Owns when to colour, and that no secret is shown; the only place of the command line that
//! prints.

use crate::{
    diagnostic::{Diagnostic, Renderer, SourceText},
    pipeline::{plan::Plan, secrets::Secrets},
    storage::Notices,
};
use clap::ValueEnum;
use serde_json::Value;
use std::{
    borrow::Cow,
    env,
    fmt::{self, Write as _},
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::{Arc, OnceLock},
};

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Standard output and standard error.
#[derive(Clone, Debug)]
pub struct Terminal {
    renderer: Renderer,
    is_interactive: bool,
    topic: Arc<OnceLock<Topic>>,
}

/// The pipeline that is talked about.
#[derive(Debug)]
struct Topic {
    secrets: Arc<Secrets>,
    text: Arc<SourceText>,
}

impl Terminal {
    /// The terminal of this process.
    #[must_use]
    pub fn new(colour: Colour) -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_interactive = io::stderr().is_terminal() && !dumb;
        let colour = match colour {
            Colour::Auto => is_interactive && !set("NO_COLOR"),
            Colour::Always => true,
            Colour::Never => false,
        };
        Self { renderer: Renderer { colour }, is_interactive, topic: Arc::default() }
    }

    /// From now on hides the secrets of this plan, and finds keys in its file.
    pub fn about(&self, plan: &Plan) {
        let (secrets, text) = (Arc::clone(&plan.secrets), Arc::clone(&plan.text));
        let topic = Topic { secrets, text };
        // A second pipeline in one command is none of those there are.
        let _ = self.topic.set(topic);
    }

    /// Text as it may be shown.
    fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.topic.get().map_or(Cow::Borrowed(text), |topic| topic.secrets.redact(text))
    }

    /// A diagnostic as it may be shown, in its file.
    fn placed(&self, failure: &Diagnostic) -> Diagnostic {
        let failure = failure.clone();
        match self.topic.get() {
            Some(topic) if failure.at.is_some() => {
                topic.secrets.redact_diagnostic(failure).in_file(&topic.text)
            }
            Some(topic) => topic.secrets.redact_diagnostic(failure),
            None => failure,
        }
    }

    /// Whether a person watches standard error.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    /// Fails when standard output does; a reader that has seen enough is no failure.
    pub fn data(&self, text: &str) -> Result<(), Diagnostic> {
        let mut out = io::stdout().lock();
        match out.write_all(harmless(self.shown(text)).as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Diagnostic::storage("cannot write to standard output").cause(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes records of the user's data to standard output, as JSON; false when nobody reads on.
    ///
    /// # Errors
    /// Fails when standard output does.
    pub(super) fn records(lines: &str) -> Result<bool, Diagnostic> {
        let mut out = io::stdout().lock();
        match out.write_all(escaped(lines).as_bytes()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Diagnostic::storage("cannot write to standard output").cause(error)),
        }
    }

    /// A JSON value as it may be shown; `{:#}` gives it a line a member.
    pub(super) fn shown_json(&self, mut value: Value) -> impl fmt::Display {
        if let Some(topic) = self.topic.get() {
            topic.secrets.redact_json(&mut value);
        }
        fmt::from_fn(move |out| {
            let text = if out.alternate() { format!("{value:#}") } else { value.to_string() };
            out.write_str(&escaped(&text))
        })
    }

    /// Writes a line to standard error. There is nobody to tell when that fails.
    pub fn talk(&self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", harmless(self.shown(line)));
    }

    /// Shows something that does not stop anything.
    pub fn warn(&self, warning: &Diagnostic) {
        let text = self.renderer.render_warning(&self.placed(warning));
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Who is told when a store fails for now: whoever reads standard error.
    pub fn notices(&self) -> Notices {
        let terminal = self.clone();
        Arc::new(move |notice| terminal.warn(notice))
    }

    /// Shows what is wrong, and gives the exit code of the first of it.
    #[must_use]
    pub fn fail(&self, failures: &[Diagnostic]) -> ExitCode {
        let texts: Vec<String> =
            failures.iter().map(|f| self.renderer.render(&self.placed(f))).collect();
        let _ = io::stderr().lock().write_all(texts.join("\n").as_bytes());
        ExitCode::from(failures.first().map_or(0, |failure| failure.kind.exit_code()))
    }
}

/// Text without control characters but line breaks and tabs: a file's name may hold what a
/// terminal obeys.
fn harmless(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(is_harmful) {
        return text;
    }
    text.replace(is_harmful, "\u{fffd}").into()
}

/// JSON whose strings hold nothing that a terminal obeys: what JSON lets stand is escaped, too.
fn escaped(json: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && c >= '\u{7f}';
    if !json.contains(is_harmful) {
        return json.into();
    }
    let mut text = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if is_harmful(c) {
            // Writing to a string does not fail.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_not_shown() {
        assert_eq!(harmless("a\tb\n\u{e9}".into()), "a\tb\n\u{e9}");
        assert_eq!(
            harmless("a\x1b[31m\0e9\r\u{9b}".into()),
            "a\u{fffd}[31m\u{fffd}e9\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn json_stays_what_it_is() {
        let value = serde_json::json!({ "a\u{7f}": ["\u{9b}[2J", "\u{1b}", "é\u{fffd}\n"] });
        let terminal = Terminal::new(Colour::Never);
        let shown = terminal.shown_json(value.clone());
        for text in [shown.to_string(), format!("{shown:#}")] {
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
