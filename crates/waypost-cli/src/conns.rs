//! `waypost conns`: the host's sockets, each with the way that its packets take, and what changes hit of them.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use waypost::{
    Connection, Connections, Effects, ErrorKind, Flow, FlowId, Judgement, Outlook, Reach, RouteRef, Standing, Transport,
};

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::json::RouteJson;
use crate::numbers;

/// How often the sockets are listed again while they are watched.
const LIST_EVERY: Duration = Duration::from_secs(1);

/// How long the tables must have been quiet before a socket is ended for want of a way: at a start of the machine they fill.
const COLD_PLUG: Duration = Duration::from_millis(100);

/// How long is waited at most for all sockets to be judged.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(invocation: &mut Invocation, watch: bool, close: bool) -> Result<(), Failure> {
    let mut sockets = Sockets::open(invocation, close)?;
    sockets.list()?;
    sockets.judge()?;
    if !watch {
        return sockets.print_all(invocation, close);
    }
    let mut sequence = 0;
    for id in sockets.lost() {
        sockets.tell(invocation, &mut sequence, id, None, close)?;
    }
    let mut due = now() + LIST_EVERY;
    loop {
        invocation.output.flush()?;
        if let Some(hit) = sockets.reach.next(Some(due.saturating_duration_since(now())))? {
            sockets.tell(invocation, &mut sequence, hit.flow, Some(&hit), close)?;
        }
        if now() >= due {
            sockets.list()?;
            due = now() + LIST_EVERY;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the command drives what is watched")]
fn now() -> Instant {
    Instant::now()
}

/// The host's sockets, those that talk to somebody registered as flows.
struct Sockets {
    family: Option<waypost::Family>,
    connections: Connections,
    reach: Reach,
    /// By what tells a socket from every other.
    known: BTreeMap<(Transport, u64), (Connection, Option<FlowId>)>,
    by_flow: HashMap<FlowId, (Transport, u64)>,
}

/// Its flow, where what the kernel says of it is enough to judge that by.
///
/// Whose source need not be the host's own is not judged by it, nor ended. Of connections that nobody has accepted yet or anybody holds any more,
/// which have no inode, the kernel says neither that nor whose they are (`inet_req_diag_fill`, net/ipv4/inet_diag.c, Linux 6.18).
fn judged(connection: &Connection) -> Option<Flow> {
    connection.flow().filter(|_| connection.is_transparent != Some(true) && connection.inode != 0)
}

/// Says whether it counts how a socket stands. That its source is not the host's own does not, where the kernel does not say that it has to be.
fn counts(connection: &Connection, outlook: Outlook) -> bool {
    outlook != Outlook::SourceLost || connection.is_transparent == Some(false)
}

/// Why a socket that talks to somebody is not judged.
const fn why_not_judged(connection: &Connection) -> &'static str {
    match connection.is_transparent {
        Some(true) => "its source may be another's",
        _ if connection.inode == 0 => "the kernel does not say whose it is",
        _ => "the kernel does not say whether its source may be another's",
    }
}

/// A socket, as it is printed with `--json`.
#[derive(Serialize)]
struct ConnectionJson<'a> {
    proto: &'static str,
    state: &'static str,
    local: std::net::IpAddr,
    lport: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<std::net::IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rport: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oif: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tos: Option<u8>,
    /// Null where the kernel does not tell.
    #[serde(skip_serializing_if = "is_told_not_to_be")]
    transparent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    inode: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteJson<'a>>,
}

fn is_told_not_to_be(transparent: &Option<bool>) -> bool {
    *transparent == Some(false)
}

impl Sockets {
    fn open(invocation: &Invocation, close: bool) -> Result<Self, Failure> {
        let connections = Connections::open(&invocation.options())?;
        let cold_plug = if close { COLD_PLUG } else { Duration::ZERO };
        let reach = Reach::open_with(&invocation.options(), cold_plug)?;
        let family = invocation.family();
        Ok(Self { family, connections, reach, known: BTreeMap::new(), by_flow: HashMap::new() })
    }

