//! Tables in Markdown, between the marks that docs/performance.md has.

use std::fmt::{self, Write};

/// A table, whose first column is text and whose others are numbers.
#[derive(Debug)]
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new(heads: &[&str]) -> Self {
        Self(vec![heads.iter().map(|head| (*head).to_owned()).collect()])
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.0.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| self.0.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (number, row) in self.0.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                if column == 0 { write!(f, "| {cell:<width$} ")? } else { write!(f, "| {cell:>width$} ")? }
            }
            f.write_str("|\n")?;
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let colon = if column == 0 { '-' } else { ':' };
                    write!(f, "|{}{colon}", "-".repeat(width + 1))?;
                }
                f.write_str("|\n")?;
            }
        }
        Ok(())
    }
}

/// What is to be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// A sentence on whether `value` is where it is to be.
pub(crate) fn goal(what: &str, value: Option<f64>, bound: Bound, digits: usize, unit: &str) -> String {
    let (words, limit, is_met) = match bound {
        Bound::AtMost(limit) => ("at most", limit, value.is_some_and(|value| value <= limit)),
        Bound::AtLeast(limit) => ("at least", limit, value.is_some_and(|value| value >= limit)),
    };
    let verdict = if is_met { "met" } else { "**missed**" };
    format!("- {what}: {} ({words} {limit}{unit}: {verdict})\n", number(value, digits, unit))
}

/// A number as text.
pub(crate) fn number(value: Option<f64>, digits: usize, unit: &str) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}{unit}"))
}

/// `body` between marks.
pub(crate) fn marked(name: &str, body: &str) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(text, "<!-- bench:{name} -->\n\n{}\n\n<!-- /bench -->\n", body.trim());
    text
}
