//! Apache Spark's own answers to predicates, from the golden files of its test suite.

use super::rows::schema;
use crate::{Config, Filter};
use lockgate_sdk::{Plan, Stage};
use std::path::Path;

/// What a condition over no columns is: `true`, `false` or `NULL`, as Spark prints it.
fn truth(condition: &str) -> Result<&'static str, String> {
    let holds = |suffix: &str| {
        let config = Config { condition: format!("({condition}) IS {suffix}") };
        let opened = Filter::open(config, &schema());
        opened.map(|(_, plan)| plan == Plan::keep()).map_err(|error| error.message().to_owned())
    };
    Ok(if holds("TRUE")? {
        "true"
    } else if holds("FALSE")? {
        "false"
    } else {
        "NULL"
    })
}

/// The queries `select <condition>` of a golden file, with their answers.
fn queries(golden: &str) -> impl Iterator<Item = (&str, &str)> {
    golden.split("-- !query\n").filter_map(|section| {
        let (query, rest) = section.split_once("\n-- !query schema\n")?;
        let (schema, output) = rest.split_once("\n-- !query output\n")?;
        let condition = query.trim().strip_prefix("select ")?;
        schema.ends_with(":boolean>").then_some((condition, output.trim()))
    })
}

/// 52 of 83 agree. Refused are `!` for `NOT`, numbers beside strings without a cast, and
/// what changes from run to run. The two that differ compare a date with a string that
/// has a time of day: Spark cuts the time off, this filter compares the day's midnight.
#[test]
fn spark_answers_alike_or_the_condition_is_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/spark-golden");
    let (mut agreeing, mut refused, mut differing) = (0, 0, Vec::new());
    for file in ["predicate-functions", "null-handling"] {
        let path = root.join(format!("sql.out-spark41/{file}.sql.out"));
        let Ok(golden) = std::fs::read_to_string(path) else { return };
        for (condition, answer) in queries(&golden) {
            match truth(condition) {
                Ok(truth) if truth == answer => agreeing += 1,
                Ok(_) => differing.push(condition.to_owned()),
                Err(_) => refused += 1,
            }
        }
    }
    let day = "to_date('2009-07-30 04:17:52')";
    let time = "'2009-07-30 04:17:52'";
    assert_eq!(differing, [format!("{day} >= {time}"), format!("{day} < {time}")]);
    assert_eq!((agreeing, refused), (52, 29));
}
