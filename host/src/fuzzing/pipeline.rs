//! The pipeline file: any text gives a plan, or mistakes that can be shown.

use crate::{
    diagnostic::Renderer,
    pipeline::{Environment, load_bytes},
};
use std::path::Path;

/// An environment of one variable and one file.
struct Fixed;

impl Environment for Fixed {
    fn variable(&self, name: &str) -> Result<String, String> {
        if name == "A" { Ok("hunter2".into()) } else { Err(format!("`{name}` is not set")) }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        if path == "a" { Ok("in/*.json".into()) } else { Err(format!("no file `{path}`")) }
    }
}

/// Parses and resolves a pipeline file of these bytes.
///
/// # Panics
/// Panics when a mistake lies outside the file, when the same text gives another plan the
/// second time, or when a plan is made of a file with mistakes.
pub fn pipeline_file(data: &[u8]) {
    let load = || load_bytes(Path::new("/no/such/place/pipeline.toml"), data.to_vec(), &Fixed);
    match (load(), load()) {
        (Ok(plan), Ok(again)) => {
            assert_eq!(plan.config_hash, again.config_hash);
            assert!(plan.source.max_depth >= 1 && plan.source.max_record_bytes >= 1);
        }
        (Err(failures), Err(_)) => {
            assert!(!failures.is_empty());
            for failure in failures {
                let length = failure.file.as_ref().map_or(0, |file| file.text.len());
                assert!(failure.offset().is_none_or(|offset| offset <= length), "{failure:?}");
                assert!(!Renderer::default().render(&failure).is_empty());
            }
        }
        (first, second) => panic!("{first:?}, then {second:?}"),
    }
}
