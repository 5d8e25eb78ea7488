//! Messages into bytes.

use std::net::IpAddr;

use super::frame::{ATTRIBUTE_HEADER, MESSAGE_HEADER, aligned};

/// An attribute or a message is longer than its length field can say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("attribute {kind} would be longer than the 65,535 bytes that netlink has room for")]
#[non_exhaustive]
pub struct TooLong {
    /// The number of the attribute.
    pub kind: u16,
}

/// One message being appended to a buffer.
///
/// Until [`finish`](Self::finish) says that all of it fits, the buffer does not count it: an encoder that is dropped
/// before leaves the buffer as it found it.
///
/// ```
/// use waypost_netlink::wire::{Encoder, Messages};
///
/// let mut buffer = Vec::new();
/// let mut message = Encoder::begin(&mut buffer, 26, 0x301, 7);
/// message.header(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/// message.u32(15, 254);
/// message.finish()?;
/// assert_eq!(Messages::new(&buffer).next().unwrap().unwrap().sequence, 7);
/// # Ok::<(), waypost_netlink::wire::TooLong>(())
/// ```
#[derive(Debug)]
#[must_use = "a message counts once `finish` has been called"]
pub struct Encoder<'b> {
    out: &'b mut Vec<u8>,
    start: usize,
    too_long: Option<u16>,
    finished: bool,
}

impl<'b> Encoder<'b> {
    /// Begins a message to the kernel behind whatever `out` has.
    pub fn begin(out: &'b mut Vec<u8>, kind: u16, flags: u16, sequence: u32) -> Self {
        out.resize(aligned(out.len()), 0);
        let start = out.len();
        let ([k0, k1], [f0, f1], [s0, s1, s2, s3]) = (kind.to_ne_bytes(), flags.to_ne_bytes(), sequence.to_ne_bytes());
        // Behind a length that `finish` knows; port 0, which the kernel fills in.
        out.extend_from_slice(&[0, 0, 0, 0, k0, k1, f0, f1, s0, s1, s2, s3, 0, 0, 0, 0]);
        Self { out, start, too_long: None, finished: false }
    }

    /// Appends the fixed header of this kind of message, or a whole payload that is encoded already.
    pub fn header(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.pad();
    }

    /// Appends bytes as they are, without padding: the payload of an attribute that is not made of attributes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Appends an attribute.
    #[inline]
    pub fn attribute(&mut self, kind: u16, data: &[u8]) {
        let Ok(length) = u16::try_from(ATTRIBUTE_HEADER + data.len()) else {
            self.too_long.get_or_insert(kind);
            return;
        };
        let ([l0, l1], [k0, k1]) = (length.to_ne_bytes(), kind.to_ne_bytes());
        self.out.extend_from_slice(&[l0, l1, k0, k1]);
        self.out.extend_from_slice(data);
        self.pad();
    }

    /// Appends an attribute without payload.
    pub fn flag(&mut self, kind: u16) {
        self.attribute(kind, &[]);
    }

