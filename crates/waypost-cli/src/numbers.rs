//! The names that the administrator has given to tables, protocols and other numbers, where `ip` looks for them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use waypost::{InterfaceNames, Names, NumberKind, NumberNames};

use crate::failure::complain;

/// The administrator's own names.
const OWN: &str = "/etc/iproute2";

/// What comes with iproute2: `CONF_USR_DIR` was the second in its versions 6.5 and 6.6, and is the first since.
const PACKAGED: [&str; 2] = ["/usr/share/iproute2", "/usr/lib/iproute2"];

/// The files by what they name; `lib/rt_names.c` in iproute2 (6.15).
const FILES: [(&str, NumberKind); 7] = [
    ("rt_tables", NumberKind::Table),
    ("rt_protos", NumberKind::Protocol),
    ("rt_scopes", NumberKind::Scope),
    ("rt_realms", NumberKind::Realm),
    ("rt_dsfield", NumberKind::TypeOfService),
    ("group", NumberKind::Group),
    ("rt_addrprotos", NumberKind::AddressProtocol),
];

/// These names beside those of interfaces.
pub(crate) fn with(interfaces: &InterfaceNames) -> Names<'_> {
    static NUMBERS: LazyLock<NumberNames> = LazyLock::new(|| {
        let packaged: Vec<_> = PACKAGED.iter().map(Path::new).collect();
        read(Path::new(OWN), &packaged)
    });
    Names::new(interfaces, &NUMBERS)
}

/// Reads all files: the administrator's in the place of the packaged ones, and what stands in directories behind them.
fn read(own: &Path, packaged: &[&Path]) -> NumberNames {
    let mut numbers = NumberNames::default();
    for (name, kind) in FILES {
        let places = std::iter::once(own).chain(packaged.iter().copied());
        // The first that is there, even if it is empty, hides the others.
        if let Some(file) = places.map(|place| place.join(name)).find(|file| file.exists()) {
            read_file(&file, kind, &mut numbers);
        }
        for file in beside(&format!("{name}.d"), own, packaged) {
            read_file(&file, kind, &mut numbers);
        }
    }
    numbers
}

/// The files of a directory that exists in several places, in the order in which they are read: the administrator's last, and in the
/// place of a packaged one of that name.
fn beside(directory: &str, own: &Path, packaged: &[&Path]) -> Vec<PathBuf> {
    let own = files(&own.join(directory));
    let taken: BTreeSet<OsString> = own.iter().filter_map(|file| file.file_name()).map(ToOwned::to_owned).collect();
    let is_free = |file: &PathBuf| file.file_name().is_none_or(|name| !taken.contains(name));
    let packaged = packaged.iter().map(|place| files(&place.join(directory))).find(|files| !files.is_empty());
    packaged.unwrap_or_default().into_iter().filter(is_free).chain(own).collect()
}

/// The files of a directory that `ip` reads, in the order of their names: `ip` has that in which the directory lists them.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_read = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && name.len() > ".conf".len() && name.ends_with(".conf")
    };
    let mut files: Vec<_> = entries.filter(is_read).collect();
    files.sort();
    files
}

fn read_file(file: &Path, kind: NumberKind, numbers: &mut NumberNames) {
    // A file that cannot be read names nothing, as for `ip`.
    let Ok(bytes) = fs::read(file) else { return };
    for line in String::from_utf8_lossy(&bytes).lines() {
        match entry(line) {
            Ok(None) => {}
            Ok(Some((number, name))) => numbers.insert(kind, number, name),
            Err(()) => {
                complain(&format_args!(
                    "read {}: {line:?} is no number and name: the rest of the file is left out",
                    file.display()
                ));
                return;
            }
        }
    }
}

/// What a line says: a number, decimal or hexadecimal with `0x`, and its name. What follows is a comment.
fn entry(line: &str) -> Result<Option<(u32, &str)>, ()> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace();
    let number = words.next().and_then(|word| match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    });
    match (number, words.next()) {
        (Some(number), Some(name)) => Ok(Some((number, name))),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own for a test, with these files.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let place = std::env::temp_dir().join(format!("waypost-{}-{name}", std::process::id()));
            for (file, text) in files {
                let file = place.join(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
            Self(place)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_administrators_files_come_before_the_packaged_ones() {
        let own = Place::new(
            "own",
            &[
                ("rt_tables", "# tables\n\n 100 vpn # ours\n0x65 other\n"),
                ("rt_tables.d/mesh.conf", "200 mesh\n"),
                ("rt_tables.d/README", "300 unread\n"),
                ("rt_tables.d/.conf", "301 unread\n"),
                // What cannot be read names nothing, and hides the packaged one all the same.
                ("rt_scopes/file", "7 unread\n"),
                ("rt_realms", "1 one\nno number\n2 unread\n"),
            ],
        );
        let packaged = Place::new(
            "packaged",
            &[
                ("rt_tables", "100 hidden\n102 hidden\n"),
                ("rt_protos", "77 mesh\n"),
                ("rt_scopes", "7 hidden\n"),
                ("rt_tables.d/mesh.conf", "200 hidden\n"),
                ("rt_tables.d/more.conf", "201 more\n200 overridden\n"),
            ],
        );
        let numbers = read(&own.0, &[Path::new("/nowhere"), &packaged.0]);
        let table = |number| numbers.name(NumberKind::Table, number);
        assert_eq!((table(100), table(101), table(102)), (Some("vpn"), Some("other"), None));
        assert_eq!((table(200), table(201)), (Some("mesh"), Some("more")));
        assert_eq!((table(300), table(301)), (None, None));
        assert_eq!(numbers.name(NumberKind::Protocol, 77), Some("mesh"));
        assert_eq!(numbers.name(NumberKind::Scope, 7), None);
        assert_eq!((numbers.name(NumberKind::Realm, 1), numbers.name(NumberKind::Realm, 2)), (Some("one"), None));
    }

    #[test]
    fn a_line_is_a_number_and_a_name() {
        assert_eq!(entry("0x28\tAF11"), Ok(Some((0x28, "AF11"))));
        assert_eq!(entry("  # 7 seven"), Ok(None));
        assert_eq!(entry("7 seven # why"), Ok(Some((7, "seven"))));
        for wrong in ["seven 7", "7", "0xg x", "-1 x"] {
            assert_eq!(entry(wrong), Err(()), "{wrong}");
        }
    }
}
