//! Just enough of Rust's grammar to tell code from comments and literals.

/// A file of Rust, as the rules see it. All views have the offsets of the file.
#[derive(Debug)]
pub(super) struct Code {
    /// Comments and the inside of literals are blank.
    code: String,
    /// Comments are blank; literals are there.
    with_literals: String,
}

impl Code {
    /// Reads `text`; what does not parse is taken as code.
    pub(super) fn of(text: &str) -> Self {
        let mut code = text.as_bytes().to_vec();
        let mut with_literals = code.clone();
        for (piece, start, end) in pieces(text) {
            blank(&mut code, start, end);
            if piece == Piece::Comment {
                blank(&mut with_literals, start, end);
            }
        }
        let view = |bytes| String::from_utf8(bytes).unwrap_or_default();
        Self { code: view(code), with_literals: view(with_literals) }
    }

    /// The code without comments and literals.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// Where `wanted` stands in the code as a word, or as words with signs between.
    pub(super) fn find<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = usize> + 'a {
        words(&self.code, wanted)
    }

    /// Of the bracket that opens at or after `offset`: what it holds up to its partner, literals included.
    pub(super) fn bracket(&self, offset: usize) -> Option<&str> {
        let mut depth = 0_usize;
        let mut start = None;
        for (index, byte) in self.code.bytes().enumerate().skip(offset) {
            match byte {
                b'(' | b'[' | b'{' => {
                    depth += 1;
                    start = start.or(Some(index + 1));
                }
                b')' | b']' | b'}' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return self.with_literals.get(start?..index);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The line of `offset`, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        1 + self.code.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }
}

/// Where `wanted` stands in `text` and is no part of a longer word.
pub(super) fn words<'a>(text: &'a str, wanted: &'a str) -> impl Iterator<Item = usize> + 'a {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(wanted).map(|(at, _)| at).filter(move |&at| {
        let before = text.get(..at).and_then(|rest| rest.chars().next_back());
        let after = text.get(at + wanted.len()..).and_then(|rest| rest.chars().next());
        let starts = !wanted.starts_with(inside) || !before.is_some_and(inside);
        let ends = !wanted.ends_with(inside) || !after.is_some_and(inside);
        starts && ends
    })
}

/// What is not code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece {
    Comment,
    Literal,
}

/// The comments and the inside of literals: what it is, where it starts and where it ends.
fn pieces(text: &str) -> Vec<(Piece, usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (skip, length) = if rest.starts_with("//") {
            found.push((Piece::Comment, at, at + line_comment(rest)));
            (0, line_comment(rest))
        } else if rest.starts_with("/*") {
            found.push((Piece::Comment, at, at + block_comment(rest)));
            (0, block_comment(rest))
        } else if let Some((open, inside)) = literal(rest, text.get(..at).and_then(|before| before.chars().next_back())) {
            found.push((Piece::Literal, at + open, at + open + inside));
            // The closing quote goes with the literal, or it would open the next.
            (open + 1, inside)
        } else {
            (0, rest.chars().next().map_or(1, char::len_utf8))
        };
        at += skip + length;
    }
    found
}

fn line_comment(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of what opens a literal here, and of its inside; none if no literal starts here.
fn literal(rest: &str, before: Option<char>) -> Option<(usize, usize)> {
    if rest.starts_with('"') {
        return Some((1, quoted(rest.get(1..)?, '"')));
    }
    if rest.starts_with('\'') {
        return character(rest.get(1..)?).map(|inside| (1, inside));
    }
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    // r"…", r#"…"#, br"…", cr"…": nothing is escaped in them.
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix).unwrap_or_default();
        after.trim_start_matches('#').starts_with('"')
    })?;
    let hashes = rest.get(prefix.len()..)?.find('"')?;
    let open = prefix.len() + hashes + 1;
    let inside = rest.get(open..)?;
    Some((open, inside.find(&format!("\"{}", "#".repeat(hashes))).unwrap_or(inside.len())))
}

/// The length of what stands before the quote that ends it.
fn quoted(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at;
        }
    }
    inside.len()
}

/// The length of a character's inside; none for a lifetime.
fn character(inside: &str) -> Option<usize> {
    let first = inside.chars().next()?;
    if first == '\\' {
        return Some(quoted(inside, '\''));
    }
    inside.get(first.len_utf8()..)?.starts_with('\'').then_some(first.len_utf8())
}

fn blank(bytes: &mut [u8], start: usize, end: usize) {
    for byte in bytes.iter_mut().take(end).skip(start).filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn code_of(text: &str, wanted: &str) {
        let code = Code::of(text);
        assert_eq!(code.code().split_whitespace().collect::<Vec<_>>().join(" "), wanted, "{text}");
        assert_eq!(code.code().len(), text.len());
    }

    #[test]
    fn comments_and_literals_are_blank() {
        code_of("a // b\nc", "a c");
        code_of("a /* b /* c */ d */ e", "a e");
        code_of("/// doc \"quote\nf(\"x // y\") // z", "f(\" \")");
        code_of(r#"f("a\"b", 'c', '\'', b'"', "é")"#, r#"f(" ", ' ', ' ', b' ', " ")"#);
        code_of("f(r#\"a\"b\"#, br\"\\\", r##\"\"#\"##) g", "f(r#\" \"#, br\" \", r##\" \"##) g");
    }

    #[test]
    fn a_lifetime_opens_no_literal() {
        code_of("fn f<'a>(x: &'a str) -> &'static str { 'l: loop {} }", "fn f<'a>(x: &'a str) -> &'static str { 'l: loop {} }");
    }

    #[test]
    fn an_identifier_that_ends_in_r_opens_no_raw_literal() {
        code_of("for\"a\" var#\"b\"", "for\" \" var#\" \"");
    }

    #[test]
    fn a_literal_or_comment_may_be_cut() {
        code_of("a \"b", "a \"");
        code_of("a /* b", "a");
        code_of("a r#\"b", "a r#\"");
        code_of("a '\\", "a '");
    }

    #[test]
    fn a_word_is_found_whole_and_with_its_line() {
        let code = Code::of("unsafe_code\n// unsafe\n\"unsafe\"\nunsafe {");
        let lines: Vec<usize> = code.find("unsafe").map(|at| code.line(at)).collect();
        assert_eq!(lines, [4]);
    }

    #[test]
    fn a_bracket_is_read_to_its_partner() {
        let code = Code::of("#[cfg(all(a, b = \")\"), /* ) */ c)] d");
        let inside = code.bracket(5).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(inside.as_deref(), Some("all(a, b = \")\"), c"));
        assert_eq!(Code::of("f(a").bracket(0), None);
    }
}
