//! Why bytes are no message.

/// Where decoding stopped, and what was wrong there.
///
/// ```
/// use waypost_netlink::wire::Messages;
///
/// let error = Messages::new(&[9, 0, 0, 0]).next().unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "at byte 0: fewer bytes than a message header has");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("at byte {offset}: {what}")]
#[non_exhaustive]
pub struct DecodeError {
    /// The place, in bytes from the start of the datagram for a message's frame, else of the message's payload.
    pub offset: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl DecodeError {
    /// `what` is wrong at `offset`.
    #[must_use]
    pub const fn new(offset: usize, what: &'static str) -> Self {
        Self { offset, what }
    }
}
