use super::*;
use waypost::TableId;

/// What is said, or what is wrong, by its line.
type Told = Vec<(usize, String)>;

fn linux() -> Capabilities {
    let mut linux = Capabilities::least("a system with rules");
    (linux.rules, linux.main_table) = (true, TableId::MAIN);
    linux.ownership_tag = waypost::OwnershipTag::Protocol;
    linux
}

fn read_by(reader: &Reader<'_>, path: &str, text: &str) -> (Told, Told) {
    let (said, faults) = reader.read(path, text);
    let wishes = said.wishes.iter().map(|wish| (wish.line, wish.claim.item.to_string())).collect();
    (wishes, faults.into_iter().map(|fault| (fault.line, fault.why)).collect())
}

fn read_all(path: &str, text: &str) -> (Told, Told) {
    let capabilities = linux();
    read_by(&Reader { names: Names::none(), family: None, capabilities: &capabilities, whose: Whose::TheFiles }, path, text)
}

/// What a file that is right says.
#[track_caller]
fn said(path: &str, text: &str) -> Told {
    let (wishes, faults) = read_all(path, text);
    assert_eq!(faults, [], "{text}");
    wishes
}

/// A service whose keys are these, the heading in line 1.
fn service(keys: &str) -> String {
    format!("[[service]]\n{keys}\n")
}

const PACKETS: &str = "packets = \"ipproto tcp dport 25\"";
const WAY: &str = "routes = [\"default via 10.9.0.1 dev if3 metric 50\"]";

#[test]
fn both_forms_say_the_same() {
    let words = "# comment\nroute add 10.1.0.0/16 via 10.0.0.1 metric 50\n10.2.0.0/16 dev if2 \\\n metric 7\n\nrule add from all lookup 7 pref 9\n\
                 -6 rule 9: from all lookup 7\n-6 default dev if2 metric 7\n-4 rule 10: from all iif x lookup 7\n";
    let lines = said("x", words);
    assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 6, 7, 8, 9]);
    assert_eq!(lines[3].1, "-6 rule 9: from all lookup 7");
    assert_eq!(lines[4].1, "route default dev if2 metric 7 pref medium");
    let toml = "routes = [\n \"10.1.0.0/16 via 10.0.0.1 metric 50\",\n \"10.2.0.0/16 dev if2 metric 7\",\n\
                 { family = \"inet6\", route = \"default dev if2 metric 7\" }]\n\
                 rules = [\"9: from all lookup 7\",\n { rule = \"9: from all lookup 7\", family = \"inet6\" },\n\
                 { rule = \"10: from all iif x lookup 7\", family = \"inet\" }]\n";
    let sorted = |wishes: &[(usize, String)]| {
        let mut texts: Vec<_> = wishes.iter().map(|(_, text)| text.clone()).collect();
        texts.sort();
        texts
    };
    for path in ["x.toml", "-"] {
        let toml = said(path, toml);
        assert_eq!(sorted(&toml), sorted(&lines));
        assert_eq!(toml.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
    }
}

#[test]
fn lines_may_begin_as_they_do_for_a_shell() {
    let words = "ip route add 10.1.0.0/16 via 10.0.0.1\nip -6 route add default via fe80::1 dev if2\nip -4 rule add pref 5 from all lookup 7\n\
                 r a 10.2.0.0/16 via 10.0.0.1\nadd 10.3.0.0/16 via 10.0.0.1\nip -6 rule add pref 5 lookup 7\n";
    let toml = "routes = [\"ip route add 10.1.0.0/16 via 10.0.0.1\", \"ip -6 route add default via fe80::1 dev if2\"]\n\
                 rules = [\"ip -4 rule add pref 5 from all lookup 7\", \"-6 rule add pref 5 lookup 7\"]\n";
    let lines = said("x", words);
    assert_eq!(lines.len(), 6);
    for (_, text) in said("x.toml", toml) {
        assert!(lines.iter().any(|(_, line)| *line == text), "{text}");
    }
}

