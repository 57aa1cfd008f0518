//! Records that end too early: with their line, which stands for itself, or with their file,
//! which may go on there one day.

use super::{codes, everything, ids, put_back};
use lockgate::run::Obstacle;
use lockgate_tests::Job;
use std::fs;

const PIPELINE: &str = "[source]\npath = \"input/*\"\nschema = { id = \"bigint\" }\n\
     [checkpoint]\npath = \"state\"\n[sink]\npath = \"table\"\n[quarantine]\nmax_rate = 1.0\n";

/// The third of five lines has no end.
const LINES: &str = "{\"id\":1}\n{\"id\":2}\n{\"id\":3\n{\"id\":4}\n{\"id\":5}\n";

/// A job that read this file.
fn read(text: &str) -> Job {
    let job = Job::new(PIPELINE);
    job.write("input/a.json", text);
    job.run().unwrap();
    job
}

#[test]
fn a_line_without_an_end_does_not_stand_for_the_lines_after_it() {
    let job = read(LINES);
    assert_eq!((ids(&job), codes(&job)), (vec![1, 2, 4, 5], vec!["malformed-json".into()]));
    for _ in 0..3 {
        assert_eq!(put_back(&job, &everything()).tally.records(), 1);
        assert_eq!(ids(&job), [1, 2, 4, 5]);
    }
    assert_eq!(codes(&job), ["malformed-json"; 4], "the text alone is no cut file either");
    assert_eq!(job.quarantine()[3]["offset_bytes"], 18, "it keeps its place");
    // Nor does it where the file changed.
    job.write("input/a.json", LINES.replace("3\n", "3}\n"));
    put_back(&job, &everything());
    assert_eq!(ids(&job), [1, 2, 4, 5]);
}

#[test]
fn a_line_that_a_quarantine_has_under_the_code_of_a_cut_file_is_a_line() {
    for changed in [false, true] {
        let job = read(LINES);
        let quarantine = job.path("table/_lockgate/quarantine/0000000000.jsonl");
        let text = fs::read_to_string(&quarantine).unwrap();
        fs::write(&quarantine, text.replace("malformed-json", "truncated-json")).unwrap();
        assert_eq!(codes(&job), ["truncated-json"]);
        if changed {
            job.write("input/a.json", LINES.replace("3\n", "3}\n"));
        }
        for _ in 0..2 {
            put_back(&job, &everything());
            assert_eq!(ids(&job), [1, 2, 4, 5]);
        }
    }
}

#[test]
fn a_file_that_still_ends_within_a_record_stays_until_it_changes() {
    for (text, rest) in [
        // White space after the record, a record of which less is kept than there is, and one
        // of which the text that is kept is longer than the bytes were.
        ("{\"id\":1\n".to_owned(), "}\n"),
        ("[{\"id\":0},\n {\"id\":1\n\n".to_owned(), "}]"),
        (format!("{{\"id\":1,\"x\":\"{}", "x".repeat(2 << 20)), "\"}"),
    ] {
        let job = read(&text);
        let before = ids(&job);
        assert_eq!(codes(&job), ["truncated-json"]);
        for _ in 0..2 {
            let done = put_back(&job, &everything());
            let stay: Vec<_> = done.tally.stay.keys().copied().collect();
            assert_eq!((done.batches.len(), stay), (0, vec![Obstacle::File]), "{done:?}");
        }
        job.write("input/a.json", text + rest);
        for _ in 0..2 {
            put_back(&job, &everything());
            assert_eq!(ids(&job), [&before[..], &[1]].concat());
        }
    }
}

#[test]
fn a_file_that_grew_and_ends_within_the_record_again_stays_until_it_changes_once_more() {
    let job = read("{\"id\":0}\n{\"id\":");
    let texts = ["{\"id\":0}\n{\"id\":1", "{\"id\":0}\n{\"id\":1}\n{\"id\":2}"];
    job.write("input/a.json", texts[0]);
    assert_eq!(put_back(&job, &everything()).rejected_again, 1);
    let done = put_back(&job, &everything());
    assert!(done.batches.is_empty() && done.tally.stay.contains_key(&Obstacle::File), "{done:?}");
    job.write("input/a.json", texts[1]);
    put_back(&job, &everything());
    assert_eq!(ids(&job), [0, 1, 2]);
}

/// What is not UTF-8 is kept with replacements, which are longer.
#[test]
fn a_cut_record_that_is_not_utf_8_is_read_on_where_its_file_grew_by_little() {
    let start = [&b"{\"x\":\"\xff\xff\xff\xff\",\"id\":"[..]].concat();
    let job = Job::new(PIPELINE);
    job.write("input/a.json", &start);
    job.run().unwrap();
    job.write("input/a.json", [&start[..], b"1}"].concat());
    assert_eq!(put_back(&job, &everything()).tally.records(), 1);
}
