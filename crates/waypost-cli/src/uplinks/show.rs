//! How uplinks are shown.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use waypost::{Exit, Family, Grade, Life, Names, Prefix, UplinkId, UplinkReport, UplinkStatus, Uplinks, Wish};

use super::config::{Plan, Planned};
use super::reasons::Reasons;
use crate::json::RouteJson;

/// All uplinks of these families, as JSON: what the control socket tells. Those that are planned and cannot be yet stand behind those that are.
pub(crate) fn status(uplinks: &Uplinks, plan: &Plan, reasons: &Reasons, families: &[Family]) -> Value {
    let names = uplinks.names();
    let is_asked = |family: Family| families.contains(&family);
    let mut each: Vec<Value> = uplinks
        .status()
        .filter(|status| is_asked(status.uplink.family))
        .map(|status| one(&status, uplinks, plan, reasons))
        .collect();
    for (planned, readiness) in plan.planned.iter().zip(plan.readiness(uplinks)) {
        // One that is just being given up is told as that.
        let is_told = || uplinks.status().any(|status| (status.uplink.name.as_str(), status.uplink.family) == planned.key());
        if let Some(why) = readiness.why(planned).filter(|_| is_asked(planned.family) && !is_told()) {
            each.push(waiting(planned, &why));
        }
    }
    let above = uplinks.outranked_by().iter().filter(|route| is_asked(route.slot.destination.family()));
    let above: Vec<String> = above.map(|route| route.with_names(Names::from(names)).to_string()).collect();
    json!({ "uplinks": each, "outranked_by": above })
}

const fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}

/// The router of a default route of ours that is there: while another is wanted, that of before.
fn stands_via(status: &UplinkStatus<'_>, metric: u32, uplinks: &Uplinks, plan: &Plan) -> Option<IpAddr> {
    let table = uplinks.mirror().tables().table(uplinks.capabilities().main_table)?;
    let mut chain = table.exactly(Prefix::default_of(status.uplink.family))?;
    let found = chain.find(|route| route.slot.metric == metric && route.entry.protocol == plan.options.protocol)?;
    found.entry.next_hops.first().filter(|hop| hop.interface == Some(status.uplink.interface))?.gateway
}

fn one(status: &UplinkStatus<'_>, uplinks: &Uplinks, plan: &Plan, reasons: &Reasons) -> Value {
    let role = |(role, metric): &(waypost::Role, u32)| json!({ "role": role.word(), "metric": metric, "gateway": stands_via(status, *metric, uplinks, plan) });
    json!({
        "name": status.uplink.name,
        "family": word(status.uplink.family),
        "dev": uplinks.names().printed(status.uplink.interface).to_string(),
        "gateway": status.hop.map_or_else(|| written(status.uplink.exit), |hop| hop.gateway),
        "usable": status.hop.is_some(),
        "why": reasons.why(status, uplinks),
        "elected": status.elected,
        "asked": status.asked,
        "set_back": status.set_back,
        "state": status.life.to_string().to_lowercase(),
        "priority": status.uplink.priority,
        "health": status.grade.word(),
        "defaults": status.defaults.iter().map(role).collect::<Vec<_>>(),
        "hold_down_ms": status.hold_down.map(|time| time.as_millis() as u64),
        "retry_ms": status.retry.map(|time| time.as_millis() as u64),
    })
}

/// The router that is written down.
const fn written(exit: Exit) -> Option<IpAddr> {
    match exit {
        Exit::Gateway(gateway) => Some(gateway),
        _ => None,
    }
}

/// One that is planned, and why it is none.
fn waiting(planned: &Planned, why: &str) -> Value {
    json!({
        "name": planned.name,
        "family": word(planned.family),
        "dev": planned.interface,
        "gateway": written(planned.exit),
        "usable": false,
        "why": why,
        "elected": false,
        "asked": false,
        "set_back": false,
        "state": Life::Inactive.to_string().to_lowercase(),
        "priority": planned.priority,
        "health": Grade::Unknown.word(),
        "defaults": [],
        "hold_down_ms": null,
        "retry_ms": null,
    })
}

/// What a dry run would do, beside how the uplinks stand.
pub(crate) fn rehearsed(mut status: Value, dry: &[(bool, Wish)], left: &[String], uplinks: &Uplinks) -> Value {
    let of = |adds: bool| {
        let routes = dry.iter().filter(|(added, _)| *added == adds).map(|(_, wish)| {
            let name = uplinks.uplink(wish.uplink).map(|uplink| uplink.name.as_str());
            let route = RouteJson::new(wish.route.as_ref(), Names::from(uplinks.names()));
            json!({ "uplink": name, "role": wish.role.word(), "route": route })
        });
        Value::Array(routes.collect())
    };
    let (added, removed) = (of(true), of(false));
    if let Some(object) = status.as_object_mut() {
        object.extend([("added".to_owned(), added), ("removed".to_owned(), removed), ("left_alone".to_owned(), json!(left))]);
    }
    status
}

