//! `lockgate explain --measure`: what each stage costs on a sample of the pipeline's data, the
//! boundary of the sandbox and the plugin's own code apart.

use crate::{
    cli::table::{grouped, table},
    run::Measured,
    stage::StageCost,
    types::StageRows,
};
use serde_json::{Value, json};
use std::time::Duration;

const WORDS: &str = "\
kernel    the plugin's own code, inside the sandbox
boundary  columns copied in, the call, the answer copied out and checked
host      rows unnested, the columns that are read gathered, row decisions applied
";

/// The figures, as text for a person.
pub(super) fn text(measured: &Measured) -> String {
    let Measured { files, of, text_bytes, records, batches, passes, decode, split, stages } =
        measured;
    let megabytes = *text_bytes as f64 / 1e6;
    let header = format!(
        "sample: {} of {} files, {megabytes:.1} MB of text, {} records in {} batches; {passes} passes on one thread, \
         medians; nothing was written\n\n",
        grouped(*files as u64),
        grouped(*of as u64),
        grouped(*records),
        grouped(*batches),
    );
    let sum = stages.iter().map(|(_, cost)| cost.total()).sum();
    let mut lines = vec![
        [
            "stage",
            "rows",
            "calls",
            "bytes in",
            "bytes out",
            "kernel",
            "boundary",
            "host",
            "ns/row",
            "share",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    lines.extend(stages.iter().map(|(rows, cost)| line(rows, cost, sum)));
    let decoded = megabytes / decode.as_secs_f64().max(1e-9);
    format!(
        "{header}{}\n{WORDS}\nall stages {}, beside {} to read and decode ({decoded:.0} MB/s) and {} to split \
         rows by partition\n",
        table(&lines),
        millis(sum),
        millis(*decode),
        millis(*split),
    )
}

/// Rows that the stage had to do with, after its unnest.
fn widest(rows: &StageRows) -> u64 {
    rows.rows_in.max(rows.rows_in.saturating_add_signed(rows.unnested))
}

fn line(rows: &StageRows, cost: &StageCost, sum: Duration) -> Vec<String> {
    let count = widest(rows);
    let called = |text: String| if cost.calls == 0 { "-".to_owned() } else { text };
    let share = 100.0 * cost.total().as_secs_f64() / sum.as_secs_f64().max(1e-9);
    vec![
        rows.stage.clone(),
        grouped(count),
        grouped(cost.calls),
        called(grouped(cost.bytes_in)),
        called(grouped(cost.bytes_out)),
        called(millis(cost.kernel)),
        called(millis(cost.boundary)),
        millis(cost.host),
        format!("{:.1}", nanos_per_row(cost.total(), count)),
        format!("{share:.0} %"),
    ]
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn nanos_per_row(time: Duration, rows: u64) -> f64 {
    time.as_nanos() as f64 / rows.max(1) as f64
}

/// The same as JSON; times in nanoseconds.
pub(super) fn json(measured: &Measured) -> Value {
    let stage = |(rows, cost): &(StageRows, StageCost)| {
        json!({
            "stage": rows.stage,
            "rows": widest(rows),
            "calls": cost.calls,
            "bytes_in": cost.bytes_in,
            "bytes_out": cost.bytes_out,
            "kernel_ns": cost.kernel.as_nanos() as u64,
            "boundary_ns": cost.boundary.as_nanos() as u64,
            "host_ns": cost.host.as_nanos() as u64,
        })
    };
    json!({
        "files": measured.files,
        "text_bytes": measured.text_bytes,
        "records": measured.records,
        "batches": measured.batches,
        "passes": measured.passes,
        "decode_ns": measured.decode.as_nanos() as u64,
        "split_ns": measured.split.as_nanos() as u64,
        "stages": measured.stages.iter().map(stage).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        let millis = Duration::from_millis;
        let unnested = StageRows {
            stage: "explode".into(),
            rows_in: 2,
            unnested: 9_998,
            rows_out: 10_000,
            ..StageRows::default()
        };
        let filtered = StageRows {
            stage: "filter".into(),
            rows_in: 10_000,
            rows_out: 9_000,
            ..StageRows::default()
        };
        let host = StageCost { host: millis(1), ..StageCost::default() };
        let mut called = StageCost { calls: 2, bytes_in: 81_250, bytes_out: 1_250, ..host };
        (called.kernel, called.boundary) = (millis(5), millis(2));
        Measured {
            files: 1,
            of: 3,
            text_bytes: 20_000_000,
            records: 2,
            batches: 2,
            passes: 7,
            decode: millis(20),
            split: millis(4),
            stages: vec![(unnested, host), (filtered, called)],
        }
    }

    #[test]
    fn every_stage_has_a_line_and_what_is_not_called_has_no_boundary() {
        let text = text(&measured());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("sample: 1 of 3 files, 20.0 MB of text, 2 records"), "{text}");
        assert_eq!(
            lines[3..5],
            [
                "explode  10,000      0         -          -        -         -  1.00 ms   100.0   11 %",
                "filter   10,000      2    81,250      1,250  5.00 ms   2.00 ms  1.00 ms   800.0   89 %",
            ],
            "{text}"
        );
        let last = "all stages 9.00 ms, beside 20.00 ms to read and decode (1000 MB/s)";
        assert!(lines.last().unwrap().starts_with(last), "{text}");
    }

    #[test]
    fn as_json_times_are_nanoseconds() {
        let json = json(&measured());
        let stage = &json["stages"][1];
        assert_eq!(
            (&stage["kernel_ns"], &stage["boundary_ns"]),
            (&json!(5_000_000), &json!(2_000_000))
        );
        assert_eq!((&json["stages"][0]["rows"], &json["records"]), (&json!(10_000), &json!(2)));
    }
}
