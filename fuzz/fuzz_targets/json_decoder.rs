//! `lockgate::fuzzing::json_decoder` on arbitrary bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lockgate::fuzzing::json_decoder(data));
