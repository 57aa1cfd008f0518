//! The same plugin in its sandbox and compiled in gives the same rows and the same rejections,
//! whatever the input.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, MapArray, RecordBatch, StringArray, StructArray,
    builder::{MapBuilder, StringBuilder},
};
use arrow_schema::{Field, Fields};
use lockgate::{
    diagnostic::KeyPath,
    pipeline::plan::{Limits, OnFailure, PluginRef, StagePlan},
    stage::{Chain, Component, ConfiguredStage, Lineage, RejectedRow, standard},
};
use lockgate_tests::{ENGINE, native};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// One row: a text that is often a timestamp, an amount, a number, and a map of tags.
type Row = (Option<String>, Option<f64>, Option<i64>, Option<Vec<(String, Option<String>)>>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let at = prop_oneof![
        4 => "[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](Z|[+-]0[0-9]:30)",
        1 => "\\PC{0,24}",
    ];
    let amount = prop_oneof![any::<f64>(), Just(0.0), Just(-0.0), -100.0..100.0];
    let number = prop_oneof![any::<i64>(), -3_i64..3];
    let tags = vec(("[a-c\"\\\\é]{0,3}", option::of("\\PC{0,5}")), 0..3);
    let row = (option::of(at), option::of(amount), option::of(number), option::of(tags));
    vec(row, 0..200)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let at: StringArray = rows.iter().map(|row| row.0.as_deref()).collect();
    let amount: Float64Array = rows.iter().map(|row| row.1).collect();
    let number: Int64Array = rows.iter().map(|row| row.2).collect();
    let tags: ArrayRef = Arc::new(maps(rows));
    let amount: ArrayRef = Arc::new(amount);
    let members = Fields::from(vec![
        Field::new("amount", amount.data_type().clone(), true),
        Field::new("tags", tags.data_type().clone(), true),
    ]);
    let nulls = rows.iter().map(|row| row.2 != Some(0)).collect::<Vec<_>>().into();
    let record = StructArray::new(members, vec![amount, tags], Some(nulls));
    let columns: [(&str, ArrayRef); 3] =
        [("at", Arc::new(at)), ("number", Arc::new(number)), ("record", Arc::new(record))];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn maps(rows: &[Row]) -> MapArray {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in rows {
        for (key, value) in row.3.iter().flatten() {
            maps.keys().append_value(key);
            maps.values().append_option(value.as_deref());
        }
        maps.append(row.3.is_some()).unwrap();
    }
    maps.finish()
}

fn stage(plugin: &str, config: &Value, component: Component) -> ConfiguredStage {
    let plan = StagePlan {
        name: plugin.into(),
        plugin: PluginRef::Standard(plugin.into()),
        config: config.clone(),
        limits: Limits {
            memory_bytes: 256 << 20,
            time_per_batch: Duration::from_secs(30),
            output_bytes: 256 << 20,
            rows_per_row: 1_000,
        },
        on_failure: OnFailure::Stop,
        key: KeyPath::default(),
    };
    ConfiguredStage { plan, component }
}

/// What a chain makes of a batch.
fn run(batch: &RecordBatch, stages: &[ConfiguredStage]) -> (RecordBatch, Vec<RejectedRow>) {
    let mut chain = Chain::open(stages, &batch.schema()).unwrap();
    let output = chain.process(batch, &Lineage::default()).unwrap();
    let columns: Vec<_> = (0..output.view.schema().fields().len()).collect();
    (output.view.gather_all(&columns).unwrap(), output.rejected)
}

/// Compiles a component once per process.
fn sandboxed(plugin: &str) -> Component {
    Component::new(&ENGINE, plugin, standard::standard(plugin).unwrap()).unwrap()
}

fn chain_of(predicate: &str, on_error: &str) -> Vec<(&'static str, Value)> {
    let parse =
        json!({ "column": "at", "format": "iso8601", "into": "time", "on_error": on_error });
    vec![
        ("timestamp-parse", parse),
        ("flatten", json!({ "column": "record", "maps": "json" })),
        ("filter", json!({ "where": predicate })),
    ]
}

const PREDICATES: [&str; 6] = [
    "amount > 0 AND time IS NOT NULL",
    "amount >= -0.0 OR number BETWEEN -1 AND 1",
    "NOT (number IN (0, 1, NULL)) IS TRUE",
    "tags LIKE '%a%' OR tags IS NULL",
    "number * 2 > number AND time > TIMESTAMP '2000-01-01 00:00:00'",
    "length(at) <> 20",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sandbox_changes_nothing(
        rows in rows(),
        predicate in proptest::sample::select(&PREDICATES[..]),
        on_error in proptest::sample::select(&["null", "quarantine", "drop"][..]),
    ) {
        let batch = batch(&rows);
        let stages = chain_of(predicate, on_error);
        let inside: Vec<_> =
            stages.iter().map(|(plugin, config)| stage(plugin, config, sandboxed(plugin))).collect();
        let outside: Vec<_> =
            stages.iter().map(|(plugin, config)| stage(plugin, config, native::standard(plugin))).collect();
        let (inside, outside) = (run(&batch, &inside), run(&batch, &outside));
        prop_assert_eq!(inside.0, outside.0);
        prop_assert_eq!(inside.1, outside.1);
    }
}
