//! Why a call is refused or fails, in one list.

use tavana_wire::{Failure, FailureKind};

use crate::flight_sql::PeekError;
use crate::history::HistoryError;
use crate::queue::QueueError;
use crate::relay::RelayError;
use crate::route::RouteError;

/// Why the gateway itself ends a call; failures of workers pass through as they are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error("there is no gRPC method `{0}` here; Tavana speaks Arrow Flight SQL")]
    UnknownMethod(String),
    /// The caller is not known, or a handle is not its own.
    #[error(transparent)]
    Refused(#[from] Failure),
    #[error(transparent)]
    Peek(#[from] PeekError),
    #[error(transparent)]
    Route(#[from] RouteError),
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl GatewayError {
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::UnknownMethod(_) => FailureKind::Unsupported,
            Self::Refused(failure) => failure.kind,
            Self::Peek(error) => error.kind(),
            Self::Route(error) => error.kind(),
            Self::Relay(error) => error.kind(),
            Self::Queue(error) => error.kind(),
            Self::History(error) => error.kind(),
        }
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        Failure::new(error.kind(), error.to_string())
    }
}
