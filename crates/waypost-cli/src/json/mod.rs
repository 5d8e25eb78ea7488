//! What is printed with `--json`: iproute2's field names where the meaning is the same.

mod decoded;
mod interface;
mod next_hop_object;
mod route;
mod rule;

pub(crate) use decoded::ItemJson;
pub(crate) use interface::{AddressJson, LinkAddressesJson, LinkJson, NeighbourJson, SettingsJson};
pub(crate) use next_hop_object::NextHopJson;
pub(crate) use route::RouteJson;
pub(crate) use rule::RuleJson;

use std::fmt::Display;

use serde::{Serialize, Serializer};

/// Something that is written as its text.
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// What iproute2 writes as a name with `null` where it is so, and not at all where it is not.
type Mark = Option<()>;

fn mark(is_so: bool) -> Mark {
    is_so.then_some(())
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

/// An attribute without a portable name.
#[derive(Serialize)]
struct AttributeJson {
    kind: u16,
    data: String,
}

impl AttributeJson {
    fn all(attributes: &waypost::Unnamed) -> Vec<Self> {
        let json = |attribute: &waypost::Attribute| Self { kind: attribute.kind, data: hexadecimal(&attribute.data) };
        attributes.as_slice().iter().map(json).collect()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}
