//! The other end of a cable, in a network namespace of its own: another machine.

use std::sync::mpsc;
use std::thread;

use crate::ip::ip;
use crate::namespace::new_network;
use crate::sys::thread_number;

/// Moves an interface into a namespace of its own, switches it on, and has `begin` set up what is there. Threads that `begin` starts are there too, and are
/// the namespace's for as long as they live.
///
/// # Panics
///
/// Where `ip` cannot, or `begin` panics.
#[track_caller]
pub fn far_end(interface: &str, begin: impl FnOnce() + Send + 'static) {
    let (say, heard) = mpsc::channel();
    let (moved, is_moved) = mpsc::channel::<()>();
    let name = interface.to_owned();
    thread::spawn(move || {
        new_network();
        say.send(Some(thread_number())).expect("somebody waits");
        is_moved.recv().expect("somebody moves it");
        ip(&format!("link set {name} up"));
        begin();
        say.send(None).expect("somebody waits");
    });
    let thread = heard.recv().expect("it has a namespace").expect("its number first");
    ip(&format!("link set {interface} netns {thread}"));
    moved.send(()).expect("it waits");
    heard.recv().expect("it is set up");
}
