//! Wall clock and CPU time.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

use crate::Failure;

/// How long something took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    /// By the clock on the wall.
    pub(crate) wall: Duration,
    /// Of a processor, in user space and in the kernel, by this process or by the programs it ran.
    pub(crate) cpu: Duration,
}

/// Measures `work` in this process. Every subject works on one thread, so the time of the process is that of the thread.
pub(crate) fn here<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(Span, T), Failure> {
    let (cpu, wall) = (own()?, Instant::now());
    let result = work()?;
    Ok((Span { wall: wall.elapsed(), cpu: own()? - cpu }, result))
}

/// The CPU time of this thread, in user space and in the kernel.
pub(crate) fn thread() -> Result<Duration, Failure> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// Measures programs that `work` runs and waits for.
pub(crate) fn programs(work: impl FnOnce() -> Result<(), Failure>) -> Result<Span, Failure> {
    let (cpu, wall) = (of_programs()?, Instant::now());
    work()?;
    Ok(Span { wall: wall.elapsed(), cpu: of_programs()? - cpu })
}

fn own() -> Result<Duration, Failure> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

fn of_programs() -> Result<Duration, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let both = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(u64::try_from(both.tv_sec() * 1_000_000 + both.tv_usec())?))
}
