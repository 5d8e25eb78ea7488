//! Flags in serialised form: their names, as bitflags writes them.

use crate::{AddressFlags, LinkFlags, NextHopFlags, RouteFlags};

macro_rules! as_text {
    ($($type:ident),*) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                bitflags::serde::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                bitflags::serde::deserialize(deserializer)
            }
        }
    )*};
}

as_text!(AddressFlags, LinkFlags, NextHopFlags, RouteFlags);
