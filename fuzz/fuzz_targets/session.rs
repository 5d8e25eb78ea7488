//! See `waypost_fuzz::session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waypost_fuzz::session::run(data));
