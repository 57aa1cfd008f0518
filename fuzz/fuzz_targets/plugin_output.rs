//! `lockgate::fuzzing::plugin_output` on arbitrary bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lockgate::fuzzing::plugin_output(data));
