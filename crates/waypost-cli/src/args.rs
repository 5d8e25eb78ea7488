//! What can be said to the command.

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Show, follow and change routing tables.
///
/// Routes are written in the words of `ip route`: default via 10.0.0.1 dev eth0 metric 100.
#[derive(Parser, Debug)]
#[command(name = "waypost", version, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 done; 1 the kernel refused, or something failed; 2 usage; 3 not permitted; 4 no such route."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for every verb; it can stand before or after it.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// IPv4 only; a `default` is 0.0.0.0/0
    #[arg(short = '4', long = "ipv4", global = true, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only; a `default` is ::/0
    #[arg(short = '6', long = "ipv6", global = true)]
    pub(crate) ipv6: bool,
    /// Work in this network namespace (a name of `ip netns`, or a path)
    #[arg(long, short = 'n', global = true, value_name = "NAME")]
    pub(crate) netns: Option<String>,
    /// Print JSON, with the field names of `ip -json`
    #[arg(long, short = 'j', global = true)]
    pub(crate) json: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    pub(crate) color: When,
    /// Print nothing but errors and what was asked for
    #[arg(long, short = 'q', global = true)]
    pub(crate) quiet: bool,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// List routes (of the main table, unless a table is named)
    #[command(visible_aliases = ["list", "ls"])]
    Show {
        #[arg(
            value_name = "WHICH",
            help = "[to|root|match|exact PREFIX] [table N|all] [via ADDRESS] [dev NAME] [proto P] [type T] [scope S] [src A] [metric N]"
        )]
        words: Vec<String>,
    },
    /// Ask for the way to an address
    Get {
        #[arg(
            required = true,
            value_name = "WHERE",
            help = "ADDRESS [from A] [iif NAME] [oif NAME] [mark M] [tos T] [uid U] [ipproto P] [sport N] [dport N] [flowlabel L]"
        )]
        words: Vec<String>,
        /// Answer from the mirror, by the rules and tables, without asking the kernel
        #[arg(long)]
        local: bool,
        /// Answer from the mirror, and say of each rule and route why it was taken or passed over
        #[arg(long)]
        explain: bool,
        /// Show the matching entry of the table, not the path
        #[arg(long)]
        fibmatch: bool,
    },
    /// Follow what changes
    Monitor {
        /// Print everything that is there first
        #[arg(long)]
        initial: bool,
        #[command(flatten)]
        counted: Counted,
        /// Go on as this user once the kernel is being followed: that needs no rights
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Tell only that the network is another than before, and what that means
        #[arg(long, conflicts_with_all = ["smd", "what", "user", "stats", "metrics"])]
        summary: bool,
        /// Print the messages of libwebsockets' system message distribution
        #[arg(long, conflicts_with_all = ["initial", "what", "user", "stats", "metrics"])]
        smd: bool,
        /// What to follow: all but neighbours, unless something is named
        #[arg(value_enum)]
        what: Vec<Watched>,
    },
    /// Prove that what is known is what the kernel has, and look it over for what is wrong
    #[command(after_help = "Exit status: 0 where nothing is wrong, notes apart; 1 where anything is.")]
    Check,
    /// List the TCP and UDP sockets, each with the route that its packets take, or why they have none
    ///
    /// Without CAP_NET_ADMIN the kernel does not tell the marks of sockets: one that a rule sends elsewhere by its mark is shown as if it had none.
    #[command(visible_alias = "connections")]
    Conns {
        /// Go on, and tell of those that a change hits: whose route or source goes, who leaves another way
        ///
        /// Changes of the tables are told at once. Sockets are listed again each second: one that is younger is told, and with --close ended, up to a
        /// second later.
        #[arg(long)]
        watch: bool,
        /// End those whose packets go nowhere, as there is no route or their source is no address of this host any more
        #[arg(long)]
        close: bool,
    },
    /// Ask whether the internet is behind each interface that is up, or a portal that wants to be visited first
    ///
    /// Pages whose answer is known are fetched through each interface, bound to it: whoever else answers is a portal.
    #[command(
        after_help = "Exit status: 0 where the internet is behind one of them; 5 where portals are in the way; 6 where nobody answered."
    )]
    Captive(CaptiveAsked),
    /// Keep the default routes of several ways out: one takes everything, and there is never a moment without
    ///
    /// Without a configuration it finds the uplinks by itself and shows what it would do.
    #[command(
        after_help = "SIGHUP reads the configuration again; SIGTERM takes away what was added, unless --leave is given.\n\nExit status: 0 done; 1 it failed: nobody listens, who did has ended, or somebody listens already; 2 the words or the configuration are wrong; 3 not permitted."
    )]
    Uplinks(UplinksAsked),
    /// Add a route; one that has its place is not overwritten
    Add {
        /// A route in the words of `ip route`
        #[arg(required = true, value_name = "ROUTE")]
        words: Vec<String>,
    },
    /// Add a route, or put it in the place of the first with its destination, metric and table
    Replace {
        /// A route in the words of `ip route`
        #[arg(required = true, value_name = "ROUTE")]
        words: Vec<String>,
    },
    /// Put a route in the place of one that must be there
    Change {
        /// A route in the words of `ip route`
        #[arg(required = true, value_name = "ROUTE")]
        words: Vec<String>,
    },
    /// Add a route behind those with its destination, metric and table
    Append {
        /// A route in the words of `ip route`
        #[arg(required = true, value_name = "ROUTE")]
        words: Vec<String>,
    },
    /// Add a route before those with its destination, metric and table
    Prepend {
        /// A route in the words of `ip route`
        #[arg(required = true, value_name = "ROUTE")]
        words: Vec<String>,
    },
    /// Make sure that a route is there
    Ensure {
        /// A route in the words of `ip route`
        #[arg(required = true, value_name = "ROUTE")]
        words: Vec<String>,
    },
    /// Delete the one route that has all that is named
    #[command(visible_alias = "delete")]
    Del {
        /// A destination, and as many words of `show` as tell the route from others
        #[arg(required = true, value_name = "ROUTE")]
        words: Vec<String>,
        /// It is no error if there is no such route
        #[arg(long)]
        if_exists: bool,
    },
    /// Delete every route that has all that is named
    Flush {
        /// As for `show`; at least one
        #[arg(required = true, value_name = "WHICH")]
        words: Vec<String>,
    },
    /// Carry out a file of changes, one a line as for `ip -batch`
    Batch {
        /// Go on after a line that failed
        #[arg(long)]
        keep_going: bool,
        /// The file; `-` or nothing is standard input
        file: Option<String>,
    },
    /// Make the routes and rules of a file be there: all of them, or none
    #[command(
        after_help = "The file has a route or rule a line: [ip] [-4|-6] [route|rule] [add] WORDS, in the words of `ip`.\n\n\
                      Or it is TOML: owner = \"NAME=NUMBER\", routes = [\"WORDS\", { route = \"WORDS\", family = \"inet6\" }], rules = [\"WORDS\", \
                      { rule = \"WORDS\", family = \"inet6\" }], and each [[service]] with packets = \"[to PREFIX] [ipproto P] [sport N] [dport N] \
                      [uidrange FIRST-LAST] [fwmark M]\", table = N or \"NAME\", priority = N, routes = [...].\n\n\
                      Rules must name their priority (pref N). What is wrong with it is told with its line, and nothing is changed.\n\n\
                      Exit status: 0 where all of it is there, or with --dry-run could be; 1 where not."
    )]
    Apply {
        /// The file; `-` is standard input
        file: String,
        /// Print what would be changed, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Delete what else the owner has
        #[arg(long)]
        prune: bool,
        /// Stay, tell what becomes of them, and put back what goes; what cannot be there yet comes when it can
        #[arg(long, conflicts_with = "dry_run")]
        keep: bool,
        /// Whose they are: a name or number of `rt_protos`, or NAME=NUMBER; `waypost`, unless the file names another
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
    },
    /// Print what `apply` would change
    #[command(after_help = "Exit status: 0 where nothing would be changed, 1 where anything would.")]
    Diff {
        /// The file; `-` is standard input
        file: String,
        /// As for `apply`
        #[arg(long)]
        prune: bool,
        /// As for `apply`
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
    },
    /// Print routes and rules as a file for `restore`: all but the kernel's own and what routers advertise
    Save {
        /// Only those of this owner, as a file for `apply`
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
    },
    /// Put back what `save` has printed (without --json), as it was: all of it, or nothing
    Restore {
        /// The file; `-` is standard input
        file: String,
        /// Print what would be changed, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete all routes and rules of an owner, such as a crash has left
    Sweep {
        /// Whose, as for `apply`
        #[arg(long, value_name = "NAME")]
        owner: String,
        /// Print what would be deleted, and delete nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the routes and rules of an owner
    Claims {
        /// Whose, as for `apply`
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
    },
    /// Policy rules: show, add, del
    Rule {
        #[arg(help = "[show [RULE]] | add RULE | del RULE, a rule in the words of `ip rule`")]
        words: Vec<String>,
    },
    /// List links
    Link {
        #[arg(help = "[show] [NAME]")]
        words: Vec<String>,
    },
    /// List addresses
    Addr {
        #[arg(help = "[show] [NAME]")]
        words: Vec<String>,
    },
    /// List neighbours
    #[command(visible_alias = "neighbour")]
    Neigh {
        #[arg(help = "[show] [NAME]")]
        words: Vec<String>,
    },
    /// Next-hop objects: show, add, replace, del
    Nexthop {
        #[arg(help = "[show [id N]] | add|replace OBJECT | del id N, an object in the words of `ip nexthop`")]
        words: Vec<String>,
    },
    /// Tell what this system's routing can do
    Capabilities {
        /// As a table for a document
        #[arg(long)]
        markdown: bool,
    },
    /// Write down what the native routing socket says, byte for byte, for `decode`
    Capture {
        /// The file, which is written anew; `-` is standard output
        file: std::path::PathBuf,
    },
    /// Print the routing messages in captured files, of any system
    #[command(after_help = "Exit status: 0 where anything was decoded, 1 where nothing was.")]
    Decode {
        /// Whose messages they are, unless the file says so itself, as those of `capture` do
        #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(waypost::decode::Decoder::names()))]
        dialect: Option<String>,
        /// Where they come from: some systems write the same message in two ways
        #[arg(long, value_enum, default_value_t = Origin::Socket)]
        source: Origin,
        /// Which byte of a number comes first; that of this machine, unless named
        #[arg(long, value_enum)]
        endian: Option<Endian>,
        /// The files; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<std::path::PathBuf>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write those of all verbs into a directory
    Man {
        /// The directory
        directory: Option<std::path::PathBuf>,
    },
}

/// How `monitor` tells what it has counted.
#[derive(Args, Debug, Clone)]
pub(crate) struct Counted {
    /// Tell now and then what has been counted: messages, losses, what was read again and why
    #[arg(long)]
    pub(crate) stats: bool,
    /// Write the counters to this file now and then, as OpenMetrics text for programs that collect such
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<std::path::PathBuf>,
    /// How often
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) every: u32,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    Routes,
    Rules,
    Links,
    Addrs,
    Neighbours,
    Nexthops,
}

/// Where captured messages come from.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A routing socket
    Socket,
    /// The routing sysctl
    Sysctl,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

/// What `waypost captive` is to ask.
#[derive(Args, Debug)]
pub(crate) struct CaptiveAsked {
    /// Pages that answer 204, No Content: addresses that begin with http:
    #[arg(value_name = "URL", required_unless_present = "api")]
    pub(crate) urls: Vec<String>,
    /// They answer 200 with this text instead
    #[arg(long, value_name = "TEXT")]
    pub(crate) says: Option<String>,
    /// Ask through this interface alone
    #[arg(long, value_name = "NAME")]
    pub(crate) interface: Option<String>,
    /// Ask through those alone that a default route leaves by
    #[arg(long)]
    pub(crate) default: bool,
    /// The address of the network's own API (RFC 8908), as DHCP gave it, where it begins with http:
    #[arg(long, value_name = "URL")]
    pub(crate) api: Option<String>,
    /// How long all of it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: u32,
}

/// What `waypost uplinks` is to do.
#[derive(Args, Debug)]
pub(crate) struct UplinksAsked {
    /// The uplinks, in TOML (docs/uplinks.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<std::path::PathBuf>,
    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with_all = ["status", "promote", "demote", "release"])]
    pub(crate) dry_run: bool,
    /// Do it for the uplinks that are found, without a configuration
    #[arg(long, conflicts_with_all = ["config", "dry_run"])]
    pub(crate) auto: bool,
    /// Leave the routes at the end
    #[arg(long)]
    pub(crate) leave: bool,
    /// Ask the one that runs how the uplinks stand
    #[arg(long)]
    pub(crate) status: bool,
    /// Go on, and tell whenever something is different
    #[arg(long, requires = "status")]
    pub(crate) watch: bool,
    /// Have the one that runs elect this uplink as long as it is well
    #[arg(long, value_name = "NAME", conflicts_with = "status")]
    pub(crate) promote: Option<String>,
    /// Have the one that runs elect by priority again
    #[arg(long, conflicts_with_all = ["status", "promote"])]
    pub(crate) release: bool,
    /// Have the one that runs elect this uplink only where no other is well
    #[arg(long, value_name = "NAME", conflicts_with_all = ["status", "promote", "release"])]
    pub(crate) demote: Option<String>,
    /// Go on as this user, with the rights to change the network alone
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Where the one that runs listens, if not where the configuration says
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<std::path::PathBuf>,
}
