//! The arguments of a test program that has no harness: those of `cargo test`.

/// What the arguments ask for.
#[derive(Debug, Default)]
pub struct Wish {
    words: Vec<String>,
    unwanted: Vec<String>,
    exact: bool,
    /// The tests are only to be named.
    pub list: bool,
}

impl Wish {
    /// Reads the arguments of a program.
    #[must_use]
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut wish = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => wish.exact = true,
                "--list" => wish.list = true,
                "--skip" => wish.unwanted.extend(arguments.next()),
                // Those of `cargo test` that take a value and mean nothing here.
                "--format" | "--color" | "--test-threads" | "--logfile" | "-Z" => drop(arguments.next()),
                other if other.starts_with('-') => {}
                _ => wish.words.push(argument),
            }
        }
        wish
    }

    /// Says whether the test of this name is asked for.
    #[must_use]
    pub fn names(&self, test: &str) -> bool {
        let is = |word: &String| if self.exact { test == word } else { test.contains(word.as_str()) };
        (self.words.is_empty() || self.words.iter().any(is)) && !self.unwanted.iter().any(is)
    }
}

#[cfg(test)]
mod tests {
    use super::Wish;

    fn chosen(arguments: &str) -> Vec<&'static str> {
        let wish = Wish::read(arguments.split_whitespace().map(str::to_owned));
        ["a::add", "a::add_twice", "b::delete"].into_iter().filter(|name| wish.names(name)).collect()
    }

    #[test]
    fn words_choose_tests() {
        assert_eq!(chosen("").len(), 3);
        assert_eq!(chosen("add"), ["a::add", "a::add_twice"]);
        assert_eq!(chosen("--exact a::add"), ["a::add"]);
        assert_eq!(chosen("add --skip twice"), ["a::add"]);
        assert_eq!(chosen("--test-threads 1 --nocapture delete"), ["b::delete"]);
    }
}
