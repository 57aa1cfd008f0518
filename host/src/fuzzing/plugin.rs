//! What a plugin returns: an answer is refused in words, or its rows keep every rule of Arrow.

use super::{answer, take::Take};
use crate::{
    diagnostic::{Diagnostic, KeyPath, Kind},
    pipeline::plan::{Limits, OnFailure, PluginRef, StagePlan},
    source::rescued,
    stage::{
        Chain, ChainOutput, Component, ConfiguredStage, Lineage, Metadata, NativePlugin,
        NativeStage,
        contract::{Batch, Error, FieldParam, Output, Plan},
    },
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Decimal128Array, Int64Array, ListArray, MapArray, RecordBatch,
    StringArray, StructArray, types::Int32Type,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields};
use std::{sync::Arc, time::Duration};

/// Two stages of a plugin that answers with these bytes, on a batch of eight rows.
///
/// # Panics
/// Panics when a row is lost or made up, when what comes out breaks a rule of Arrow, and when
/// the host blames itself for what a plugin did.
pub fn plugin_output(data: &[u8]) {
    let (first, second) = data.split_at(data.len() / 2);
    let stages = [first, second].map(|bytes| {
        let plugin = Arc::new(Bytes(Arc::from(bytes)));
        ConfiguredStage { plan: stage_plan(bytes.len()), component: Component::native("b", plugin) }
    });
    let batch = batch();
    let mut chain = match Chain::open(&stages, &batch.schema()) {
        Ok(chain) => chain,
        Err(refusal) => return blamed_on_plugin(&refusal),
    };
    let lineage = Lineage {
        rescued: Some(("_rescued".into(), rescued::narrow)),
        slices: Some(("list".into(), (0..batch.num_rows() as u64).collect())),
    };
    match chain.process(&batch, &lineage) {
        Ok(output) => holds(&chain, &output, batch.num_rows()),
        Err(refusal) => blamed_on_plugin(&refusal),
    }
}

fn blamed_on_plugin(refusal: &Diagnostic) {
    assert!(matches!(refusal.kind, Kind::Plugin | Kind::Config), "{refusal}");
}

fn holds(chain: &Chain, output: &ChainOutput, source_rows: usize) {
    let all: Vec<usize> = (0..output.view.schema().fields().len()).collect();
    let gathered = output.view.gather_all(&all).expect("what was accepted can be gathered");
    assert_eq!(gathered.num_rows(), output.view.num_rows());
    for (column, field) in gathered.columns().iter().zip(chain.schema().fields()) {
        column.to_data().validate_full().expect("what was accepted keeps the rules of Arrow");
        assert_eq!(column.data_type(), field.data_type());
        assert!(field.is_nullable() || column.null_count() == 0, "`{}` has nulls", field.name());
    }
    let mut before = source_rows as u64;
    for stage in &output.stages {
        let left = stage.rows_out + stage.filtered + stage.quarantined;
        assert_eq!(stage.rows_in as i64 + stage.unnested, left as i64, "{stage:?}");
        assert_eq!(stage.rows_in, before, "{stage:?}");
        before = stage.rows_out;
    }
    assert_eq!(before, gathered.num_rows() as u64);
    let quarantined: u64 = output.stages.iter().map(|stage| stage.quarantined).sum();
    assert_eq!(quarantined, output.rejected.len() as u64);
    for rejected in output.rejected.iter().chain(&output.noted) {
        assert!(rejected.message.len() <= 2_048 && rejected.code.len() <= 64, "{rejected:?}");
        assert!(rejected.origin.as_ref().is_none_or(|origin| origin.row < source_rows));
    }
}

fn stage_plan(length: usize) -> StagePlan {
    StagePlan {
        name: format!("bytes-{length}"),
        plugin: PluginRef::Standard("bytes".into()),
        config: serde_json::json!({}),
        limits: Limits {
            memory_bytes: 1 << 20,
            time_per_batch: Duration::from_secs(1),
            output_bytes: 1 << 20,
            rows_per_row: 100,
        },
        on_failure: if length.is_multiple_of(2) { OnFailure::Quarantine } else { OnFailure::Stop },
        key: KeyPath::default().name("stage").index(0),
    }
}

