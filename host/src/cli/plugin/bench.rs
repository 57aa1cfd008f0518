//! `lockgate plugin bench`: what a call of a plugin costs, for batches of several sizes, the
//! boundary of the sandbox and the plugin's own code apart.

use super::{cases, made, rows};
use crate::{
    cli::table::{grouped, table},
    diagnostic::{Diagnostic, Result},
    source::schema::parse_schema,
    stage::{Chain, Component, Lineage, StageCost},
};
use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::take::take_record_batch;
use clap::Args;
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Time a size is measured for, and least and most batches of it.
const ENOUGH: Duration = Duration::from_millis(300);
const LEAST_BATCHES: usize = 5;
const MOST_BATCHES: usize = 2_000;
/// Batches of a size before it is measured: the guest's memory grows, caches fill.
const WARM_UP: usize = 3;

const AFTER_HELP: &str = "\
Where rows come from, first that applies:
  --case FILE             config, schema and rows of a case file
  --config with --schema  rows of --input FILE, else rows made up for the schema
  neither                 the first case beside the plugin that has rows

Examples:
  lockgate plugin bench my-filter/
  lockgate plugin bench filter --config '{\"where\": \"amount > 0\"}' --schema '{\"amount\": \"double\"}'";

/// Arguments of `lockgate plugin bench`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct BenchArgs {
    /// Directory of a crate, which is built first, path of a `.wasm` file, or name of a
    /// standard plugin
    #[arg(default_value = ".")]
    pub(super) plugin: String,
    /// Take config, schema and rows from this case file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "schema", "input"])]
    case: Option<PathBuf>,
    /// The stage's config
    #[arg(long, value_name = "JSON", requires = "schema")]
    config: Option<String>,
    /// The input's columns and their types, as in a pipeline file
    #[arg(long, value_name = "JSON", requires = "config")]
    schema: Option<String>,
    /// Take rows from this file: one JSON object per line
    #[arg(long, value_name = "FILE", requires = "schema")]
    input: Option<PathBuf>,
    /// Rows per batch
    #[arg(long, value_name = "N,...", value_delimiter = ',',
          default_values_t = [1, 100, 1_000, 8_192, 65_536],
          value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    rows: Vec<u32>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// What is fed to the plugin.
struct Feed {
    config: Value,
    schema: SchemaRef,
    rows: RecordBatch,
    /// Whether the rows are made up.
    made: bool,
}

/// One size of batch.
#[derive(Clone, Debug)]
struct Size {
    rows: u64,
    batches: usize,
    /// The medians of one batch.
    cost: StageCost,
    rejected: usize,
    memory_bytes: usize,
}

/// Measures a plugin; `cases` is where its case files would be.
///
/// # Errors
/// Fails when there is no config or no row, and when the plugin refuses.
pub(super) fn bench(
    component: &Component,
    args: &BenchArgs,
    beside: Option<&Path>,
) -> Result<String> {
    let feed = feed(args, beside)?;
    let stage = cases::stage(component, &feed.config);
    let mut chain = Chain::open(&[stage], &feed.schema)?;
    if chain.summaries().iter().all(|summary| !summary.is_called) {
        let said = json!({ "plugin": component.name(), "is_called": false });
        return Ok(if args.json {
            format!("{said:#}\n")
        } else {
            "the plugin is never called with this config: its plan says everything by reference\n"
                .to_owned()
        });
    }
    chain.measure();
    let sizes = args.rows.iter().map(|rows| size(&mut chain, &feed.rows, *rows));
    let sizes = sizes.collect::<Result<Vec<_>>>()?;
    Ok(if args.json { json_text(component, &feed, &sizes) } else { text(&feed, &sizes) })
}

fn feed(args: &BenchArgs, beside: Option<&Path>) -> Result<Feed> {
    let (config, schema, rows) = match (&args.case, &args.config, &args.schema) {
        (Some(case), ..) => from_case(cases::read(case)?)?,
        (None, Some(config), Some(schema)) => {
            let rows = args.input.as_deref().map(lines).transpose()?;
            (parse("--config", config)?, parse_schema(&parse("--schema", schema)?)?, rows)
        }
        _ => from_case(first_case(beside)?)?,
    };
    let made = rows.is_none();
    let values = rows.unwrap_or_else(|| made::rows(&schema));
    let rows = rows::decode(&schema, &values)?;
    if rows.num_rows() == 0 {
        return Err(Diagnostic::config("there are no rows to measure the plugin on")
            .hint("leave `--input` out, and rows are made up for the schema"));
    }
    Ok(Feed { config, schema, rows, made })
}

type Parts = (Value, SchemaRef, Option<Vec<Value>>);

fn from_case(case: cases::Case) -> Result<Parts> {
    let schema = parse_schema(&Value::Object(case.schema))?;
    Ok((case.config, schema, Some(case.input).filter(|rows| !rows.is_empty())))
}

/// The first case, by name, that is no refusal and has rows.
fn first_case(beside: Option<&Path>) -> Result<cases::Case> {
    let hint = "give `--config` and `--schema`, or a case file with `--case`";
    let no_case = || Diagnostic::config("there is nothing to measure the plugin on").hint(hint);
    let files = cases::files(beside.ok_or_else(no_case)?).map_err(|error| error.hint(hint))?;
    let mut cases = files.iter().filter_map(|file| cases::read(file).ok());
    cases.find(|case| case.error.is_none() && !case.input.is_empty()).ok_or_else(no_case)
}

fn parse(what: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Diagnostic::config(format!("`{what}` is not JSON")).cause(error))
}

