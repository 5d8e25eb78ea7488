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

/// How many bits of the address a node takes.
pub(super) const STRIDE: u8 = 6;

/// Six bits of the address: what they match and where they lead.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Node {
    /// The prefixes that end in this node, by [`position`].
    pub(super) prefixes: u128,
    /// The values of the six bits for which a node follows.
    pub(super) children: u64,
    /// Where the block of child nodes starts in their arena, the children in order.
    pub(super) child_base: u32,
    /// Where the block of values starts in their arena, one for each bit of `prefixes`, in order.
    pub(super) value_base: u32,
}

impl Node {
    /// Says whether nothing ends or goes on here; only the root may stay so.
    pub(super) const fn is_empty(&self) -> bool {
        self.prefixes == 0 && self.children == 0
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
        if self.prefixes >> position & 1 == 0 {
            return None;
        }
        Some(self.value_base as usize + self.value_rank(position))
    }

    /// How many prefixes of this node come before `position`.
    pub(super) const fn value_rank(&self, position: u32) -> usize {
        (self.prefixes & ((1 << position) - 1)).count_ones() as usize
    }
}

/// The number of the prefix of `length` bits (1 to 6, or 0 for the virtual root) that starts at `chunk`, whose other bits are zero.
///
/// Each step down the tree to the left adds one. Each step to the right adds one and jumps over the left subtree: 2 to the
/// power of the levels below, which is twice the weight of that bit in `chunk`.
pub(super) const fn position(chunk: usize, length: u8) -> u32 {
    2 * chunk as u32 + length as u32 - chunk.count_ones()
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
