//! How a failure is told: one list of kinds, one translation per protocol.
//!
//! Every error enum of every component maps to a [`FailureKind`] with an exhaustive
//! match; from there on the gRPC code, the SQLSTATE, whether a retry can help and the metrics
//! label are decided here and nowhere else.

use http::HeaderValue;
use tonic::{Code, Status};

use crate::headers;

/// What went wrong, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The request itself is malformed: protobuf, handle, option.
    InvalidRequest,
    /// The SQL text does not parse.
    Syntax,
    /// The SQL parses but does not bind: types, columns, arguments.
    Binding,
    /// A table, schema, column, function or session the request names is not there.
    NotFound,
    /// What should be created is there already.
    AlreadyExists,
    /// A value cannot be converted, is out of range, or a function refused it.
    Data,
    /// A key, check or not-null constraint refused a write.
    Constraint,
    /// Another transaction got there first; running the transaction again can help.
    Conflict,
    /// The request does not fit the state of its session or transaction.
    State,
    /// The session's worker is gone, and with it what the session held there; only a new session helps.
    SessionGone,
    /// Nobody is known by these credentials, or there are none.
    Unauthenticated,
    /// The principal may not do this.
    PermissionDenied,
    /// Tavana does not do this.
    Unsupported,
    /// The client or an operator cancelled it.
    Cancelled,
    /// Its time ran out.
    DeadlineExceeded,
    /// The worker's memory does not suffice.
    OutOfMemory,
    /// The worker's disk is full.
    DiskFull,
    /// It is larger than a configured limit.
    LimitExceeded,
    /// No worker can serve it now; it did not run.
    Unavailable,
    /// The worker was lost while it delivered a result; what arrived is not complete.
    ResultLost,
    /// The worker was lost in a write, which may or may not have happened.
    OutcomeUnknown,
    /// Reading or writing a file or a store failed.
    Io,
    /// A fault of Tavana or of the engine.
    Internal,
}

impl FailureKind {
    /// The gRPC status code that Flight clients see.
    pub fn code(self) -> Code {
        match self {
            Self::InvalidRequest | Self::Syntax | Self::Binding | Self::Data => Code::InvalidArgument,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::Constraint | Self::State | Self::SessionGone => Code::FailedPrecondition,
            Self::Conflict => Code::Aborted,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::PermissionDenied => Code::PermissionDenied,
            Self::Unsupported => Code::Unimplemented,
            Self::Cancelled => Code::Cancelled,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::OutOfMemory | Self::DiskFull | Self::LimitExceeded => Code::ResourceExhausted,
            Self::Unavailable | Self::ResultLost => Code::Unavailable,
            // Not UNAVAILABLE: clients retry that by themselves, and a write must not run twice.
            Self::OutcomeUnknown => Code::Unknown,
            Self::Io | Self::Internal => Code::Internal,
        }
    }

    /// The five-character SQLSTATE, after PostgreSQL's list of error codes.
    pub fn sqlstate(self) -> &'static str {
        match self {
            Self::InvalidRequest => "08P01",
            Self::Syntax => "42601",
            Self::Binding => "42804",
            Self::NotFound => "42P01",
            Self::AlreadyExists => "42P07",
            Self::Data => "22000",
            Self::Constraint => "23000",
            Self::Conflict => "40001",
            Self::State => "25000",
            Self::SessionGone => "57P02",
            Self::Unauthenticated => "28000",
            Self::PermissionDenied => "42501",
            Self::Unsupported => "0A000",
            Self::Cancelled | Self::DeadlineExceeded => "57014",
            Self::OutOfMemory => "53200",
            Self::DiskFull => "53100",
            Self::LimitExceeded => "54000",
            Self::Unavailable => "57P03",
            Self::ResultLost => "08006",
            Self::OutcomeUnknown => "08007",
            Self::Io => "58030",
            Self::Internal => "XX000",
        }
    }

    /// Whether the same request may succeed later without harm: it did not run, or ran without effect.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Conflict | Self::Unavailable | Self::ResultLost)
    }

    /// The value of the `failure` label in metrics, logs and the `x-tavana-failure` trailer.
    pub fn label(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Syntax => "syntax",
            Self::Binding => "binding",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Data => "data",
            Self::Constraint => "constraint",
            Self::Conflict => "conflict",
            Self::State => "state",
            Self::SessionGone => "session_gone",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::Unsupported => "unsupported",
            Self::Cancelled => "cancelled",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::OutOfMemory => "out_of_memory",
            Self::DiskFull => "disk_full",
            Self::LimitExceeded => "limit_exceeded",
            Self::Unavailable => "unavailable",
            Self::ResultLost => "result_lost",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Io => "io",
            Self::Internal => "internal",
        }
    }
}

/// A failure as it is told to a client: its kind and one message without secrets or paths.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// The cause and, where there is one, the cure.
    pub message: String,
}

/// gRPC carries the message in a header; clients refuse header lists past 8 to 16 KiB.
const MAX_MESSAGE_BYTES: usize = 4096;

impl Failure {
    /// A failure of `kind` that reads as `message`; an overlong message is cut.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            let end = (0..=MAX_MESSAGE_BYTES).rev().find(|&i| message.is_char_boundary(i)).unwrap_or(0);
            message.truncate(end);
            message.push_str(" … (cut)");
        }
        Self { kind, message }
    }
}

impl From<Failure> for Status {
    /// The gRPC status, with the failure's label and SQLSTATE as trailers.
    fn from(failure: Failure) -> Self {
        let mut status = Status::new(failure.kind.code(), failure.message);
        let trailers = status.metadata_mut().as_mut();
        trailers.insert(headers::FAILURE, HeaderValue::from_static(failure.kind.label()));
        trailers.insert(headers::SQLSTATE, HeaderValue::from_static(failure.kind.sqlstate()));
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_kind_and_sqlstate() {
        let status = Status::from(Failure::new(FailureKind::Conflict, "try again"));
        assert_eq!(status.code(), Code::Aborted);
        assert_eq!(status.metadata().get("x-tavana-sqlstate").unwrap(), "40001");
        assert_eq!(status.metadata().get("x-tavana-failure").unwrap(), "conflict");
    }

    #[test]
    fn an_overlong_message_is_cut_at_a_character() {
        let failure = Failure::new(FailureKind::Syntax, "ü".repeat(9000));
        assert!(failure.message.len() < 5000);
        assert!(failure.message.ends_with("(cut)"));
    }
}
