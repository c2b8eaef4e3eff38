//! Running a statement again that met another writer.
//!
//! Several workers write to one catalog, and who commits second may have to begin anew. A statement that is a transaction of its
//! own has left nothing behind then, so it is run again, planned on what is there now, after a time that is longer each time and random,
//! so that the two do not meet again. A transaction of the client's is the client's to run again: it knows what it read.

use std::time::Duration;

use tavana_wire::{Failure, FailureKind};

use crate::session::Lease;

/// How often a statement is run again.
const TRIES: u32 = 10;
/// The longest wait before the first time; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The attempts of one statement.
#[derive(Debug)]
pub(super) struct Attempts {
    number: u32,
    /// A transaction of the client's was open at the first.
    is_clients: bool,
}

impl Attempts {
    /// Before the first.
    pub(super) fn new(lease: &Lease) -> Self {
        Self { number: 0, is_clients: lease.in_transaction() }
    }

    /// Whether to try again after this failure; waits then.
    pub(super) fn again(&mut self, failure: &Failure, lease: &Lease) -> bool {
        let is_over = self.is_clients || self.number >= TRIES || lease.connection().was_interrupted();
        if failure.kind != FailureKind::Conflict || is_over {
            return false;
        }
        std::thread::sleep(LONGEST_WAIT.min(FIRST_WAIT * 2u32.pow(self.number)).mul_f64(fastrand::f64()));
        self.number += 1;
        true
    }
}

/// Runs `attempt` until it meets nobody any more, a few times at most; once when a transaction of the client's is open.
///
/// # Errors
/// What the last attempt says.
pub(super) fn until_settled<T>(
    lease: &mut Lease,
    mut attempt: impl FnMut(&mut Lease) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut attempts = Attempts::new(lease);
    loop {
        match attempt(lease) {
            Err(failure) if attempts.again(&failure, lease) => {}
            outcome => return outcome,
        }
    }
}
