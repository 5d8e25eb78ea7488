//! The full table of the Internet that everything is measured with.

use std::fs::File;
use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;
use waypost::{Ipv4Prefix, Ipv6Prefix, Prefix};

use crate::Failure;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/internet-prefixes.txt.gz");

/// The prefixes of both families, each sorted and once.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    pub(crate) v4: Vec<Ipv4Prefix>,
    pub(crate) v6: Vec<Ipv6Prefix>,
}

impl Prefixes {
    /// Reads the table; of it only each `step`th prefix, so that a part has the shape of the whole.
    pub(crate) fn read(step: usize) -> Result<Self, Failure> {
        let file = File::open(PATH).map_err(|error| format!("{PATH}: {error}"))?;
        let mut all = Self::default();
        for line in BufReader::new(GzDecoder::new(file)).lines() {
            match line?.parse()? {
                Prefix::V4(prefix) => all.v4.push(prefix),
                Prefix::V6(prefix) => all.v6.push(prefix),
            }
        }
        Ok(Self { v4: sparse(all.v4, step), v6: sparse(all.v6, step) })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }
}

fn sparse<P: Ord>(mut prefixes: Vec<P>, step: usize) -> Vec<P> {
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes.into_iter().step_by(step).collect()
}
