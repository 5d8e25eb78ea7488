use super::*;
use proptest::prelude::*;

fn route(text: &str) -> Route {
    text.parse().unwrap()
}

fn filled(routes: &[&str]) -> Tables {
    let mut tables = Tables::new();
    for text in routes {
        tables.insert(&route(text), Position::Last);
    }
    tables
}

fn printed<'a>(routes: impl IntoIterator<Item = RouteRef<'a>>) -> Vec<String> {
    routes.into_iter().map(|route| route.to_string()).collect()
}

#[test]
fn routes_to_a_prefix_stand_by_tos_down_then_metric_up() {
    let tables = filled(&[
        "10.0.0.0/8 via 192.0.2.1 metric 20",
        "10.0.0.0/8 via 192.0.2.2 metric 10",
        "10.0.0.0/8 tos 0x08 via 192.0.2.3 metric 30",
        "10.0.0.0/8 tos 0x10 via 192.0.2.4 metric 40",
    ]);
    let gateways: Vec<String> = tables.routes().map(|route| route.entry.next_hops[0].gateway.unwrap().to_string()).collect();
    assert_eq!(gateways, ["192.0.2.4", "192.0.2.3", "192.0.2.2", "192.0.2.1"]);
}

#[test]
fn the_first_route_to_a_prefix_is_alone_unless_the_next_has_its_metric() {
    let is_alone = |routes: &[&str]| {
        let tables = filled(routes);
        let table = tables.table(TableId::MAIN).unwrap();
        table.head("2001:db8::1".parse().unwrap()).unwrap().is_alone_of_its_metric()
    };
    let (one, two) = ("default via fe80::1 dev if2 metric 50", "default via fe80::2 dev if2 metric 100");
    assert!(is_alone(&[one]));
    assert!(is_alone(&[one, two]) && is_alone(&[two, one]));
    assert!(!is_alone(&[one, "default via fe80::2 dev if2 metric 50", two]));
}

#[test]
fn the_most_specific_source_comes_first() {
    let tables = filled(&[
        "2001:db8::/32 via fe80::1 dev if2 metric 1",
        "2001:db8::/32 from 2001:db8:1::/48 via fe80::2 dev if2 metric 9",
        "2001:db8::/32 from 2001:db8:1:1::/64 via fe80::3 dev if2 metric 99",
    ]);
    let metrics: Vec<u32> = tables.routes().map(|route| route.slot.metric).collect();
    assert_eq!(metrics, [99, 9, 1]);
}

#[test]
fn a_slot_keeps_the_order_that_it_was_given() {
    let mut tables = filled(&["10.0.0.0/8 via 192.0.2.1 metric 5", "10.0.0.0/8 via 192.0.2.9 metric 7"]);
    assert_eq!(tables.insert(&route("10.0.0.0/8 via 192.0.2.2 metric 5"), Position::Last).1, 1);
    assert_eq!(tables.insert(&route("10.0.0.0/8 via 192.0.2.3 metric 5"), Position::First).1, 0);
    assert_eq!(tables.insert(&route("10.0.0.0/8 via 192.0.2.4 metric 5"), Position::At(2)).1, 2);
    let slot = route("10.0.0.0/8 metric 5").slot;
    let expected = ["192.0.2.3", "192.0.2.1", "192.0.2.4", "192.0.2.2"].map(|via| format!("10.0.0.0/8 via {via} metric 5"));
    assert_eq!(printed(tables.slot(&slot).map(|(_, route)| route)), expected);
    assert_eq!(tables.len(), 5);
}

#[test]
fn a_route_is_added_alone_only_where_there_is_none() {
    let mut tables = Tables::new();
    assert!(tables.insert_alone(&route("10.0.0.0/8 via 192.0.2.1")).is_some());
    let again = route("10.0.0.0/8 via 192.0.2.2 metric 4");
    assert_eq!(tables.insert_alone(&again), None);
    assert_eq!(printed(tables.routes()), ["10.0.0.0/8 via 192.0.2.1"]);
}

