//! Destinations: an address and how many of its leading bits count.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address family that routes can have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a prefix is IPv4 or IPv6; labels and others have their own types")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of `address`.
    #[must_use]
    pub const fn of(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// How many bits an address of this family has: 32 or 128.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "inet",
            Self::V6 => "inet6",
        })
    }
}

/// Why a prefix was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// The length is larger than the family's addresses are long.
    #[error("a prefix of family {family} has 0 to {} bits, not {length}", family.bits())]
    Length {
        /// The family of the address.
        family: Family,
        /// The length that was asked for.
        length: u8,
    },
    /// Bits behind the length are set. The kernel would refuse the route, or mask it without a word.
    #[error("{address}/{length} has host bits set; the network is {network}")]
    HostBits {
        /// The address that was given.
        address: IpAddr,
        /// The length that was given.
        length: u8,
        /// What it would be with the host bits cleared.
        network: Prefix,
    },
    /// The text is no address, or no `address/length`.
    #[error("\"{0}\" is not an address or a prefix")]
    Syntax(String),
}

macro_rules! prefix_of {
    ($name:ident, $family:expr, $address:ident, $bits:ident, $width:literal, $example:literal, $doc:literal) => {
        #[doc = $doc]
        ///
        /// Host bits are always zero, so equality is plain. The order is that of a depth-first walk: by network
        /// address, and a shorter prefix before the longer ones inside it.
        ///
        /// ```
        #[doc = concat!("use waypost_core::", stringify!($name), ";")]
        ///
        #[doc = concat!("let prefix: ", stringify!($name), " = \"", $example, "\".parse()?;")]
        #[doc = concat!("assert_eq!(prefix.to_string(), \"", $example, "\");")]
        /// # Ok::<(), waypost_core::PrefixError>(())
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            network: $address,
            length: u8,
        }

        impl $name {
            /// The longest length: that of a host route.
            pub const MAX_LENGTH: u8 = $width;
            /// The default route's destination: length zero, which contains every address.
            pub const DEFAULT: Self = Self { network: $address::UNSPECIFIED, length: 0 };

            /// The prefix of this network address and length.
            ///
            /// # Errors
            ///
            /// [`PrefixError::Length`] where `length` is too large and [`PrefixError::HostBits`] where bits behind it are set.
            pub fn new(network: $address, length: u8) -> Result<Self, PrefixError> {
                let prefix = Self::containing(network, length)?;
                if prefix.network != network {
                    return Err(PrefixError::HostBits { address: network.into(), length, network: prefix.into() });
                }
                Ok(prefix)
            }

            /// The prefix of this length that contains `address`: host bits are cleared.
            ///
            /// # Errors
            ///
            /// [`PrefixError::Length`] where `length` is too large.
            pub const fn containing(address: $address, length: u8) -> Result<Self, PrefixError> {
                if length > Self::MAX_LENGTH {
                    return Err(PrefixError::Length { family: $family, length });
                }
                Ok(Self::from_bits(address.to_bits(), length))
            }

            /// The prefix of the first `length` of these bits, the address in host byte order; a larger `length` counts as the largest.
            #[must_use]
            pub const fn from_bits(bits: $bits, length: u8) -> Self {
                let length = if length > Self::MAX_LENGTH { Self::MAX_LENGTH } else { length };
                Self { network: $address::from_bits(bits & Self::mask_bits(length)), length }
            }

            /// The host route's prefix: `address` and nothing else.
            #[must_use]
            pub const fn host(address: $address) -> Self {
                Self { network: address, length: Self::MAX_LENGTH }
            }

            /// The network address: the lowest address inside.
            #[must_use]
            pub const fn network(self) -> $address {
                self.network
            }

            /// The network address as a number.
            #[must_use]
            pub const fn bits(self) -> $bits {
                self.network.to_bits()
            }

            /// How many leading bits count.
            #[must_use]
            pub const fn length(self) -> u8 {
                self.length
            }

            /// The mask: as many leading ones as the length says.
            #[must_use]
            pub const fn mask(self) -> $address {
                $address::from_bits(Self::mask_bits(self.length))
            }

            /// The highest address inside.
            #[must_use]
            pub const fn last(self) -> $address {
                $address::from_bits(self.network.to_bits() | !Self::mask_bits(self.length))
            }

            /// Says whether this is the default route's destination.
            #[must_use]
            pub const fn is_default(self) -> bool {
                self.length == 0
            }

            /// Says whether `address` lies inside.
            #[must_use]
            pub const fn contains(self, address: $address) -> bool {
                (address.to_bits() ^ self.network.to_bits()) & Self::mask_bits(self.length) == 0
            }

            /// Says whether all of `other` lies inside; a prefix covers itself.
            #[must_use]
            pub const fn covers(self, other: Self) -> bool {
                self.length <= other.length && self.contains(other.network)
            }

            const fn mask_bits(length: u8) -> $bits {
                if length == 0 { 0 } else { $bits::MAX << ($width - length) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if f.width().is_some() {
                    return f.pad(&format!("{}/{}", self.network, self.length));
                }
                write!(f, "{}/{}", self.network, self.length)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = PrefixError;

            /// Reads `address/length`; a bare address is a host route.
            fn from_str(text: &str) -> Result<Self, PrefixError> {
                let (address, length) = split_length(text)?;
                let address: $address = address.parse().map_err(|_| PrefixError::Syntax(text.to_owned()))?;
                Self::new(address, length.unwrap_or(Self::MAX_LENGTH))
            }
        }
    };
}

prefix_of!(Ipv4Prefix, Family::V4, Ipv4Addr, u32, 32, "10.1.0.0/16", "An IPv4 destination.");
prefix_of!(Ipv6Prefix, Family::V6, Ipv6Addr, u128, 128, "2001:db8::/32", "An IPv6 destination.");

/// Splits `address/length`; the length is `None` where there is no slash.
fn split_length(text: &str) -> Result<(&str, Option<u8>), PrefixError> {
    let Some((address, length)) = text.split_once('/') else {
        return Ok((text, None));
    };
    // `u8::from_str` takes a leading plus, which no routing tool does.
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PrefixError::Syntax(text.to_owned()));
    }
    let length = length.parse().map_err(|_| PrefixError::Syntax(text.to_owned()))?;
    Ok((address, Some(length)))
}

