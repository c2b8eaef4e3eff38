//! Actions: prepared statements, transactions, cancel, session options, how the worker is, and what it knows of relations.

use std::collections::BTreeMap;

use arrow::array::AsArray as _;
use arrow_flight::sql::{
    ActionBeginSavepointRequest, ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionCancelQueryRequest,
    ActionCancelQueryResult, ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionEndSavepointRequest, ActionEndTransactionRequest, Any, EndTransaction, ProstMessageExt,
};
use arrow_flight::{Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use prost::Message;
use tavana_wire::action::{self, WORKER_STATUS, WorkerStatus};
use tavana_wire::capacity::{CapacityRequest, WATCH_CAPACITY};
use tavana_wire::session_option::{
    CLOSE_SESSION, CloseSessionResult, CloseSessionStatus, GET_SESSION_OPTIONS, GetSessionOptionsResult, OptionValue,
    SET_SESSION_OPTIONS, SessionOptionValue, SetSessionOptionError, SetSessionOptionErrorValue,
    SetSessionOptionsRequest, SetSessionOptionsResult,
};
use tavana_wire::statistics::{STATISTICS, StatisticsRequest};
use tavana_wire::status::{EXPLAIN, ExplainRequest, MAX_OVERVIEW_BYTES, Overview, PUT_OVERVIEW};
use tavana_wire::{Failure, FailureKind, GatewayId};

use super::Shared;
use crate::caller::{Call, Trust};
use crate::engine::quoted;
use crate::execute::blocking::blocking;
use crate::session::Lease;
use crate::session::backend::USE;

/// Every action, with a line for people who list them.
const ACTIONS: [(&str, &str); 16] = [
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
    (EXPLAIN, "DuckDB's plan of a statement, which does not run."),
    (WATCH_CAPACITY, "What the worker has room for, whenever that changes; for gateways."),
    (PUT_OVERVIEW, "The rows of the tables about statements that one of them may see; for gateways."),
    (STATISTICS, "What is known of relations before they are read: rows, bytes, files, columns."),
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
                self.close_prepared(call, &request.prepared_statement_handle)?;
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
            GET_SESSION_OPTIONS => Ok(vec![message(&self.options(call).await?)]),
            CLOSE_SESSION => {
                self.executor.pinned.close(&call.session);
                self.callers.forget(&call.session);
                Ok(vec![message(&CloseSessionResult { status: CloseSessionStatus::Closed.into() })])
            }
            "BeginSavepoint" => unpack::<ActionBeginSavepointRequest>(body).and_then(|_| Err(no_savepoints())),
            "EndSavepoint" => unpack::<ActionEndSavepointRequest>(body).and_then(|_| Err(no_savepoints())),
            "CreatePreparedSubstraitPlan" => {
                Err(Failure::new(FailureKind::Unsupported, "Substrait plans are not supported; send SQL"))
            }
            WORKER_STATUS => Ok(vec![message(&self.status())]),
            PUT_OVERVIEW => self.put_overview(call, body).map(|()| Vec::new()),
            STATISTICS => {
                let request = StatisticsRequest::decode(body.clone()).map_err(|_| malformed())?;
                Ok(vec![message(&self.executor.statistics(call, request).await?)])
            }
            EXPLAIN => {
                let request = ExplainRequest::decode(body.clone()).map_err(|_| malformed())?;
                Ok(vec![message(&self.executor.explain(call, request).await?)])
            }
            other => {
                let message = format!("there is no action `{other}`; ListActions tells which there are");
                Err(Failure::new(FailureKind::Unsupported, message))
            }
        }
    }

    /// The capacity of the worker, as often as it changes: the one action that goes on until the caller leaves.
    pub(super) fn watch_capacity(
        &self,
        call: &Call,
        body: &Bytes,
    ) -> Result<impl Stream<Item = arrow_flight::Result> + use<>, Failure> {
        // A gateway asks for itself, not for a user.
        let is_gateways_own = call.from_gateway && call.session.principal.is_empty();
        if !is_gateways_own && !call.is_admin() {
            let message = "what a worker has room for is told to gateways and administrators";
            return Err(Failure::new(FailureKind::PermissionDenied, message));
        }
        let request = CapacityRequest::decode(body.clone()).map_err(|_| malformed())?;
        let gateway = GatewayId::from_bytes(&request.gateway_id);
        Ok(self.memory.capacities(gateway).map(|capacity| message(&capacity)))
    }

    /// Keeps the rows that a gateway sends ahead of a statement.
    fn put_overview(&self, call: &Call, body: &Bytes) -> Result<(), Failure> {
        if !matches!(self.callers.trust, Trust::Gateways) {
            let message = "only a gateway may send rows of the tables about statements";
            return Err(Failure::new(FailureKind::PermissionDenied, message));
        }
        if body.len() > MAX_OVERVIEW_BYTES {
            let message = format!("an overview has at most {MAX_OVERVIEW_BYTES} bytes");
            return Err(Failure::new(FailureKind::LimitExceeded, message));
        }
        let overview = Overview::decode(body.clone()).map_err(|_| malformed())?;
        self.executor.overviews.put(call, &overview, body.len());
        Ok(())
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
        let status =
            if self.cancel_info(call, &info)? { CancelStatus::Cancelled } else { CancelStatus::NotCancellable };
        Ok(vec![message(&CancelFlightInfoResult { status: status.into() })])
    }

    fn cancel_query(
        &self,
        call: &mut Call,
        request: ActionCancelQueryRequest,
    ) -> Result<Vec<arrow_flight::Result>, Failure> {
        let info = FlightInfo::decode(request.info).map_err(|_| malformed())?;
        // The older message has the same numbers for the same outcomes.
        let status =
            if self.cancel_info(call, &info)? { CancelStatus::Cancelled } else { CancelStatus::NotCancellable };
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
        // By name, so that `catalog` comes before the `schema` that is in it.
        for (name, value) in request.session_options {
            if let Err(error) = self.set_option(call, &name, value.option_value).await {
                errors.insert(name, SetSessionOptionError { value: error.into() });
            }
        }
        Ok(vec![message(&SetSessionOptionsResult { errors })])
    }

    /// Sets an option: what SQL can set, options set, through the same policy.
    async fn set_option(
        &self,
        call: &mut Call,
        name: &str,
        value: Option<OptionValue>,
    ) -> Result<(), SetSessionOptionErrorValue> {
        let place = self.place(call).await.map_err(|_| SetSessionOptionErrorValue::Error)?;
        let statement = option_statement(name, value, &place)?;
        match self.executor.update(call, &statement, None).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(match failure.kind {
                FailureKind::PermissionDenied | FailureKind::Unsupported => SetSessionOptionErrorValue::InvalidName,
                _ => SetSessionOptionErrorValue::InvalidValue,
            }),
        }
    }

    /// The catalog and schema where the session looks unqualified names up.
    async fn place(&self, call: &Call) -> Result<[String; 2], Failure> {
        let query = self.executor.running.start(call.query_id, call);
        let lease = self.executor.lease(call, None).await?;
        let work = |lease: &mut Lease| {
            let batches =
                lease.connection().query("SELECT system.main.current_database(), system.main.current_schema()", &[])?;
            let name = |column: usize| batches[0].column(column).as_string::<i32>().value(0).to_owned();
            Ok([name(0), name(1)])
        };
        Ok(blocking(&query, lease, work).await?.1)
    }

    async fn options(&self, call: &Call) -> Result<GetSessionOptionsResult, Failure> {
        let settings = match self.executor.pinned_session(call)? {
            Some(session) => session.session_state().settings,
            None => call.session.settings.clone(),
        };
        let option = |value: String| SessionOptionValue { option_value: Some(OptionValue::String(value)) };
        let settings = settings.into_iter().filter(|(name, _)| name != USE);
        let mut session_options: BTreeMap<String, SessionOptionValue> =
            settings.map(|(name, value)| (name, option(value.trim_matches('\'').to_owned()))).collect();
        let [catalog, schema] = self.place(call).await?;
        session_options.insert("catalog".to_owned(), option(catalog));
        session_options.insert("schema".to_owned(), option(schema));
        Ok(GetSessionOptionsResult { session_options })
    }

    fn status(&self) -> WorkerStatus {
        WorkerStatus {
            version: action::VERSION,
            worker_id: self.executor.id.to_vec(),
            draining: self.memory.is_draining(),
            running_queries: self.executor.running.len() as u64,
            open_sessions: self.executor.pinned.len() as u64,
        }
    }
}

