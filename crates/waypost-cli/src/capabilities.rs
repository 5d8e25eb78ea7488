//! `waypost capabilities`: tells what this system's routing can do.

use std::io::Write;

use waypost::Capabilities;

use crate::failure::Failure;
use crate::invocation::Invocation;

pub(crate) fn run(invocation: &mut Invocation, as_markdown: bool) -> Result<(), Failure> {
    let routes = invocation.routes()?;
    let capabilities = routes.capabilities();
    let output = &mut invocation.output;
    if output.json {
        return Ok(output.json_line(capabilities)?);
    }
    if as_markdown {
        return Ok(output.to.write_all(markdown(capabilities).as_bytes())?);
    }
    let rows = capabilities.rows();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    writeln!(output.to, "{:width$}  {}", "system", capabilities.system)?;
    Ok(rows.iter().try_for_each(|(name, value)| writeln!(output.to, "{name:width$}  {value}"))?)
}

/// The rows as a table for a document: of this system, and of the others as far as they are known here.
fn markdown(native: &Capabilities) -> String {
    let others = waypost::decode::capabilities_of_all();
    let systems: Vec<_> = std::iter::once(native).chain(others.iter().filter(|other| other.system != native.system)).collect();
    let mut table = String::from("| capability |");
    systems.iter().for_each(|system| table.extend([" ", system.system, " |"]));
    table += "\n|---|";
    table += &"---|".repeat(systems.len());
    table += "\n";
    let columns: Vec<_> = systems.iter().map(|system| system.rows()).collect();
    for (at, (name, _)) in native.rows().iter().enumerate() {
        table.extend(["| ", name, " |"]);
        columns.iter().filter_map(|rows| rows.get(at)).for_each(|(_, value)| table.extend([" ", value.as_str(), " |"]));
        table += "\n";
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_capability_and_a_column_for_each_system() {
        let capabilities = Capabilities::least("Nowhere");
        let table = markdown(&capabilities);
        assert!(
            table.starts_with("| capability | Nowhere | FreeBSD | NetBSD | OpenBSD | DragonFly | macOS | illumos |\n"),
            "{table}"
        );
        assert_eq!(table.lines().count(), capabilities.rows().len() + 2);
        assert!(table.lines().all(|line| line.matches('|').count() == 9), "{table}");
    }
}
