//! One page, fetched through one interface.

use std::io::Read;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::http::{Response, Uri, header};
use ureq::unversioned::resolver::{DefaultResolver, Resolver};
use ureq::{Agent, Body};

use super::transport::Bound;
use super::{ApiRequest, Fetch, names};
use crate::sys;

/// A page that is longer says nothing that is known.
const PAGE_MAX: u64 = 64 * 1024;

/// What is to be fetched, through what, and until when.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) url: String,
    pub(super) what: What,
    pub(super) interface: String,
    pub(super) addresses: Vec<IpAddr>,
    /// By the clock that stands still while the machine sleeps.
    pub(super) deadline: Duration,
}

/// What is asked, and how.
#[derive(Debug)]
pub(super) enum What {
    /// A page that says this, or nothing.
    Page(Option<String>),
    /// The API.
    Api,
    /// The API, asked by the program itself.
    Fetched(Fetch),
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// What is known to stand there.
    AsItShould,
    /// Something that somebody else has put there; and where that somebody is to be visited.
    Captive(Option<String>),
    /// What the API says.
    Api { captive: bool, portal: Option<String> },
    /// Nothing that says anything.
    Nothing,
}

impl Probe {
    pub(super) fn run(&self) -> Answer {
        self.run_by(DefaultResolver::default()).0
    }

    /// The same, where the name of the page is known by what it had when it was looked up before, and the page where it stood.
    pub(super) fn run_by_kept_names(&self) -> Answer {
        let (answer, reached) = self.run_by(names::Kept(self.addresses.clone()));
        if let (Answer::AsItShould, Some(address)) = (&answer, reached) {
            names::proves(&self.url, address);
        }
        answer
    }

    /// What came back, and who was connected to.
    fn run_by(&self, resolver: impl Resolver) -> (Answer, Option<IpAddr>) {
        let reached = Arc::new(OnceLock::new());
        let answer = self.asked(resolver, &reached);
        (answer, reached.get().copied())
    }

    fn asked(&self, resolver: impl Resolver, reached: &Arc<OnceLock<IpAddr>>) -> Answer {
        let left = self.deadline.saturating_sub(sys::now().running);
        if left.is_zero() {
            // To many an HTTP client no time is all the time in the world.
            return Answer::Nothing;
        }
        let accepted = match &self.what {
            What::Page(_) => "*/*",
            What::Api => "application/captive+json",
            What::Fetched(fetch) => {
                let (url, interface, addresses) = (self.url.as_str(), self.interface.as_str(), self.addresses.as_slice());
                let text = fetch.0(&ApiRequest { url, interface, addresses, timeout: left });
                return text.map_or(Answer::Nothing, |text| said(&text));
            }
        };
        // A proxy from the environment would answer for the interface; a redirect is what is looked for.
        let config = Agent::config_builder()
            .timeout_global(Some(left))
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_idle_connections(0)
            .user_agent(concat!("waypost/", env!("CARGO_PKG_VERSION")))
            .accept(accepted)
            .build();
        let (interface, addresses) = (self.interface.clone(), self.addresses.clone());
        let through = Bound { interface, addresses, deadline: self.deadline, reached: Arc::clone(reached) };
        let agent = Agent::with_parts(config, through, resolver);
        // RFC 8908, 4.1, and what every portal heeds: no answer from a cache.
        let answer = agent.get(&self.url).header("Cache-Control", "no-cache").header("Connection", "close").call();
        let Ok(mut response) = answer else { return Answer::Nothing };
        match &self.what {
            What::Page(text) => self.page(&mut response, text.as_deref()),
            _ => api(&mut response),
        }
    }

