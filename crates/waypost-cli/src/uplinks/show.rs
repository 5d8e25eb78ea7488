//! How uplinks are shown.

use serde_json::{Value, json};
use waypost::{Family, Grade, InterfaceNames, Life, Names, UplinkReport, UplinkStatus, Uplinks};

/// All uplinks, as JSON: what the control socket tells.
pub(crate) fn status(uplinks: &Uplinks) -> Value {
    let names = uplinks.names();
    let each: Vec<Value> = uplinks.status().map(|status| one(&status, names)).collect();
    let above: Vec<String> =
        uplinks.outranked_by().iter().map(|route| route.with_names(Names::from(names)).to_string()).collect();
    json!({ "uplinks": each, "outranked_by": above })
}

fn one(status: &UplinkStatus<'_>, names: &InterfaceNames) -> Value {
    let role = |(role, metric): &(waypost::Role, u32)| json!({ "role": role.word(), "metric": metric });
    json!({
        "name": status.uplink.name,
        "family": if status.uplink.family == Family::V4 { "inet" } else { "inet6" },
        "dev": names.printed(status.uplink.interface).to_string(),
        "gateway": status.hop.and_then(|hop| hop.gateway),
        "usable": status.hop.is_some(),
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

/// The same for people, of what the control socket told.
pub(crate) fn table(status: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut lines = Vec::new();
    for uplink in status["uplinks"].as_array().into_iter().flatten() {
        let defaults = uplink["defaults"].as_array().into_iter().flatten();
        let defaults: Vec<String> = defaults.map(|one| format!("{} {}", text(&one["role"]), one["metric"])).collect();
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
        let state = if uplink["usable"] == true { text(&uplink["state"]) } else { "not usable".to_owned() };
        line += &format!(" priority {}: {state}, health {}", uplink["priority"], text(&uplink["health"]));
        if !defaults.is_empty() {
            line += &format!(", default {}", defaults.join(" and "));
        }
        if let Some(hold) = uplink["hold_down_ms"].as_u64() {
            line += &format!(", held down for {:.1} s", hold as f64 / 1000.0);
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
pub(crate) fn report(report: &UplinkReport, uplinks: &Uplinks) -> Option<String> {
    let names = uplinks.names();
    let name = |id| uplinks.uplink(id).map_or_else(|| "one given up".to_owned(), |uplink| uplink.name.clone());
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
