//! What a request does, to name it where it fails.

use waypost_core::{Request, RouteChange};

/// What a request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    List,
    AddRoute,
    ReplaceRoute,
    ChangeRoute,
    AppendRoute,
    PrependRoute,
    DeleteRoute,
    Lookup,
    AddRule,
    DeleteRule,
    AddNextHop,
    ReplaceNextHop,
    DeleteNextHop,
}

impl Operation {
    /// What `request` does, or nothing where this backend does not know such requests.
    pub(super) const fn of(request: &Request<'_>) -> Option<Self> {
        Some(match request {
            Request::Dump(_) => Self::List,
            Request::Route(RouteChange::Add, _) => Self::AddRoute,
            Request::Route(RouteChange::Replace, _) => Self::ReplaceRoute,
            Request::Route(RouteChange::Change, _) => Self::ChangeRoute,
            Request::Route(RouteChange::Append, _) => Self::AppendRoute,
            Request::Route(RouteChange::Prepend, _) => Self::PrependRoute,
            Request::Route(RouteChange::Delete, _) => Self::DeleteRoute,
            Request::Lookup(..) => Self::Lookup,
            Request::AddRule(_) => Self::AddRule,
            Request::DeleteRule(_) => Self::DeleteRule,
            Request::AddNextHop { replace: false, .. } => Self::AddNextHop,
            Request::AddNextHop { replace: true, .. } => Self::ReplaceNextHop,
            Request::DeleteNextHop(_) => Self::DeleteNextHop,
            _ => return None,
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::AddRoute => "add route",
            Self::ReplaceRoute => "replace route",
            Self::ChangeRoute => "change route",
            Self::AppendRoute => "append route",
            Self::PrependRoute => "prepend route",
            Self::DeleteRoute => "delete route",
            Self::Lookup => "look up",
            Self::AddRule => "add rule",
            Self::DeleteRule => "delete rule",
            Self::AddNextHop => "add next hop",
            Self::ReplaceNextHop => "replace next hop",
            Self::DeleteNextHop => "delete next hop",
        }
    }
}
