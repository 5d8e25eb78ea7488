//! Whether the internet is behind a link, or somebody who wants to be visited first.
//!
//! Wireless networks of hotels and trains give out addresses and a default route, and answer every request themselves until somebody has accepted something in
//! a browser: a *captive portal*. Routing tables do not show it. A [`Check`] asks: it fetches pages whose answer is known, through each interface that is up,
//! bound to it, and says for each what came back.
//!
//! ```no_run
//! use waypost::captive::{Check, Endpoint, Internet, Options};
//! use waypost::{Monitor, MonitorOptions};
//!
//! // An address of one's own that answers 204, No Content.
//! let check = Check::new(Options::new([Endpoint::no_content("http://192.0.2.80/generate_204")]))?;
//! let mut monitor = Monitor::open(MonitorOptions::new())?;
//! loop {
//!     for found in check.run(monitor.snapshot())? {
//!         match found.internet {
//!             Internet::Online => println!("{}: online", found.name),
//!             Internet::Captive { portal } => println!("{}: visit {}", found.name, portal.as_deref().unwrap_or("any page")),
//!             _ => println!("{}: nothing", found.name),
//!         }
//!     }
//!     // Again whenever the network is another than before.
//!     monitor.next(None)?;
//! }
//! # Ok::<(), waypost::Error>(())
//! ```
//!
//! # What it does not do
//!
//! It has no endpoints of its own: whoever asks somebody on the internet from all machines that a program runs on should know whom. It accepts nothing and opens
//! no browser. It speaks HTTP without encryption, as a portal can answer nothing else; so the address of an API (RFC 8908) that begins with `https:` is
//! refused as `Unsupported`.
//!
//! # Platform-specific
//!
//! | | how a probe is kept to its interface |
//! |---|---|
//! | Linux | bound to the interface (`SO_BINDTODEVICE`, without privilege since 5.7); through the DNS servers of the system |
//! | elsewhere | bound to an address of the interface; which way it leaves is for the tables to decide. Unverified |

mod probe;
mod transport;

use std::net::IpAddr;
use std::sync::mpsc;
use std::sync::{Mutex, TryLockError};
use std::thread;
use std::time::Duration;

use waypost_core::{Error, ErrorKind, Family, IfIndex};
use waypost_engine::{LinkStanding, Snapshot};

use crate::sys;
use probe::{Answer, Probe};

/// How many pages are fetched at once at most.
const PROBES_MAX: usize = 64;

/// How long is waited for the answers together, beyond the time that each may take: threads are to be scheduled.
const GRACE: Duration = Duration::from_millis(500);

/// A page whose answer is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    url: String,
    /// What the page says; nothing (204, No Content) where it says nothing.
    text: Option<String>,
}

impl Endpoint {
    /// A page that answers 204, No Content.
    #[must_use]
    pub fn no_content(url: impl Into<String>) -> Self {
        Self { url: url.into(), text: None }
    }

    /// A page that answers 200 with this text; blanks around it do not count.
    #[must_use]
    pub fn says(url: impl Into<String>, text: impl Into<String>) -> Self {
        Self { url: url.into(), text: Some(text.into()) }
    }
}

/// Which interfaces are asked through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Through {
    /// All that are up and have an address: before its portal has been accepted, an interface may have no default route.
    #[default]
    AllUp,
    /// Those that a default route leaves by.
    Default,
}

/// What is asked, and through what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    endpoints: Vec<Endpoint>,
    through: Through,
    timeout: Duration,
    api: Option<String>,
}

impl Options {
    /// These pages, through all interfaces that are up, 3 s for all of them together.
    #[must_use]
    pub fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self {
            endpoints: endpoints.into_iter().collect(),
            through: Through::default(),
            timeout: Duration::from_secs(3),
            api: None,
        }
    }

    /// Which interfaces are asked through.
    #[must_use]
    pub const fn through(mut self, through: Through) -> Self {
        self.through = through;
        self
    }

    /// How long all of it may take.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The address of the network's own API for this, as DHCP or a router advertisement gives it (RFC 8910): what it says of a portal counts before all else (RFC
    /// 8908).
    #[must_use]
    pub fn api(mut self, url: impl Into<String>) -> Self {
        self.api = Some(url.into());
        self
    }
}

