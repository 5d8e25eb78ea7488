//! The configuration: what it says, and what is wrong with it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use waypost::{
    Exit, Family, IfIndex, InterfaceNames, MetricBands, OnRival, ProbeOptions, ProbeTarget, Uplink, UplinkOptions, Vpn,
};

/// Where the daemon listens, unless it is told otherwise.
pub(crate) const SOCKET: &str = "/run/waypost/uplinks.sock";

/// The shortest pause between two attempts.
const SHORTEST: Duration = Duration::from_millis(10);

/// The file, as it is written.
#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    hold_down: f64,
    hold_down_max: f64,
    retry: f64,
    retry_max: f64,
    on_rival: Rival,
    high_metrics: [u32; 2],
    metric_zero: bool,
    pub(crate) socket: PathBuf,
    socket_mode: String,
    probe: Probe,
    uplink: Vec<Named>,
}

#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Rival {
    Reassert,
    Yield,
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields, default)]
struct Probe {
    targets: Vec<String>,
    timeout: f64,
    interval: f64,
    retry: f64,
    fail_after: u32,
    pass_after: u32,
    backoff_max: f64,
    jitter: u8,
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    interface: String,
    ipv4: Option<String>,
    ipv6: Option<String>,
    #[serde(default)]
    priority: u32,
    #[serde(default)]
    resolvers: Vec<IpAddr>,
    source: Option<IpAddr>,
    #[serde(default)]
    probe: bool,
    vpn_server: Option<IpAddr>,
    #[serde(default)]
    vpn_split: bool,
}

impl Default for Config {
    fn default() -> Self {
        let options = UplinkOptions::default();
        Self {
            hold_down: options.hold_down.as_secs_f64(),
            hold_down_max: options.hold_down_max.as_secs_f64(),
            retry: options.retry.as_secs_f64(),
            retry_max: options.retry_max.as_secs_f64(),
            on_rival: Rival::Reassert,
            high_metrics: [*options.bands.high().start(), *options.bands.high().end()],
            metric_zero: false,
            socket: PathBuf::from(SOCKET),
            socket_mode: "0600".to_owned(),
            probe: Probe::default(),
            uplink: Vec::new(),
        }
    }
}

impl Default for Probe {
    fn default() -> Self {
        let options = ProbeOptions::default();
        Self {
            targets: Vec::new(),
            timeout: 2.0,
            interval: options.interval.as_secs_f64(),
            retry: options.retry.as_secs_f64(),
            fail_after: options.fail_after,
            pass_after: options.pass_after,
            backoff_max: options.backoff_max.as_secs_f64(),
            jitter: options.jitter,
        }
    }
}

/// An uplink whose interface may not be there yet.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    interface: String,
    name: String,
    family: Family,
    exit: Exit,
    named: Named,
}

/// What the daemon goes by.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) options: UplinkOptions,
    pub(crate) planned: Vec<Planned>,
    pub(crate) socket: PathBuf,
    pub(crate) socket_mode: u32,
    pub(crate) targets: Vec<ProbeTarget>,
    pub(crate) timeout: Duration,
}

impl Plan {
    /// What is gone by from now on, where this runs and `new` has been read.
    ///
    /// # Errors
    ///
    /// What would take another start.
    pub(crate) fn followed_by(&self, mut new: Self) -> Result<Self, &'static str> {
        // How long an answer is waited for comes from the targets, and stays.
        let patience = std::mem::replace(&mut new.options.probes.patience, self.options.probes.patience);
        if new.options != self.options || (&new.socket, new.socket_mode) != (&self.socket, self.socket_mode) {
            return Err("only uplinks and targets can change while it runs");
        }
        if patience > self.options.probes.patience {
            return Err("the one that runs does not wait as long as so many targets may take");
        }
        Ok(new)
    }
}

