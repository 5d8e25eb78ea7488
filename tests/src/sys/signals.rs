//! What is inherited of signals.
#![expect(unsafe_code, reason = "signal(2) has no safe wrapper among the dependencies")]

use nix::sys::signal::{SigHandler, Signal, signal};

/// Lets an interrupt end this process and those that it starts from now on: a shell without job control has it ignored by what it
/// starts in the background (POSIX, 2.11), and that is inherited.
///
/// # Panics
///
/// Where the kernel does not know of interrupts.
pub fn take_interrupts() {
    // SAFETY: the default action runs no code of this process.
    unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) }.expect("every kernel knows of interrupts");
}
