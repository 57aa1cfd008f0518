//! From the pipeline file as written to a plan.
//!
//! Owns what needs the file system: paths, schema files, and what belongs together. Adds
//! every mistake it finds to a list rather than stopping at the first.

use super::{
    config::{self, Config},
    document::Document,
    fingerprint, location,
    plan::{
        Compression, OnChangedInput, OnTypeConflict, Order, Plan, QuarantinePlan, SinkPlan,
        SourcePlan, Trigger,
    },
    resolve_clean, resolve_sink, resolve_stages,
};
use crate::{
    diagnostic::{Diagnostic, KeyPath, Place, SourceText},
    source::{pattern::Pattern, schema},
    storage::{self, StorageOptions},
};
use arrow_schema::SchemaRef;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

const WILDCARDS: &str = "wildcards are `*`, `?`, `[a-z]`, `{a,b}` and `**`; a literal `[` is `[[]`";

/// What resolving works with.
pub(super) struct Context<'a> {
    /// Directory of the pipeline file, absolute.
    pub(super) directory: PathBuf,
    /// The pipeline file.
    pub(super) text: &'a Arc<SourceText>,
    /// Its values, as far as they are well-formed.
    pub(super) document: Document,
    /// What is wrong so far.
    pub(super) failures: Vec<Diagnostic>,
}

impl Context<'_> {
    /// The value, or `None` and one more failure at this key.
    pub(super) fn take<T>(&mut self, key: &KeyPath, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|failure| self.failures.push(failure.at(key))).ok()
    }

    /// From now on shows what was made from the string of a key as that string was written,
    /// if it was written with a reference.
    pub(super) fn hide(&mut self, key: &KeyPath, made: &str) {
        let written = self.document.references.iter().find(|(path, _)| path == key);
        if let Some((_, written)) = written {
            let written = written.clone();
            self.document.secrets.add(made, &written);
        }
    }

    /// The absolute path or URL of a directory, held against the stores there are.
    pub(super) fn directory(
        &mut self,
        text: &str,
        key: &KeyPath,
        options: &StorageOptions,
    ) -> Option<String> {
        let root = location::root(text, &self.directory);
        let root = self.take(key, root)?;
        self.hide(key, &root);
        let opened = opens(&root, options);
        self.take(key, opened).map(|()| root)
    }
}

/// Whether there is such a store; it is not asked for anything.
fn opens(root: &str, options: &StorageOptions) -> Result<(), Diagnostic> {
    storage::open_with(root, options, &storage::silent()).map(drop)
}

pub(super) fn storage_options(options: &config::StorageOptions) -> StorageOptions {
    let config::StorageOptions { endpoint, region, account, path_style, anonymous, retry_timeout } =
        options;
    StorageOptions {
        endpoint: endpoint.clone(),
        region: region.clone(),
        account: account.clone(),
        path_style: *path_style,
        anonymous: *anonymous,
        retry_timeout: retry_timeout.0,
    }
}

/// A key of a table of the pipeline file.
pub(super) fn key(table: &str, name: &str) -> KeyPath {
    KeyPath::default().name(table).name(name)
}

/// Makes the plan, or adds at least one failure to the context.
pub(super) fn resolve(config: &Config, context: &mut Context<'_>) -> Option<Plan> {
    let before = context.failures.len();
    let name = name(config, context);
    let source = source(&config.source, context);
    let trigger = trigger(&config.trigger, context);
    let checkpoint_options = storage_options(&config.checkpoint.storage_options);
    let path = key("checkpoint", "path");
    let checkpoint = context.directory(&config.checkpoint.path, &path, &checkpoint_options);
    let stages = resolve_stages::stages(&config.stages, context);
    let sink = sink(&config.sink, context);
    let (source, checkpoint, sink) = (source?, checkpoint?, sink?);
    for (other, root) in [("sink", &sink.root), ("source", &source.root)] {
        if *root == checkpoint {
            context.failures.push(
                Diagnostic::config(format!("the checkpoint is the directory of the {other}"))
                    .hint("give the checkpoint a directory of its own")
                    .at(&path),
            );
        }
    }
    let config_hash = fingerprint::config_hash(config, &context.document.references, &source);
    (context.failures.len() == before).then(|| Plan {
        name,
        file: context.text.path.clone(),
        text: Arc::clone(context.text),
        secrets: Arc::new(context.document.secrets.clone()),
        config_hash,
        source,
        trigger,
        checkpoint,
        checkpoint_options,
        stages,
        sink,
        quarantine: QuarantinePlan { max_rate: config.quarantine.max_rate },
    })
}

