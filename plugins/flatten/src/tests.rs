use super::*;
use lockgate_sdk::{Edit, Path, RowShape};

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type)
}

fn text(name: &str) -> Field {
    field(name, DataType::Utf8)
}

fn record(name: &str, members: Vec<Field>) -> Field {
    field(name, DataType::Struct(members))
}

fn list(name: &str, element: DataType) -> Field {
    field(name, DataType::List(Box::new(Field::new("item", element))))
}

fn map(name: &str, value: DataType) -> Field {
    map_of(name, DataType::Utf8, value)
}

fn map_of(name: &str, key: DataType, value: DataType) -> Field {
    let entries = DataType::Struct(vec![field("key", key).required(), field("value", value)]);
    field(name, DataType::Map(Box::new(field("entries", entries).required())))
}

fn events() -> Schema {
    let user = vec![text("id"), record("name", vec![text("first"), text("last")])];
    Schema::new(vec![
        text("file"),
        record(
            "record",
            vec![
                text("id"),
                record("user", user),
                map("tags", DataType::Utf8),
                list("ids", DataType::Int64),
            ],
        ),
        field("n", DataType::Int64),
        record("meta", vec![text("id")]),
        map("labels", DataType::Int64),
    ])
}

fn config(json: &str) -> Config {
    serde_json::from_str(json).unwrap()
}

fn open(json: &str, input: &Schema) -> Result<Plan, Error> {
    Flatten::open(config(json), input).map(|(_, plan)| plan)
}

/// The output columns: `name` for a column as it was, `name=path` for a reference,
/// `name=json(path)` for text of a map.
fn columns(json: &str, input: &Schema) -> Vec<String> {
    let plan = open(json, input).unwrap();
    assert_eq!(plan.rows, RowShape::Keep);
    assert_eq!(plan.edits.first(), Some(&Edit::Clear));
    let mut reads = plan.reads.iter();
    let column = |edit: &Edit| match edit {
        Edit::Refer { name, path } if *path == Path::from_steps(&[name]) => name.clone(),
        Edit::Refer { name, path } => format!("{name}={path}"),
        Edit::Compute(field) => format!("{}=json({})", field.name, reads.next().unwrap().path),
        other => panic!("{other:?}"),
    };
    let columns = plan.edits[1..].iter().map(column).collect();
    assert_eq!(reads.next(), None);
    columns
}

fn refused(json: &str) -> String {
    open(json, &events()).unwrap_err().message().to_owned()
}

#[test]
fn every_struct_is_flattened_in_its_place_under_its_full_path() {
    assert_eq!(
        columns("{}", &events()),
        [
            "file",
            "record_id=record.id",
            "record_user_id=record.user.id",
            "record_user_name_first=record.user.name.first",
            "record_user_name_last=record.user.name.last",
            "record_tags=record.tags",
            "record_ids=record.ids",
            "n",
            "meta_id=meta.id",
            "labels",
        ]
    );
}

