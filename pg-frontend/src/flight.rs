//! The gateway, as a client of Flight SQL sees it: one session, its token, its statements.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, CommandStatementIngest,
    DoPutUpdateResult, ProstMessageExt as _, TableDefinitionOptions, TableExistsOption, TableNotExistOption,
};
use arrow_flight::{Action, Empty, FlightDescriptor, HandshakeRequest, IpcMessage, Ticket};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use http::HeaderValue;
use prost::Message as _;
use tavana_daemon::peer::PeerService;
use tavana_daemon::service_token::ServiceToken;
use tavana_wire::status::{self, QUERY_STATUS, QueryStatus, QueryStatusRequest};
use tavana_wire::{QueryId, RunStatement, headers};
use tokio::sync::oneshot;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

use crate::error::PgError;

/// Where sessions begin.
pub struct Gateway {
    /// Ways to call it, at least one; sessions take them in turn.
    connections: Vec<PeerService>,
    turn: AtomicUsize,
    token: Arc<ServiceToken>,
}

/// One session with the gateway.
pub struct Session {
    client: FlightServiceClient<PeerService>,
    bearer: HeaderValue,
    token: Arc<ServiceToken>,
}

/// Asks how a statement is while it runs.
pub struct Asker {
    client: FlightServiceClient<PeerService>,
    bearer: HeaderValue,
    query: QueryId,
}

/// What a statement came to.
pub enum Outcome {
    /// Rows to read.
    Rows(Rows),
    /// It changed so many; -1 when it is not of the kind that changes any.
    Changed(i64),
}

/// The rows of a statement that runs; dropping them ends it.
pub struct Rows {
    decoder: FlightDataDecoder,
    /// Their schema.
    pub schema: SchemaRef,
    /// Their columns are left out.
    is_bare: bool,
}

/// What is known of a statement before it runs.
#[derive(Clone, Debug)]
pub struct Description {
    /// The schema of its rows; none when it returns none, or when that hangs on parameters.
    pub rows: Option<SchemaRef>,
    /// The schema of its parameters.
    pub parameters: Schema,
}

/// Where rows are appended.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The database, the session's own without.
    pub catalog: Option<String>,
    /// The schema, the session's own without.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// It is one of the session's temporary tables.
    pub temporary: bool,
}

impl Gateway {
    /// The gateway behind `connections`, of which there is at least one, and which trusts `token`.
    pub fn new(connections: Vec<PeerService>, token: ServiceToken) -> Self {
        Self { connections, turn: AtomicUsize::new(0), token: Arc::new(token) }
    }

    /// Whether the gateway answers at all.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn answers(&self) -> Result<(), String> {
        let Some(connection) = self.connections.first() else { return Err("there is no connection".to_owned()) };
        match FlightServiceClient::new(connection.clone()).list_actions(Empty {}).await {
            Err(status) if status.code() == Code::Unavailable => Err(status.message().to_owned()),
            // A refusal is an answer, too.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Begins a session of a user whom we have logged in.
    ///
    /// # Errors
    /// What the gateway says; 08006 when it cannot be reached.
    pub async fn login(&self, principal: &str) -> Result<Session, PgError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let connection = self.connections.get(turn % self.connections.len().max(1));
        let connection = connection.ok_or_else(|| PgError::fatal("08006", "there is no connection to the gateway"))?;
        let mut client = FlightServiceClient::new(connection.clone()).max_decoding_message_size(usize::MAX);
        let mut own = http::HeaderMap::new();
        own.insert(headers::SERVICE, self.token.header());
        let principal = HeaderValue::try_from(principal)
            .map_err(|_| PgError::fatal("28000", "a user's name holds printable ASCII only"))?;
        own.insert(headers::PRINCIPAL, principal);
        let messages = futures::stream::iter([HandshakeRequest::default()]);
        let mut request = Request::new(messages);
        *request.metadata_mut() = MetadataMap::from_headers(own);
        let reply = client.handshake(request).await.map_err(|status| PgError::from_status(&status, None))?;
        let bearer = reply.metadata().as_ref().get(http::header::AUTHORIZATION).cloned();
        let bearer = bearer.ok_or_else(|| PgError::fatal("08006", "the gateway gave no session"))?;
        let mut messages = reply.into_inner();
        while messages.message().await.map_err(|status| PgError::from_status(&status, None))?.is_some() {}
        Ok(Session { client, bearer, token: Arc::clone(&self.token) })
    }
}

impl Session {
    /// Runs a text, once; of several statements the last one's result is given.
    ///
    /// # Errors
    /// The status as the gateway gave it.
    pub async fn run(&mut self, sql: &str, parameters: Option<&RecordBatch>) -> Result<Outcome, Status> {
        self.run_as(QueryId::random(), sql, parameters).await
    }