fn name(config: &Config, context: &mut Context<'_>) -> String {
    let Some(name) = &config.pipeline.name else {
        let file = context.text.path.file_stem().unwrap_or_default();
        let directory = context.directory.file_name().unwrap_or(file);
        let name = if file == "pipeline" { directory } else { file };
        return name.to_string_lossy().chars().map(|c| if plain(c) { c } else { '-' }).collect();
    };
    if name.is_empty() || !name.chars().all(plain) {
        context.failures.push(
            Diagnostic::config(format!("`{name}` is not a name"))
                .hint("use letters, digits, `-`, `_` and `.`, at least one")
                .at(&key("pipeline", "name")),
        );
    }
    name.clone()
}

/// Whether a character may stand in the name of a pipeline or stage.
pub(super) fn plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn source(source: &config::Source, context: &mut Context<'_>) -> Option<SourcePlan> {
    let path = key("source", "path");
    let options = storage_options(&source.storage_options);
    let input = location::input(&source.path, &context.directory);
    let input = context.take(&path, input).and_then(|input| {
        context.hide(&path, &input.root);
        context.hide(&path, &input.pattern);
        let checked = opens(&input.root, &options)
            .and_then(|()| Pattern::new(&input.pattern).map_err(|failure| failure.hint(WILDCARDS)));
        context.take(&path, checked).map(|_| input)
    });
    let schema = source.schema.as_ref().map(|schema| declared_schema(schema, context));
    let rescued_column = match &source.rescued_column {
        config::RescuedColumn::Name(name) if !name.is_empty() => Some(name.clone()),
        config::RescuedColumn::Name(_) | config::RescuedColumn::Off(_) => None,
    };
    if let (Some(Some(schema)), Some(name)) = (&schema, &rescued_column)
        && schema.field_with_name(name).is_ok()
    {
        context.failures.push(
            Diagnostic::config(format!("the schema has a column `{name}` already"))
                .hint("give `rescued_column` another name, or `false`")
                .at(&key("source", "rescued_column")),
        );
    }
    let input = input?;
    let clean_source = resolve_clean::clean_source(source, &input.root, context);
    Some(SourcePlan {
        root: input.root,
        storage_options: options,
        pattern: input.pattern,
        schema: match schema {
            Some(schema) => Some(schema?),
            None => None,
        },
        rescued_column,
        on_type_conflict: match source.on_type_conflict {
            config::OnTypeConflict::Null => OnTypeConflict::Null,
            config::OnTypeConflict::Quarantine => OnTypeConflict::Quarantine,
        },
        max_record_bytes: source.max_record_bytes.0,
        max_depth: source.max_depth,
        max_decompression_ratio: source.max_decompression_ratio,
        max_files_per_trigger: Some(source.max_files_per_trigger),
        max_bytes_per_trigger: Some(source.max_bytes_per_trigger.0),
        on_changed_input: match source.on_changed_input {
            config::OnChangedInput::Fail => OnChangedInput::Fail,
            config::OnChangedInput::Skip => OnChangedInput::Skip,
        },
        order: match source.order {
            config::Order::ModificationTime => Order::ModificationTime,
            config::Order::Lexicographic => Order::Lexicographic,
        },
        max_file_age: source.max_file_age.map(|age| age.0),
        clean_source: clean_source?,
    })
}

