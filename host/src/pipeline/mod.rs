//! WHAT a run does: the pipeline file as written, and as resolved.
//!
//! Owns the format of the file and every message about it; knows nothing of running.
//!
//! ```text
//! text --document--> values --strict--> values without mistakes --config--> Config
//!      --resolve--> Plan
//! ```
//! Each step adds what is wrong to one list and leaves it out, so that the next step finds
//! what else is wrong.

pub mod config;
mod document;
mod fingerprint;
mod interpolate;
mod location;
pub mod plan;
pub mod quantity;
pub mod reference;
mod resolve;
mod resolve_clean;
mod resolve_sink;
mod resolve_stages;
pub mod schema;
pub mod secrets;
pub mod strict;

pub use interpolate::{Environment, Process};

use crate::diagnostic::{Diagnostic, KeyPath, Place, SourceText};
use config::Config;
use plan::Plan;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Reads a pipeline file and resolves it in the environment of this process.
///
/// # Errors
/// Everything that is wrong with the file, in the order of its lines.
pub fn load(path: &Path) -> Result<Plan, Vec<Diagnostic>> {
    let process = Process { directory: directory_of(path) };
    load_in(path, &process)
}

/// Reads a pipeline file and resolves it in a given environment.
///
/// # Errors
/// Everything that is wrong with the file, in the order of its lines.
pub fn load_in(path: &Path, environment: &dyn Environment) -> Result<Plan, Vec<Diagnostic>> {
    let bytes = read(path).map_err(|failure| vec![failure])?;
    load_bytes(path, bytes, environment)
}

/// Resolves the content of a pipeline file in a given environment.
pub(crate) fn load_bytes(
    path: &Path,
    bytes: Vec<u8>,
    environment: &dyn Environment,
) -> Result<Plan, Vec<Diagnostic>> {
    let text = Arc::new(source_text(path, bytes).map_err(|failure| vec![failure])?);
    let mut failures = Vec::new();
    let mut document = document::read(&text.text, environment, &mut failures);
    let config = if failures.iter().any(|failure| matches!(failure.at, Some(Place::Span(_)))) {
        None
    } else {
        let mut tables = Value::Object(std::mem::take(&mut document.tables));
        strict::check(&schema::base(), &mut tables, &KeyPath::default(), &mut failures);
        match serde_json::from_value::<Config>(tables) {
            Ok(config) => Some(config),
            Err(error) => {
                if failures.is_empty() {
                    failures
                        .push(Diagnostic::config("the pipeline file is malformed").cause(error));
                }
                None
            }
        }
    };
    let directory = directory_of(path);
    let mut context = resolve::Context { directory, text: &text, document, failures };
    let plan = config.and_then(|config| resolve::resolve(&config, &mut context));
    match plan {
        Some(plan) if context.failures.is_empty() => Ok(plan),
        _ => {
            let secrets = &context.document.secrets;
            let shown = context.failures.into_iter();
            let shown = shown.map(|failure| secrets.redact_diagnostic(failure).in_file(&text));
            let mut shown: Vec<Diagnostic> = shown.collect();
            shown
                .sort_by_key(|failure| (failure.file != Some(Arc::clone(&text)), failure.offset()));
            Err(shown)
        }
    }
}

/// The directory of a pipeline file, with links resolved so that `..` means what it says.
fn directory_of(path: &Path) -> PathBuf {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    fs::read(path).map_err(|error| {
        let shown = path.display();
        let failure = Diagnostic::config(format!("cannot read the pipeline file `{shown}`"));
        let inner = path.join("pipeline.toml");
        if inner.is_file() {
            return failure
                .cause("it is a directory")
                .hint(format!("did you mean `{}`?", inner.display()));
        }
        failure.cause(error).hint("give the path of a pipeline file, such as `pipeline.toml`")
    })
}

