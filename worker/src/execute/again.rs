//! Running once more what others got in the way of.
//!
//! A shared catalog has other writers: a commit may come too late, SQLite may be locked, PostgreSQL may be restarting. A statement that
//! is known not to have happened is run again here, after a wait that grows and is drawn by lot, so that those who
//! met once do not meet again. Never inside a user's transaction, whose earlier reads would be stale; never when rows were given
//! out; never when nobody knows how a commit ended, which is another kind of failure.

use std::time::{Duration, Instant};

use tavana_wire::{Failure, FailureKind};

use super::blocking::OnLease;

/// How long the first wait is at most; each later one may be twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often a wait looks whether somebody cancelled the statement.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often and how long a statement is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retries {
    /// How often at most.
    pub(crate) count: u32,
    /// No run begins later than this after the first.
    pub(crate) time: Duration,
}

/// Runs `step`, and again while others get in its way: it must have done nothing when it fails for them. Blocks.
///
/// # Errors
/// The last failure of the step.
pub(crate) fn until_settled<H: OnLease, T>(
    holder: &mut H,
    mut step: impl FnMut(&mut H) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let lease = holder.lease();
    let retries = lease.retries();
    if lease.in_transaction() {
        return step(holder);
    }
    let began = Instant::now();
    let mut wait = FIRST_WAIT;
    for _ in 0..retries.count {
        match step(holder) {
            Err(failure) if matches!(failure.kind, FailureKind::Conflict | FailureKind::Unavailable) => {
                // Several statements in one piece of text may have left something behind.
                if holder.lease().is_tainted() || began.elapsed() > retries.time || !waited(holder, wait) {
                    return Err(failure);
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            outcome => return outcome,
        }
    }
    step(holder)
}

/// Waits for a part of `longest`; says whether nobody cancelled the statement meanwhile.
fn waited<H: OnLease>(holder: &mut H, longest: Duration) -> bool {
    let until = Instant::now() + longest.mul_f64(fastrand::f64());
    loop {
        if holder.lease().connection().was_interrupted() {
            return false;
        }
        match until.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => std::thread::sleep(left.min(LOOK_EVERY)),
            _ => return true,
        }
    }
}
