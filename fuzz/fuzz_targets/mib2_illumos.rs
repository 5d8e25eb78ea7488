//! See `waypost_fuzz::mib2`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waypost_fuzz::mib2::run(data));
