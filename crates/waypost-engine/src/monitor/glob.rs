//! Names of interfaces by pattern.

/// Patterns of which one is enough: `*` is any text, `?` any character, all else is itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Globs(Vec<String>);

impl Globs {
    pub(super) fn extend<S: Into<String>>(&mut self, patterns: impl IntoIterator<Item = S>) {
        self.0.extend(patterns.into_iter().map(Into::into));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn fit(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern.as_bytes(), name.as_bytes()))
    }
}

/// Goes on from the last `*` where a later part does not fit: each byte is looked at once for each star before it at most.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from, mut back) = (0, 0, None);
    while let Some(byte) = name.get(from) {
        match pattern.get(at) {
            Some(b'*') => {
                back = Some((at + 1, from));
                at += 1;
            }
            Some(wanted) if wanted == byte || *wanted == b'?' => (at, from) = (at + 1, from + 1),
            _ => match back {
                Some((behind, start)) => {
                    back = Some((behind, start + 1));
                    (at, from) = (behind, start + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_others() {
        for (pattern, name, expected) in [
            ("eth*", "eth0", true),
            ("eth*", "wlan0", false),
            ("eth?", "eth0", true),
            ("eth?", "eth10", false),
            ("*", "", true),
            ("*a*b", "xaxxab", true),
            ("*a*b", "xaxxabc", false),
            ("br-*-x", "br--x-x", true),
            ("lo", "lo", true),
            ("lo", "lo0", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