    /// Lists the sockets: registers who is new, forgets who is gone.
    fn list(&mut self) -> Result<(), Failure> {
        let mut gone = std::mem::take(&mut self.known);
        for connection in self.connections.list()? {
            if self.family.is_some_and(|family| family != connection.family()) {
                continue;
            }
            let key = (connection.transport, connection.cookie);
            let flow = judged(&connection);
            let old = gone.remove(&key);
            // One that talks to another than before, as a UDP socket may, is another flow.
            let id = match old {
                Some((was, id)) if judged(&was) == flow => id,
                other => {
                    gone.extend(other.map(|other| (key, other)));
                    let id = flow.map(|flow| self.reach.register(&flow));
                    self.by_flow.extend(id.map(|id| (id, key)));
                    id
                }
            };
            self.known.insert(key, (connection, id));
        }
        for flow in gone.into_values().filter_map(|(_, flow)| flow) {
            self.reach.remove(flow);
            self.by_flow.remove(&flow);
        }
        Ok(())
    }

    /// Waits until every socket has been judged. What is told meanwhile is how they stand, which is asked for behind it.
    fn judge(&mut self) -> Result<(), Failure> {
        let turn = Duration::from_millis(20);
        let mut left = PATIENCE;
        while !left.is_zero() && self.by_flow.keys().any(|flow| self.is_unjudged(*flow)) {
            if self.reach.next(Some(turn))?.is_none() {
                left = left.saturating_sub(turn);
            }
        }
        Ok(())
    }

    fn is_unjudged(&self, flow: FlowId) -> bool {
        self.reach.standing(flow).is_none_or(|standing| standing.outlook == Outlook::Unjudged)
    }

    /// How a socket stands, and by which route; `None` where it is not judged.
    ///
    /// Flows of [`Reach`] have no ports, by which rules may go, and those that it has told of may have waited, so each is looked up anew.
    fn outlook(&self, connection: &Connection, flow: Option<FlowId>) -> Option<(Standing, Option<RouteRef<'_>>)> {
        if self.is_unjudged(flow?) {
            return Some((Standing::default(), None));
        }
        let flow = connection.flow()?;
        let standing = self.reach.look(&flow);
        let is_routed = standing.outlook == Outlook::Routed;
        let route = if is_routed { self.reach.watcher().lookup(&flow).route() } else { None };
        counts(connection, standing.outlook).then_some((standing, route))
    }

    /// Says whether the packets of a socket go nowhere.
    fn is_lost(&self, flow: FlowId) -> bool {
        let connection = self.by_flow.get(&flow).and_then(|key| self.known.get(key));
        let outlook = connection.and_then(|(connection, _)| self.outlook(connection, Some(flow)));
        outlook.is_some_and(|(standing, _)| standing.outlook.is_lost())
    }

    /// Those whose packets go nowhere.
    fn lost(&self) -> Vec<FlowId> {
        self.known.values().filter_map(|(_, flow)| *flow).filter(|flow| self.is_lost(*flow)).collect()
    }

    fn print_all(&mut self, invocation: &mut Invocation, close: bool) -> Result<(), Failure> {
        let ended = if close { self.end(self.lost())? } else { Vec::new() };
        let output = &mut invocation.output;
        if output.json {
            let mut array = output.array()?;
            for (connection, flow) in self.known.values() {
                let mut object = json!(self.json(connection, *flow));
                if flow.is_some_and(|flow| ended.contains(&flow)) {
                    object["closed"] = true.into();
                }
                array.push(&object)?;
            }
            return Ok(array.end()?);
        }
        for (connection, flow) in self.known.values() {
            let closed = if flow.is_some_and(|flow| ended.contains(&flow)) { ", closed" } else { "" };
            output.line(&format!("{connection}{}{closed}", self.text(connection, *flow)))?;
        }
        Ok(())
    }

