//! What every netlink message is wrapped in: headers and attributes, as include/uapi/linux/netlink.h lays them out (Linux 6.18).

use super::DecodeError;

/// One netlink message, its payload still bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Message<'a> {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`.
    pub flags: u16,
    /// `nlmsg_seq`: that of the request which this answers, or of the request of another process that caused it.
    pub sequence: u32,
    /// `nlmsg_pid`: the port of whoever sent the request.
    pub port: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The size of `struct nlmsghdr`.
pub(super) const MESSAGE_HEADER: usize = 16;
/// The size of `struct nlattr`.
pub(super) const ATTRIBUTE_HEADER: usize = 4;

/// `length` rounded up to where the next header stands (`NLMSG_ALIGN`, `NLA_ALIGN`).
pub(super) const fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// The messages of one datagram, in order.
///
/// A length that cannot be ends the walk after one error: where the next message begins is not known then.
///
/// ```
/// use waypost_netlink::wire::Messages;
///
/// // NLMSG_NOOP, no flags, sequence number 7, from the kernel.
/// let mut datagram = 16u32.to_ne_bytes().to_vec();
/// datagram.extend(1u16.to_ne_bytes());
/// datagram.extend(0u16.to_ne_bytes());
/// datagram.extend(7u32.to_ne_bytes());
/// datagram.extend(0u32.to_ne_bytes());
/// let message = Messages::new(&datagram).next().unwrap()?;
/// assert_eq!((message.kind, message.sequence, message.payload.len()), (1, 7, 0));
/// # Ok::<(), waypost_netlink::wire::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Messages<'a> {
    /// The messages of `datagram`.
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram, offset: 0 }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.offset;
        let Some(header) = self.rest.first_chunk::<MESSAGE_HEADER>() else {
            self.rest = &[];
            return Some(Err(DecodeError::new(offset, "fewer bytes than a message header has")));
        };
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = *header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let Some(payload) = self.rest.get(MESSAGE_HEADER..length) else {
            self.rest = &[];
            return Some(Err(DecodeError::new(offset, "a message length that its datagram cannot have")));
        };
        // The last message of a datagram need not be padded.
        let next = aligned(length);
        self.rest = self.rest.get(next..).unwrap_or_default();
        self.offset = offset + next;
        Some(Ok(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
            payload,
        }))
    }
}

/// The attributes of a message, or those nested in another attribute: number with its flag bits, and payload.
///
/// A length that cannot be ends the walk after one error.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Attributes<'a> {
    /// The attributes in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// The attributes of a message's payload behind its fixed header of `header` bytes; errors count from the payload's start.
    #[must_use]
    pub fn after(header: usize, payload: &'a [u8]) -> Self {
        Self { rest: payload.get(header..).unwrap_or_default(), offset: header }
    }

    /// Where the next attribute begins, counted as errors count.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.offset;
        let Some(&[l0, l1, k0, k1]) = self.rest.first_chunk::<ATTRIBUTE_HEADER>() else {
            self.rest = &[];
            return Some(Err(DecodeError::new(offset, "fewer bytes than an attribute header has")));
        };
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(data) = self.rest.get(ATTRIBUTE_HEADER..length) else {
            self.rest = &[];
            return Some(Err(DecodeError::new(offset, "an attribute length that its message cannot have")));
        };
        let next = aligned(length);
        self.rest = self.rest.get(next..).unwrap_or_default();
        self.offset = offset + next;
        Some(Ok((u16::from_ne_bytes([k0, k1]), data)))
    }
}

/// Attribute payloads as values; `None` where the size is not that of the value.
pub mod read {
    use std::net::IpAddr;

    /// A byte.
    #[must_use]
    pub const fn u8(data: &[u8]) -> Option<u8> {
        match data {
            [byte] => Some(*byte),
            _ => None,
        }
    }

    /// A number of two bytes, in the machine's order.
    #[must_use]
    #[inline]
    pub fn u16(data: &[u8]) -> Option<u16> {
        data.try_into().ok().map(u16::from_ne_bytes)
    }

    /// A number of four bytes, in the machine's order.
    #[must_use]
    #[inline]
    pub fn u32(data: &[u8]) -> Option<u32> {
        data.try_into().ok().map(u32::from_ne_bytes)
    }

    /// A number of eight bytes, in the machine's order.
    #[must_use]
    pub fn u64(data: &[u8]) -> Option<u64> {
        data.try_into().ok().map(u64::from_ne_bytes)
    }

    /// A number of two bytes, the most significant first.
    #[must_use]
    pub fn be16(data: &[u8]) -> Option<u16> {
        data.try_into().ok().map(u16::from_be_bytes)
    }

    /// A number of four bytes, the most significant first.
    #[must_use]
    pub fn be32(data: &[u8]) -> Option<u32> {
        data.try_into().ok().map(u32::from_be_bytes)
    }

    /// An address, of the family that has this size.
    #[must_use]
    #[inline]
    pub fn address(data: &[u8]) -> Option<IpAddr> {
        match data.len() {
            4 => <[u8; 4]>::try_from(data).ok().map(IpAddr::from),
            16 => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of this kind whose length field says `length`, with `payload` bytes behind the header.
    fn message(kind: u16, length: u32, payload: usize) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(MESSAGE_HEADER + payload, 0);
        bytes
    }

    fn kinds(datagram: &[u8]) -> Vec<Result<u16, usize>> {
        Messages::new(datagram).map(|next| next.map(|message| message.kind).map_err(|error| error.offset)).collect()
    }

    #[test]
    fn an_unaligned_message_is_followed_at_the_next_multiple_of_four() {
        let datagram = [message(1, 17, 4), message(2, 16, 0)].concat();
        assert_eq!(kinds(&datagram), [Ok(1), Ok(2)]);
        assert_eq!(Messages::new(&datagram).next().unwrap().unwrap().payload.len(), 1);
    }

    #[test]
    fn the_last_message_may_lack_its_padding() {
        assert_eq!(kinds(&[message(1, 16, 0), message(2, 17, 1)].concat()), [Ok(1), Ok(2)]);
    }

    #[test]
    fn a_bad_length_ends_the_datagram_with_one_error() {
        for length in [0, 15, 21, u32::MAX - 1, u32::MAX] {
            let datagram = [message(1, 16, 0), message(2, length, 4)].concat();
            assert_eq!(kinds(&datagram), [Ok(1), Err(16)], "{length}");
        }
        assert_eq!(kinds(&[message(1, 16, 0), vec![0; 15]].concat()), [Ok(1), Err(16)]);
    }

    #[test]
    fn a_bad_attribute_length_ends_the_attributes_with_one_error() {
        let good = [5u16.to_ne_bytes(), 9u16.to_ne_bytes(), [1, 0], [0, 0]].concat();
        for length in [0u16, 3, 5, u16::MAX] {
            let bytes = [good.clone(), length.to_ne_bytes().to_vec(), vec![1, 0]].concat();
            let read: Vec<_> = Attributes::after(0, &bytes).collect();
            assert_eq!(read.len(), 2);
            assert_eq!(read[0], Ok((9, &[1][..])));
            assert_eq!(read[1].unwrap_err().offset, 8, "{length}");
        }
    }

    #[test]
    fn a_value_of_another_size_is_none() {
        assert_eq!(read::u32(&[0; 3]), None);
        assert_eq!(read::u16(&[0; 4]), None);
        assert_eq!(read::address(&[0; 5]), None);
        assert_eq!(read::be16(&[1, 2]), Some(0x102));
    }
}
