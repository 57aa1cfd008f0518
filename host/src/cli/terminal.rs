//! Where a verb's words go: data to standard output, talk to standard error.
//!
//! Owns when to colour; the only place of the command line that prints.

use crate::diagnostic::{Diagnostic, Renderer};
use clap::ValueEnum;
use std::{
    env,
    io::{self, IsTerminal, Write},
    process::ExitCode,
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
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    renderer: Renderer,
    is_interactive: bool,
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
        Self { renderer: Renderer { colour }, is_interactive }
    }

    /// Whether a person watches standard error.
    #[must_use]
    pub fn is_interactive(self) -> bool {
        self.is_interactive
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    /// Fails when standard output does; a reader that has seen enough is no failure.
    pub fn data(self, text: &str) -> Result<(), Diagnostic> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Diagnostic::storage("cannot write to standard output").cause(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes a line to standard error. There is nobody to tell when that fails.
    pub fn talk(self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Shows something that does not stop anything.
    pub fn warn(self, warning: &Diagnostic) {
        let _ = io::stderr().lock().write_all(self.renderer.render_warning(warning).as_bytes());
    }

    /// Shows what is wrong, and gives the exit code of the first of it.
    #[must_use]
    pub fn fail(self, failures: &[Diagnostic]) -> ExitCode {
        let texts: Vec<String> = failures.iter().map(|f| self.renderer.render(f)).collect();
        let _ = io::stderr().lock().write_all(texts.join("\n").as_bytes());
        ExitCode::from(failures.first().map_or(0, |failure| failure.kind.exit_code()))
    }
}
