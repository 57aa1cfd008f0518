//! The native harness interprets every kind of plan as the contract says.

use lockgate_sdk::testing::{self, Outcome, Value, json};
use lockgate_sdk::{
    About, Batch, Bitmap, Build, ColumnId, Computed, DataType, Disposition, Edit, Element, Error,
    Field, ListsBuilder, Output, Part, Path, Plan, Rejections, Schema, Stage, StringsBuilder,
    Unnest, ValuesBuilder, structs,
};
use schemars::JsonSchema;
use serde::Deserialize;

const ABOUT: About = About {
    name: "probe",
    version: "0.1.0",
    summary: "does what its config says",
    docs: "",
    examples: &[r#""same""#],
};

/// What a probe does.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Task {
    Same,
    KeepPositive,
    Reverse,
    Produce,
    Compute,
    Lengths,
    Reject,
    Refer,
    Long,
    WrongRow,
    WrongShape,
}

struct Probe {
    task: Task,
    n: Option<ColumnId>,
}

impl Stage for Probe {
    type Config = Task;
    const ABOUT: About = ABOUT;

    fn open(task: Task, _: &Schema) -> Result<(Self, Plan), Error> {
        let mut plan = match task {
            Task::KeepPositive => Plan::filter(),
            Task::Reverse => Plan::reindex(),
            Task::Produce => Plan::produce(),
            _ => Plan::keep(),
        };
        let n = match task {
            Task::Same | Task::Refer => None,
            Task::Lengths => Some(plan.read_part("list".parse()?, Part::Offsets)),
            _ => Some(plan.read("n".parse()?)),
        };
        match task {
            Task::Produce | Task::Compute | Task::Lengths | Task::Long => {
                plan.compute(Field::new("out", DataType::Int64));
            }
            Task::Refer => {
                plan.refer("id", "s.id".parse()?);
                plan.drop("s");
            }
            _ => {}
        }
        if task == Task::Compute {
            let members = vec![
                Field::new("text", DataType::Utf8),
                Field::new("tens", DataType::List(Box::new(Field::new("item", DataType::Int64)))),
            ];
            plan.compute(Field::new("s", DataType::Struct(members)));
        }
        Ok((Self { task, n }, plan))
    }

    fn process(&mut self, batch: &Batch) -> Result<Output, Error> {
        let column = batch.column(self.n.ok_or_else(|| Error::failed("called"))?)?;
        let rows = 0..batch.rows();
        if self.task == Task::Lengths {
            let mut lengths = ValuesBuilder::<i64>::with_capacity(batch.rows());
            rows.for_each(|row| {
                lengths.push(i64::from(column.offsets()[row + 1] - column.offsets()[row]));
            });
            return Ok(Output::same().with_column(lengths.finish()));
        }
        let n = column.values::<i64>()?;
        let sum = rows.clone().filter_map(|row| n.get(row)).sum();
        Ok(match self.task {
            Task::KeepPositive => {
                Output::keep(rows.map(|row| n.get(row) > Some(0)).collect::<Bitmap>())
            }
            Task::Reverse => Output::take(rows.rev().map(|row| row as u32).collect()),
            Task::Produce => Output::produced(1).with_column(numbers([Some(sum)])),
            Task::Compute => {
                let doubled = numbers(rows.clone().map(|row| n.get(row).map(|n| n * 2)));
                let mut text = StringsBuilder::with_capacity(batch.rows());
                let mut tens = ListsBuilder::new(ValuesBuilder::<i64>::with_capacity(0));
                for row in rows.clone() {
                    text.push(&format!("#{row}"));
                    tens.elements.push(n.value(row) * 10);
                    tens.elements.push_null();
                    tens.close_list();
                }
                let valid = rows.map(|row| n.get(row).is_some()).collect();
                let members = vec![text.finish(), tens.finish()];
                Output::same().with_column(doubled).with_column(structs(valid, members))
            }
            Task::Long => Output::same().with_column(numbers([Some(1); 9])),
            Task::Reject => {
                let mut rejections = Rejections::default();
                for row in rows {
                    match n.get(row) {
                        None => rejections.push(Disposition::Note, "null-n", "no `n`", row),
                        Some(n) if n < 0 => {
                            rejections.push(Disposition::Quarantine, "negative-n", "`n` < 0", row);
                        }
                        Some(_) => {}
                    }
                }
                Output::same().with_rejections(rejections)
            }
            Task::WrongRow => {
                let mut rejections = Rejections::default();
                rejections.push(Disposition::Note, "x", "x", 99);
                Output::same().with_rejections(rejections)
            }
            _ => Output::take(vec![0]),
        })
    }
}