/// The same for people, of what the control socket told.
pub(crate) fn table(status: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut lines = Vec::new();
    for uplink in status["uplinks"].as_array().into_iter().flatten() {
        let defaults = uplink["defaults"].as_array().into_iter().flatten();
        let default = |one: &Value| {
            // Another router may be wanted by now.
            let old = one["gateway"].as_str().filter(|_| one["gateway"] != uplink["gateway"]);
            format!("{} {}{}", text(&one["role"]), one["metric"], old.map(|old| format!(" via {old}")).unwrap_or_default())
        };
        let defaults: Vec<String> = defaults.map(default).collect();
        let mut line = format!(
            "{} {} {} dev {}",
            if uplink["elected"] == true { "*" } else { " " },
            text(&uplink["name"]),
            text(&uplink["family"]),
            text(&uplink["dev"]),
        );
        if uplink["gateway"].is_string() {
            line += &format!(" via {}", text(&uplink["gateway"]));
        }
        line += &format!(" priority {}: {}", uplink["priority"], text(&uplink["state"]));
        if let Some(why) = uplink["why"].as_str() {
            line += &format!(" ({why})");
        }
        line += &format!(", health {}", text(&uplink["health"]));
        if !defaults.is_empty() {
            line += &format!(", default {}", defaults.join(" and "));
        }
        if let Some(hold) = uplink["hold_down_ms"].as_u64() {
            line += &format!(", held down for {:.1} s", hold as f64 / 1000.0);
        }
        if let Some(retry) = uplink["retry_ms"].as_u64() {
            line += &format!(", tried again in {:.1} s", retry as f64 / 1000.0);
        }
        if uplink["asked"] == true {
            line += ", promoted by hand";
        }
        if uplink["set_back"] == true {
            line += ", demoted by hand";
        }
        lines.push(line);
    }
    let above = status["outranked_by"].as_array().into_iter().flatten();
    lines.extend(above.map(|route| format!("! {} is used before it", text(route))));
    if lines.is_empty() {
        lines.push("no uplinks".to_owned());
    }
    lines
}

/// Whether that is a warning.
pub(crate) const fn warns(report: &UplinkReport) -> bool {
    match report {
        UplinkReport::Elected { now, .. } => now.is_none(),
        UplinkReport::Graded { grade, .. } => matches!(grade, Grade::Bad | Grade::Doubtful),
        UplinkReport::Refused { .. } | UplinkReport::Kept { .. } | UplinkReport::Lost { .. } | UplinkReport::Outranked { .. } => {
            true
        }
        _ => false,
    }
}

/// What is worth telling, as a line.
pub(crate) fn report(report: &UplinkReport, uplinks: &Uplinks, given_up: &BTreeMap<UplinkId, String>) -> Option<String> {
    let names = uplinks.names();
    let name = |id| match (uplinks.uplink(id), given_up.get(&id)) {
        (Some(uplink), _) => uplink.name.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => "one given up".to_owned(),
    };
    let route = |route: &waypost::Route| route.with_names(Names::from(names)).to_string();
    let family = |family| if family == Family::V4 { "IPv4" } else { "IPv6" };
    Some(match report {
        UplinkReport::Elected { family: of, now: Some(now), cause, .. } => {
            format!("{} is elected for {}: {}", name(*now), family(*of), cause.words())
        }
        UplinkReport::Elected { family: of, now: None, .. } => format!("no uplink can be used for {}", family(*of)),
        UplinkReport::Switched { uplink, role } => format!("{} has the {role} default route", name(*uplink)),
        UplinkReport::Moved { uplink, to: Life::Inactive, .. } => format!("{} has no default route", name(*uplink)),
        UplinkReport::Refused { wish, error } => {
            format!("{}: {} route refused: {}: {error}", name(wish.uplink), wish.role, route(&wish.route))
        }
        UplinkReport::Kept { wish, error } => format!("{}: not deleted: {}: {error}", name(wish.uplink), route(&wish.route)),
        UplinkReport::Lost { wish, overwritten_by: Some(by) } => {
            format!("{}: {} was overwritten by {}", name(wish.uplink), route(&wish.route), route(by))
        }
        UplinkReport::Lost { wish, .. } => format!("{}: {} has gone", name(wish.uplink), route(&wish.route)),
        UplinkReport::Outranked { route: by } => format!("{} is used before the elected uplink; it is left alone", route(by)),
        UplinkReport::OutrankedNoMore { route: by } => format!("{} is used before the elected uplink no more", route(by)),
        UplinkReport::Graded { uplink, grade } => format!("{} is {}", name(*uplink), grade.word()),
        UplinkReport::Leftover { route: left } => format!("nobody wants {}, which an earlier run left: it goes", route(left)),
        _ => return None,
    })
}
