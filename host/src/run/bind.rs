//! The step between the static plan and running stages: components loaded, configs checked,
//! the source's schema settled.

use crate::{
    checkpoint::Checkpoint,
    diagnostic::{Diagnostic, Key, KeyPath, Place, Result, suggest},
    pipeline::{
        plan::{Plan, PluginRef, StagePlan},
        strict,
    },
    sink::partition::Partitioner,
    source::{
        self,
        json::JsonReader,
        pattern::Pattern,
        schema::{InferLimits, infer, parse_schema, schema_text},
    },
    stage::{Chain, Component, ConfiguredStage, Engine, Metadata, standard},
    storage::{self, Storage},
    types::InputFile,
};
use arrow_schema::SchemaRef;
use std::{collections::HashMap, path::Path};

/// Decoder, stages and the split of their rows by partition, one made for the other.
pub(super) struct Bound {
    pub(super) reader: JsonReader,
    pub(super) chain: Chain,
    pub(super) partitioner: Partitioner,
}

/// Opens everything against the source's schema.
///
/// # Errors
/// Fails where a stage or the sink does not fit the schema.
pub(super) fn open(plan: &Plan, schema: &SchemaRef, stages: &[ConfiguredStage]) -> Result<Bound> {
    let reader = JsonReader::new(&plan.source, schema)?;
    let chain = Chain::open(stages, reader.schema())?;
    let partitioner = Partitioner::new(&plan.sink, chain.schema())?;
    Ok(Bound { reader, chain, partitioner })
}

/// Refuses a source that would read what lockgate itself writes, and so never come to an end.
///
/// # Errors
/// Fails at the directory that lies within the source's pattern.
pub(super) fn refuse_own_output(plan: &Plan) -> Result<()> {
    let pattern = Pattern::new(&plan.source.pattern)?;
    let table = ["part-0000000000-0000.parquet", "p=1/part-0000000000-0000.parquet"];
    let checkpoint = ["pipeline.json", "offsets/0000000000.json"];
    for (table_or_checkpoint, dir, files) in
        [("sink", &plan.sink.root, table), ("checkpoint", &plan.checkpoint, checkpoint)]
    {
        let Ok(below) = Path::new(dir).strip_prefix(&plan.source.root) else { continue };
        let read = |file: &str| pattern.matches(&below.join(file).to_string_lossy());
        if files.iter().any(|file| read(file)) {
            let key = KeyPath::default().name(table_or_checkpoint).name("path");
            return Err(Diagnostic::config(format!(
                "the source would read what is written to `{dir}`"
            ))
            .cause(format!(
                "its files match `{}` below `{}`",
                plan.source.pattern, plan.source.root
            ))
            .hint("choose a directory outside the source's, or a narrower pattern")
            .at(&key));
        }
    }
    Ok(())
}

/// Loads the component of every stage and checks its config against the plugin's schema.
///
/// # Errors
/// All that is wrong with the first stage that fails, at its place in the pipeline file.
pub(super) fn load(engine: &Engine, plan: &Plan) -> Result<Vec<ConfiguredStage>> {
    let mut loaded: HashMap<PluginRef, Component> = HashMap::new();
    let mut stages = Vec::with_capacity(plan.stages.len());
    for stage in &plan.stages {
        let component = if let Some(component) = loaded.get(&stage.plugin) {
            component.clone()
        } else {
            let key = stage.key.name("plugin");
            let component = component(engine, &stage.plugin).map_err(|e| e.at(&key))?;
            loaded.insert(stage.plugin.clone(), component.clone());
            component
        };
        check_config(stage, &component.describe().map_err(|e| e.at(&stage.key))?)?;
        stages.push(ConfiguredStage { plan: stage.clone(), component });
    }
    Ok(stages)
}

/// Loads the component of a plugin.
///
/// # Errors
/// Fails when there is no such plugin, or it does not keep the contract.
pub(crate) fn component(engine: &Engine, plugin: &PluginRef) -> Result<Component> {
    match plugin {
        PluginRef::Standard(name) => {
            let bytes = standard::standard(name).ok_or_else(|| unknown_plugin(name))?;
            Component::new(engine, name, bytes)
        }
        PluginRef::File(file) => Component::new(engine, &file_name(file), &read(file)?),
    }
}

fn unknown_plugin(name: &str) -> Diagnostic {
    let names: Vec<_> = standard::names().collect();
    let diagnostic = Diagnostic::config(format!("there is no standard plugin `{name}`"));
    let diagnostic = match suggest(name, names.iter().copied()) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic,
    };
    let names = names.join("`, `");
    diagnostic.hint(format!("the standard plugins are `{names}`; a plugin of your own is named by its path: `./my-plugin.wasm`"))
}

