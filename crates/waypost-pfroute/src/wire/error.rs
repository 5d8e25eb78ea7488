//! Why bytes are no message.

/// Where decoding stopped, and what should have stood there.
///
/// ```
/// use waypost_pfroute::wire::{ByteOrder, FREEBSD, Messages, Source};
///
/// let malformed = Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, &[200, 0, 5, 1]).next().unwrap().unwrap_err();
/// assert_eq!(malformed.error.to_string(), "at byte 0: expected the 200 bytes that the message says it has, found 4");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("at byte {offset}: expected {expected}")]
pub struct DecodeError {
    /// The place, in bytes from the start of the buffer; inside a message's sockaddrs, from the start of the message.
    pub offset: usize,
    /// What the format wants there, and what there was.
    pub expected: Expected,
}

/// What a routing message should have had where it could not be decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Expected {
    /// Fewer bytes are left than the four with which every message begins.
    #[error("the start of a message, 4 bytes, found {found}")]
    Start {
        /// How many bytes are left.
        found: usize,
    },
    /// The message says that it is shorter than its own first four bytes.
    #[error("a message length of at least 4, found {found}")]
    Length {
        /// The length that stands in the message.
        found: u16,
    },
    /// The message says that it goes on behind the end of the buffer.
    #[error("the {length} bytes that the message says it has, found {found}")]
    Body {
        /// The length that stands in the message.
        length: u16,
        /// How many bytes are left.
        found: usize,
    },
    /// The message is of another version of the format.
    #[error("version {version}, found {found}")]
    Version {
        /// The dialect's version.
        version: u8,
        /// The version that stands in the message.
        found: u8,
    },
    /// The message is shorter than the header of its type.
    #[error("a header of {size} bytes, found {found}")]
    Header {
        /// How long this type's header is.
        size: u16,
        /// How long the message is.
        found: usize,
    },
    /// The message gives its header a length that the header of its type cannot have.
    #[error("a header length from {size} to {found}, found {length}")]
    HeaderLength {
        /// How long this type's header is at least.
        size: u16,
        /// The length that stands in the message.
        length: u16,
        /// How long the message is.
        found: usize,
    },
    /// A sockaddr is of a family whose length is not known, where the family alone tells it.
    #[error("a sockaddr of a known family, found family {family}")]
    Family {
        /// The family's number.
        family: u16,
    },
    /// A sockaddr is announced and the message ends before it.
    #[error("a sockaddr, found the end of the message")]
    Sockaddr,
    /// A sockaddr says that it goes on behind the end of the message.
    #[error("a sockaddr of {length} bytes, found {found}")]
    SockaddrBody {
        /// The length that stands in the sockaddr, or that its family has.
        length: u8,
        /// How many bytes of the message are left.
        found: usize,
    },
    /// An item of a dump of IP's tables goes on behind the end of the buffer.
    #[error("an item of {length} bytes, found {found}")]
    Item {
        /// How long it says it is, with its head.
        length: usize,
        /// How many bytes are left.
        found: usize,
    },
    /// The entries of a table are shorter than what is read of one, or the last one is cut.
    #[error("an entry of {size} bytes, found {found}")]
    Entry {
        /// How many bytes it must have.
        size: usize,
        /// How many it has.
        found: usize,
    },
}