fn source_text(path: &Path, bytes: Vec<u8>) -> Result<SourceText, Diagnostic> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SourceText { path: path.to_owned(), text }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let file = Arc::new(SourceText { path: path.to_owned(), text });
            let failure = Diagnostic {
                at: Some(Place::Span(at..at + 3)),
                ..Diagnostic::config("the pipeline file is not UTF-8")
            };
            Err(failure.hint("save it as UTF-8").in_file(&file))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Renderer;
    use plan::{Compression, PluginRef, Trigger};
    use std::time::Duration;

    /// Variables without a process.
    struct Variables(&'static [(&'static str, &'static str)]);

    impl Environment for Variables {
        fn variable(&self, name: &str) -> Result<String, String> {
            let found = self.0.iter().find(|(known, _)| *known == name);
            found
                .map(|(_, value)| (*value).to_owned())
                .ok_or_else(|| format!("`{name}` is not set"))
        }

        fn file(&self, path: &str) -> Result<String, String> {
            Err(format!("no file `{path}`"))
        }
    }

    fn loaded_with(
        text: &str,
        variables: &'static [(&'static str, &'static str)],
    ) -> Result<Plan, Vec<Diagnostic>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("payments.toml");
        fs::write(&path, text).unwrap();
        load_in(&path, &Variables(variables))
    }

    fn loaded(text: &str) -> Result<Plan, Vec<Diagnostic>> {
        loaded_with(text, &[])
    }

    const SMALLEST: &str =
        "[source]\npath = 'in/*.json'\n[checkpoint]\npath = 'state'\n[sink]\npath = 'out'\n";

    #[test]
    fn the_smallest_file_gets_careful_defaults() {
        let plan = loaded(SMALLEST).unwrap();
        assert_eq!(plan.name, "payments");
        assert!(plan.source.root.ends_with("/in") && plan.sink.root.ends_with("/out"));
        assert_eq!(plan.source.rescued_column.as_deref(), Some("_rescued"));
        assert_eq!(plan.source.max_files_per_trigger, Some(1_000));
        assert_eq!(plan.trigger, Trigger::Interval(Duration::from_secs(10)));
        assert_eq!(plan.sink.compression, Compression::Zstd);
        assert!(plan.stages.is_empty());
    }

    #[test]
    fn stages_are_named_limited_and_configured() {
        let stages = "[[stage]]\nplugin = 'explode'\nconfig = { column = 'a', at = 2026-01-01 }\n\
                      [[stage]]\nplugin = 'explode'\nlimits = { memory = '64 MiB', time_per_batch = '2s' }\n";
        let plan = loaded(&format!("{SMALLEST}{stages}")).unwrap();
        let names: Vec<&str> = plan.stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["explode", "explode-2"]);
        assert_eq!(plan.stages[0].plugin, PluginRef::Standard("explode".into()));
        assert_eq!(plan.stages[0].config.to_string(), r#"{"column":"a","at":"2026-01-01"}"#);
        assert_eq!(plan.stages[1].limits.memory_bytes, 64 << 20);
        assert_eq!(plan.stages[1].key.to_string(), "stage[1]");
    }

    #[test]
    fn mistakes_of_every_step_are_told_at_once_in_the_order_of_the_lines() {
        let text = "[source]\npath = 'in/*/../x'\nmax_depht = 3\n[checkpoint]\npath = '${env:NONE}'\n\
                    [sink]\npath = 'ftp://b/out'\ncompression = 'lz4'\n[trigger]\ninterval = '1s'\nmode = 'once'\n";
        let failures = loaded(text).unwrap_err();
        let offsets: Vec<Option<usize>> = failures.iter().map(Diagnostic::offset).collect();
        assert!(offsets.is_sorted(), "{offsets:?}");
        // A missing value hides what would be resolved from it, not what is malformed.
        let messages: Vec<&str> = failures.iter().map(|failure| failure.message.as_str()).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        let failures = loaded(&text.replace("${env:NONE}", "state")).unwrap_err();
        assert_eq!(failures.len(), 5, "{failures:?}");
    }

    #[test]
    fn what_a_reference_stands_for_is_shown_nowhere() {
        let variables = &[("SECRET", "hunter2 \"quoted\""), ("DIR", "/data/hunter2/../hunter3")];
        let text = "[source]\npath = '${env:DIR}/*/../x'\n[checkpoint]\npath = 'ftp://${env:SECRET}/x'\n\
                    [sink]\npath = '${env:DIR}'\nmemory = '${env:SECRET}'\ncompression = '${env:SECRET}'\n";
        let failures = loaded_with(text, variables).unwrap_err();
        assert_eq!(failures.len(), 4, "{failures:?}");
        let shown: String = failures.iter().map(|f| Renderer::default().render(f)).collect();
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("`${env:SECRET}` is not a size"), "{shown}");
        let plan = loaded_with(
            "[source]\npath = '${env:DIR}/*.json'\n[checkpoint]\npath = 'c'\n[sink]\npath = 'o'\n",
            variables,
        )
        .unwrap();
        assert_eq!(plan.source.root, "/data/hunter3");
        assert_eq!(
            plan.secrets.redact("reading /data/hunter3/a.json"),
            "reading ${env:DIR}/*.json/a.json"
        );
    }

    #[test]
    fn the_hash_follows_the_data_alone() {
        let hash = |text: &str, variables| loaded_with(text, variables).unwrap().config_hash;
        let with = |extra: &str| hash(&format!("{SMALLEST}{extra}"), &[("T", "1")]);
        let plain = with("");
        assert_eq!(
            plain,
            with("memory = '1 GiB'\ncompression = 'none'\n[trigger]\nmode = 'once'\n")
        );
        assert_eq!(plain, hash(&SMALLEST.replace("in/*.json", "other/*.json"), &[]));
        assert_eq!(
            plain,
            hash(&SMALLEST.replace("[checkpoint]", "max_depth = 64\n[checkpoint]"), &[])
        );
        assert_ne!(
            plain,
            hash(&SMALLEST.replace("[checkpoint]", "max_depth = 63\n[checkpoint]"), &[])
        );
        assert_ne!(plain, with("partition_by = ['date']\n"));
        let stage = |config: &str| with(&format!("[[stage]]\nplugin = 'x'\nconfig = {config}\n"));
        assert_eq!(
            stage("{ a = 1, b = { c = 2, d = 3 } }"),
            stage("{ b = { d = 3, c = 2 }, a = 1 }")
        );
        assert_ne!(stage("{ a = 1 }"), stage("{ a = 2 }"));
        let token = "[[stage]]\nplugin = 'x'\nconfig = { a = '${env:T}' }\n";
        let text = format!("{SMALLEST}{token}");
        assert_eq!(hash(&text, &[("T", "1")]), hash(&text, &[("T", "2")]));
        assert_ne!(stage("{ a = '1' }"), hash(&text, &[("T", "1")]));
    }
}
