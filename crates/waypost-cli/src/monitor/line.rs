//! One object of the stream.

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::json::Text;

/// An object: when, its number, what, and the fields of that.
pub(super) struct Line<'a, B> {
    pub(super) time: Timestamp,
    pub(super) seq: u64,
    pub(super) event: &'static str,
    pub(super) body: &'a B,
}

#[derive(Serialize)]
struct Fields<'a, B> {
    time: Text<Microseconds>,
    seq: u64,
    event: &'static str,
    #[serde(flatten)]
    body: &'a B,
}

impl<B: Serialize> Serialize for Line<'_, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { time, seq, event, body } = *self;
        Fields { time: Text(Microseconds(time)), seq, event, body }.serialize(serializer)
    }
}

/// A time as RFC 3339 writes it, with microseconds.
struct Microseconds(Timestamp);

impl std::fmt::Display for Microseconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

/// A change: the thing under its own name, and what it was.
pub(super) struct Changed<J> {
    pub(super) change: &'static str,
    pub(super) key: &'static str,
    pub(super) thing: J,
    pub(super) old: Option<J>,
}

impl<J: Serialize> Serialize for Changed<J> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("change", self.change)?;
        map.serialize_entry(self.key, &self.thing)?;
        if let Some(old) = &self.old {
            map.serialize_entry("old", old)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_time_number_and_both_sides_of_a_change() {
        let body = Changed { change: "replaced", key: "route", thing: 2, old: Some(1) };
        let time = Timestamp::from_microsecond(1_700_000_000_000_000).unwrap();
        let line = Line { time, seq: 7, event: "route", body: &body };
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"time":"2023-11-14T22:13:20.000000Z","seq":7,"event":"route","change":"replaced","route":2,"old":1}"#
        );
    }
}
