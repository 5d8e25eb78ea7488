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
        /// 64 bits of an address, those of the node at `depth` in front: a walk down reads them with [`first`] and shifts them,
        /// which is cheaper than [`chunk`](Self::chunk) for each node and than shifts of 128 bits.
        fn window(bits: Self::Bits, depth: u8) -> u64;
        /// The window one step further down, where the node is at `depth`.
        fn next_window(window: u64, bits: Self::Bits, depth: u8) -> u64;
        /// The first 64 bits and those behind, the address being at the front.
        fn halves(bits: Self::Bits) -> (u64, u64);
        fn of_halves(high: u64, low: u64) -> Self::Bits;
    }

    /// The six bits in front of a window.
    #[inline]
    pub(in super::super) const fn first(window: u64) -> usize {
        (window >> (u64::BITS - STRIDE as u32)) as usize
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
                    first(Self::window(bits, depth))
                }

                #[inline]
                fn top(bits: $bits, depth: u8) -> usize {
                    // In two steps, as no bits at all would be a shift by the whole width.
                    (Self::window(bits, 0) >> 1 >> (63 - STRIDE * depth)) as usize
                }

                #[inline]
                fn place(chunk: usize, depth: u8) -> $bits {
                    ((chunk as $bits) << ($bits::BITS - STRIDE as u32)) >> (STRIDE * depth)
                }

                #[inline]
                fn window(bits: $bits, depth: u8) -> u64 {
                    $halves(bits << (STRIDE * depth)).0
                }

                #[inline]
                fn next_window(window: u64, bits: $bits, depth: u8) -> u64 {
                    // Whole chunks that a window has: a longer address needs a new one then.
                    const CHUNKS: u8 = (u64::BITS / STRIDE as u32) as u8;
                    if $bits::BITS > u64::BITS && (depth == CHUNKS || depth == 2 * CHUNKS) {
                        return Self::window(bits, depth);
                    }
                    window << STRIDE
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
