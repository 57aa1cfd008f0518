//! How fast rows become Parquet files, by compression.
//!
//! `cargo bench --package lockgate --bench writer`. The payments job is decoded and sent through
//! its stages once; what is measured is the rest of it on one thread: to cut rows by their
//! dates, to encode and compress some forty columns into one file a date, and to make the files
//! durable. Figures are bytes of the JSON that the rows came from a second.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

mod input;

use divan::{Bencher, counter::BytesCount};
use lockgate::{
    pipeline::plan::{Compression, PluginRef, StagePlan},
    run::cut_by_partition,
    sink::{
        parquet::{EncoderThreads, Provenance, TableWriter},
        partition::Partitioner,
        publish,
    },
    source::json::{JsonReader, units},
    stage::{Chain, Component, ConfiguredStage, Engine, Lineage, View, standard},
    storage,
    types::BatchId,
};
use std::sync::Arc;

fn main() {
    divan::main();
}

#[divan::bench]
fn snappy(bencher: Bencher<'_, '_>) {
    write(bencher, Compression::Snappy);
}

#[divan::bench]
fn zstd(bencher: Bencher<'_, '_>) {
    write(bencher, Compression::Zstd);
}

#[divan::bench]
fn uncompressed(bencher: Bencher<'_, '_>) {
    write(bencher, Compression::None);
}

/// Writes the rows of the payments job, over and over.
fn write(bencher: Bencher<'_, '_>, compression: Compression) {
    let mut job = input::payments();
    job.plan.sink.compression = compression;
    let engine = Engine::with_user_cache().unwrap();
    let stages: Vec<_> = job.plan.stages.iter().map(|stage| configured(&engine, stage)).collect();
    let mut reader =
        JsonReader::new(&job.plan.source, job.plan.source.schema.as_ref().unwrap()).unwrap();
    let mut chain = Chain::open(&stages, reader.schema()).unwrap();
    let partitioner = Partitioner::new(&job.plan.sink, chain.schema()).unwrap();
    let mut views: Vec<View> = Vec::new();
    for unit in units(&job.files) {
        let read = reader.read_unit(&job.storage, &job.files[unit], &mut |decoded| {
            views.push(chain.process(&decoded.batch, &Lineage::default())?.view);
            Ok(())
        });
        read.unwrap();
    }
    let sink = storage::open(&job.plan.sink.root).unwrap();
    let schema = partitioner.file_schema();
    let mut batches = 0;
    bencher.counter(BytesCount::new(job.bytes)).bench_local(|| {
        let batch = BatchId(batches);
        batches += 1;
        let (sink_plan, provenance) = (&job.plan.sink, Provenance::default());
        let (storage, schema) = (Arc::clone(&sink), Arc::clone(schema));
        let here = EncoderThreads::default();
        let table = TableWriter::new(storage, sink_plan, schema, batch, &provenance, &here);
        let mut table = table.unwrap();
        for view in &views {
            for (key, rows) in cut_by_partition(view, &partitioner, &mut Vec::new()).unwrap() {
                table.write(&key, rows).unwrap();
            }
        }
        assert!(table.finish().unwrap().len() > 1, "rows go to several files");
    });
    (0..batches).for_each(|batch| publish::discard(&sink, BatchId(batch)).unwrap());
}

fn configured(engine: &Engine, stage: &StagePlan) -> ConfiguredStage {
    let PluginRef::Standard(name) = &stage.plugin else { unreachable!("a standard plugin") };
    let component = Component::new(engine, name, standard::standard(name).unwrap()).unwrap();
    ConfiguredStage { plan: stage.clone(), component }
}