    /// Ends those of these sockets whose packets go nowhere, and says which.
    ///
    /// Each is looked at again by what the kernel has said meanwhile: what was mended while others were ended or told of is not ended. Those that
    /// have ended by themselves are not among those that are given back.
    fn end(&mut self, flows: Vec<FlowId>) -> Result<Vec<FlowId>, Failure> {
        let mut ended = Vec::new();
        for flow in flows {
            let Some((connection, _)) = self.by_flow.get(&flow).and_then(|key| self.known.get(key)) else { continue };
            let Some(asked) = connection.flow() else { continue };
            let outlook = self.reach.look_again(&asked)?.outlook;
            if !outlook.is_lost() || !counts(connection, outlook) {
                continue;
            }
            match self.connections.close(connection) {
                Ok(()) => ended.push(flow),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ended)
    }

    /// Tells what hit a socket, and ends it if it has no way and that is asked for.
    fn tell(
        &mut self,
        invocation: &mut Invocation,
        sequence: &mut u64,
        flow: FlowId,
        hit: Option<&Judgement>,
        close: bool,
    ) -> Result<(), Failure> {
        // Ended first, told then: those who wait for it wait no longer than they must.
        let closed = close && self.is_lost(flow) && !self.end(vec![flow])?.is_empty();
        let Some((connection, _)) = self.by_flow.get(&flow).and_then(|key| self.known.get(key)) else { return Ok(()) };
        let effects = hit.map_or(Effects::empty(), |hit| hit.effects);
        let output = &mut invocation.output;
        *sequence += 1;
        if output.json {
            let mut object = json!({ "time": format!("{:.6}", jiff::Timestamp::now()), "seq": *sequence, "event": "hit" });
            object["effects"] = effects.words().collect::<Vec<_>>().into();
            object["connection"] = json!(self.json(connection, Some(flow)));
            object["closed"] = closed.into();
            return Ok(output.json_line(&object)?);
        }
        let effects: String = effects.words().map(|word| format!(" [{word}]")).collect();
        let closed = if closed { ", closed" } else { "" };
        Ok(output.line(&format!("{connection}{}{effects}{closed}", self.text(connection, Some(flow))))?)
    }

    /// What stands behind a socket: the way that it has, or why it has none.
    fn text(&self, connection: &Connection, flow: Option<FlowId>) -> String {
        let names = numbers::with(self.reach.watcher().names());
        match self.outlook(connection, flow) {
            Some((_, Some(route))) => {
                // Next hops of a route that has several stand on lines of their own.
                let text = format!("{:#}", route.with_names(names));
                format!(": {}", text.lines().map(str::trim).collect::<Vec<_>>().join(" "))
            }
            Some((standing, None)) => format!(": {}", standing.outlook.word()),
            None if connection.remote.is_none() => String::new(),
            None => format!(": not judged, as {}", why_not_judged(connection)),
        }
    }

    fn json<'a>(&'a self, connection: &Connection, flow: Option<FlowId>) -> ConnectionJson<'a> {
        let names = self.reach.watcher().names();
        let (standing, route) = self.outlook(connection, flow).map_or((None, None), |(standing, route)| (Some(standing), route));
        ConnectionJson {
            proto: connection.transport.word(),
            state: connection.state.word(),
            local: connection.local.ip(),
            lport: connection.local.port(),
            remote: connection.remote.map(|remote| remote.ip()),
            rport: connection.remote.map(|remote| remote.port()),
            oif: connection.interface.map(|index| names.printed(index).to_string()),
            mark: connection.mark.filter(|mark| *mark != 0),
            tos: Some(connection.tos).filter(|tos| *tos != 0),
            transparent: connection.is_transparent,
            uid: connection.uid,
            inode: connection.inode,
            verdict: standing.as_ref().map(|standing| standing.outlook.word().replace(' ', "-")),
            mtu: standing.map(|standing| standing.mtu).filter(|mtu| *mtu != 0),
            route: route.map(|route| RouteJson::new(route, numbers::with(names))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_judged_of_which_too_little_is_known() {
        let mut connection =
            Connection::new(Transport::Tcp, waypost::ConnectionState::Established, "10.0.0.2:443".parse().unwrap());
        connection.remote = Some("192.0.2.1:40000".parse().unwrap());
        assert_eq!(judged(&connection), None, "nobody has accepted it");
        connection.inode = 7;
        assert_eq!(judged(&connection), connection.flow());
        assert!(counts(&connection, Outlook::NoRoute), "without a way it is lost, whatever its source");
        assert!(!counts(&connection, Outlook::SourceLost), "an older kernel does not say whether its source may be another's");
        connection.is_transparent = Some(false);
        assert_eq!(judged(&connection), connection.flow());
        assert!(counts(&connection, Outlook::SourceLost));
        connection.is_transparent = Some(true);
        assert_eq!(judged(&connection), None, "its source may be another's");
    }
}
