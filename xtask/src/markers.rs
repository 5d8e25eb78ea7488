//! Replacing the generated parts of a document.
//!
//! A part starts with a line `<!-- KIND:NAME -->` and ends with a line `<!-- /KIND -->`. What stands between is
//! generated; everything else is written by hand and left as it is.

use std::collections::BTreeMap;

/// The generated parts, by name.
pub(crate) type Parts = BTreeMap<String, String>;

/// The parts that `text` has, without the blank lines around them.
///
/// # Errors
/// A part that does not end, starts in another, or stands there twice.
pub(crate) fn parts(kind: &str, text: &str) -> Result<Parts, String> {
    let mut parts = Parts::new();
    let mut open: Option<(String, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (mark(kind, line), &mut open) {
            (Some(Mark::Start(name)), None) => open = Some((name.to_owned(), String::new())),
            (Some(Mark::Start(_)), Some((name, _))) => return Err(format!("line {number}: {kind}:{name} has no end yet")),
            (Some(Mark::End), None) => return Err(format!("line {number}: an end without a start")),
            (Some(Mark::End), Some((name, body))) => {
                if parts.insert(std::mem::take(name), body.trim().to_owned()).is_some() {
                    return Err(format!("line {number}: a second part of that name ends here"));
                }
                open = None;
            }
            (None, Some((_, body))) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    match open {
        Some((name, _)) => Err(format!("{kind}:{name} has no end")),
        None => Ok(parts),
    }
}

/// `text` with its parts replaced by those of the same name in `new`.
///
/// # Errors
/// As [`parts`]; and a part on one side that the other does not have, so that neither a table left to rot nor a
/// measurement thrown away goes unseen.
pub(crate) fn replace(kind: &str, text: &str, new: &Parts) -> Result<String, String> {
    let old = parts(kind, text)?;
    if let Some(name) = old.keys().find(|name| !new.contains_key(*name)) {
        return Err(format!("nothing was generated for {kind}:{name}"));
    }
    if let Some(name) = new.keys().find(|name| !old.contains_key(*name)) {
        return Err(format!("the document has no place for {kind}:{name}"));
    }
    let mut result = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.lines() {
        let mark = mark(kind, line);
        inside &= !matches!(mark, Some(Mark::End));
        if inside {
            continue;
        }
        result.push_str(line);
        result.push('\n');
        if let Some(Mark::Start(name)) = mark {
            inside = true;
            let body = new.get(name).map_or("", |body| body.trim());
            result.push_str(&format!("\n{body}\n\n"));
        }
    }
    Ok(result)
}

enum Mark<'a> {
    Start(&'a str),
    End,
}

fn mark<'a>(kind: &str, line: &'a str) -> Option<Mark<'a>> {
    let inner = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    if inner.strip_prefix('/') == Some(kind) {
        return Some(Mark::End);
    }
    inner.strip_prefix(kind)?.strip_prefix(':').map(Mark::Start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Speed\n<!-- bench:dump -->\nold\n<!-- /bench -->\nbetween\n<!-- bench:get -->\n<!-- /bench -->\n";

    fn of(list: &[(&str, &str)]) -> Parts {
        list.iter().map(|(name, body)| ((*name).to_owned(), (*body).to_owned())).collect()
    }

    #[test]
    fn only_the_parts_change() {
        let new = of(&[("dump", "| a |\n|---|"), ("get", "| b |")]);
        let text = replace("bench", TEXT, &new).expect("well-formed");
        let wanted = "# Speed\n<!-- bench:dump -->\n\n| a |\n|---|\n\n<!-- /bench -->\nbetween\n\
                      <!-- bench:get -->\n\n| b |\n\n<!-- /bench -->\n";
        assert_eq!(text, wanted);
        assert_eq!(parts("bench", &text), Ok(new));
    }

    #[test]
    fn replacing_twice_changes_nothing_more() {
        let new = of(&[("dump", "x"), ("get", "y")]);
        let once = replace("bench", TEXT, &new).expect("well-formed");
        assert_eq!(replace("bench", &once, &new), Ok(once));
    }

    #[test]
    fn a_part_on_one_side_only_is_refused() {
        assert!(replace("bench", TEXT, &of(&[("dump", "x")])).is_err());
        assert!(replace("bench", TEXT, &of(&[("dump", "x"), ("get", "y"), ("set", "z")])).is_err());
    }

    #[test]
    fn a_part_of_another_kind_is_left_alone() {
        let text = "<!-- other:dump -->\nkept\n<!-- /other -->\n";
        assert_eq!(replace("bench", text, &Parts::new()), Ok(text.to_owned()));
    }

    #[test]
    fn a_part_that_does_not_end_is_refused() {
        assert!(parts("bench", "<!-- bench:a -->\n").is_err());
        assert!(parts("bench", "<!-- bench:a -->\n<!-- bench:b -->\n<!-- /bench -->\n").is_err());
        assert!(parts("bench", "<!-- /bench -->\n").is_err());
        assert!(parts("bench", &TEXT.replace("get", "dump")).is_err());
    }
}