fn numbers(values: impl IntoIterator<Item = Option<i64>>) -> Computed {
    let mut builder = ValuesBuilder::<i64>::with_capacity(0);
    values.into_iter().for_each(|value| builder.push_option(value));
    builder.finish()
}

fn probe(task: &str) -> Result<Outcome, Error> {
    let columns =
        [("n", "bigint"), ("list", "array<string>"), ("s", "struct<id: bigint, at: timestamp>")];
    let rows = [
        json!({"n": 1, "list": ["a", "b"], "s": {"id": 7, "at": "2026-03-01T00:00:00Z"}}),
        json!({"n": null, "list": null, "s": null}),
        json!({"n": -3, "list": [], "s": {"id": null}}),
    ];
    testing::run::<Probe>(json!(task), &testing::schema(&columns)?, &rows)
}

fn column(outcome: &Outcome, name: &str) -> Vec<Value> {
    outcome.rows.iter().map(|row| row[name].clone()).collect()
}

#[test]
fn a_stage_that_reads_nothing_is_not_called() {
    let outcome = probe("same").unwrap();
    let at = "2026-03-01T00:00:00.000000Z";
    assert_eq!(outcome.rows[0]["s"], json!({"id": 7, "at": at}));
    assert_eq!(outcome.rows[2]["s"], json!({"id": null, "at": null}));
    assert_eq!(outcome.rows[1], json!({"n": null, "list": null, "s": null}));
}

#[test]
fn rows_are_kept_reordered_and_produced() {
    assert_eq!(column(&probe("keep_positive").unwrap(), "n"), [json!(1)]);
    assert_eq!(column(&probe("reverse").unwrap(), "n"), [json!(-3), json!(null), json!(1)]);
    assert_eq!(probe("produce").unwrap().rows, [json!({"out": -2})]);
}

#[test]
fn computed_columns_are_added_or_replace_a_column_in_place() {
    let outcome = probe("compute").unwrap();
    assert_eq!(column(&outcome, "out"), [json!(2), json!(null), json!(-6)]);
    let structs = [
        json!({"text": "#0", "tens": [10, null]}),
        json!(null),
        json!({"text": "#2", "tens": [-30, null]}),
    ];
    assert_eq!(column(&outcome, "s"), structs);
    let names: Vec<_> = outcome.schema.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["n", "list", "s", "out"]);
}

#[test]
fn offsets_alone_give_the_lengths_of_lists() {
    assert_eq!(column(&probe("lengths").unwrap(), "out"), [json!(2), json!(0), json!(0)]);
}

#[test]
fn references_reach_into_structs() {
    let outcome = probe("refer").unwrap();
    assert_eq!(column(&outcome, "id"), [json!(7), json!(null), json!(null)]);
    assert!(!outcome.schema.has("s"));
}

#[test]
fn rejected_rows_leave_or_stay_by_their_disposition() {
    let outcome = probe("reject").unwrap();
    assert_eq!(column(&outcome, "n"), [json!(1), json!(null)]);
    let rejections: Vec<_> =
        outcome.rejections.iter().map(|it| (it.row, it.code.as_str(), it.disposition)).collect();
    let expected = [(1, "null-n", Disposition::Note), (2, "negative-n", Disposition::Quarantine)];
    assert_eq!(rejections, expected);
}

#[test]
fn answers_that_break_the_contract_are_refused() {
    for (task, message) in [
        ("wrong_row", "it rejects row 99 of 3"),
        ("wrong_shape", "though its plan says Keep"),
        ("long", "computed column `out`: it has 9 values where 3 are due"),
    ] {
        let error = probe(task).unwrap_err();
        assert!(error.message().contains(message), "{error}");
    }
}

/// Unnests as its config says.
struct Unnesting;

#[derive(Deserialize, JsonSchema)]
struct UnnestConfig {
    columns: Vec<(Path, String)>,
    #[serde(default)]
    keep_empty: bool,
}

impl Stage for Unnesting {
    type Config = UnnestConfig;
    const ABOUT: About = About { examples: &[], ..ABOUT };

    fn open(config: UnnestConfig, _: &Schema) -> Result<(Self, Plan), Error> {
        let element = |(column, name)| Element { column, name };
        let columns = config.columns.into_iter().map(element).collect();
        let position = Some("at".to_owned());
        let mut plan = Plan::unnest(Unnest { columns, keep_empty: config.keep_empty, position });
        plan.edits.push(Edit::Drop("n".into()));
        Ok((Self, plan))
    }
}