fn declared_schema(schema: &config::SchemaSource, context: &mut Context<'_>) -> Option<SchemaRef> {
    let key = key("source", "schema");
    let (columns, file, parent) = match schema {
        config::SchemaSource::Inline(columns) => (columns.clone(), None, key),
        config::SchemaSource::File(path) => {
            let read = schema_file(path, &context.directory);
            let text = context.take(&key, read)?;
            let beside = context.text.path.with_file_name(path);
            let shown = context.document.secrets.redact(&beside.to_string_lossy()).into_owned();
            let file = Arc::new(SourceText { path: shown.into(), text });
            let mut failures = Vec::new();
            let document = super::document::read_plain(&file.text, &mut failures);
            if !failures.is_empty() {
                context.failures.extend(failures.into_iter().map(|f| f.in_file(&file)));
                return None;
            }
            (document, Some(file), KeyPath::default())
        }
    };
    schema::parse_schema(&Value::Object(columns))
        .map_err(|error| {
            let place = KeyPath(parent.0.iter().chain(&error.path.0).cloned().collect());
            let place = Place::Key(place, error.span.clone());
            let failure = Diagnostic { at: Some(place), ..Diagnostic::from(error) };
            context.failures.push(match &file {
                Some(file) => failure.in_file(file),
                None => failure,
            });
        })
        .ok()
}

fn schema_file(path: &str, directory: &Path) -> Result<String, Diagnostic> {
    let shown = path;
    let path = location::file(path, directory);
    let bytes = fs::read(&path).map_err(|error| {
        Diagnostic::config(format!("cannot read the schema file `{shown}`"))
            .cause(error)
            .hint("paths are relative to the pipeline file; without `schema` it is inferred")
    })?;
    String::from_utf8(bytes).map_err(|_| {
        Diagnostic::config(format!("the schema file `{shown}` is not UTF-8"))
            .hint("save it as UTF-8")
    })
}

fn trigger(trigger: &config::Trigger, context: &mut Context<'_>) -> Trigger {
    let poll = trigger.poll_interval.map_or(config::Trigger::DEFAULT_POLL_INTERVAL, |span| span.0);
    if trigger.interval.is_some() && trigger.mode.is_some() {
        context.failures.push(
            Diagnostic::config("`interval` and `mode` exclude each other")
                .hint("keep `interval` to start micro-batches by the clock, or `mode`")
                .at_name(&key("trigger", "mode")),
        );
    } else if trigger.poll_interval.is_some()
        && !matches!(trigger.mode, Some(config::Mode::OnArrival))
    {
        context.failures.push(
            Diagnostic::config("`poll_interval` goes with `mode = \"on_arrival\"` only")
                .hint("`interval` is how often micro-batches start by the clock")
                .at_name(&key("trigger", "poll_interval")),
        );
    }
    match trigger.mode {
        Some(config::Mode::Once) => Trigger::Once,
        Some(config::Mode::AvailableNow) => Trigger::AvailableNow,
        Some(config::Mode::OnArrival) => Trigger::OnArrival(poll),
        None => Trigger::Interval(
            trigger.interval.map_or(config::Trigger::DEFAULT_INTERVAL, |interval| interval.0),
        ),
    }
}

fn sink(sink: &config::Sink, context: &mut Context<'_>) -> Option<SinkPlan> {
    let storage_options = storage_options(&sink.storage_options);
    let root = context.directory(&sink.path, &key("sink", "path"), &storage_options);
    let partition_by = resolve_sink::partition_columns(sink, context);
    Some(SinkPlan {
        root: root?,
        storage_options,
        partition_by: partition_by?,
        compression: match sink.compression {
            config::Compression::None => Compression::None,
            config::Compression::Snappy => Compression::Snappy,
            config::Compression::Zstd => Compression::Zstd,
        },
        row_group_rows: sink.row_group_rows as usize,
        max_file_bytes: sink.max_file_bytes.0,
        memory_bytes: sink.memory.0,
        max_open_files: sink.max_open_files as usize,
        event_time: sink.event_time.clone(),
    })
}