/// What is behind an interface.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Internet {
    /// The internet: a page answered as it should, and none was answered by somebody else.
    Online,
    /// A portal: somebody else answered.
    Captive {
        /// Where it wants to be visited, where it says so.
        portal: Option<String>,
    },
    /// Nothing: nobody answered in time, or with anything that could be understood.
    None,
}

/// What was found behind one interface.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Found {
    /// The interface.
    pub interface: IfIndex,
    /// Its name.
    pub name: String,
    /// What is behind it.
    pub internet: Internet,
}

/// Asks whether the internet is behind each interface; the [module](self) has an example.
#[derive(Debug)]
pub struct Check {
    options: Options,
    /// Held while somebody asks.
    flight: Mutex<()>,
}

impl Check {
    /// Prepares it; asks nobody yet.
    ///
    /// # Errors
    ///
    /// `Invalid` where there is no endpoint or an address is none of HTTP's, `Unsupported` where it takes encryption.
    pub fn new(options: Options) -> Result<Self, Error> {
        const WHAT: &str = "check for a portal";
        if options.endpoints.is_empty() && options.api.is_none() {
            return Err(Error::new(ErrorKind::Invalid, WHAT).because("there is nobody to ask"));
        }
        for url in options.endpoints.iter().map(|endpoint| &endpoint.url).chain(&options.api) {
            let parsed: Result<ureq::http::Uri, _> = url.parse();
            let refused = |kind, why: &str| Err(Error::new(kind, WHAT).on(url).because(why));
            match parsed.as_ref().map(|uri| (uri.scheme_str(), uri.host())) {
                Ok((Some("http"), Some(_host))) => {}
                Ok((Some("https"), Some(_host))) => return refused(ErrorKind::Unsupported, "encryption is not built in"),
                _ => return refused(ErrorKind::Invalid, "this is no address that begins with http:"),
            }
        }
        Ok(Self { options, flight: Mutex::new(()) })
    }

    /// Asks through the interfaces that `network` says are up, and waits for the answers: no longer than [`Options::timeout`] says, and less
    /// where all have answered. Where it is asked from, the network namespace of the calling thread, must be that of `network`.
    ///
    /// An interface behind which anybody else answered in an endpoint's place is captive, even where another endpoint answered as it should: portals let some through.
    ///
    /// # Errors
    ///
    /// `Busy` where somebody is asking already: what that comes to is news enough. `Other` where the system has no more threads.
    pub fn run(&self, network: &Snapshot) -> Result<Vec<Found>, Error> {
        const WHAT: &str = "check for a portal";
        let _flight = match self.flight.try_lock() {
            Ok(flight) => flight,
            // It guards nothing that could be half done.
            Err(TryLockError::Poisoned(flight)) => flight.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(ErrorKind::Busy, WHAT).because("somebody is asking already"));
            }
        };
        let deadline = sys::now().running.saturating_add(self.options.timeout);
        let interfaces = self.interfaces(network);
        let (say, heard) = mpsc::channel();
        let probes = interfaces.iter().enumerate().flat_map(|(at, (_, name, addresses))| {
            let endpoints = self.options.endpoints.iter().map(|endpoint| (endpoint.url.as_str(), Some(endpoint)));
            let all = endpoints.chain(self.options.api.iter().map(|api| (api.as_str(), None)));
            all.map(move |(url, endpoint)| {
                let what = endpoint.map(|endpoint| endpoint.text.clone());
                (at, Probe { url: url.to_owned(), what, interface: name.clone(), addresses: addresses.clone(), deadline })
            })
        });
        let mut count = 0;
        for (at, probe) in probes.take(PROBES_MAX) {
            let say = say.clone();
            // They are not waited for beyond their time: one that hangs in a name server's library would hold everything up.
            let thread = thread::Builder::new().name("waypost-captive".to_owned()).spawn(move || {
                // Nobody listens any more where it comes too late.
                let _ = say.send((at, probe.run()));
            });
            thread.map_err(|error| Error::from_io(WHAT, &error))?;
            count += 1;
        }
        drop(say);
        let mut answers: Vec<Vec<Answer>> = vec![Vec::new(); interfaces.len()];
        while count > 0 {
            let left = (deadline + GRACE).saturating_sub(sys::now().running);
            let Ok((at, answer)) = heard.recv_timeout(left) else { break };
            answers[at].push(answer);
            count -= 1;
        }
        let found = interfaces.into_iter().zip(answers);
        Ok(found.map(|((interface, name, _), answers)| Found { interface, name, internet: judged(&answers) }).collect())
    }

    /// The interfaces to ask through, with the addresses to ask from.
    fn interfaces(&self, network: &Snapshot) -> Vec<(IfIndex, String, Vec<IpAddr>)> {
        let defaults = Family::ALL.into_iter().filter_map(|family| network.default_route(family));
        let ways: Vec<Option<IfIndex>> = defaults.flat_map(|way| way.hops().map(|hop| hop.interface)).collect();
        let up = network.links().iter().filter(|(_, standing)| **standing == LinkStanding::Up).map(|(index, _)| *index);
        let wanted = up.filter(|index| self.options.through == Through::AllUp || ways.contains(&Some(*index)));
        let with_addresses = wanted.map(|index| {
            let own = network.addresses().iter().filter(|own| own.interface == index).map(|own| own.address).collect();
            (index, network.names().printed(index).to_string(), own)
        });
        with_addresses.filter(|(_, _, own): &(_, _, Vec<IpAddr>)| !own.is_empty()).collect()
    }
}

