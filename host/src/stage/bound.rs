//! A stage's plan held against its input schema: every name resolved once, the output
//! schema derived, and what must be done per batch reduced to indices.

use super::{
    bindings::lockgate::transform::types::{Dependence, Edit, Part, Path, Plan, RowShape, Unnest},
    fields,
};
use crate::diagnostic::{Diagnostic, Result};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use std::sync::Arc;

/// A column, then the members of nested structs, by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) column: usize,
    pub(super) members: Vec<usize>,
    /// The field at its end, nullable when it or a struct round it is.
    pub(super) field: FieldRef,
}

/// A column to send.
#[derive(Clone, Debug)]
pub(super) struct BoundRead {
    pub(super) at: Resolved,
    pub(super) part: Part,
    pub(super) path: String,
}

/// One list or map to unnest.
#[derive(Clone, Debug)]
pub(super) struct BoundElement {
    /// Where the list is, before the unnest.
    pub(super) at: Resolved,
    /// The field of its elements, as a column.
    pub(super) field: FieldRef,
    /// Name of the list's top-level column.
    pub(super) path: Vec<String>,
}

/// Where a column after an unnest comes from.
#[derive(Clone, Debug)]
pub(super) enum UnnestedColumn {
    /// A column of the input.
    Input(usize),
    /// A column of the input that lost the members that are unnested.
    Without(usize, FieldRef),
    /// Elements of this list.
    Element(usize),
    /// The position in the list.
    Position(FieldRef),
}

/// One row per list element.
#[derive(Clone, Debug)]
pub(super) struct BoundUnnest {
    pub(super) elements: Vec<BoundElement>,
    pub(super) keep_empty: bool,
    pub(super) columns: Vec<UnnestedColumn>,
}

/// Where an output column comes from.
#[derive(Clone, Debug)]
pub(super) enum OutputColumn {
    /// A column of the input (after the unnest), as it is.
    Input(usize),
    /// A reference into the input.
    Refer(Resolved),
    /// A computed column, by its order.
    Computed(usize),
}

/// What `process` may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Keep,
    Filter,
    Reindex,
    Produce,
}

/// A plan, checked and resolved.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) unnest: Option<BoundUnnest>,
    pub(super) reads: Vec<BoundRead>,
    pub(super) rows: Rows,
    pub(super) outputs: Vec<OutputColumn>,
    pub(super) computed: Vec<FieldRef>,
    /// What comes out.
    pub(super) schema: SchemaRef,
    /// Whether results may depend on more than the row itself.
    pub(super) whole_batch: bool,
    /// What the plugin warns of.
    pub(super) warnings: Vec<String>,
}

impl Bound {
    /// Checks a plan against the stage's input.
    ///
    /// # Errors
    /// Names the rule of the contract that the plan breaks: a fault of the plugin.
    pub(super) fn new(plugin: &str, plan: Plan, input: &Schema) -> Result<Self> {
        Self::check(plan, input).map_err(|breach| {
            Diagnostic::plugin(format!(
                "plugin `{plugin}` answered `open` with a plan that cannot be carried out"
            ))
            .cause(breach)
            .hint("this is a bug of the plugin, not of the pipeline file")
        })
    }

