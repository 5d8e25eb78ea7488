//! See `waypost_fuzz::text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| waypost_fuzz::text::run(text));