    /// Asks about a statement that is about to run as `query`.
    pub fn asker(&self, query: QueryId) -> Asker {
        Asker { client: self.client.clone(), bearer: self.bearer.clone(), query }
    }

    /// As [`Session::run`], as the statement of this id.
    ///
    /// # Errors
    /// The status as the gateway gave it.
    pub async fn run_as(
        &mut self,
        query: QueryId,
        sql: &str,
        parameters: Option<&RecordBatch>,
    ) -> Result<Outcome, Status> {
        let parameters = parameters.map(encode).transpose()?.unwrap_or_default();
        let ticket = RunStatement { sql: sql.to_owned(), parameters }.ticket();
        let mut request = self.request(Ticket { ticket });
        let own = request.metadata_mut().as_mut();
        own.insert(headers::SERVICE, self.token.header());
        if let Ok(query) = HeaderValue::try_from(query.to_string()) {
            own.insert(headers::QUERY_ID, query);
        }
        let reply = self.client.do_get(request).await;
        let reply = self.adopt_reply(reply)?;
        let changed = reply.metadata().as_ref().get(&headers::ROWS_CHANGED).cloned();
        if let Some(rows) = changed {
            let mut stream = reply.into_inner();
            while stream.message().await?.is_some() {}
            return Ok(Outcome::Changed(rows.to_str().ok().and_then(|rows| rows.parse().ok()).unwrap_or(-1)));
        }
        let messages = reply.into_inner().map_err(|status| FlightError::Tonic(Box::new(status)));
        let mut decoder = FlightDataDecoder::new(messages);
        let schema = loop {
            match decoder.next().await {
                Some(Ok(decoded)) => match decoded.payload {
                    DecodedPayload::Schema(schema) => break schema,
                    DecodedPayload::None => {}
                    DecodedPayload::RecordBatch(_) => return Err(Status::internal("rows came before their schema")),
                },
                Some(Err(error)) => return Err(status_of(error)),
                None => return Err(Status::internal("a result came without a schema")),
            }
        };
        Ok(Outcome::Rows(Rows { decoder, schema, is_bare: false }))
    }

    /// Runs a text whose result is small and wanted whole.
    ///
    /// # Errors
    /// The status as the gateway gave it.
    pub async fn collect(&mut self, sql: &str, parameters: Option<&RecordBatch>) -> Result<Vec<RecordBatch>, Status> {
        let mut batches = Vec::new();
        if let Outcome::Rows(mut rows) = self.run(sql, parameters).await? {
            while let Some(batch) = rows.next().await? {
                batches.push(batch);
            }
        }
        Ok(batches)
    }

