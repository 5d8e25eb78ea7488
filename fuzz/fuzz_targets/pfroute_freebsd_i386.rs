//! See `waypost_fuzz::pfroute`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| waypost_fuzz::pfroute::run(&waypost_fuzz::pfroute::FREEBSD_I386, data));
