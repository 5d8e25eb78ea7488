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
        type Bits: Copy + Default + Ord + BitOr<Output = Self::Bits> + fmt::Debug;

        fn length(self) -> u8;
        fn bits(self) -> Self::Bits;
        fn from_bits(bits: Self::Bits, length: u8) -> Self;
        /// Says whether two addresses have the same first `length` bits.
        fn agree(one: Self::Bits, other: Self::Bits, length: u8) -> bool;
        /// The six bits that the node at `depth` takes. Behind the end of the address they are zero.
        fn chunk(bits: Self::Bits, depth: u8) -> usize;
        /// The number that the first `6 * depth` bits make.
        fn top(bits: Self::Bits, depth: u8) -> usize;
        /// An address with nothing set but `chunk` at `depth`.
        fn place(chunk: usize, depth: u8) -> Self::Bits;
        /// What of an address the node at `depth` and those below it take, its six bits in front. A walk down takes them off one
        /// by one with [`first`](Self::first) and [`behind`](Self::behind), which is cheaper than [`chunk`](Self::chunk) for each.
        fn from(bits: Self::Bits, depth: u8) -> Self::Bits;
        fn first(rest: Self::Bits) -> usize;
        fn behind(rest: Self::Bits) -> Self::Bits;
        /// The first 64 bits and those behind, the address being at the front.
        fn halves(bits: Self::Bits) -> (u64, u64);
        fn of_halves(high: u64, low: u64) -> Self::Bits;
    }

    macro_rules! walk {
        ($prefix:ident, $bits:ident, $halves:expr, $of_halves:expr) => {
            impl Walk for $prefix {
                type Bits = $bits;

                #[inline]
                fn length(self) -> u8 {
                    Self::length(self)
                }

                #[inline]
                fn bits(self) -> $bits {
                    Self::bits(self)
                }

                #[inline]
                fn from_bits(bits: $bits, length: u8) -> Self {
                    Self::from_bits(bits, length)
                }

                #[inline]
                fn agree(one: $bits, other: $bits, length: u8) -> bool {
                    (one ^ other).leading_zeros() >= u32::from(length)
                }

                #[inline]
                fn chunk(bits: $bits, depth: u8) -> usize {
                    Self::first(<Self as Walk>::from(bits, depth))
                }

                #[inline]
                fn top(bits: $bits, depth: u8) -> usize {
                    // In two steps, as no bits at all would be a shift by the whole width.
                    (bits >> 1 >> ($bits::BITS as u8 - 1 - STRIDE * depth)) as usize
                }

                #[inline]
                fn place(chunk: usize, depth: u8) -> $bits {
                    ((chunk as $bits) << ($bits::BITS - STRIDE as u32)) >> (STRIDE * depth)
                }

                #[inline]
                fn from(bits: $bits, depth: u8) -> $bits {
                    bits << (STRIDE * depth)
                }

                #[inline]
                fn first(rest: $bits) -> usize {
                    (rest >> ($bits::BITS - STRIDE as u32)) as usize
                }

                #[inline]
                fn behind(rest: $bits) -> $bits {
                    rest << STRIDE
                }

                #[inline]
                fn halves(bits: $bits) -> (u64, u64) {
                    $halves(bits)
                }

                #[inline]
                fn of_halves(high: u64, low: u64) -> $bits {
                    $of_halves(high, low)
                }
            }
        };
    }

    walk!(Ipv4Prefix, u32, |bits| (u64::from(bits) << 32, 0), |high, _| (high >> 32) as u32);
    walk!(Ipv6Prefix, u128, |bits| ((bits >> 64) as u64, bits as u64), |high, low| u128::from(high) << 64 | u128::from(low));
}

impl Key for Ipv4Prefix {
    type Address = Ipv4Addr;

    #[inline]
    fn of(address: Ipv4Addr) -> Self {
        Self::host(address)
    }
}

impl Key for Ipv6Prefix {
    type Address = Ipv6Addr;

    #[inline]
    fn of(address: Ipv6Addr) -> Self {
        Self::host(address)
    }
}
