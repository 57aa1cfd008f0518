//! The config as users write it, and the elements it asks for.

use crate::resolve;
use lockgate_sdk::{Element, Error, Path, Schema};
use schemars::JsonSchema;
use serde::Deserialize;

/// Config of `explode`. Give either `column` or `columns`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The list or map to explode: a column, or a member of nested structs (`order.items`).
    #[serde(default)]
    pub column: Option<Path>,
    /// Name of the column of its elements. Default: the last name in `column`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub into: Option<String>,
    /// Several lists or maps, exploded side by side: the first elements share a row, then
    /// the second ones; the shorter lists are filled up with nulls.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub columns: Option<Vec<Column>>,
    /// Keep a row whose list is null or empty, with a null element (Spark's `explode_outer`).
    /// Default: such a row disappears.
    #[serde(default)]
    pub keep_empty: bool,
    /// Name of an added `bigint` column with the position of the element, from 0.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub position: Option<String>,
}

/// One of several lists or maps.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The list or map to explode: a column, or a member of nested structs (`order.items`).
    pub column: Path,
    /// Name of the column of its elements. Default: the last name in `column`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub into: Option<String>,
}

impl Column {
    fn element(&self) -> Element {
        let name = self.into.clone().unwrap_or_else(|| self.column.leaf().to_owned());
        Element { column: self.column.clone(), name }
    }
}

impl Config {
    /// What to unnest: at least one column, none of them twice.
    pub(crate) fn elements(&self, input: &Schema) -> Result<Vec<Element>, Error> {
        match (&self.column, &self.columns) {
            (Some(column), None) => {
                let only = Column { column: column.clone(), into: self.into.clone() };
                Ok(vec![only.element()])
            }
            (Some(_), Some(_)) => Err(Error::config(
                "`column` and `columns` are both set; use `column` for one list, or `columns` for several side by side",
            )),
            (None, Some(_)) if self.into.is_some() => Err(Error::config(
                "`into` belongs to `column`; give each entry of `columns` its own `into`",
            )),
            (None, Some(columns)) if !columns.is_empty() => several(columns),
            (None, _) => {
                let known = resolve::known_collections(input);
                Err(Error::config(format!("`column` is missing: name the list or map; {known}")))
            }
        }
    }
}

fn several(columns: &[Column]) -> Result<Vec<Element>, Error> {
    for (i, later) in columns.iter().enumerate() {
        if columns[..i].iter().any(|earlier| earlier.column == later.column) {
            let path = &later.column;
            return Err(Error::config(format!(
                "`columns` names `{path}` twice; remove one of the two"
            )));
        }
    }
    Ok(columns.iter().map(Column::element).collect())
}
