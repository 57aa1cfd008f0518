//! Rows whose partition file systems have no directory name for.

use super::{PIPELINE, codes, ids, put_back, repaired};
use lockgate_tests::Job;
use serde_json::json;

/// Rows go to the directory of a text that is in the input.
fn by_text() -> Job {
    let job = Job::new(PIPELINE);
    job.edit("partition_by = [\"date\"]", "partition_by = [\"on\"]");
    job.edit("[sink.derive]\ndate = \"date(at)\"\n", "");
    job.edit("on_error = \"quarantine\"", "on_error = \"null\"");
    job
}

#[test]
fn go_to_the_quarantine_alone_and_come_back_once_repaired() {
    let job = by_text();
    let [fits, does_not] = [252, 253].map(|length| "x".repeat(length));
    job.write(
        "input/a.json",
        format!(
            r#"{{"who":"a","paid":[{{"id":1,"on":"y"}},{{"id":2,"on":"{does_not}"}},{{"id":3,"on":"{fits}"}}]}}"#
        ),
    );
    job.run().unwrap();
    assert_eq!((ids(&job), codes(&job)), (vec![1, 3], vec!["partition-too-long".into()]));
    let entry = &job.quarantine()[0];
    assert_eq!((&entry["stage"], &entry["element"]), (&"sink".into(), &1.into()));
    let message = entry["message"].as_str().unwrap();
    assert!(message.starts_with("the row's partition `on=xxx"), "{message}");
    assert!(message.ends_with("directory name of 256 bytes; file systems take 255"), "{message}");

    let record = entry["record"].as_str().unwrap().replace(&does_not, "z");
    let wanted = repaired(&job, &[json!({ "batch": 0, "line": 1, "record": record })]);
    for _ in 0..2 {
        put_back(&job, &wanted);
        assert_eq!(ids(&job), [1, 2, 3]);
    }
}

#[test]
fn leave_a_micro_batch_without_files_when_there_are_no_others() {
    let job = by_text();
    let text = "/".repeat(100);
    job.write("input/a.json", format!(r#"{{"who":"a","paid":[{{"id":1,"on":"{text}"}}]}}"#));
    job.run().unwrap();
    assert_eq!((ids(&job), codes(&job)), (vec![], vec!["partition-too-long".into()]));
}

#[test]
fn come_in_the_order_of_the_file_whatever_partitions_they_are_of() {
    let job = by_text();
    let text = |n: usize| format!("{n}{}", "x".repeat(300));
    let element = |n: usize| format!(r#"{{"id":{n},"on":"{}"}}"#, text(n % 3));
    let record = |first: usize| {
        let elements: Vec<_> = (first..first + 6).map(element).collect();
        format!("{{\"who\":\"a\",\"paid\":[{}]}}\n", elements.join(","))
    };
    job.write("input/a.json", record(0) + &record(6));
    job.run().unwrap();
    let quarantine = job.quarantine();
    let found: Vec<_> = quarantine.iter().map(|line| line["element"].as_u64().unwrap()).collect();
    assert_eq!(found, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
}
