//! Rule messages: RTM_NEWRULE, RTM_DELRULE and requests for either.
//!
//! A message is `struct fib_rule_hdr` and attributes (include/uapi/linux/fib_rules.h, Linux 6.18).

mod decode;
mod deletion;
mod encode;

pub use decode::decode;
pub use deletion::deletes;
pub use encode::{RuleChange, encode};

use super::constants::{FIB_RULE_IIF_DETACHED, FIB_RULE_INVERT, FIB_RULE_OIF_DETACHED, FIB_RULE_UNRESOLVED};

/// The size of `struct fib_rule_hdr`.
pub(super) const HEADER: usize = 12;

/// The flags that the kernel sets itself.
const SET_BY_THE_KERNEL: u32 = FIB_RULE_UNRESOLVED | FIB_RULE_IIF_DETACHED | FIB_RULE_OIF_DETACHED;

/// The flag that a rule's `invert` stands for.
const INVERT: u32 = FIB_RULE_INVERT;
