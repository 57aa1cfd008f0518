//! `lockgate explain`: what a pipeline will do, and what crosses the sandbox boundary.
//!
//! ```text
//! timestamp-parse
//!   in   record.date_payment (full)
//!   out  timestamp
//! flatten
//!   not called: its plan says it once, by reference
//! filter
//!   in   amount (full, 8 bytes a row)
//!        timestamp (validity, 0.125 bytes a row)
//!   out  decisions about rows
//! ```

mod cost;

use super::{Failures, load, terminal::Terminal};
use crate::{
    pipeline::plan::{PartitionValue, Plan, Trigger},
    pipeline::quantity::{ByteSize, TimeSpan},
    run::{self, Checked},
    stage::{Crossing, Engine, StageSummary},
};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `lockgate explain`.
#[derive(Clone, Debug, Args)]
pub(super) struct ExplainArgs {
    /// The pipeline file
    pipeline: PathBuf,
    /// Run the stages on a sample of the pipeline's own data, and show what each costs: the
    /// boundary of the sandbox and the plugin's own code apart. Writes nothing
    #[arg(long)]
    measure: bool,
    /// Text to sample, from the first files of the source
    #[arg(long, value_name = "SIZE", default_value = "32 MiB", requires = "measure")]
    sample: ByteSize,
    /// Print what was measured as one JSON object
    #[arg(long, requires = "measure")]
    json: bool,
}

/// Runs `lockgate explain`.
///
/// # Errors
/// Everything that is wrong with the pipeline file, or the first stage that refuses.
pub(super) fn run(args: &ExplainArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    if args.measure {
        let engine = Engine::with_user_cache()?;
        let measured = run::measure(&plan, &engine, &terminal.notices(), args.sample.0)?;
        let shown = if args.json {
            format!("{:#}\n", terminal.shown_json(cost::json(&measured)))
        } else {
            cost::text(&measured)
        };
        return Ok(terminal.data(&shown)?);
    }
    let checked = run::check(&plan, &Engine::with_user_cache()?, &terminal.notices())?;
    let mut lines = source(&plan, &checked);
    for (summary, stage) in checked.stages.iter().zip(&plan.stages) {
        lines.push(summary.name.clone());
        lines.extend(crossing(summary));
        if summary.is_called {
            let limits = &stage.limits;
            lines.push(format!(
                "  at most {} of memory, {} a call, {} back",
                ByteSize(limits.memory_bytes),
                TimeSpan(limits.time_per_batch),
                ByteSize(limits.output_bytes)
            ));
        }
    }
    lines.extend(sink(&plan, &checked));
    Ok(terminal.data(&(lines.join("\n") + "\n"))?)
}

fn source(plan: &Plan, checked: &Checked) -> Vec<String> {
    let source = &plan.source;
    let when = match plan.trigger {
        Trigger::Once => "one micro-batch, then stop".to_owned(),
        Trigger::AvailableNow => "micro-batches until nothing is left, then stop".to_owned(),
        Trigger::Interval(interval) => format!("a micro-batch every {}", TimeSpan(interval)),
        Trigger::OnArrival(poll) => format!(
            "a micro-batch as soon as a file arrives (listed every {} where nothing tells)",
            TimeSpan(poll)
        ),
    };
    let limits = [
        source.max_files_per_trigger.map(|files| format!("{files} files")),
        source.max_bytes_per_trigger.map(|bytes| ByteSize(bytes).to_string()),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    let schema = if checked.inferred { "inferred" } else { "declared" };
    vec![
        format!("{}: {when}", plan.name),
        "source".to_owned(),
        format!("  {}/{}", source.root.trim_end_matches('/'), source.pattern),
        format!("  at most {} in a micro-batch", limits.join(", ")),
        format!("  {}, {schema}", columns(checked.source.fields().len())),
    ]
}

/// What goes into the sandbox and what comes back.
fn crossing(stage: &StageSummary) -> Vec<String> {
    if !stage.is_called {
        return vec!["  not called: its plan says it once, by reference".to_owned()];
    }
    let label = |index: usize, label: &str| {
        if index == 0 { format!("  {label:<4} ") } else { " ".repeat(7) }
    };
    let mut lines: Vec<String> = stage
        .reads
        .iter()
        .enumerate()
        .map(|(index, read)| format!("{}{}", label(index, "in"), read_text(read)))
        .collect();
    if stage.reads.is_empty() {
        lines.push("  in   the number of rows".to_owned());
    }
    let out = if stage.computed.is_empty() {
        "decisions about rows".to_owned()
    } else {
        stage.computed.join(", ")
    };
    lines.push(format!("  out  {out}"));
    lines
}

fn read_text(read: &Crossing) -> String {
    match read.bytes_per_row {
        Some(bytes) => format!("{} ({}, {bytes} bytes a row)", read.path, read.part),
        None => format!("{} ({}, as long as its values)", read.path, read.part),
    }
}

fn sink(plan: &Plan, checked: &Checked) -> Vec<String> {
    let mut lines = vec!["sink".to_owned(), format!("  {}", plan.sink.root)];
    let directories = plan.sink.partition_by.iter().map(|column| match &column.value {
        PartitionValue::Column => format!("{}=...", column.name),
        PartitionValue::Derived(function, of) => {
            format!("{}={}({of})", column.name, format!("{function:?}").to_lowercase())
        }
    });
    let directories: Vec<String> = directories.collect();
    if !directories.is_empty() {
        lines.push(format!("  directories {}", directories.join("/")));
    }
    let compression = format!("{:?}", plan.sink.compression).to_lowercase();
    lines.push(format!("  {}, compression {compression}", columns(checked.files.fields().len())));
    if !checked.stages.is_empty() {
        lines.push(
            "  values stay where they were decoded; stages pass references, the sink reads what is left"
                .to_owned(),
        );
    }
    lines
}

fn columns(count: usize) -> String {
    if count == 1 { "1 column".to_owned() } else { format!("{count} columns") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::Schema;
    use std::sync::Arc;

    fn stage(reads: Vec<Crossing>, computed: &[&str], is_called: bool) -> StageSummary {
        StageSummary {
            name: "s".into(),
            digest: String::new(),
            reads,
            computed: computed.iter().map(|&name| name.to_owned()).collect(),
            is_called,
            schema: Arc::new(Schema::empty()),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn what_crosses_the_boundary_is_listed_with_its_size() {
        let read =
            |path: &str, part, bytes_per_row| Crossing { path: path.into(), part, bytes_per_row };
        let reads = vec![read("amount", "full", Some(8.0)), read("at", "validity", Some(0.125))];
        assert_eq!(
            crossing(&stage(reads, &[], true)),
            [
                "  in   amount (full, 8 bytes a row)",
                "       at (validity, 0.125 bytes a row)",
                "  out  decisions about rows"
            ]
        );
        let reads = vec![read("text", "full", None)];
        assert_eq!(
            crossing(&stage(reads, &["timestamp"], true)),
            ["  in   text (full, as long as its values)", "  out  timestamp"]
        );
        assert_eq!(
            crossing(&stage(Vec::new(), &[], false)),
            ["  not called: its plan says it once, by reference"]
        );
    }
}
