//! Telling a client that wants to know (`SET tavana.notices = on`) what its statement waits for.
//!
//! The frontend gives the statement its id, so that it can ask the gateway about it while it waits: once a second, and told as a
//! NOTICE, which drivers show or keep as they like. A gateway that does not answer is not asked again.

use std::time::Duration;

use arrow::array::RecordBatch;
use tavana_wire::QueryId;
use tavana_wire::status::{QueryState, QueryStatus};
use tonic::Status as GrpcStatus;

use super::run::{Bounds, watched};
use super::{Session, Stop};
use crate::error::PgError;
use crate::flight::{Asker, Outcome};

/// Between two notices.
const EVERY: Duration = Duration::from_secs(1);

/// What comes first: the end of the wait, or something to tell of it.
enum Step {
    Ran(Result<Outcome, GrpcStatus>),
    Waits(String),
}

impl Session {
    /// Sends one text to the gateway, and tells the client what it waits for if it wants to know.
    pub(super) async fn send_text(
        &mut self,
        sql: &str,
        parameters: Option<&RecordBatch>,
        bounds: &Bounds,
    ) -> Result<Result<Outcome, GrpcStatus>, Stop> {
        let query = QueryId::random();
        if !self.settings.is_on("tavana.notices") {
            return watched(&mut self.stream, bounds, self.flight.run_as(query, sql, parameters)).await;
        }
        let mut asker = self.flight.asker(query);
        let run = self.flight.run_as(query, sql, parameters);
        tokio::pin!(run);
        loop {
            let step = async {
                tokio::select! {
                    biased;
                    outcome = &mut run => Ok(Step::Ran(outcome)),
                    wait = next_wait(&mut asker) => Ok(Step::Waits(wait)),
                }
            };
            match watched(&mut self.stream, bounds, step).await? {
                Ok(Step::Ran(outcome)) => return Ok(outcome),
                Ok(Step::Waits(wait)) => {
                    self.stream.reply.error(&PgError::notice(wait));
                    self.stream.flush().await?;
                }
                Err(status) => return Ok(Err(status)),
            }
        }
    }
}

/// Resolves with what the statement waits for, after a while; never when it does not wait any more.
async fn next_wait(asker: &mut Asker) -> String {
    loop {
        tokio::time::sleep(EVERY).await;
        match asker.status().await {
            Ok(status) if status.state() == QueryState::Queued => return told(&status),
            Ok(status) if matches!(status.state(), QueryState::Running | QueryState::Unknown) => {}
            Ok(_) => return std::future::pending().await,
            Err(status) => {
                tracing::debug!(%status, "the gateway does not tell what a statement waits for");
                return std::future::pending().await;
            }
        }
    }
}

/// A wait in a sentence.
fn told(status: &QueryStatus) -> String {
    let mut told = format!("queued at position {} for {} s", status.ahead + 1, status.waited_ms / 1000);
    if let Some(expected_ms) = status.expected_wait_ms {
        told.push_str(&format!(", expected to run in about {} s", expected_ms.div_ceil(1000)));
    }
    if !status.because.is_empty() {
        told.push_str(": ");
        told.push_str(&status.because);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_with_what_is_known_of_it() {
        let check = |expected_wait_ms, because: &str, text: &str| {
            let because = because.to_owned();
            let status =
                QueryStatus { ahead: 2, waited_ms: 4_200, expected_wait_ms, because, ..QueryStatus::default() };
            assert_eq!(told(&status), text);
        };
        check(None, "", "queued at position 3 for 4 s");
        check(
            Some(7_300),
            "it needs 4.0 GiB",
            "queued at position 3 for 4 s, expected to run in about 8 s: it needs 4.0 GiB",
        );
    }
}
