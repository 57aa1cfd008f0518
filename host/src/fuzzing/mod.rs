//! Arbitrary bytes through every door where bytes of strangers come in.
//!
//! Owns what must hold for any bytes at all; knows nothing of fuzzers. The targets of `fuzz/`
//! call these functions, and a test replays them over the inputs kept in `fuzz/corpus/`.
//! Compiled for tests and with the feature `fuzzing` only.
//!
//! | door | bytes of |
//! |---|---|
//! | [`json_decoder`] | whoever writes the input files |
//! | [`plugin_output`] | a plugin: its plan, and what `process` returns |
//! | [`pipeline_file`] | whoever writes the pipeline file |
//! | [`checkpoint_reader`] | a disk that failed, a copy that was cut, a hand that helped |
//!
//! A function returns when what must hold holds, and panics otherwise.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a property says that it does not hold"
)]

mod answer;
mod checkpoint;
mod exact;
mod json;
mod pipeline;
mod plugin;
#[cfg(test)]
mod replay;
mod take;

pub use checkpoint::checkpoint_reader;
pub use json::json_decoder;
pub use pipeline::pipeline_file;
pub use plugin::plugin_output;
