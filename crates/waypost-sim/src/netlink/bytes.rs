//! Messages and attributes, written and read. A message is a header of 16 bytes and what follows, an attribute a header of four; both say how
//! long they are, and what stands behind them begins at a multiple of four (netlink(7)).

use std::net::IpAddr;

/// How long the header of a message is.
pub(super) const HEADER: usize = 16;

/// A message that is being written.
#[derive(Debug)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// A message of this type and these flags, answering the request of this number of this port; both are zero of what nobody asked for.
    pub(super) fn begin(kind: u16, flags: u16, sequence: u32, port: u32, header: &[u8]) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(port.to_ne_bytes());
        bytes.extend(header);
        Self(bytes)
    }

    pub(super) fn put(&mut self, kind: u16, data: &[u8]) {
        self.nest(kind, |writer| writer.0.extend(data));
    }

    pub(super) fn u32(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_ne_bytes());
    }

    pub(super) fn address(&mut self, kind: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.put(kind, &address.octets()),
            IpAddr::V6(address) => self.put(kind, &address.octets()),
        }
    }

    /// A text that ends with a zero byte.
    pub(super) fn text(&mut self, kind: u16, text: &str) {
        self.put(kind, &[text.as_bytes(), &[0]].concat());
    }

    /// An attribute of what `fill` writes.
    pub(super) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0, 0]);
        self.0.extend(kind.to_ne_bytes());
        fill(self);
        self.close(start);
    }

    /// What begins with its own length, of two bytes.
    pub(super) fn counted(&mut self, head: &[u8], fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0, 0]);
        self.0.extend(head);
        fill(self);
        self.close(start);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    fn close(&mut self, start: usize) {
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        if let Some(place) = self.0.get_mut(start..start + 2) {
            place.copy_from_slice(&length.to_ne_bytes());
        }
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(..4) {
            place.copy_from_slice(&length.to_ne_bytes());
        }
        self.0
    }
}

/// A message that has been read: its header, and what follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    pub(super) header: &'a [u8; HEADER],
    pub(super) body: &'a [u8],
}

impl<'a> Asked<'a> {
    /// The first message, and what stands behind it; nothing where the rest is none.
    pub(super) fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let header = bytes.first_chunk::<HEADER>()?;
        let length = u32_at(bytes, 0)? as usize;
        let body = bytes.get(HEADER..length)?;
        let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        let (kind, flags, sequence) = (u16_at(bytes, 4)?, u16_at(bytes, 6)?, u32_at(bytes, 8)?);
        Some((Self { kind, flags, sequence, header, body }, rest))
    }
}

/// The attributes behind a header of `from` bytes, each with its type; nothing where one is longer than what there is.
pub(super) fn attributes(body: &[u8], from: usize) -> Option<Vec<(u16, &[u8])>> {
    let mut all = Vec::new();
    let mut rest = body.get(from..)?;
    while !rest.is_empty() {
        let length = usize::from(u16_at(rest, 0)?);
        // The two upper bits of a type say how it is to be read, which both sides know.
        all.push((u16_at(rest, 2)? & 0x3fff, rest.get(4..length)?));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(all)
}

pub(super) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// An address of either family, by how long it is.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) { Some(four.into()) } else { <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from) }
}
