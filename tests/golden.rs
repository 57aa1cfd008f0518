//! The example pipelines against figures that were computed from their input by other means,
//! and against themselves: straight, cut into many micro-batches, stopped and restored.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use arrow_array::Array as _;
use lockgate_tests::{Job, Table, root, shared_data};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

fn figures(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn assert_payments(table: &Table, figures: &Value) {
    let by_date = figures["by_date"].as_object().unwrap();
    let of = |key: &str| -> BTreeMap<String, i64> {
        by_date
            .iter()
            .map(|(date, of)| (format!("date={date}"), of[key].as_i64().unwrap()))
            .collect()
    };
    let rows: BTreeMap<_, _> =
        table.rows_by_directory().into_iter().map(|(dir, rows)| (dir, rows as i64)).collect();
    assert_eq!(rows, of("rows"));
    assert_eq!(table.cents_by_directory("amount"), of("amount_cents"));
    assert_eq!(table.rows() as u64, figures["rows"].as_u64().unwrap());
}

fn assert_cloudtrail(table: &Table, figures: &Value) {
    let rows: BTreeMap<_, _> = table.rows_by_directory();
    let by_date = figures["by_date"].as_object().unwrap();
    let expected: BTreeMap<_, _> = by_date
        .iter()
        .map(|(date, rows)| (format!("date={date}"), rows.as_u64().unwrap()))
        .collect();
    assert_eq!(rows, expected);
    let mut ids: Vec<_> = table.strings("eventID").into_iter().flatten().collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len() as u64, figures["distinct_eventID"].as_u64().unwrap());
    let mut names: BTreeMap<String, u64> = BTreeMap::new();
    table
        .strings("eventName")
        .into_iter()
        .flatten()
        .for_each(|name| *names.entry(name).or_default() += 1);
    let counts = figures["eventName_counts"].as_object().unwrap();
    let counts: BTreeMap<_, _> =
        counts.iter().map(|(name, count)| (name.clone(), count.as_u64().unwrap())).collect();
    assert_eq!(names, counts);
    let null_maps: usize = table
        .batches()
        .iter()
        .map(|(_, batch)| batch.column_by_name("requestParameters").unwrap().null_count())
        .sum();
    assert_eq!(null_maps as u64, figures["requestParameters_null_or_missing"].as_u64().unwrap());
}

#[test]
fn payments_add_up() {
    let job = Job::example("payments");
    job.run().unwrap();
    assert_payments(
        &job.table(),
        &figures(&root().join("pipelines/payments/expected/figures.json")),
    );
    assert_eq!(job.quarantine(), Vec::<Value>::new());
}

#[test]
fn cloudtrail_adds_up() {
    let job = Job::example("cloudtrail");
    job.run().unwrap();
    assert_cloudtrail(
        &job.table(),
        &figures(&root().join("pipelines/cloudtrail/expected/figures.json")),
    );
}

#[test]
fn a_year_of_payments_adds_up() {
    let Some(data) = shared_data("cms-open-payments/payment-shape") else { return };
    let job = Job::example("payments");
    job.copy_input(&data.join("2014"));
    job.run().unwrap();
    assert_payments(&job.table(), &figures(&data.join("EXPECTED-2014.json")));
}

#[test]
fn a_day_of_cloudtrail_adds_up() {
    let Some(data) = shared_data("cloudtrail/invictus") else { return };
    let job = Job::example("cloudtrail");
    job.copy_input(&data);
    job.edit("input/**/*.json*", "input/**/*CloudTrail*.json*");
    job.run().unwrap();
    assert_cloudtrail(&job.table(), &figures(&data.join("EXPECTED.json")));
}

#[test]
fn many_micro_batches_give_the_same_rows_as_one() {
    for example in ["payments", "cloudtrail"] {
        let straight = Job::example(example);
        straight.run().unwrap();
        let cut = Job::example(example);
        cut.edit("max_files_per_trigger = 100", "max_files_per_trigger = 1");
        cut.run().unwrap();
        assert!(cut.table().0.len() > straight.table().0.len(), "{example} was cut");
        assert_eq!(cut.table().sorted_rows(), straight.table().sorted_rows());
    }
}

#[test]
fn runs_that_find_their_files_one_by_one_give_the_same_rows() {
    let straight = Job::example("payments");
    straight.run().unwrap();
    let restored = Job::example("payments");
    let input = restored.path("input");
    let mut files: Vec<_> =
        fs::read_dir(&input).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let outside = restored.path("waiting");
    fs::rename(&input, &outside).unwrap();
    fs::create_dir(&input).unwrap();
    for file in files {
        let name = file.file_name().unwrap();
        fs::rename(outside.join(name), input.join(name)).unwrap();
        restored.run().unwrap();
    }
    restored.run().unwrap();
    assert_eq!(restored.table().sorted_rows(), straight.table().sorted_rows());
}

#[test]
fn the_number_of_workers_does_not_show_in_the_table() {
    let bytes = |workers| {
        let job = Job::example("payments");
        let stores =
            lockgate::run::Stores::open(&job.plan(), &lockgate::storage::silent()).unwrap();
        job.run_on(stores, workers).unwrap();
        job.table()
    };
    let one = bytes(1);
    assert_eq!(bytes(4), one);
    assert_eq!(bytes(2), one);
}

#[test]
fn rows_of_every_stage_are_accounted_for() {
    let job = Job::example("cloudtrail");
    job.run().unwrap();
    let commit = fs::read(job.path("state/commits/0000000000.json")).unwrap();
    let commit: Value = serde_json::from_slice(&commit).unwrap();
    let stages = commit["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 4);
    let mut before = commit["rows_read"].as_i64().unwrap();
    for stage in stages {
        let count = |key: &str| stage[key].as_i64().unwrap();
        assert_eq!(count("rows_in"), before);
        let left = count("rows_out") + count("filtered") + count("quarantined");
        assert_eq!(count("rows_in") + count("unnested"), left, "{stage}");
        before = count("rows_out");
    }
    assert_eq!(commit["rows_written"].as_i64().unwrap(), before);
}
