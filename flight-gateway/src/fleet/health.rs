//! Asking a worker how it is, and what its answer means.

use std::time::Duration;

use http::HeaderMap;
use tavana_daemon::peer::PeerService;
use tavana_daemon::service_token::ServiceToken;
use tavana_wire::action::{WORKER_STATUS, WorkerStatus};
use tavana_wire::{Failure, FailureKind, WorkerId, headers};

use crate::ask;
use crate::route::Health;

/// Late answers in a row until a worker counts as down.
const LATE_ANSWERS: u32 = 3;

/// What is known of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) id: Option<WorkerId>,
    pub(super) health: Health,
    late: u32,
}

/// Why a worker's status is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    #[error("{0}")]
    Failed(String),
    #[error("its answer is not a worker's status; is it a Tavana worker?")]
    NotAStatus,
}

impl Default for Condition {
    fn default() -> Self {
        Self { id: None, health: Health::Unknown, late: 0 }
    }
}

impl Condition {
    /// What is known after one more answer, or the lack of one.
    pub(super) fn after(self, outcome: &Result<WorkerStatus, CheckError>) -> Self {
        match outcome {
            Ok(status) => {
                let health = if status.draining { Health::Draining } else { Health::Up };
                Self { id: WorkerId::from_bytes(&status.worker_id), health, late: 0 }
            }
            Err(CheckError::Late(_)) => {
                let late = self.late.saturating_add(1);
                let patient = late < LATE_ANSWERS && self.health != Health::Unknown;
                Self { health: if patient { self.health } else { Health::Down }, late, ..self }
            }
            Err(CheckError::Failed(_) | CheckError::NotAStatus) => Self { health: Health::Down, ..self },
        }
    }
}

/// Asks a worker for its status.
pub(super) async fn check(
    worker: PeerService,
    token: &ServiceToken,
    deadline: Duration,
) -> Result<WorkerStatus, CheckError> {
    let mut own = HeaderMap::new();
    own.insert(headers::SERVICE, token.header());
    let answer: Result<WorkerStatus, Failure> = ask::once(worker, own, WORKER_STATUS, &(), deadline).await;
    match answer {
        Ok(status) if WorkerId::from_bytes(&status.worker_id).is_some() => Ok(status),
        Ok(_) => Err(CheckError::NotAStatus),
        Err(failure) if failure.kind == FailureKind::DeadlineExceeded => Err(CheckError::Late(deadline)),
        Err(failure) => Err(CheckError::Failed(failure.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(draining: bool) -> Result<WorkerStatus, CheckError> {
        Ok(WorkerStatus { worker_id: vec![7; 16], draining, ..WorkerStatus::default() })
    }

    fn late() -> Result<WorkerStatus, CheckError> {
        Err(CheckError::Late(Duration::from_secs(1)))
    }

    #[test]
    fn a_failed_connection_takes_a_worker_out_at_once_and_a_good_answer_brings_it_back() {
        let up = Condition::default().after(&status(false));
        assert_eq!(up.health, Health::Up);
        let down = up.after(&Err(CheckError::Failed("refused".into())));
        assert_eq!((down.health, down.id), (Health::Down, up.id));
        assert_eq!(down.after(&status(false)), up);
        assert_eq!(down.after(&status(true)).health, Health::Draining);
    }

    #[test]
    fn late_answers_count_only_in_a_row() {
        let up = Condition::default().after(&status(false));
        let once = up.after(&late()).after(&late());
        assert_eq!(once.health, Health::Up);
        assert_eq!(once.after(&late()).health, Health::Down);
        assert_eq!(once.after(&status(false)).after(&late()).health, Health::Up);
        assert_eq!(Condition::default().after(&late()).health, Health::Down);
    }
}
