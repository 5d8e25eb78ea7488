//! A simulated kernel behind the C interface by which `tests/foreign` loads foreign ones: so the door is tested where no
//! other kernel is.
//!
//! It is the kernel that `WAYPOST_FOREIGN_SIMULATED` names by its dialect, [`DEFAULT`] without that.
//! There is one in a process, as there is of a real one.
#![deny(unsafe_code)]

mod machine;
mod sys;

/// Chooses the simulated system.
pub const CHOICE: &str = "WAYPOST_FOREIGN_SIMULATED";

/// The dialect of the simulated system, unless another is chosen.
pub const DEFAULT: &str = "netbsd7";
