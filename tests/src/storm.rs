//! What rivals do to routes: lines for `ip -batch`, some of which fail.

use crate::seeded::Seeded;

/// A line about a route through 10.0.0.0/24 or 10.6.0.0/24, their IPv6 counterparts, `w2`, or the next-hop objects 7 (IPv4) and 8 (IPv6).
///
/// There are a dozen destinations for each family, in three tables and with two metrics, so that much hits the same slot.
pub fn route_line(seeded: &mut Seeded) -> String {
    let v4 = seeded.one_in(2);
    let verb =
        seeded.pick(&["add", "add", "append", "replace", "change", if v4 { "prepend" } else { "append" }, "delete", "delete"]);
    let number = seeded.below(12);
    let (net, gateways, object) = match v4 {
        true => (format!("10.{}.0.0/16", 100 + number), ["10.0.0.2", "10.0.0.3", "10.6.0.2", "10.6.0.3"], 7),
        false => {
            (format!("2001:db8:{:x}::/48", 100 + number), ["2001:db8::2", "2001:db8::3", "2001:db8:6::2", "2001:db8:6::3"], 8)
        }
    };
    let table = seeded.pick(&["", "", " table 77", " table 51820"]);
    let tail = format!("{table} metric {} proto {}", seeded.pick(&[5, 6]), seeded.pick(&["static", "static", "bird"]));
    let one = seeded.pick(&gateways);
    match seeded.below(10) {
        0 => format!("route {verb} blackhole {net}{tail}"),
        1 => format!("route {verb} {net} nhid {object}{tail}"),
        2 | 3 => {
            let weight = seeded.pick(&[1, 3]);
            format!("route {verb} {net}{tail} nexthop via {one} weight {weight} nexthop via {}", seeded.pick(&gateways))
        }
        4 => format!("route {verb} {net} dev w2{tail}"),
        _ => format!("route {verb} {net} via {one}{tail}"),
    }
}
