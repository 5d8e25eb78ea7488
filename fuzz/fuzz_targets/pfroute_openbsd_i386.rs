//! See `waypost_fuzz::pfroute`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waypost_fuzz::pfroute::run(&waypost_fuzz::pfroute::OPENBSD_I386, data));
