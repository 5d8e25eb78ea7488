//! `waypost captive`: whether the internet is behind each interface, or a portal.

use std::time::Duration;

use serde_json::json;
use waypost::captive::{Check, Endpoint, Found, Internet, Options, Through};
use waypost::{Monitor, MonitorOptions};

use crate::args::CaptiveAsked;
use crate::failure::{Failure, Status};
use crate::invocation::Invocation;

pub(crate) fn run(invocation: &mut Invocation, asked: CaptiveAsked) -> Result<(), Failure> {
    if invocation.is_elsewhere() {
        let why =
            "pages are fetched from the namespace that the command runs in; `ip netns exec NAME waypost captive` runs it there";
        return Err(Failure::Usage(why.to_owned()));
    }
    let CaptiveAsked { urls, says, interface, default, api, timeout } = asked;
    let page = |url| match &says {
        Some(text) => Endpoint::says(url, text),
        None => Endpoint::no_content(url),
    };
    let mut options = Options::new(urls.into_iter().map(page)).timeout(Duration::from_secs(timeout.into()));
    if default {
        options = options.through(Through::Default);
    }
    if let Some(api) = api {
        options = options.api(api);
    }
    let check = Check::new(options)?;
    let network = Monitor::snapshot_once(invocation.options(), &MonitorOptions::new().only_interfaces(interface.clone()))?;
    if let Some(name) = interface.filter(|name| !network.links().keys().any(|index| network.names().name(*index) == Some(name))) {
        return Err(Failure::Missing(format!("there is no interface {name:?}"), Status::Failed));
    }
    let found = check.run(&network)?;
    print(invocation, &found)?;
    let is_any = |wanted: fn(&Internet) -> bool| found.iter().any(|one| wanted(&one.internet));
    match (is_any(|internet| *internet == Internet::Online), is_any(|internet| matches!(internet, Internet::Captive { .. }))) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::Said(Status::Captive)),
        (false, false) => Err(Failure::Said(Status::NoInternet)),
    }
}

fn print(invocation: &mut Invocation, found: &[Found]) -> Result<(), Failure> {
    let word = |internet: &Internet| match internet {
        Internet::Online => "online",
        Internet::Captive { .. } => "captive",
        _ => "none",
    };
    let portal = |internet: &Internet| match internet {
        Internet::Captive { portal } => portal.clone(),
        _ => None,
    };
    let output = &mut invocation.output;
    if output.json {
        let mut array = output.array()?;
        for one in found {
            let mut object = json!({ "dev": one.name, "internet": word(&one.internet) });
            if let Some(portal) = portal(&one.internet) {
                object["portal"] = portal.into();
            }
            array.push(&object)?;
        }
        return Ok(array.end()?);
    }
    for one in found {
        let portal = portal(&one.internet).map(|portal| format!(", {portal}")).unwrap_or_default();
        output.line(&format!("{}: {}{portal}", one.name, word(&one.internet)))?;
    }
    Ok(())
}
