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
//! no browser. It speaks HTTP without encryption, as a portal can answer nothing else. The API of RFC 8908 is asked over TLS by a program that has TLS, see
//! [`Options::api_fetched_by`]; without that, an address that begins with `https:` is refused as `Unsupported`.
//!
//! # Platform-specific
//!
//! | | how a probe is kept to its interface |
//! |---|---|
//! | Linux | bound to the interface (`SO_BINDTODEVICE`, without privilege since 5.7); through the DNS servers of the system |
//! | elsewhere | bound to an address of the interface; which way it leaves is for the tables to decide. Unverified |

pub(crate) mod names;
mod probe;
mod transport;

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, TryLockError, mpsc};
use std::thread;
use std::time::Duration;

use waypost_core::{Error, ErrorKind, Family, IfIndex};
use waypost_engine::{LinkStanding, Probed, Snapshot};

use crate::sys;
use probe::{Answer, Probe, What};

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
    fetch: Option<Fetch>,
}

/// What a program that speaks TLS is asked to fetch: see [`Options::api_fetched_by`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ApiRequest<'a> {
    /// The address of the API.
    pub url: &'a str,
    /// The name of the interface that it is to be asked through: what is connected must be bound to it.
    pub interface: &'a str,
    /// The addresses of that interface.
    pub addresses: &'a [IpAddr],
    /// How much time is left.
    pub timeout: Duration,
}

/// How the API is asked by the program itself.
#[derive(Clone)]
struct Fetch(Arc<FetchFn>);

type FetchFn = dyn Fn(&ApiRequest<'_>) -> Option<String> + Send + Sync;

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetch")
    }
}

impl PartialEq for Fetch {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Fetch {}

impl Options {
    /// These pages, through all interfaces that are up, 3 s for all of them together.
    #[must_use]
    pub fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self {
            endpoints: endpoints.into_iter().collect(),
            through: Through::default(),
            timeout: Duration::from_secs(3),
            api: None,
            fetch: None,
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

    /// The same, where `fetch` asks: RFC 8908 wants TLS, of which there is none here, as it would bring a C library or a list of authorities of its own with it.
    ///
    /// It is called for each interface, on threads of their own, with a GET to be made that accepts `application/captive+json`, follows no redirect and is bound to the
    /// interface; it gives the page where the status was 200, and nothing where it was another or anything failed. Who trusts no certificate of the API gives nothing.
    ///
    /// ```
    /// use waypost::captive::{Check, Options};
    ///
    /// let options = Options::new([]).api_fetched_by("https://portal.example/api", |request| {
    ///     // A client of one's own: bound to `request.interface`, done within `request.timeout`.
    ///     Some(r#"{"captive": false}"#.to_owned())
    /// });
    /// assert!(Check::new(options).is_ok());
    /// ```
    #[must_use]
    pub fn api_fetched_by(
        mut self,
        url: impl Into<String>,
        fetch: impl Fn(&ApiRequest<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.fetch = Some(Fetch(Arc::new(fetch)));
        self.api(url)
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
    /// `Invalid` where there is no endpoint or an address is none of HTTP's, `Unsupported` where it takes encryption that nobody brings.
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
                Ok((Some("https"), Some(_host))) if options.fetch.is_some() && Some(url) == options.api.as_ref() => {}
                Ok((Some("https"), Some(_host))) => return refused(ErrorKind::Unsupported, "TLS is not built in"),
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
        let probes: VecDeque<(usize, Probe)> = interfaces.iter().enumerate().flat_map(|one| self.probes(one, deadline)).collect();
        let mut count = probes.len();
        let waiting = Arc::new(Mutex::new(probes));
        for at in 0..count.min(PROBES_MAX) {
            let (say, waiting) = (say.clone(), Arc::clone(&waiting));
            let next = move || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            // They are not waited for beyond their time: one that hangs in a name server's library would hold everything up.
            let thread = thread::Builder::new().name("waypost-captive".to_owned()).spawn(move || {
                while let Some((at, probe)) = next() {
                    // Nobody listens any more where it comes too late.
                    if say.send((at, probe.run())).is_err() {
                        return;
                    }
                }
            });
            match thread {
                Ok(_) => {}
                // Those that there are do the work.
                Err(_) if at > 0 => break,
                Err(error) => return Err(Error::from_io(WHAT, &error)),
            }
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

    /// What is asked through one interface.
    fn probes(
        &self,
        (at, (_, name, addresses)): (usize, &(IfIndex, String, Vec<IpAddr>)),
        deadline: Duration,
    ) -> impl Iterator<Item = (usize, Probe)> {
        let pages = self.options.endpoints.iter().map(|page| (&page.url, What::Page(page.text.clone())));
        let api = self.options.api.iter().map(|url| match &self.options.fetch {
            Some(fetch) => (url, What::Fetched(fetch.clone())),
            None => (url, What::Api),
        });
        pages.chain(api).map(move |(url, what)| {
            (at, Probe { url: url.clone(), what, interface: name.clone(), addresses: addresses.clone(), deadline })
        })
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

/// Asks one page, which answers 204, through one interface that has these addresses.
pub(crate) fn page(url: &str, interface: &str, addresses: &[IpAddr], timeout: Duration) -> Probed {
    let deadline = sys::now().running.saturating_add(timeout);
    let (interface, addresses) = (interface.to_owned(), addresses.to_vec());
    match (Probe { url: url.to_owned(), what: What::Page(None), interface, addresses, deadline }).run_by_kept_names() {
        Answer::AsItShould => Probed::Passed,
        Answer::Captive(_) => Probed::Captive,
        Answer::Api { .. } | Answer::Nothing => Probed::Failed,
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
        assert_eq!(refusal(pages("http://192.0.2.1/").api_fetched_by("https://192.0.2.1/", |_| None)), Ok(()));
        assert_eq!(
            refusal(pages("https://192.0.2.1/").api_fetched_by("https://192.0.2.9/", |_| None)),
            Err(ErrorKind::Unsupported),
            "the program brings TLS for the API alone"
        );
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
