//! See `waypost_fuzz::lookup`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| waypost_fuzz::lookup::run(text));
