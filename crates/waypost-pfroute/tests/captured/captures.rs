//! The captures and their index.

use std::path::PathBuf;

use serde_json::Value;
use waypost_pfroute::wire::{Dialect, FREEBSD, NETBSD7, Source};

/// One captured buffer and what is known of it.
pub(crate) struct Capture {
    pub(crate) file: String,
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
    /// What the write gave: bytes, or a negative errno.
    pub(crate) write_result: i64,
    /// What the kernel's own headers make of it.
    pub(crate) decoded: Value,
    /// How many bytes a dump has behind its last whole message.
    pub(crate) leftover: Option<u64>,
}

impl Capture {
    /// Where the bytes come from.
    pub(crate) fn source(&self) -> Source {
        if self.kind == "sysctl" { Source::Sysctl } else { Source::Socket }
    }

    /// The number at the start of the file's name.
    pub(crate) fn number(&self) -> u32 {
        self.file.split('-').next().unwrap().parse().unwrap()
    }
}

fn data(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "data", path].iter().collect()
}

/// The bytes of one file below `tests/data`.
pub(crate) fn read(path: &str) -> Vec<u8> {
    std::fs::read(data(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Everything in the folder that its index names.
fn all(folder: &str) -> Vec<Capture> {
    let index = String::from_utf8(read(&format!("{folder}/index.jsonl"))).unwrap();
    let captures = index.lines().map(|line| {
        let entry: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        let bytes = if entry["bytes"] == 0 { Vec::new() } else { read(&format!("{folder}/{}", text("file"))) };
        assert_eq!(bytes.len() as u64, entry["bytes"], "{line}");
        Capture {
            file: text("file"),
            kind: text("kind"),
            bytes,
            write_result: entry["write_result"].as_i64().unwrap(),
            decoded: entry["decoded"].clone(),
            leftover: entry.get("leftover").and_then(Value::as_u64),
        }
    });
    captures.collect()
}

/// The captures of one system, with what is odd among them, by their numbers.
pub(crate) struct System {
    pub(crate) dialect: &'static Dialect,
    pub(crate) folder: &'static str,
    count: usize,
    /// What C read by force and the codec refuses, with what it says instead.
    pub(crate) refused: &'static [(u32, &'static str)],
    /// Requests and their echoes that are longer than they say, by zeros.
    pub(crate) zeros_behind: &'static [u32],
    /// Dumps that the kernel called a success and cut.
    pub(crate) cut_short: &'static [u32],
}

pub(crate) const FREEBSD13: System = System {
    dialect: &FREEBSD,
    folder: "freebsd-13.0-amd64",
    count: 229,
    refused: &[
        (286, "at byte 2: expected version 5, found 4"),
        (287, "at byte 2: expected version 5, found 4"),
        (289, "at byte 0: expected the 176 bytes that the message says it has, found 168"),
        (290, "at byte 0: expected the 176 bytes that the message says it has, found 168"),
        (298, "type 77"),
        (299, "type 77"),
    ],
    zeros_behind: &[292, 293],
    cut_short: &[323],
};

pub(crate) const NETBSD799: System = System {
    dialect: &NETBSD7,
    folder: "netbsd-7.99.34-amd64",
    count: 217,
    refused: &[
        (250, "at byte 2: expected version 4, found 5"),
        (251, "at byte 2: expected version 4, found 5"),
        (253, "at byte 0: expected the 144 bytes that the message says it has, found 136"),
        (254, "at byte 0: expected the 144 bytes that the message says it has, found 136"),
        (262, "type 77"),
        (263, "type 77"),
    ],
    zeros_behind: &[256, 257],
    cut_short: &[],
};

/// The systems of which there are captures with an index.
pub(crate) const SYSTEMS: [&System; 2] = [&FREEBSD13, &NETBSD799];

impl System {
    /// All captures, in their order.
    pub(crate) fn captures(&self) -> Vec<Capture> {
        let captures = all(self.folder);
        assert_eq!(captures.len(), self.count, "the index has been cut");
        captures
    }

    /// The capture of this number.
    pub(crate) fn capture(&self, number: u32) -> Capture {
        self.captures().into_iter().find(|capture| capture.number() == number).unwrap()
    }
}