/// What answers that came through one interface come to.
fn judged(answers: &[Answer]) -> Internet {
    // The API knows; then who names the portal; then who only shows it.
    let captive = |answer: &&Answer| matches!(answer, Answer::Captive(_));
    let portal = answers.iter().find_map(|answer| match answer {
        Answer::Api { portal: Some(portal), .. } => Some(portal.clone()),
        _ => None,
    });
    let portal = portal.or_else(|| {
        answers.iter().find_map(|answer| match answer {
            Answer::Captive(portal) => portal.clone(),
            _ => None,
        })
    });
    let api = answers.iter().find_map(|answer| match answer {
        Answer::Api { captive, .. } => Some(*captive),
        _ => None,
    });
    if api == Some(true) || answers.iter().any(|answer| captive(&answer)) {
        return Internet::Captive { portal };
    }
    match answers.contains(&Answer::AsItShould) {
        true => Internet::Online,
        false => Internet::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_be_asked_is_refused_beforehand() {
        let refusal = |options: Options| Check::new(options).map_err(|error| error.kind()).map(|_| ());
        let pages = |url: &str| Options::new([Endpoint::no_content(url)]);
        assert_eq!(refusal(pages("http://192.0.2.1/")), Ok(()));
        assert_eq!(refusal(pages("http://[2001:db8::1]:8080/")), Ok(()));
        assert_eq!(refusal(pages("https://192.0.2.1/")), Err(ErrorKind::Unsupported));
        assert_eq!(refusal(pages("http://192.0.2.1/").api("https://192.0.2.1/")), Err(ErrorKind::Unsupported));
        for url in ["", "192.0.2.1", "ftp://192.0.2.1/", "http://", "/page", "http://a b/"] {
            assert_eq!(refusal(pages(url)), Err(ErrorKind::Invalid), "{url}");
        }
        assert_eq!(refusal(Options::new([])), Err(ErrorKind::Invalid));
    }

    #[test]
    fn one_portal_outweighs_any_number_of_pages() {
        let portal = |text: &str| Some(text.to_owned());
        let captive = |text: &str| Internet::Captive { portal: portal(text) };
        let api = |is_captive, text: &str| Answer::Api { captive: is_captive, portal: portal(text) };
        assert_eq!(judged(&[]), Internet::None);
        assert_eq!(judged(&[Answer::Nothing, Answer::AsItShould]), Internet::Online);
        assert_eq!(judged(&[Answer::AsItShould, Answer::Captive(portal("a"))]), captive("a"));
        assert_eq!(judged(&[Answer::Captive(None), Answer::Captive(portal("a"))]), captive("a"));
        assert_eq!(judged(&[Answer::Captive(portal("a")), api(true, "b")]), captive("b"));
        assert_eq!(judged(&[Answer::AsItShould, api(true, "b")]), captive("b"));
        assert_eq!(judged(&[Answer::AsItShould, api(false, "b")]), Internet::Online);
        assert_eq!(judged(&[api(false, "b")]), Internet::None, "that nothing need be accepted is not the internet");
    }
}
