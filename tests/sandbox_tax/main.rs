//! What the sandbox costs: one chain of stages, once as components and once with the same
//! plugins compiled into this process.
//!
//! Every decoded batch goes through both chains. They take turns at being first, because the
//! first one finds the batch less deep in the caches. `sandbox_tax PIPELINE` prints CPU seconds
//! of one thread, the medians of several rounds over the pipeline's input, as JSON.

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
        parquet::{Provenance, TableWriter},
        partition::Partitioner,
        publish,
    },
    source::{
        SourceBatch, discover,
        json::{JsonReader, units},
    },
    stage::{Chain, Component, ConfiguredStage, Engine, Lineage, standard},
    storage::{self, Storage},
    types::BatchId,
};
use lockgate_tests::native;
use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

const ROUNDS: usize = 5;

/// CPU time of one pass, by part.
#[derive(Clone, Copy, Default)]
struct Times {
    decode: Duration,
    sandboxed: Duration,
    native: Duration,
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
    let sandboxed = stages(plan, |stage| sandboxed(&engine, stage))?;
    let native = stages(plan, |stage| Ok(native::standard(name(stage))))?;
    let source = storage::open(&plan.source.root)?;
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let times = pass(plan, &source, [&sandboxed, &native])?;
        // The first round warms caches up.
        if round > 0 {
            rounds.push(times);
        }
    }
    let times = median(&rounds);
    let [decode, sandboxed, native, write] =
        [times.decode, times.sandboxed, times.native, times.write].map(|time| time.as_secs_f64());
    Ok(serde_json::json!({
        "rounds": ROUNDS,
        "decode_cpu_s": decode,
        "write_cpu_s": write,
        "stages_sandboxed_cpu_s": sandboxed,
        "stages_native_cpu_s": native,
        "sandbox_tax_of_stages": sandboxed / native - 1.0,
        "sandbox_tax_of_job": (sandboxed - native) / (decode + native + write),
    }))
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

/// Decodes the whole input, transforms it twice and writes it once, on this thread.
fn pass(plan: &Plan, source: &Storage, stages: [&[ConfiguredStage]; 2]) -> Result<Times> {
    let mut times = Times::default();
    let Some(schema) = &plan.source.schema else { return Ok(times) };
    let mut reader = JsonReader::new(&plan.source, schema)?;
    let mut sandboxed = Chain::open(stages[0], reader.schema())?;
    let mut native = Chain::open(stages[1], reader.schema())?;
    let partitioner = Partitioner::new(&plan.sink, native.schema())?;
    let sink = storage::open(&plan.sink.root)?;
    let files = discover::first(&plan.source, source)?;
    let batch = BatchId(0);
    publish::discard(&sink, batch)?;
    let schema = Arc::clone(partitioner.file_schema());
    let provenance = Provenance::default();
    let mut table = TableWriter::new(Arc::clone(&sink), &plan.sink, schema, batch, &provenance, 0)?;
    let mut before = thread_cpu();
    let mut sandbox_first = true;
    for unit in units(&files) {
        reader.read_unit(source, &files[unit], &mut |decoded: SourceBatch| {
            times.decode += lap(&mut before);
            let mut turns =
                [(&mut sandboxed, &mut times.sandboxed), (&mut native, &mut times.native)];
            if !sandbox_first {
                turns.reverse();
            }
            sandbox_first = !sandbox_first;
            let [(first, first_time), (second, second_time)] = turns;
            let output = first.process(&decoded.batch, &Lineage::default())?;
            *first_time += lap(&mut before);
            second.process(&decoded.batch, &Lineage::default())?;
            *second_time += lap(&mut before);
            for (key, rows) in cut_by_partition(&output.view, &partitioner)? {
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

fn median(times: &[Times]) -> Times {
    let part = |of: fn(&Times) -> Duration| {
        let mut sorted: Vec<_> = times.iter().map(of).collect();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    };
    Times {
        decode: part(|t| t.decode),
        sandboxed: part(|t| t.sandboxed),
        native: part(|t| t.native),
        write: part(|t| t.write),
    }
}