/// The rows of a file with one JSON object per line.
fn lines(file: &Path) -> Result<Vec<Value>> {
    let failed = |error: &dyn std::fmt::Display, line: Option<usize>| {
        let at = line.map_or_else(String::new, |line| format!(" at line {}", line + 1));
        Diagnostic::config(format!("cannot read rows from `{}`{at}", file.display())).cause(error)
    };
    let text = fs::read_to_string(file).map_err(|error| failed(&error, None))?;
    let full = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    full.map(|(at, line)| serde_json::from_str(line).map_err(|error| failed(&error, Some(at))))
        .collect()
}

/// Measures batches of this many rows, which repeat those there are.
fn size(chain: &mut Chain, rows: &RecordBatch, count: u32) -> Result<Size> {
    let known = rows.num_rows() as u32;
    let picked = UInt32Array::from_iter_values((0..count).map(|row| row % known));
    let batch = take_record_batch(rows, &picked).map_err(|error| {
        Diagnostic::config(format!("{count} rows do not fit a batch")).cause(error)
    })?;
    let mut costs = Vec::new();
    let mut rejected = 0;
    let start = Instant::now();
    for round in 0..WARM_UP + MOST_BATCHES {
        let output = chain.process(&batch, &Lineage::default())?;
        rejected = output.rejected.len();
        let cost = chain.take_costs();
        if round >= WARM_UP {
            costs.extend(cost);
        }
        if costs.len() >= LEAST_BATCHES && start.elapsed() >= ENOUGH {
            break;
        }
    }
    let cost = StageCost::median(&costs);
    let memory_bytes = chain.memory_bytes();
    Ok(Size { rows: count.into(), batches: costs.len(), cost, rejected, memory_bytes })
}

impl Size {
    fn nanos_per_row(&self, time: Duration) -> f64 {
        time.as_nanos() as f64 / self.cost.rows.max(1) as f64
    }

    /// Megabytes of input per second of kernel and boundary.
    fn megabytes_per_second(&self) -> f64 {
        let seconds = (self.cost.kernel + self.cost.boundary).as_secs_f64();
        self.cost.bytes_in as f64 / 1e6 / seconds.max(1e-9)
    }
}

fn text(feed: &Feed, sizes: &[Size]) -> String {
    let head = [
        "rows",
        "batches",
        "kernel ns/row",
        "boundary ns/row",
        "MB/s in",
        "B/row in",
        "B/row out",
        "memory",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(sizes.iter().map(|size| {
        let per_row = |bytes: u64| format!("{:.1}", bytes as f64 / size.cost.rows.max(1) as f64);
        vec![
            grouped(size.rows),
            grouped(size.batches as u64),
            format!("{:.1}", size.nanos_per_row(size.cost.kernel)),
            format!("{:.1}", size.nanos_per_row(size.cost.boundary)),
            format!("{:.0}", size.megabytes_per_second()),
            per_row(size.cost.bytes_in),
            per_row(size.cost.bytes_out),
            format!("{:.1} MiB", size.memory_bytes as f64 / f64::from(1 << 20)),
        ]
    }));
    let mut text = table(&lines);
    for note in notes(feed, sizes) {
        let _ = write!(text, "\n{note}");
    }
    text.push('\n');
    text
}

/// What the figures say.
fn notes(feed: &Feed, sizes: &[Size]) -> Vec<String> {
    let mut notes = vec![
        "kernel: the plugin's own code; boundary: columns in, the call, the answer out and checked"
            .to_owned(),
    ];
    if feed.made {
        notes.push("the rows are made up for the schema; `--input FILE` takes yours".to_owned());
    }
    let by_rows = |size: &&Size| size.rows;
    if let (Some(small), Some(large)) =
        (sizes.iter().min_by_key(by_rows), sizes.iter().max_by_key(by_rows))
    {
        notes.extend(share_of_boundary(small, large));
        if large.rejected > 0 {
            let percent = 100.0 * large.rejected as f64 / large.rows as f64;
            notes.push(format!(
                "{percent:.0} % of the rows are rejected: that way is measured, too"
            ));
        }
    }
    notes
}

/// From which size on the boundary no longer decides, taken from the smallest and the largest.
fn share_of_boundary(small: &Size, large: &Size) -> Option<String> {
    if small.rows == large.rows {
        return None;
    }
    let fixed = small.cost.boundary.as_secs_f64() * 1e9;
    let kernel = large.nanos_per_row(large.cost.kernel).max(0.01);
    let rows = (fixed / kernel).ceil() as u64;
    Some(format!(
        "a call costs {:.1} µs before its first row: batches under {} rows are dominated by the boundary",
        fixed / 1e3,
        grouped(rows.max(1)),
    ))
}

fn json_text(component: &Component, feed: &Feed, sizes: &[Size]) -> String {
    let size = |size: &Size| {
        json!({
            "rows": size.rows,
            "batches": size.batches,
            "kernel_ns": size.cost.kernel.as_nanos() as u64,
            "boundary_ns": size.cost.boundary.as_nanos() as u64,
            "host_ns": size.cost.host.as_nanos() as u64,
            "bytes_in": size.cost.bytes_in,
            "bytes_out": size.cost.bytes_out,
            "rejected": size.rejected,
            "memory_bytes": size.memory_bytes,
        })
    };
    let report = json!({
        "plugin": component.name(),
        "digest": component.digest(),
        "is_called": true,
        "made_up": feed.made,
        "sizes": sizes.iter().map(size).collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}
