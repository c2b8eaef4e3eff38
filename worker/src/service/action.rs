//! Actions: prepared statements, transactions, cancel, session options, and how the worker is.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use arrow_flight::sql::{
    ActionBeginSavepointRequest, ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionCancelQueryRequest,
    ActionCancelQueryResult, ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionEndSavepointRequest, ActionEndTransactionRequest, Any, EndTransaction, ProstMessageExt,
};
use arrow_flight::{Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use bytes::Bytes;
use prost::Message;
use tavana_wire::action::{self, WORKER_STATUS, WorkerStatus};
use tavana_wire::session_option::{
    CLOSE_SESSION, CloseSessionResult, CloseSessionStatus, GET_SESSION_OPTIONS, GetSessionOptionsResult, OptionValue,
    SET_SESSION_OPTIONS, SessionOptionValue, SetSessionOptionError, SetSessionOptionErrorValue,
    SetSessionOptionsRequest, SetSessionOptionsResult,
};
use tavana_wire::{Failure, FailureKind};

use super::Shared;
use crate::caller::Call;
use crate::session::backend::USE;

/// Every action, with a line for people who list them.
const ACTIONS: [(&str, &str); 12] = [
    ("CreatePreparedStatement", "Prepares one statement; gives its handle and schemas."),
    ("ClosePreparedStatement", "Forgets a prepared statement."),
    ("BeginTransaction", "Begins the transaction of the session."),
    ("EndTransaction", "Commits or rolls back the transaction."),
    ("CancelFlightInfo", "Cancels the statement of a flight info."),
    ("CancelQuery", "Cancels the statement of a flight info; the older form."),
    (SET_SESSION_OPTIONS, "Sets options of the session: catalog, schema, and the settings that SET allows."),
    (GET_SESSION_OPTIONS, "Reads the options of the session."),
    (CLOSE_SESSION, "Ends the session, its temporary tables and its transaction."),
    ("BeginSavepoint", "Not supported: DuckDB has no savepoints."),
    ("EndSavepoint", "Not supported: DuckDB has no savepoints."),
    (WORKER_STATUS, "How the worker is."),
];

pub(super) fn list() -> Vec<ActionType> {
    ACTIONS
        .iter()
        .map(|(name, description)| ActionType { r#type: (*name).to_owned(), description: (*description).to_owned() })
        .collect()
}

impl Shared {
    /// Does what an action says.
    pub(super) async fn action(&self, call: &mut Call, action: Action) -> Result<Vec<arrow_flight::Result>, Failure> {
        let body = &action.body;
        match action.r#type.as_str() {
            "CreatePreparedStatement" => {
                let request: ActionCreatePreparedStatementRequest = unpack(body)?;
                self.executor.join_transaction(call, request.transaction_id.as_ref())?;
                let result = self.create_prepared(call, &request.query).await?;
                let type_url = "type.googleapis.com/arrow.flight.protocol.sql.ActionCreatePreparedStatementResult";
                let any = Any { type_url: type_url.to_owned(), value: result.encode_to_vec().into() };
                Ok(vec![message(&any)])
            }
            "ClosePreparedStatement" => {
                let request: ActionClosePreparedStatementRequest = unpack(body)?;
                let prepared = self.prepared(call, &request.prepared_statement_handle)?;
                self.bound.forget(&prepared);
                Ok(Vec::new())
            }
            "BeginTransaction" => {
                let _: ActionBeginTransactionRequest = unpack(body)?;
                let transaction_id = self.executor.begin(call).await?;
                Ok(vec![message(&ActionBeginTransactionResult { transaction_id }.as_any())])
            }
            "EndTransaction" => self.end_transaction(call, unpack(body)?).await,
            "CancelFlightInfo" => self.cancel_flight_info(call, body),
            "CancelQuery" => self.cancel_query(call, unpack(body)?),
            SET_SESSION_OPTIONS => self.set_options(call, body).await,
            GET_SESSION_OPTIONS => Ok(vec![message(&self.options(call)?)]),
            CLOSE_SESSION => {
                self.executor.pinned.close(&call.session);
                Ok(vec![message(&CloseSessionResult { status: CloseSessionStatus::Closed.into() })])
            }
            "BeginSavepoint" => unpack::<ActionBeginSavepointRequest>(body).and_then(|_| Err(no_savepoints())),
            "EndSavepoint" => unpack::<ActionEndSavepointRequest>(body).and_then(|_| Err(no_savepoints())),
            "CreatePreparedSubstraitPlan" => {
                Err(Failure::new(FailureKind::Unsupported, "Substrait plans are not supported; send SQL"))
            }
            WORKER_STATUS => Ok(vec![message(&self.status())]),
            other => {
                let message = format!("there is no action `{other}`; ListActions tells which there are");
                Err(Failure::new(FailureKind::Unsupported, message))
            }
        }
    }

    async fn end_transaction(
        &self,
        call: &mut Call,
        request: ActionEndTransactionRequest,
    ) -> Result<Vec<arrow_flight::Result>, Failure> {
        let commit = match request.action() {
            EndTransaction::Commit => true,
            EndTransaction::Rollback => false,
            EndTransaction::Unspecified => {
                let message = "the request says neither commit nor rollback";
                return Err(Failure::new(FailureKind::InvalidRequest, message));
            }
        };
        self.executor.end(call, &request.transaction_id, commit).await?;
        Ok(Vec::new())
    }

    fn cancel_flight_info(&self, call: &mut Call, body: &Bytes) -> Result<Vec<arrow_flight::Result>, Failure> {
        let request = CancelFlightInfoRequest::decode(body.clone()).map_err(|_| malformed())?;
        let info = request.info.ok_or_else(malformed)?;
        let status = if self.cancel_info(call, &info)? { CancelStatus::Cancelled } else { CancelStatus::NotCancellable };
        Ok(vec![message(&CancelFlightInfoResult { status: status.into() })])
    }

    fn cancel_query(
        &self,
        call: &mut Call,
        request: ActionCancelQueryRequest,
    ) -> Result<Vec<arrow_flight::Result>, Failure> {
        let info = FlightInfo::decode(request.info).map_err(|_| malformed())?;
        // The older message has the same numbers for the same outcomes.
        let status = if self.cancel_info(call, &info)? { CancelStatus::Cancelled } else { CancelStatus::NotCancellable };
        Ok(vec![message(&ActionCancelQueryResult { result: status.into() }.as_any())])
    }

    fn cancel_info(&self, call: &mut Call, info: &FlightInfo) -> Result<bool, Failure> {
        let mut cancelled = false;
        for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
            let handle = self.executor.open(call, &ticket.ticket)?;
            if let Some(query) = handle.query_id() {
                cancelled |= self.executor.cancel(call, query);
            }
        }
        Ok(cancelled)
    }

    async fn set_options(&self, call: &mut Call, body: &Bytes) -> Result<Vec<arrow_flight::Result>, Failure> {
        let request = SetSessionOptionsRequest::decode(body.clone()).map_err(|_| malformed())?;
        let mut errors = BTreeMap::new();
        for (name, value) in request.session_options {
            let statement = match option_statement(&name, value.option_value) {
                Ok(statement) => statement,
                Err(error) => {
                    errors.insert(name, SetSessionOptionError { value: error.into() });
                    continue;
                }
            };
            if let Err(failure) = self.executor.update(call, &statement, None).await {
                let value = match failure.kind {
                    FailureKind::PermissionDenied | FailureKind::Unsupported => SetSessionOptionErrorValue::InvalidName,
                    _ => SetSessionOptionErrorValue::InvalidValue,
                };
                errors.insert(name, SetSessionOptionError { value: value.into() });
            }
        }
        Ok(vec![message(&SetSessionOptionsResult { errors })])
    }

    fn options(&self, call: &Call) -> Result<GetSessionOptionsResult, Failure> {
        let settings = match self.executor.pinned_session(call)? {
            Some(session) => session.session_state().settings,
            None => call.session.settings.clone(),
        };
        let option = |value: String| SessionOptionValue { option_value: Some(OptionValue::String(value)) };
        let unquoted = |value: String| value.trim_matches('\'').trim_matches('"').to_owned();
        let mut session_options = BTreeMap::new();
        for (name, value) in settings {
            if name == USE {
                let (catalog, schema) = value.split_once('.').unwrap_or((value.as_str(), "main"));
                session_options.insert("catalog".to_owned(), option(unquoted(catalog.to_owned())));
                session_options.insert("schema".to_owned(), option(unquoted(schema.to_owned())));
            } else {
                session_options.insert(name, option(unquoted(value)));
            }
        }
        Ok(GetSessionOptionsResult { session_options })
    }

    fn status(&self) -> WorkerStatus {
        WorkerStatus {
            version: action::VERSION,
            worker_id: self.executor.id.to_vec(),
            draining: self.draining.load(Ordering::Acquire),
            running_queries: self.executor.running.len() as u64,
            open_sessions: self.executor.pinned.len() as u64,
        }
    }
}

/// The statement that sets an option: what SQL can set, options set, through the same policy.
fn option_statement(name: &str, value: Option<OptionValue>) -> Result<String, SetSessionOptionErrorValue> {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.is_empty() {
        return Err(SetSessionOptionErrorValue::InvalidName);
    }
    let value = match value {
        None => return Ok(format!("RESET {}", if name == "catalog" { "schema" } else { name })),
        Some(OptionValue::String(value)) if name == "catalog" => return Ok(format!("USE {}", crate::engine::quoted(&value))),
        Some(OptionValue::String(value)) => text(&value),
        Some(OptionValue::Bool(value)) => value.to_string(),
        Some(OptionValue::Int64(value)) => value.to_string(),
        Some(OptionValue::Double(value)) => value.to_string(),
        Some(OptionValue::StringList(list)) => text(&list.values.join(",")),
    };
    Ok(format!("SET {name} = {value}"))
}

fn no_savepoints() -> Failure {
    Failure::new(FailureKind::Unsupported, "savepoints are not supported: DuckDB has none; use a transaction")
}

fn malformed() -> Failure {
    Failure::new(FailureKind::InvalidRequest, "the body of the action is malformed")
}

fn unpack<T: ProstMessageExt>(body: &Bytes) -> Result<T, Failure> {
    let any = Any::decode(body.clone()).map_err(|_| malformed())?;
    any.unpack().ok().flatten().ok_or_else(malformed)
}

fn message(message: &impl Message) -> arrow_flight::Result {
    arrow_flight::Result { body: message.encode_to_vec().into() }
}