#[test]
fn one_struct_is_flattened_without_its_own_name() {
    assert_eq!(
        columns(r#"{"column": "record"}"#, &events()),
        [
            "file",
            "id=record.id",
            "user_id=record.user.id",
            "user_name_first=record.user.name.first",
            "user_name_last=record.user.name.last",
            "tags=record.tags",
            "ids=record.ids",
            "n",
            "meta",
            "labels",
        ]
    );
}

#[test]
fn depth_counts_levels_of_structs() {
    for (max_depth, expected) in [
        (1, &["id=record.id", "user=record.user"][..]),
        (2, &["id=record.id", "user.id=record.user.id", "user.name=record.user.name"]),
        (3, &["id=record.id", "user.id=record.user.id", "user.name.first=record.user.name.first"]),
        (99, &["id=record.id", "user.id=record.user.id", "user.name.first=record.user.name.first"]),
    ] {
        let json = format!(r#"{{"column": "record", "separator": ".", "max_depth": {max_depth}}}"#);
        assert_eq!(&columns(&json, &events())[1..=expected.len()], expected);
    }
}

#[test]
fn include_and_exclude_choose_members_and_touch_nothing_else() {
    assert_eq!(
        columns(
            r#"{"column": "record", "include": ["record.user"], "exclude": ["**.last"]}"#,
            &events()
        ),
        [
            "file",
            "user_id=record.user.id",
            "user_name_first=record.user.name.first",
            "n",
            "meta",
            "labels"
        ]
    );
    assert_eq!(
        columns(r#"{"include": ["*.id"]}"#, &events()),
        ["file", "record_id=record.id", "n", "meta_id=meta.id", "labels"]
    );
    assert_eq!(
        columns(r#"{"exclude": ["record", "meta.i?"]}"#, &events()),
        ["file", "n", "labels"]
    );
}

#[test]
fn kept_structs_stay_structs() {
    assert_eq!(
        columns(r#"{"keep": ["record.user.name", "meta"]}"#, &events()),
        [
            "file",
            "record_id=record.id",
            "record_user_id=record.user.id",
            "record_user_name=record.user.name",
            "record_tags=record.tags",
            "record_ids=record.ids",
            "n",
            "meta",
            "labels",
        ]
    );
}

#[test]
fn maps_become_text_where_asked_and_only_they_are_read() {
    let input = events();
    let all = columns(r#"{"maps": "json", "include": ["**.tags", "meta"]}"#, &input);
    assert_eq!(
        all,
        ["file", "record_tags=json(record.tags)", "n", "meta_id=meta.id", "labels=json(labels)"]
    );
    let one = columns(r#"{"maps": "json", "column": "record", "include": ["**.tags"]}"#, &input);
    assert_eq!(one, ["file", "tags=json(record.tags)", "n", "meta", "labels"]);
    let kept = columns(
        r#"{"maps": "json", "keep": ["labels"], "column": null, "include": ["**.tags", "meta"]}"#,
        &input,
    );
    assert_eq!(kept.last().unwrap(), "labels");
    assert!(open("{}", &input).unwrap().reads.is_empty());
}

#[test]
fn text_of_a_map_is_null_only_where_the_map_may_be() {
    let required = record("r", vec![map("m", DataType::Utf8).required()]).required();
    let optional = record("r", vec![map("m", DataType::Utf8).required()]);
    for (input, nullable) in [(required, false), (optional, true)] {
        let plan = open(r#"{"maps": "json"}"#, &Schema::new(vec![input])).unwrap();
        assert_eq!(plan.computed().next().unwrap().nullable, nullable);
    }
}

#[test]
fn names_that_would_clash_get_numbers_and_present_columns_keep_theirs() {
    let input = Schema::new(vec![
        record("r", vec![text("id"), text("a_b"), record("a", vec![text("b"), text("B")])]),
        text("ID"),
    ]);
    assert_eq!(
        columns(r#"{"column": "r"}"#, &input),
        ["id_2=r.id", "a_b=r.a_b", "a_b_2=r.a.b", "a_B_3=r.a.B", "ID"]
    );
}

#[test]
fn names_with_separators_dots_colons_and_nothing_at_all_are_taken_as_they_are() {
    let odd = vec![text("a_b"), text("c.d"), text("aws:arn"), text(""), record("", vec![text("")])];
    let input = Schema::new(vec![record("r", odd)]);
    assert_eq!(
        columns(r#"{"column": "r"}"#, &input),
        ["a_b=r.a_b", "c.d=r.`c.d`", "aws:arn=r.aws:arn", "_=r.``", "__2=r.``.``"]
    );
    assert_eq!(
        columns(r#"{"separator": ":"}"#, &input),
        ["r:a_b=r.a_b", "r:c.d=r.`c.d`", "r:aws:arn=r.aws:arn", "r:=r.``", "r::=r.``.``"]
    );
}

#[test]
fn collisions_can_be_errors() {
    let input =
        Schema::new(vec![record("r", vec![text("a_b"), record("a", vec![text("B")])]), text("x")]);
    let error = open(r#"{"on_collision": "error"}"#, &input).unwrap_err();
    assert_eq!(
        error.message(),
        "`r.a_b` and `r.a.B` would both be named `r_a_B` (case does not count); `exclude` one of them, choose another `separator`, or set `on_collision = \"suffix\"`"
    );
    assert!(open(r#"{"on_collision": "error", "separator": "."}"#, &input).is_ok());
    let input = Schema::new(vec![record("r", vec![text("x")]), text("X")]);
    let error = open(r#"{"on_collision": "error", "column": "r"}"#, &input).unwrap_err();
    assert!(error.message().starts_with("`X` and `r.x` would both be named `x`"), "{error}");
}

#[test]
fn structs_without_members_vanish_and_so_may_not_be_all_there_is() {
    let input = Schema::new(vec![record("e", vec![record("f", vec![])]), text("a")]);
    assert_eq!(columns("{}", &input), ["a"]);
    let error = open("{}", &Schema::new(vec![record("e", vec![])])).unwrap_err();
    assert_eq!(
        error.message(),
        "no column would be left; the structs have no members, or `exclude` names all of them"
    );
}

#[test]
fn an_input_without_structs_stays_as_it_is() {
    let input = Schema::new(vec![text("a"), list("l", DataType::Utf8)]);
    assert_eq!(columns("{}", &input), ["a", "l"]);
    assert!(open("{}", &Schema::default()).is_ok());
}

#[test]
fn a_column_that_is_no_top_level_struct_is_refused() {
    for (column, message) in [
        (
            "recrod",
            "no column `recrod` in the input; it has `file`, `record`, `n`, `meta`, `labels`",
        ),
        ("n", "`n` is bigint, not a struct; structs of the input: `record`, `meta`"),
        (
            "record.ids",
            "`record.ids` is array<bigint>, not a struct; explode it first; structs of the input: `record`, `meta`",
        ),
        (
            "labels",
            "`labels` is map<string, bigint>, not a struct; `maps = \"json\"` makes text of maps, an explode stage makes rows of their entries; structs of the input: `record`, `meta`",
        ),
        (
            "record.user",
            "`record.user` lies inside a struct, and `column` takes a top-level column; use two flatten stages: first `column = \"record\", max_depth = 1`, then `column = \"user\"`",
        ),
        (
            "record.user.name",
            "`record.user.name` lies inside a struct, and `column` takes a top-level column; use two flatten stages: first `column = \"record\", max_depth = 2`, then `column = \"user_name\"`",
        ),
    ] {
        assert_eq!(refused(&format!(r#"{{"column": "{column}"}}"#)), message);
    }
    let error = open(r#"{"column": "a"}"#, &Schema::new(vec![text("a")])).unwrap_err();
    assert_eq!(error.message(), "`a` is string, not a struct; the input has no structs");
}

#[test]
fn patterns_that_name_nothing_are_refused() {
    let members = "`record.id`, `record.user.id`, `record.user.name.first`, `record.user.name.last`, `record.tags`, `record.ids`";
    assert_eq!(
        refused(r#"{"column": "record", "include": ["record.id", "user.id"]}"#),
        format!(
            "`include`: `user.id` names no member of a flattened struct; the members are {members}"
        )
    );
    assert_eq!(
        refused(r#"{"column": "record", "exclude": ["meta.*"]}"#),
        format!(
            "`exclude`: `meta.*` names no member of a flattened struct; the members are {members}"
        )
    );
    assert_eq!(
        refused(r#"{"column": "record", "max_depth": 1, "include": ["record.user.id"]}"#),
        "`include`: `record.user.id` names no member of a flattened struct down to `max_depth = 1`; the members are `record.id`, `record.user`, `record.tags`, `record.ids`"
    );
    assert_eq!(
        refused(r#"{"column": "record", "keep": ["record.tags"]}"#),
        format!(
            "`keep`: `record.tags` names no struct or map that would be changed; the members are {members}"
        )
    );
    let error = open(r#"{"include": ["a"]}"#, &Schema::new(vec![text("a")])).unwrap_err();
    assert_eq!(
        error.message(),
        "`include`: `a` names no member of a flattened struct; there is none"
    );
}

#[test]
fn a_struct_is_not_lost_because_include_is_about_another() {
    assert_eq!(
        refused(r#"{"include": ["record.**"]}"#),
        "`include` names no member of `meta`, so all of it would be lost; name what to take of it, set `keep = [\"meta\"]`, or name the one struct to flatten with `column`"
    );
}

#[test]
fn maps_that_json_cannot_hold_are_refused() {
    let input = Schema::new(vec![map("m", DataType::Struct(vec![field("b", DataType::Binary)]))]);
    assert_eq!(
        open(r#"{"maps": "json"}"#, &input).unwrap_err().message(),
        "the map `m` has values of type binary, which JSON text cannot hold; add it to `keep`"
    );
    let input = Schema::new(vec![map_of("m", DataType::Struct(vec![text("k")]), DataType::Utf8)]);
    assert_eq!(
        open(r#"{"maps": "json"}"#, &input).unwrap_err().message(),
        "the map `m` has keys of type struct<k: string>, which JSON text cannot hold; add it to `keep`"
    );
    assert!(open(r#"{"maps": "json", "keep": ["m"]}"#, &input).is_ok());
}

#[test]
fn a_depth_of_nothing_is_refused() {
    assert_eq!(
        refused(r#"{"max_depth": 0}"#),
        "`max_depth` is 0, which would flatten nothing; use 1 or more, or leave it out for all levels"
    );
}

#[test]
fn unknown_keys_and_values_are_refused() {
    for json in [
        r#"{"seperator": "_"}"#,
        r#"{"maps": "text"}"#,
        r#"{"on_collision": "first"}"#,
        r#"{"include": [""]}"#,
    ] {
        assert!(serde_json::from_str::<Config>(json).is_err(), "{json}");
    }
}

#[test]
fn the_examples_are_valid_configs() {
    for example in Flatten::ABOUT.examples {
        config(example);
    }
}

#[test]
fn the_default_config_is_the_empty_one() {
    assert_eq!(format!("{:?}", config("{}")), format!("{:?}", Config::default()));
}

#[test]
fn every_case_gives_what_it_says() {
    lockgate_sdk::testing::cases::<Flatten>("cases").unwrap();
}
