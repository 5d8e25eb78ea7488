//! Whose routes and rules are: the word of `--owner`, and of a file.

use waypost::claim::Owner;
use waypost::{InterfaceNames, OwnershipTag, Protocol};

use crate::numbers;

/// The owner of a name, `NAME=NUMBER`, or number; or else why there is none.
pub(super) fn read(word: &str, tag: OwnershipTag) -> Result<Owner, String> {
    if word == Owner::standard().name() {
        return Ok(Owner::standard());
    }
    let owner = |name: &str, number| Owner::new(name, number).map_err(|error| format!("the owner {word:?}: {}", error.reason()));
    if let Some((name, number)) = word.split_once('=') {
        let number = number.parse().map_err(|_| format!("the owner {word:?}: {number:?} is no number from 1 to 255"))?;
        return owner(name, number);
    }
    if word.is_empty() {
        return Err("the owner \"\" has no name".to_owned());
    }
    // Where routes have no number of an owner's, the name is enough.
    if matches!(tag, OwnershipTag::Flag | OwnershipTag::None) {
        return owner(word, Owner::standard().number());
    }
    let is_number = word.starts_with(|first: char| first.is_ascii_digit());
    match numbers::with(InterfaceNames::none()).read_protocol(word) {
        Ok(Protocol(number)) if is_number => owner(&format!("owner-{number}"), number),
        Ok(Protocol(number)) => owner(word, number),
        Err(_) if is_number => Err(format!("the owner {word:?} is no number from 1 to 255")),
        Err(_) => Err(format!("the owner {word:?} has no number: {word}=NUMBER gives it one, or a line in rt_protos does")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_name_a_number_or_both() {
        let number = |word: &str| read(word, OwnershipTag::Protocol).map(|owner| (owner.name().to_owned(), owner.number()));
        assert_eq!(number("waypost"), Ok(("waypost".to_owned(), 119)));
        assert_eq!(number("vpn=201"), Ok(("vpn".to_owned(), 201)));
        assert_eq!(number("201"), Ok(("owner-201".to_owned(), 201)));
        assert_eq!(read("vpn", OwnershipTag::Flag).map(|owner| owner.name().to_owned()), Ok("vpn".to_owned()));
    }

    #[test]
    fn why_a_word_is_no_owner_names_the_word() {
        for (word, why) in [
            ("256", "\"256\" is no number from 1 to 255"),
            ("-1", "has no number: -1=NUMBER"),
            ("vpn=256", "\"vpn=256\": \"256\" is no number"),
            ("vpn=", "\"vpn=\": \"\" is no number"),
            ("=201", "\"=201\": \"\" is no name"),
            ("", "\"\" has no name"),
            ("a/b=201", "\"a/b\" is no name"),
            ("nobody-knows", "\"nobody-knows\" has no number"),
            ("static", "\"static\": the number 4 is that of static"),
            ("vpn=4", "\"vpn=4\": the number 4 is that of static"),
            ("64", "\"64\": the number 64 leaves no priority"),
        ] {
            let error = read(word, OwnershipTag::Protocol).unwrap_err();
            assert!(error.contains(why) && !error.contains("Protocol"), "{word:?}: {error}");
        }
    }
}