impl Config {
    /// Reads the text of a file. What is wrong is told with its line and the reason.
    pub(crate) fn parse(text: &str) -> Result<Plan, String> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            format!("line {line}: {}", error.message().replace('\n', " "))
        })?;
        config.plan(text)
    }

    fn plan(self, text: &str) -> Result<Plan, String> {
        let mut options = UplinkOptions::default();
        let seconds = |key: &str, value: f64| {
            Duration::try_from_secs_f64(value).map_err(|_| wrong(text, key, &format!("{value} is no time in seconds")))
        };
        // What is waited for again and again, without which it would run without a pause.
        let pause = |key: &str, value: f64| {
            seconds(key, value).and_then(|time| match time < SHORTEST {
                true => Err(wrong(text, key, "it is 0.01 seconds or more")),
                false => Ok(time),
            })
        };
        options.hold_down = seconds("hold_down", self.hold_down)?;
        options.hold_down_max = seconds("hold_down_max", self.hold_down_max)?;
        options.retry = pause("retry", self.retry)?;
        options.retry_max = pause("retry_max", self.retry_max)?;
        options.on_rival = match self.on_rival {
            Rival::Reassert => OnRival::Reassert,
            Rival::Yield => OnRival::Yield,
        };
        options.metric_zero = self.metric_zero;
        let [first, last] = self.high_metrics;
        options.bands = MetricBands::new(first..=last)
            .ok_or_else(|| wrong(text, "high_metrics", "it goes from 1 or more to 1023 or less"))?;
        let mut probes = ProbeOptions::default();
        (probes.interval, probes.retry) = (pause("interval", self.probe.interval)?, pause("retry", self.probe.retry)?);
        probes.backoff_max = pause("backoff_max", self.probe.backoff_max)?;
        for (key, times) in [("fail_after", self.probe.fail_after), ("pass_after", self.probe.pass_after)] {
            if times == 0 {
                return Err(wrong(text, key, "it is 1 or more"));
            }
        }
        (probes.fail_after, probes.pass_after, probes.jitter) = (self.probe.fail_after, self.probe.pass_after, self.probe.jitter);
        options.probes = probes;
        let mode = u32::from_str_radix(&self.socket_mode, 8).ok().filter(|mode| *mode <= 0o777);
        let socket_mode = mode.ok_or_else(|| wrong(text, "socket_mode", "it is three or four octal digits, such as \"0660\""))?;
        let mut planned = Vec::new();
        for named in &self.uplink {
            planned.extend(named.planned(text)?);
            if named.probe && self.probe.targets.is_empty() {
                return Err(wrong(text, "probe", &format!("{:?} is to be probed, and [probe] names no targets", named.name)));
            }
        }
        for (at, one) in planned.iter().enumerate() {
            if planned.iter().skip(at + 1).any(|other| (&one.name, one.family) == (&other.name, other.family)) {
                return Err(wrong(text, &format!("{:?}", one.name), "two uplinks have this name"));
            }
        }
        let timeout = pause("timeout", self.probe.timeout)?;
        let target = |word: &String| word.parse().map_err(|error| wrong(text, &format!("{word:?}"), &format!("{error}")));
        let targets = self.probe.targets.iter().map(target).collect::<Result<Vec<ProbeTarget>, _>>()?;
        // Who has no target of its family is not probed: it goes by what the kernel says of its gateway.
        let has_target = |family| targets.iter().any(|target| target.family().is_none_or(|own| own == family));
        planned.iter_mut().for_each(|one| one.named.probe &= has_target(one.family));
        let all = timeout.saturating_mul(u32::try_from(targets.len()).unwrap_or(u32::MAX));
        options.probes.patience = options.probes.patience.max(all.saturating_mul(2));
        Ok(Plan { options, planned, socket: self.socket, socket_mode, targets, timeout })
    }
}

/// What is wrong with a key, with the line that it first stands in.
fn wrong(text: &str, key: &str, why: &str) -> String {
    let line = text.lines().position(|line| line.contains(key)).map_or(1, |line| line + 1);
    format!("line {line}: {key}: {why}")
}

