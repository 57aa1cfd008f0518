//! The flat form of a schema: WIT has no recursive types, so a tree of fields crosses the
//! boundary as its nodes in pre-order, each followed by its children's subtrees.

use crate::{DataType, Error, Field, Schema};

/// One node of a schema: the `field` record of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlatField {
    /// Name.
    pub name: String,
    /// Format string.
    pub format: String,
    /// Whether a value may be null.
    pub nullable: bool,
    /// How many child subtrees follow.
    pub children: u32,
    /// Free key-value pairs.
    pub metadata: Vec<(String, String)>,
}

/// The schema of these nodes.
///
/// # Errors
/// Fails for a format outside the contract, and when nodes are missing.
pub(crate) fn schema(nodes: Vec<FlatField>) -> Result<Schema, Error> {
    let mut nodes = nodes.into_iter();
    let mut fields = Vec::new();
    while let Some(node) = nodes.next() {
        fields.push(field(node, &mut nodes)?);
    }
    Ok(Schema::new(fields))
}

fn field(node: FlatField, following: &mut std::vec::IntoIter<FlatField>) -> Result<Field, Error> {
    let mut children = Vec::new();
    for _ in 0..node.children {
        let child = following.next().ok_or_else(|| {
            Error::input(format!("the input schema ends inside column `{}`", node.name))
        })?;
        children.push(field(child, following)?);
    }
    let data_type = DataType::from_format(&node.format, children)?;
    Ok(Field { name: node.name, data_type, nullable: node.nullable, metadata: node.metadata })
}

/// The nodes of a field, itself first.
pub(crate) fn nodes(field: &Field) -> Vec<FlatField> {
    let children = field.data_type.children();
    let mut all = vec![FlatField {
        name: field.name.clone(),
        format: field.data_type.format(),
        nullable: field.nullable,
        children: children.len() as u32,
        metadata: field.metadata.clone(),
    }];
    all.extend(children.iter().flat_map(nodes));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimeUnit;

    fn nested() -> Schema {
        let id = Field::new("id", DataType::Int64).required();
        let mut tagged = Field::new("tagged", DataType::Decimal128(10, -2));
        tagged.metadata.push(("unit".into(), "EUR".into()));
        let entries = Field::new(
            "entries",
            DataType::Struct(vec![
                Field::new("key", DataType::Utf8).required(),
                Field::new("value", DataType::Binary),
            ]),
        );
        let element = Field::new("item", DataType::Struct(vec![id, tagged]));
        Schema::new(vec![
            Field::new("list", DataType::List(Box::new(element))),
            Field::new("map", DataType::Map(Box::new(entries))),
            Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
            Field::new("none", DataType::Struct(Vec::new())),
        ])
    }

    #[test]
    fn a_nested_schema_survives_being_flattened() {
        let nodes: Vec<_> = nested().fields.iter().flat_map(nodes).collect();
        assert_eq!(nodes.len(), 10);
        assert_eq!(nodes[1].format, "+s");
        assert_eq!(schema(nodes).unwrap(), nested());
    }

    #[test]
    fn a_schema_that_ends_early_is_refused() {
        let mut nodes = nodes(&nested().fields[0]);
        nodes.pop();
        let error = schema(nodes).unwrap_err();
        assert_eq!(error.message(), "the input schema ends inside column `item`");
    }
}