/// The statement that sets an option; no value means its default.
fn option_statement(
    name: &str,
    value: Option<OptionValue>,
    [catalog, schema]: &[String; 2],
) -> Result<String, SetSessionOptionErrorValue> {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.is_empty() {
        return Err(SetSessionOptionErrorValue::InvalidName);
    }
    let value = match (name, value) {
        ("catalog" | "schema", None) => return Ok("RESET schema".to_owned()),
        // The other catalog may have no such schema; its main one it has.
        ("catalog", Some(OptionValue::String(value))) if value == *catalog => {
            return Ok(format!("USE {}.{}", quoted(&value), quoted(schema)));
        }
        ("catalog", Some(OptionValue::String(value))) => return Ok(format!("USE {}.main", quoted(&value))),
        ("schema", Some(OptionValue::String(value))) => {
            return Ok(format!("USE {}.{}", quoted(catalog), quoted(&value)));
        }
        ("catalog" | "schema", Some(_)) => return Err(SetSessionOptionErrorValue::InvalidValue),
        (_, None) => return Ok(format!("RESET {name}")),
        (_, Some(OptionValue::String(value))) => text(&value),
        (_, Some(OptionValue::Bool(value))) => value.to_string(),
        (_, Some(OptionValue::Int64(value))) => value.to_string(),
        (_, Some(OptionValue::Double(value))) => value.to_string(),
        (_, Some(OptionValue::StringList(list))) => text(&list.values.join(",")),
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
