//! The node: which prefixes end in its six bits of the address, and which go on.
//!
//! The prefixes of relative length 1 to 6 inside a node form a binary tree. They are numbered in depth-first order, the
//! (virtual) prefix of length 0 being number 0:
//!
//! ```text
//!                      0  */0                 (belongs to the parent node, as its length 6)
//!            1  0/1              64  1/1
//!      2  00/2    33  01/2    65  10/2   96  11/2
//!       …           …           …          …
//! ```
//!
//! So the order of the bits is that of the prefixes, the prefixes inside another one are a run of bits, and the longest of several
//! that contain one address is the highest bit.
//!
//! A *leaf* is one single prefix that stands where a node would lead to nothing else, however much longer it is. It keeps the prefix and the value
//! in the fields of the node. As it has no children, a walk down ends at it as at any node that leads no further, and asks only then which it is:
//!
//! ```text
//!         prefixes: 16 bytes                     children: 8      child_base: 4      value_base: 4
//! node    a bit for each prefix that ends here   a bit for each   where they         between the values of the
//!                                                chunk that goes  lie                low half and of the high half
//!                                                on
//! leaf    the address, its high 64 bits first    0                the length, and    the value
//!                                                                 bit 31
//! ```

use super::key::Key;

/// How many bits of the address a node takes.
pub(super) const STRIDE: u8 = 6;

/// The mark of a leaf, in the place of where the children lie: an arena has no index as high as that.
const LEAF: u32 = 1 << 31;

/// Six bits of the address: what they match and where they lead. Or a leaf.
///
/// It asks for no alignment of its own, although half of the nodes lie across two cache lines without it: memory that is aligned to more than 16 bytes cannot
/// grow in its place, and to copy all nodes each time costs insertion far more than the second line costs a lookup.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Node {
    /// The prefixes that end in this node, by [`position`], the low half first. All that contain one address are in the same half,
    /// that of its first bit here.
    halves: [u64; 2],
    /// The values of the six bits for which a node follows; none for a leaf.
    pub(super) children: u64,
    /// Where the block of child nodes starts in their arena, the children in order.
    pub(super) child_base: u32,
    /// Where in the arena of values the one of the first bit of the high half is, if there is any, behind those of the low half: one
    /// for each bit of `halves`, in order. So the place of a value hangs on the bits of one half alone. The value itself, for a leaf.
    value_base: u32,
}

impl Node {
    /// Says whether nothing ends or goes on here.
    pub(super) const fn is_empty(&self) -> bool {
        self.halves[0] | self.halves[1] | self.children == 0 && !self.is_leaf()
    }

    /// The leaf of one prefix.
    pub(super) fn leaf<P: Key>(prefix: P, value: u32) -> Self {
        let (high, low) = P::halves(prefix.bits());
        Self { halves: [high, low], children: 0, child_base: LEAF | u32::from(prefix.length()), value_base: value }
    }

    /// Says whether this is a leaf.
    pub(super) const fn is_leaf(&self) -> bool {
        self.child_base & LEAF != 0
    }

    /// The value of a leaf.
    pub(super) const fn leaf_value(&self) -> &u32 {
        &self.value_base
    }

    /// The value of a leaf, to be changed in place.
    pub(super) const fn leaf_value_mut(&mut self) -> &mut u32 {
        &mut self.value_base
    }

    /// The address of a leaf's prefix.
    pub(super) fn leaf_bits<P: Key>(&self) -> P::Bits {
        P::of_halves(self.halves[0], self.halves[1])
    }

    /// The length of a leaf's prefix.
    pub(super) const fn leaf_length(&self) -> u8 {
        self.child_base as u8
    }

    /// The prefix of a leaf.
    pub(super) fn leaf_prefix<P: Key>(&self) -> P {
        P::from_bits(self.leaf_bits::<P>(), self.leaf_length())
    }

    /// The prefixes that end here, by [`position`].
    pub(super) const fn prefixes(&self) -> u128 {
        (self.halves[1] as u128) << 64 | self.halves[0] as u128
    }

    /// Notes that a prefix ends here, or that it does so no longer.
    pub(super) const fn toggle_prefix(&mut self, position: u32) {
        self.halves[(position as usize >> 6) & 1] ^= 1 << (position % 64);
    }

    /// Says whether any of the prefixes here contains what has this chunk.
    #[inline]
    pub(super) const fn has_any(&self, chunk: usize) -> bool {
        let half = chunk >> 5 & 1;
        self.halves[half] & HALF_ANCESTORS[chunk & 63] != 0
    }

    /// The longest of the prefixes here that contain what has this chunk: its length, and where in the arena of values its value is.
    #[inline]
    pub(super) fn longest(&self, chunk: usize) -> Option<(u8, usize)> {
        let half = chunk >> 5 & 1;
        let prefixes = self.halves[half];
        let position = (prefixes & HALF_ANCESTORS[chunk & 63]).checked_ilog2()?;
        let (_, length) = place(position + 64 * half as u32);
        // Which half it is cannot be guessed, so nothing here branches on it. In the high half, as many values as there are bits before this one stand
        // between the base and its own; in the low half, from its own on, as many as there are bits from this one on.
        let is_low = (half as u64).wrapping_sub(1);
        let between = (prefixes & (((1 << position) - 1) ^ is_low)).count_ones();
        let value = self.value_base.wrapping_add((between ^ is_low as u32).wrapping_sub(is_low as u32));
        Some((length, value as usize))
    }

