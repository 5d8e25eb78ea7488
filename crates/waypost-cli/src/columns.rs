//! Routes aligned and coloured for a person at a terminal.

use std::io;

use crate::output::Output;

/// No column is made wider than this; a longer cell just pushes its line's rest to the right.
const WIDEST: usize = 45;

/// One line in cells: the destination with its type, the gateway, the interface, and the rest; then next hops on lines of their own.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    cells: [String; 4],
    more: Vec<String>,
}

/// How many lines are aligned together: more than a screen has, and few enough that the first come at once.
const TOGETHER: usize = 1000;

/// Lines of routes, kept until enough are there to see how wide the columns are.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    rows: Vec<Row>,
    widths: [usize; 3],
}

impl Columns {
    /// Adds a route as `ip route` prints it, next hops of a multipath route on lines of their own.
    pub(crate) fn push(&mut self, text: &str, output: &mut Output) -> io::Result<()> {
        let mut lines = text.lines();
        let cells = cells(lines.next().unwrap_or_default());
        self.rows.push(Row { cells, more: lines.map(str::to_owned).collect() });
        if self.rows.len() == TOGETHER { self.print(output) } else { Ok(()) }
    }

    /// Prints the lines that are there, aligned; columns never get narrower.
    pub(crate) fn print(&mut self, output: &mut Output) -> io::Result<()> {
        for (at, width) in self.widths.iter_mut().enumerate() {
            let cells = self.rows.iter().map(|row| row.cells[at].chars().count());
            *width = cells.filter(|width| *width <= WIDEST).max().unwrap_or(0).max(*width);
        }
        for row in self.rows.drain(..) {
            let line = row.aligned(&self.widths);
            output.line(&line)?;
            row.more.iter().try_for_each(|line| output.line(line))?;
        }
        Ok(())
    }
}

impl Row {
    fn aligned(&self, widths: &[usize; 3]) -> String {
        let mut line = String::new();
        for (at, cell) in self.cells.iter().enumerate() {
            line.push_str(cell);
            let Some(width) = widths.get(at).filter(|width| **width > 0) else { continue };
            let padding = width.saturating_sub(cell.chars().count()) + 1;
            line.extend(std::iter::repeat_n(' ', padding));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The cells of one line.
fn cells(line: &str) -> [String; 4] {
    let mut cells: [Vec<&str>; 4] = Default::default();
    let mut at = 0;
    let mut words = line.split(' ').peekable();
    while let Some(word) = words.next() {
        match word {
            "via" if at == 0 => at = 1,
            "dev" if at < 2 => at = 2,
            _ => {}
        }
        cells[at].push(word);
        if at == 2 && word != "dev" {
            at = 3;
        }
        // What stands between destination and gateway (nhid, tos, encap) stays with the destination; what follows a
        // destination that has neither gateway nor interface is the rest.
        if at == 0 && words.peek().is_some_and(|next| matches!(*next, "table" | "proto" | "scope" | "src" | "metric")) {
            at = 3;
        }
        if at == 1 && words.peek().is_some_and(|next| !matches!(*next, "dev" | "inet" | "inet6" | "zone")) && cells[1].len() >= 2
        {
            let family = matches!(cells[1].last(), Some(&"inet" | &"inet6" | &"zone"));
            at = if family { 1 } else { 3 };
        }
    }
    cells.map(|words| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_its_columns_begin() {
        let cut = |line: &str| cells(line).map(|cell| cell.trim().to_owned());
        assert_eq!(cut("default via 10.0.0.1 dev eth0 proto static"), ["default", "via 10.0.0.1", "dev eth0", "proto static"]);
        assert_eq!(cut("10.0.0.0/8 dev eth0 scope link"), ["10.0.0.0/8", "", "dev eth0", "scope link"]);
        assert_eq!(cut("blackhole 10.9.0.0/16"), ["blackhole 10.9.0.0/16", "", "", ""]);
        assert_eq!(cut("blackhole 10.9.0.0/16 proto static"), ["blackhole 10.9.0.0/16", "", "", "proto static"]);
        assert_eq!(cut("10.2.0.0/16 via inet6 fe80::1 dev eth0"), ["10.2.0.0/16", "via inet6 fe80::1", "dev eth0", ""]);
        assert_eq!(cut("10.2.0.0/16 via 10.0.0.1 metric 5"), ["10.2.0.0/16", "via 10.0.0.1", "", "metric 5"]);
        assert_eq!(cut("10.2.0.0/16 proto static metric 5"), ["10.2.0.0/16", "", "", "proto static metric 5"]);
    }

    #[test]
    fn nothing_of_a_line_is_lost() {
        for line in [
            "10.3.0.0/16 nhid 7 via 10.0.0.1 dev eth0 proto bgp",
            "default dev tun0",
            "10.4.0.0/16 tos 0x10 via 10.0.0.1 dev eth0 onlink",
        ] {
            let all = cells(line).iter().filter(|cell| !cell.is_empty()).cloned().collect::<Vec<_>>().join(" ");
            assert_eq!(all, line);
        }
    }

    #[test]
    fn columns_begin_below_each_other() {
        let rows = ["default via 10.0.0.1 dev eth0 proto static", "10.100.0.0/16 dev w0 scope link", "blackhole 10.9.0.0/16"];
        let rows = rows.map(|line| Row { cells: cells(line), more: Vec::new() });
        let lines = rows.map(|row| row.aligned(&[13, 12, 8]));
        assert_eq!(lines[0], "default       via 10.0.0.1 dev eth0 proto static");
        assert_eq!(lines[1], "10.100.0.0/16              dev w0   scope link");
        assert_eq!(lines[2], "blackhole 10.9.0.0/16");
    }
}
