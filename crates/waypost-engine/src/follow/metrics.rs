//! The counters as OpenMetrics text.

use std::fmt::{self, Display};
use std::time::Duration;

use waypost_core::{Family, Now};

use super::Stats;
use crate::mirror::Reason;

/// [`Stats`] as the text that OpenMetrics 1.0 describes, for programs that collect such; its `Display` ends in `# EOF`.
#[derive(Clone, Copy, Debug)]
pub struct Metrics<'a> {
    stats: &'a Stats,
    now: Now,
    routes: [usize; 2],
}

impl Stats {
    /// The counters as OpenMetrics text, as of `now`, with how many routes of each family the mirror has, IPv4 first.
    ///
    /// ```
    /// use waypost_core::Now;
    /// use waypost_engine::Stats;
    ///
    /// let text = Stats::default().metrics(Now::default(), [7, 0]).to_string();
    /// assert!(text.contains("waypost_routes{family=\"ipv4\"} 7\n"));
    /// ```
    #[must_use]
    pub const fn metrics(&self, now: Now, routes: [usize; 2]) -> Metrics<'_> {
        Metrics { stats: self, now, routes }
    }
}

impl Display for Metrics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stats, now, routes } = *self;
        let since = |began: Option<Now>| began.map(|began| now.boot.saturating_sub(began.boot));
        family(f, "waypost_routes", "gauge", "Routes in the mirror.")?;
        per_family(f, "waypost_routes", routes.map(|count| Some(count as f64)))?;
        for (name, help, count) in counters(stats) {
            family(f, name, "counter", help)?;
            writeln!(f, "{name}_total {count}")?;
        }
        family(f, "waypost_resyncs", "counter", "How often everything was read again, and why.")?;
        for (reason, count) in Reason::ALL.iter().zip(stats.resyncs_by_reason) {
            writeln!(f, "waypost_resyncs_total{{reason=\"{}\"}} {count}", reason.word())?;
        }
        family(f, "waypost_suspects", "gauge", "Routes that may have gone and are kept until that is certain.")?;
        per_family(f, "waypost_suspects", stats.suspects.map(|count| Some(count as f64)))?;
        seconds(f, "waypost_suspect_age_seconds", "For how long there have been suspects.")?;
        per_family(f, "waypost_suspect_age_seconds", stats.suspect_since.map(|began| Some(in_seconds(since(began)?))))?;
        seconds(f, "waypost_suspect_age_max_seconds", "For how long there were suspects at most.")?;
        writeln!(f, "waypost_suspect_age_max_seconds {}", in_seconds(stats.suspect_longest))?;
        family(f, "waypost_queue_max", "gauge", "How many events have waited at once, at most.")?;
        writeln!(f, "waypost_queue_max {}", stats.queue_max)?;
        seconds(f, "waypost_proof_age_seconds", "Time since all was last read whole.")?;
        if let Some(age) = stats.since_proof(now) {
            writeln!(f, "waypost_proof_age_seconds {}", in_seconds(age))?;
        }
        f.write_str("# EOF\n")
    }
}

const fn counters(stats: &Stats) -> [(&'static str, &'static str, u64); 10] {
    [
        ("waypost_notices", "Notices taken from the kernel.", stats.notices),
        ("waypost_undecodable", "Messages that could not be understood.", stats.undecodable),
        ("waypost_foreign", "Datagrams of other programs than the kernel, thrown away.", stats.foreign),
        ("waypost_overruns", "How often messages came faster than they were read.", stats.overruns),
        ("waypost_dumps", "Dumps that have ended.", stats.dumps),
        ("waypost_dumps_torn", "Dumps that did not tell the whole truth.", stats.torn),
        ("waypost_doubts", "How often a part was read again that may have changed without a word.", stats.doubts),
        ("waypost_sleeps", "How often the machine has been found to have slept.", stats.sleeps),
        ("waypost_verifications", "How often it was looked whether the mirror is what the kernel has.", stats.verifications),
        ("waypost_drift", "Changes that verifications have found.", stats.drift),
    ]
}

fn family(f: &mut fmt::Formatter<'_>, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(f, "# TYPE {name} {kind}\n# HELP {name} {help}")
}

fn seconds(f: &mut fmt::Formatter<'_>, name: &str, help: &str) -> fmt::Result {
    writeln!(f, "# TYPE {name} gauge\n# UNIT {name} seconds\n# HELP {name} {help}")
}

fn per_family(f: &mut fmt::Formatter<'_>, name: &str, values: [Option<f64>; 2]) -> fmt::Result {
    for (family, value) in Family::ALL.into_iter().zip(values) {
        let word = if family == Family::V4 { "ipv4" } else { "ipv6" };
        if let Some(value) = value {
            writeln!(f, "{name}{{family=\"{word}\"}} {value}")?;
        }
    }
    Ok(())
}

fn in_seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_each_family_once_before_its_values_and_ends() {
        let mut stats = Stats { overruns: 3, queue_max: 12, ..Stats::default() };
        stats.resynced_after(Reason::Overrun);
        stats.suspected(Now::awake(Duration::from_secs(5)), Family::V6, 4);
        stats.read_at = Some(Now::awake(Duration::from_secs(6)));
        let text = stats.metrics(Now::awake(Duration::from_millis(7500)), [2, 1]).to_string();
        let (mut announced, mut seen) = (String::new(), Vec::new());
        for line in text.lines().filter(|line| *line != "# EOF") {
            match line.strip_prefix("# TYPE ") {
                Some(rest) => {
                    announced = rest.split(' ').next().unwrap_or_default().to_owned();
                    assert!(!seen.contains(&announced), "{announced} twice");
                    seen.push(announced.clone());
                }
                None => assert!(line.trim_start_matches(|c| "# HELPUNIT".contains(c)).starts_with(&announced), "{line}"),
            }
        }
        assert_eq!(text.lines().last(), Some("# EOF"));
        for line in [
            "waypost_overruns_total 3",
            "waypost_queue_max 12",
            "waypost_resyncs_total{reason=\"overrun\"} 1",
            "waypost_resyncs_total{reason=\"verification\"} 0",
            "waypost_suspects{family=\"ipv6\"} 4",
            "waypost_suspect_age_seconds{family=\"ipv6\"} 2.5",
            "waypost_proof_age_seconds 1.5",
            "waypost_routes{family=\"ipv4\"} 2",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in {text}");
        }
    }
}
