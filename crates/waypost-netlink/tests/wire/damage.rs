//! Damaged messages: nothing panics, and what can be read is.

use waypost_netlink::wire::{Messages, next_hop, route};

use super::captures;

/// Decodes a datagram as everything it might be taken for.
fn decode_all(datagram: &[u8]) -> usize {
    let mut decoded = 0;
    for message in Messages::new(datagram).map_while(Result::ok) {
        decoded += usize::from(matches!(route::decode(message.payload), Ok(Some(_))));
        decoded += usize::from(matches!(route::decode_answer(message.payload), Ok(Some(_))));
        decoded += usize::from(matches!(next_hop::decode(message.payload), Ok(Some(_))));
    }
    decoded
}

#[test]
fn a_message_cut_anywhere_is_an_error_or_a_shorter_message() {
    for captured in captures::all() {
        for end in 0..captured.bytes.len() {
            let mut cut = captured.bytes[..end].to_vec();
            let errors = Messages::new(&cut).filter(Result::is_err).count();
            assert_eq!(errors, usize::from(end > 0), "{} cut at {end}", captured.command);
            if let Some(length) = cut.get_mut(..4) {
                length.copy_from_slice(&u32::try_from(end).unwrap().to_ne_bytes());
                decode_all(&cut);
            }
        }
    }
}

#[test]
fn any_byte_may_have_any_value() {
    for captured in captures::all() {
        let mut bytes = captured.bytes.clone();
        for at in 0..bytes.len() {
            let was = bytes[at];
            for value in [was ^ 0xff, was ^ 1, was ^ 0x80, 0, 1, 3, 4, 0x7f, 0xff] {
                bytes[at] = value;
                decode_all(&bytes);
            }
            bytes[at] = was;
        }
        assert!(decode_all(&bytes) > 0, "{}", captured.command);
    }
}

#[test]
fn a_broken_message_leaves_those_before_it_readable() {
    let captured = captures::all();
    let good = &captured[0].bytes;
    let mut datagram = good.clone();
    datagram.extend(good);
    datagram[good.len()..good.len() + 4].copy_from_slice(&3u32.to_ne_bytes());
    let read: Vec<_> = Messages::new(&datagram).collect();
    assert_eq!((read.len(), read[0].is_ok(), read[1].is_err()), (2, true, true));
}
