//! What a pipeline file says about the data, as one hash.
//!
//! Owns which keys decide what a row looks like: a replayed micro-batch must find the same
//! ones. Strings count as written, so that a rotated secret changes nothing, and components
//! are not in it, since every micro-batch records their digests.

use super::{config::Config, plan::SourcePlan};
use crate::{
    diagnostic::{Key, KeyPath},
    source::schema::schema_text,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// SHA-256, in hex, of what decides the rows.
pub(super) fn config_hash(
    config: &Config,
    references: &[(KeyPath, String)],
    source: &SourcePlan,
) -> String {
    let mut written = serde_json::to_value(config).unwrap_or_default();
    for (key, text) in references {
        if let Some(value) = at(&mut written, key) {
            *value = Value::String(text.clone());
        }
    }
    let stages = written["stage"].as_array().into_iter().flatten();
    let content = json!({
        "format": written["source"]["format"],
        "schema": source.schema.as_deref().map(schema_text),
        "rescued_column": source.rescued_column,
        "on_type_conflict": written["source"]["on_type_conflict"],
        "max_record_bytes": written["source"]["max_record_bytes"],
        "max_depth": written["source"]["max_depth"],
        "max_decompression_ratio": written["source"]["max_decompression_ratio"],
        "stages": stages.map(|stage| sorted(&stage["config"])).collect::<Vec<_>>(),
        "partition_by": written["sink"]["partition_by"],
        "derive": written["sink"]["derive"],
    });
    let digest = Sha256::digest(content.to_string());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn at<'a>(value: &'a mut Value, key: &KeyPath) -> Option<&'a mut Value> {
    key.0.iter().try_fold(value, |value, key| match key {
        Key::Name(name) => value.get_mut(name),
        Key::Index(index) => value.get_mut(index),
    })
}

/// The value with the keys of its tables in order: how they are written is no difference.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(table) => {
            let mut keys: Vec<&String> = table.keys().collect();
            keys.sort();
            let entries = keys.into_iter().map(|key| (key.clone(), sorted(&table[key])));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(elements) => Value::Array(elements.iter().map(sorted).collect()),
        value => value.clone(),
    }
}
