//! DuckDB's blocking calls, off the async threads, and ended when nobody wants them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tavana_wire::{Failure, FailureKind};

use crate::engine::Interrupt;
use crate::running::RunningQuery;
use crate::session::Lease;

/// An interrupt that comes between two steps of a statement is lost; it is repeated until the work has ended.
const INTERRUPT_EVERY: Duration = Duration::from_millis(10);

/// What blocking work is done on: it holds a leased connection.
pub(crate) trait OnLease: Send + 'static {
    /// The connection.
    fn lease(&mut self) -> &mut Lease;
}

impl OnLease for Lease {
    fn lease(&mut self) -> &mut Lease {
        self
    }
}

/// Runs `work` on a thread that may block and gives `holder` back with its outcome. Cancelling the statement, or
/// dropping this future, interrupts DuckDB until the work has ended. An interrupt never meets the next statement of the
/// connection, because the lease is given back only after the work was marked as ended.
///
/// # Errors
/// What the work says; `Cancelled` when the statement was cancelled; `Internal` when the work panicked.
pub(crate) async fn blocking<H: OnLease, T: Send + 'static>(
    query: &RunningQuery,
    mut holder: H,
    work: impl FnOnce(&mut H) -> Result<T, Failure> + Send + 'static,
) -> Result<(H, T), Failure> {
    let cancel = query.cancel_token().clone();
    if cancel.is_cancelled() {
        return Err(cancelled());
    }
    let interrupt = holder.lease().connection().interrupt();
    query.runs_on(interrupt.clone(), holder.lease().is_private());
    let ended = Ended::default();
    let interrupting = InterruptUntilEnded::new(interrupt, ended.clone());
    // What DuckDB still does for a client that left is within its grant.
    let room = query.room().clone();
    let mut task = tokio::task::spawn_blocking(move || {
        let _room = room;
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut holder)));
        ended.set();
        match outcome {
            Ok(outcome) => outcome.map(|value| (holder, value)),
            Err(_) => {
                holder.lease().taint();
                Err(Failure::new(FailureKind::Internal, "a fault in the worker ended the statement"))
            }
        }
    });
    let joined = tokio::select! {
        joined = &mut task => joined,
        () = cancel.cancelled() => {
            drop(interrupting);
            let _ = task.await;
            return Err(cancelled());
        }
    };
    let outcome = joined.unwrap_or_else(|_| Err(Failure::new(FailureKind::Internal, "the worker is stopping")));
    outcome.map_err(|failure| {
        let nobody_asked = failure.kind == FailureKind::Cancelled && !query.cancel_token().is_cancelled();
        query.failed(if nobody_asked { without_its_reason() } else { failure })
    })
}

/// DuckDB interrupts a query when one of its threads has failed, and the thread that reads may come upon that first: then
/// the reason is gone. It is no cancel: clients make a signal of the user's out of that.
fn without_its_reason() -> Failure {
    let message = "the statement failed in one of DuckDB's threads, which lost the reason; run it again to see it";
    Failure::new(FailureKind::Data, message)
}

fn cancelled() -> Failure {
    Failure::new(FailureKind::Cancelled, "the statement was cancelled")
}

/// Whether the work has ended; held while interrupting, so that the two cannot cross.
#[derive(Clone, Default)]
pub(crate) struct Ended(Arc<Mutex<bool>>);

impl Ended {
    pub(crate) fn set(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Interrupts unless the work has ended; says whether it had not.
    fn interrupt(&self, interrupt: &Interrupt) -> bool {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !*ended {
            interrupt.interrupt();
        }
        !*ended
    }
}

/// Dropped, it interrupts the work until that has ended.
pub(crate) struct InterruptUntilEnded {
    interrupt: Interrupt,
    ended: Ended,
}

impl InterruptUntilEnded {
    pub(crate) fn new(interrupt: Interrupt, ended: Ended) -> Self {
        Self { interrupt, ended }
    }
}

impl Drop for InterruptUntilEnded {
    fn drop(&mut self) {
        if !self.ended.interrupt(&self.interrupt) {
            return;
        }
        let (interrupt, ended) = (self.interrupt.clone(), self.ended.clone());
        // Outside a runtime the process is ending, and the statement with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                while ended.interrupt(&interrupt) {
                    tokio::time::sleep(INTERRUPT_EVERY).await;
                }
            });
        }
    }
}
