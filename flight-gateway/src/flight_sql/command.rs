//! Unpacking the first message: what the request is for, and the sealed handles in it.
//!
//! SQL is not looked at: whether a statement writes is the worker's to decide, so every statement
//! counts as one that may.

use std::time::SystemTime;

use arrow_flight::sql::{Any, Command};
use arrow_flight::{Action, CancelFlightInfoRequest, FlightDescriptor, RenewFlightEndpointRequest, Ticket};
use bytes::Bytes;
use prost::Message as _;
use tavana_wire::estimate::Estimate;
use tavana_wire::handle::Work;
use tavana_wire::status::{self, QueryStatusRequest};
use tavana_wire::{Failure, Handle, QueryId, RunStatement, SealError, Sealer, run, session_option, statistics};

use super::{Method, PeekError};

/// What losing the worker in the middle of a request means, and who can serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reads metadata, prepares, sets: harmless to ask again.
    Look,
    /// Fetches a result: cut, it is not complete.
    Fetch,
    /// May write: cut, nobody knows whether it did.
    Run,
    /// Gives something back; when its holder is gone there is nothing left to give back.
    Release,
    /// Ends a session, like [`Purpose::Release`].
    CloseSession,
    /// Cancels a statement, wherever it runs.
    Cancel,
}

/// A request, understood.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// The statement in it, where the worker plans or runs one.
    pub(crate) statement: Option<AskedStatement>,
    /// The statement that it asks about, which only a gateway can answer.
    pub(crate) question: Option<QueryId>,
    sealed: Vec<Bytes>,
}

/// What a worker is to do with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Plan it, to be run later.
    Prepare,
    /// Plan it if it only reads, and run it now if not.
    Plan,
    /// Run it.
    Run,
}

/// A statement in a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AskedStatement {
    /// What is done with it.
    pub(crate) step: Step,
    /// Where its text is.
    pub(crate) text: StatementText,
}

/// A statement that a worker is to plan or run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    /// What is done with it.
    pub(crate) step: Step,
    /// Its text; empty for an ingest, and for a prepared statement whose text nobody may see.
    pub(crate) sql: String,
    /// Rows are loaded into a table.
    pub(crate) is_ingest: bool,
    /// How big it was thought to be when it was planned.
    pub(crate) estimate: Option<Estimate>,
}

/// Where the text of a statement is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StatementText {
    /// In the request.
    Here(String),
    /// In a sealed handle of the request.
    Sealed,
    /// There is none: rows are loaded into a table.
    Ingest,
}

/// Prefix of the type names of Flight SQL's commands.
const COMMAND_PREFIX: &str = "type.googleapis.com/";
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
const RENEW_FLIGHT_ENDPOINT: &str = "RenewFlightEndpoint";

/// The part of a `FlightData` that says where an upload belongs.
#[derive(Clone, PartialEq, prost::Message)]
struct UploadStart {
    #[prost(message, optional, tag = "1")]
    flight_descriptor: Option<FlightDescriptor>,
}

impl Asked {
    /// Understands the first message of a request.
    ///
    /// # Errors
    /// [`PeekError::NotProtobuf`] when it is none; what only Flight SQL could object to is left to the worker.
    pub(crate) fn read(method: Method, message: Option<&Bytes>) -> Result<Self, PeekError> {
        let Some(message) = message else { return Ok(Self::new(Purpose::Run, None)) };
        let message = message.clone();
        Ok(match method {
            Method::Handshake | Method::ListFlights | Method::ListActions => Self::new(Purpose::Look, None),
            Method::DoGet => Self::ticket(Ticket::decode(message)?.ticket)?,
            Method::DoAction => Self::action(Action::decode(message)?)?,
            Method::GetSchema => {
                let asked = Self::descriptor(method, FlightDescriptor::decode(message)?)?;
                Self { purpose: Purpose::Look, statement: None, ..asked }
            }
            Method::GetFlightInfo | Method::PollFlightInfo => {
                Self::descriptor(method, FlightDescriptor::decode(message)?)?
            }
            Method::DoPut | Method::DoExchange => {
                Self::upload(UploadStart::decode(message)?.flight_descriptor.unwrap_or_default())?
            }
        })
    }

    fn new(purpose: Purpose, sealed: impl IntoIterator<Item = Bytes>) -> Self {
        // An absent transaction may also come as an empty one.
        let sealed = sealed.into_iter().filter(|handle| !handle.is_empty()).collect();
        Self { purpose, statement: None, question: None, sealed }
    }

