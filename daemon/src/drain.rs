//! Ending in good order.
//!
//! An orchestrator ends a process with SIGTERM and expects running work to finish. [`Drain`] is
//! the one place that hears signals; every part that must react holds a clone and waits for it.
//! A second signal means that somebody does not want to wait: it ends the process at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Tells every part of a process when to stop taking new work.
#[derive(Clone, Debug)]
pub struct Drain {
    requested: CancellationToken,
}

impl Drain {
    /// A drain that the first SIGTERM or SIGINT requests; the second ends the process with
    /// exit code 143 or 130.
    ///
    /// Call it once, inside a Tokio runtime.
    ///
    /// # Errors
    /// When the signals cannot be watched.
    pub fn on_signals() -> io::Result<Self> {
        let drain = Self::manual();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(watch_signals(drain.clone(), terminate, interrupt));
        Ok(drain)
    }

    /// A drain that only [`Drain::request`] starts.
    pub fn manual() -> Self {
        Self { requested: CancellationToken::new() }
    }

    /// Starts the drain; further calls change nothing.
    pub fn request(&self) {
        self.requested.cancel();
    }

    /// Whether the drain has been requested.
    pub fn is_requested(&self) -> bool {
        self.requested.is_cancelled()
    }

    /// Waits until the drain is requested; returns at once if it was.
    pub async fn requested(&self) {
        self.requested.cancelled().await;
    }
}

async fn watch_signals(drain: Drain, mut terminate: Signal, mut interrupt: Signal) {
    let name = next_signal(&mut terminate, &mut interrupt).await.0;
    tracing::info!(signal = name, "draining; a second signal ends the process at once");
    drain.request();
    let (name, code) = next_signal(&mut terminate, &mut interrupt).await;
    tracing::info!(signal = name, "ending at once");
    std::process::exit(code);
}

/// The name of the next signal, and the exit code that shells give a process it ended.
async fn next_signal(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", 143),
        _ = interrupt.recv() => ("SIGINT", 130),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_hears_of_a_request() {
        let drain = Drain::manual();
        let waiting = tokio::spawn({
            let drain = drain.clone();
            async move { drain.requested().await }
        });
        assert!(!drain.is_requested());
        drain.clone().request();
        waiting.await.unwrap();
        assert!(drain.is_requested());
        drain.requested().await;
    }
}