#[test]
fn lookups_give_what_contains_the_address() {
    let tables = filled(&[
        "default via 192.0.2.1",
        "10.0.0.0/8 via 192.0.2.2",
        "10.1.0.0/16 via 192.0.2.3",
        "10.1.0.0/16 via 192.0.2.4 table 7",
        "::/0 via fe80::1 dev if2",
    ]);
    let main = tables.table(TableId::MAIN).unwrap();
    let address = "10.1.2.3".parse().unwrap();
    assert_eq!(printed(main.longest_match(address).unwrap()), ["10.1.0.0/16 via 192.0.2.3"]);
    let lengths: Vec<u8> = main.matches(address).map(|chain| chain.destination().length()).collect();
    assert_eq!(lengths, [0, 8, 16]);
    let inside = main.inside("10.0.0.0/8".parse().unwrap());
    assert_eq!(printed(inside.flatten()), ["10.0.0.0/8 via 192.0.2.2", "10.1.0.0/16 via 192.0.2.3"]);
    let covering = main.covering("10.0.0.0/8".parse().unwrap());
    assert_eq!(printed(covering.flatten()), ["default via 192.0.2.1", "10.0.0.0/8 via 192.0.2.2"]);
    assert_eq!(tables.table_ids().collect::<Vec<_>>(), [TableId(7), TableId::MAIN]);
    assert_eq!((tables.len_of(Family::V4), tables.len_of(Family::V6)), (4, 1));
    assert!(tables.table(TableId(8)).is_none());
}

#[test]
fn how_long_a_route_lives_is_kept_beside_it() {
    let mut tables = Tables::new();
    let mut mortal = route("2001:db8::/32 via fe80::1 dev if2");
    mortal.expires = Some(Duration::from_secs(9));
    let (row, _) = tables.insert(&mortal, Position::Last);
    assert_eq!(tables.routes().next().unwrap().to_route(), mortal);
    tables.set_expires(row, Some(Duration::from_secs(30)));
    assert_eq!(tables.remove(&mortal.slot, row).unwrap().0.expires, Some(Duration::from_secs(30)));
    assert!(tables.expiries.is_empty());
}

#[test]
fn routes_that_say_the_same_share_it() {
    let mut tables = Tables::new();
    for third in 0..=255 {
        tables.insert(&route(&format!("10.0.{third}.0/24 via 192.0.2.1")), Position::Last);
    }
    assert_eq!(tables.entries().count(), 1);
    let (row, old) = tables.rows().next().map(|(row, route)| (row, route.to_route())).unwrap();
    let other = route("10.0.0.0/24 via 192.0.2.2");
    assert_eq!(tables.set_entry(row, &other.entry), Some(old.entry));
    assert_eq!(tables.entries().count(), 2);
    assert_eq!(tables.rows_with(|entry| *entry == other.entry).collect::<Vec<_>>(), [row]);
    assert_eq!(tables.remove(&other.slot, row).unwrap().0, other);
    assert_eq!(tables.entries().count(), 1);
}

#[test]
fn the_rows_of_one_family_are_its_own_and_in_order() {
    let words = [
        "10.0.0.0/8 via 192.0.2.1",
        "2001:db8::/32 via fe80::1 dev if2",
        "10.1.0.0/16 via 192.0.2.1 table 9",
        "::/0 via fe80::1 dev if2",
    ];
    let tables = filled(&words);
    let of = |family| tables.rows_of(family).map(|(row, _)| row).collect::<Vec<_>>();
    for family in Family::ALL {
        let all = tables.rows().filter(|(_, route)| route.slot.destination.family() == family).map(|(row, _)| row);
        assert_eq!(of(family), all.collect::<Vec<_>>());
        assert_eq!(of(family).len(), 2);
    }
}

#[test]
fn a_row_is_removed_only_from_its_own_slot() {
    let mut tables = filled(&["10.0.0.0/8 via 192.0.2.1 metric 5"]);
    let (row, held) = tables.rows().next().map(|(row, route)| (row, route.to_route())).unwrap();
    for other in ["10.0.0.0/8 metric 6", "10.0.0.0/9 metric 5", "10.0.0.0/8 metric 5 table 9"] {
        assert_eq!(tables.remove(&route(other).slot, row), None);
    }
    assert_eq!(tables.remove(&held.slot, row), Some((held.clone(), 0)));
    assert_eq!(tables.remove(&held.slot, row), None);
    assert_eq!(tables.memory(), 0, "what was kept for the last route goes with it");
}

#[derive(Clone, Debug)]
enum Operation {
    Insert(usize, u8, Position),
    Remove(usize),
    Set(usize, u8),
}