    fn with(self, step: Step, text: StatementText) -> Self {
        Self { statement: Some(AskedStatement { step, text }), ..self }
    }

    fn ticket(ticket: Bytes) -> Result<Self, PeekError> {
        let fetch = |sealed| Self::new(Purpose::Fetch, sealed).with(Step::Run, StatementText::Sealed);
        Ok(match command(&ticket)? {
            Some(Command::Unknown(any)) if any.type_url == run::TYPE_URL => {
                let run = RunStatement::decode(any.value)?;
                Self::new(Purpose::Run, None).with(Step::Run, StatementText::Here(run.sql))
            }
            Some(command) => fetch(handle_of(command)),
            None => fetch(Some(ticket)),
        })
    }

    fn descriptor(method: Method, descriptor: FlightDescriptor) -> Result<Self, PeekError> {
        let Some(command) = command(&descriptor.cmd)? else {
            // A poll goes on with a handle of ours as its descriptor; what it polls may write.
            return Ok(Self::new(Purpose::Run, [descriptor.cmd]));
        };
        let purpose = match command {
            Command::CommandStatementQuery(_)
            | Command::CommandStatementUpdate(_)
            | Command::CommandStatementSubstraitPlan(_)
            | Command::CommandPreparedStatementQuery(_)
            | Command::CommandPreparedStatementUpdate(_)
            | Command::Unknown(_) => Purpose::Run,
            _ => Purpose::Look,
        };
        let step = if method == Method::PollFlightInfo { Step::Run } else { Step::Plan };
        let text = match &command {
            Command::CommandStatementQuery(query) => Some(StatementText::Here(query.query.clone())),
            Command::CommandPreparedStatementQuery(_) => Some(StatementText::Sealed),
            _ => None,
        };
        let asked = Self::new(purpose, handle_of(command));
        Ok(match text {
            Some(text) => asked.with(step, text),
            None => asked,
        })
    }

    fn upload(descriptor: FlightDescriptor) -> Result<Self, PeekError> {
        let command = command(&descriptor.cmd)?;
        let binds = matches!(command, Some(Command::CommandPreparedStatementQuery(_)));
        let purpose = if binds { Purpose::Look } else { Purpose::Run };
        let text = match &command {
            Some(Command::CommandStatementUpdate(update)) => Some(StatementText::Here(update.query.clone())),
            Some(Command::CommandPreparedStatementUpdate(_)) => Some(StatementText::Sealed),
            Some(Command::CommandStatementIngest(_)) => Some(StatementText::Ingest),
            _ => None,
        };
        let asked = Self::new(purpose, command.and_then(handle_of));
        Ok(match text {
            Some(text) => asked.with(Step::Run, text),
            None => asked,
        })
    }

