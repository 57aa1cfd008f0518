//! A plugin written with the SDK, as a native one: what its component's glue does, without
//! the component. The yardstick for what a sandbox costs, and for what it must not change.

use lockgate::stage::{
    Component, NativePlugin, NativeStage,
    contract::{
        ArrayResult, Batch, Dependence, Disposition, Edit, Element, Error, FieldParam, FieldResult,
        Metadata, Output, Part, Plan, Read, Reference, Rejection, RowResult, RowShape, Unnest,
    },
};
use lockgate_sdk::{self as sdk, DataType, Field, Node, Opened, Schema, Stage};
use std::{marker::PhantomData, sync::Arc};

/// A plugin compiled into this process.
#[derive(Debug)]
pub struct Compiled<S>(PhantomData<fn() -> S>);

impl<S: Stage + Send + 'static> Compiled<S> {
    /// The plugin as a component without a sandbox.
    pub fn component() -> Component {
        Component::native(S::ABOUT.name, Arc::new(Self(PhantomData)))
    }
}

struct Running<S>(Opened<S>);

impl<S: Stage + Send + 'static> NativePlugin for Compiled<S> {
    fn describe(&self) -> Metadata {
        Metadata {
            name: S::ABOUT.name.into(),
            version: S::ABOUT.version.into(),
            summary: S::ABOUT.summary.into(),
            docs: String::new(),
            config_schema: "{}".into(),
            examples: Vec::new(),
        }
    }

    fn open(
        &self,
        config: &str,
        input: &[FieldParam<'_>],
    ) -> Result<(Box<dyn NativeStage>, Plan), Error> {
        let mut nodes = input.iter();
        let mut fields = Vec::new();
        while let Some(node) = nodes.next() {
            fields.push(field(node, &mut nodes).map_err(error)?);
        }
        let (opened, plan) = Opened::<S>::new(config, &Schema::new(fields)).map_err(error)?;
        Ok((Box::new(Running(opened)), contract_plan(plan)))
    }
}

impl<S: Stage + Send> NativeStage for Running<S> {
    fn process(&mut self, batch: Batch<'_>) -> Result<Output, Error> {
        let nodes = batch.columns.iter().map(|array| Node {
            length: array.length,
            null_count: array.null_count,
            validity: array.validity.to_vec(),
            offsets: array.offsets.to_vec(),
            data: array.data.to_vec(),
        });
        let output = self.0.process(batch.rows as usize, batch.watermark, nodes).map_err(error)?;
        Ok(Output {
            rows: match output.rows {
                sdk::RowResult::Same => RowResult::Same,
                sdk::RowResult::Keep(bits) => RowResult::Keep(bits),
                sdk::RowResult::Take(rows) => RowResult::Take(rows),
                sdk::RowResult::Produced(rows) => RowResult::Produced(rows),
            },
            columns: output
                .columns
                .into_iter()
                .flat_map(sdk::Computed::into_nodes)
                .map(array)
                .collect(),
            rejections: output.rejections.into_iter().map(rejection).collect(),
        })
    }
}

fn field<'a>(
    node: &FieldParam<'a>,
    rest: &mut std::slice::Iter<'_, FieldParam<'a>>,
) -> Result<Field, sdk::Error> {
    let mut children = Vec::new();
    for _ in 0..node.children {
        let child = rest.next().ok_or_else(|| sdk::Error::input("a schema ends in the middle"))?;
        children.push(field(child, rest)?);
    }
    let data_type = DataType::from_format(node.format, children)?;
    let metadata = node.metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Ok(Field { name: node.name.to_owned(), data_type, nullable: node.nullable, metadata })
}

fn error(error: sdk::Error) -> Error {
    match error {
        sdk::Error::Config(message) => Error::Config(message),
        sdk::Error::Input(message) => Error::Input(message),
        sdk::Error::Failed(message) => Error::Failed(message),
    }
}

fn contract_plan(plan: sdk::Plan) -> Plan {
    let read = |read: sdk::Read| Read {
        path: read.path.steps().to_vec(),
        part: match read.part {
            sdk::Part::Full => Part::Full,
            sdk::Part::Validity => Part::Validity,
            sdk::Part::Offsets => Part::Offsets,
        },
    };
    let edit = |edit: sdk::Edit| match edit {
        sdk::Edit::Clear => Edit::Clear,
        sdk::Edit::Drop(name) => Edit::Drop(name),
        sdk::Edit::Refer { name, path } => {
            Edit::Refer(Reference { name, path: path.steps().to_vec() })
        }
        sdk::Edit::Compute(field) => Edit::Compute(field_nodes(&field)),
    };
    Plan {
        reads: plan.reads.into_iter().map(read).collect(),
        rows: match plan.rows {
            sdk::RowShape::Keep => RowShape::Keep,
            sdk::RowShape::Filter => RowShape::Filter,
            sdk::RowShape::Reindex => RowShape::Reindex,
            sdk::RowShape::Produce => RowShape::Produce,
            sdk::RowShape::Unnest(unnest) => RowShape::Unnest(contract_unnest(unnest)),
        },
        edits: plan.edits.into_iter().map(edit).collect(),
        dependence: match plan.dependence {
            sdk::Dependence::Row => Dependence::Row,
            sdk::Dependence::Batch => Dependence::Batch,
            sdk::Dependence::Keyed(paths) => {
                Dependence::Keyed(paths.iter().map(|path| path.steps().to_vec()).collect())
            }
            sdk::Dependence::Sequence => Dependence::Sequence,
        },
    }
}

fn contract_unnest(unnest: sdk::Unnest) -> Unnest {
    let element = |element: sdk::Element| Element {
        column: element.column.steps().to_vec(),
        name: element.name,
    };
    let columns = unnest.columns.into_iter().map(element).collect();
    Unnest { columns, keep_empty: unnest.keep_empty, position: unnest.position }
}

fn field_nodes(field: &Field) -> Vec<FieldResult> {
    let children = field.data_type.children();
    let mut nodes = vec![FieldResult {
        name: field.name.clone(),
        format: field.data_type.format(),
        nullable: field.nullable,
        children: children.len() as u32,
        metadata: field.metadata.clone(),
    }];
    nodes.extend(children.iter().flat_map(field_nodes));
    nodes
}

fn array(node: Node) -> ArrayResult {
    let Node { length, null_count, validity, offsets, data } = node;
    ArrayResult { length, null_count, validity, offsets, data }
}

fn rejection(rejection: sdk::Rejection) -> Rejection {
    let disposition = match rejection.disposition {
        sdk::Disposition::Quarantine => Disposition::Quarantine,
        sdk::Disposition::Note => Disposition::Note,
    };
    let sdk::Rejection { code, message, rows, .. } = rejection;
    Rejection { code, message, disposition, rows }
}

/// The standard plugin of this name, compiled in.
///
/// # Panics
/// When there is none of this name.
pub fn standard(name: &str) -> Component {
    match name {
        "explode" => Compiled::<lockgate_explode::Explode>::component(),
        "filter" => Compiled::<lockgate_filter::Filter>::component(),
        "flatten" => Compiled::<lockgate_flatten::Flatten>::component(),
        "timestamp-parse" => Compiled::<lockgate_timestamp_parse::TimestampParse>::component(),
        other => panic!("no standard plugin `{other}`"),
    }
}
