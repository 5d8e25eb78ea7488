use super::*;
use crate::wire::Messages;
use crate::wire::constants::AF_INET;
use std::sync::Arc;
use waypost_core::{Encapsulation, ErrorKind, NextHopFlags};

fn id(number: u32) -> NextHopId {
    NextHopId::new(number).unwrap()
}

fn object(family: Option<Family>, kind: NextHopObjectKind) -> NextHopObject {
    let mut object = NextHopObject::new(id(7), family, kind);
    object.protocol = Protocol::STATIC;
    object
}

fn round(object: &NextHopObject) -> Decoded<NextHopObject> {
    let mut out = Vec::new();
    encode_next_hop(&mut out, 1, object, false).unwrap();
    decode(Messages::new(&out).next().unwrap().unwrap().payload).unwrap().unwrap()
}

#[test]
fn what_is_encoded_decodes_to_the_same() {
    let mut hop = NextHop::via("fe80::1".parse().unwrap()).with_interface(IfIndex::new(3).unwrap());
    hop.flags = NextHopFlags::ON_LINK;
    hop.encapsulation = Some(Arc::new(Encapsulation::new(5, vec![1, 2, 3])));
    let members: Vec<GroupMember> = [(1, 1), (2, 256), (3, 257), (4, 65_535)]
        .map(|(number, weight)| GroupMember { id: id(number), weight: Weight::new(weight).unwrap() })
        .to_vec();
    let mut resilience = Resilience::default();
    (resilience.buckets, resilience.idle_timer) = (32, Duration::from_secs(120));
    resilience.unbalanced_timer = Duration::from_millis(30);
    let mut fdb = object(Some(Family::V4), NextHopObjectKind::Single(NextHop::via("10.0.0.1".parse().unwrap())));
    fdb.fdb = true;
    for object in [
        object(Some(Family::V6), NextHopObjectKind::Single(hop)),
        object(Some(Family::V4), NextHopObjectKind::Blackhole),
        object(None, NextHopObjectKind::Group { members: members.clone(), resilience: None }),
        object(None, NextHopObjectKind::Group { members, resilience: Some(resilience) }),
        fdb,
    ] {
        assert_eq!(round(&object), Decoded { value: object, spoiled: 0 });
    }
}

#[test]
fn a_weight_that_does_not_fit_is_held_at_the_greatest() {
    let mut payload = vec![0; HEADER];
    payload.extend([8u16, NHA_ID].map(u16::to_ne_bytes).concat());
    payload.extend(1u32.to_ne_bytes());
    payload.extend([12u16, NHA_GROUP].map(u16::to_ne_bytes).concat());
    payload.extend([5u32.to_ne_bytes(), [0xff, 0xff, 0, 0]].concat());
    let NextHopObjectKind::Group { members, .. } = decode(&payload).unwrap().unwrap().value.kind else { panic!("a group") };
    assert_eq!(members, [GroupMember { id: id(5), weight: Weight::MAX }]);
}

#[test]
fn a_bad_attribute_spoils_only_itself() {
    let mut payload = vec![AF_INET, 0, 0, 0, 0, 0, 0, 0];
    payload.extend([8u16, NHA_ID].map(u16::to_ne_bytes).concat());
    payload.extend(1u32.to_ne_bytes());
    payload.extend([6u16, NHA_GATEWAY].map(u16::to_ne_bytes).concat());
    payload.extend([10, 0, 0, 0]);
    let decoded = decode(&payload).unwrap().unwrap();
    assert_eq!((decoded.spoiled, decoded.value.unnamed.as_slice()), (1, &[Attribute::new(NHA_GATEWAY, vec![10, 0])][..]));
}

#[test]
fn an_object_without_a_number_is_none() {
    assert!(decode(&[AF_INET, 0, 0, 0, 0, 0, 0, 0]).is_err());
    assert!(decode(&[AF_INET; 7]).is_err());
    assert_eq!(decode(&[28, 0, 0, 0, 0, 0, 0, 0]), Ok(None));
}

#[test]
fn what_cannot_be_represented_is_refused_by_name() {
    let with = |family, edit: &dyn Fn(&mut NextHop)| {
        let mut hop = NextHop::dev(IfIndex::new(2).unwrap());
        edit(&mut hop);
        encode_next_hop(&mut Vec::new(), 1, &object(family, NextHopObjectKind::Single(hop)), true).unwrap_err()
    };
    let v4 = Some(Family::V4);
    for (error, word) in [
        (with(v4, &|hop| hop.weight = Weight::MAX), "weight"),
        (with(v4, &|hop| hop.realms = 1), "realms"),
        (with(v4, &|hop| hop.scope_id = 1), "zone"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.reason().contains(word), "{error}");
    }
    assert_eq!(with(None, &|_| ()).kind(), ErrorKind::Invalid);
    assert_eq!(with(v4, &|hop| hop.gateway = Some("fe80::1".parse().unwrap())).kind(), ErrorKind::Invalid);
}