fn file_name(file: &Path) -> String {
    file.file_stem()
        .map_or_else(|| file.display().to_string(), |stem| stem.to_string_lossy().into_owned())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let missing = || {
        Diagnostic::config(format!("there is no plugin file `{}`", file.display()))
            .hint("build one with `lockgate plugin build`, or name a standard plugin")
    };
    let (Some(dir), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(missing());
    };
    let store = storage::open(&dir.to_string_lossy())?;
    store.read(&name.to_string_lossy())?.ok_or_else(missing)
}

/// Checks a stage's config against the JSON Schema its plugin declares.
fn check_config(stage: &StagePlan, metadata: &Metadata) -> Result<()> {
    let broken = |what: &str, cause: String| {
        Diagnostic::plugin(format!(
            "plugin `{}` declares a config schema that {what}",
            metadata.name
        ))
        .cause(cause)
        .at(&stage.key.name("plugin"))
    };
    let schema: serde_json::Value = serde_json::from_str(&metadata.config_schema)
        .map_err(|error| broken("is not JSON", error.to_string()))?;
    let validator = jsonschema::validator_for(&schema)
        .map_err(|error| broken("is not JSON Schema", error.to_string()))?;
    let Some(error) = validator.iter_errors(&stage.config).next() else {
        return Ok(());
    };
    let mut key = stage.key.name("config");
    for step in error.instance_path().as_str().split('/').skip(1) {
        key = match step.parse() {
            Ok(index) => key.index(index),
            Err(_) => key.name(step.replace("~1", "/").replace("~0", "~")),
        };
    }
    Err(wrong_config(&metadata.name, &schema, stage, &error, &key))
}

fn wrong_config(
    plugin: &str,
    schema: &serde_json::Value,
    stage: &StagePlan,
    error: &jsonschema::ValidationError<'_>,
    key: &KeyPath,
) -> Diagnostic {
    use jsonschema::error::ValidationErrorKind as Kind;
    let known: Vec<&str> = schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(|keys| keys.keys().map(String::as_str))
        .collect();
    let keys = format!("`{plugin}` has the keys `{}`", known.join("`, `"));
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let name = unexpected.first().map_or("", String::as_str);
            let diagnostic = Diagnostic::config(format!(
                "unknown key `{name}` in the config of plugin `{plugin}`"
            ));
            let diagnostic = match suggest(name, known.iter().copied()) {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic,
            };
            diagnostic.hint(keys).at_name(&key.name(name))
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            Diagnostic::config(format!("the config of plugin `{plugin}` lacks the key `{name}`"))
                .hint(keys)
                .at(key)
        }
        _ => wrong_value(plugin, schema, stage, error, key)
            .hint(format!("`lockgate plugin inspect {plugin}` shows what it may be"))
            .at(key),
    }
}

/// In the words of the pipeline file where the schema's are understood, else in the validator's.
fn wrong_value(
    plugin: &str,
    schema: &serde_json::Value,
    stage: &StagePlan,
    error: &jsonschema::ValidationError<'_>,
    key: &KeyPath,
) -> Diagnostic {
    let mut failures = Vec::new();
    strict::check(schema, &mut stage.config.clone(), &stage.key.name("config"), &mut failures);
    let here = Some(Place::Key(key.clone(), None));
    failures.into_iter().find(|failure| failure.at == here).unwrap_or_else(|| {
        let name = match key.0.last() {
            Some(Key::Name(name)) => format!("`{name}`"),
            _ => "a value".to_owned(),
        };
        let message = format!("{name} in the config of plugin `{plugin}` has a wrong value");
        Diagnostic::config(message).cause(error.to_string())
    })
}

/// The source's schema: declared, or pinned by an earlier run, or inferred from these files.
///
/// # Errors
/// Fails when nothing can be inferred from the files there are.
pub(super) fn schema(
    plan: &Plan,
    source: &Storage,
    checkpoint: Option<&Checkpoint>,
    files: &[InputFile],
) -> Result<SchemaRef> {
    if let Some(schema) = &plan.source.schema {
        return Ok(SchemaRef::clone(schema));
    }
    if let Some(pinned) = checkpoint.map(Checkpoint::pinned_schema).transpose()?.flatten() {
        return parse_pinned(pinned);
    }
    let samples = files.iter().map(|file| source::json::open_text(source, &file.path));
    Ok(infer(samples, InferLimits::default())?.schema)
}

/// Pins a schema in the checkpoint, unless one is pinned; gives the one that is.
///
/// # Errors
/// Fails when the store refuses, or what is pinned cannot be read.
pub(super) fn pin(checkpoint: &Checkpoint, schema: &SchemaRef) -> Result<SchemaRef> {
    parse_pinned(checkpoint.pin_schema(&schema_text(schema))?)
}

fn parse_pinned(text: String) -> Result<SchemaRef> {
    parse_schema(&serde_json::Value::String(text)).map_err(|error| {
        Diagnostic::storage("the schema pinned in the checkpoint cannot be read")
            .cause(error.message)
            .hint("put back `schema.json` of the checkpoint as it was")
    })
}