    fn check(plan: Plan, input: &Schema) -> Result<Self, String> {
        let whole_batch = match plan.dependence {
            Dependence::Row => false,
            Dependence::Batch => true,
            Dependence::Keyed(_) | Dependence::Sequence => {
                return Err("its results depend on earlier batches, which this version of lockgate does not support".into());
            }
        };
        let (unnest, after) = match &plan.rows {
            RowShape::Unnest(unnest) => {
                let (bound, schema) = bind_unnest(unnest, input)?;
                (Some(bound), schema)
            }
            _ => (None, Schema::new(input.fields().clone())),
        };
        let reads = plan.reads.iter().map(|read| {
            let at = resolve(&read.path, after.fields())?;
            Ok(BoundRead { at, part: read.part, path: dotted(&read.path) })
        });
        let reads = reads.collect::<Result<Vec<_>, String>>()?;
        let rows = match plan.rows {
            RowShape::Keep => Rows::Keep,
            RowShape::Filter | RowShape::Unnest(_) => Rows::Filter,
            RowShape::Reindex => Rows::Reindex,
            RowShape::Produce => Rows::Produce,
        };
        if rows == Rows::Produce && !matches!(plan.edits.first(), Some(Edit::Clear)) {
            return Err("row shape `produce` needs `clear` as its first edit".into());
        }
        let BoundEdits { outputs, computed, fields, warnings } =
            bind_edits(plan.edits, &after, rows)?;
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { unnest, reads, rows, outputs, computed, schema, whole_batch, warnings })
    }

    /// Whether `process` must be called at all.
    pub(super) fn is_called(&self) -> bool {
        !self.computed.is_empty()
            || !self.reads.is_empty()
            || matches!(self.rows, Rows::Reindex | Rows::Produce)
    }
}

#[derive(Default)]
struct BoundEdits {
    outputs: Vec<OutputColumn>,
    computed: Vec<FieldRef>,
    fields: Vec<FieldRef>,
    warnings: Vec<String>,
}

/// Metadata key of a computed field under which a plugin leaves a warning for `check`.
const WARNING: &str = "lockgate:warning";

fn without_warning(field: Field) -> (Field, Option<String>) {
    let mut metadata = field.metadata().clone();
    let warning = metadata.remove(WARNING);
    (field.with_metadata(metadata), warning)
}

fn bind_edits(edits: Vec<Edit>, after: &Schema, rows: Rows) -> Result<BoundEdits, String> {
    let mut outputs: Vec<(FieldRef, OutputColumn)> = after
        .fields()
        .iter()
        .enumerate()
        .map(|(i, field)| (Arc::clone(field), OutputColumn::Input(i)))
        .collect();
    let mut computed = Vec::new();
    let mut warnings = Vec::new();
    for edit in edits {
        match edit {
            Edit::Clear => outputs.clear(),
            Edit::Drop(name) => {
                let at = outputs.iter().position(|(field, _)| *field.name() == name);
                outputs.remove(at.ok_or_else(|| format!("it drops `{name}`, which is not there"))?);
            }
            Edit::Refer(reference) => {
                if rows == Rows::Produce {
                    return Err("row shape `produce` cannot refer to input columns".into());
                }
                let at = resolve(&reference.path, after.fields())?;
                let field = Arc::new(at.field.as_ref().clone().with_name(reference.name));
                put(&mut outputs, field, OutputColumn::Refer(at));
            }
            Edit::Compute(nodes) => {
                let (field, warning) = without_warning(fields::from_nodes(&nodes)?);
                warnings.extend(warning);
                let field = Arc::new(field);
                put(&mut outputs, Arc::clone(&field), OutputColumn::Computed(computed.len()));
                computed.push(field);
            }
        }
    }
    let fields = outputs.iter().map(|(field, _)| Arc::clone(field)).collect();
    let outputs = outputs.into_iter().map(|(_, output)| output).collect();
    Ok(BoundEdits { outputs, computed, fields, warnings })
}

/// Adds a column, or replaces the one of that name where it stands.
fn put(outputs: &mut Vec<(FieldRef, OutputColumn)>, field: FieldRef, output: OutputColumn) {
    match outputs.iter_mut().find(|(other, _)| other.name() == field.name()) {
        Some(slot) => *slot = (field, output),
        None => outputs.push((field, output)),
    }
}

