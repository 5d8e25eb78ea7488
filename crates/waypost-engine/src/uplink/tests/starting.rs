//! Starting again beside what was left.

use super::*;

fn left_by_another(words: &[&str]) -> Machine {
    let mut machine = Machine::new(UplinkOptions::default());
    (2..5).for_each(|number| machine.interface(number));
    words.iter().for_each(|words| machine.hear(RouteVerb::Added, words));
    machine
}

#[test]
fn what_an_uplink_wants_is_taken_over_untouched() {
    let mut machine = left_by_another(&[
        "default via 10.3.0.1 dev if3 proto 87 metric 42",
        "default via 10.2.0.1 dev if2 proto 87 metric 4294965240",
    ]);
    let (two, three) = (machine.add(2, 1), machine.add(3, 2));
    machine.begin();
    assert_eq!(machine.written, Vec::<String>::new());
    assert_eq!((machine.elected(), machine.life(two), machine.life(three)), (Some(three), Life::Active, Life::Active));
}

#[test]
fn nothing_is_done_before_it_begins() {
    let mut machine = left_by_another(&[]);
    machine.add(2, 1);
    machine.writes(&[]);
    machine.begin();
    assert_eq!(machine.defaults().len(), 1);
}

#[test]
fn a_switch_that_was_cut_short_is_ended() {
    let mut machine = left_by_another(&[
        "default via 10.2.0.1 dev if2 proto 87 metric 98",
        "default via 10.3.0.1 dev if3 proto 87 metric 99",
        "default via 10.2.0.1 dev if2 proto 87 metric 4294965247",
        "default via 10.3.0.1 dev if3 proto 87 metric 4294964223",
    ]);
    machine.add(2, 2);
    machine.add(3, 1);
    machine.begin();
    assert_eq!(machine.defaults(), ["default via 10.2.0.1 dev if2 metric 98", "default via 10.3.0.1 dev if3 metric 4294964223"]);
    assert!(machine.written.iter().all(|line| line.starts_with('-')), "{:?}", machine.written);
}

#[test]
fn what_nobody_wants_is_deleted_when_another_stands_and_what_is_not_ours_is_not() {
    let mut machine = left_by_another(&[
        "default via 10.4.0.1 dev if4 proto 87 metric 7",
        "198.51.100.1 via 10.4.0.1 dev if4 proto 87 metric 9",
        "default via 10.4.0.1 dev if4 proto dhcp metric 100",
    ]);
    machine.add(2, 1);
    machine.begin();
    assert_eq!(
        machine.written,
        [
            "+high default via 10.2.0.1 dev if2 metric 6",
            "-high default via 10.4.0.1 dev if4 metric 7",
            "-high 198.51.100.1 via 10.4.0.1 dev if4 metric 9",
        ]
    );
    let leftovers = machine.reports.iter().filter(|report| matches!(report, UplinkReport::Leftover { .. })).count();
    assert_eq!(leftovers, 2);
    assert_eq!(machine.defaults()[1], "default via 10.4.0.1 dev if4 proto dhcp metric 100");
}

#[test]
fn an_uplink_that_is_down_when_it_begins_keeps_nothing() {
    let mut machine = left_by_another(&["default via 10.2.0.1 dev if2 proto 87 metric 99"]);
    machine.link(2, true, false);
    machine.add(2, 1);
    machine.begin();
    assert_eq!(machine.written, ["-high default via 10.2.0.1 dev if2 metric 99"]);
}

#[test]
fn a_metric_of_another_band_than_now_is_left_for_one_of_these() {
    let mut machine = Machine::new(UplinkOptions { bands: MetricBands::new(1..=9).unwrap(), ..UplinkOptions::default() });
    (2..4).for_each(|number| machine.interface(number));
    machine.hear(RouteVerb::Added, "default via 10.2.0.1 dev if2 proto 87 metric 60");
    machine.add(2, 1);
    machine.add(3, 2);
    machine.begin();
    assert_eq!(
        machine.written,
        [
            "+high default via 10.3.0.1 dev if3 metric 9",
            "+low default via 10.2.0.1 dev if2 metric 4294965247",
            "-high default via 10.2.0.1 dev if2 metric 60",
        ]
    );
}
