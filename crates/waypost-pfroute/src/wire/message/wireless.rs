//! Messages of which the model has no use, and people have.

use crate::wire::bytes::View;
use crate::wire::dialect::{HeadLayout, WirelessLayout};

/// The state of a wireless interface: `struct if_ieee80211_msghdr`.
#[derive(Clone, Copy, Debug)]
pub struct WirelessMessage<'a> {
    pub(super) view: View<'a>,
    pub(super) layout: &'static WirelessLayout,
}

impl<'a> WirelessMessage<'a> {
    /// The interface's index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.view.u32(self.layout.index)
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> u8 {
        self.view.u8(self.layout.channel)
    }

    /// The network's name, 32 bytes at most; any bytes will do for one.
    #[must_use]
    pub fn network(&self) -> &'a [u8] {
        let start = usize::from(self.layout.network);
        let place = self.view.bytes.get(start..start + 32).unwrap_or_default();
        let length = usize::from(self.view.u8(self.layout.network_length));
        place.get(..length).unwrap_or(place)
    }

    /// The base station's link-layer address.
    #[must_use]
    pub fn station(&self) -> &'a [u8] {
        let start = usize::from(self.layout.station);
        self.view.bytes.get(start..start + 6).unwrap_or_default()
    }

    /// The whole message.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.view.bytes
    }
}

/// The state of a neighbour that BFD watches. No more of it is read than what every header has.
#[derive(Clone, Copy, Debug)]
pub struct BfdMessage<'a> {
    pub(super) view: View<'a>,
    pub(super) layout: &'static HeadLayout,
}

impl<'a> BfdMessage<'a> {
    /// The interface's index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.view.u32(self.layout.index)
    }

    /// The whole message.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.view.bytes
    }
}
