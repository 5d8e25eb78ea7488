//! Prefixes in the short forms that people type.

use std::net::Ipv4Addr;

use crate::{Ipv4Prefix, ParseError, Prefix};

impl Prefix {
    /// Reads a prefix as people type it: of IPv4, octets that are zero may be left out before a length, and the length may be a mask.
    ///
    /// `10.1/16` is `10.1.0.0/16`, `0/1` is `0.0.0.0/1`, and `10.1.0.0/255.255.0.0` the first again. A short form without a length is
    /// refused: `ip route` takes `10.1` for the host 10.1.0.0, others for the network.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] that names the word, and why.
    ///
    /// ```
    /// use waypost_core::Prefix;
    ///
    /// assert_eq!(Prefix::parse_short("128/1")?.to_string(), "128.0.0.0/1");
    /// assert!(Prefix::parse_short("10.1").is_err());
    /// # Ok::<(), waypost_core::ParseError>(())
    /// ```
    pub fn parse_short(word: &str) -> Result<Self, ParseError> {
        let usual = match word.parse() {
            Ok(prefix) => return Ok(prefix),
            Err(error) => ParseError::from(error),
        };
        let (address, length) = word.split_once('/').map_or((word, None), |(address, length)| (address, Some(length)));
        let Some(octets) = octets(address) else { return Err(usual) };
        let Some(length) = length else {
            return Err(ParseError::new(word, "is no address, and as a network it needs its length"));
        };
        let length = match length.parse() {
            Ok(length) => length,
            Err(_) => length.parse().ok().and_then(length_of_mask).ok_or(usual)?,
        };
        Ok(Self::V4(Ipv4Prefix::new(octets.into(), length)?))
    }
}

/// One to four octets; those that are missing are zero.
fn octets(text: &str) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for (octet, part) in octets.iter_mut().zip(parts.by_ref()) {
        let is_number = !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
        *octet = Some(part).filter(|_| is_number)?.parse().ok()?;
    }
    parts.next().is_none().then_some(octets)
}

/// How many ones a mask begins with, if nothing but zeros follows.
fn length_of_mask(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    (bits.leading_ones() + bits.trailing_zeros() >= 32).then_some(bits.leading_ones() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_the_long_ones() {
        for (short, long) in [
            ("10/8", "10.0.0.0/8"),
            ("10.1/16", "10.1.0.0/16"),
            ("10.1.2/24", "10.1.2.0/24"),
            ("0/0", "0.0.0.0/0"),
            ("0/1", "0.0.0.0/1"),
            ("10.1.0.0/255.255.0.0", "10.1.0.0/16"),
            ("10.1/255.255.0.0", "10.1.0.0/16"),
            ("10.1.2.3/255.255.255.255", "10.1.2.3/32"),
            ("0/0.0.0.0", "0.0.0.0/0"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(Prefix::parse_short(short), Ok(long.parse().unwrap()), "{short}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for (wrong, why) in [
            ("10", "needs its length"),
            ("10.1", "needs its length"),
            ("10.1.2/16", "the network is 10.1.0.0/16"),
            ("10.1/255.0.255.0", "no address or prefix"),
            ("10.1/33", "no prefix length"),
            ("10..1/16", "no address or prefix"),
            ("1.2.3.4.5/8", "no address or prefix"),
            ("256/8", "no address or prefix"),
            ("+1/8", "no address or prefix"),
            ("via", "no address or prefix"),
        ] {
            let error = Prefix::parse_short(wrong).unwrap_err();
            assert!(error.to_string().contains(why), "{wrong}: {error}");
        }
    }
}
