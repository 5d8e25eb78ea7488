//! `waypost decode`: prints the messages of captured files.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use waypost::decode::{Addr, Decoder, Item, Message, Source};
use waypost::{IfIndex, InterfaceNames, Notice};

use crate::args::{Endian, Origin};
use crate::failure::{Failure, Status, complain};
use crate::invocation::Invocation;
use crate::json::ItemJson;

pub(crate) fn run(
    invocation: &mut Invocation,
    dialect: Option<&str>,
    origin: Origin,
    endian: Option<Endian>,
    files: &[impl AsRef<Path>],
) -> Result<(), Failure> {
    let named = dialect.and_then(Decoder::named).map(|decoder| {
        let decoder = decoder.source(match origin {
            Origin::Socket => Source::Socket,
            Origin::Sysctl => Source::Sysctl,
        });
        endian.map_or(decoder, |endian| decoder.big_endian(endian == Endian::Big))
    });
    let mut decoded = 0;
    for file in files.iter().map(AsRef::as_ref) {
        match read(file) {
            Ok(bytes) => {
                // A file that says itself what it is needs nobody to say it.
                let found = Decoder::of_capture(&bytes).or(named.map(|decoder| (decoder, bytes.as_slice())));
                let Some((decoder, bytes)) = found else {
                    return Err(Failure::Usage(format!(
                        "{} does not say whose messages it has: name the --dialect",
                        file.display()
                    )));
                };
                decoded += print(invocation, &decoder.items(bytes))?;
            }
            Err(error) => complain(&Failure::Io(format!("read {}", file.display()), error)),
        }
    }
    if decoded == 0 {
        return Err(Failure::Missing("there is no message in it".to_owned(), Status::Failed));
    }
    Ok(())
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file.as_os_str() != "-" {
        return fs::read(file);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Prints what was found in one file, and counts the messages.
fn print(invocation: &mut Invocation, items: &[Item]) -> Result<usize, Failure> {
    let output = &mut invocation.output;
    let mut names = InterfaceNames::default();
    let mut messages = 0;
    for item in items {
        if let Item::Message(message) = item {
            messages += 1;
            learn(&mut names, message);
        }
        if output.json {
            output.json_line(&ItemJson::new(item, (&names).into()))?;
        } else {
            output.line(&text(item, &names))?;
        }
    }
    Ok(messages)
}

/// Interfaces have the names that the messages themselves give them: this machine's are of no use here.
fn learn(names: &mut InterfaceNames, message: &Message) {
    if let Some(Notice::Link(_, link)) = &message.meaning {
        if !link.name.is_empty() {
            names.insert(link.index, &link.name);
        }
    }
    for (_, addr) in &message.addrs {
        let Addr::Link { name, index, .. } = addr else { continue };
        if let Some(index) = IfIndex::new(*index).filter(|_| !name.is_empty()) {
            names.insert(index, name);
        }
    }
}

/// A line for a person: the type, who asked, and what it means.
fn text(item: &Item, names: &InterfaceNames) -> String {
    let message = match item {
        Item::Message(message) => message,
        Item::Malformed { why, offset } => return format!("malformed at byte {offset}: {why}"),
        _ => return "malformed".to_owned(),
    };
    let mut line = message.kind.clone();
    for (word, value) in [("pid", message.pid), ("seq", message.seq), ("errno", message.errno)] {
        if let Some(value) = value.filter(|&value| value != 0) {
            line += &format!(" {word} {value}");
        }
    }
    if !message.flags.is_empty() {
        line += &format!(" <{}>", message.flags.join(","));
    }
    if let Some(meaning) = message.meaning.as_ref().and_then(|meaning| meant(meaning, names)) {
        line += &format!(" {meaning}");
    } else {
        line.extend(message.addrs.iter().map(|(axis, addr)| format!(" {axis} {}", shown(addr))));
    }
    if let Some(fault) = &message.fault {
        line += &format!(" ({fault})");
    }
    line
}

fn meant(meaning: &Notice, names: &InterfaceNames) -> Option<String> {
    Some(match meaning {
        Notice::Route(_, route) => route.with_names(names).to_string(),
        Notice::Losing(route) => route.with_names(names).to_string(),
        Notice::Rule(_, rule) => rule.to_string(),
        Notice::Link(_, link) => link.with_names(names).to_string(),
        Notice::Address(_, address) => address.with_names(names).to_string(),
        Notice::Neighbour(_, neighbour) => neighbour.with_names(names).to_string(),
        Notice::NextHop(_, object) => object.with_names(names).to_string(),
        Notice::Miss(miss) => format!("no route to {}", miss.destination),
        Notice::Redirect(redirect) => format!("{} via {}", redirect.destination, redirect.gateway),
        _ => return None,
    })
}

fn shown(addr: &Addr) -> String {
    match addr {
        Addr::Text(text) => text.clone(),
        Addr::Link { name, index, .. } if name.is_empty() => format!("if{index}"),
        Addr::Link { name, .. } => name.clone(),
        Addr::Unknown(family, _) => format!("family {family}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RTM_DELETE of NetBSD, which the kernel did by itself, and then a message that claims more bytes than there are.
    fn bytes() -> Vec<u8> {
        let mut bytes = vec![0; 160];
        bytes[..16].copy_from_slice(&[160, 0, 4, 2, 0, 0, 0, 0, 0x45, 4, 4, 0, 3, 0, 0, 0]);
        bytes[120..128].copy_from_slice(&[16, 2, 0, 0, 10, 0, 0, 7]);
        bytes[136..142].copy_from_slice(&[20, 18, 2, 0, 6, 4]);
        bytes[144..148].copy_from_slice(b"shm0");
        bytes.extend([200, 0, 4, 1]);
        bytes
    }

    fn printed(decoder: Decoder) -> (Vec<String>, Vec<String>) {
        let items = decoder.big_endian(false).items(&bytes());
        let mut names = InterfaceNames::default();
        let mut printed = (Vec::new(), Vec::new());
        for item in &items {
            if let Item::Message(message) = item {
                learn(&mut names, message);
            }
            printed.0.push(text(item, &names));
            printed.1.push(serde_json::to_string(&ItemJson::new(item, (&names).into())).unwrap());
        }
        printed
    }

    #[test]
    fn a_message_is_printed_with_the_names_that_it_gives_and_the_rest_goes_on() {
        let (text, json) = printed(Decoder::named("netbsd").unwrap());
        assert_eq!(
            text,
            [
                "RTM_DELETE <UP,HOST,DONE,LLDATA,LOCAL> local 10.0.0.7 dev shm0 table 0 proto kernel scope host up",
                "malformed at byte 160: expected the 200 bytes that the message says it has, found 4",
            ]
        );
        assert_eq!(
            json,
            [
                concat!(
                    r#"{"type":"RTM_DELETE","version":4,"seq":0,"pid":0,"errno":0,"#,
                    r#""flags":["UP","HOST","DONE","LLDATA","LOCAL"],"index":0,"#,
                    r#""addrs":{"dst":"10.0.0.7","gateway":{"name":"shm0","index":2}},"metrics":{},"#,
                    r#""route":{"type":"local","dst":"10.0.0.7","dev":"shm0","table":"0","protocol":"kernel","#,
                    r#""scope":"host","flags":["up"]},"trailing":0}"#
                ),
                r#"{"malformed":"expected the 200 bytes that the message says it has, found 4","offset":160}"#,
            ]
        );
    }

    #[test]
    fn another_systems_decoder_reads_no_message_in_it() {
        let (_, json) = printed(Decoder::named("freebsd").unwrap());
        assert!(json.iter().all(|line| line.starts_with(r#"{"malformed""#)), "{json:?}");
    }
}
