//! Flight SQL's transactions: one a session, while it is open all calls of the session run inside it.

use std::time::SystemTime;

use bytes::Bytes;
use tavana_wire::handle::Work;
use tavana_wire::{Failure, FailureKind};

use super::script::run_transaction;
use super::{Executor, blocking};
use crate::caller::Call;
use crate::session::Lease;
use crate::statement::TransactionControl;

impl Executor {
    /// Begins the session's transaction and gives its handle.
    ///
    /// # Errors
    /// `State` when one is open already.
    pub(crate) async fn begin(&self, call: &mut Call) -> Result<Bytes, Failure> {
        // The handle carries the session, so that even a client that keeps nothing else can go on with it.
        call.kept = true;
        let session = self.pin(call, "a transaction needs a session")?;
        if session.in_transaction() {
            let message = "a transaction is open in this session already; commit it or roll it back first";
            return Err(Failure::new(FailureKind::State, message));
        }
        self.control(call, "BEGIN TRANSACTION", TransactionControl::Begin).await?;
        let number = session.transaction_number().to_le_bytes().to_vec();
        Ok(self.seal(call, Work::Transaction(number)))
    }

    /// Ends the transaction of a handle.
    ///
    /// # Errors
    /// `State` when it is not open any more; what DuckDB says of the commit.
    pub(crate) async fn end(&self, call: &mut Call, handle: &[u8], commit: bool) -> Result<(), Failure> {
        let session = self.open_transaction(call, handle)?;
        if !session {
            return Err(Failure::new(FailureKind::State, "this transaction is not open any more"));
        }
        let (sql, control) =
            if commit { ("COMMIT", TransactionControl::Commit) } else { ("ROLLBACK", TransactionControl::Rollback) };
        self.control(call, sql, control).await
    }

    /// Makes the call part of the transaction that a handle names, if there is a handle.
    ///
    /// # Errors
    /// `State` when the transaction is not open any more.
    pub(crate) fn join_transaction(&self, call: &mut Call, handle: Option<&Bytes>) -> Result<(), Failure> {
        match handle {
            Some(handle) if !handle.is_empty() && !self.open_transaction(call, handle)? => {
                Err(Failure::new(FailureKind::State, "this transaction is not open any more"))
            }
            _ => Ok(()),
        }
    }

    /// Joins the session of a transaction handle; says whether that transaction is the one that is open.
    fn open_transaction(&self, call: &mut Call, handle: &[u8]) -> Result<bool, Failure> {
        let handle = self.sealer.open(handle, SystemTime::now())?;
        let Some(Work::Transaction(number)) = &handle.work else {
            return Err(Failure::new(FailureKind::InvalidRequest, "this is not the handle of a transaction"));
        };
        call.join(&handle)?;
        let session = self.pinned_session(call)?;
        Ok(session.is_some_and(|session| {
            session.in_transaction() && session.transaction_number().to_le_bytes()[..] == number[..]
        }))
    }

    async fn control(&self, call: &mut Call, sql: &'static str, control: TransactionControl) -> Result<(), Failure> {
        let Some(session) = self.pinned_session(call)? else {
            return Err(Failure::new(FailureKind::State, "there is no transaction in this session"));
        };
        let query = self.running.start(call.query_id, call);
        let lease = session.lease().await;
        let work = move |lease: &mut Lease| Ok(run_transaction(lease, &session, sql, control)?);
        blocking::blocking(&query, lease, work).await.map(|_| ())
    }
}
