//! Any number of subscribers to one mirror, each with a filter and a queue that has a bound.
//!
//! A subscriber begins with a view of what there is, and is then told what changes. One that does not keep up loses its queue, not its
//! way: it is told how much it has missed, and gets a new view. Until then it costs nothing, and the others never wait for it.

mod filter;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::mirror::{Event, Mirror};
pub use filter::{EventFilter, Kinds};
pub use view::View;

/// The number of a subscriber.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SubscriberId(u64);

/// What a subscriber is given next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Delivery<'a> {
    /// What there is as it begins: what it is told from now on are changes of this.
    Initial(View<'a>),
    /// It was too slow, and its queue was thrown away: this is what there is now, and what it is told from now on are changes of this.
    Lagged {
        /// How many events it has missed.
        missed: u64,
        /// What there is.
        view: View<'a>,
    },
    /// What has happened.
    Event(Arc<Event>),
}

/// Tells any number of subscribers what happens to one mirror.
///
/// ```
/// use waypost_core::{Notice, RouteVerb};
/// use waypost_engine::{Delivery, EventFilter, FanOut, Mirror};
///
/// let (mut mirror, mut events, mut fan_out) = (Mirror::new(), Vec::new(), FanOut::new());
/// let quick = fan_out.subscribe(EventFilter::default(), 100);
/// assert!(matches!(fan_out.next(quick, &mirror), Some(Delivery::Initial(_))));
///
/// mirror.handle(Notice::Route(RouteVerb::Added, "10.0.0.0/8 via 192.0.2.1".parse()?), &mut events);
/// events.drain(..).for_each(|event| fan_out.publish(event));
/// assert!(matches!(fan_out.next(quick, &mirror), Some(Delivery::Event(_))));
/// assert!(fan_out.next(quick, &mirror).is_none());
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct FanOut {
    subscribers: BTreeMap<SubscriberId, Subscriber>,
    next_id: u64,
}

#[derive(Debug)]
struct Subscriber {
    filter: EventFilter,
    capacity: usize,
    state: State,
    /// How many events have waited at once, at most.
    most: usize,
    /// How often it was too slow.
    lags: u64,
}

#[derive(Debug)]
enum State {
    /// It has not asked yet.
    New,
    /// It is told what happens.
    Live(VecDeque<Arc<Event>>),
    /// It was too slow, and has missed so many.
    Lagging(u64),
}

/// How a subscriber is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Backlog {
    /// Events that wait for it.
    pub waiting: usize,
    /// How many have waited at once, at most.
    pub most: usize,
    /// How often it was too slow.
    pub lags: u64,
}

impl FanOut {
    /// Nobody is told anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subscriber, for whom at most `capacity` events (at least one) wait.
    pub fn subscribe(&mut self, filter: EventFilter, capacity: usize) -> SubscriberId {
        let id = SubscriberId(self.next_id);
        self.next_id += 1;
        self.subscribers.insert(id, Subscriber { filter, capacity: capacity.max(1), state: State::New, most: 0, lags: 0 });
        id
    }

    /// Takes a subscriber out; says whether there was one of that number.
    pub fn unsubscribe(&mut self, id: SubscriberId) -> bool {
        self.subscribers.remove(&id).is_some()
    }

    /// Tells the subscribers what has happened.
    pub fn publish(&mut self, event: Event) {
        let event = Arc::new(event);
        self.subscribers.values_mut().for_each(|subscriber| subscriber.tell(&event));
    }

    /// What a subscriber is given next, if anything.
    ///
    /// `mirror` is the one that all published events are of, and no others: a view of it is what there is after the last of them.
    pub fn next<'a>(&'a mut self, id: SubscriberId, mirror: &'a Mirror) -> Option<Delivery<'a>> {
        let Subscriber { filter, state, .. } = self.subscribers.get_mut(&id)?;
        if let State::Live(queue) = state {
            return queue.pop_front().map(Delivery::Event);
        }
        let before = std::mem::replace(state, State::Live(VecDeque::new()));
        let view = View::new(filter, mirror);
        Some(match before {
            State::Lagging(missed) => Delivery::Lagged { missed, view },
            _ => Delivery::Initial(view),
        })
    }

    /// Says whether there is something for a subscriber.
    #[must_use]
    pub fn is_ready(&self, id: SubscriberId) -> bool {
        self.subscribers.get(&id).is_some_and(|subscriber| match &subscriber.state {
            State::Live(queue) => !queue.is_empty(),
            State::New | State::Lagging(_) => true,
        })
    }

    /// How a subscriber is doing.
    #[must_use]
    pub fn backlog(&self, id: SubscriberId) -> Option<Backlog> {
        let Subscriber { state, most, lags, .. } = self.subscribers.get(&id)?;
        let waiting = if let State::Live(queue) = state { queue.len() } else { 0 };
        Some(Backlog { waiting, most: *most, lags: *lags })
    }
}

impl Subscriber {
    fn tell(&mut self, event: &Arc<Event>) {
        match &mut self.state {
            State::New => {}
            State::Lagging(missed) => *missed += u64::from(self.filter.concerns(event)),
            State::Live(queue) => {
                let Some(event) = self.filter.pass(event) else { return };
                if queue.len() < self.capacity {
                    queue.push_back(event);
                    self.most = self.most.max(queue.len());
                } else {
                    self.lags += 1;
                    self.state = State::Lagging(queue.len() as u64 + 1);
                }
            }
        }
    }
}
