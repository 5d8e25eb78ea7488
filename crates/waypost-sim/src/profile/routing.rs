//! What one system's kernel does on its routing sockets, beyond what its dialect says.

use waypost_pfroute::wire::{
    DRAGONFLY, DRAGONFLY6, Dialect, FREEBSD, FREEBSD_I386, ILLUMOS, MACOS, NETBSD, NETBSD7, OPENBSD, OPENBSD_I386,
};

/// A kernel with routing sockets, as data.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RoutingProfile {
    /// How it writes messages.
    pub dialect: &'static Dialect,
    /// The system's name, for people.
    pub system: &'static str,
    /// The length of the sockaddr that names an interface; `None` where it is as long as the name and address need.
    pub interface_length: Option<u8>,
    /// The answer to a request that was done is made anew from the table; elsewhere it is the request itself, but for deletions
    /// and lookups.
    pub answers_anew: bool,
    /// Answers and events name the interface in their header; elsewhere only answers to those who asked for it.
    pub says_index: bool,
    /// Who writes nonsense hears so only by the error of the write.
    pub hides_nonsense: bool,
    /// What has another version or length than it should is told to all without the number of the error.
    pub leaves_nonsense: bool,
    /// A dump that does not fit is cut, and called a success.
    pub cuts_dumps: bool,
    /// A reader who is told by an error that messages were lost.
    pub tells_loss: bool,
}

const BERKELEY: RoutingProfile = RoutingProfile {
    dialect: &FREEBSD,
    system: "FreeBSD",
    interface_length: None,
    answers_anew: false,
    says_index: true,
    hides_nonsense: false,
    leaves_nonsense: false,
    cuts_dumps: false,
    tells_loss: true,
};

/// As captured from 13.0, with SO_RERROR of 14.
const FREE: RoutingProfile = RoutingProfile { interface_length: Some(56), leaves_nonsense: true, cuts_dumps: true, ..BERKELEY };
/// As captured from 7.99.34, with SO_RERROR of 9.
const NET: RoutingProfile = RoutingProfile { dialect: &NETBSD, system: "NetBSD", says_index: false, ..BERKELEY };
const OPEN: RoutingProfile = RoutingProfile {
    dialect: &OPENBSD,
    system: "OpenBSD",
    interface_length: Some(32),
    answers_anew: true,
    hides_nonsense: true,
    ..BERKELEY
};
const DRAGON: RoutingProfile =
    RoutingProfile { dialect: &DRAGONFLY, system: "DragonFly", interface_length: Some(54), ..BERKELEY };

impl RoutingProfile {
    /// One for each dialect.
    pub const ALL: [Self; 10] = [
        FREE,
        Self { dialect: &FREEBSD_I386, ..FREE },
        NET,
        Self { dialect: &NETBSD7, ..NET },
        OPEN,
        Self { dialect: &OPENBSD_I386, ..OPEN },
        DRAGON,
        Self { dialect: &DRAGONFLY6, tells_loss: false, ..DRAGON },
        Self { dialect: &MACOS, system: "macOS", interface_length: Some(20), tells_loss: false, ..BERKELEY },
        Self { dialect: &ILLUMOS, system: "illumos", interface_length: Some(252), tells_loss: false, ..BERKELEY },
    ];

    /// The one that speaks the dialect of this name.
    #[must_use]
    pub fn named(dialect: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.dialect.name == dialect)
    }
}