#[test]
fn blanks_of_every_kind_change_nothing() {
    let plain = said("x", "10.1.0.0/16 via 10.0.0.1\n10.2.0.0/16 via 10.0.0.1 metric 7\n");
    for text in [
        "10.1.0.0/16 via 10.0.0.1\r\n10.2.0.0/16 via 10.0.0.1 metric 7\r\n",
        "\t10.1.0.0/16\tvia  10.0.0.1 # why\n  10.2.0.0/16 via 10.0.0.1 metric 7",
        "10.1.0.0/16 via 10.0.0.1\n10.2.0.0/16 via 10.0.0.1 \\\r\n metric 7\\",
        "routes=[\"10.1.0.0/16 via 10.0.0.1\",\r\n\"\"\"\n10.2.0.0/16 via 10.0.0.1 metric 7 # why\n\"\"\"]",
        "\"routes\"=['10.1.0.0/16 via 10.0.0.1',\n'10.2.0.0/16 via 10.0.0.1 metric 7']",
    ] {
        let wishes = said("x", text);
        assert_eq!(
            wishes.iter().map(|(_, text)| text).collect::<Vec<_>>(),
            plain.iter().map(|(_, text)| text).collect::<Vec<_>>()
        );
    }
    assert_eq!(said("empty", "\n# nothing\n"), []);
    assert_eq!(said("empty.toml", ""), []);
}

#[test]
fn a_service_becomes_rules_and_a_table() {
    let text = service(&format!("{PACKETS}\ntable = 1025\npriority = 1000\n{WAY}"));
    assert_eq!(
        said("x.toml", &text),
        [
            (2, "rule 1000: from all ipproto tcp dport 25 lookup 1025".to_owned()),
            (5, "route default via 10.9.0.1 dev if3 table 1025 metric 50".to_owned()),
        ]
    );
    let named = text.replace("metric 50", "metric 50 table 1025").replace("1025\n", "\"1025\"\n");
    assert_eq!(said("x.toml", &named), said("x.toml", &text), "its own table can be named");
    let local = text.replace("default via 10.9.0.1 dev if3", "local 10.9.9.0/24 dev if1");
    assert!(said("x.toml", &local)[1].1.contains("table 1025"), "a type whose routes stand elsewhere changes nothing");
    let interface = text.replace("dev if3", "onlink");
    assert!(said("x.toml", &interface)[1].1.contains("onlink"));
    let capabilities = linux();
    let reader = Reader { names: Names::none(), family: None, capabilities: &capabilities, whose: Whose::TheFiles };
    let (said, _) = reader.read("x.toml", &text.replace("metric 50", "metric 0"));
    assert_eq!(said.wishes.iter().map(|wish| wish.claim.metric_zero).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_byte_belongs_to_the_line_that_it_ends() {
    let lines = Lines::of(b"a\n\nbc\n");
    assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|byte| lines.at(byte)), [1, 1, 2, 3, 3, 3, 4]);
}

#[track_caller]
fn is_refused(path: &str, text: &str, wanted: &[(usize, &str)]) {
    let (_, faults) = read_all(path, text);
    let are_these = faults.len() == wanted.len()
        && faults.iter().zip(wanted).all(|((line, why), (wanted, said))| line == wanted && why.contains(said));
    assert!(are_these, "{text:?}:\n{faults:#?}\nand not\n{wanted:#?}");
}