/// Says whether a router can have this address. A kernel takes a route by none for one without a gateway.
fn is_a_routers(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && !address.is_loopback()
}

impl Named {
    fn planned(&self, text: &str) -> Result<Vec<Planned>, String> {
        let mut planned = Vec::new();
        for (family, key, word) in [(Family::V4, "ipv4", &self.ipv4), (Family::V6, "ipv6", &self.ipv6)] {
            let Some(word) = word else { continue };
            let exit = match word.as_str() {
                "auto" => Exit::Learned,
                "point-to-point" => Exit::PointToPoint,
                address => match address.parse::<IpAddr>() {
                    Ok(address) if Family::of(&address) == family && is_a_routers(address) => Exit::Gateway(address),
                    _ => {
                        return Err(wrong(
                            text,
                            &format!("{address:?}"),
                            &format!("{key} is \"auto\", \"point-to-point\" or a router's address"),
                        ));
                    }
                },
            };
            planned.push(Planned {
                interface: self.interface.clone(),
                name: self.name.clone(),
                family,
                exit,
                named: self.clone(),
            });
        }
        match planned.is_empty() {
            true => Err(wrong(text, &format!("{:?}", self.name), "it has neither ipv4 nor ipv6")),
            false => Ok(planned),
        }
    }
}

impl Planned {
    /// One that was found: its router is that of the default route that is there.
    pub(crate) fn found(interface: &str, family: Family, priority: u32) -> Self {
        let name = interface.to_owned();
        let named = Named {
            name: name.clone(),
            interface: name.clone(),
            ipv4: None,
            ipv6: None,
            priority,
            resolvers: Vec::new(),
            source: None,
            probe: false,
            vpn_server: None,
            vpn_split: false,
        };
        Self { interface: name.clone(), name, family, exit: Exit::Learned, named }
    }

    /// The name and family by which it is known.
    pub(crate) fn key(&self) -> (&str, Family) {
        (&self.name, self.family)
    }

    /// The number of its interface, if that is there.
    pub(crate) fn index(&self, names: &InterfaceNames) -> Option<IfIndex> {
        names.exactly(&self.interface)
    }

