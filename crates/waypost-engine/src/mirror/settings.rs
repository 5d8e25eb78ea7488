//! What becomes of settings that a notice names only in part.

use waypost_core::{InterfaceSettings, Verb};

use super::{Keyed, SettingsKey};

/// Has the settings that a notice is about, whole: a change names only what has changed (`inet_netconf_notify_devconf`,
/// net/ipv4/devinet.c, Linux 6.18), and the rest is as it was.
pub(super) fn whole(
    held: &Keyed<SettingsKey, InterfaceSettings>,
    verb: Verb,
    said: InterfaceSettings,
) -> (Verb, InterfaceSettings) {
    let key = (said.family, said.of);
    match (verb, held.items().get(&key)) {
        (Verb::Present, Some(known)) => (verb, filled(said, known)),
        // What an event has said of them since the dump was asked for is newer than what the dump lists.
        (Verb::Listed, Some(known)) if held.is_touched(&key) => (Verb::Present, filled(*known, &said)),
        _ => (verb, said),
    }
}

/// Settings of which what is not said is as in `rest`.
fn filled(said: InterfaceSettings, rest: &InterfaceSettings) -> InterfaceSettings {
    let mut whole = said;
    whole.forwarding = said.forwarding.or(rest.forwarding);
    whole.rp_filter = said.rp_filter.or(rest.rp_filter);
    whole.multicast_forwarding = said.multicast_forwarding.or(rest.multicast_forwarding);
    whole.proxy_neighbours = said.proxy_neighbours.or(rest.proxy_neighbours);
    whole.ignore_routes_with_link_down = said.ignore_routes_with_link_down.or(rest.ignore_routes_with_link_down);
    whole
}

#[cfg(test)]
mod tests {
    use waypost_core::{Family, Notice, SettingsOf};

    use super::*;
    use crate::{Change, Doubt, Event, Mirror, Subject};

    /// Settings of all interfaces, of which the two are said that are not `None`.
    fn settings(forwarding: Option<bool>, rp_filter: Option<u8>) -> InterfaceSettings {
        let mut settings = InterfaceSettings::new(Family::V4, SettingsOf::All);
        (settings.forwarding, settings.rp_filter) = (forwarding, rp_filter);
        settings
    }

    fn say(mirror: &mut Mirror, verb: Verb, said: InterfaceSettings) -> Vec<Event> {
        let mut out = Vec::new();
        mirror.handle(Notice::Settings(verb, Box::new(said)), &mut out);
        out
    }

    #[test]
    fn a_change_of_one_setting_leaves_the_others() {
        let mut mirror = Mirror::new();
        let (old, new) = (settings(Some(false), Some(2)), settings(Some(true), Some(2)));
        say(&mut mirror, Verb::Listed, old);
        let events = say(&mut mirror, Verb::Present, settings(Some(true), None));
        assert_eq!(events, [Event::Settings(Change::Replaced { old, new })]);
        assert_eq!(mirror.take_doubts(), [Doubt::Settings(Family::V4)], "other settings may have become as those of all");
        assert_eq!(say(&mut mirror, Verb::Present, settings(None, Some(2))), [], "nothing new");
        assert_eq!(mirror.take_doubts(), []);
    }

    #[test]
    fn a_dump_fills_in_what_an_event_has_not_said() {
        let mut mirror = Mirror::new();
        mirror.begin(Subject::Settings(Family::V4));
        say(&mut mirror, Verb::Present, settings(Some(true), None));
        say(&mut mirror, Verb::Listed, settings(Some(false), Some(2)));
        mirror.end(Subject::Settings(Family::V4), true, &mut Vec::new()).unwrap();
        let held: Vec<_> = mirror.settings().values().copied().collect();
        assert_eq!(held, [settings(Some(true), Some(2))]);
    }
}