    /// The bits of the prefixes here that contain what has this chunk, the shortest first, in the half that the chunk belongs to.
    #[inline]
    pub(super) const fn hits(&self, chunk: usize) -> u64 {
        self.halves[chunk >> 5 & 1] & HALF_ANCESTORS[chunk & 63]
    }

    /// The prefix of this bit in the half of a chunk: its length, and where in the arena of values its value is.
    #[inline]
    pub(super) const fn hit(&self, chunk: usize, bit: u32) -> (u8, usize) {
        let half = chunk >> 5 & 1;
        let (_, length) = place(bit + 64 * half as u32);
        // As in `longest`.
        let is_low = (half as u64).wrapping_sub(1);
        let between = (self.halves[half] & (((1 << bit) - 1) ^ is_low)).count_ones();
        (length, self.value_base.wrapping_add((between ^ is_low as u32).wrapping_sub(is_low as u32)) as usize)
    }

    /// Where the block of values starts in their arena; 0 if there are none.
    pub(super) const fn values(&self) -> u32 {
        self.value_base - self.halves[0].count_ones()
    }

    /// Notes where the block of values, one for each prefix, starts.
    pub(super) const fn set_values(&mut self, start: u32) {
        self.value_base = start + self.halves[0].count_ones();
    }

    /// How many prefixes end here.
    pub(super) const fn prefix_count(&self) -> usize {
        (self.halves[0].count_ones() + self.halves[1].count_ones()) as usize
    }

    /// How many children there are.
    pub(super) const fn child_count(&self) -> usize {
        self.children.count_ones() as usize
    }

    /// Where in the arena of nodes the child for `chunk` is.
    pub(super) const fn child(&self, chunk: usize) -> Option<usize> {
        if self.children >> chunk & 1 == 0 {
            return None;
        }
        Some(self.child_base as usize + self.child_rank(chunk))
    }

    /// How many children come before that for `chunk`.
    pub(super) const fn child_rank(&self, chunk: usize) -> usize {
        (self.children & ((1 << chunk) - 1)).count_ones() as usize
    }

    /// Where in the arena of values the value of the prefix at `position` is.
    pub(super) const fn value(&self, position: u32) -> Option<usize> {
        if self.prefixes() >> position & 1 == 0 {
            return None;
        }
        Some(self.values() as usize + self.value_rank(position))
    }

    /// How many prefixes of this node come before `position`.
    pub(super) const fn value_rank(&self, position: u32) -> usize {
        (self.prefixes() & ((1 << position) - 1)).count_ones() as usize
    }
}

/// The number of the prefix of `length` bits (1 to 6, or 0 for the virtual root) that starts at `chunk`, whose other bits are zero.
///
/// Each step down the tree to the left adds one. Each step to the right adds one and jumps over the left subtree: 2 to the
/// power of the levels below, which is twice the weight of that bit in `chunk`, less one.
pub(super) const fn position(chunk: usize, length: u8) -> u32 {
    FIRST[chunk & 63] as u32 + length as u32
}

/// The chunk and the length that a [`position`] stands for.
pub(super) const fn place(position: u32) -> (usize, u8) {
    let (chunk, length) = PLACES[position as usize & 127];
    (chunk as usize, length)
}

/// The positions of the prefix of `length` bits that starts at `chunk` and of all inside it.
pub(super) const fn subtree(chunk: usize, length: u8) -> u128 {
    ((1 << ((1 << (STRIDE + 1 - length)) - 1)) - 1) << position(chunk, length)
}

/// The values of the six bits that lie inside the prefix of `length` bits that starts at `chunk`.
pub(super) const fn leaves(chunk: usize, length: u8) -> u64 {
    (u64::MAX >> (64 - (1 << (STRIDE - length)))) << chunk
}

/// What the right turns on the way to a chunk add to its position.
const FIRST: [u8; 64] = {
    let mut first = [0; 64];
    let mut chunk = 0_usize;
    while chunk < 64 {
        first[chunk] = (2 * chunk) as u8 - chunk.count_ones() as u8;
        chunk += 1;
    }
    first
};

/// For each value of the six bits, the positions of the prefixes that contain it.
pub(super) const ANCESTORS: [u128; 64] = {
    let mut masks = [0; 64];
    let mut chunk = 0;
    while chunk < 64 {
        let mut length = 1;
        while length <= STRIDE {
            let dropped = STRIDE - length;
            masks[chunk] |= 1 << position(chunk >> dropped << dropped, length);
            length += 1;
        }
        chunk += 1;
    }
    masks
};

/// The same in the half of a node that the chunk belongs to.
const HALF_ANCESTORS: [u64; 64] = {
    let mut halves = [0; 64];
    let mut chunk = 0;
    while chunk < 64 {
        halves[chunk] = (ANCESTORS[chunk] >> (64 * (chunk >> 5))) as u64;
        chunk += 1;
    }
    halves
};

const PLACES: [(u8, u8); 128] = {
    let mut places = [(0, 0); 128];
    let mut length = 0;
    while length <= STRIDE {
        let step = 1 << (STRIDE - length);
        let mut chunk = 0;
        while chunk < 64 {
            places[position(chunk, length) as usize] = (chunk as u8, length);
            chunk += step;
        }
        length += 1;
    }
    places
};
