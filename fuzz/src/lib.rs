//! What the fuzz targets do with their input, and what must be true of it whatever the input is.
//!
//! `fuzz_targets/` has one program for each module, which hands the bytes of libFuzzer to its `run`. A broken promise
//! panics. `cargo test` replays the seeds, on any toolchain and without libFuzzer.
#![forbid(unsafe_code)]

pub mod engine;
pub mod lookup;
pub mod lpm;
pub mod mib2;
pub mod pfroute;
pub mod session;
pub mod text;
pub mod wire;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::pfroute;

    /// Gives every seed of a target to `run`, which panics where a promise is broken.
    fn replay(target: &str, run: impl Fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        let seeds: Vec<_> = std::fs::read_dir(seeds).expect("the target has seeds").map(|seed| seed.unwrap().path()).collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            run(&std::fs::read(&seed).unwrap());
        }
    }

    #[test]
    fn the_seeds_break_no_promise() {
        replay("wire", crate::wire::run);
        replay("session", crate::session::run);
        replay("engine", crate::engine::run);
        for dialect in pfroute::DIALECTS {
            replay(&format!("pfroute_{}", dialect.name.replace('-', "_")), |seed| pfroute::run(dialect, seed));
        }
        replay("mib2_illumos", crate::mib2::run);
        replay("lpm", crate::lpm::run);
        replay("lookup", |seed| crate::lookup::run(std::str::from_utf8(seed).unwrap()));
        replay("text", |seed| crate::text::run(std::str::from_utf8(seed).unwrap()));
    }
}
