//! The example pipelines on real stores: wherever source, table and checkpoint lie, the table is
//! byte for byte the one on local directories.
//!
//! `cargo xtask test --stores` starts the stores; a test whose store is not there says so and
//! passes.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use lockgate::storage::{Storage, StorageOptions, open_with, silent};
use lockgate_tests::{
    Job, Table, files_below,
    place::{self, Place},
};
use std::fs;

fn open(place: &Place) -> Storage {
    let (endpoint, anonymous) = (place.endpoint.clone(), place.anonymous);
    let options = StorageOptions { endpoint, anonymous, ..StorageOptions::default() };
    open_with(&place.url, &options, &silent()).unwrap()
}

/// A new place in a store; `local` is a directory of the job's own.
fn place_in(scheme: &str, job: &Job) -> Option<Place> {
    match scheme {
        "local" => Some(place::directory(job.path("elsewhere").to_str().unwrap())),
        scheme => place::real(scheme),
    }
}

/// An example in several micro-batches, on local directories.
fn example(name: &str) -> Job {
    let job = Job::example(name);
    job.edit("max_files_per_trigger = 100", "max_files_per_trigger = 2");
    // Files of one second come in the order of their names, as they do where they were uploaded.
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    for path in files_below(&job.path("input")) {
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    job
}

/// Runs an example with these stores as source, sink and checkpoint, and compares.
fn same_table([source, sink, checkpoint]: [&str; 3]) {
    for (name, pattern) in [("payments", "*.json"), ("cloudtrail", "**/*.json*")] {
        let golden = example(name);
        golden.run().unwrap();
        let job = example(name);
        let place = |scheme| place_in(scheme, &job);
        let (Some(source), Some(sink), Some(checkpoint)) =
            (place(source), place(sink), place(checkpoint))
        else {
            return;
        };
        let (input, table) = (source.below("input"), sink.below("table"));
        upload(&job, &open(&input));
        job.edit(&format!("path = \"input/{pattern}\""), &input.toml(pattern));
        job.edit("path = \"state\"", &checkpoint.below("state").toml(""));
        job.edit("path = \"table\"", &table.toml(""));
        job.run().unwrap();
        let table = open(&table);
        assert_eq!(visible(&table), golden.table(), "{name}: {source:?} {sink:?} {checkpoint:?}");
        assert_eq!(table.list("_lockgate/pending").unwrap(), [], "nothing is left pending");
        job.run().unwrap();
        assert_eq!(visible(&table), golden.table(), "{name}, run again");
    }
}

/// Uploads the input, in the order of its names.
fn upload(job: &Job, to: &Storage) {
    let input = job.path("input");
    for path in files_below(&input) {
        let name = path.strip_prefix(&input).unwrap().to_str().unwrap();
        to.put(name, &fs::read(&path).unwrap()).unwrap();
    }
}

/// The table as a `**/*.parquet` glob finds it.
fn visible(table: &Storage) -> Table {
    let files = table.list("").unwrap().into_iter().map(|meta| meta.path);
    let files = files.filter(|path| path.ends_with(".parquet"));
    Table(files.map(|path| (path.clone(), table.read(&path).unwrap().unwrap())).collect())
}

mod real {
    use super::same_table;

    #[test]
    fn on_s3_alone() {
        same_table(["s3"; 3]);
    }

    #[test]
    fn on_azure_alone() {
        same_table(["az"; 3]);
    }

    #[test]
    fn on_google_cloud_storage_alone() {
        same_table(["gs"; 3]);
    }

    #[test]
    fn on_webdav_alone() {
        same_table(["http"; 3]);
    }

    #[test]
    fn on_hdfs_alone() {
        same_table(["hdfs"; 3]);
    }

    #[test]
    fn on_stores_of_different_kinds() {
        for mix in [
            ["s3", "az", "local"],
            ["local", "gs", "s3"],
            ["az", "hdfs", "local"],
            ["gs", "local", "az"],
            ["hdfs", "s3", "gs"],
            ["http", "local", "s3"],
            ["local", "http", "local"],
        ] {
            same_table(mix);
        }
    }
}