/// The schema after an unnest: elements take the place of a top-level list; those of a nested
/// list, and the position, follow at the end in order.
fn bind_unnest(unnest: &Unnest, input: &Schema) -> Result<(BoundUnnest, Schema), String> {
    if unnest.columns.is_empty() {
        return Err("it unnests no column".into());
    }
    let mut elements = Vec::new();
    for element in &unnest.columns {
        let at = resolve(&element.column, input.fields())?;
        let (DataType::List(child) | DataType::Map(child, _)) = at.field.data_type() else {
            let (path, actual) = (dotted(&element.column), at.field.data_type());
            return Err(format!("it unnests `{path}`, which is neither list nor map but {actual}"));
        };
        let padded = unnest.keep_empty || unnest.columns.len() > 1;
        let nullable = child.is_nullable() || padded;
        let field = child.as_ref().clone().with_name(element.name.clone()).with_nullable(nullable);
        elements.push(BoundElement { field: Arc::new(field), at, path: element.column.clone() });
    }
    let mut columns = Vec::new();
    let mut fields: Vec<FieldRef> = Vec::new();
    for (i, field) in input.fields().iter().enumerate() {
        let here: Vec<_> = (0..elements.len()).filter(|e| elements[*e].at.column == i).collect();
        match here.iter().find(|e| elements[**e].at.members.is_empty()) {
            Some(whole) => {
                columns.push(UnnestedColumn::Element(*whole));
                fields.push(Arc::clone(&elements[*whole].field));
            }
            None if here.is_empty() => {
                columns.push(UnnestedColumn::Input(i));
                fields.push(Arc::clone(field));
            }
            None => {
                let paths: Vec<&[usize]> =
                    here.iter().map(|e| elements[*e].at.members.as_slice()).collect();
                let rest = Arc::new(without(field, &paths));
                columns.push(UnnestedColumn::Without(i, Arc::clone(&rest)));
                fields.push(rest);
            }
        }
    }
    for (e, element) in
        elements.iter().enumerate().filter(|(_, element)| !element.at.members.is_empty())
    {
        columns.push(UnnestedColumn::Element(e));
        fields.push(Arc::clone(&element.field));
    }
    if let Some(position) = &unnest.position {
        let field = Arc::new(Field::new(position, DataType::Int64, unnest.keep_empty));
        columns.push(UnnestedColumn::Position(Arc::clone(&field)));
        fields.push(field);
    }
    for (i, field) in fields.iter().enumerate() {
        if fields[..i].iter().any(|other| other.name() == field.name()) {
            return Err(format!("after its unnest there are two columns `{}`", field.name()));
        }
    }
    Ok((BoundUnnest { elements, keep_empty: unnest.keep_empty, columns }, Schema::new(fields)))
}

/// A struct field without the members at these paths.
pub(super) fn without(field: &Field, paths: &[&[usize]]) -> Field {
    let DataType::Struct(members) = field.data_type() else {
        return field.clone();
    };
    let mut rest = Vec::new();
    for (i, member) in members.iter().enumerate() {
        let below: Vec<_> =
            paths.iter().filter(|path| path[0] == i).map(|path| &path[1..]).collect();
        if below.iter().any(|path| path.is_empty()) {
            continue;
        }
        rest.push(if below.is_empty() {
            Arc::clone(member)
        } else {
            Arc::new(without(member, &below))
        });
    }
    field.clone().with_data_type(DataType::Struct(Fields::from(rest)))
}

fn resolve(path: &Path, fields: &Fields) -> Result<Resolved, String> {
    let no_such = || format!("there is no column `{}`", dotted(path));
    let (first, members) = path.split_first().ok_or_else(no_such)?;
    let (column, field) = fields.find(first).ok_or_else(no_such)?;
    let mut field = Arc::clone(field);
    let mut indices = Vec::with_capacity(members.len());
    for member in members {
        let DataType::Struct(inner) = field.data_type() else {
            return Err(no_such());
        };
        let (index, next) = inner.find(member).ok_or_else(no_such)?;
        let nullable = next.is_nullable() || field.is_nullable();
        indices.push(index);
        field = Arc::new(next.as_ref().clone().with_nullable(nullable));
    }
    Ok(Resolved { column, members: indices, field })
}

fn dotted(path: &Path) -> String {
    path.join(".")
}
