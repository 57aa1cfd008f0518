//! However a pipeline file is damaged, it is refused with diagnostics that can be shown.

use lockgate::{
    diagnostic::Renderer,
    pipeline::{self, Environment},
};
use proptest::prelude::*;
use std::{fs, path::Path};

const GOOD: &str = include_str!("../../pipelines/payments/pipeline.toml");

/// What damage is made of: what TOML, references and paths are sensitive to.
const PIECES: [&str; 24] = [
    "",
    "\n",
    "\"",
    "'",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "=",
    ",",
    ".",
    "#",
    "\\",
    "\\u00e9",
    "é",
    "${",
    "${env:A}",
    "$${",
    "*",
    "..",
    "0",
    "-9223372036854775808",
];

struct Fixed;

impl Environment for Fixed {
    fn variable(&self, _: &str) -> Result<String, String> {
        Ok("v\"\n*{".to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("no file `{path}`"))
    }
}

proptest! {
    #[test]
    fn damage_is_refused_with_a_place_or_is_harmless(
        damage in prop::collection::vec((0..GOOD.len(), 0..12_usize, 0..PIECES.len()), 1..4)
    ) {
        let mut text = GOOD.to_owned();
        for (at, length, piece) in damage {
            let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let (start, end) = (floor(at), floor(at + length));
            text.replace_range(start..end, PIECES[piece]);
        }
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("pipeline.toml");
        fs::write(&path, &text)?;
        if let Err(failures) = pipeline::load_in(Path::new(&path), &Fixed) {
            prop_assert!(!failures.is_empty());
            for failure in failures {
                let shown = Renderer::default().render(&failure);
                prop_assert!(shown.starts_with("error: ") && shown.contains("--> "), "{shown}");
                prop_assert!(failure.kind.exit_code() == 2, "{shown}");
            }
        }
    }
}