#[test]
fn what_is_wrong_in_lines_is_told_with_its_line_and_word() {
    for (text, line, said) in [
        ("10.1.0.0/16 dev if2\n10.2.0.0/16 metrik 5\n", 2, "\"metrik\" is no word of a route"),
        ("route del 10.1.0.0/16", 1, "\"del\" is no word here: the file says what is to be there, and --prune"),
        ("ip route replace 10.1.0.0/16 dev if2", 1, "\"replace\" is no word here"),
        ("route show", 1, "\"show\" is no word here"),
        ("10.1.0.1/16 dev if2", 1, "\"10.1.0.1/16\" has host bits set; the network is 10.1.0.0/16"),
        ("10.1.0.0/33 dev if2", 1, "\"33\" is no prefix length"),
        ("nexthop add id 5 via 10.0.0.1 dev if2", 1, "next-hop objects cannot be claimed"),
        ("rule add from 10.0.0.0/8 lookup 7", 1, "\"from 10.0.0.0/8 lookup 7\" names no priority"),
        ("rule add pref 7 lokup 7", 1, "\"lokup\" is no word of a rule"),
        ("rule lokup 7", 1, "\"lokup\" is no word of a rule"),
        ("rule add", 1, "\"rule add\": the rule says nothing"),
        ("route add", 1, "\"route add\": a route begins with its destination"),
        ("10.1.0.0/16 via", 1, "something must follow \"via\""),
        ("10.1.0.0/16 via 10.0.0.1 via 10.0.0.2", 1, "\"via\" is said twice"),
        ("rule 7: from 10.0.0.0/8 pref 8 lookup 7", 1, "\"pref\" is said twice"),
        ("route add 10.1.0.0/16 'dev", 1, "quote"),
        ("ip -s route add 10.1.0.0/16 dev if2", 1, "\"-s\" is no option here"),
        ("-4 -6 10.1.0.0/16 dev if2", 1, "\"-6\" does not go with"),
        ("-6 10.1.0.0/16 dev if2", 1, "\"-6 10.1.0.0/16 dev if2\": 10.1.0.0/16 does not go with -6"),
        ("\n\nlink add x", 3, "\"link\" begins neither a route nor a rule"),
        ("sudo ip route add 10.1.0.0/16 dev if2", 1, "\"sudo\" begins neither"),
        ("10.1.0.0/16 dev eth9", 1, "no interface \"eth9\""),
        ("10.1.0.0/16 via 10.0.0.1 table nowhere", 1, "\"nowhere\" is no routing table"),
        ("10.1.0.0/16 via 10.0.0.1 metric 5000000000", 1, "\"5000000000\" is no number from 0 to 4294967295"),
        ("10.1.0.0/16 nexthop via 10.0.0.1 weight 0", 1, "\"0\" is no weight"),
        ("10.1.0.0/16 via 10.0.0.2 nexthop via 10.0.0.1", 1, "\"nexthop\" cannot stand beside"),
        ("2001:db8::/48 via 10.0.0.1", 1, "\"10.0.0.1\" cannot be the gateway of an IPv6 route"),
        ("10.1.0.0/16\u{a0}via 10.0.0.1", 1, "\\u{a0}"),
        ("{\"dst\": \"10.1.0.0/16\"}", 1, "this is JSON"),
        ("\n[\n {\"dst\": \"10.1.0.0/16\"}]", 2, "this is JSON"),
    ] {
        is_refused("x", text, &[(line, said)]);
    }
    is_refused("x", "y\n# z\n10.0.0.0/8 dev if2\nroute 9\n", &[(1, "\"y\""), (4, "a route")]);
}

