//! What a client carries for us: session tokens, tickets, statement and transaction handles.
//!
//! Each is a [`Handle`], sealed by [`crate::seal`]. A handle holds all that is needed to serve
//! it, so that any gateway can route it, and any worker run it unless it names one. Clients take them as
//! opaque bytes.

use std::collections::BTreeMap;

use crate::failure::{Failure, FailureKind};
use crate::identity::{QueryId, Role, SessionId, WorkerId};
use crate::seal::SealError;

/// What a sealed handle says: for whom, until when, and what.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Handle {
    /// The session it belongs to; only service tokens have none.
    #[prost(message, optional, tag = "1")]
    pub session: Option<SessionState>,
    /// When it ends, in milliseconds since 1970.
    #[prost(uint64, tag = "2")]
    pub expires_unix_ms: u64,
    /// What it is for.
    #[prost(oneof = "Work", tags = "3, 4, 5, 6, 7, 8, 9")]
    pub work: Option<Work>,
}

/// What a handle is for.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum Work {
    /// A session token: the bearer or cookie of a client.
    #[prost(bool, tag = "3")]
    Session(bool),
    /// A gateway's proof towards its workers.
    #[prost(bool, tag = "4")]
    Service(bool),
    /// A ticket for a statement that runs when it is fetched.
    #[prost(message, tag = "5")]
    Statement(StatementTicket),
    /// A ticket for a result that a worker keeps.
    #[prost(message, tag = "6")]
    Stored(StoredTicket),
    /// A ticket for metadata: the Flight SQL command itself, as protobuf `Any`.
    #[prost(bytes = "bytes", tag = "7")]
    Metadata(bytes::Bytes),
    /// A prepared statement.
    #[prost(message, tag = "8")]
    Prepared(PreparedHandle),
    /// An open transaction of the session.
    #[prost(bytes = "vec", tag = "9")]
    Transaction(Vec<u8>),
}

/// The state of a session that travels with its client.
///
/// The settings go wherever the session's statements go; what cannot travel (temporary
/// tables, a transaction) stays on the home worker.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SessionState {
    /// 16 bytes, see [`SessionId`].
    #[prost(bytes = "vec", tag = "1")]
    pub session_id: Vec<u8>,
    /// Who it is.
    #[prost(string, tag = "2")]
    pub principal: String,
    /// What the principal may do.
    #[prost(enumeration = "Role", tag = "3")]
    pub role: i32,
    /// Session settings by name, as `SET` gave them; `catalog` and `schema` among them.
    #[prost(btree_map = "string, string", tag = "4")]
    pub settings: BTreeMap<String, String>,
    /// The worker that holds the rest of the session's state, 16 bytes; empty when none does.
    #[prost(bytes = "vec", tag = "5")]
    pub home: Vec<u8>,
    /// Grows with every change, so that an older token never undoes a newer one.
    #[prost(uint64, tag = "6")]
    pub version: u64,
}

/// A statement that runs when its ticket is fetched.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StatementTicket {
    /// 16 bytes, see [`QueryId`].
    #[prost(bytes = "vec", tag = "1")]
    pub query_id: Vec<u8>,
    /// One SQL statement.
    #[prost(string, tag = "2")]
    pub sql: String,
    /// Values of its parameters as an Arrow IPC stream; empty when it has none.
    #[prost(bytes = "bytes", tag = "3")]
    pub parameters: bytes::Bytes,
    /// A digest of the schema that was announced, which the result must have; empty where none was.
    #[prost(bytes = "vec", tag = "4")]
    pub schema_digest: Vec<u8>,
}

/// A result that a worker keeps until it is fetched or expires.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StoredTicket {
    /// The statement it came from, 16 bytes, see [`QueryId`].
    #[prost(bytes = "vec", tag = "1")]
    pub query_id: Vec<u8>,
    /// The worker that keeps it, 16 bytes, see [`WorkerId`].
    #[prost(bytes = "vec", tag = "2")]
    pub worker_id: Vec<u8>,
}

/// A prepared statement.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct PreparedHandle {
    /// 16 bytes that tell this prepared statement from others with the same text.
    #[prost(bytes = "vec", tag = "1")]
    pub statement_id: Vec<u8>,
    /// One SQL statement.
    #[prost(string, tag = "2")]
    pub sql: String,
    /// The worker that keeps the bound parameters, 16 bytes, see [`WorkerId`].
    #[prost(bytes = "vec", tag = "3")]
    pub worker_id: Vec<u8>,
}

impl SessionState {
    /// A new session of a principal.
    pub fn new(principal: impl Into<String>, role: Role) -> Self {
        Self {
            session_id: SessionId::random().to_vec(),
            principal: principal.into(),
            role: role.into(),
            ..Self::default()
        }
    }

    /// The session's id.
    ///
    /// # Errors
    /// When the handle is not one of ours.
    pub fn id(&self) -> Result<SessionId, SealError> {
        SessionId::from_bytes(&self.session_id).ok_or(SealError::Malformed)
    }

    /// The worker that holds the session's state, if one does.
    pub fn home(&self) -> Option<WorkerId> {
        WorkerId::from_bytes(&self.home)
    }
}

impl Handle {
    /// A session token's handle.
    pub fn session_token(session: SessionState, expires_unix_ms: u64) -> Self {
        Self { session: Some(session), expires_unix_ms, work: Some(Work::Session(true)) }
    }

    /// A gateway's proof towards its workers.
    pub fn service_token(expires_unix_ms: u64) -> Self {
        Self { session: None, expires_unix_ms, work: Some(Work::Service(true)) }
    }

    /// The session of a session token.
    ///
    /// # Errors
    /// [`SealError::WrongKind`] when it is any other handle.
    pub fn into_session(self) -> Result<SessionState, SealError> {
        match (self.work, self.session) {
            (Some(Work::Session(_)), Some(session)) => Ok(session),
            _ => Err(SealError::WrongKind),
        }
    }

    /// The worker that alone can serve this handle, if there is one.
    pub fn worker(&self) -> Option<WorkerId> {
        let named = match &self.work {
            Some(Work::Stored(stored)) => WorkerId::from_bytes(&stored.worker_id),
            Some(Work::Prepared(prepared)) => WorkerId::from_bytes(&prepared.worker_id),
            _ => None,
        };
        named.or_else(|| self.session.as_ref().and_then(SessionState::home))
    }

    /// The statement this ticket belongs to, if it is a ticket for one.
    pub fn query_id(&self) -> Option<QueryId> {
        match &self.work {
            Some(Work::Statement(statement)) => QueryId::from_bytes(&statement.query_id),
            Some(Work::Stored(stored)) => QueryId::from_bytes(&stored.query_id),
            _ => None,
        }
    }

    /// Refuses a handle of another principal.
    ///
    /// # Errors
    /// `PermissionDenied` when `principal` is not whom the handle was issued to.
    pub fn check_principal(&self, principal: &str) -> Result<(), Failure> {
        match &self.session {
            Some(session) if session.principal == principal => Ok(()),
            _ => Err(Failure::new(FailureKind::PermissionDenied, "this handle was issued to another user")),
        }
    }
}
