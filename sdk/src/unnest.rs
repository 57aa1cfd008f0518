//! The columns after an unnest.

use crate::{DataType, Element, Error, Field, Schema, Unnest};

impl Unnest {
    /// The schema after this unnest. The elements of a top-level list take its place; those of
    /// a nested list come last (an enclosing struct loses that member), in the order of
    /// `columns`, and after them the position. An element is nullable when the list says so,
    /// when another list may be longer, or when empty lists are kept; the position when empty
    /// lists are kept.
    ///
    /// # Errors
    /// Fails when a column does not exist, is no list or map, or a new name is taken.
    pub fn apply(&self, input: &Schema) -> Result<Schema, Error> {
        let mut output = input.clone();
        let mut in_place: Vec<(&str, Field)> = Vec::new();
        let mut last = Vec::new();
        for (i, Element { column, name }) in self.columns.iter().enumerate() {
            let found = input.field(column)?;
            let (DataType::List(element) | DataType::Map(element)) = found.data_type else {
                let data_type = found.data_type;
                return Err(Error::input(format!(
                    "column `{column}` is `{data_type}`; only an `array` or a `map` has elements"
                )));
            };
            if self.columns[..i].iter().any(|earlier| earlier.column == *column) {
                return Err(Error::config(format!("column `{column}` is unnested twice")));
            }
            let nullable = element.nullable || self.keep_empty || self.columns.len() > 1;
            let element = Field { name: name.clone(), nullable, ..*element };
            if let [list] = column.steps() {
                in_place.push((list, element));
            } else {
                remove(&mut output.fields, column.steps());
                last.push(element);
            }
        }
        for field in &mut output.fields {
            if let Some(at) = in_place.iter().position(|(list, _)| *list == field.name) {
                *field = in_place.swap_remove(at).1;
            }
        }
        last.extend(self.position.iter().map(|name| Field {
            nullable: self.keep_empty,
            ..Field::new(name.clone(), DataType::Int64)
        }));
        output.fields.extend(last);
        for (i, Field { name, .. }) in output.fields.iter().enumerate() {
            if output.fields[..i].iter().any(|earlier| earlier.name == *name) {
                return Err(Error::config(format!(
                    "there already is a column `{name}`; choose another name for the new one"
                )));
            }
        }
        Ok(output)
    }
}

/// Takes the field at these steps out of its place.
fn remove(fields: &mut Vec<Field>, steps: &[String]) {
    let Some((step, rest)) = steps.split_first() else { return };
    let Some(at) = fields.iter().position(|field| field.name == *step) else { return };
    match (&mut fields[at].data_type, rest) {
        (_, []) => drop(fields.remove(at)),
        (DataType::Struct(members), rest) => remove(members, rest),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Path;

    fn list(name: &str, element: DataType) -> Field {
        Field::new(name, DataType::List(Box::new(Field::new("item", element).required())))
    }

    fn input() -> Schema {
        let inner =
            DataType::Struct(vec![list("ids", DataType::Int64), list("tags", DataType::Utf8)]);
        Schema::new(vec![
            list("records", DataType::Utf8),
            Field::new("outer", inner),
            Field::new("n", DataType::Int64),
        ])
    }

    fn unnest(columns: &[(&str, &str)], keep_empty: bool, position: Option<&str>) -> Unnest {
        let columns = columns
            .iter()
            .map(|(column, name)| Element {
                column: column.parse::<Path>().unwrap(),
                name: (*name).to_owned(),
            })
            .collect();
        Unnest { columns, keep_empty, position: position.map(str::to_owned) }
    }

    fn names(schema: &Schema) -> Vec<&str> {
        schema.fields.iter().map(|field| field.name.as_str()).collect()
    }

    #[test]
    fn elements_take_the_place_of_a_top_level_list_and_may_keep_its_name() {
        let output = unnest(&[("records", "records")], false, Some("at")).apply(&input()).unwrap();
        assert_eq!(names(&output), ["records", "outer", "n", "at"]);
        assert!(!output.fields[0].nullable && !output.fields[3].nullable);
    }

    #[test]
    fn a_nested_list_leaves_its_struct() {
        let output = unnest(&[("outer.ids", "id")], true, Some("at")).apply(&input()).unwrap();
        assert_eq!(names(&output), ["records", "outer", "n", "id", "at"]);
        assert_eq!(output.fields[1].data_type.to_string(), "struct<tags: array<string>>");
        assert!(output.fields[3].nullable && output.fields[4].nullable);
    }

    #[test]
    fn lists_side_by_side_have_nullable_elements() {
        let columns = [("outer.ids", "id"), ("outer.tags", "tag")];
        let output = unnest(&columns, false, None).apply(&input()).unwrap();
        assert_eq!(names(&output), ["records", "outer", "n", "id", "tag"]);
        assert!(output.fields[3].nullable && output.fields[4].nullable);
    }

    #[test]
    fn a_taken_name_a_repeated_column_and_a_scalar_are_refused() {
        for (columns, message) in [
            (
                &[("records", "n")][..],
                "there already is a column `n`; choose another name for the new one",
            ),
            (&[("records", "a"), ("records", "b")], "column `records` is unnested twice"),
            (&[("n", "m")], "column `n` is `bigint`; only an `array` or a `map` has elements"),
        ] {
            let error = unnest(columns, false, None).apply(&input()).unwrap_err();
            assert_eq!(error.message(), message);
        }
    }
}
