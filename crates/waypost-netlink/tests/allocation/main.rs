//! A route with one next hop is decoded and encoded without an allocation.

mod sys;

use waypost_core::{Route, RouteChange};
use waypost_netlink::wire::{Messages, route};

fn encoded(text: &str) -> Vec<u8> {
    let wish: Route = text.parse().unwrap();
    let mut out = Vec::new();
    route::encode_route(&mut out, 1, RouteChange::Add, &wish).unwrap();
    out
}

fn allocations(mut work: impl FnMut()) -> usize {
    let before = sys::allocations();
    work();
    sys::allocations() - before
}

fn to_decode(text: &str) -> usize {
    let datagram = encoded(text);
    allocations(|| {
        let message = Messages::new(&datagram).next().unwrap().unwrap();
        assert!(route::decode(message.payload).unwrap().is_some());
    })
}

#[test]
fn one_next_hop_is_decoded_without_an_allocation() {
    for text in [
        "10.1.0.0/16 via 10.0.0.1 dev if2 metric 50 proto static table 51820 src 10.0.0.2",
        "10.1.0.0/16 via inet6 fe80::1 dev if2 onlink realms 1/2",
        "2001:db8::/32 from 2001:db8:1::/48 via fe80::1 dev if2 pref high expires 60sec",
        "blackhole 10.1.0.0/16",
        "10.1.0.0/16 nhid 7",
    ] {
        assert_eq!(to_decode(text), 0, "{text}");
    }
}

#[test]
fn the_counter_counts() {
    assert!(to_decode("10.1.0.0/16 via 10.0.0.1 mtu 1400") > 0);
    assert!(to_decode("10.1.0.0/16 nexthop via 10.0.0.1 weight 1 nexthop via 10.0.0.2 weight 1") > 0);
}

#[test]
fn a_buffer_that_is_large_enough_takes_a_request_without_an_allocation() {
    let wish: Route = "10.1.0.0/16 via 10.0.0.1 dev if2 metric 50 proto static table 51820".parse().unwrap();
    let mut out = Vec::with_capacity(4096);
    assert_eq!(allocations(|| route::encode_route(&mut out, 1, RouteChange::Add, &wish).unwrap()), 0);
}
