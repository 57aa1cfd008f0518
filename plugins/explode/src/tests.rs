use super::*;
use lockgate_sdk::{Edit, Element, Field, Path, RowShape};

fn list(name: &str, element: DataType) -> Field {
    Field::new(name, DataType::List(Box::new(Field::new("item", element))))
}

fn map(name: &str, value: DataType) -> Field {
    let entries = DataType::Struct(vec![
        Field::new("key", DataType::Utf8).required(),
        Field::new("value", value),
    ]);
    Field::new(name, DataType::Map(Box::new(Field::new("entries", entries).required())))
}

fn record(name: &str, members: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(members))
}

/// An input with a list, a map, and both nested.
fn orders() -> Schema {
    let item =
        DataType::Struct(vec![Field::new("sku", DataType::Utf8), list("tags", DataType::Utf8)]);
    Schema::new(vec![
        Field::new("id", DataType::Int64),
        list("items", item),
        map("labels", DataType::Utf8),
        record("order", vec![Field::new("no", DataType::Int64), list("lines", DataType::Int64)]),
        record("payload", vec![record("body", vec![list("events", DataType::Utf8)])]),
        Field::new("note", DataType::Utf8),
    ])
}

fn config(json: &str) -> Config {
    serde_json::from_str(json).unwrap()
}

fn open(json: &str) -> Result<Plan, Error> {
    Explode::open(config(json), &orders()).map(|(_, plan)| plan)
}

fn unnest(json: &str) -> Unnest {
    match open(json).unwrap().rows {
        RowShape::Unnest(unnest) => unnest,
        other => panic!("{other:?}"),
    }
}

fn element(path: &str, name: &str) -> Element {
    Element { column: path.parse().unwrap(), name: name.to_owned() }
}

fn refused(json: &str) -> String {
    open(json).unwrap_err().message().to_owned()
}