#[test]
fn what_is_wrong_in_toml_is_told_with_the_line_of_the_word() {
    for (text, line, said) in [
        ("routes = [\n\n\"10.1.0.0/16 metrik 5\"]", 3, "\"metrik\" is no word of a route"),
        ("routes = [\"\"\"\n\n10.1.0.0/16 metrik 5\"\"\"]", 3, "\"metrik\" is no word of a route"),
        ("routes = [\"\"\"\n10.1.0.0/16 dev if2\n10.2.0.0/16 dev if2\"\"\"]", 2, "\"10.2.0.0/16 dev if2\" is a second line"),
        ("\nrouts = []", 2, "\"routs\" is no key of a file of claims: is \"routes\" meant?"),
        ("\nmetric = 7", 2, "\"metric\" is no key of a file of claims, which has owner, routes, rules, service"),
        ("routes = []\n\nroutes = []", 3, "\"routes\": duplicate key"),
        ("routes = [\n", 1, "unclosed array"),
        ("routes = [\"10.1.0.0/16 dev if2\"\n \"10.2.0.0/16 dev if2\"]", 2, "\"10.2.0.0/16: missing comma"),
        ("x y\n", 1, "\"y\": key with no value"),
        ("routes = []\nrules = [\n7]", 3, "\"7\" is an integer, and \"rule\" is a string"),
        ("routes = \"10.1.0.0/16 dev if2\"", 1, "\"10.1.0.0/16 dev if2\" is a string, and \"routes\" is an array"),
        ("rules = {}", 1, "{} is a table, and \"rules\" is an array"),
        ("owner = 7", 1, "\"7\" is an integer, and \"owner\" is a string"),
        ("\nowner = \"static\"", 2, "\"static\": the number 4 is that of static"),
        ("\nowner = \"vpn=256\"", 2, "\"256\" is no number from 1 to 255"),
        ("rules = [\n \"rule add from 10.0.0.0/8\"]", 2, "\"from 10.0.0.0/8\" names no priority"),
        ("rules = [\n \"route add 10.0.0.0/8\"]", 2, "\"route\" is not what stands here"),
        ("routes = [\n \"rule add pref 7 lookup 7\"]", 2, "\"rule\" is not what stands here"),
        ("routes = [\"\"]", 1, "a route begins with its destination"),
        ("rules = [\"\"]", 1, "the rule says nothing"),
        (
            "rules = [\n{ rule = \"7: lookup 7\", family = \"ipv6\" }]",
            2,
            "\"ipv6\" is no family: they are \"inet\" and \"inet6\"",
        ),
        ("rules = [\n{ rule = \"7: from 10.0.0.0/8\", family = \"inet6\" }]", 2, "\"10.0.0.0/8\" is not of the rule's family"),
        ("rules = [\n{ rule = \"7: lookup 7\", famly = \"inet6\" }]", 2, "\"famly\" is no key of a rule: is \"family\" meant?"),
        ("rules = [\n{ family = \"inet6\" }]", 2, "it has no \"rule\""),
        ("routes = [\n{ rule = \"7: lookup 7\" }]", 2, "\"rule\" is no key of a route, which has route, family"),
        ("[service]\ntable = 7", 1, "write [[service]]"),
        ("service = 7", 1, "\"7\" is an integer"),
        ("service = [7]", 1, "\"7\" is an integer"),
    ] {
        is_refused("x.toml", text, &[(line, said)]);
    }
    let all = "rules = [\"from 10.0.0.0/8\"]\n[[service]]\npriority = \"x\"\ntable = -1\npackets = \"iif eth0\"\nroutes = [\"y\",\n7]\n";
    let told = [(1, "no priority"), (3, "\"x\""), (4, "\"-1\""), (5, "\"iif\""), (6, "\"y\""), (7, "\"7\"")];
    is_refused("x.toml", all, &told);
    is_refused("x.toml", "service = []\nrules = [7]\nroutes = [\"x\"]\nowner = \"\"", &[(2, "\"7\""), (3, "\"x\""), (4, "\"\"")]);
}