/// A plugin that answers with its bytes: the plan first, then the same answer to every call.
struct Bytes(Arc<[u8]>);

struct Opened {
    plan: Plan,
    bytes: Arc<[u8]>,
    used: usize,
}

impl NativePlugin for Bytes {
    fn describe(&self) -> Metadata {
        let empty = String::new;
        Metadata {
            name: "bytes".into(),
            version: "0.0.0".into(),
            summary: empty(),
            docs: empty(),
            config_schema: "{}".into(),
            examples: Vec::new(),
        }
    }

    fn open(&self, _: &str, _: &[FieldParam<'_>]) -> Result<(Box<dyn NativeStage>, Plan), Error> {
        let mut take = Take(&self.0);
        let plan = answer::plan(&mut take);
        let used = self.0.len() - take.0.len();
        let opened = Opened { plan: plan.clone(), bytes: Arc::clone(&self.0), used };
        Ok((Box::new(opened), plan))
    }
}

impl NativeStage for Opened {
    fn process(&mut self, batch: Batch<'_>) -> Result<Output, Error> {
        let mut take = Take(&self.bytes[self.used..]);
        if take.byte() == 255 && batch.rows % 2 == 1 {
            return Err(Error::Failed("odd".into()));
        }
        Ok(answer::output(&mut take, &self.plan, batch.rows as usize))
    }
}

/// Eight rows with every shape that an unnest or a reference can meet.
fn batch() -> RecordBatch {
    let ids: ArrayRef = Arc::new((0..8).map(|id| (id != 3).then_some(id)).collect::<Int64Array>());
    let names: ArrayRef =
        Arc::new((0..8).map(|i| (i % 3 != 0).then(|| "n".repeat(i))).collect::<StringArray>());
    let lists = ints(&[Some(2), None, Some(0), Some(3), Some(1), None, Some(1), Some(0)]);
    let member = ints(&[Some(1), Some(1), None, Some(0), Some(2), Some(1), Some(0), Some(4)]);
    let fields = Fields::from(vec![
        Field::new("x", DataType::Utf8, true),
        Field::new("list", member.data_type().clone(), true),
    ]);
    let present = NullBuffer::from(vec![true, true, true, false, true, false, true, true]);
    let structs: ArrayRef =
        Arc::new(StructArray::new(fields, vec![Arc::clone(&names), member], Some(present)));
    let texts = ListArray::new(
        Arc::new(Field::new("item", DataType::Utf8, true)),
        OffsetBuffer::from_lengths([1, 0, 2, 0, 0, 3, 1, 1]),
        Arc::clone(&names),
        None,
    );
    let raw: ArrayRef = Arc::new(BinaryArray::from_iter_values((0..8).map(|i| vec![0xff; i])));
    let amounts = Decimal128Array::from_iter_values(0..8).with_precision_and_scale(10, 2).unwrap();
    let rescued = r#"{"list[0].x":1,"list[1]":"two","s.list[0]":[3],"other":{}}"#;
    let rescued: StringArray = (0..8).map(|i| (i % 2 == 0).then_some(rescued)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", ids),
        ("name", names),
        ("list", lists),
        ("s", structs),
        ("m", map()),
        ("texts", Arc::new(texts)),
        ("raw", raw),
        ("amount", Arc::new(amounts)),
        ("_rescued", Arc::new(rescued)),
    ];
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn ints(lengths: &[Option<i32>]) -> ArrayRef {
    let lists = lengths.iter().map(|length| length.map(|length| (0..length).map(Some)));
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))
}

fn map() -> ArrayRef {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values((0..8).map(|i| format!("k{i}"))));
    let values: ArrayRef = Arc::new((0..8).map(|i| (i > 2).then_some(i)).collect::<Int64Array>());
    let fields = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Int64, true),
    ]);
    let entries = StructArray::new(fields.clone(), vec![keys, values], None);
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    let offsets = OffsetBuffer::from_lengths([0, 3, 1, 0, 2, 0, 1, 1]);
    let nulls = NullBuffer::from(vec![true, true, false, true, true, true, true, true]);
    Arc::new(MapArray::new(field, offsets, entries, Some(nulls), false))
}