/// A destination of either family.
///
/// Host bits are always zero, so equality is plain. IPv4 sorts before IPv6.
///
/// ```
/// use waypost_core::Prefix;
///
/// let net: Prefix = "10.1.0.0/16".parse()?;
/// assert!(net.contains("10.1.2.3".parse().unwrap()));
/// assert!("10.1.0.1/16".parse::<Prefix>().is_err(), "host bits are refused, not dropped");
/// # Ok::<(), waypost_core::PrefixError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "one variant for each family there is")]
pub enum Prefix {
    /// An IPv4 destination.
    V4(Ipv4Prefix),
    /// An IPv6 destination.
    V6(Ipv6Prefix),
}

impl Prefix {
    /// The prefix of this network address and length.
    ///
    /// # Errors
    ///
    /// [`PrefixError::Length`] where `length` is too large and [`PrefixError::HostBits`] where bits behind it are set.
    pub fn new(network: IpAddr, length: u8) -> Result<Self, PrefixError> {
        Ok(match network {
            IpAddr::V4(network) => Self::V4(Ipv4Prefix::new(network, length)?),
            IpAddr::V6(network) => Self::V6(Ipv6Prefix::new(network, length)?),
        })
    }

    /// The prefix of this length that contains `address`: host bits are cleared.
    ///
    /// # Errors
    ///
    /// [`PrefixError::Length`] where `length` is too large.
    pub fn containing(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        Ok(match address {
            IpAddr::V4(address) => Self::V4(Ipv4Prefix::containing(address, length)?),
            IpAddr::V6(address) => Self::V6(Ipv6Prefix::containing(address, length)?),
        })
    }

