//! The stages: their names and which component each runs.
//!
//! Owns how a plugin is named in the pipeline file; whether a standard plugin of that name
//! exists is the engine's to say.

use super::{
    config, location,
    plan::{Limits, OnFailure, PluginRef, StagePlan},
    resolve::{Context, plain},
};
use crate::diagnostic::{Diagnostic, KeyPath};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// The stages, in order. Adds a failure for each that cannot be.
pub(super) fn stages(stages: &[config::Stage], context: &mut Context<'_>) -> Vec<StagePlan> {
    let mut given: BTreeSet<String> = BTreeSet::new();
    for (index, stage) in stages.iter().enumerate() {
        let Some(name) = &stage.name else { continue };
        let key = stage_key(index).name("name");
        if name.is_empty() || !name.chars().all(plain) {
            let failure = Diagnostic::config(format!("`{name}` is not a name"));
            let hint = "use letters, digits, `-`, `_` and `.`, at least one";
            context.failures.push(failure.hint(hint).at(&key));
        } else if name == "source" || name == "sink" {
            let failure = Diagnostic::config(format!("a stage cannot be called `{name}`"));
            context.failures.push(failure.hint("choose another name").at(&key));
        } else if !given.insert(name.clone()) {
            let failure = Diagnostic::config(format!("two stages are called `{name}`"));
            context.failures.push(failure.hint("give one of them another name").at(&key));
        }
    }
    let mut resolved = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        let key = stage_key(index);
        let plugin = plugin(&stage.plugin, &context.directory);
        let Some(plugin) = context.take(&key.name("plugin"), plugin) else { continue };
        if let PluginRef::File(path) = &plugin {
            context.hide(&key.name("plugin"), &path.to_string_lossy());
        }
        let name = stage.name.clone().unwrap_or_else(|| free_name(&plugin, &mut given));
        resolved.push(StagePlan {
            name,
            plugin,
            config: Value::Object(stage.config.clone()),
            limits: Limits {
                memory_bytes: stage.limits.memory.0,
                time_per_batch: stage.limits.time_per_batch.0,
                output_bytes: stage.limits.output.0,
                rows_per_row: stage.limits.rows_per_row,
            },
            on_failure: match stage.on_failure {
                config::OnFailure::Quarantine => OnFailure::Quarantine,
                config::OnFailure::Stop => OnFailure::Stop,
            },
            key,
        });
    }
    resolved
}

fn stage_key(index: usize) -> KeyPath {
    KeyPath::default().name("stage").index(index)
}

/// `explode`, then `explode-2`, never a name that is taken.
fn free_name(plugin: &PluginRef, taken: &mut BTreeSet<String>) -> String {
    let base = match plugin {
        PluginRef::Standard(name) => name.clone(),
        PluginRef::File(path) => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            stem.chars().map(|c| if plain(c) { c } else { '-' }).collect()
        }
    };
    let numbered = (2_u64..).map(|number| format!("{base}-{number}"));
    let free = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name));
    let name = free.unwrap_or(base);
    taken.insert(name.clone());
    name
}

fn plugin(text: &str, directory: &Path) -> Result<PluginRef, Diagnostic> {
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(Diagnostic::config(format!("plugins from `{scheme}://` are not supported"))
            .hint("download the component and give the path of its `.wasm` file"));
    }
    let is_file = text.contains('/') || Path::new(text).extension().is_some_and(|e| e == "wasm");
    if !is_file {
        let named = !text.is_empty() && text.chars().all(plain);
        return named.then(|| PluginRef::Standard(text.to_owned())).ok_or_else(|| {
            Diagnostic::config(format!("`{text}` is neither a plugin's name nor a path"))
                .hint("name a standard plugin, such as `filter`, or the path of a `.wasm` file")
        });
    }
    let path = location::file(text, directory);
    if path.is_file() {
        return Ok(PluginRef::File(path));
    }
    Err(Diagnostic::config(format!("there is no plugin file `{text}`"))
        .hint("paths are relative to the pipeline file; `lockgate plugin build` makes a component"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_a_name_or_a_file_that_exists() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("own_one.wasm");
        std::fs::write(&path, "").unwrap();
        let plugin = |text| plugin(text, directory.path());
        assert_eq!(plugin("filter"), Ok(PluginRef::Standard("filter".into())));
        assert_eq!(plugin("own_one.wasm"), Ok(PluginRef::File(path.clone())));
        assert_eq!(plugin("./own_one.wasm"), Ok(PluginRef::File(path)));
        for bad in ["", "a b", "none.wasm", "../none", "oci://h/n@sha256:0"] {
            assert!(plugin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_numbered_past_those_taken() {
        let mut taken = BTreeSet::from(["explode-2".to_owned()]);
        let explode = PluginRef::Standard("explode".into());
        let names: Vec<String> = (0..3).map(|_| free_name(&explode, &mut taken)).collect();
        assert_eq!(names, ["explode", "explode-3", "explode-4"]);
    }
}
