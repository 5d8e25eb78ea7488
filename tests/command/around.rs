//! The surroundings of the command: pipes, terminals, namespaces, shells, manual pages.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;
use waypost_tests::take_interrupts;

pub(super) fn a_reader_that_goes_away_is_no_error() {
    rich_table();
    let (reader, writer) = UnixStream::pair().expect("a pair of sockets");
    drop(reader);
    let output = command("show table all").stdout(OwnedFd::from(writer)).stderr(Stdio::piped()).output().expect("it starts");
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success());
}

pub(super) fn another_namespace_is_looked_into() {
    veth_with_addresses("w0", "w1");
    ip("netns add blue");
    ip("-n blue link set lo up");
    ip("-n blue route add blackhole 10.77.0.0/16");
    assert_eq!(waypost("--netns blue -4 show"), "blackhole 10.77.0.0/16\n");
    assert_eq!(waypost("-4 show --netns /run/netns/blue"), "blackhole 10.77.0.0/16\n");
    waypost("add 10.78.0.0/16 dev lo --netns blue");
    assert_eq!(ip("route show exact 10.78.0.0/16"), "");
}

/// What the command prints at a terminal of its own, and how it ends. Standard error is none: what takes long would be told there.
fn at_a_terminal(mut command: Command) -> (Vec<u8>, ExitStatus) {
    let terminal = openpty(None, None).expect("a terminal");
    let mut child = command.stdout(Stdio::from(terminal.slave)).stderr(Stdio::null()).spawn().expect("it starts");
    // Ours goes, so that the terminal ends with the command.
    drop(command);
    let mut told = Vec::new();
    // Linux ends what is read of a terminal that nobody holds with EIO (`tty_read` and pty(7)).
    match File::from(terminal.master).read_to_end(&mut told) {
        Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => {}
        read => drop(read.expect("it is read")),
    }
    (told, child.wait().expect("it ends"))
}

/// The command, wherever this test itself runs.
fn watched(words: &str) -> Command {
    let mut command = command(words);
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    command
}

pub(super) fn a_terminal_gets_columns_and_colours() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.100.0.0/16 via 10.0.0.2");
    ip("route add blackhole 10.3.0.0/16");
    let (told, status) = at_a_terminal(watched("-4 show"));
    assert!(status.success());
    assert_eq!(
        text(&told).replace("\r\n", "\n"),
        "\x1b[35m10.0.0.0/24\x1b[0m                        dev \x1b[36mw0\x1b[0m proto kernel scope link src \x1b[35m10.0.0.1\x1b[0m\n\
         \x1b[31mblackhole\x1b[0m \x1b[35m10.3.0.0/16\x1b[0m\n\
         \x1b[35m10.100.0.0/16\x1b[0m         via \x1b[35m10.0.0.2\x1b[0m dev \x1b[36mw0\x1b[0m\n"
    );
    for words in ["--color never -4 show", "--json show"] {
        assert!(!at_a_terminal(watched(words)).0.contains(&0x1b), "{words}");
    }
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut plain = watched("-4 show");
        plain.env(name, value);
        assert!(!at_a_terminal(plain).0.contains(&0x1b), "{name}={value}");
    }
    let said = |words: &str| text(&at_a_terminal(watched(words)).0);
    assert_eq!(said("--color never ensure 10.5.0.0/16 dev w0"), "Added 10.5.0.0/16 dev w0\r\n");
    assert_eq!(said("--color never del 10.5.0.0/16"), "Deleted 10.5.0.0/16 dev w0 scope link\r\n");
    assert_eq!(said("--color never flush root 10.0.0.0/8 proto boot"), "Deleted 2 routes\r\n");
    assert_eq!(said("--json ensure 10.5.0.0/16 dev w0"), "");
    assert_eq!(said("--quiet ensure 10.5.0.0/16 dev w0"), "");
    assert_eq!(waypost("ensure 10.5.0.0/16 dev w0"), "", "nobody looks");
}

pub(super) fn an_interrupt_ends_it_quietly() {
    take_interrupts();
    veth_with_addresses("w0", "w1");
    let mut monitor = command("--json monitor").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut first = String::new();
    BufReader::new(monitor.stdout.as_mut().expect("a pipe")).read_line(&mut first).expect("text");
    assert!(first.contains("synchronised"), "{first}");
    kill(Pid::from_raw(i32::try_from(monitor.id()).expect("a process id")), Signal::SIGINT).expect("it is there");
    let output = monitor.wait_with_output().expect("it ends");
    assert_eq!(output.status.signal(), Some(Signal::SIGINT as i32), "a shell sees what ended it");
    assert_eq!(text(&output.stderr), "");
}

/// Has a shell do something with what the command prints for it; nothing where there is no such shell.
fn shell(name: &str, arguments: &[&str], script: &str) -> Option<String> {
    let path = std::env::join_paths(
        program().parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&std::env::var_os("PATH")?)),
    );
    let output = Command::new(name).args(arguments).arg("-c").arg(script).env("PATH", path.expect("a path")).output().ok()?;
    assert!(output.status.success() && output.stderr.is_empty(), "{name}: {}", text(&output.stderr));
    Some(text(&output.stdout))
}

pub(super) fn shells_complete_what_is_typed() {
    let bash = shell(
        "bash",
        &["--norc"],
        r#"source <(waypost completions bash)
        complete() { COMP_WORDS=(waypost "$@"); COMP_CWORD=$#; _waypost waypost "${!#}" "${COMP_WORDS[-2]}"; echo "${COMPREPLY[*]}"; }
        complete sh; complete monitor ro; complete --color ''; complete show --js"#,
    );
    assert_eq!(bash.expect("bash is there"), "show\nroutes\nauto always never\n--json\n");
    // These two are not everywhere.
    let fish = shell(
        "fish",
        &["--no-config"],
        "waypost completions fish | source; for line in 'sh' 'monitor rou' 'show --color a'; complete -C \"waypost $line\"; end",
    );
    let first_words =
        |text: String| text.lines().map(|line| line.split('\t').next().unwrap_or("").to_owned()).collect::<Vec<_>>();
    assert!(fish.is_none_or(|told| first_words(told) == ["show", "routes", "always", "auto"]));
    let zsh = shell(
        "zsh",
        &["-f"],
        "autoload -U compinit && compinit -D -u && source <(waypost completions zsh) && print $_comps[waypost] && whence -w _waypost",
    );
    assert!(zsh.is_none_or(|told| told == "_waypost\n_waypost: function\n"));
}

pub(super) fn manual_pages_are_rendered() {
    let pages = std::env::temp_dir().join(format!("waypost-man-{}", std::process::id()));
    waypost(&format!("man {}", pages.display()));
    let mut names: Vec<_> = fs::read_dir(&pages).expect("a directory").map(|page| page.expect("a page").path()).collect();
    names.sort();
    let verbs = waypost("help").lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).count();
    assert!(names.len() > 20 && verbs > 20, "{names:?}");
    for page in &names {
        let Ok(rendered) = Command::new("man").args(["--warnings", "-l"]).arg(page).env("MANPAGER", "cat").output() else {
            cannot_run("there is no man here");
        };
        assert!(rendered.status.success() && rendered.stderr.is_empty(), "{page:?}: {}", text(&rendered.stderr));
        let name = page.file_stem().expect("a name").to_string_lossy().into_owned();
        let told = text(&rendered.stdout);
        assert!(told.contains("NAME") && told.contains(&name), "{name}: {told}");
    }
    fs::remove_dir_all(&pages).expect("it goes");
}
