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

/// The rows as a table for a document.
fn markdown(capabilities: &Capabilities) -> String {
    let mut table = format!("| capability | {} |\n|---|---|\n", capabilities.system);
    for (name, value) in capabilities.rows() {
        table.extend(["| ", name, " | ", &value, " |\n"]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_capability() {
        let capabilities = Capabilities::least("Nowhere");
        let table = markdown(&capabilities);
        assert!(table.starts_with("| capability | Nowhere |\n|---|---|\n| main table | 0 |\n"), "{table}");
        assert_eq!(table.lines().count(), capabilities.rows().len() + 2);
    }

    #[test]
    fn the_platform_document_has_what_the_command_prints() {
        let routes = waypost::Routes::open().unwrap();
        let document = include_str!("../../../docs/PLATFORMS.md");
        let part = document.split("<!-- capabilities -->\n").nth(1).and_then(|rest| rest.split("<!-- /capabilities -->").next());
        let wanted = markdown(routes.capabilities());
        assert_eq!(part, Some(wanted.as_str()), "put what `waypost capabilities --markdown` prints into docs/PLATFORMS.md");
    }
}