    /// Appends a byte.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.attribute(kind, &[value]);
    }

    /// Appends a number of two bytes, in the machine's order.
    pub fn u16(&mut self, kind: u16, value: u16) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// Appends a number of four bytes, in the machine's order.
    #[inline]
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// Appends a number of two bytes, the most significant first.
    pub fn be16(&mut self, kind: u16, value: u16) {
        self.attribute(kind, &value.to_be_bytes());
    }

    /// Appends a number of four bytes, the most significant first.
    pub fn be32(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_be_bytes());
    }

    /// Appends an address.
    #[inline]
    pub fn address(&mut self, kind: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.attribute(kind, &address.octets()),
            IpAddr::V6(address) => self.attribute(kind, &address.octets()),
        }
    }

    /// Appends text and the zero byte behind it.
    pub fn text(&mut self, kind: u16, text: &str) {
        self.nested(kind, |inner| {
            inner.raw(text.as_bytes());
            inner.raw(&[0]);
        });
    }

    /// Appends an attribute whose payload is what `fill` appends.
    pub fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.out.extend_from_slice(&[0; 2]);
        self.out.extend_from_slice(&kind.to_ne_bytes());
        fill(self);
        self.patch_u16(start, kind);
        self.pad();
    }

    /// Appends what begins with its length in two bytes and is no attribute, such as a leg of a multipath route inside
    /// attribute `kind`: `header` follows the length, then what `fill` appends.
    pub fn counted(&mut self, kind: u16, header: &[u8], fill: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.out.extend_from_slice(&[0; 2]);
        self.out.extend_from_slice(header);
        fill(self);
        self.patch_u16(start, kind);
        self.pad();
    }

    /// Ends the message.
    ///
    /// # Errors
    ///
    /// [`TooLong`] where a length does not fit its field; the buffer is then as it was before.
    pub fn finish(mut self) -> Result<(), TooLong> {
        let length = u32::try_from(self.out.len() - self.start).ok();
        match (self.too_long, length, self.out.get_mut(self.start..self.start + 4)) {
            (None, Some(length), Some(field)) => field.copy_from_slice(&length.to_ne_bytes()),
            (kind, ..) => return Err(TooLong { kind: kind.unwrap_or(0) }),
        }
        self.finished = true;
        Ok(())
    }

    /// Writes the length of what began at `start` to where it began.
    fn patch_u16(&mut self, start: usize, kind: u16) {
        let length = u16::try_from(self.out.len() - start).ok();
        match (length, self.out.get_mut(start..start + 2)) {
            (Some(length), Some(field)) => field.copy_from_slice(&length.to_ne_bytes()),
            _ => {
                self.too_long.get_or_insert(kind);
            }
        }
    }

    #[inline]
    fn pad(&mut self) {
        // The message begins aligned, so the buffer's length will do.
        let padded = aligned(self.out.len());
        if padded != self.out.len() {
            self.out.resize(padded, 0);
        }
    }
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

const _: () = assert!(MESSAGE_HEADER == 16, "`begin` writes the header field by field");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Attributes, Messages};

    #[test]
    fn what_is_written_reads_back() {
        let mut buffer = Vec::new();
        for sequence in [1, 2] {
            let mut message = Encoder::begin(&mut buffer, 9, 5, sequence);
            message.header(&[7; 12]);
            message.nested(1, |inner| {
                inner.u8(2, 3);
                inner.text(4, "cubic");
            });
            message.flag(8);
            message.finish().unwrap();
        }
        let messages: Vec<_> = Messages::new(&buffer).map(Result::unwrap).collect();
        assert_eq!(messages.iter().map(|message| message.sequence).collect::<Vec<_>>(), [1, 2]);
        let outer: Vec<_> = Attributes::after(12, messages[1].payload).map(Result::unwrap).collect();
        assert_eq!(outer[1], (8, &[][..]));
        let inner: Vec<_> = Attributes::new(outer[0].1).map(Result::unwrap).collect();
        assert_eq!(inner, [(2, &[3][..]), (4, &b"cubic\0"[..])]);
    }

    #[test]
    fn what_is_too_long_is_refused_and_leaves_the_buffer_alone() {
        let mut buffer = vec![1, 2, 3, 4];
        let mut message = Encoder::begin(&mut buffer, 9, 0, 1);
        message.attribute(6, &[0; 65532]);
        assert_eq!(message.finish(), Err(TooLong { kind: 6 }));
        assert_eq!(buffer, [1, 2, 3, 4]);

        let mut message = Encoder::begin(&mut buffer, 9, 0, 1);
        message.nested(9, |inner| (0..3).for_each(|_| inner.attribute(1, &[0; 30_000])));
        assert_eq!(message.finish(), Err(TooLong { kind: 9 }));
        assert_eq!(buffer, [1, 2, 3, 4]);

        let mut message = Encoder::begin(&mut buffer, 9, 0, 1);
        message.attribute(6, &[0; 65531]);
        message.finish().unwrap();
    }

    #[test]
    fn an_encoder_given_up_leaves_nothing() {
        let mut buffer = vec![1, 2, 3, 4];
        Encoder::begin(&mut buffer, 9, 0, 1).u32(1, 2);
        assert_eq!(buffer, [1, 2, 3, 4]);
    }
}
