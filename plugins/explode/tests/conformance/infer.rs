//! The schema that some rows have, just good enough for small test data.

use lockgate_sdk::{
    Schema,
    testing::{self, Value},
};

/// The schema of these rows, with the types of some columns given.
pub(crate) fn schema(rows: &[Value], types: &[(&str, &str)]) -> Schema {
    let mut columns: Vec<(String, String)> = Vec::new();
    for name in names(&rows.iter().collect::<Vec<_>>()) {
        let given = types.iter().find(|(column, _)| *column == name);
        let values: Vec<_> = rows.iter().filter_map(|row| row.get(&name)).collect();
        let text = given.map_or_else(|| type_text(&values), |(_, text)| (*text).to_owned());
        columns.push((name, text));
    }
    let missing = types.iter().filter(|(name, _)| !columns.iter().any(|(known, _)| known == name));
    let missing: Vec<_> =
        missing.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    columns.extend(missing);
    testing::schema(&columns).unwrap()
}

fn names(objects: &[&Value]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in
        objects.iter().filter_map(|object| object.as_object()).flat_map(|object| object.keys())
    {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn type_text(values: &[&Value]) -> String {
    let present: Vec<_> = values.iter().copied().filter(|value| !value.is_null()).collect();
    match present.first() {
        Some(Value::Bool(_)) => "boolean".into(),
        Some(Value::Number(_)) if present.iter().all(|value| value.is_i64()) => "bigint".into(),
        Some(Value::Number(_)) => "double".into(),
        Some(Value::Array(_)) => {
            let elements: Vec<_> =
                present.iter().filter_map(|list| list.as_array()).flatten().collect();
            format!("array<{}>", type_text(&elements))
        }
        Some(Value::Object(_)) => {
            let member = |name: String| {
                let values: Vec<_> =
                    present.iter().filter_map(|object| object.get(&name)).collect();
                format!("`{}`: {}", name.replace('`', "``"), type_text(&values))
            };
            format!(
                "struct<{}>",
                names(&present).into_iter().map(member).collect::<Vec<_>>().join(", ")
            )
        }
        Some(Value::String(_) | Value::Null) | None => "string".into(),
    }
}
