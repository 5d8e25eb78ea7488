//! What a kernel said means what its `ip` command asked for.

use waypost_core::{Family, GroupMember, NextHopId, NextHopObject, NextHopObjectKind, RouteVerb, Weight};
use waypost_netlink::wire::{Message, Messages, next_hop, route};

use super::captures::{self, Captured};

/// The one message in a capture.
pub(crate) fn message(captured: &Captured) -> Message<'_> {
    let mut messages = Messages::new(&captured.bytes);
    let message = messages.next().unwrap().unwrap();
    assert!(messages.next().is_none());
    message
}

/// Whether a message is of a next-hop object, not of a route.
pub(crate) fn is_next_hop(message: Message<'_>) -> bool {
    message.kind >= 104
}

fn meaning(captured: &Captured) -> String {
    let message = message(captured);
    if is_next_hop(message) {
        let decoded = next_hop::decode(message.payload).unwrap().unwrap();
        assert_eq!(decoded.spoiled, 0, "{}", captured.command);
        return object(&decoded.value);
    }
    if captured.source == "answer" {
        let decoded = route::decode_answer(message.payload).unwrap().unwrap();
        assert_eq!(decoded.spoiled, 0, "{}", captured.command);
        let answer = decoded.value;
        return format!("{} mark {} uid {:?} iif {:?}", answer.route, answer.mark, answer.uid, answer.input);
    }
    let decoded = route::decode(message.payload).unwrap().unwrap();
    assert_eq!(decoded.spoiled, 0, "{}", captured.command);
    let family = decoded.value.slot.destination.family();
    let verb = match route::verb(message.kind, message.flags, family) {
        RouteVerb::Listed => "listed",
        RouteVerb::Added => "added",
        RouteVerb::Prepended => "prepended",
        RouteVerb::Appended => "appended",
        RouteVerb::Replaced => "replaced",
        RouteVerb::Removed => "removed",
        _ => "?",
    };
    format!("{verb} {}", decoded.value)
}

/// A next-hop object in the words of `ip nexthop`.
fn object(object: &NextHopObject) -> String {
    let mut text = format!("id {}", object.id);
    match &object.kind {
        NextHopObjectKind::Single(hop) => {
            if let Some(encapsulation) = &hop.encapsulation {
                text += &format!(" encap {} of {} bytes", encapsulation.kind, encapsulation.data.len());
            }
            text += &hop.gateway.map_or(String::new(), |gateway| format!(" via {gateway}"));
            text += &hop.interface.map_or(String::new(), |index| format!(" dev {index}"));
            text += &format!(" {:?}", hop.flags);
        }
        NextHopObjectKind::Group { members, resilience } => {
            let members = members.iter().map(|member| format!("{},{}", member.id, member.weight.get()));
            text += &format!(" group {}", members.collect::<Vec<_>>().join("/"));
            if let Some(resilience) = resilience {
                let (idle, unbalanced) = (resilience.idle_timer, resilience.unbalanced_timer);
                text += &format!(" buckets {} idle {idle:?} unbalanced {unbalanced:?}", resilience.buckets);
            }
        }
        _ => text += " blackhole",
    }
    let family = object.family.map_or(0, Family::bits);
    format!("{text} family {family} proto {} scope {} fdb {}", object.protocol, object.scope, object.fdb)
}

#[test]
fn every_captured_message_means_what_was_written_down() {
    let captured = captures::all();
    assert!(captured.len() > 180, "{}", captured.len());
    for captured in &captured {
        assert_eq!(Some(meaning(captured).as_str()), captured.meaning, "{} {}", captured.source, captured.command);
    }
}

#[test]
fn a_group_of_weight_256_is_read_whole() {
    let captured = captures::all();
    let group = captured.iter().find(|captured| captured.command == "ip nexthop add id 20 group 1/2,256").unwrap();
    let decoded = next_hop::decode(message(group).payload).unwrap().unwrap();
    let member = |id, weight| GroupMember { id: NextHopId::new(id).unwrap(), weight: Weight::new(weight).unwrap() };
    let NextHopObjectKind::Group { members, resilience: None } = decoded.value.kind else { panic!("a plain group") };
    assert_eq!(members, [member(1, 1), member(2, 256)]);
    assert!(decoded.value.unnamed.is_empty());
}

/// Prints what `kernel.hex` should say, for whoever captures anew: `WAYPOST_MEANINGS=1 cargo test -- --nocapture`.
#[test]
fn meanings_can_be_printed() {
    let captured = captures::all();
    let printed: Vec<String> = captured.iter().map(meaning).collect();
    assert_eq!(printed.len(), captured.len());
    if std::env::var_os("WAYPOST_MEANINGS").is_some() {
        printed.iter().for_each(|line| println!("= {line}"));
    }
}
