//! The file as it is written, and whether it makes sense.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;
use waypost::{Exit, Family, INTERFACE_NAME_MAX, MetricBands, OnRival, ProbeOptions, ProbeTarget, UplinkOptions, Vpn};

use super::fault::{line_of, unreadable, wrong};
use super::{Fixed, Plan, Planned, SOCKET};

/// The shortest pause between two attempts.
const SHORTEST: Duration = Duration::from_millis(10);

/// A value that may be left out, and where it stands.
type Given<T> = Option<Spanned<T>>;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    hold_down: Given<f64>,
    hold_down_max: Given<f64>,
    retry: Given<f64>,
    retry_max: Given<f64>,
    on_rival: Given<Rival>,
    high_metrics: Given<Vec<u32>>,
    metric_zero: Given<bool>,
    socket: Given<PathBuf>,
    socket_mode: Given<String>,
    probe: Probe,
    uplink: Vec<Named>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Rival {
    Reassert,
    Yield,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Probe {
    targets: Given<Vec<Spanned<String>>>,
    timeout: Given<f64>,
    interval: Given<f64>,
    retry: Given<f64>,
    fail_after: Given<u32>,
    pass_after: Given<u32>,
    backoff_max: Given<f64>,
    jitter: Given<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: Spanned<String>,
    interface: Spanned<String>,
    ipv4: Given<String>,
    ipv6: Given<String>,
    #[serde(default)]
    priority: u32,
    #[serde(default)]
    resolvers: Vec<Spanned<IpAddr>>,
    source: Given<IpAddr>,
    probe: Given<bool>,
    vpn_server: Given<IpAddr>,
    vpn_split: Given<bool>,
}

/// Reads the text of a file.
pub(super) fn read(text: &str) -> Result<Plan, String> {
    is_a_list(text)?;
    let file: File = toml::from_str(text).map_err(|error| unreadable(text, &error))?;
    let mut reader = Reader { text, fixed: Vec::new() };
    let mut options = reader.options(&file)?;
    let socket = reader.socket(&file)?;
    let socket_mode = reader.socket_mode(&file)?;
    options.probes = reader.probes(&file.probe)?;
    let (targets, timeout) = reader.targets(&file.probe)?;
    let planned = reader.uplinks(&file, &targets)?;
    let all = timeout.saturating_mul(u32::try_from(targets.len()).unwrap_or(u32::MAX));
    options.probes.patience = options.probes.patience.max(all.saturating_mul(2));
    let targets_at = at(&file.probe.targets).or(at(&file.probe.timeout)).map(|at| line_of(text, at));
    let gateways = planned.iter().filter_map(Planned::gateway).collect();
    Ok(Plan { options, planned, gateways, socket, socket_mode, targets, timeout, fixed: reader.fixed, targets_at })
}

/// Refuses uplinks that are one table, which the reader of TOML tells without a name.
fn is_a_list(text: &str) -> Result<(), String> {
    let Ok(document) = DeTable::parse(text) else { return Ok(()) };
    match document.get_ref().iter().find(|(key, _)| key.get_ref() == "uplink") {
        Some((key, value)) if value.get_ref().is_table() => {
            Err(wrong(text, key.span().start, "uplink", "each uplink begins with [[uplink]], as there may be several"))
        }
        _ => Ok(()),
    }
}

/// Where a value stands.
fn at<T>(given: &Given<T>) -> Option<usize> {
    given.as_ref().map(|given| given.span().start)
}

fn value<T: Clone>(given: &Given<T>) -> Option<T> {
    given.as_ref().map(|given| given.get_ref().clone())
}

struct Reader<'t> {
    text: &'t str,
    fixed: Vec<Fixed>,
}

