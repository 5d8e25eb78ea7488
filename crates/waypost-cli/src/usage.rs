//! What the reader of the command line says of words that make no sense, in the words of every other error.

use std::process::ExitCode;

use clap::error::{Error, ErrorKind};

use crate::failure::{Failure, Status, complain};

/// Prints help or a version where that was asked for, or else what is wrong; tells the exit status.
pub(crate) fn report(error: &Error) -> ExitCode {
    match error.kind() {
        // Whoever closes the pipe has read enough.
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return error.print().map_or_else(|error| Failure::from(error).report(), |()| ExitCode::SUCCESS);
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            complain(&"usage: a verb is missing (`waypost help` lists the verbs and their words)");
        }
        _ => complain(&format_args!("usage: {}", on_one_line(&error.render().to_string()))),
    }
    ExitCode::from(Status::Usage as u8)
}

/// What is wrong, and as a hint what stands behind it: the first paragraph and the next.
fn on_one_line(rendered: &str) -> String {
    let mut paragraphs = rendered.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    let what = match what.strip_prefix("the following required arguments were not provided: ") {
        Some(missing) => format!("{missing} is missing"),
        None => what.to_owned(),
    };
    let said = |paragraph: &String| paragraph.starts_with("tip: ") || paragraph.starts_with("Usage: ");
    match paragraphs.find(said) {
        Some(hint) => format!("{what} ({})", hint.strip_prefix("tip: ").unwrap_or(&hint)),
        None => format!("{what} (`waypost help` lists the verbs and their words)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser;

    fn said(words: &str) -> String {
        let words = std::iter::once("waypost").chain(words.split_whitespace());
        on_one_line(&Cli::try_parse_from(words).unwrap_err().render().to_string())
    }

    #[test]
    fn what_is_wrong_and_a_hint_stand_on_one_line() {
        assert_eq!(said("shwo"), "unrecognized subcommand 'shwo' (a similar subcommand exists: 'show')");
        assert_eq!(said("show --jsn"), "unexpected argument '--jsn' found (a similar argument exists: '--json')");
        assert_eq!(said("-4 -6 show"), "the argument '--ipv4' cannot be used with '--ipv6' (Usage: waypost --ipv4 <COMMAND>)");
        assert_eq!(said("get"), "<WHERE>... is missing (Usage: waypost get <WHERE>...)");
        assert_eq!(said("add -4"), "<ROUTE>... is missing (Usage: waypost add --ipv4 <ROUTE>...)");
        let colour = said("--color sometimes show");
        assert!(colour.starts_with("invalid value 'sometimes' for '--color <WHEN>' [possible values: auto, always, never] ("));
        assert!(!colour.contains('\n'), "{colour}");
    }
}