#[test]
fn what_is_wrong_with_a_service_is_told_with_the_line_of_its_key() {
    let right = service(&format!("{PACKETS}\ntable = 1025\npriority = 1000\n{WAY}"));
    for (from, to, line, said) in [
        ("dport 25", "dprt 25", 2, "\"dprt\" is no word of \"packets\", which are to, ipproto, sport, dport, uidrange, fwmark"),
        ("dport 25", "dport 70000", 2, "\"70000\" is no number"),
        ("dport 25", "dport 25/0xff", 2, "says more than a service can"),
        ("ipproto tcp dport 25", "iif eth0", 2, "\"iif\" is no word"),
        ("ipproto tcp dport 25", "", 2, "\"packets\": it names no packets"),
        ("ipproto tcp dport 25", "dport 25", 2, "\"packets\": ports are those of a protocol"),
        ("ipproto tcp dport 25", "to 2001:db8::/32", 5, "\"routes\": it has no route of its family"),
        (PACKETS, "packets = 25", 2, "\"25\" is an integer, and \"packets\" is a string"),
        (PACKETS, "", 1, "\"[[service]]\" has no \"packets\""),
        ("packets", "packet", 2, "\"packet\" is no key of a service: is \"packets\" meant?"),
        ("table = 1025", "table = 254", 3, "\"table\": its table must be one of its own"),
        ("table = 1025", "table = 0", 3, "\"table\": its table must be one of its own"),
        ("table = 1025", "table = -1", 3, "\"-1\": \"table\" is a number from 0 to 4294967295"),
        ("table = 1025", "table = \"mail\"", 3, "\"mail\" is no routing table"),
        ("table = 1025", "table = [1]", 3, "[1] is an array, and \"table\" is a number"),
        ("priority = 1000", "priority = 5_000_000_000", 4, "\"5_000_000_000\": \"priority\" is a number from 0 to 4294967295"),
        ("priority = 1000", "", 1, "\"[[service]]\" has no \"priority\""),
        ("metric 50", "metric 50 table 7", 5, "\"table 7\" is not that of the service, whose routes are in table 1025"),
        ("metric 50", "metric 50 table main", 5, "\"table main\" is not that of the service"),
        ("metric 50", "metrik 50", 5, "\"metrik\" is no word of a route"),
        (WAY, "routes = []", 5, "\"routes\": it has no route of its family"),
        (WAY, "routes = [\n7]", 6, "\"7\" is an integer"),
        (WAY, "routes = 7", 5, "\"7\" is an integer, and \"routes\" is an array"),
    ] {
        is_refused("x.toml", &right.replacen(from, to, 1), &[(line, said)]);
    }
    let none = Capabilities::least("a system without rules");
    let reader = Reader { names: Names::none(), family: None, capabilities: &none, whose: Whose::TheFiles };
    let (_, faults) = read_by(&reader, "x.toml", &format!("\n{right}"));
    assert!(faults.len() == 1 && faults[0].0 == 2 && faults[0].1.contains("no policy rules"), "{faults:?}");
}

#[test]
fn whose_it_is_the_file_says_unless_it_has_been_said() {
    let capabilities = linux();
    let read = |whose, text: &str| {
        let reader = Reader { names: Names::none(), family: None, capabilities: &capabilities, whose };
        let (said, faults) = reader.read("x.toml", text);
        (said.owner.map(|owner| owner.number()), faults.into_iter().map(|fault| fault.why).collect::<Vec<_>>())
    };
    assert_eq!(read(Whose::TheFiles, "owner = \"vpn=201\""), (Some(201), Vec::new()));
    assert_eq!(read(Whose::Another, "owner = \"nobody-knows\""), (None, Vec::new()));
    let (owner, faults) = read(Whose::Nobodys, "owner = \"vpn=201\"");
    assert!(owner.is_none() && faults.len() == 1 && faults[0].contains("\"owner\" is for `apply`"), "{faults:?}");
}

#[test]
fn the_family_that_is_asked_for_is_not_left() {
    let capabilities = linux();
    let reader =
        |family| Reader { names: Names::none(), family: Some(family), capabilities: &capabilities, whose: Whose::TheFiles };
    let (wishes, faults) = read_by(&reader(Family::V6), "x", "default dev if2 metric 5\nrule 7: lookup 7\n-4 rule 7: lookup 7\n");
    assert_eq!(wishes.len(), 2);
    assert!(wishes[0].1.ends_with("pref medium") && wishes[1].1.starts_with("-6 rule"), "{wishes:?}");
    assert_eq!(faults, [(3, "\"-4\" does not go with the other family that is asked for".to_owned())]);
    let (_, faults) = read_by(&reader(Family::V4), "x.toml", "rules = [\n{ rule = \"7: lookup 7\", family = \"inet6\" }]");
    assert!(faults.len() == 1 && faults[0].0 == 2 && faults[0].1.starts_with("\"inet6\" does not go with"), "{faults:?}");
}

