//! The addresses of names, kept: the system looks names up over the way out that is in use, and that may be the very one that is silent.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Timeout};

/// How many names are kept.
const NAMES_MAX: usize = 64;

/// How many addresses of a name are asked at most; `ureq` takes no more than 16.
const ADDRESSES_MAX: usize = 16;

/// Those that this process has asked.
static NAMES: Names = Names::new(by_the_system);

/// What is known of a name.
#[derive(Debug, Default)]
struct Known {
    /// Where the page stood, one of each family: it comes first, as another way out may have been told something else.
    proven: Vec<IpAddr>,
    /// What the last lookup that came to something told.
    told: Vec<IpAddr>,
    /// It is being looked up.
    under_way: bool,
}

/// Names and their addresses.
#[derive(Debug)]
struct Names {
    known: Mutex<BTreeMap<String, Known>>,
    told: Condvar,
    look_up: fn(&str) -> Vec<IpAddr>,
}

fn by_the_system(name: &str) -> Vec<IpAddr> {
    (name, 0).to_socket_addrs().map(|found| found.map(|one| one.ip()).collect()).unwrap_or_default()
}

impl Names {
    const fn new(look_up: fn(&str) -> Vec<IpAddr>) -> Self {
        Self { known: Mutex::new(BTreeMap::new()), told: Condvar::new(), look_up }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of a name. It is looked up each time, which is waited for only where none are known.
    fn addresses(&'static self, name: &str, patience: Duration) -> Vec<IpAddr> {
        let mut known = self.lock();
        if !known.contains_key(name) && known.len() >= NAMES_MAX {
            known.pop_first();
        }
        let own = known.entry(name.to_owned()).or_default();
        // One at a time: a lookup over a silent way out takes long.
        if !own.under_way {
            let asked = name.to_owned();
            own.under_way = thread::Builder::new().spawn(move || self.learn(&asked)).is_ok();
        }
        let waits = |known: &mut BTreeMap<String, Known>| known.get(name).is_some_and(|own| own.under_way && !own.has_any());
        let (known, _) = self.told.wait_timeout_while(known, patience, waits).unwrap_or_else(PoisonError::into_inner);
        known.get(name).map(Known::all).unwrap_or_default()
    }

    fn learn(&self, name: &str) {
        let found = (self.look_up)(name);
        if let Some(own) = self.lock().get_mut(name) {
            own.under_way = false;
            if !found.is_empty() {
                own.told = found;
            }
        }
        self.told.notify_all();
    }

    fn proves(&self, name: &str, address: IpAddr) {
        if let Some(own) = self.lock().get_mut(name) {
            own.proven.retain(|other| other.is_ipv4() != address.is_ipv4());
            own.proven.push(address);
        }
    }

    fn is_unknown(&self, name: &str) -> bool {
        self.lock().get(name).is_some_and(|own| !own.has_any())
    }
}

impl Known {
    fn has_any(&self) -> bool {
        !self.proven.is_empty() || !self.told.is_empty()
    }

    fn all(&self) -> Vec<IpAddr> {
        let mut all = self.proven.clone();
        all.extend(self.told.iter().filter(|one| !self.proven.contains(one)));
        all
    }
}

/// The name that a page is asked by; `None` for an address.
pub(crate) fn name_of(url: &str) -> Option<String> {
    name_in(&url.parse().ok()?)
}

fn name_in(uri: &Uri) -> Option<String> {
    let host = uri.host()?;
    address_in(host).is_none().then(|| host.to_ascii_lowercase())
}

/// The address that a page is asked by; `None` for a name.
pub(crate) fn address_of(url: &str) -> Option<IpAddr> {
    address_in(url.parse::<Uri>().ok()?.host()?)
}

fn address_in(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Says whether a name has been asked for in vain, each time until now.
pub(crate) fn is_unknown(name: &str) -> bool {
    NAMES.is_unknown(name)
}

/// A page of this name stands there.
pub(super) fn proves(url: &str, address: IpAddr) {
    if let Some(name) = name_of(url) {
        NAMES.proves(&name, address);
    }
}

/// Finds addresses by what is known of names, for an interface that has these.
#[derive(Debug)]
pub(super) struct Kept(pub(super) Vec<IpAddr>);

impl Resolver for Kept {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let Some(name) = name_in(uri) else { return DefaultResolver::default().resolve(uri, config, timeout) };
        let https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let has_own = |remote: &IpAddr| self.0.iter().any(|own| own.is_ipv4() == remote.is_ipv4());
        let found = NAMES.addresses(&name, *timeout.after);
        if found.is_empty() {
            return Err(Error::Timeout(Timeout::Resolve));
        }
        let mut addresses = self.empty();
        for one in found.into_iter().filter(has_own).take(ADDRESSES_MAX) {
            addresses.push(SocketAddr::new(one, port));
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn addresses(words: &[&str]) -> Vec<IpAddr> {
        words.iter().map(|word| word.parse().unwrap()).collect()
    }

    /// Waits until the lookup that was begun has ended.
    fn ended(names: &Names, name: &str) {
        let waits = |known: &mut BTreeMap<String, Known>| known[name].under_way;
        drop(names.told.wait_while(names.lock(), waits).unwrap());
    }

    #[test]
    fn what_a_name_had_is_known_when_it_cannot_be_looked_up_any_more() {
        static TIMES: AtomicUsize = AtomicUsize::new(0);
        static NAMES: Names = Names::new(|_| match TIMES.fetch_add(1, Ordering::SeqCst) {
            0 => Vec::new(),
            1 => addresses(&["192.0.2.1", "2001:db8::1"]),
            2 => Vec::new(),
            _ => addresses(&["192.0.2.9"]),
        });
        assert!(!NAMES.is_unknown("a"), "nobody has asked");
        assert!(NAMES.addresses("a", LONG).is_empty() && NAMES.is_unknown("a"));
        assert_eq!(NAMES.addresses("a", LONG), addresses(&["192.0.2.1", "2001:db8::1"]));
        ended(&NAMES, "a");
        NAMES.proves("a", "192.0.2.1".parse().unwrap());
        assert_eq!(NAMES.addresses("a", LONG), addresses(&["192.0.2.1", "2001:db8::1"]), "and the third is in vain");
        ended(&NAMES, "a");
        assert!(!NAMES.is_unknown("a"));
        NAMES.addresses("a", LONG);
        ended(&NAMES, "a");
        assert_eq!(NAMES.addresses("a", LONG), addresses(&["192.0.2.1", "192.0.2.9"]), "where it stood comes first");
    }

    #[test]
    fn only_who_knows_nothing_waits_for_a_lookup() {
        static HANGS: Mutex<()> = Mutex::new(());
        static NAMES: Names = Names::new(|_| {
            drop(HANGS.lock());
            Vec::new()
        });
        let hangs = HANGS.lock().unwrap();
        assert!(NAMES.addresses("a", Duration::from_millis(1)).is_empty(), "it is not waited for in vain");
        NAMES.proves("a", "192.0.2.1".parse().unwrap());
        assert_eq!(NAMES.addresses("a", Duration::MAX), addresses(&["192.0.2.1"]));
        assert!(NAMES.lock()["a"].under_way, "the first is still waited for, and no other begun");
        drop(hangs);
    }

    #[test]
    fn an_address_is_no_name() {
        assert_eq!(name_of("http://192.0.2.1:80/x"), None);
        assert_eq!(name_of("http://[2001:db8::1]/x"), None);
        assert_eq!(name_of("http://Portal.Example:8080/x").as_deref(), Some("portal.example"));
    }
}
