//! Those who ask the one that runs, and what they are answered.

use std::io;

use mio::{Interest, Token};
use serde_json::{Value, json};
use waypost::{Family, UplinkId, Uplinks};

use super::super::control::{self, Client, Question, Verb};
use super::super::show;
use super::Daemon;
use crate::failure::Failure;

impl Daemon<'_> {
    pub(super) fn accept(&mut self, listener: &mio::net::UnixListener, registry: &mio::Registry) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::Io("listen".to_owned(), error);
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    self.make_room();
                    let number = self.next_client;
                    self.next_client += 1;
                    registry.register(&mut stream, Token(number), Interest::READABLE).map_err(failed)?;
                    self.clients.insert(number, Client::new(stream));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // That somebody cannot ask is no reason to stop keeping routes.
                Err(error) => {
                    tracing::warn!("somebody cannot ask: {error}");
                    return Ok(());
                }
            }
        }
    }

    /// Where as many ask as can be, who has been there longest goes: whoever says nothing keeps nobody else out.
    fn make_room(&mut self) {
        if self.clients.len() >= control::CLIENTS_MAX {
            self.clients.pop_first();
        }
    }

    /// Answers one who asks.
    pub(super) fn answer(&mut self, number: usize) {
        let Some(mut client) = self.clients.remove(&number) else { return };
        while let Ok(question) = client.question() {
            let Some(question) = question else {
                self.clients.insert(number, client);
                return;
            };
            let answer = match Question::read(&question) {
                Some(question) => {
                    if question.verb == Verb::Watch {
                        client.watches = Some(question.families);
                    }
                    self.reply(&question)
                }
                None => json!({ "error": "ask for status, watch, promote NAME, demote NAME or release" }),
            };
            // Who only asked once is done.
            if client.tell(&answer).is_err() || client.watches.is_none() {
                return;
            }
        }
    }

    fn reply(&mut self, question: &Question) -> Value {
        let families = question.families;
        match &question.verb {
            Verb::Status | Verb::Watch => show::status(&self.uplinks, &self.plan, &self.reasons, families),
            Verb::Release => {
                families.iter().for_each(|family| self.uplinks.choose(*family, None));
                json!({})
            }
            Verb::Promote(name) if self.is_split(name) => {
                json!({ "error": format!("{name:?} takes only what has routes of its own (vpn_split): it is never elected") })
            }
            Verb::Promote(name) => self.move_by_hand(name, families, |uplinks, family, id| uplinks.choose(family, Some(id))),
            Verb::Demote(name) => self.move_by_hand(name, families, |uplinks, _, id| uplinks.set_back(id)),
        }
    }

    /// Says whether the uplinks of a name are a VPN that takes nothing but what has routes of its own.
    fn is_split(&self, name: &str) -> bool {
        self.plan.planned.iter().any(|planned| planned.name == name && planned.is_split())
    }

    /// Moves the uplinks of a name; where there are none, that is told by what the name is.
    fn move_by_hand(&mut self, name: &str, families: &[Family], to: impl Fn(&mut Uplinks, Family, UplinkId)) -> Value {
        let named = self.ids.iter().filter(|((own, family), _)| own == name && families.contains(family));
        let named: Vec<_> = named.map(|((_, family), id)| (*family, *id)).collect();
        for (family, id) in &named {
            to(&mut self.uplinks, *family, *id);
        }
        if !named.is_empty() {
            return json!({});
        }
        let planned =
            || self.plan.planned.iter().zip(self.plan.readiness(&self.uplinks)).filter(|(planned, _)| planned.name == name);
        let of_family = planned().find(|(planned, _)| families.contains(&planned.family));
        let why = match of_family.and_then(|(planned, readiness)| readiness.why(planned)) {
            Some(why) => format!("{name:?} cannot be used: {why}"),
            None if planned().next().is_some() => format!("{name:?} is no uplink of this family"),
            None => format!("there is no uplink {name:?}"),
        };
        json!({ "error": why })
    }
}
