//! `lockgate::fuzzing::checkpoint_reader` on arbitrary bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lockgate::fuzzing::checkpoint_reader(data));