    /// What is known of a statement, without running it.
    ///
    /// # Errors
    /// The status as the gateway gave it.
    pub async fn describe(&mut self, sql: &str) -> Result<Description, Status> {
        let create = ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
        let body = create.as_any().encode_to_vec().into();
        let request = self.request(Action { r#type: "CreatePreparedStatement".to_owned(), body });
        let reply = self.client.do_action(request).await;
        let mut results = self.adopt_reply(reply)?.into_inner();
        let malformed = || Status::internal("the gateway's answer is no prepared statement");
        let result = results.message().await?.ok_or_else(malformed)?;
        // A stream that is dropped before its end is reset, which costs both sides more than its trailers.
        while results.message().await?.is_some() {}
        let any = Any::decode(result.body).map_err(|_| malformed())?;
        let result: ActionCreatePreparedStatementResult = any.unpack().ok().flatten().ok_or_else(malformed)?;
        let schema = |bytes: bytes::Bytes| match bytes.is_empty() {
            true => Ok(Schema::empty()),
            false => Schema::try_from(IpcMessage(bytes)).map_err(|_| malformed()),
        };
        let rows = schema(result.dataset_schema)?;
        let rows = (!rows.fields().is_empty()).then(|| Arc::new(rows));
        Ok(Description { rows, parameters: schema(result.parameter_schema)? })
    }

    /// Appends batches to a table; gives the number of rows.
    ///
    /// # Errors
    /// The status as the gateway gave it; nothing of this ingest stays then.
    pub async fn ingest(
        &mut self,
        target: Target,
        columns: SchemaRef,
        batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
    ) -> Result<i64, Status> {
        let options = TableDefinitionOptions {
            if_not_exist: TableNotExistOption::Fail.into(),
            if_exists: TableExistsOption::Append.into(),
        };
        let command = CommandStatementIngest {
            table_definition_options: Some(options),
            table: target.table,
            schema: target.schema,
            catalog: target.catalog,
            temporary: target.temporary,
            ..CommandStatementIngest::default()
        };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let messages = FlightDataEncoderBuilder::new()
            .with_schema(columns)
            .with_flight_descriptor(Some(descriptor))
            .build(batches);
        // The end of the stream is the end of the rows, so what breaks on our side must not look like one.
        let (broken, breaks) = oneshot::channel();
        let mut broken = Some(broken);
        let messages = messages.filter_map(move |message| {
            let message = message.map_err(|error| broken.take().map(|broken| broken.send(error)));
            async move {
                match message {
                    Ok(message) => Some(message),
                    Err(_) => std::future::pending().await,
                }
            }
        });
        let request = self.request(messages);
        let reply = tokio::select! {
            reply = self.client.do_put(request) => reply,
            Ok(error) = breaks => return Err(status_of(error)),
        };
        let mut results = self.adopt_reply(reply)?.into_inner();
        let result = results.message().await?.ok_or_else(|| Status::internal("the ingest gave no count"))?;
        while results.message().await?.is_some() {}
        let update =
            DoPutUpdateResult::decode(result.app_metadata).map_err(|_| Status::internal("the ingest gave no count"))?;
        Ok(update.record_count)
    }

    /// Tells the gateway that the session lives.
    ///
    /// # Errors
    /// What the gateway says; FATAL when the session is lost.
    pub async fn keep_alive(&mut self) -> Result<(), PgError> {
        let request = self.request(Action { r#type: "GetSessionOptions".to_owned(), body: Default::default() });
        let reply = self.client.do_action(request).await;
        let mut results = self.adopt_reply(reply).map_err(|status| PgError::from_status(&status, None))?.into_inner();
        while results.message().await.map_err(|status| PgError::from_status(&status, None))?.is_some() {}
        Ok(())
    }

    /// Ends the session: what it holds on its worker goes.
    pub async fn close(&mut self) {
        let request = self.request(Action { r#type: "CloseSession".to_owned(), body: Default::default() });
        // When it cannot be reached, the worker finds the session idle.
        let _ = self.client.do_action(request).await;
    }

    fn request<T>(&self, message: T) -> Request<T> {
        with_bearer(message, &self.bearer)
    }

    /// Takes a renewed token from a reply, a refusal's too.
    fn adopt_reply<T>(&mut self, reply: Result<tonic::Response<T>, Status>) -> Result<tonic::Response<T>, Status> {
        let metadata = match &reply {
            Ok(reply) => reply.metadata(),
            Err(status) => status.metadata(),
        };
        if let Some(bearer) = metadata.as_ref().get(http::header::AUTHORIZATION) {
            self.bearer = bearer.clone();
        }
        reply
    }
}

impl Asker {
    /// How the statement is now.
    ///
    /// # Errors
    /// The status as the gateway gave it.
    pub async fn status(&mut self) -> Result<QueryStatus, Status> {
        let asked = QueryStatusRequest { version: status::VERSION, query_id: self.query.to_vec() };
        let action = Action { r#type: QUERY_STATUS.to_owned(), body: asked.encode_to_vec().into() };
        let mut results = self.client.do_action(with_bearer(action, &self.bearer)).await?.into_inner();
        let result = results.message().await?.ok_or_else(|| Status::internal("the gateway told no status"))?;
        QueryStatus::decode(result.body).map_err(|_| Status::internal("the gateway's status cannot be read"))
    }
}

fn with_bearer<T>(message: T, bearer: &HeaderValue) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().as_mut().insert(http::header::AUTHORIZATION, bearer.clone());
    request
}

impl Rows {
    /// The same rows without their columns.
    pub fn without_columns(self) -> Self {
        Self { schema: Arc::new(Schema::empty()), is_bare: true, ..self }
    }

    /// The next batch; `None` once the result is whole.
    ///
    /// # Errors
    /// The status that broke it.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, Status> {
        loop {
            match self.decoder.next().await {
                Some(Ok(decoded)) => match decoded.payload {
                    DecodedPayload::RecordBatch(batch) if self.is_bare => {
                        return batch.project(&[]).map(Some).map_err(|error| status_of(error.into()));
                    }
                    DecodedPayload::RecordBatch(batch) => return Ok(Some(batch)),
                    DecodedPayload::None | DecodedPayload::Schema(_) => {}
                },
                Some(Err(error)) => return Err(status_of(error)),
                None => return Ok(None),
            }
        }
    }
}

/// One row of parameters as tickets carry it.
fn encode(batch: &RecordBatch) -> Result<bytes::Bytes, Status> {
    let mut bytes = Vec::new();
    let write = |bytes: &mut Vec<u8>| {
        let mut writer = StreamWriter::try_new(bytes, batch.schema_ref())?;
        writer.write(batch)?;
        writer.finish()
    };
    write(&mut bytes).map_err(|error| Status::internal(format!("parameters could not be encoded: {error}")))?;
    Ok(bytes.into())
}

fn status_of(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => Status::internal(format!("the gateway's answer cannot be read: {other}")),
    }
}
