//! Prepared statements: handles that travel, and the parameters that are bound to them here.

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

/// Prepared statements that can have parameters bound at a time; the one not used for longest is forgotten.
const MAX_BOUND: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

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
}

impl BoundParameters {
    pub(crate) fn new() -> Self {
        Self { bound: Mutex::new(LruCache::new(MAX_BOUND)) }
    }

    pub(super) fn bind(&self, prepared: &PreparedHandle, parameters: Parameters) {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        bound.put(prepared.statement_id.clone(), parameters);
    }

    pub(super) fn find(&self, prepared: &PreparedHandle) -> Result<Option<Parameters>, Failure> {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(bound.get(&prepared.statement_id).cloned())
    }

    pub(super) fn forget(&self, prepared: &PreparedHandle) {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).pop(&prepared.statement_id);
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
        let handle = PreparedHandle {
            statement_id: QueryId::random().to_vec(),
            sql: sql.to_owned(),
            worker_id: self.executor.id.to_vec(),
        };
        Ok(CreatePreparedStatementResult {
            prepared_statement_handle: self.executor.seal(call, Work::Prepared(handle)),
            dataset_schema: description.schema.as_ref().map(schema_bytes).unwrap_or_default(),
            parameter_schema: schema_bytes(&description.parameters),
            is_update: Some(description.is_update),
        })
    }

    /// The prepared statement of a handle; the call becomes part of its session.
    pub(super) fn prepared(&self, call: &mut Call, handle: &[u8]) -> Result<PreparedHandle, Failure> {
        match self.executor.open(call, handle)?.work {
            Some(Work::Prepared(prepared)) => Ok(prepared),
            _ => Err(Failure::new(FailureKind::InvalidRequest, "this is not the handle of a prepared statement")),
        }
    }
}
