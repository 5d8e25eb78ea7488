//! What a table can be keyed by.

use crate::{Ipv4Prefix, Ipv6Prefix};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A prefix that a [`Table`](super::Table) can be keyed by: [`Ipv4Prefix`] or [`Ipv6Prefix`], and nothing else.
pub trait Key: sealed::Walk + Copy + Ord + fmt::Debug {
    /// The address that is looked up among these prefixes.
    type Address: Copy;

    /// The prefix that holds this address and nothing else.
    fn of(address: Self::Address) -> Self;
}

pub(super) mod sealed {
    use super::super::node::STRIDE;
    use crate::{Ipv4Prefix, Ipv6Prefix};
    use std::fmt;
    use std::ops::BitOr;

    /// What the table does with a prefix: it takes six bits at a time.
    #[expect(unnameable_types, reason = "a trait that cannot be named cannot be implemented elsewhere")]
    pub trait Walk {
        type Bits: Copy + Default + BitOr<Output = Self::Bits> + fmt::Debug;

        fn length(self) -> u8;
        fn bits(self) -> Self::Bits;
        fn from_bits(bits: Self::Bits, length: u8) -> Self;
        /// The six bits that the node at `depth` takes. Behind the end of the address they are zero.
        fn chunk(bits: Self::Bits, depth: u8) -> usize;
        /// An address with nothing set but `chunk` at `depth`.
        fn place(chunk: usize, depth: u8) -> Self::Bits;
    }

    macro_rules! walk {
        ($prefix:ident, $bits:ident) => {
            impl Walk for $prefix {
                type Bits = $bits;

                fn length(self) -> u8 {
                    Self::length(self)
                }

                fn bits(self) -> $bits {
                    Self::bits(self)
                }

                fn from_bits(bits: $bits, length: u8) -> Self {
                    Self::from_bits(bits, length)
                }

                #[inline]
                fn chunk(bits: $bits, depth: u8) -> usize {
                    ((bits << (STRIDE * depth)) >> ($bits::BITS - STRIDE as u32)) as usize
                }

                fn place(chunk: usize, depth: u8) -> $bits {
                    ((chunk as $bits) << ($bits::BITS - STRIDE as u32)) >> (STRIDE * depth)
                }
            }
        };
    }

    walk!(Ipv4Prefix, u32);
    walk!(Ipv6Prefix, u128);
}

impl Key for Ipv4Prefix {
    type Address = Ipv4Addr;

    fn of(address: Ipv4Addr) -> Self {
        Self::host(address)
    }
}

impl Key for Ipv6Prefix {
    type Address = Ipv6Addr;

    fn of(address: Ipv6Addr) -> Self {
        Self::host(address)
    }
}
