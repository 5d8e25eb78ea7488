//! Settings messages: RTM_NEWNETCONF and RTM_DELNETCONF.
//!
//! A message is `struct netconfmsg`, padded, and attributes (include/uapi/linux/netconf.h, Linux 6.18).

use waypost_core::{IfIndex, InterfaceSettings, SettingsOf};

use super::constants::{
    NETCONFA_FORWARDING, NETCONFA_IFINDEX, NETCONFA_IFINDEX_ALL, NETCONFA_IFINDEX_DEFAULT, NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN,
    NETCONFA_MC_FORWARDING, NETCONFA_PROXY_NEIGH, NETCONFA_RP_FILTER, NLA_TYPE_MASK,
};
use super::{Attributes, DecodeError, Decoded, read, route};

/// The size of `struct netconfmsg` with its padding.
pub(super) const HEADER: usize = 4;

/// The settings in the payload of an RTM_NEWNETCONF or RTM_DELNETCONF; `None` where they are of a family that is not
/// Waypost's (MPLS).
///
/// A notice of one setting has that one alone: what is `None` has not changed.
///
/// # Errors
///
/// [`DecodeError`] where there is no header, or it is not said what the settings are of.
///
/// ```
/// use waypost_core::SettingsOf;
/// use waypost_netlink::wire::settings::decode;
///
/// // IPv4, all interfaces, forwarding.
/// let mut payload = vec![2, 0, 0, 0];
/// for (kind, value) in [(1u16, -1i32), (2, 1)] {
///     payload.extend([8u16, kind].map(u16::to_ne_bytes).concat());
///     payload.extend(value.to_ne_bytes());
/// }
/// let settings = decode(&payload)?.expect("IPv4 is ours").value;
/// assert_eq!((settings.of, settings.forwarding, settings.rp_filter), (SettingsOf::All, Some(true), None));
/// # Ok::<(), waypost_netlink::wire::DecodeError>(())
/// ```
pub fn decode(payload: &[u8]) -> Result<Option<Decoded<InterfaceSettings>>, DecodeError> {
    let Some(&number) = payload.first() else {
        return Err(DecodeError::new(0, "fewer bytes than struct netconfmsg has"));
    };
    let Some(family) = route::family(number) else { return Ok(None) };
    let mut settings = InterfaceSettings::new(family, SettingsOf::Default);
    let mut of = None;
    let mut spoiled = 0;
    for attribute in Attributes::after(HEADER, payload) {
        let value = attribute.ok().and_then(|(kind, data)| Some((kind & NLA_TYPE_MASK, read::u32(data)? as i32)));
        let Some((kind, value)) = value else {
            spoiled += 1;
            continue;
        };
        match kind {
            NETCONFA_IFINDEX => of = about(value),
            NETCONFA_FORWARDING => settings.forwarding = Some(value != 0),
            NETCONFA_RP_FILTER => match u8::try_from(value) {
                Ok(value) => settings.rp_filter = Some(value),
                Err(_) => spoiled += 1,
            },
            NETCONFA_MC_FORWARDING => settings.multicast_forwarding = Some(value != 0),
            NETCONFA_PROXY_NEIGH => settings.proxy_neighbours = Some(value != 0),
            NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN => settings.ignore_routes_with_link_down = Some(value != 0),
            _ => {}
        }
    }
    settings.of = of.ok_or(DecodeError::new(HEADER, "settings of nothing"))?;
    Ok(Some(Decoded { value: settings, spoiled }))
}

fn about(number: i32) -> Option<SettingsOf> {
    match number {
        NETCONFA_IFINDEX_ALL => Some(SettingsOf::All),
        NETCONFA_IFINDEX_DEFAULT => Some(SettingsOf::Default),
        _ => u32::try_from(number).ok().and_then(IfIndex::new).map(SettingsOf::Interface),
    }
}