    fn action(action: Action) -> Result<Self, PeekError> {
        Ok(match action.r#type.as_str() {
            CANCEL_FLIGHT_INFO => {
                let info = CancelFlightInfoRequest::decode(action.body)?.info.unwrap_or_default();
                let tickets = info.endpoint.into_iter().filter_map(|endpoint| endpoint.ticket);
                Self::new(
                    Purpose::Cancel,
                    tickets.map(|ticket| sealed_in(ticket.ticket)).collect::<Result<Vec<_>, _>>()?,
                )
            }
            RENEW_FLIGHT_ENDPOINT => {
                let endpoint = RenewFlightEndpointRequest::decode(action.body)?.endpoint.unwrap_or_default();
                let ticket = endpoint.ticket.unwrap_or_default().ticket;
                Self::new(Purpose::Look, [sealed_in(ticket)?])
            }
            // A worker believes it of whoever has the service token, as every call from here does.
            status::PUT_OVERVIEW => return Err(PeekError::Private(status::PUT_OVERVIEW)),
            status::QUERY_STATUS => {
                let asked = QueryStatusRequest::decode(action.body)?;
                let query = QueryId::from_bytes(&asked.query_id);
                let query = query.ok_or_else(|| PeekError::NotProtobuf("a query_id has 16 bytes".to_owned()))?;
                Self { question: Some(query), ..Self::new(Purpose::Look, None) }
            }
            session_option::CLOSE_SESSION => Self::new(Purpose::CloseSession, None),
            session_option::GET_SESSION_OPTIONS | session_option::SET_SESSION_OPTIONS | statistics::STATISTICS => {
                Self::new(Purpose::Look, None)
            }
            _ => match command(&action.body)? {
                Some(command) => {
                    let purpose = action_purpose(&command);
                    let text = match &command {
                        Command::ActionCreatePreparedStatementRequest(create) => {
                            Some(StatementText::Here(create.query.clone()))
                        }
                        _ => None,
                    };
                    let asked = Self::new(purpose, handle_of(command));
                    match text {
                        Some(text) => asked.with(Step::Prepare, text),
                        None => asked,
                    }
                }
                None => Self::new(Purpose::Run, None),
            },
        })
    }

    /// The statement, with its text and what was estimated of it when it was planned; `None` when nothing is run.
    pub(crate) fn statement(&self, handles: &[Handle]) -> Option<Statement> {
        let asked = self.statement.as_ref()?;
        let (sql, estimate) = match &asked.text {
            StatementText::Here(sql) => (sql.clone(), None),
            StatementText::Ingest => (String::new(), None),
            StatementText::Sealed => handles.iter().find_map(|handle| match &handle.work {
                Some(Work::Statement(ticket)) => Some((ticket.sql.clone(), ticket.estimate.clone())),
                Some(Work::Prepared(prepared)) => Some((prepared.sql.clone(), None)),
                _ => None,
            })?,
        };
        Some(Statement { step: asked.step, sql, is_ingest: asked.text == StatementText::Ingest, estimate })
    }

    /// Opens the handles in the request. Bytes that are no sealed handle at all are left for the worker
    /// to refuse, so that the answer is the same with and without a gateway.
    ///
    /// # Errors
    /// When a handle was forged, has expired or belongs to another principal.
    pub(crate) fn open(&self, sealer: &Sealer, principal: &str) -> Result<Vec<Handle>, Failure> {
        let now = SystemTime::now();
        let open = |sealed: &Bytes| match sealer.open(sealed, now) {
            Ok(handle) => Some(handle.check_principal(principal).map(|()| handle)),
            Err(SealError::Malformed) => None,
            Err(error) => Some(Err(error.into())),
        };
        self.sealed.iter().filter_map(open).collect()
    }
}

/// What an action with a Flight SQL body is for.
fn action_purpose(command: &Command) -> Purpose {
    match command {
        Command::ActionBeginTransactionRequest(_)
        | Command::ActionBeginSavepointRequest(_)
        | Command::ActionCreatePreparedStatementRequest(_)
        | Command::ActionCreatePreparedSubstraitPlanRequest(_) => Purpose::Look,
        Command::ActionClosePreparedStatementRequest(_) => Purpose::Release,
        _ => Purpose::Run,
    }
}

/// The Flight SQL command in these bytes; `None` when they are something else. Sealed handles never
/// look like one: they begin with a byte that no protobuf message begins with.
fn command(bytes: &Bytes) -> Result<Option<Command>, PeekError> {
    match Any::decode(bytes.clone()) {
        Ok(any) if any.type_url.starts_with(COMMAND_PREFIX) => {
            let command = Command::try_from(any).map_err(|error| PeekError::NotProtobuf(error.to_string()))?;
            Ok(Some(command))
        }
        _ => Ok(None),
    }
}

/// The sealed handle of a ticket, which may be wrapped as Flight SQL's own ticket.
fn sealed_in(ticket: Bytes) -> Result<Bytes, PeekError> {
    Ok(match command(&ticket)? {
        Some(command) => handle_of(command).unwrap_or_default(),
        None => ticket,
    })
}

