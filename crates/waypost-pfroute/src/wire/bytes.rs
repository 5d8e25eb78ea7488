//! Numbers in messages: where they stand, how wide they are, which byte comes first.

/// Which byte of a number comes first on the machine that wrote the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the systems that have PF_ROUTE know no third order")]
pub enum ByteOrder {
    /// The least significant byte first, as on amd64 and arm64.
    Little,
    /// The most significant byte first.
    Big,
}

impl ByteOrder {
    /// The order of the machine that this code runs on.
    pub const NATIVE: Self = if cfg!(target_endian = "little") { Self::Little } else { Self::Big };

    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// A number in a header: its offset from the start of the message, and its width.
///
/// [`Field::NONE`] is a number that a system's headers do not have: it reads as zero, and zero alone can be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    offset: u16,
    /// How many bytes: 1, 2, 4, 8, or none.
    width: u8,
    /// The largest number that it can have: those bits of eight bytes that are read at once.
    largest: u64,
}

impl Field {
    /// A number that is not there.
    pub const NONE: Self = Self { offset: 0, width: 0, largest: 0 };

    /// A number of one byte.
    #[must_use]
    pub const fn u8(offset: u16) -> Self {
        Self { offset, width: 1, largest: 0xff }
    }

    /// A number of two bytes.
    #[must_use]
    pub const fn u16(offset: u16) -> Self {
        Self { offset, width: 2, largest: 0xffff }
    }

    /// A number of four bytes.
    #[must_use]
    pub const fn u32(offset: u16) -> Self {
        Self { offset, width: 4, largest: 0xffff_ffff }
    }

    /// A number of eight bytes.
    #[must_use]
    pub const fn u64(offset: u16) -> Self {
        Self { offset, width: 8, largest: u64::MAX }
    }

    /// How many bytes from the start of the message it stands.
    #[must_use]
    pub const fn offset(self) -> u16 {
        self.offset
    }

    /// How many bytes it has: 1, 2, 4 or 8; 0 where it is not there.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width as u16
    }

    /// The number in `bytes`; `None` where they end before it does.
    #[must_use]
    #[inline]
    pub fn read(self, order: ByteOrder, bytes: &[u8]) -> Option<u64> {
        let at = usize::from(self.offset);
        // Behind nearly every number there are so many bytes that it is one load, whatever its width.
        let Some(&eight) = bytes.get(at..at + 8).and_then(<[u8]>::first_chunk) else {
            return self.read_last(order, bytes.get(at..)?);
        };
        Some(match order {
            ByteOrder::Little => u64::from_le_bytes(eight) & self.largest,
            ByteOrder::Big => u64::from_be_bytes(eight).wrapping_shr(64 - 8 * u32::from(self.width)) & self.largest,
        })
    }

    /// The number that `bytes` begin with, which are fewer than eight.
    #[cold]
    fn read_last(self, order: ByteOrder, bytes: &[u8]) -> Option<u64> {
        Some(match self.width {
            0 => 0,
            1 => u64::from(*bytes.first()?),
            2 => u64::from(order.u16(*bytes.first_chunk()?)),
            4 => u64::from(order.u32(*bytes.first_chunk()?)),
            _ => return None,
        })
    }

    /// Writes `value` to its place; `false`, and nothing written, where the value or the place does not fit.
    #[must_use]
    pub fn write(self, order: ByteOrder, bytes: &mut [u8], value: u64) -> bool {
        let width = usize::from(self.width());
        let at = usize::from(self.offset);
        let Some(place) = bytes.get_mut(at..at + width) else { return false };
        let little = value.to_le_bytes();
        let (low, high) = little.split_at(width);
        if high.iter().any(|&byte| byte != 0) {
            return false;
        }
        place.copy_from_slice(low);
        if order == ByteOrder::Big {
            place.reverse();
        }
        true
    }
}

/// A message whose length covers its header, so that reading a header's field cannot fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) order: ByteOrder,
    pub(super) bytes: &'a [u8],
}

impl View<'_> {
    /// The number, or zero where the message ends before it, which no caller's field does.
    #[inline]
    pub(super) fn get(self, field: Field) -> u64 {
        field.read(self.order, self.bytes).unwrap_or(0)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the layouts give four bytes or fewer to these")]
    #[inline]
    pub(super) fn u32(self, field: Field) -> u32 {
        self.get(field) as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "the layouts give one byte or none to these")]
    #[inline]
    pub(super) fn u8(self, field: Field) -> u8 {
        self.get(field) as u8
    }

    #[expect(clippy::cast_possible_truncation, reason = "the layouts give two bytes or fewer to these")]
    #[inline]
    pub(super) fn u16(self, field: Field) -> u16 {
        self.get(field) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reads_back_as_written_in_either_order() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for (field, value) in [
                (Field::u8(1), 0x12),
                (Field::u16(2), 0x1234),
                (Field::u32(4), 0x1234_5678),
                (Field::u64(8), 0x0123_4567_89ab_cdef),
            ] {
                let mut bytes = [0; 16];
                assert!(field.write(order, &mut bytes, value));
                assert_eq!(field.read(order, &bytes), Some(value));
            }
        }
        let mut bytes = [0; 2];
        assert!(Field::u16(0).write(ByteOrder::Big, &mut bytes, 0x1234));
        assert_eq!(bytes, [0x12, 0x34]);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_leaves_the_bytes_alone() {
        let mut bytes = [7; 4];
        assert!(!Field::u16(0).write(ByteOrder::Little, &mut bytes, 0x1_0000));
        assert!(!Field::u32(1).write(ByteOrder::Little, &mut bytes, 0));
        assert_eq!(bytes, [7; 4]);
        assert_eq!(Field::u32(1).read(ByteOrder::Little, &bytes), None);
    }

    #[test]
    fn what_a_header_does_not_have_is_zero() {
        let mut bytes = [7; 4];
        assert_eq!(Field::NONE.read(ByteOrder::Little, &bytes), Some(0));
        assert!(Field::NONE.write(ByteOrder::Little, &mut bytes, 0));
        assert!(!Field::NONE.write(ByteOrder::Little, &mut bytes, 1));
        assert_eq!(bytes, [7; 4]);
    }
}
