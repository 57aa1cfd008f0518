//! What the footer of every file of a micro-batch says.

use super::Provenance;
use crate::types::BatchId;
use parquet::file::{metadata::KeyValue, properties::WriterProperties};

/// Bytes of file names in the footer, at most.
const INPUT_BYTES: usize = 4 << 10;

/// Records put back that the footer names, at most.
const RECORDS: usize = 200;

/// Properties of all files of a micro-batch. How columns are encoded is not among them: the
/// Parquet library gets pages that are complete.
pub(super) fn of(batch: BatchId, provenance: &Provenance) -> WriterProperties {
    WriterProperties::builder().set_key_value_metadata(Some(footer(batch, provenance))).build()
}

fn footer(batch: BatchId, provenance: &Provenance) -> Vec<KeyValue> {
    let mut budget = INPUT_BYTES;
    let fits = |path: &&String| {
        let left = budget.checked_sub(path.len() + 3);
        budget = left.unwrap_or(0);
        left.is_some()
    };
    let files: Vec<_> = provenance.inputs.iter().take_while(fits).collect();
    let inputs = serde_json::json!({ "count": provenance.inputs.len(), "files": files });
    let components = serde_json::json!(provenance.components);
    let mut footer = vec![
        KeyValue::new("lockgate.pipeline".to_owned(), provenance.pipeline.clone()),
        KeyValue::new("lockgate.batch".to_owned(), batch.0.to_string()),
        KeyValue::new("lockgate.inputs".to_owned(), inputs.to_string()),
        KeyValue::new("lockgate.components".to_owned(), components.to_string()),
    ];
    if !provenance.replayed.is_empty() {
        let records: Vec<_> =
            provenance.replayed.iter().take(RECORDS).map(ToString::to_string).collect();
        let count = provenance.replayed.len();
        let replayed = serde_json::json!({ "count": count, "records": records });
        footer.push(KeyValue::new("lockgate.replayed".to_owned(), replayed.to_string()));
    }
    footer
}