    fn page(&self, response: &mut Response<Body>, text: Option<&str>) -> Answer {
        match (response.status().as_u16(), text) {
            (204, None) => Answer::AsItShould,
            (200, Some(text)) => match words(response) {
                Some(said) if said.trim() == text.trim() => Answer::AsItShould,
                Some(said) if said.trim().is_empty() => Answer::Nothing,
                Some(_) => Answer::Captive(None),
                None => Answer::Nothing,
            },
            (200, None) => match begins(response) {
                true => Answer::Captive(None),
                false => Answer::Nothing,
            },
            (300..=399, _) => {
                let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                Answer::Captive(to.and_then(|to| absolute(to, &self.url)))
            }
            // Network Authentication Required (RFC 6585, 6).
            (511, _) => Answer::Captive(None),
            _ => Answer::Nothing,
        }
    }
}

/// Says whether there is anything on the page.
fn begins(response: &mut Response<Body>) -> bool {
    response.body_mut().as_reader().read(&mut [0]).is_ok_and(|count| count > 0)
}

/// What stands on the page, if that comes to an end.
fn words(response: &mut Response<Body>) -> Option<String> {
    response.body_mut().with_config().limit(PAGE_MAX).lossy_utf8(true).read_to_string().ok()
}

/// RFC 8908, 5: `captive` must be there.
fn api(response: &mut Response<Body>) -> Answer {
    if response.status().as_u16() != 200 {
        return Answer::Nothing;
    }
    words(response).map_or(Answer::Nothing, |text| said(&text))
}

/// What the API's page says.
fn said(text: &str) -> Answer {
    let said: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let portal = said.get("user-portal-url").and_then(serde_json::Value::as_str);
    match said.get("captive").and_then(serde_json::Value::as_bool) {
        Some(captive) => Answer::Api { captive, portal: portal.and_then(|portal| absolute(portal, "")) },
        None => Answer::Nothing,
    }
}

/// An address as a browser takes it, where `to` is one or is a part of the one that was asked (RFC 9110, 10.2.2). Whoever prints it prints what a stranger wrote: nothing
/// that controls a terminal is in it.
fn absolute(to: &str, asked: &str) -> Option<String> {
    if to.is_empty() || to.chars().any(|character| character.is_control() || character == ' ') {
        return None;
    }
    let lower = to.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Some(to.to_owned());
    }
    let asked: Uri = asked.parse().ok()?;
    let host = format!("{}://{}", asked.scheme_str()?, asked.authority()?);
    match to {
        _ if to.starts_with("//") => Some(format!("{}:{to}", asked.scheme_str()?)),
        _ if to.starts_with('/') => Some(format!("{host}{to}")),
        // What a stranger calls some other way is nothing to visit.
        _ if to.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':')) => None,
        _ => {
            let folder = asked.path().rfind('/').map_or("/", |end| &asked.path()[..=end]);
            Some(format!("{host}{folder}{to}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_when_no_time_is_left() {
        let fetch = Fetch(std::sync::Arc::new(|asked: &ApiRequest<'_>| panic!("asked for {:?}", asked.timeout)));
        let (url, interface) = ("https://192.0.2.1/".to_owned(), "w0".to_owned());
        let probe = Probe { url, what: What::Fetched(fetch), interface, addresses: Vec::new(), deadline: Duration::ZERO };
        assert_eq!(probe.run(), Answer::Nothing);
    }

    #[test]
    fn where_a_portal_is_can_be_said_in_several_ways() {
        let asked = "http://192.0.2.1:8080/a/generate_204?x";
        let visited = |to| absolute(to, asked);
        assert_eq!(visited("http://portal.example/login?a=b").as_deref(), Some("http://portal.example/login?a=b"));
        assert_eq!(visited("HTTPS://portal.example/").as_deref(), Some("HTTPS://portal.example/"));
        assert_eq!(visited("//portal.example/").as_deref(), Some("http://portal.example/"));
        assert_eq!(visited("/login").as_deref(), Some("http://192.0.2.1:8080/login"));
        assert_eq!(visited("login").as_deref(), Some("http://192.0.2.1:8080/a/login"));
        for none in ["", "javascript:alert(1)", "file:///etc/passwd", "http://a\u{1b}[31m/", "two words"] {
            assert_eq!(visited(none), None, "{none:?}");
        }
    }
}
