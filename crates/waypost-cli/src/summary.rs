//! `waypost monitor --summary`: that the network is another than before, and what that means.

use serde_json::{Value, json};
use waypost::{DefaultRoute, Family, LinkStanding, Monitor, MonitorOptions, Report, ReportReason, Snapshot, UsableAddress};

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::json::{RouteJson, RuleJson};
use crate::numbers;
use crate::output::Output;

pub(crate) fn run(invocation: &mut Invocation, initial: bool) -> Result<(), Failure> {
    let options = invocation.options().neighbours(true);
    let mut monitor = Monitor::open_with(options, MonitorOptions::new())?;
    let output = &mut invocation.output;
    if monitor.is_polling() {
        crate::failure::complain(&"this system does not tell of changes here: everything is read again every 10 s");
    }
    let mut sequence = 0;
    if output.json {
        line(output, &mut sequence, "snapshot", json!({ "state": state(monitor.snapshot()) }))?;
    } else if initial {
        picture(output, monitor.snapshot())?;
    }
    loop {
        output.flush()?;
        let Some(report) = monitor.next(None)? else { continue };
        if output.json {
            let reasons: Vec<Value> = report.reasons.iter().map(|reason| reason_json(&report, reason)).collect();
            let body = json!({ "reasons": reasons, "before": state(&report.before), "after": state(&report.after) });
            line(output, &mut sequence, "report", body)?;
        } else {
            report.to_string().lines().try_for_each(|line| output.line(line))?;
        }
    }
}

/// Writes one object, with its time and number.
fn line(output: &mut Output, sequence: &mut u64, event: &'static str, body: Value) -> Result<(), Failure> {
    *sequence += 1;
    let mut object = json!({ "time": format!("{:.6}", jiff::Timestamp::now()), "seq": *sequence, "event": event });
    if let (Some(object), Value::Object(body)) = (object.as_object_mut(), body) {
        object.extend(body);
    }
    Ok(output.json_line(&object)?)
}

/// What there is, in a few lines.
fn picture(output: &mut Output, snapshot: &Snapshot) -> Result<(), Failure> {
    let names = snapshot.names();
    for (index, standing) in snapshot.links() {
        output.line(&format!("link {}: {}", names.printed(*index), standing.word()))?;
    }
    for own in snapshot.addresses() {
        output.line(&format!("address {}/{} dev {}", own.address, own.prefix_length, names.printed(own.interface)))?;
    }
    for family in Family::ALL {
        for route in snapshot.default_route(family).into_iter().flat_map(DefaultRoute::routes) {
            output.line(&format!("default route: {}", route.with_names(names)))?;
        }
    }
    Ok(())
}

fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}

/// What there was or is.
fn state(snapshot: &Snapshot) -> Value {
    let links: serde_json::Map<String, Value> = snapshot
        .links()
        .iter()
        .map(|(index, standing)| (snapshot.names().printed(*index).to_string(), standing_json(*standing)))
        .collect();
    json!({
        "inet": default_json(snapshot.default_route(Family::V4), snapshot),
        "inet6": default_json(snapshot.default_route(Family::V6), snapshot),
        "links": links,
        "addresses": snapshot.addresses().iter().map(|own| address_json(own, &snapshot.names().printed(own.interface))).collect::<Vec<_>>(),
    })
}

fn standing_json(standing: LinkStanding) -> Value {
    Value::from(standing.word().replace(' ', "-"))
}

/// The route of a default route, or those of the two halves; `null` where there is none.
fn default_json(default: Option<&DefaultRoute>, snapshot: &Snapshot) -> Value {
    let names = numbers::with(snapshot.names());
    default.map_or(Value::Null, |default| default.routes().map(|route| json!(RouteJson::new(route.as_ref(), names))).collect())
}

fn address_json(own: &UsableAddress, dev: &dyn std::fmt::Display) -> Value {
    json!({ "local": own.address, "prefixlen": own.prefix_length, "dev": dev.to_string() })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn reason_json(report: &Report, reason: &ReportReason) -> Value {
    let dev = |index| report.interface_name(index);
    let names = numbers::with(report.after.names());
    let own = |all: &[UsableAddress]| all.iter().map(|own| address_json(own, &dev(own.interface))).collect::<Vec<_>>();
    let rules = |all: &[waypost::Rule]| all.iter().map(|rule| json!(RuleJson::new(rule, names))).collect::<Vec<_>>();
    let mut json = match reason {
        ReportReason::DefaultRoute { family, from, to, why } => json!({
            "family": word(*family), "from": default_json(from.as_ref(), &report.before),
            "to": default_json(to.as_ref(), &report.after), "why": why.word().replace(' ', "-"),
        }),
        ReportReason::Addresses { added, removed } => json!({ "added": own(added), "removed": own(removed) }),
        ReportReason::Link { interface, from, to } => {
            json!({ "dev": dev(*interface), "from": standing_json(*from), "to": standing_json(*to) })
        }
        ReportReason::Rules { family, added, removed } => {
            json!({ "family": word(*family), "added": rules(added), "removed": rules(removed) })
        }
        ReportReason::GatewayNeighbour { interface, gateway, from, to } => {
            json!({ "dev": dev(*interface), "gateway": gateway, "from": hexadecimal(from), "to": hexadecimal(to) })
        }
        ReportReason::Family { family, available } => json!({ "family": word(*family), "available": available }),
        ReportReason::TimeJump { slept } => json!({ "slept": slept.as_secs_f64() }),
        ReportReason::Resynced { reason } => json!({ "after": reason.word() }),
        ReportReason::Redirect(redirect) => json!({
            "destination": redirect.destination.to_string(), "gateway": redirect.gateway, "author": redirect.author,
        }),
        ReportReason::Losing(route) => json!({ "route": RouteJson::new(route.as_ref().as_ref(), names) }),
        ReportReason::Injected(words) => json!({ "words": words }),
        _ => json!({}),
    };
    if let Some(object) = json.as_object_mut() {
        object.insert("reason".to_owned(), Value::from(reason.word()));
    }
    json
}
