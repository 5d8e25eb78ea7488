//! Captured buffers of routing messages, of any system, on any host.
//!
//! [`Decoder`] walks over the bytes that a routing socket or the routing sysctl gave, and says of each message what
//! stands in it and what it means in the portable model. It opens nothing and asks nobody.
//!
//! ```
//! use waypost::decode::{Decoder, Item};
//!
//! // RTM_IFANNOUNCE of FreeBSD on a little-endian machine: the interface em0, index 2, has come.
//! let bytes = [24, 0, 5, 17, 2, 0, b'e', b'm', b'0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
//! let decoder = Decoder::named("freebsd").unwrap().big_endian(false);
//! let items: Vec<Item> = decoder.items(&bytes);
//! let [Item::Message(message)] = items.as_slice() else { panic!("one message") };
//! assert_eq!((message.kind.as_str(), message.index), ("RTM_IFANNOUNCE", Some(2)));
//! ```

mod netlink;
mod routing;

use waypost_core::Notice;
use waypost_pfroute::wire::{self, ByteOrder};

pub use waypost_pfroute::session::capabilities_of_all;
pub use waypost_pfroute::wire::Source;

/// How bytes are read: whose they are, and where they come from.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    protocol: Protocol,
    source: Source,
    order: ByteOrder,
}

#[derive(Clone, Copy, Debug)]
enum Protocol {
    Routing(&'static wire::Dialect),
    Netlink,
}

/// The name of rtnetlink among those of the dialects.
const RTNETLINK: &str = "rtnetlink";

/// One thing that was found in the bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Item {
    /// A message.
    Message(Box<Message>),
    /// Bytes that are no message. What follows them is decoded all the same, where their length tells where that is.
    Malformed {
        /// What is wrong.
        why: String,
        /// Where, in bytes from the start of the buffer.
        offset: usize,
    },
}

/// What stands in a message. What its kind does not have is `None` or empty.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Message {
    /// The type's name in the system's header; the number where it has none.
    pub kind: String,
    /// The version of the format, which rtnetlink has none of.
    pub version: Option<u8>,
    /// The asker's number for the request.
    pub seq: Option<u32>,
    /// The asker's process; on rtnetlink, its port.
    pub pid: Option<u32>,
    /// Why a request failed, in the system's own numbers; zero where it did not.
    pub errno: Option<u32>,
    /// The names of the flags that are set, without `RTF_`, `IFF_` or `NLM_F_`; the number of those without a name.
    pub flags: Vec<String>,
    /// The interface's index.
    pub index: Option<u32>,
    /// The sockaddrs, by their names in the system's header.
    pub addrs: Vec<(&'static str, Addr)>,
    /// The metrics that are not zero, by their names in the system's header.
    pub metrics: Vec<(&'static str, u64)>,
    /// The metrics that are locked.
    pub locks: Vec<&'static str>,
    /// What it means in the portable model; a route is told of even if the message is only an attempt.
    pub meaning: Option<Notice>,
    /// Why it could not be understood, or not wholly.
    pub fault: Option<String>,
    /// How many bytes are left behind the last sockaddr; negative where it claims more than there are.
    pub trailing: Option<i64>,
}

/// A sockaddr.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Addr {
    /// An address or a mask, with its zone where it has one.
    Text(String),
    /// An interface or a link-layer address.
    Link {
        /// The interface's name, or empty.
        name: String,
        /// Its index, or zero.
        index: u32,
        /// The link-layer address, or empty.
        address: Vec<u8>,
    },
    /// Of a family that is not read: its number and the whole sockaddr.
    Unknown(u16, Vec<u8>),
}

impl Decoder {
    /// The decoder of a dialect: see [`names`](Self::names). It takes the bytes to be from a socket and of this
    /// machine's byte order, unless told otherwise.
    #[must_use]
    pub fn named(dialect: &str) -> Option<Self> {
        let protocol = match dialect {
            RTNETLINK => Protocol::Netlink,
            name => Protocol::Routing(wire::Dialect::named(name)?),
        };
        Some(Self { protocol, source: Source::Socket, order: ByteOrder::NATIVE })
    }

    /// The decoder that the header of a [`Capture`](crate::Capture) asks for, and the bytes behind it; `None` where there is no header.
    ///
    /// ```
    /// use waypost::decode::{Decoder, Item};
    ///
    /// let mut file = b"waypost-capture-1 freebsd socket little\n".to_vec();
    /// file.extend([24, 0, 5, 17, 2, 0, b'e', b'm', b'0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    /// let (decoder, bytes) = Decoder::of_capture(&file).unwrap();
    /// assert!(matches!(decoder.items(bytes)[..], [Item::Message(_)]));
    /// ```
    #[must_use]
    pub fn of_capture(file: &[u8]) -> Option<(Self, &[u8])> {
        // The header is a short line: what is longer is none.
        let end = file.iter().take(100).position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(file.get(..end)?).ok()?;
        let mut words = line.split(' ');
        let (magic, dialect, source, order) = (words.next()?, words.next()?, words.next()?, words.next()?);
        if magic != crate::capture::MAGIC || words.next().is_some() {
            return None;
        }
        let source = match source {
            "socket" => Source::Socket,
            "sysctl" => Source::Sysctl,
            _ => return None,
        };
        let is_big = match order {
            "big" => true,
            "little" => false,
            _ => return None,
        };
        Some((Self::named(dialect)?.source(source).big_endian(is_big), file.get(end + 1..)?))
    }

    /// The names of all dialects.
    pub fn names() -> impl Iterator<Item = &'static str> {
        wire::DIALECTS.into_iter().map(|dialect| dialect.name).chain([RTNETLINK])
    }

    /// The same, for bytes from `source`: some kernels write the same message in two ways, and what a socket tells as
    /// news a dump lists.
    #[must_use]
    pub const fn source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// The same, for bytes from a machine whose most significant byte comes first, or does not. rtnetlink is always
    /// read in this machine's order.
    #[must_use]
    pub const fn big_endian(mut self, is_so: bool) -> Self {
        self.order = if is_so { ByteOrder::Big } else { ByteOrder::Little };
        self
    }

    /// What is in `bytes`, in order.
    #[must_use]
    pub fn items(&self, bytes: &[u8]) -> Vec<Item> {
        match self.protocol {
            Protocol::Routing(dialect) => routing::items(dialect, self.order, self.source, bytes),
            Protocol::Netlink => netlink::items(bytes),
        }
    }
}

/// The names of the bits of `word`, and one number for those without.
fn named_bits(word: u32, name: impl Fn(u32) -> Option<&'static str>) -> Vec<String> {
    let mut others = 0;
    let mut names = Vec::new();
    for bit in (0..32).map(|bit| 1 << bit).filter(|bit| word & bit != 0) {
        match name(bit) {
            Some(name) => names.push(name.to_owned()),
            None => others |= bit,
        }
    }
    if others != 0 {
        names.push(format!("{others:#x}"));
    }
    names
}
