//! Finding routes in the text that has all of IPv6, those included that no dump lists.

use std::net::{IpAddr, Ipv6Addr};

use waypost_core::{Ipv6Prefix, Notice, Notices, Slot, Trace};

/// How many lines are read at most. For each page of text the kernel walks its tables from their beginning (`ipv6_route_seq_start`,
/// net/ipv6/ip6_fib.c, Linux 6.18), so that the time goes with the square: 2,000 lines take some 5 ms of a processor, 20,000 more than a second.
const LINES_MAX: usize = 8192;

/// A longer line is none of the kernel's.
const LENGTH_MAX: usize = 1024;

/// What `rt6_flags` has of a copy for one destination (`RTF_CACHE`, include/uapi/linux/ipv6_route.h), which older kernels keep among the routes.
const CACHE: u32 = 0x0100_0000;

/// Why the text is not read to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Illegible {
    /// There is more of it than can be read in reasonable time.
    Long,
    /// It has something else than such lines.
    Strange,
}

/// Reads the lines of `/proc/net/ipv6_route`, one for each next hop (`ipv6_route_native_seq_show`, net/ipv6/ip6_fib.c, Linux 6.18).
#[derive(Debug)]
pub(super) struct TraceReader {
    wanted: Vec<Slot>,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    count: usize,
}

impl TraceReader {
    /// Looks for what is of these slots, in whichever table.
    pub(super) fn new(wanted: &[Slot]) -> Self {
        Self { wanted: wanted.to_vec(), begun: Vec::new(), count: 0 }
    }

    /// Takes what was read next.
    pub(super) fn take(&mut self, text: &[u8], out: &mut Notices) -> Result<(), Illegible> {
        for part in text.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if self.begun.len() > LENGTH_MAX {
                return Err(Illegible::Strange);
            }
            if part.ends_with(b"\n") {
                self.count += 1;
                if self.count > LINES_MAX {
                    return Err(Illegible::Long);
                }
                let line = std::str::from_utf8(&self.begun).ok().and_then(read).ok_or(Illegible::Strange)?;
                self.begun.clear();
                let trace = line.filter(|trace| self.wanted.iter().any(|slot| trace.is_of(slot)));
                out.extend(trace.map(|trace| Notice::Trace(Box::new(trace))));
            }
        }
        Ok(())
    }

    /// Says whether the text has ended with a line.
    pub(super) fn end(&self) -> Result<(), Illegible> {
        if self.begun.is_empty() { Ok(()) } else { Err(Illegible::Strange) }
    }
}

/// What a line says; within, nothing of a copy.
fn read(line: &str) -> Option<Option<Trace>> {
    let mut words = line.split_ascii_whitespace();
    let destination = prefix(words.next()?, words.next()?)?;
    let source = prefix(words.next()?, words.next()?)?;
    let gateway = address(words.next()?)?;
    let metric = number(words.next()?)?;
    // How many hold it, and how often it was used.
    let flags = number(words.nth(2)?)?;
    let mut trace = Trace::new(destination.into(), metric);
    trace.source = (!source.is_default()).then_some(source);
    trace.gateway = (!gateway.is_unspecified()).then_some(IpAddr::V6(gateway));
    trace.interface = words.next().map(str::to_owned);
    Some((flags & CACHE == 0).then_some(trace))
}

fn prefix(address_word: &str, length: &str) -> Option<Ipv6Prefix> {
    Ipv6Prefix::new(address(address_word)?, u8::from_str_radix(length, 16).ok()?).ok()
}

fn address(word: &str) -> Option<Ipv6Addr> {
    (word.len() == 32).then(|| u128::from_str_radix(word, 16).ok().map(Ipv6Addr::from_bits))?
}

fn number(word: &str) -> Option<u32> {
    u32::from_str_radix(word, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Linux 6.18 had of a slot with three next hops and a route for some sources alone, and of another slot.
    const TEXT: &str = "\
20010db8000100000000000000000000 30 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000005 00000001 00000000 00000003       v0
20010db8000100000000000000000000 30 00000000000000000000000000000000 00 00000000000000000000000000000000 00000005 00000001 00000000 00000001       v1
20010db8000100000000000000000000 30 00000000000000000000000000000000 00 00000000000000000000000000000000 00000005 00000001 00000000 01000001       v1
20010db8000100000000000000000000 30 20010db8000700000000000000000000 30 00000000000000000000000000000000 00000005 00000001 00000000 00000001       v1
20010db8000100000000000000000000 30 00000000000000000000000000000000 00 00000000000000000000000000000000 00000006 00000001 00000000 00200200       lo
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001       v0
";

    fn slot() -> Slot {
        let mut slot = Slot::new(waypost_core::TableId(7), "2001:db8:1::/48".parse().unwrap());
        slot.metric = 5;
        slot
    }

    fn found(wanted: &[Slot], text: &str, size: usize) -> Result<Vec<String>, Illegible> {
        let (mut reader, mut out) = (TraceReader::new(wanted), Notices::new());
        for part in text.as_bytes().chunks(size) {
            reader.take(part, &mut out)?;
        }
        reader.end()?;
        let way = |notice: &Notice| {
            let Notice::Trace(trace) = notice else { panic!("{notice:?}") };
            format!("{:?} {}", trace.gateway, trace.interface.as_deref().unwrap_or_default())
        };
        Ok(out.iter().map(way).collect())
    }

    #[test]
    fn what_is_of_a_slot_is_found_however_the_text_comes() {
        for size in [1, 7, 150, 4096] {
            assert_eq!(found(&[slot()], TEXT, size).unwrap(), ["Some(2001:db8::1) v0", "None v1"]);
        }
        let mut of_some_sources = slot();
        of_some_sources.source = Some("2001:db8:7::/48".parse().unwrap());
        assert_eq!(found(&[of_some_sources], TEXT, 4096).unwrap(), ["None v1"]);
    }

    #[test]
    fn what_is_no_such_text_is_not_believed() {
        for text in
            ["nonsense\n", "20010db8 30\n", &TEXT[..TEXT.len() - 1], &TEXT.replace(" 30 ", " 81 "), &"0".repeat(LENGTH_MAX + 1)]
        {
            assert_eq!(found(&[slot()], text, 4096), Err(Illegible::Strange), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_read_to_its_end() {
        let line = TEXT.lines().last().unwrap().to_owned() + "\n";
        assert_eq!(found(&[slot()], &line.repeat(LINES_MAX), 4096), Ok(Vec::new()));
        assert_eq!(found(&[slot()], &line.repeat(LINES_MAX + 1), 4096), Err(Illegible::Long));
    }
}
