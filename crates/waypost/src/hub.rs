//! One watcher, many subscribers.

use std::time::Duration;

use waypost_core::{Error, Kernel};
use waypost_engine::{Backlog, Delivery, EventFilter, FanOut, SubscriberId};

use crate::Watcher;
use crate::sys::Native;

/// How many turns of the watcher are taken at once: some thousands of notices.
const TURNS: usize = 16;

/// A [`Watcher`] that tells any number of subscribers what happens, each with a filter and a queue that has a bound.
///
/// A subscriber begins with a view of what there is. One that does not keep up loses its queue, not its way: it is told by
/// [`Delivery::Lagged`] how much it has missed, and gets a new view. It is never waited for, and costs the others nothing.
///
/// ```no_run
/// use waypost::{Delivery, EventFilter, Hub, Kinds, Watcher};
///
/// let mut watcher = Watcher::open()?;
/// watcher.synchronise(None)?;
/// let mut hub = Hub::new(watcher);
/// let mut filter = EventFilter::default();
/// filter.kinds = Kinds::LINKS;
/// let links = hub.subscribe(filter, 1000);
/// let all = hub.subscribe(EventFilter::default(), 100_000);
/// loop {
///     hub.wait(None)?;
///     for subscriber in [links, all] {
///         while let Some(delivery) = hub.next(subscriber) {
///             match delivery {
///                 Delivery::Event(event) => println!("{event:?}"),
///                 Delivery::Initial(view) | Delivery::Lagged { view, .. } => println!("{} routes", view.routes().count()),
///                 _ => {}
///             }
///         }
///     }
/// }
/// # #[expect(unreachable_code, reason = "the loop has no end")]
/// # Ok::<(), waypost::Error>(())
/// ```
#[derive(Debug)]
pub struct Hub<K = Native> {
    watcher: Watcher<K>,
    fan_out: FanOut,
}

impl Hub {
    /// Waits until something has happened, or `timeout` has passed (`None` waits as long as it takes), and tells the subscribers; says
    /// whether anything has. Those that are new or lagged have something to read without it.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, Error> {
        self.watcher.wait(timeout)?;
        self.turn()
    }
}

impl<K: Kernel> Hub<K> {
    /// Nobody is told anything yet. What waits in the watcher's own queue is left out: every subscriber begins with a view.
    #[must_use]
    pub fn new(mut watcher: Watcher<K>) -> Self {
        watcher.take_queued().for_each(drop);
        Self { watcher, fan_out: FanOut::new() }
    }

    /// Adds a subscriber, for whom at most `capacity` events wait.
    pub fn subscribe(&mut self, filter: EventFilter, capacity: usize) -> SubscriberId {
        self.fan_out.subscribe(filter, capacity)
    }

    /// Takes a subscriber out; says whether there was one of that number.
    pub fn unsubscribe(&mut self, subscriber: SubscriberId) -> bool {
        self.fan_out.unsubscribe(subscriber)
    }

    /// Takes what the kernel has said and tells the subscribers, without waiting; says whether anything has happened.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn turn(&mut self) -> Result<bool, Error> {
        let mut any = false;
        for _ in 0..TURNS {
            let has_more = self.watcher.fill_queue();
            let mut told = false;
            for event in self.watcher.take_queued() {
                told = true;
                self.fan_out.publish(event);
            }
            any |= told;
            has_more?;
            if !told {
                break;
            }
        }
        Ok(any)
    }

    /// Opens the watcher's sockets anew where they are of no more use: see [`Watcher::reopen`]. The subscribers stay, and are told what has changed.
    ///
    /// # Errors
    ///
    /// As [`Watcher::reopen`].
    pub fn reopen(&mut self) -> Result<(), Error> {
        self.watcher.reopen()
    }

    /// What a subscriber is given next, if anything: nothing before the watcher's first picture is whole, as no event tells of what is in it.
    pub fn next(&mut self, subscriber: SubscriberId) -> Option<Delivery<'_>> {
        if !self.watcher.is_synchronised() {
            return None;
        }
        self.fan_out.next(subscriber, self.watcher.mirror())
    }

    /// How a subscriber is doing.
    #[must_use]
    pub fn backlog(&self, subscriber: SubscriberId) -> Option<Backlog> {
        self.fan_out.backlog(subscriber)
    }

    /// The watcher, without the subscribers.
    #[must_use]
    pub fn into_watcher(self) -> Watcher<K> {
        self.watcher
    }

    /// The watcher, to look at.
    #[must_use]
    pub const fn watcher(&self) -> &Watcher<K> {
        &self.watcher
    }
}

#[cfg(test)]
mod tests {
    use waypost_core::RouteChange;
    use waypost_engine::FollowOptions;
    use waypost_sim::{Profile, Sim, SimKernel};

    use super::*;

    fn hub() -> (Sim, Hub<SimKernel>) {
        let sim = Sim::new(Profile::linux());
        let link = sim.add_link("w0");
        sim.set_up(link, true).unwrap();
        sim.set_carrier(link, true).unwrap();
        sim.add_address(link, "10.0.0.2".parse().unwrap(), 24).unwrap();
        let hub = Hub::new(Watcher::with_kernel(sim.kernel(), FollowOptions::default()));
        (sim, hub)
    }

    #[test]
    fn a_turn_goes_on_for_as_long_as_there_is_something_to_tell() {
        let (sim, mut hub) = hub();
        while !hub.watcher().is_synchronised() {
            hub.turn().unwrap();
        }
        let all = hub.subscribe(EventFilter::default(), 100_000);
        assert!(matches!(hub.next(all), Some(Delivery::Initial(_))));
        // Some thousands: more than two batches of what the kernel says.
        for n in 0..3000 {
            let route = format!("20.{}.{}.0/24 via 10.0.0.1", n / 250, n % 250);
            sim.rival(RouteChange::Add, &route.parse().unwrap()).unwrap();
        }
        assert!(hub.turn().unwrap());
        assert_eq!(hub.backlog(all).unwrap().waiting, 3000);
    }

    #[test]
    fn nobody_is_given_a_picture_that_is_not_whole() {
        let (_sim, mut hub) = hub();
        let early = hub.subscribe(EventFilter::default(), 100);
        assert!(hub.next(early).is_none());
        while !hub.watcher().is_synchronised() {
            hub.turn().unwrap();
        }
        let Some(Delivery::Initial(view)) = hub.next(early) else { panic!("it is whole") };
        assert_eq!(view.links().count(), 2, "lo and w0");
    }
}
