//! The inputs that fuzzing kept, replayed: what once was found, and every path it found.

use std::{fs, path::Path};

#[track_caller]
fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut inputs: Vec<_> = fs::read_dir(&corpus)
        .unwrap_or_else(|error| panic!("{}: {error}", corpus.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    inputs.sort();
    assert!(inputs.len() > 100, "{} inputs in {}", inputs.len(), corpus.display());
    for input in inputs {
        let shown = input.display().to_string();
        let bytes = fs::read(&input).unwrap();
        let outcome = std::panic::catch_unwind(|| run(&bytes));
        assert!(outcome.is_ok(), "{shown} (the panic is above)");
    }
}

#[test]
fn json_decoder() {
    replay("json_decoder", super::json_decoder);
}

#[test]
fn plugin_output() {
    replay("plugin_output", super::plugin_output);
}

#[test]
fn pipeline_file() {
    replay("pipeline_file", super::pipeline_file);
}

#[test]
fn checkpoint_reader() {
    replay("checkpoint_reader", super::checkpoint_reader);
}
