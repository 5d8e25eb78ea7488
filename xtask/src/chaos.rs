//! `cargo xtask chaos`: storms on the real kernel for as long as one likes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::command::{cargo, run};

/// How long it goes on unless told otherwise.
const MINUTES: u64 = 5;

/// What the arguments ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Wish {
    minutes: u64,
    /// So many storms instead, however long they take.
    storms: Option<u64>,
    seed: Option<u64>,
}

/// How many rounds the test has each time it is started.
const ROUNDS: u64 = 24;

/// How many storms a round has, each of both families.
const STORMS: u64 = 3;

/// How many rounds are played beside each other.
const BESIDE: u64 = 6;

/// Runs the chaos test again and again for some minutes, or once with so many storms, from a seed that is named or new.
pub(crate) fn chaos(args: &[String]) -> Result<(), String> {
    let wish = wish(args)?;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let end = now() + Duration::from_secs(wish.minutes.saturating_mul(60));
    let mut seed = wish.seed.unwrap_or_else(|| now().as_secs());
    if let Some(storms) = wish.storms {
        println!("chaos from seed {seed}, {storms} storms of both families");
        return play(seed, storms.div_ceil(STORMS));
    }
    println!("chaos from seed {seed}, for {} minutes", wish.minutes);
    while now() < end {
        play(seed, ROUNDS)?;
        seed = seed.saturating_add(ROUNDS);
    }
    Ok(())
}

/// Plays so many rounds in the long form; the test prints how many storms of each sort there were.
fn play(seed: u64, rounds: u64) -> Result<(), String> {
    let mut command = cargo("test --quiet --release --package waypost-tests --test chaos");
    command.env("WAYPOST_CHAOS_SEED", seed.to_string()).env("WAYPOST_CHAOS_LONG", "1");
    command.env("WAYPOST_CHAOS_BESIDE", BESIDE.to_string());
    run(command.env("WAYPOST_CHAOS_ROUNDS", rounds.to_string()))
}

fn wish(args: &[String]) -> Result<Wish, String> {
    let mut wish = Wish { minutes: MINUTES, storms: None, seed: None };
    let mut args = args.iter();
    while let Some(flag) = args.next() {
        let number = || args.clone().next().and_then(|word| word.parse().ok()).ok_or(format!("{flag} takes a number"));
        match flag.as_str() {
            "--minutes" => wish.minutes = number()?,
            "--storms" => wish.storms = Some(number()?),
            "--seed" => wish.seed = Some(number()?),
            other => return Err(format!("chaos takes --minutes, --storms and --seed, not {other}")),
        }
        args.next();
    }
    Ok(wish)
}

#[cfg(test)]
mod tests {
    use super::{MINUTES, Wish, wish};

    fn of(args: &str) -> Result<Wish, String> {
        wish(&args.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn minutes_storms_and_a_seed_can_be_named() {
        assert_eq!(of(""), Ok(Wish { minutes: MINUTES, storms: None, seed: None }));
        assert_eq!(of("--seed 7 --minutes 2"), Ok(Wish { minutes: 2, storms: None, seed: Some(7) }));
        assert_eq!(of("--storms 1000").map(|wish| wish.storms), Ok(Some(1000)));
        assert!(of("--seed").is_err() && of("--minutes many").is_err() && of("7").is_err());
    }
}
