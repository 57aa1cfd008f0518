//! `lockgate::fuzzing::pipeline_file` on arbitrary bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lockgate::fuzzing::pipeline_file(data));
