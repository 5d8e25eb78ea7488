//! Policy rules: which table a packet's route is looked up in.

mod display;
mod parse;

use crate::{Family, Prefix, Protocol, TableId, Unnamed};

/// The flags that `ip rule` has words for: `linux/fib_rules.h` (6.18). Only that kernel has rules.
const FLAG_UNRESOLVED: u32 = 0x4;
const FLAG_INPUT_DETACHED: u32 = 0x8;
const FLAG_OUTPUT_DETACHED: u32 = 0x10;

/// The attributes that keep the host bits of `to` and `from`, which match nothing (the same header).
const ATTRIBUTE_TO: u16 = 1;
const ATTRIBUTE_FROM: u16 = 2;

/// What a rule does with packets that it matches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RuleAction {
    /// Look the route up in this table; go on with the next rule where it has none.
    Lookup(TableId),
    /// Go on with the rule of this priority.
    Goto(u32),
    /// Go on with the next rule.
    Nop,
    /// Drop without a word.
    Blackhole,
    /// Drop; the sender hears *network unreachable*.
    Unreachable,
    /// Drop; the sender hears *administratively prohibited*.
    Prohibit,
    /// An action of the kernel's that has no name here: its number.
    Other(u8),
}

/// A value and the bits of it that count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a value under a mask is these two")]
pub struct Masked<T> {
    /// The value.
    pub value: T,
    /// The bits of it that count.
    pub mask: T,
}

/// The ports from one to another, both included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port, not lower than the first.
    pub last: u16,
    /// The bits of a port that are compared (Linux 6.15); all of them unless a rule has one port and a mask.
    pub mask: u16,
}

impl PortRange {
    /// The ports from `first` to `last`.
    #[must_use]
    pub const fn new(first: u16, last: u16) -> Self {
        Self { first, last, mask: u16::MAX }
    }
}

/// The user ids from one to another, both included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a range is its two ends")]
pub struct UidRange {
    /// The first user id.
    pub first: u32,
    /// The last user id.
    pub last: u32,
}

/// A policy rule. What is `None` or zero matches every packet.
///
/// `Display` prints the words of `ip rule` and [`Rule::parse`] reads them back.
///
/// ```
/// use waypost_core::{Rule, RuleAction, TableId};
///
/// let rule: Rule = "100: from 10.0.0.0/8 iif eth0 lookup 7".parse()?;
/// assert_eq!((rule.priority, rule.action), (100, RuleAction::Lookup(TableId(7))));
/// assert_eq!(rule.to_string(), "100: from 10.0.0.0/8 iif eth0 lookup 7");
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Rule {
    /// The family of packets that it is for.
    pub family: Family,
    /// Where it stands among the rules: the lowest comes first.
    pub priority: u32,
    /// What it does.
    pub action: RuleAction,
    /// It matches the packets that its selectors do not.
    pub invert: bool,
    /// Source addresses.
    pub from: Option<Prefix>,
    /// Destination addresses.
    pub to: Option<Prefix>,
    /// The name of the interface that packets came in by. A rule may name one that does not exist.
    pub input: Option<String>,
    /// The name of the interface that the sending socket is bound to.
    pub output: Option<String>,
    /// The packet's mark.
    pub mark: Option<Masked<u32>>,
    /// Type of service, or zero.
    pub tos: u8,
    /// Differentiated services code point (Linux 6.13).
    pub dscp: Option<Masked<u8>>,
    /// IPv6 flow label (Linux 6.14).
    pub flow_label: Option<Masked<u32>>,
    /// The IP protocol number.
    pub ip_protocol: Option<u8>,
    /// Source ports.
    pub source_ports: Option<PortRange>,
    /// Destination ports.
    pub destination_ports: Option<PortRange>,
    /// The user who sends.
    pub uids: Option<UidRange>,
    /// The id of the tunnel that the packet came through, or zero.
    pub tunnel_id: u64,
    /// The table is that of the packet's layer-3 master device.
    pub l3mdev: bool,
    /// A route found is passed over if its prefix is this long or shorter.
    pub suppress_prefix_length: Option<u32>,
    /// A route found is passed over if its interface is of this group.
    pub suppress_group: Option<u32>,
    /// The realms of Linux's routing classifier, or zero.
    pub realms: u32,
    /// Who installed it.
    pub protocol: Protocol,
    /// The kernel's flags for it, such as a named interface that does not exist.
    pub os_flags: u32,
    /// The rule has a selector that is not known here: whoever decides by it can but say so.
    pub has_unknown_selector: bool,
    /// What has no portable name.
    pub unnamed: Unnamed,
}

impl Rule {
    /// All bits of a differentiated services code point.
    pub const DSCP_BITS: u8 = 0x3f;
    /// All bits of an IPv6 flow label.
    pub const FLOW_LABEL_BITS: u32 = 0xf_ffff;

    /// The rule that sends all packets of `family` to `action` at `priority`.
    #[must_use]
    pub fn new(family: Family, priority: u32, action: RuleAction) -> Self {
        Self {
            family,
            priority,
            action,
            invert: false,
            from: None,
            to: None,
            input: None,
            output: None,
            mark: None,
            tos: 0,
            dscp: None,
            flow_label: None,
            ip_protocol: None,
            source_ports: None,
            destination_ports: None,
            uids: None,
            tunnel_id: 0,
            l3mdev: false,
            suppress_prefix_length: None,
            suppress_group: None,
            realms: 0,
            protocol: Protocol::UNSPECIFIED,
            os_flags: 0,
            has_unknown_selector: false,
            unnamed: Unnamed::default(),
        }
    }
}
