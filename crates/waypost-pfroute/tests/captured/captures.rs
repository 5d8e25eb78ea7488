//! The captures and their index.

use std::path::PathBuf;

use serde_json::Value;

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
pub(crate) fn all(folder: &str) -> Vec<Capture> {
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

/// All of FreeBSD 13.0's.
pub(crate) fn freebsd13() -> Vec<Capture> {
    let captures = all("freebsd-13.0-amd64");
    assert_eq!(captures.len(), 229, "the index has been cut");
    captures
}
