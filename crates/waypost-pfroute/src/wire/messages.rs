//! The walk over a buffer of messages.

use super::bytes::{ByteOrder, Field};
use super::dialect::{Dialect, Source};
use super::error::{DecodeError, Expected};
use super::message::Message;

/// The first four bytes, alike on every system: length, version, type.
const LENGTH: Field = Field::u16(0);
const START: usize = 4;

/// The messages of a buffer, in order.
///
/// A bad message spoils itself: the next one is where its length says it ends. The walk ends with the buffer, or
/// with what can have no length: give it only the bytes that the system call returned. Zeros behind the last
/// message are slack and pass without a word.
///
/// ```
/// use waypost_pfroute::wire::{ByteOrder, FREEBSD, Message, Messages, Source};
///
/// // A message of another version, then one of a type that this codec does not read.
/// let bytes = [8, 0, 3, 1, 0, 0, 0, 0, 8, 0, 5, 0x1f, 1, 2, 3, 4];
/// let mut messages = Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, &bytes);
/// assert!(messages.next().unwrap().is_err());
/// assert!(matches!(messages.next(), Some(Ok(Message::Unknown { number: 0x1f, .. }))));
/// assert!(messages.next().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    dialect: &'static Dialect,
    order: ByteOrder,
    source: Source,
    buffer: &'a [u8],
    at: usize,
}

/// A message that could not be decoded, with its bytes for the curious.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed message: {error}")]
#[non_exhaustive]
pub struct Malformed<'a> {
    /// Where it went wrong, and how.
    pub error: DecodeError,
    /// The message as far as it has bytes; all that is left where it has no length to go by.
    pub bytes: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages in `buffer`, which `source` on a machine of this byte order that speaks `dialect` has filled.
    #[must_use]
    pub const fn new(dialect: &'static Dialect, order: ByteOrder, source: Source, buffer: &'a [u8]) -> Self {
        Self { dialect, order, source, buffer, at: 0 }
    }

    /// Says whether `datagram` is as long as the message that it begins with. What a kernel says to its routing sockets is, one
    /// message to a read. What is not was written by somebody, whom the kernel refused: FreeBSD 13.0 and NetBSD tell it to every
    /// listener as it came, with neither a number of the error nor the writer's own process in it, whatever it pretends to be.
    #[must_use]
    pub fn is_one(order: ByteOrder, datagram: &[u8]) -> bool {
        Self::first(order, datagram).is_some_and(|first| first.len() == datagram.len())
    }

    /// The bytes of the message that `datagram` begins with; `None` where they are not all there.
    pub(crate) fn first(order: ByteOrder, datagram: &[u8]) -> Option<&[u8]> {
        let length = LENGTH.read(order, datagram).and_then(|length| usize::try_from(length).ok())?;
        datagram.get(..length).filter(|first| first.len() >= START)
    }

    /// How many bytes have been walked over.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Cuts off the next message.
    #[inline]
    fn cut(&mut self, rest: &'a [u8]) -> Result<&'a [u8], Expected> {
        let length = match LENGTH.read(self.order, rest).and_then(|length| u16::try_from(length).ok()) {
            Some(length) if rest.len() >= START => length,
            _ => return Err(Expected::Start { found: rest.len() }),
        };
        if usize::from(length) < START {
            return Err(Expected::Length { found: length });
        }
        rest.get(..usize::from(length)).ok_or(Expected::Body { length, found: rest.len() })
    }

    /// Ends the walk at `rest`, in which there is no message.
    #[cold]
    fn end(&mut self, rest: &'a [u8], expected: Expected) -> Option<<Self as Iterator>::Item> {
        let offset = std::mem::replace(&mut self.at, self.buffer.len());
        // Size probes leave slack behind the last message, and it is zero.
        if rest.iter().all(|&byte| byte == 0) {
            return None;
        }
        Some(Err(Malformed { error: DecodeError { offset, expected }, bytes: rest }))
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let rest = self.buffer.get(start..).filter(|rest| !rest.is_empty())?;
        let bytes = match self.cut(rest) {
            Ok(bytes) => bytes,
            Err(expected) => return self.end(rest, expected),
        };
        self.at = start + bytes.len();
        Some(Message::decode_at(self.dialect, self.order, self.source, bytes, start))
    }
}

impl std::iter::FusedIterator for Messages<'_> {}