const SLOTS: [&str; 9] = [
    "default",
    "10.0.0.0/8",
    "10.0.0.0/8 metric 5",
    "10.0.0.0/8 tos 0x10",
    "10.0.0.0/8 table 9",
    "10.1.0.0/16 metric 5",
    "::/0 metric 5",
    "::/0 from 2001:db8::/32 metric 5",
    "::/0 from 2001:db8::/48 metric 9",
];

fn position() -> impl Strategy<Value = Position> {
    prop_oneof![Just(Position::First), Just(Position::Last), (0..4usize).prop_map(Position::At)]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => (0..SLOTS.len(), 0..4u8, position()).prop_map(|(slot, hop, at)| Operation::Insert(slot, hop, at)),
        2 => (0..64usize).prop_map(Operation::Remove),
        1 => (0..64usize, 0..4u8).prop_map(|(row, hop)| Operation::Set(row, hop)),
    ]
}

fn made(slot: usize, hop: u8) -> Route {
    let mut made = route(SLOTS[slot]);
    let gateway = format!("192.0.2.{hop}").parse().unwrap();
    made.entry.next_hops = crate::NextHop::via(gateway).into();
    made
}

/// The same routes as the store should have: lists by slot, which the order of ranks puts in order.
type Model = Vec<(Slot, Vec<(RowId, Entry)>)>;

fn modelled(model: &mut Model, slot: Slot) -> &mut Vec<(RowId, Entry)> {
    let index = model.iter().position(|(other, _)| *other == slot).unwrap_or_else(|| {
        model.push((slot, Vec::new()));
        model.len() - 1
    });
    &mut model[index].1
}

fn apply(tables: &mut Tables, model: &mut Model, operation: Operation) {
    let pick = |model: &Model, number: usize| {
        let all: Vec<(Slot, RowId)> = model.iter().flat_map(|(slot, rows)| rows.iter().map(|(row, _)| (*slot, *row))).collect();
        (!all.is_empty()).then(|| all[number % all.len()])
    };
    match operation {
        Operation::Insert(slot, hop, position) => {
            let route = made(slot, hop);
            let (row, at) = tables.insert(&route, position);
            let list = modelled(model, route.slot);
            let expected = match position {
                Position::First => 0,
                Position::At(at) => at.min(list.len()),
                Position::Last => list.len(),
            };
            assert_eq!(at, expected);
            list.insert(at, (row, route.entry));
        }
        Operation::Remove(number) => {
            let Some((slot, row)) = pick(model, number) else { return };
            let list = modelled(model, slot);
            let at = list.iter().position(|(other, _)| *other == row).unwrap();
            let (_, entry) = list.remove(at);
            assert_eq!(tables.remove(&slot, row), Some((Route::from_parts(slot, entry), at)));
        }
        Operation::Set(number, hop) => {
            let Some((slot, row)) = pick(model, number) else { return };
            let entry = made(0, hop).entry;
            let held = &mut modelled(model, slot).iter_mut().find(|(other, _)| *other == row).unwrap().1;
            assert_eq!(tables.set_entry(row, &entry), Some(std::mem::replace(held, entry)));
        }
    }
}

proptest! {
    #[test]
    fn the_store_has_what_a_plain_list_has(operations in prop::collection::vec(operation(), 0..120)) {
        let (mut tables, mut model) = (Tables::new(), Model::new());
        for operation in operations {
            apply(&mut tables, &mut model, operation);
        }
        for (slot, expected) in &model {
            let held: Vec<(RowId, Entry)> = tables.slot(slot).map(|(row, route)| (row, route.entry.clone())).collect();
            prop_assert_eq!(&held, expected);
        }
        let expected: usize = model.iter().map(|(_, rows)| rows.len()).sum();
        prop_assert_eq!(tables.len(), expected);
        prop_assert_eq!(tables.routes().count(), expected);
        prop_assert_eq!(tables.len_of(Family::V4) + tables.len_of(Family::V6), expected);
        let mut different: Vec<&Entry> = Vec::new();
        for (_, route) in tables.rows() {
            if !different.contains(&route.entry) {
                different.push(route.entry);
            }
        }
        prop_assert_eq!(tables.entries().count(), different.len());
    }
}
