use super::*;

fn select(text: &str) -> Result<Selection, Failure> {
    let words: Vec<&str> = text.split_whitespace().collect();
    Selection::read(&words, Names::none(), None)
}

fn filter(text: &str) -> RouteFilter {
    select(text).unwrap().filter
}

#[track_caller]
fn passes(text: &str, route: &str) -> bool {
    select(text).unwrap().passes(route.parse::<Route>().unwrap().as_ref())
}

#[test]
fn a_bare_destination_is_that_one_alone() {
    assert_eq!(filter("10.0.0.0/8").exactly, Some("10.0.0.0/8".parse().unwrap()));
    assert_eq!(filter("to 10.0.0.0/8").exactly, Some("10.0.0.0/8".parse().unwrap()));
    assert_eq!(filter("root 10.0.0.0/8").inside, Some("10.0.0.0/8".parse().unwrap()));
    assert_eq!(filter("to root 10.0.0.0/8").inside, Some("10.0.0.0/8".parse().unwrap()));
    assert_eq!(filter("128/1").exactly, Some("128.0.0.0/1".parse().unwrap()));
    assert_eq!(filter("priority 5").metric, Some(5));
    assert_eq!(filter("match 10.1.2.3").covering, Some("10.1.2.3/32".parse().unwrap()));
}

#[test]
fn a_default_is_of_both_families_until_something_tells() {
    assert_eq!(select("default").unwrap().filters().len(), 2);
    let confined = Selection::read(&["default"], Names::none(), Some(Family::V6)).unwrap();
    assert_eq!(confined.filters()[0].exactly, Some("::/0".parse().unwrap()));
    let to_delete = |text| select(text).unwrap().of_one_destination().unwrap().0.to_string();
    assert_eq!(to_delete("default"), "0.0.0.0/0");
    assert_eq!(to_delete("default via fe80::1 dev if2"), "::/0");
    assert_eq!(to_delete("default nexthop via inet6 fe80::1 dev if2"), "::/0");
    assert_eq!(to_delete("default nexthop via fe80::1 dev if2"), "::/0");
    assert_eq!(to_delete("default pref high"), "::/0");
    assert!(select("via 10.0.0.1").unwrap().of_one_destination().is_err());
}

#[test]
fn the_main_table_is_meant_unless_another_is_named() {
    assert_eq!(filter("").table, Some(TableId::MAIN));
    assert_eq!(filter("table all").table, None);
    assert_eq!(filter("table 51820").table, Some(TableId(51820)));
}

#[test]
fn every_word_sets_what_it_says() {
    let filter =
        filter("to match 10.1.2.3 via inet6 fe80::1 dev if2 proto static type throw scope link src 10.0.0.1 metric 0x10 tos 0x8");
    assert_eq!(filter.covering, Some("10.1.2.3/32".parse().unwrap()));
    assert_eq!(filter.gateway, Some("fe80::1".parse().unwrap()));
    assert_eq!(filter.disposition, Some(Disposition::Throw));
    assert_eq!((filter.metric, filter.tos), (Some(16), Some(8)));
    for wrong in ["metrik 5", "via", "10.0.0.1/8", "type far", "10.0.0.0/8 metrik 5", "tos 256", "root nowhere"] {
        assert!(matches!(select(wrong), Err(Failure::Usage(_))), "{wrong}");
    }
    assert!(matches!(select("dev eth9"), Err(Failure::Missing(..))));
    assert!(Selection::read(&["10.0.0.0/8"], Names::none(), Some(Family::V6)).is_err());
}

#[test]
fn what_a_filter_cannot_say_is_compared_too() {
    let route = "10.0.0.0/8 nhid 7 via 10.9.0.1 dev if2 onlink mtu lock 1400 congctl bbr";
    for same in ["nhid 7", "mtu 1400", "10.0.0.0/8 onlink", "congctl bbr", "10.0.0.0/8 nexthop via 10.9.0.1"] {
        assert!(passes(same, route), "{same}");
    }
    for other in ["nhid 8", "mtu 1500", "congctl cubic", "realm 4", "nexthop via 10.9.0.2", "attr 99 0x00", "blackhole"] {
        assert!(!passes(other, route), "{other}");
    }
    let v6 = "2001:db8::/32 from 2001:db8:1::/48 via fe80::1 dev if2 pref high";
    assert!(passes("from 2001:db8:1::/48", v6) && !passes("from 2001:db8:2::/48", v6));
    assert!(passes("2001:db8::/32 pref high", v6) && !passes("2001:db8::/32 pref medium", v6));
}

#[test]
fn several_next_hops_are_all_compared() {
    let route = "10.0.0.0/8 nexthop via 10.9.0.1 dev if2 weight 1 nexthop via 10.9.0.2 dev if2 weight 3";
    assert!(passes("10.0.0.0/8 nexthop via 10.9.0.2 weight 3 nexthop via 10.9.0.1", route));
    assert!(!passes("10.0.0.0/8 nexthop via 10.9.0.2 weight 2 nexthop via 10.9.0.1", route));
    assert!(!passes("10.0.0.0/8 nexthop via 10.9.0.3 nexthop via 10.9.0.1", route));
    assert!(passes("10.0.0.0/8", route));
}
