//! Next-hop objects.

use waypost_core::{
    Error, ErrorKind, Family, IfIndex, NextHopId, NextHopObject, NextHopObjectKind, Notice, Route, RouteVerb, Verb,
};

use super::{State, refused};

impl State {
    pub(crate) fn add_next_hop(&mut self, object: &NextHopObject, replace: bool) -> Result<(), Error> {
        let known = self.next_hops.contains_key(&object.id);
        if known && !replace {
            return Err(refused(ErrorKind::Exists, "there is such a next hop"));
        }
        let mut object = object.clone();
        match &mut object.kind {
            NextHopObjectKind::Single(hop) => *hop = self.reached(hop, self.profile.capabilities.main_table)?,
            NextHopObjectKind::Group { members, .. } if members.iter().any(|member| !self.next_hops.contains_key(&member.id)) => {
                return Err(refused(ErrorKind::Invalid, "Invalid nexthop id"));
            }
            _ => {}
        }
        let id = object.id;
        self.next_hops.insert(id, object.clone());
        self.tell_next_hop(Verb::Present, &object);
        if known {
            // With nexthop_compat_mode each route that uses it is announced again.
            let users: Vec<Route> = self.tables.values().flatten().filter(|route| uses(route, id)).cloned().collect();
            users.iter().for_each(|route| self.tell_route(RouteVerb::Replaced, route));
        }
        Ok(())
    }

    pub(crate) fn delete_next_hop(&mut self, id: NextHopId) -> Result<(), Error> {
        let object = self.next_hops.get(&id).ok_or_else(|| refused(ErrorKind::NotFound, "there is no such next hop"))?.clone();
        self.object_gone(&object, true);
        Ok(())
    }

    /// The object that a route names.
    pub(super) fn object(&self, id: NextHopId) -> Result<&NextHopObject, Error> {
        self.next_hops.get(&id).ok_or_else(|| refused(ErrorKind::Invalid, "Nexthop id does not exist."))
    }

    pub(crate) fn all_next_hops(&self) -> Vec<NextHopObject> {
        self.next_hops.values().cloned().collect()
    }

    /// A link goes and takes the objects over it along (`nexthop_flush_dev`, net/ipv4/nexthop.c: nothing is announced).
    pub(super) fn lose_objects(&mut self, link: IfIndex) {
        let over =
            |object: &&NextHopObject| matches!(&object.kind, NextHopObjectKind::Single(hop) if hop.interface == Some(link));
        let gone: Vec<NextHopObject> = self.next_hops.values().filter(over).cloned().collect();
        let announced = self.profile.next_hop_consequences_announced;
        for object in gone {
            self.object_gone(&object, announced);
        }
    }

    fn object_gone(&mut self, object: &NextHopObject, announced: bool) {
        let id = object.id;
        if announced {
            self.tell_next_hop(Verb::Removed, object);
        }
        for family in Family::ALL {
            let is_told = self.profile.family(family).consequences_announced;
            self.drop_routes(is_told, |route| uses(route, id) && route.slot.destination.family() == family);
        }
        // The routes have been told with its next hops, so it goes after them.
        self.next_hops.remove(&id);
        let groups: Vec<NextHopObject> = self.next_hops.values().filter(|group| is_member(group, id)).cloned().collect();
        for mut group in groups {
            let NextHopObjectKind::Group { members, .. } = &mut group.kind else { continue };
            members.retain(|member| member.id != id);
            let is_empty = members.is_empty();
            if is_empty {
                self.object_gone(&group, announced);
                continue;
            }
            self.next_hops.insert(group.id, group.clone());
            if announced {
                self.tell_next_hop(Verb::Present, &group);
            }
        }
    }

    fn tell_next_hop(&mut self, verb: Verb, object: &NextHopObject) {
        self.tell(&Notice::NextHop(verb, Box::new(object.clone())));
    }
}

fn uses(route: &Route, id: NextHopId) -> bool {
    route.entry.next_hop_object == Some(id)
}

fn is_member(object: &NextHopObject, id: NextHopId) -> bool {
    matches!(&object.kind, NextHopObjectKind::Group { members, .. } if members.iter().any(|member| member.id == id))
}
