//! `cargo xtask bench`: measures, and writes what was measured into docs/performance.md.

use std::fs;

use crate::command::{cargo, output, root};
use crate::markers;

const DOCUMENT: &str = "docs/performance.md";

/// Runs the program of bench/, which prints each table between `<!-- bench:NAME -->` and `<!-- /bench -->`, and
/// puts the tables where docs/performance.md has the same marks.
pub(crate) fn bench() -> Result<(), String> {
    if !root().join("bench/Cargo.toml").exists() {
        return Err("there is no bench/ workspace".into());
    }
    let measured = output(&mut cargo("run --release --manifest-path bench/Cargo.toml -- --markdown"))?;
    let tables = markers::parts("bench", &measured)?;
    if tables.is_empty() {
        return Err("bench/ printed no table".into());
    }
    let path = root().join(DOCUMENT);
    let old = fs::read_to_string(&path).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let new = markers::replace("bench", &old, &tables).map_err(|why| format!("{DOCUMENT}: {why}"))?;
    fs::write(&path, new).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    println!("{DOCUMENT}: {} tables rewritten", tables.len());
    Ok(())
}
