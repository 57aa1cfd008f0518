//! What it costs to hand a batch to a sandbox and take the answer back, apart from any work.
//!
//! `cargo bench --package lockgate --bench boundary`. The guest is that of the sandbox tests,
//! which is asked for no crime: it takes one column and answers a column of empty strings.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use arrow_array::{RecordBatch, StringArray};
use divan::{Bencher, black_box, counter::ItemsCount};
use lockgate::{
    diagnostic::KeyPath,
    pipeline::plan::{Limits, OnFailure, PluginRef, StagePlan},
    stage::{Chain, Component, ConfiguredStage, Engine, Lineage},
};
use std::{fs, path::Path, sync::Arc, time::Duration};

fn main() {
    divan::main();
}

/// A string column of 20 bytes a row in, one offset a row back.
#[divan::bench(args = [1, 1_200, 8_192, 65_536])]
fn strings(bencher: Bencher<'_, '_>, rows: usize) {
    let text = StringArray::from_iter_values((0..rows).map(|row| format!("{row:020}")));
    let batch = RecordBatch::try_from_iter([("n", Arc::new(text) as _)]).unwrap();
    let mut chain = Chain::open(&[stage()], &batch.schema()).unwrap();
    bencher
        .counter(ItemsCount::new(rows))
        .bench_local(|| chain.process(black_box(&batch), &Lineage::default()).unwrap());
}

fn stage() -> ConfiguredStage {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins/hostile.wasm");
    // `cargo xtask plugins` makes it.
    let guest = fs::read(guest).unwrap();
    let component = Component::new(&Engine::with_user_cache().unwrap(), "guest", &guest).unwrap();
    let plan = StagePlan {
        name: "guest".into(),
        plugin: PluginRef::File("guest.wasm".into()),
        config: serde_json::json!({ "crime": "none" }),
        limits: Limits {
            memory_bytes: 64 << 20,
            time_per_batch: Duration::from_secs(10),
            output_bytes: 64 << 20,
            rows_per_row: 1,
        },
        on_failure: OnFailure::Stop,
        key: KeyPath::default(),
    };
    ConfiguredStage { plan, component }
}
