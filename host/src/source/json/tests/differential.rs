//! Random documents under random schemas: the values that `serde_json` sees.

use super::*;
use crate::pipeline::plan::OnTypeConflict;
use proptest::prelude::*;

fn schema() -> impl Strategy<Value = Value> {
    let scalar = prop::sample::select(vec!["string", "bigint", "double", "boolean", "tinyint"]);
    let leaf = scalar.prop_map(Value::from);
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| json!([element])),
            prop::collection::btree_map("[a-e]", inner, 1..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            Just(json!("map<string,bigint>")),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-200..200_i64).prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "[a-z\"\\\\\n\u{e9}\u{1f600}]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-f]", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What a value becomes under a type; `None`: it does not fit and is null.
fn decoded(schema: &Value, value: &Value, path: &str, rescued: &mut Map<String, Value>) -> Value {
    let fits = match (schema, value) {
        (_, Value::Null) => return Value::Null,
        (Value::Array(element), Value::Array(values)) => {
            let one = |(i, value)| decoded(&element[0], value, &format!("{path}[{i}]"), rescued);
            Some(values.iter().enumerate().map(one).collect())
        }
        (Value::Object(_), Value::Object(_)) => Some(members(schema, value, path, rescued)),
        (Value::String(name), value) => match (name.as_str(), value) {
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) => Some(value.clone()),
            ("string", value) => Some(json!(value.to_string())),
            ("double", Value::Number(number)) => Some(json!(number.as_f64().unwrap())),
            ("bigint", value) => integer(value, i64::MIN, i64::MAX),
            ("tinyint", value) => integer(value, -128, 127),
            ("map<string,bigint>", Value::Object(entries)) => {
                let entry = |(key, value): (&String, &Value)| {
                    let path = format!("{path}.{key}");
                    (key.clone(), decoded(&json!("bigint"), value, &path, rescued))
                };
                Some(Value::Object(entries.iter().map(entry).collect()))
            }
            _ => None,
        },
        _ => None,
    };
    fits.unwrap_or_else(|| {
        rescued.insert(path.into(), value.clone());
        Value::Null
    })
}

fn integer(value: &Value, least: i64, most: i64) -> Option<Value> {
    let number = value.as_number()?;
    let integer = number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
        Some(float as i64)
    })?;
    (least..=most).contains(&integer).then(|| json!(integer))
}