    /// The host route's prefix: `address` and nothing else.
    #[must_use]
    pub const fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(Ipv4Prefix::host(address)),
            IpAddr::V6(address) => Self::V6(Ipv6Prefix::host(address)),
        }
    }

    /// The destination of the default route of `family`.
    #[must_use]
    pub const fn default_of(family: Family) -> Self {
        match family {
            Family::V4 => Self::V4(Ipv4Prefix::DEFAULT),
            Family::V6 => Self::V6(Ipv6Prefix::DEFAULT),
        }
    }

    /// The family.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(_) => Family::V6,
        }
    }

    /// The network address: the lowest address inside.
    #[must_use]
    pub const fn network(self) -> IpAddr {
        match self {
            Self::V4(prefix) => IpAddr::V4(prefix.network()),
            Self::V6(prefix) => IpAddr::V6(prefix.network()),
        }
    }

    /// How many leading bits count.
    #[must_use]
    pub const fn length(self) -> u8 {
        match self {
            Self::V4(prefix) => prefix.length(),
            Self::V6(prefix) => prefix.length(),
        }
    }

    /// Says whether this is a default route's destination.
    #[must_use]
    pub const fn is_default(self) -> bool {
        self.length() == 0
    }

    /// Says whether this is one address: /32 or /128.
    #[must_use]
    pub const fn is_host(self) -> bool {
        self.length() == self.family().bits()
    }

    /// Says whether `address` lies inside; an address of the other family never does.
    #[must_use]
    pub const fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(prefix), IpAddr::V4(address)) => prefix.contains(address),
            (Self::V6(prefix), IpAddr::V6(address)) => prefix.contains(address),
            _ => false,
        }
    }

    /// Says whether all of `other` lies inside; a prefix covers itself and none of the other family.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(prefix), Self::V4(other)) => prefix.covers(other),
            (Self::V6(prefix), Self::V6(other)) => prefix.covers(other),
            _ => false,
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(prefix) => prefix.fmt(f),
            Self::V6(prefix) => prefix.fmt(f),
        }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// Reads `address/length` of either family; a bare address is a host route.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, _) = split_length(text)?;
        match address.parse() {
            Ok(IpAddr::V4(_)) => text.parse().map(Self::V4),
            Ok(IpAddr::V6(_)) => text.parse().map(Self::V6),
            Err(_) => Err(PrefixError::Syntax(text.to_owned())),
        }
    }
}

impl From<Ipv4Prefix> for Prefix {
    fn from(prefix: Ipv4Prefix) -> Self {
        Self::V4(prefix)
    }
}

impl From<Ipv6Prefix> for Prefix {
    fn from(prefix: Ipv6Prefix) -> Self {
        Self::V6(prefix)
    }
}

#[cfg(feature = "serde")]
mod as_text {
    use super::{Ipv4Prefix, Ipv6Prefix, Prefix};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    macro_rules! as_text {
        ($($name:ident),*) => {$(
            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
                }
            }
        )*};
    }

    as_text!(Ipv4Prefix, Ipv6Prefix, Prefix);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_are_refused_and_named() {
        let error = "10.1.2.3/16".parse::<Prefix>().unwrap_err();
        assert_eq!(error.to_string(), "10.1.2.3/16 has host bits set; the network is 10.1.0.0/16");
        assert!("2001:db8::1/64".parse::<Prefix>().is_err());
    }

    #[test]
    fn lengths_end_at_the_width_of_the_family() {
        assert!(Prefix::new("0.0.0.0".parse().unwrap(), 33).is_err());
        assert!(Prefix::new("::".parse().unwrap(), 129).is_err());
        assert_eq!("::/0".parse::<Prefix>().unwrap(), Prefix::default_of(Family::V6));
        assert_eq!("10.0.0.1".parse::<Prefix>().unwrap().length(), 32);
    }

    #[test]
    fn text_that_is_no_prefix_is_refused() {
        for text in ["", "/", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0/8", "ten", "10.0.0.0/256", "10.0.0.0/ 8"] {
            assert!(matches!(text.parse::<Prefix>(), Err(PrefixError::Syntax(_))), "{text:?}");
        }
    }

    #[test]
    fn a_default_covers_all_of_its_own_family_only() {
        let v4 = Prefix::default_of(Family::V4);
        assert!(v4.contains("255.255.255.255".parse().unwrap()));
        assert!(!v4.contains("::".parse().unwrap()));
        assert!(v4.covers("10.0.0.0/8".parse().unwrap()));
        assert!(!v4.covers("::/0".parse().unwrap()));
    }

    #[test]
    fn order_is_that_of_a_depth_first_walk() {
        let mut prefixes: Vec<Prefix> = ["::/0", "10.0.0.0/16", "10.0.0.0/8", "9.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"]
            .map(|text| text.parse().unwrap())
            .to_vec();
        prefixes.sort();
        let text: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
        assert_eq!(text, ["0.0.0.0/0", "9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "::/0"]);
    }

    #[test]
    fn the_last_address_has_all_host_bits_set() {
        assert_eq!("10.1.0.0/16".parse::<Ipv4Prefix>().unwrap().last(), Ipv4Addr::new(10, 1, 255, 255));
        assert_eq!(Ipv6Prefix::DEFAULT.last(), Ipv6Addr::from_bits(u128::MAX));
    }
}
