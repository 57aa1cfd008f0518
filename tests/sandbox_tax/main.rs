//! What the sandbox costs: one chain of stages, once as components and once with the same
//! plugins compiled into this process.
//!
//! | measured | how | caches |
//! |---|---|---|
//! | alone | decoded batches go through one chain, then through the other | as the chain leaves them |
//! | in the job | the whole job with one chain, then with the other | as decoding and writing leave them |
//!
//! The chains take turns at being first. `sandbox_tax PIPELINE` prints CPU seconds of one
//! thread, the medians of several rounds over the pipeline's input, as JSON.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints figures")]

use lockgate::{
    clock::thread_cpu,
    diagnostic::Result,
    pipeline::{
        self,
        plan::{Plan, PluginRef, StagePlan},
    },
    run::cut_by_partition,
    sink::{
        parquet::{EncoderThreads, Provenance, TableWriter},
        partition::Partitioner,
        publish,
    },
    source::{
        SourceBatch, discover,
        json::{JsonReader, units},
    },
    stage::{Chain, Component, ConfiguredStage, Engine, Lineage, standard},
    storage,
    types::BatchId,
};
use lockgate_tests::native;
use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

/// Rounds of the whole job with each chain.
const JOBS: usize = 5;
/// Rounds of each chain alone, and the files whose batches go through it.
const ROUNDS: usize = 301;
const FILES: usize = 40;

/// CPU time of one job, by part.
#[derive(Clone, Copy, Default)]
struct Times {
    decode: Duration,
    stages: Duration,
    write: Duration,
}

fn main() -> ExitCode {
    let Some(pipeline) = std::env::args().nth(1) else {
        eprintln!("usage: sandbox_tax PIPELINE");
        return ExitCode::from(2);
    };
    let plan = match pipeline::load(Path::new(&pipeline)) {
        Ok(plan) => plan,
        Err(failures) => {
            for failure in failures {
                eprintln!("error: {failure}");
            }
            return ExitCode::from(2);
        }
    };
    match measure(&plan) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

fn measure(plan: &Plan) -> Result<serde_json::Value> {
    let engine = Engine::with_user_cache()?;
    let chains = [
        stages(plan, |stage| sandboxed(&engine, stage))?,
        stages(plan, |stage| Ok(native::standard(name(stage))))?,
    ];
    let alone = alone(plan, [&chains[0], &chains[1]])?;
    let mut jobs = [Vec::new(), Vec::new()];
    // The first round warms caches up.
    for round in 0..=JOBS {
        for which in turns(round) {
            let times = job(plan, &chains[which])?;
            if round > 0 {
                jobs[which].push(times);
            }
        }
    }
    let part =
        |which: usize, of: fn(&Times) -> Duration| median(jobs[which].iter().map(of).collect());
    let in_job = [part(0, |t| t.stages), part(1, |t| t.stages)];
    let job = part(1, |t| t.decode + t.stages + t.write);
    Ok(serde_json::json!({
        "alone": tax(alone),
        "in_job": tax(in_job),
        "job": {
            "decode_cpu_s": part(1, |t| t.decode),
            "write_cpu_s": part(1, |t| t.write),
            "tax": (in_job[0] - in_job[1]) / job,
        },
    }))
}

/// The CPU seconds of both chains, and what the sandbox adds to the native one's.
fn tax([sandboxed, native]: [f64; 2]) -> serde_json::Value {
    serde_json::json!({
        "sandboxed_cpu_s": sandboxed,
        "native_cpu_s": native,
        "tax": sandboxed / native - 1.0,
    })
}

/// The chains' numbers, in the order of this round.
fn turns(round: usize) -> [usize; 2] {
    if round.is_multiple_of(2) { [0, 1] } else { [1, 0] }
}

/// CPU seconds of each chain over the batches of a few files, decoded beforehand.
fn alone(plan: &Plan, stages: [&[ConfiguredStage]; 2]) -> Result<[f64; 2]> {
    let Some(schema) = &plan.source.schema else { return Ok([0.0; 2]) };
    let source = storage::open(&plan.source.root)?;
    let mut reader = JsonReader::new(&plan.source, schema)?;
    let files = discover::first(&plan.source, &source)?;
    let mut batches = Vec::new();
    for unit in units(&files).into_iter().take(FILES) {
        reader.read_unit(&source, &files[unit], &mut |decoded: SourceBatch| {
            batches.push(decoded.batch);
            Ok(())
        })?;
    }
    let open = |stages| Chain::open(stages, reader.schema());
    let mut chains = [open(stages[0])?, open(stages[1])?];
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for which in turns(round) {
            let before = thread_cpu();
            for batch in &batches {
                chains[which].process(batch, &Lineage::default())?;
            }
            if round > 0 {
                times[which].push(thread_cpu().saturating_sub(before));
            }
        }
    }
    Ok(times.map(median))
}

fn stages(
    plan: &Plan,
    load: impl Fn(&StagePlan) -> Result<Component>,
) -> Result<Vec<ConfiguredStage>> {
    let load =
        |stage: &StagePlan| Ok(ConfiguredStage { plan: stage.clone(), component: load(stage)? });
    plan.stages.iter().map(load).collect()
}

fn name(stage: &StagePlan) -> &str {
    match &stage.plugin {
        PluginRef::Standard(name) => name,
        PluginRef::File(_) => "",
    }
}

fn sandboxed(engine: &Engine, stage: &StagePlan) -> Result<Component> {
    Component::new(engine, name(stage), standard::standard(name(stage)).unwrap_or_default())
}

/// Decodes the whole input, transforms and writes it, on this thread.
fn job(plan: &Plan, stages: &[ConfiguredStage]) -> Result<Times> {
    let mut times = Times::default();
    let Some(schema) = &plan.source.schema else { return Ok(times) };
    let source = storage::open(&plan.source.root)?;
    let mut reader = JsonReader::new(&plan.source, schema)?;
    let mut chain = Chain::open(stages, reader.schema())?;
    let partitioner = Partitioner::new(&plan.sink, chain.schema())?;
    let sink = storage::open(&plan.sink.root)?;
    let files = discover::first(&plan.source, &source)?;
    let batch = BatchId(0);
    publish::discard(&sink, batch)?;
    let schema = Arc::clone(partitioner.file_schema());
    let provenance = Provenance::default();
    let encoders = EncoderThreads::default();
    let sink_plan = &plan.sink;
    let mut table =
        TableWriter::new(Arc::clone(&sink), sink_plan, schema, batch, &provenance, &encoders)?;
    let mut before = thread_cpu();
    for unit in units(&files) {
        reader.read_unit(&source, &files[unit], &mut |decoded: SourceBatch| {
            times.decode += lap(&mut before);
            let mut output = chain.process(&decoded.batch, &Lineage::default())?;
            times.stages += lap(&mut before);
            for (key, rows) in cut_by_partition(&output.view, &partitioner, &mut output.rejected)? {
                table.write(&key, rows)?;
            }
            times.write += lap(&mut before);
            Ok(())
        })?;
    }
    times.decode += lap(&mut before);
    table.finish()?;
    times.write += lap(&mut before);
    publish::discard(&sink, batch)?;
    Ok(times)
}

fn lap(before: &mut Duration) -> Duration {
    let now = thread_cpu();
    now.saturating_sub(std::mem::replace(before, now))
}

/// In seconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64()
}