fn members(schema: &Value, value: &Value, path: &str, rescued: &mut Map<String, Value>) -> Value {
    let mut members = Map::new();
    for (key, value) in value.as_object().unwrap() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match schema.get(key) {
            None => drop(rescued.insert(path, value.clone())),
            Some(schema) => {
                let value = decoded(schema, value, &path, rescued);
                if !value.is_null() {
                    members.insert(key.clone(), value);
                }
            }
        }
    }
    Value::Object(members)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn values_are_those_that_serde_json_sees(
        schemas in prop::collection::btree_map("[a-e]", schema(), 1..5),
        documents in prop::collection::vec(prop::collection::btree_map("[a-f]", document(), 0..6), 1..5),
        pretty: bool,
        step in 1..200_usize,
    ) {
        let schema = Value::Object(schemas.into_iter().collect());
        let documents: Vec<Value> =
            documents.into_iter().map(|members| Value::Object(members.into_iter().collect())).collect();
        let mut text = String::new();
        let mut expected = Vec::new();
        for document in &documents {
            let one = if pretty {
                serde_json::to_string_pretty(document)
            } else {
                serde_json::to_string(document)
            };
            text.push_str(&one.unwrap());
            text.push('\n');
            let mut rescued = Map::new();
            let mut row = members(&schema, document, "", &mut rescued);
            if !rescued.is_empty() {
                row["_rescued"] = Value::Object(rescued);
            }
            expected.push(row);
        }
        let setup = Setup { step_bytes: step, buffer_bytes: 128, ..Setup::default() };
        let seen = setup.read(&schema, &[("f", text.as_bytes())]).unwrap();
        prop_assert_eq!(seen.rejected, vec![]);
        // A string column keeps the text of a container as it stands: compare what it means.
        let compact = |rows: &[Value]| rows.iter().map(normal).collect::<Vec<_>>();
        prop_assert_eq!(compact(&seen.rows), compact(&expected));
    }

    #[test]
    fn no_text_makes_it_fail(text in "[\\[\\]{},:\"a1.e\\-tn \n\\\\]{0,60}", step in 1..20_usize) {
        let setup = Setup { step_bytes: step, buffer_bytes: 32, ..Setup::default() };
        let schema = json!({ "a": ["int"], "": "string" });
        let seen = setup.read(&schema, &[("f", text.as_bytes())]).unwrap();
        let whole = Setup::default().read(&schema, &[("f", text.as_bytes())]).unwrap();
        prop_assert_eq!(seen, whole);
    }

    #[test]
    fn damage_is_the_same_whatever_the_pieces(
        form in 0..DAMAGED.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        step in 1..60_usize,
        quarantine: bool,
    ) {
        let mut text = DAMAGED[form].as_bytes().to_vec();
        for (at, byte, edit) in edits {
            let at = at.index(text.len());
            match edit {
                0 => text[at] = byte,
                1 => text.insert(at, b"{}[],:\"\\\n"[usize::from(byte) % 9]),
                _ => drop(text.remove(at)),
            }
        }
        text.truncate(cut.map_or(text.len(), |cut| cut.index(text.len())));
        let cuts = Cuts { batch_bytes: 40, batch_rows: 3, slice_at: 90, slice_bytes: 30 };
        let mut setup = Setup { cuts, ..Setup::default() };
        setup.plan.max_record_bytes = 120;
        setup.plan.max_depth = 4;
        if quarantine {
            setup.plan.on_type_conflict = OnTypeConflict::Quarantine;
        }
        let schema = json!({ "a": "int", "r": [{ "x": "string", "m": "map<string,int>" }] });
        let whole = setup.read(&schema, &[("f", &text)]).unwrap();
        let pieces = Setup { step_bytes: step, buffer_bytes: 40, ..setup.clone() };
        prop_assert_eq!(pieces.read(&schema, &[("f", &text)]).unwrap(), whole.clone());
        let mut unsliced = Setup::default();
        unsliced.plan.on_type_conflict = setup.plan.on_type_conflict;
        let unsliced = unsliced.read(&schema, &[("f", &text)]).unwrap();
        prop_assert!(unsliced.rejected.is_empty() || !whole.rejected.is_empty(), "{unsliced:?}");
    }
}

/// Texts to damage: lines, documents, an array, and a document read in slices.
const DAMAGED: [&str; 4] = [
    "{\"a\":1,\"r\":[{\"x\":\"\u{e9}\\n\"}]}\n{\"a\":-2}\n\n{\"r\":[{\"m\":{\"k\":3}},null]}\n",
    "{\n \"a\": 1,\n \"r\": [\n  {\n \"x\": \"]\"\n }\n ]\n}\n{\n \"a\": 2\n}{\"u\":[[1]]}",
    "[{\"a\":1,\"r\":[{\"x\":\"}\"}]},\n {\"a\":true}, {\"r\":[{\"m\":{\"k\":3,\"k\":4}}]}]\n",
    "{\"a\":7,\"r\":[{\"x\":\"one\"},{\"x\":\"two\"},{\"x\":\"three\"},{\"x\":\"four\"},{\"m\":{\"k\":5}},{\"x\":\"six\"}],\"z\":{\"y\":1}} {\"a\":8}",
];

/// Text that is itself a JSON container, parsed, so that white space does not matter.
fn normal(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(['{', '[']) => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        Value::Array(values) => values.iter().map(normal).collect(),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| (key.clone(), normal(value));
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}