/// The sealed handle in a command.
fn handle_of(command: Command) -> Option<Bytes> {
    match command {
        Command::TicketStatementQuery(ticket) => Some(ticket.statement_handle),
        Command::CommandStatementQuery(query) => query.transaction_id,
        Command::CommandStatementUpdate(update) => update.transaction_id,
        Command::CommandStatementSubstraitPlan(plan) => plan.transaction_id,
        Command::CommandStatementIngest(ingest) => ingest.transaction_id,
        Command::CommandPreparedStatementQuery(query) => Some(query.prepared_statement_handle),
        Command::CommandPreparedStatementUpdate(update) => Some(update.prepared_statement_handle),
        Command::ActionCreatePreparedStatementRequest(create) => create.transaction_id,
        Command::ActionCreatePreparedSubstraitPlanRequest(create) => create.transaction_id,
        Command::ActionClosePreparedStatementRequest(close) => Some(close.prepared_statement_handle),
        Command::ActionEndTransactionRequest(end) => Some(end.transaction_id),
        Command::ActionBeginSavepointRequest(begin) => Some(begin.transaction_id),
        // Savepoints are not supported, so no id of one was ever given out.
        Command::ActionEndSavepointRequest(_)
        | Command::ActionBeginSavepointResult(_)
        | Command::ActionBeginTransactionRequest(_)
        | Command::ActionBeginTransactionResult(_)
        | Command::ActionCancelQueryRequest(_)
        | Command::ActionCancelQueryResult(_)
        | Command::ActionCreatePreparedStatementResult(_)
        | Command::CommandGetCatalogs(_)
        | Command::CommandGetCrossReference(_)
        | Command::CommandGetDbSchemas(_)
        | Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetPrimaryKeys(_)
        | Command::CommandGetSqlInfo(_)
        | Command::CommandGetTableTypes(_)
        | Command::CommandGetTables(_)
        | Command::CommandGetXdbcTypeInfo(_)
        | Command::DoPutPreparedStatementResult(_)
        | Command::DoPutUpdateResult(_)
        | Command::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_flight::sql::{
        ActionClosePreparedStatementRequest, ActionEndTransactionRequest, CommandGetTables,
        CommandPreparedStatementQuery, CommandStatementIngest, CommandStatementQuery, ProstMessageExt,
        TicketStatementQuery,
    };
    use arrow_flight::{FlightData, FlightEndpoint, FlightInfo};
    use proptest::prelude::*;
    use std::time::Duration;
    use tavana_wire::handle::Work;
    use tavana_wire::{FailureKind, Role, RunStatement, SessionState, seal};

    fn packed(command: &impl ProstMessageExt) -> Bytes {
        command.as_any().encode_to_vec().into()
    }

    fn descriptor(command: &impl ProstMessageExt) -> FlightDescriptor {
        FlightDescriptor::new_cmd(packed(command))
    }

    fn action(name: &str, body: Bytes) -> Action {
        Action { r#type: name.to_owned(), body }
    }

    fn asked(method: Method, message: &impl prost::Message) -> Asked {
        Asked::read(method, Some(&message.encode_to_vec().into())).unwrap()
    }

    fn check(method: Method, message: &(impl prost::Message + std::fmt::Debug), purpose: Purpose, sealed: &[&Bytes]) {
        let asked = asked(method, message);
        assert_eq!(asked.purpose, purpose, "{message:?}");
        assert_eq!(asked.sealed.iter().collect::<Vec<_>>(), sealed, "{message:?}");
    }

    fn sealer() -> Sealer {
        Sealer::random()
    }

    fn handle(principal: &str, expires_unix_ms: u64) -> Handle {
        let session = Some(SessionState::new(principal, Role::User));
        Handle { session, expires_unix_ms, work: Some(Work::Metadata(Bytes::new())) }
    }

    #[test]
    fn handles_are_found_wherever_clients_put_them() {
        let sealed = sealer().seal(&handle("ada", u64::MAX));
        let ticket = Ticket { ticket: sealed.clone() };
        check(Method::DoGet, &ticket, Purpose::Fetch, &[&sealed]);
        let wrapped = Ticket { ticket: packed(&TicketStatementQuery { statement_handle: sealed.clone() }) };
        check(Method::DoGet, &wrapped, Purpose::Fetch, &[&sealed]);

        let now = Ticket { ticket: RunStatement { sql: "select 1".into(), ..RunStatement::default() }.ticket() };
        check(Method::DoGet, &now, Purpose::Run, &[]);

        let query = CommandStatementQuery { query: "select 1".into(), transaction_id: Some(sealed.clone()) };
        check(Method::GetFlightInfo, &descriptor(&query), Purpose::Run, &[&sealed]);
        check(Method::GetSchema, &descriptor(&query), Purpose::Look, &[&sealed]);
        check(Method::PollFlightInfo, &FlightDescriptor::new_cmd(sealed.clone()), Purpose::Run, &[&sealed]);
        let prepared = CommandPreparedStatementQuery { prepared_statement_handle: sealed.clone() };
        check(Method::GetFlightInfo, &descriptor(&prepared), Purpose::Run, &[&sealed]);
        let upload = |command| FlightData {
            flight_descriptor: Some(command),
            data_body: vec![9; 99].into(),
            ..FlightData::default()
        };
        check(Method::DoPut, &upload(descriptor(&prepared)), Purpose::Look, &[&sealed]);
        let ingest =
            CommandStatementIngest { transaction_id: Some(sealed.clone()), ..CommandStatementIngest::default() };
        check(Method::DoPut, &upload(descriptor(&ingest)), Purpose::Run, &[&sealed]);

        let end = packed(&ActionEndTransactionRequest { transaction_id: sealed.clone(), action: 1 });
        check(Method::DoAction, &action("EndTransaction", end), Purpose::Run, &[&sealed]);
        let close = packed(&ActionClosePreparedStatementRequest { prepared_statement_handle: sealed.clone() });
        check(Method::DoAction, &action("ClosePreparedStatement", close), Purpose::Release, &[&sealed]);
        let endpoint = |ticket: &Ticket| FlightEndpoint { ticket: Some(ticket.clone()), ..FlightEndpoint::default() };
        let info = FlightInfo { endpoint: vec![endpoint(&ticket), endpoint(&wrapped)], ..FlightInfo::default() };
        let cancel = CancelFlightInfoRequest { info: Some(info) }.encode_to_vec().into();
        check(Method::DoAction, &action("CancelFlightInfo", cancel), Purpose::Cancel, &[&sealed, &sealed]);
        let renew = RenewFlightEndpointRequest { endpoint: Some(endpoint(&ticket)) }.encode_to_vec().into();
        check(Method::DoAction, &action("RenewFlightEndpoint", renew), Purpose::Look, &[&sealed]);
    }

    #[test]
    fn requests_without_handles_are_understood_too() {
        let query = CommandStatementQuery { query: "select 1".into(), transaction_id: None };
        check(Method::GetFlightInfo, &descriptor(&query), Purpose::Run, &[]);
        let query = CommandStatementQuery { transaction_id: Some(Bytes::new()), ..query };
        check(Method::GetFlightInfo, &descriptor(&query), Purpose::Run, &[]);
        check(Method::GetFlightInfo, &descriptor(&CommandGetTables::default()), Purpose::Look, &[]);
        check(Method::DoAction, &action("CloseSession", Bytes::new()), Purpose::CloseSession, &[]);
        check(Method::DoAction, &action("tavana.Statistics", vec![8, 1].into()), Purpose::Look, &[]);
        check(Method::DoAction, &action("SetSessionOptions", Bytes::new()), Purpose::Look, &[]);
        check(Method::DoAction, &action("Unheard", Bytes::from_static(b"of")), Purpose::Run, &[]);
        check(Method::DoPut, &FlightData::default(), Purpose::Run, &[]);
        assert_eq!(Asked::read(Method::DoPut, None).unwrap().purpose, Purpose::Run);
    }

    #[test]
    fn clients_cannot_ask_what_only_gateways_may() {
        let put = action("tavana.PutOverview", Bytes::new()).encode_to_vec().into();
        let refused = Asked::read(Method::DoAction, Some(&put)).unwrap_err();
        assert_eq!(refused.kind(), FailureKind::PermissionDenied);
    }

    #[test]
    fn only_ones_own_valid_handles_open() {
        let sealer = sealer();
        let now = SystemTime::now();
        let opened = |sealed: Bytes| asked(Method::DoGet, &Ticket { ticket: sealed }).open(&sealer, "ada");
        let refused = |sealed: Bytes| opened(sealed).unwrap_err().kind;
        let own = handle("ada", seal::expiry(now, Duration::from_secs(60)));
        assert_eq!(opened(sealer.seal(&own)), Ok(vec![own]));
        assert_eq!(refused(sealer.seal(&handle("eve", u64::MAX))), FailureKind::PermissionDenied);
        assert_eq!(refused(sealer.seal(&handle("ada", seal::unix_ms(now)))), FailureKind::State);
        assert_eq!(refused(Sealer::random().seal(&handle("ada", u64::MAX))), FailureKind::PermissionDenied);
        assert_eq!(refused(sealer.seal(&Handle::service_token(u64::MAX))), FailureKind::PermissionDenied);
        assert_eq!(opened(Bytes::from_static(b"the worker refuses this")), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let noise = Bytes::from(noise);
            for method in [Method::DoGet, Method::DoAction, Method::GetFlightInfo, Method::DoPut] {
                let _ = Asked::read(method, Some(&noise)).map(|asked| asked.open(&sealer(), "ada"));
            }
        }
    }
}