    /// The uplink, if its interface is there.
    pub(crate) fn uplink(&self, names: &InterfaceNames) -> Option<Uplink> {
        let interface = self.index(names)?;
        let mut uplink = Uplink::new(self.name.clone(), self.family, interface, self.exit);
        uplink.priority = self.named.priority;
        uplink.resolvers = self.named.resolvers.clone();
        uplink.source = self.named.source.filter(|source| Family::of(source) == self.family);
        uplink.probed = self.named.probe;
        uplink.vpn = self.named.vpn_server.map(|server| {
            let mut vpn = Vpn::new(server);
            vpn.split = self.named.vpn_split;
            vpn
        });
        Some(uplink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLINK: &str = "[[uplink]]\nname = \"a\"\ninterface = \"eth0\"\nipv4 = \"192.0.2.1\"\n";

    fn names() -> InterfaceNames {
        let mut names = InterfaceNames::default();
        names.insert(waypost::IfIndex::new(2).unwrap(), "eth0");
        names
    }

    fn options(text: &str) -> UplinkOptions {
        Config::parse(&format!("{text}\n{UPLINK}")).unwrap().options
    }

    fn uplink(more: &str) -> Uplink {
        let plan = Config::parse(&format!("[probe]\ntargets = [\"192.0.2.9:443\"]\n{UPLINK}{more}\n")).unwrap();
        plan.planned[0].uplink(&names()).unwrap()
    }

    #[test]
    fn what_has_been_read_again_is_followed_where_the_one_that_runs_can() {
        let plan = |timeout: &str, targets: &str| {
            Config::parse(&format!("[probe]\ntimeout = {timeout}\ntargets = [{targets}]\n{UPLINK}")).unwrap()
        };
        let (one, two) = ("\"192.0.2.9\"", "\"192.0.2.9\", \"192.0.2.8\"");
        let followed = plan("1.5", one).followed_by(plan("1.5", two)).unwrap();
        assert_eq!(followed.targets.len(), 2);
        assert_eq!(followed.options, plan("1.5", one).options);
        assert!(plan("20", one).followed_by(plan("20", two)).is_err(), "an answer may come after nobody waits for it");
        assert!(plan("20", two).followed_by(plan("20", one)).is_ok());
        for other in ["hold_down = 7", "socket = \"/run/other\"", "socket_mode = \"0666\""] {
            let other = Config::parse(&format!("{other}\n{UPLINK}")).unwrap();
            assert!(Config::parse(UPLINK).unwrap().followed_by(other).is_err());
        }
    }

    #[test]
    fn every_key_of_the_whole_does_what_it_says() {
        let seconds = Duration::from_secs;
        assert_eq!(options("hold_down = 7").hold_down, seconds(7));
        assert_eq!(options("hold_down_max = 70").hold_down_max, seconds(70));
        assert_eq!(options("retry = 0.5").retry, Duration::from_millis(500));
        assert_eq!(options("retry_max = 9").retry_max, seconds(9));
        assert_eq!(options("on_rival = \"yield\"").on_rival, OnRival::Yield);
        assert_eq!(options("on_rival = \"reassert\"").on_rival, OnRival::Reassert);
        assert_eq!(*options("high_metrics = [200, 300]").bands.high(), 200..=300);
        assert!(options("metric_zero = true").metric_zero);
        let plan = Config::parse("socket = \"/tmp/x\"\nsocket_mode = \"0660\"").unwrap();
        assert_eq!((plan.socket, plan.socket_mode), (PathBuf::from("/tmp/x"), 0o660));
        let plan = Config::parse("").unwrap();
        assert_eq!((plan.socket, plan.socket_mode, plan.options), (PathBuf::from(SOCKET), 0o600, UplinkOptions::default()));
    }

    #[test]
    fn every_key_of_probes_does_what_it_says() {
        let text = "[probe]\ntargets = [\"192.0.2.9:443\", \"2001:db8::9\", \"http://192.0.2.9/204\"]\ntimeout = 1.5\ninterval = 20\nretry = 2\nfail_after = 4\n\
                    pass_after = 5\nbackoff_max = 90\njitter = 30";
        let plan = Config::parse(text).unwrap();
        let (connect, echo) = ("192.0.2.9:443".parse().unwrap(), "2001:db8::9".parse().unwrap());
        let page = "http://192.0.2.9/204".to_owned();
        assert_eq!(plan.targets, [ProbeTarget::Connect(connect), ProbeTarget::Echo(echo), ProbeTarget::Page(page)]);
        assert_eq!(plan.timeout, Duration::from_millis(1500));
        let probes = plan.options.probes;
        assert_eq!((probes.interval.as_secs(), probes.retry.as_secs(), probes.backoff_max.as_secs()), (20, 2, 90));
        assert_eq!((probes.fail_after, probes.pass_after, probes.jitter), (4, 5, 30));
        assert_eq!(probes.patience.as_secs(), 60);
        let slow = Config::parse("[probe]\ntargets = [\"192.0.2.9\", \"192.0.2.8\"]\ntimeout = 20").unwrap();
        assert_eq!(slow.options.probes.patience.as_secs(), 80, "twice what all of them may take");
        let both = "[probe]\ntargets = [\"192.0.2.9\"]\n[[uplink]]\nname = \"b\"\ninterface = \"eth0\"\nipv4 = \"auto\"\nipv6 = \"auto\"\nprobe = true";
        let probed: Vec<bool> =
            Config::parse(both).unwrap().planned.iter().map(|one| one.uplink(&names()).unwrap().probed).collect();
        assert_eq!(probed, [true, false], "there is nobody to be asked over IPv6");
    }

    #[test]
    fn every_key_of_an_uplink_does_what_it_says() {
        let own = uplink("");
        assert_eq!((own.name.as_str(), own.family, own.exit), ("a", Family::V4, Exit::Gateway("192.0.2.1".parse().unwrap())));
        assert_eq!(uplink("priority = 9").priority, 9);
        assert_eq!(uplink("resolvers = [\"192.0.2.53\"]").resolvers.len(), 1);
        assert_eq!(uplink("source = \"192.0.2.2\"").source, Some("192.0.2.2".parse().unwrap()));
        assert!(uplink("probe = true").probed);
        let vpn = uplink("vpn_server = \"198.51.100.1\"\nvpn_split = true").vpn.unwrap();
        assert!(vpn.split && vpn.server == "198.51.100.1".parse::<IpAddr>().unwrap());
        let both = "[[uplink]]\nname = \"b\"\ninterface = \"eth0\"\nipv4 = \"point-to-point\"\nipv6 = \"auto\"";
        let exits: Vec<_> = Config::parse(both).unwrap().planned.iter().map(|planned| (planned.family, planned.exit)).collect();
        assert_eq!(exits, [(Family::V4, Exit::PointToPoint), (Family::V6, Exit::Learned)]);
        let away = Config::parse(&UPLINK.replace("eth0", "eth9")).unwrap();
        assert!(away.planned[0].uplink(&names()).is_none(), "its interface is not there yet");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_reason() {
        let refused = [
            ("hold_down = 1\nhold_dwon = 2", "line 2", "unknown field `hold_dwon`"),
            ("\nretry = -1", "line 2", "no time in seconds"),
            ("hold_down = \"soon\"", "line 1", "invalid type"),
            ("high_metrics = [0, 5]", "line 1", "from 1 or more"),
            ("on_rival = \"fight\"", "line 1", "unknown variant `fight`"),
            ("socket_mode = \"rw\"", "line 1", "octal"),
            ("[[uplink]]\nname = \"a\"", "line 1", "missing field `interface`"),
            ("[[uplink]]\nname = \"a\"\ninterface = \"eth0\"", "line 2", "neither ipv4 nor ipv6"),
            ("[[uplink]]\nname = \"a\"\ninterface = \"eth0\"\nipv4 = \"2001:db8::1\"", "line 4", "a router's address"),
            ("[[uplink]]\nname = \"a\"\ninterface = \"eth0\"\nipv4 = \"auto\"\nprobe = true", "line 5", "names no targets"),
            ("[probe]\ntimeout = 1\ntargets = [\"192.0.2.1\", \"nobody\"]", "line 3", "an address with a port"),
            ("[[uplink]]\nname = \"a\"\ninterface = \"eth0\"\nipv4 = \"0.0.0.0\"", "line 4", "a router's address"),
            ("[[uplink]]\nname = \"a\"\ninterface = \"eth0\"\nipv6 = \"ff02::2\"", "line 4", "a router's address"),
            ("[[uplink]]\nname = \"a\"\ninterface = \"eth0\"\nipv6 = \"::1\"", "line 4", "a router's address"),
            ("retry = 0", "line 1", "0.01 seconds or more"),
            ("retry_max = 0", "line 1", "0.01 seconds or more"),
            ("[probe]\ninterval = 0", "line 2", "0.01 seconds or more"),
            ("[probe]\nretry = 0.001", "line 2", "0.01 seconds or more"),
            ("[probe]\nbackoff_max = 0", "line 2", "0.01 seconds or more"),
            ("[probe]\ntimeout = 0", "line 2", "0.01 seconds or more"),
            ("[probe]\nfail_after = 0", "line 2", "1 or more"),
            ("[probe]\npass_after = 0", "line 2", "1 or more"),
            ("a =", "line 1", ""),
        ];
        for (text, line, why) in refused {
            let error = Config::parse(text).unwrap_err();
            assert!(error.starts_with(line) && error.contains(why), "{text:?}: {error}");
        }
        let twice = format!("{UPLINK}{UPLINK}");
        assert!(Config::parse(&twice).unwrap_err().contains("two uplinks have this name"));
    }
}
