//! Prepared statements: handles that travel, and the parameters that are bound to them here.
//!
//! A handle holds its statement, for everybody to read who holds it. So a statement that gives credentials stays here, and
//! its handle, which names this worker, holds none.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use tavana_wire::handle::{PreparedHandle, Work};
use tavana_wire::{Failure, FailureKind, QueryId};

use super::Shared;
use crate::caller::Call;
use crate::execute::parameters::Parameters;
use crate::execute::plan::schema_bytes;
use crate::statement::{Statement, split};

/// Prepared statements that can have parameters bound at a time; the one not used for longest is forgotten.
const MAX_BOUND: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Statements with credentials that are kept at a time; the one not used for longest is forgotten.
const MAX_KEPT_TEXTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// Bytes of one of them.
const MAX_KEPT_TEXT_BYTES: usize = 64 * 1024;

/// What `CreatePreparedStatement` answers. `arrow-flight` does not know the fourth field yet.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct CreatePreparedStatementResult {
    #[prost(bytes = "bytes", tag = "1")]
    prepared_statement_handle: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    dataset_schema: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    parameter_schema: Bytes,
    #[prost(bool, optional, tag = "4")]
    is_update: Option<bool>,
}

/// Parameters by prepared statement.
pub(crate) struct BoundParameters {
    bound: Mutex<LruCache<Vec<u8>, Parameters>>,
    /// The texts that their handles do not hold.
    texts: Mutex<LruCache<Vec<u8>, String>>,
}

impl BoundParameters {
    pub(crate) fn new() -> Self {
        Self { bound: Mutex::new(LruCache::new(MAX_BOUND)), texts: Mutex::new(LruCache::new(MAX_KEPT_TEXTS)) }
    }

    pub(super) fn bind(&self, prepared: &PreparedHandle, parameters: Parameters) {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        bound.put(prepared.statement_id.clone(), parameters);
    }

    pub(super) fn find(&self, prepared: &PreparedHandle) -> Result<Option<Parameters>, Failure> {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(bound.get(&prepared.statement_id).cloned())
    }

    fn forget(&self, prepared: &PreparedHandle) {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).pop(&prepared.statement_id);
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).pop(&prepared.statement_id);
    }

    /// Keeps the text of a statement that gives credentials; gives what its handle may hold.
    fn keep_text(&self, statement_id: &[u8], sql: &str) -> Result<String, Failure> {
        if !split(sql).into_iter().any(|piece| Statement::read(piece).gives_credentials()) {
            return Ok(sql.to_owned());
        }
        if sql.len() > MAX_KEPT_TEXT_BYTES {
            let message = format!("a statement with credentials has more than {MAX_KEPT_TEXT_BYTES} bytes");
            return Err(Failure::new(FailureKind::LimitExceeded, message));
        }
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.put(statement_id.to_vec(), sql.to_owned());
        Ok(String::new())
    }

    /// Gives a handle's statement the text that was kept.
    fn complete(&self, prepared: &mut PreparedHandle) -> Result<(), Failure> {
        if prepared.sql.is_empty() {
            let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            let text = texts.get(&prepared.statement_id);
            let forgotten = || {
                Failure::new(
                    FailureKind::State,
                    "this statement with credentials is not kept any more; prepare it again",
                )
            };
            prepared.sql.clone_from(text.ok_or_else(forgotten)?);
        }
        Ok(())
    }
}

impl Shared {
    /// Prepares one statement.
    pub(super) async fn create_prepared(
        &self,
        call: &mut Call,
        sql: &str,
    ) -> Result<CreatePreparedStatementResult, Failure> {
        let description = self.executor.describe(call, sql).await?;
        let statement_id = QueryId::random().to_vec();
        let handle = PreparedHandle {
            sql: self.bound.keep_text(&statement_id, sql)?,
            statement_id,
            worker_id: self.executor.id.to_vec(),
        };
        Ok(CreatePreparedStatementResult {
            prepared_statement_handle: self.executor.seal(call, Work::Prepared(handle)),
            dataset_schema: description.schema.as_ref().map(schema_bytes).unwrap_or_default(),
            parameter_schema: schema_bytes(&description.parameters),
            is_update: Some(description.is_update),
        })
    }

    /// The prepared statement of a handle, with its text; the call becomes part of its session.
    pub(super) fn prepared(&self, call: &mut Call, handle: &[u8]) -> Result<PreparedHandle, Failure> {
        let mut prepared = self.open_prepared(call, handle)?;
        self.bound.complete(&mut prepared)?;
        Ok(prepared)
    }

    /// Forgets what is kept of a prepared statement.
    pub(super) fn close_prepared(&self, call: &mut Call, handle: &[u8]) -> Result<(), Failure> {
        let prepared = self.open_prepared(call, handle)?;
        self.bound.forget(&prepared);
        Ok(())
    }

    fn open_prepared(&self, call: &mut Call, handle: &[u8]) -> Result<PreparedHandle, Failure> {
        match self.executor.open(call, handle)?.work {
            Some(Work::Prepared(prepared)) => Ok(prepared),
            _ => Err(Failure::new(FailureKind::InvalidRequest, "this is not the handle of a prepared statement")),
        }
    }
}