#[test]
fn elements_are_named_after_the_list_unless_told_otherwise() {
    assert_eq!(unnest(r#"{"column": "items"}"#).columns, [element("items", "items")]);
    assert_eq!(unnest(r#"{"column": "order.lines"}"#).columns, [element("order.lines", "lines")]);
    assert_eq!(
        unnest(r#"{"column": "items", "into": "item"}"#).columns,
        [element("items", "item")]
    );
}

#[test]
fn nothing_is_read_and_nothing_is_computed() {
    let plan = open(r#"{"column": "labels", "keep_empty": true, "position": "n"}"#).unwrap();
    assert!(plan.reads.is_empty());
    assert!(plan.edits.is_empty());
    let unnest = Unnest {
        columns: vec![element("labels", "labels")],
        keep_empty: true,
        position: Some("n".into()),
    };
    assert_eq!(plan.rows, RowShape::Unnest(unnest));
}

#[test]
fn rows_without_elements_disappear_by_default() {
    assert!(!unnest(r#"{"column": "items"}"#).keep_empty);
}

#[test]
fn several_lists_are_exploded_side_by_side() {
    let both = r#"{"columns": [{"column": "items", "into": "item"}, {"column": "order.lines"}]}"#;
    assert_eq!(unnest(both).columns, [element("items", "item"), element("order.lines", "lines")]);
}

#[test]
fn a_struct_that_held_nothing_else_goes_too() {
    let plan = open(r#"{"column": "payload.body.events"}"#).unwrap();
    assert_eq!(plan.edits, [Edit::Drop("payload".into())]);
    let plan = open(r#"{"column": "order.lines"}"#).unwrap();
    assert!(plan.edits.is_empty());
}

#[test]
fn a_struct_without_members_that_nothing_left_stays() {
    let input = Schema::new(vec![list("items", DataType::Utf8), record("empty", vec![])]);
    let (_, plan) = Explode::open(config(r#"{"column": "items"}"#), &input).unwrap();
    assert!(plan.edits.is_empty());
}

#[test]
fn a_missing_column_is_named_with_what_exists() {
    assert_eq!(
        refused(r#"{"column": "itms"}"#),
        "no column `itms` in the input; it has `id`, `items`, `labels`, `order`, `payload`, `note`"
    );
    assert_eq!(
        refused(r#"{"column": "Lines"}"#),
        "no column `Lines` in the input; it has `id`, `items`, `labels`, `order`, `payload`, `note`; did you mean `order.lines`?"
    );
    assert_eq!(
        refused(r#"{"column": "order.items"}"#),
        "no column `items` in `order`; it has `no`, `lines`; did you mean `items`?"
    );
}

#[test]
fn a_column_of_another_type_is_named_with_its_type() {
    assert_eq!(
        refused(r#"{"column": "id"}"#),
        "`id` is bigint, not a list or a map; lists and maps of the input: `items`, `labels`, `order.lines`, `payload.body.events`"
    );
    assert_eq!(
        refused(r#"{"column": "order"}"#),
        "`order` is struct<no: bigint, lines: array<bigint>>, not a list or a map; lists and maps of the input: `items`, `labels`, `order.lines`, `payload.body.events`"
    );
    assert!(refused(r#"{"column": "note"}"#).starts_with(
        "`note` is string, not a list or a map; if it holds JSON text, declare it as `array<...>`"
    ));
    let input = Schema::new(vec![Field::new("id", DataType::Int64)]);
    let error = Explode::open(config(r#"{"column": "id"}"#), &input).unwrap_err();
    assert_eq!(
        error.message(),
        "`id` is bigint, not a list or a map; the input has neither lists nor maps"
    );
}

#[test]
fn many_lists_are_not_all_listed() {
    let fields = (0..30).map(|i| list(&format!("l{i}"), DataType::Utf8));
    let input =
        Schema::new(std::iter::once(Field::new("id", DataType::Int64)).chain(fields).collect());
    let error = Explode::open(config(r#"{"column": "id"}"#), &input).unwrap_err();
    assert!(error.message().ends_with("`l18`, `l19`, ..."), "{error}");
}

#[test]
fn a_path_into_a_list_asks_for_two_stages() {
    assert_eq!(
        refused(r#"{"column": "items.tags"}"#),
        "`items.tags` steps into the list `items`, which a path cannot do; use two explode stages: first `items`, then `items.tags`"
    );
    assert_eq!(
        refused(r#"{"column": "order.lines.x.y"}"#),
        "`order.lines.x.y` steps into the list `order.lines`, which a path cannot do; use two explode stages: first `order.lines`, then `lines.x.y`"
    );
    assert_eq!(
        refused(r#"{"column": "labels.env"}"#),
        "`labels.env` steps into the map `labels`, which a path cannot do; use two explode stages: first `labels`, then `labels.env` (its entries have the members `labels.key` and `labels.value`)"
    );
    assert_eq!(
        refused(r#"{"column": "id.x"}"#),
        "`id` is bigint and has no members, so there is no `id.x`; lists and maps of the input: `items`, `labels`, `order.lines`, `payload.body.events`"
    );
}

#[test]
fn names_that_are_taken_are_refused() {
    assert_eq!(
        refused(r#"{"column": "items", "into": "ID"}"#),
        "`into`: the elements of `items` would be named `ID`, but the input has a column `id` already; set `into` to a name that is free"
    );
    assert_eq!(
        refused(r#"{"column": "order.lines", "into": "order"}"#),
        "`into`: the elements of `order.lines` would be named `order`, but the input has a column `order` already; set `into` to a name that is free"
    );
    assert_eq!(
        refused(
            r#"{"columns": [{"column": "items", "into": "x"}, {"column": "labels", "into": "X"}]}"#
        ),
        "the elements of `items` and of `labels` would both be named `X`; set `into` to another name for one of them"
    );
    assert_eq!(
        refused(r#"{"column": "items", "into": ""}"#),
        "`into`: the elements of `items` would have an empty name; set `into` to the name they get"
    );
    assert_eq!(
        refused(r#"{"column": "items", "position": "Id"}"#),
        "`position` is `Id`, but there is a column `id` already; choose a name that is free"
    );
    assert_eq!(
        refused(r#"{"column": "items", "position": "items"}"#),
        "`position` is `items`, but there is a column `items` already; choose a name that is free"
    );
    assert_eq!(
        refused(r#"{"column": "items", "position": ""}"#),
        "`position` is empty; give the name of the column to add"
    );
}

#[test]
fn the_name_of_a_list_that_leaves_is_free() {
    let both = r#"{"columns": [{"column": "items", "into": "labels"}, {"column": "labels", "into": "items"}]}"#;
    assert_eq!(unnest(both).columns, [element("items", "labels"), element("labels", "items")]);
    assert_eq!(
        unnest(r#"{"column": "items", "into": "item", "position": "items"}"#).position.as_deref(),
        Some("items")
    );
}

#[test]
fn a_list_keeps_its_name_beside_one_that_differs_in_case() {
    let input =
        Schema::new(vec![list("Items", DataType::Utf8), Field::new("items", DataType::Utf8)]);
    let (_, plan) = Explode::open(config(r#"{"column": "Items"}"#), &input).unwrap();
    assert!(matches!(plan.rows, RowShape::Unnest(_)));
}

#[test]
fn a_config_that_names_no_list_or_two_ways_is_refused() {
    assert_eq!(
        refused("{}"),
        "`column` is missing: name the list or map; lists and maps of the input: `items`, `labels`, `order.lines`, `payload.body.events`"
    );
    assert!(refused(r#"{"columns": []}"#).starts_with("`column` is missing"));
    assert_eq!(
        refused(r#"{"column": "items", "columns": [{"column": "labels"}]}"#),
        "`column` and `columns` are both set; use `column` for one list, or `columns` for several side by side"
    );
    assert_eq!(
        refused(r#"{"into": "x", "columns": [{"column": "labels"}]}"#),
        "`into` belongs to `column`; give each entry of `columns` its own `into`"
    );
    assert_eq!(
        refused(r#"{"columns": [{"column": "items"}, {"column": "items", "into": "x"}]}"#),
        "`columns` names `items` twice; remove one of the two"
    );
}

#[test]
fn unknown_keys_are_refused() {
    for json in
        [r#"{"column": "items", "outer": true}"#, r#"{"columns": [{"column": "a", "as": "b"}]}"#]
    {
        assert!(serde_json::from_str::<Config>(json).is_err(), "{json}");
    }
}

#[test]
fn the_examples_are_valid_configs() {
    for example in Explode::ABOUT.examples {
        config(example);
    }
}

#[test]
fn names_with_dots_are_reached_with_backquotes() {
    let input = Schema::new(vec![record("a", vec![list("b.c", DataType::Utf8)])]);
    let (_, plan) = Explode::open(config(r#"{"column": "a.`b.c`"}"#), &input).unwrap();
    let RowShape::Unnest(unnest) = plan.rows else { panic!() };
    let expected = Element { column: Path::from_steps(&["a", "b.c"]), name: "b.c".into() };
    assert_eq!(unnest.columns, [expected]);
}

#[test]
fn every_case_gives_what_it_says() {
    lockgate_sdk::testing::cases::<Explode>("cases").unwrap();
}
