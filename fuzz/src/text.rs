//! Words: whatever the text, reading it does not panic; what it says prints as text that says the same.

use std::fmt::Display;
use std::time::Duration;

use waypost_core::{Family, IfIndex, InterfaceNames, NextHopObject, ParseError, Prefix, Route, Rule};

/// Reads `text` as everything that has words.
pub fn run(text: &str) {
    let names: InterfaceNames = [(IfIndex::new(7).expect("not zero"), "eth0")].into_iter().collect();
    for family in [None, Some(Family::V4), Some(Family::V6)] {
        let words: Vec<&str> = text.split_whitespace().collect();
        reads_back(Route::parse_words(&words, &names, family), |route| route_reads_back(&route));
        reads_back(Rule::parse(text, family), |rule| rule_reads_back(&rule));
        reads_back(NextHopObject::parse(text, &names, family), |object| object_reads_back(&object));
    }
    if let Ok(prefix) = text.parse::<Prefix>() {
        assert_eq!(prefix.to_string().parse(), Ok(prefix));
    }
}

/// Goes on with what was read; an error prints and names a word of the text, if any.
fn reads_back<T>(read: Result<T, ParseError>, check: impl Fn(T)) {
    match read {
        Ok(value) => check(value),
        Err(error) => assert!(!(&error as &dyn Display).to_string().is_empty()),
    }
}

/// The words of a route read back as the same route, but for the fraction of a second that its life has left.
pub(crate) fn route_reads_back(route: &Route) {
    let printed = route.to_string();
    let mut whole = route.clone();
    whole.expires = whole.expires.map(|time| Duration::from_secs(time.as_secs()));
    assert_eq!(printed.parse(), Ok(whole), "{printed}");
}

/// The words of a next-hop object read back as the same object, given its family: `blackhole` has none.
pub(crate) fn object_reads_back(object: &NextHopObject) {
    let printed = object.to_string();
    assert_eq!(NextHopObject::parse(&printed, InterfaceNames::none(), object.family).as_ref(), Ok(object), "{printed}");
}

/// The words of a rule read back as the same rule, given its family: `from all` has none.
pub(crate) fn rule_reads_back(rule: &Rule) {
    let printed = rule.to_string();
    assert_eq!(Rule::parse(&printed, Some(rule.family)).as_ref(), Ok(rule), "{printed}");
}
