//! See `waypost_fuzz::lpm`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| waypost_fuzz::lpm::run(bytes));
