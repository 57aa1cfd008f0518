//! Rows between the steps of a stage: values by column, and the row each came from.

use super::encode;
use crate::{Element, Error, Field, Path, Schema, Unnest};
use serde_json::Value;

/// Rows as columns of JSON values, each as long as the others.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) schema: Schema,
    pub(super) columns: Vec<Vec<Value>>,
    pub(super) count: usize,
}

impl Rows {
    /// The rows of these JSON objects; a missing member is null.
    ///
    /// # Errors
    /// Names the first row that does not fit the schema, and why.
    pub(super) fn new(schema: &Schema, objects: &[Value]) -> Result<Self, Error> {
        for (row, object) in objects.iter().enumerate() {
            let fault = |what: String| Error::input(format!("row {row}: {what}"));
            let Some(members) = object.as_object() else {
                return Err(fault("it is no JSON object".into()));
            };
            encode::known_names(members.keys(), &schema.fields, "").map_err(fault)?;
        }
        let columns = schema.fields.iter().map(|field| {
            let of = |object: &Value| object.get(&field.name).cloned().unwrap_or_default();
            let values: Vec<Value> = objects.iter().map(of).collect();
            canonical(field, &values).map_err(Error::input)
        });
        let columns = columns.collect::<Result<_, Error>>()?;
        Ok(Self { schema: schema.clone(), columns, count: objects.len() })
    }

    /// One JSON object per row.
    pub(super) fn objects(&self) -> Vec<Value> {
        let object = |row: usize| {
            let members = self.schema.fields.iter().zip(&self.columns);
            members.map(|(field, values)| (field.name.clone(), values[row].clone())).collect()
        };
        (0..self.count).map(|row| Value::Object(object(row))).collect()
    }

    /// The values at a path; null where an enclosing struct is.
    pub(super) fn values(&self, path: &Path) -> Vec<Value> {
        let Some((name, members)) = path.steps().split_first() else { return Vec::new() };
        let Some(at) = self.schema.fields.iter().position(|field| field.name == *name) else {
            return Vec::new();
        };
        let inner =
            |value: &Value| members.iter().try_fold(value, |value, step| value.get(step)).cloned();
        self.columns[at].iter().map(|value| inner(value).unwrap_or_default()).collect()
    }

    /// The input rows with these numbers, in this order.
    pub(super) fn take(&mut self, rows: &[usize]) {
        for values in &mut self.columns {
            *values = rows.iter().map(|row| values[*row].clone()).collect();
        }
        self.count = rows.len();
    }

    /// One row per element.
    ///
    /// # Errors
    /// Fails when the unnest does not fit the schema.
    pub(super) fn unnest(&self, unnest: &Unnest) -> Result<Self, Error> {
        let schema = unnest.apply(&self.schema)?;
        let lists = unnest.columns.iter().map(|element| {
            let values = self.values(&element.column);
            values.iter().map(|value| encode::entry_list(value).unwrap_or_default()).collect()
        });
        let lists: Vec<Vec<Vec<Value>>> = lists.collect();
        let mut rows = Vec::new();
        for row in 0..self.count {
            let longest = lists.iter().map(|lists| lists[row].len()).max().unwrap_or(0);
            rows.extend((0..longest).map(|position| (row, Some(position))));
            if longest == 0 && unnest.keep_empty {
                rows.push((row, None));
            }
        }
        let column = |field: &Field| -> Vec<Value> {
            let list = unnest.columns.iter().position(|element| element.name == field.name);
            if let Some(list) = list {
                let of =
                    |(row, at): &(usize, Option<usize>)| lists[list][*row].get((*at)?).cloned();
                return rows.iter().map(|row| of(row).unwrap_or_default()).collect();
            }
            if unnest.position.as_ref() == Some(&field.name) {
                return rows.iter().map(|(_, position)| Value::from(*position)).collect();
            }
            let path = Path::from_steps(&[&field.name]);
            let mut values = self.values(&path);
            for Element { column, .. } in &unnest.columns {
                let Some((name, members)) = column.steps().split_first() else { continue };
                if *name == field.name {
                    for value in &mut values {
                        remove(value, members);
                    }
                }
            }
            rows.iter().map(|(row, _)| values[*row].clone()).collect()
        };
        let columns = schema.fields.iter().map(column).collect();
        Ok(Self { columns, count: rows.len(), schema })
    }
}

/// Takes a member out of a struct value.
fn remove(value: &mut Value, members: &[String]) {
    let Some((name, rest)) = members.split_first() else { return };
    let Some(object) = value.as_object_mut() else { return };
    match object.get_mut(name) {
        Some(inner) if !rest.is_empty() => remove(inner, rest),
        _ => drop(object.remove(name)),
    }
}

/// The values of a column in the form in which values come back from a stage.
///
/// # Errors
/// Says which value does not fit the field's type.
pub(super) fn canonical(field: &Field, values: &[Value]) -> Result<Vec<Value>, String> {
    let borrowed: Vec<&Value> = values.iter().collect();
    let nodes = encode::column(field, &borrowed, crate::Part::Full)?;
    super::decode::column(field, values.len(), nodes)
}
