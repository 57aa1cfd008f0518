//! Diagnostics as lines for a person.
//!
//! Owns the layout; knows nothing of terminals beyond whether to colour.
//!
//! ```text
//! error: `compression` is `snapy`
//!   caused by: ...
//!   --> pipeline.toml:12:15
//!    |
//! 12 | compression = "snapy"
//!    |               ^^^^^^^
//! hint: did you mean `snappy`?
//! ```

use super::{Diagnostic, locate::locate};
use std::{fmt::Write as _, ops::Range, path::Path};

/// Longest source line that is shown whole, in characters.
const LINE_CHARS: usize = 120;

/// Turns diagnostics into text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Renderer {
    /// Whether to use ANSI colours.
    pub colour: bool,
}

impl Renderer {
    /// The lines of a diagnostic, the last one ended.
    #[must_use]
    pub fn render(self, diagnostic: &Diagnostic) -> String {
        self.lines("error", "1;31", diagnostic)
    }

    /// The lines of something that does not stop anything.
    #[must_use]
    pub fn render_warning(self, diagnostic: &Diagnostic) -> String {
        self.lines("warning", "1;33", diagnostic)
    }

    fn lines(self, label: &str, style: &str, diagnostic: &Diagnostic) -> String {
        let message = continued(&diagnostic.message, label.len() + 2);
        let mut out = format!("{}: {message}\n", self.paint(style, label));
        for cause in &diagnostic.causes {
            let cause = continued(cause, 13);
            line(&mut out, format_args!("  {}: {cause}", self.paint("1", "caused by")));
        }
        if let Some(file) = &diagnostic.file {
            let span = diagnostic.at.as_ref().and_then(|place| locate(&file.text, place));
            self.excerpt(&mut out, &file.path, &file.text, span, style);
        }
        for hint in &diagnostic.hints {
            let hint = continued(hint, 6);
            line(&mut out, format_args!("{}: {hint}", self.paint("1;36", "hint")));
        }
        out
    }

    /// The file, the position, the source line, and a caret under what is meant.
    fn excerpt(
        self,
        out: &mut String,
        path: &Path,
        text: &str,
        span: Option<Range<usize>>,
        style: &str,
    ) {
        let arrow = self.paint("1;34", "-->");
        let Some(span) = span else {
            return line(out, format_args!("  {arrow} {}", path.display()));
        };
        let position = Position::of(text, &span);
        let number = position.line.to_string();
        let gutter = " ".repeat(number.len());
        let bar = self.paint("1;34", "|");
        let (shown, skipped) = position.window();
        let caret = format!(
            "{}{}",
            " ".repeat(position.column - 1 - skipped),
            "^".repeat(position.width.min(shown.chars().count().max(1)))
        );
        let (path, row, column) = (path.display(), position.line, position.column);
        line(out, format_args!("{gutter} {arrow} {path}:{row}:{column}"));
        line(out, format_args!("{gutter} {bar}"));
        line(out, format_args!("{} {bar} {shown}", self.paint("1;34", &number)));
        line(out, format_args!("{gutter} {bar} {}", self.paint(style, &caret)));
    }

    fn paint(self, style: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Ends a line; writing to a string cannot fail.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
    out.push('\n');
}

/// Further lines of a message, indented under its first, and free of control characters.
fn continued(text: &str, indent: usize) -> String {
    let clean = |line: &str| -> String {
        line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    };
    let lines: Vec<String> = text.trim_end().lines().map(clean).collect();
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// A span as a person counts: from 1, in characters.
struct Position {
    line: usize,
    column: usize,
    /// Characters of the span on that line, at least one.
    width: usize,
    source: String,
}

impl Position {
    fn of(text: &str, span: &Range<usize>) -> Self {
        let start = floor(text, span.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = &text[line_start..];
        let source = rest.split(['\n', '\r']).next().unwrap_or_default();
        let line_end = line_start + source.len();
        let end = floor(text, span.end).clamp(start, line_end.max(start));
        Self {
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end].chars().count().max(1),
            source: source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        }
    }

    /// The part of the line that is shown, and how many characters before it are not.
    fn window(&self) -> (String, usize) {
        if self.source.chars().count() <= LINE_CHARS {
            return (self.source.trim_end().to_owned(), 0);
        }
        let skipped = (self.column - 1).saturating_sub(LINE_CHARS / 3);
        (self.source.chars().skip(skipped).take(LINE_CHARS).collect(), skipped)
    }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{KeyPath, SourceText};
    use std::sync::Arc;

    fn rendered(text: &str, diagnostic: Diagnostic) -> String {
        let file = Arc::new(SourceText { path: "p.toml".into(), text: text.to_owned() });
        Renderer { colour: false }.render(&diagnostic.in_file(&file))
    }

    #[test]
    fn message_causes_place_and_hints_each_have_their_line() {
        let key = KeyPath::default().name("sink").name("compression");
        let failure = Diagnostic::config("`compression` is `snapy`")
            .cause("one thing\nin two lines")
            .hint("did you mean `snappy`?")
            .at(&key);
        insta::assert_snapshot!(rendered("[sink]\n\ncompression = \"snapy\"\n", failure), @r#"
        error: `compression` is `snapy`
          caused by: one thing
                     in two lines
          --> p.toml:3:15
          |
        3 | compression = "snapy"
          |               ^^^^^^^
        hint: did you mean `snappy`?
        "#);
    }

    #[test]
    fn a_span_over_several_lines_is_underlined_on_its_first() {
        let failure = Diagnostic::config("odd").at(&KeyPath::default().name("a"));
        insta::assert_snapshot!(rendered("# é\n\ta = [1,\r\n 2]", failure), @r"
        error: odd
          --> p.toml:2:6
          |
        2 |  a = [1,
          |      ^^^
        ");
    }

    #[test]
    fn a_long_line_is_cut_round_the_place() {
        let text = format!("a = \"{}\"", "x".repeat(5_000));
        let failure =
            Diagnostic::config("odd").at_bytes(&KeyPath::default().name("a"), 4_000..4_002);
        let out = rendered(&text, failure);
        assert!(out.lines().all(|line| line.chars().count() < LINE_CHARS + 10), "{out}");
        assert!(out.contains("p.toml:1:4006"), "{out}");
        assert!(out.contains(&format!("{}^^\n", " ".repeat(LINE_CHARS / 3))), "{out}");
    }

    #[test]
    fn a_place_past_the_end_and_terminal_escapes_do_no_harm() {
        let failure = Diagnostic {
            at: Some(crate::diagnostic::Place::Span(90..99)),
            ..Diagnostic::config("\x1b[2Jodd")
        };
        insta::assert_snapshot!(rendered("a", failure), @r"
        error: �[2Jodd
          --> p.toml:1:2
          |
        1 | a
          |  ^
        ");
    }
}
