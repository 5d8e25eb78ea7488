//! What a kernel said, as tests/data/README.md describes it.

/// One message, and the command that brought it about.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    /// The `ip` command.
    pub(crate) command: &'static str,
    /// `event`, `dump` or `answer`.
    pub(crate) source: &'static str,
    /// The message, header and all.
    pub(crate) bytes: Vec<u8>,
    /// What the message says, in Waypost's words, where that is written down.
    pub(crate) meaning: Option<&'static str>,
}

/// Every message that has been captured.
pub(crate) fn all() -> Vec<Captured> {
    let mut captured: Vec<Captured> = Vec::new();
    let mut command = "";
    for line in include_str!("../data/routes/kernel.hex").lines() {
        let (word, rest) = line.split_once(' ').unwrap_or_default();
        match word {
            ">" => command = rest,
            "event" | "dump" | "answer" => {
                captured.push(Captured { command, source: word, bytes: bytes(rest), meaning: None });
            }
            "=" => captured.last_mut().expect("a message before its meaning").meaning = Some(rest),
            _ => {}
        }
    }
    captured
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(digits).collect()
}