impl Reader<'_> {
    fn wrong<T>(&self, given: &Spanned<T>, key: &str, why: &str) -> String {
        wrong(self.text, given.span().start, key, why)
    }

    /// Takes in what a key that holds for a whole run says.
    fn fix<T>(&mut self, key: &'static str, given: &Given<T>, says: impl std::fmt::Debug) {
        let line = at(given).map(|at| line_of(self.text, at));
        self.fixed.push(Fixed { key, line, value: format!("{says:?}") });
    }

    fn seconds(&mut self, key: &'static str, given: &Given<f64>, default: Duration, least: Duration) -> Result<Duration, String> {
        let time = match given {
            None => default,
            Some(given) => match Duration::try_from_secs_f64(*given.get_ref()) {
                Err(_) => return Err(self.wrong(given, key, &format!("{} is no time in seconds", given.get_ref()))),
                Ok(time) if time < least => {
                    return Err(self.wrong(given, key, &format!("it is {} seconds or more", least.as_secs_f64())));
                }
                Ok(time) => time,
            },
        };
        Ok(time)
    }

    /// A time that is kept to, for a whole run.
    fn time(&mut self, key: &'static str, given: &Given<f64>, default: Duration, least: Duration) -> Result<Duration, String> {
        let time = self.seconds(key, given, default, least)?;
        self.fix(key, given, time.as_secs_f64());
        Ok(time)
    }

    /// Refuses a time that grows to less than it begins with, in the line of the one that was given.
    fn grows(&self, from: (&str, &Given<f64>, Duration), to: (&str, &Given<f64>, Duration)) -> Result<(), String> {
        let says = |(key, _, time): (&str, &Given<f64>, Duration)| format!("{key}, {}", time.as_secs_f64());
        match (to.1, from.1) {
            _ if to.2 >= from.2 => Ok(()),
            (Some(given), _) => Err(self.wrong(given, to.0, &format!("it is less than {}, which grows to it", says(from)))),
            (None, Some(given)) => Err(self.wrong(given, from.0, &format!("it is more than {}, which it grows to", says(to)))),
            (None, None) => Ok(()),
        }
    }

    fn options(&mut self, file: &File) -> Result<UplinkOptions, String> {
        let mut options = UplinkOptions::default();
        options.hold_down = self.time("hold_down", &file.hold_down, options.hold_down, Duration::ZERO)?;
        options.hold_down_max = self.time("hold_down_max", &file.hold_down_max, options.hold_down_max, Duration::ZERO)?;
        let (from, to) = (options.hold_down, options.hold_down_max);
        self.grows(("hold_down", &file.hold_down, from), ("hold_down_max", &file.hold_down_max, to))?;
        // What is waited for again and again, without which it would run without a pause.
        options.retry = self.time("retry", &file.retry, options.retry, SHORTEST)?;
        options.retry_max = self.time("retry_max", &file.retry_max, options.retry_max, SHORTEST)?;
        self.grows(("retry", &file.retry, options.retry), ("retry_max", &file.retry_max, options.retry_max))?;
        let (on_rival, word) = match value(&file.on_rival) {
            Some(Rival::Yield) => (OnRival::Yield, "yield"),
            Some(Rival::Reassert) | None => (OnRival::Reassert, "reassert"),
        };
        options.on_rival = on_rival;
        self.fix("on_rival", &file.on_rival, word);
        if let Some(given) = &file.high_metrics {
            let refused = |why: String| self.wrong(given, "high_metrics", &format!("{:?}: {why}", given.get_ref()));
            options.bands = high_band(given.get_ref()).map_err(refused)?;
        }
        let high = options.bands.high();
        self.fix("high_metrics", &file.high_metrics, [*high.start(), *high.end()]);
        options.metric_zero = value(&file.metric_zero).unwrap_or(false);
        self.fix("metric_zero", &file.metric_zero, options.metric_zero);
        Ok(options)
    }

    fn socket(&mut self, file: &File) -> Result<PathBuf, String> {
        let socket = value(&file.socket).unwrap_or_else(|| PathBuf::from(SOCKET));
        match &file.socket {
            Some(given) if socket.as_os_str().is_empty() => Err(self.wrong(given, "socket", "it is a path")),
            given => {
                self.fix("socket", given, &socket);
                Ok(socket)
            }
        }
    }

    fn socket_mode(&mut self, file: &File) -> Result<u32, String> {
        let octal = |text: &str| u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        let mode = match &file.socket_mode {
            None => 0o600,
            Some(given) => octal(given.get_ref())
                .ok_or_else(|| self.wrong(given, "socket_mode", "it is three or four octal digits, such as \"0660\""))?,
        };
        self.fix("socket_mode", &file.socket_mode, format!("{mode:04o}"));
        Ok(mode)
    }

    fn probes(&mut self, probe: &Probe) -> Result<ProbeOptions, String> {
        let mut probes = ProbeOptions::default();
        probes.interval = self.time("probe.interval", &probe.interval, probes.interval, SHORTEST)?;
        probes.retry = self.time("probe.retry", &probe.retry, probes.retry, SHORTEST)?;
        probes.backoff_max = self.time("probe.backoff_max", &probe.backoff_max, probes.backoff_max, SHORTEST)?;
        let (from, to) = (probes.retry, probes.backoff_max);
        self.grows(("probe.retry", &probe.retry, from), ("probe.backoff_max", &probe.backoff_max, to))?;
        probes.fail_after = self.times("probe.fail_after", &probe.fail_after, probes.fail_after)?;
        probes.pass_after = self.times("probe.pass_after", &probe.pass_after, probes.pass_after)?;
        probes.jitter = value(&probe.jitter).unwrap_or(probes.jitter);
        self.fix("probe.jitter", &probe.jitter, probes.jitter);
        Ok(probes)
    }

    fn times(&mut self, key: &'static str, given: &Given<u32>, default: u32) -> Result<u32, String> {
        if let Some(given) = given.as_ref().filter(|given| *given.get_ref() == 0) {
            return Err(self.wrong(given, key, "it is 1 or more"));
        }
        let times = value(given).unwrap_or(default);
        self.fix(key, given, times);
        Ok(times)
    }

    fn targets(&mut self, probe: &Probe) -> Result<(Vec<ProbeTarget>, Duration), String> {
        let timeout = self.seconds("probe.timeout", &probe.timeout, Duration::from_secs(2), SHORTEST)?;
        let words = probe.targets.iter().flat_map(Spanned::get_ref);
        let target = |word: &Spanned<String>| {
            let refused =
                |error: waypost::Error| self.wrong(word, "probe.targets", &format!("{:?}: {}", word.get_ref(), error.reason()));
            let target: ProbeTarget = word.get_ref().parse().map_err(refused)?;
            // The kernel takes it for this very host: it would always answer.
            match target.address() {
                Some(address) if !is_a_hosts(address) => {
                    Err(self.wrong(word, "probe.targets", &format!("{:?}: it is no address of another host", word.get_ref())))
                }
                _ => Ok(target),
            }
        };
        Ok((words.map(target).collect::<Result<_, _>>()?, timeout))
    }

    fn uplinks(&self, file: &File, targets: &[ProbeTarget]) -> Result<Vec<Planned>, String> {
        let mut planned: Vec<Planned> = Vec::new();
        for named in &file.uplink {
            self.names(named)?;
            if planned.iter().any(|other| other.name == *named.name.get_ref()) {
                return Err(self.wrong(&named.name, "name", &format!("{:?}: two uplinks have this name", named.name.get_ref())));
            }
            let own = self.ways(named)?;
            self.addresses(named, &own)?;
            own.iter().try_for_each(|one| self.is_another(named, one, &planned))?;
            planned.extend(own);
            if let Some(given) = named.probe.as_ref().filter(|given| *given.get_ref() && targets.is_empty()) {
                return Err(self.wrong(given, "probe", "[probe] names no targets that could be asked"));
            }
        }
        // Who has no target of its family is not probed: it goes by what the kernel says of its gateway.
        let has_target = |family| targets.iter().any(|target| target.family().is_none_or(|own| own == family));
        planned.iter_mut().for_each(|one| one.probed &= has_target(one.family));
        Ok(planned)
    }

    /// Refuses names that nobody could call it or its interface by.
    fn names(&self, named: &Named) -> Result<(), String> {
        let (name, interface) = (named.name.get_ref(), named.interface.get_ref());
        if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
            return Err(self.wrong(&named.name, "name", "it has letters, and no space at its ends"));
        }
        let is_strange = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '/';
        if interface.is_empty() || interface.len() > INTERFACE_NAME_MAX || interface.chars().any(is_strange) {
            let why = format!("{interface:?}: an interface's name has 1 to {INTERFACE_NAME_MAX} bytes, no slash and no space");
            return Err(self.wrong(&named.interface, "interface", &why));
        }
        Ok(())
    }

    /// The ways out that are written down, one for each family.
    fn ways(&self, named: &Named) -> Result<Vec<Planned>, String> {
        let server = named.vpn_server.as_ref().map(Spanned::get_ref);
        let split = value(&named.vpn_split).unwrap_or(false);
        if let (None, Some(given), true) = (server, &named.vpn_split, split) {
            return Err(self.wrong(given, "vpn_split", "it says how a VPN is used, and there is no vpn_server"));
        }
        let vpn = server.map(|server| {
            let mut vpn = Vpn::new(*server);
            vpn.split = split;
            vpn
        });
        let mut planned = Vec::new();
        for (family, key, given) in [(Family::V4, "ipv4", &named.ipv4), (Family::V6, "ipv6", &named.ipv6)] {
            let Some(given) = given else { continue };
            planned.push(Planned {
                name: named.name.get_ref().clone(),
                interface: named.interface.get_ref().clone(),
                family,
                exit: self.exit(family, key, given)?,
                priority: named.priority,
                resolvers: named.resolvers.iter().map(|own| *own.get_ref()).collect(),
                source: value(&named.source).filter(|source| Family::of(source) == family),
                probed: value(&named.probe).unwrap_or(false),
                vpn,
            });
        }
        match planned.is_empty() {
            true => Err(self.wrong(&named.name, "name", &format!("{:?} has neither ipv4 nor ipv6", named.name.get_ref()))),
            false => Ok(planned),
        }
    }

    fn exit(&self, family: Family, key: &str, given: &Spanned<String>) -> Result<Exit, String> {
        match given.get_ref().as_str() {
            "auto" => Ok(Exit::Learned),
            "point-to-point" => Ok(Exit::PointToPoint),
            address => match address.parse::<IpAddr>() {
                Ok(address) if Family::of(&address) == family && is_a_hosts(address) => Ok(Exit::Gateway(address)),
                _ => {
                    Err(self.wrong(given, key, &format!("{address:?}: it is \"auto\", \"point-to-point\" or a router's address")))
                }
            },
        }
    }

    /// Refuses addresses that cannot be those of hosts, and those of a family that the uplink does not have.
    fn addresses(&self, named: &Named, own: &[Planned]) -> Result<(), String> {
        let resolvers = named.resolvers.iter().map(|one| ("resolvers", one));
        let source = named.source.iter().map(|one| ("source", one));
        for (key, one) in resolvers.chain(source) {
            if !own.iter().any(|own| own.family == Family::of(one.get_ref())) {
                let other = if own.iter().any(|own| own.family == Family::V4) { "ipv4" } else { "ipv6" };
                let why = format!("{} is of another family than the uplink, which has {other} alone", one.get_ref());
                return Err(self.wrong(one, key, &why));
            }
        }
        let resolvers = named.resolvers.iter().map(|one| ("resolvers", one));
        let source = named.source.iter().map(|one| ("source", one));
        for (key, one) in resolvers.chain(source).chain(named.vpn_server.iter().map(|one| ("vpn_server", one))) {
            if !is_a_hosts(*one.get_ref()) {
                return Err(self.wrong(one, key, &format!("{} is no address of a host", one.get_ref())));
            }
        }
        Ok(())
    }

    /// Refuses a way out that another uplink has already.
    fn is_another(&self, named: &Named, one: &Planned, others: &[Planned]) -> Result<(), String> {
        let way = |one: &Planned| (one.interface.clone(), one.family, one.exit);
        match others.iter().find(|other| way(other) == way(one)) {
            Some(other) => {
                let why = format!("{:?}: {:?} has this interface and router already", one.interface, other.name);
                Err(self.wrong(&named.interface, "interface", &why))
            }
            None => Ok(()),
        }
    }
}

/// The high band, from its first metric and its last.
fn high_band(metrics: &[u32]) -> Result<MetricBands, String> {
    let [first, last] = *metrics else { return Err("it is two metrics, the first and the last".to_owned()) };
    let band = MetricBands::new(first..=last);
    match band {
        _ if first > last => Err(format!("the first, {first}, is greater than the last, {last}")),
        None => Err("it goes from 1 or more to 1023 or less".to_owned()),
        // The new default route stands before the old one goes: both have a metric then.
        Some(_) if first == last => Err("a switch takes two metrics, and this is one".to_owned()),
        Some(band) => Ok(band),
    }
}

/// Says whether a host can have this address: a router, a server, a resolver. A kernel takes a route by none for one without a gateway.
fn is_a_hosts(address: IpAddr) -> bool {
    let is_broadcast = address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    !address.is_unspecified() && !address.is_multicast() && !address.is_loopback() && !is_broadcast
}