fn unnest(config: Value) -> Result<Vec<Value>, Error> {
    let columns = [
        ("n", "bigint"),
        ("ids", "array<bigint>"),
        ("o", "struct<tags: array<string>, k: int>"),
        ("m", "map<string, bigint>"),
    ];
    let rows = [
        json!({"ids": [1, 2], "o": {"tags": ["a"], "k": 5}, "m": {"z": 1, "a": null}}),
        json!({"ids": null, "o": null, "m": {}}),
    ];
    Ok(testing::run::<Unnesting>(config, &testing::schema(&columns)?, &rows)?.rows)
}

#[test]
fn a_list_is_unnested_in_its_place() {
    let rows = unnest(json!({"columns": [["ids", "id"]]})).unwrap();
    let others = json!({"tags": ["a"], "k": 5});
    let map = json!({"z": 1, "a": null});
    assert_eq!(
        rows,
        [
            json!({"id": 1, "o": others, "m": map, "at": 0}),
            json!({"id": 2, "o": others, "m": map, "at": 1}),
        ]
    );
}

#[test]
fn a_map_gives_entries_in_order_and_empty_ones_may_stay() {
    let rows = unnest(json!({"columns": [["m", "entry"]], "keep_empty": true})).unwrap();
    let entries: Vec<_> =
        rows.iter().map(|row| (row["entry"].clone(), row["at"].clone())).collect();
    assert_eq!(
        entries,
        [
            (json!({"key": "z", "value": 1}), json!(0)),
            (json!({"key": "a", "value": null}), json!(1)),
            (json!(null), json!(null)),
        ]
    );
}

#[test]
fn lists_side_by_side_are_padded_and_leave_their_struct() {
    let rows = unnest(json!({"columns": [["o.tags", "tag"], ["ids", "id"]]})).unwrap();
    let pairs: Vec<_> = rows.iter().map(|row| (row["tag"].clone(), row["id"].clone())).collect();
    assert_eq!(pairs, [(json!("a"), json!(1)), (json!(null), json!(2))]);
    assert_eq!(rows[0]["o"], json!({"k": 5}));
}

#[test]
fn rows_that_do_not_fit_the_schema_are_refused() {
    let schema = testing::schema(&[("n", "bigint"), ("s", "struct<id: int>")]).unwrap();
    for (row, message) in [
        (json!([1]), "row 0: it is no JSON object"),
        (json!({"m": 1}), "row 0: the schema has no column `m`"),
        (json!({"n": "1"}), "`n` holds \"1\", which is no `bigint`"),
        (json!({"s": {"x": 1}}), "`s` has no member `x` in the schema"),
        (json!({"s": {"id": 3_000_000_000_u32}}), "`s.id` holds 3000000000, which is no `int`"),
    ] {
        let error = testing::run::<Probe>(json!("same"), &schema, &[row]).unwrap_err();
        assert_eq!(error.message(), message);
    }
}

#[test]
fn every_type_comes_through_as_it_went_in() {
    let schema = testing::schema(&[
        ("a", "struct<b: boolean, i: tinyint, u: uint64, f: float, d: double>"),
        ("e", "array<decimal(38, 2)>"),
        ("g", "struct<d: date, n: timestamp_ntz, b: binary, w: binary(3)>"),
        ("m", "map<string, array<string>>"),
        ("p", "map<bigint, string>"),
        ("z", "null"),
    ])
    .unwrap();
    let rows = [json!({
        "a": {"b": true, "i": -128, "u": u64::MAX, "f": 0.1, "d": "-Infinity"},
        "e": ["-12345678901234567890123456789012345.67", null],
        "g": {"d": "0001-01-01", "n": "9999-12-31T23:59:59.999999", "b": "AAE=", "w": "Zm9v"},
        "m": {"y": ["1", null], "x": null},
        "p": [{"key": 1, "value": "one"}],
        "z": null,
    })];
    let outcome = testing::run::<Probe>(json!("same"), &schema, &rows).unwrap();
    assert_eq!(outcome.rows, rows);
}

#[test]
fn case_files_pass_and_fail_with_what_differs() {
    testing::cases::<Probe>("tests/cases").unwrap();
    let failures = testing::cases::<Probe>("tests/failing-cases").unwrap_err().to_string();
    for line in [
        "differs.json: keeps positive rows",
        "row 0 expected {\"n\":2}",
        "row 0 actual   {\"n\":1}",
        "row 1 missing  {\"n\":5}",
        "row 0 not rejected: `bad`, Quarantine",
        "typo.json: unknown field `expct`",
        "error.json: expects an error",
        "expected an error with `no such thing`, got none",
    ] {
        assert!(failures.contains(line), "{line} is not in\n{failures}");
    }
    assert!(testing::cases::<Probe>("tests/nowhere").is_err());
}