/// The page that tells of files.
const PAGE: &str = include_str!("../../../../../docs/claims.md");

/// Every key, where it stands, and a file that has it.
const TRIED: [(&str, &str, &str); 12] = [
    ("the file", "owner", "owner = \"vpn=201\""),
    ("the file", "routes", "routes = [\"10.1.0.0/16 dev if2\"]"),
    ("the file", "rules", "rules = [\"7: lookup 7\"]"),
    ("the file", "service", SERVICED),
    ("a service", "packets", SERVICED),
    ("a service", "table", SERVICED),
    ("a service", "priority", SERVICED),
    ("a service", "routes", SERVICED),
    ("a route", "route", "routes = [{ route = \"default dev if2\", family = \"inet6\" }]"),
    ("a route", "family", "routes = [{ route = \"default dev if2\", family = \"inet6\" }]"),
    ("a rule", "rule", "rules = [{ rule = \"7: lookup 7\", family = \"inet6\" }]"),
    ("a rule", "family", "rules = [{ rule = \"7: lookup 7\", family = \"inet6\" }]"),
];

const SERVICED: &str = "[[service]]\npackets = \"fwmark 7\"\ntable = 7\npriority = 7\nroutes = [\"default dev if2\"]";

#[test]
fn every_key_that_is_documented_is_read_and_no_other() {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let documented: Vec<_> = rows.filter_map(|(key, rest)| Some((rest.split(" | ").next()?, key))).collect();
    let keys = [
        ("the file", &document::KEYS[..]),
        ("a service", &document::SERVICE),
        ("a route", &document::ROUTE),
        ("a rule", &document::RULE),
    ];
    let read: Vec<_> = keys.iter().flat_map(|(place, keys)| keys.iter().map(|key| (*place, *key))).collect();
    assert_eq!(documented, read, "docs/claims.md has other keys than are read");
    assert_eq!(TRIED.map(|(place, key, _)| (place, key)).to_vec(), read, "a key is not tried");
    for (place, key, text) in TRIED {
        let (_, faults) = read_all("x.toml", text);
        assert_eq!(faults, [], "{text}");
        let (before, after) = if key == "service" {
            (format!("[{key}]"), "[servile]".to_owned())
        } else {
            (format!("{key} ="), format!("{key}x ="))
        };
        let (_, faults) = read_all("x.toml", &text.replacen(&before, &after, 1));
        assert!(faults.iter().any(|(_, why)| why.contains(&format!("is {key:?} meant?"))), "{key} of {place}: {faults:?}");
    }
}

#[test]
fn what_the_page_shows_is_read_and_says_the_same_in_both_forms() {
    let part = PAGE.split("## A file").nth(1).expect("the page has this part");
    let example =
        |form: &str| part.split(&format!("```{form}\n")).nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let two = waypost::IfIndex::new(2).unwrap();
    let names = [(two, "eth0"), (waypost::IfIndex::new(3).unwrap(), "lte0")].into_iter().collect();
    let capabilities = linux();
    let reader =
        Reader { names: crate::numbers::with(&names), family: None, capabilities: &capabilities, whose: Whose::TheFiles };
    let read = |text: &str| {
        let (said, faults) = reader.read("standard input", text);
        assert_eq!(faults, [], "{text}");
        let items: Vec<_> = said.wishes.iter().map(|wish| wish.claim.item.to_string()).collect();
        (said.owner.map(|owner| owner.number()), items)
    };
    let ((owner, toml), (_, lines)) = (read(example("toml")), read(example("text")));
    assert_eq!((owner, toml.len(), lines.len()), (Some(201), 6, 4));
    assert_eq!(toml[..4], lines);
    assert!(toml[4].contains("ipproto tcp dport 25 lookup 1025") && toml[5].contains("table 1025"), "{toml:?}");
}
