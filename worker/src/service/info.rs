//! `GetFlightInfo`, `GetSchema` and fetching: what a command or a ticket stands for.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::sql::{Any, Command};
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, SchemaResult, Ticket};
use bytes::Bytes;
use prost::Message as _;
use tavana_wire::estimate::StatementSize;
use tavana_wire::handle::Work;
use tavana_wire::{Failure, FailureKind};

use super::Shared;
use crate::caller::Call;
use crate::execute::blocking::blocking;
use crate::execute::deliver::whole_body;
use crate::execute::plan::{Planned, schema_bytes};
use crate::metadata;
use crate::session::Lease;
use crate::stream::body::FlightBody;
use crate::stream::encoder::BatchEncoder;

impl Shared {
    /// What a command gives, and how to fetch it. Writes run here, once.
    pub(super) async fn flight_info(
        &self,
        call: &mut Call,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Failure> {
        let command = command(&descriptor)?;
        if let Some(schema) = metadata::schema(&command) {
            let ticket = self.executor.seal(call, Work::Metadata(descriptor.cmd.clone()));
            return Ok(flight_info(descriptor, Planned::Rows { schema, ticket }));
        }
        let planned = self.plan(call, command).await?;
        Ok(statement_info(call, descriptor, planned))
    }

    pub(super) async fn plan(&self, call: &mut Call, command: Command) -> Result<Planned, Failure> {
        match command {
            Command::CommandStatementQuery(query) => {
                self.executor.join_transaction(call, query.transaction_id.as_ref())?;
                self.executor.plan(call, &query.query, None).await
            }
            Command::CommandPreparedStatementQuery(query) => {
                let prepared = self.prepared(call, &query.prepared_statement_handle)?;
                let bound = self.bound.find(&prepared)?;
                self.executor.plan(call, &prepared.sql, bound).await
            }
            other => Err(refuse(&other)),
        }
    }

    /// The schema a command's result has, without running it.
    pub(super) async fn result_schema(
        &self,
        call: &mut Call,
        descriptor: FlightDescriptor,
    ) -> Result<SchemaResult, Failure> {
        let command = command(&descriptor)?;
        let schema = match metadata::schema(&command) {
            Some(schema) => schema,
            None => self.describe(call, command).await?,
        };
        Ok(SchemaResult { schema: schema_bytes(&schema) })
    }

    async fn describe(&self, call: &mut Call, command: Command) -> Result<SchemaRef, Failure> {
        let description = match command {
            Command::CommandStatementQuery(query) => {
                self.executor.join_transaction(call, query.transaction_id.as_ref())?;
                self.executor.describe(call, &query.query).await?
            }
            Command::CommandPreparedStatementQuery(query) => {
                let prepared = self.prepared(call, &query.prepared_statement_handle)?;
                self.executor.describe(call, &prepared.sql).await?
            }
            other => return Err(refuse(&other)),
        };
        if description.schema.is_none() && !description.is_update {
            let message = "the types of the result hang on parameters; bind values and ask for the flight info";
            return Err(Failure::new(FailureKind::Binding, message));
        }
        Ok(description.schema.unwrap_or_else(|| Arc::new(Schema::empty())))
    }

    /// The body of a ticket's result.
    pub(super) async fn fetch(&self, call: &mut Call, ticket: &[u8]) -> Result<FlightBody, Failure> {
        let handle = self.executor.sealer.open(ticket, std::time::SystemTime::now())?;
        match handle.work {
            Some(Work::Metadata(command)) => {
                self.executor.open(call, ticket)?;
                self.metadata(call, &command).await
            }
            _ => self.executor.fetch(call, ticket).await,
        }
    }

    async fn metadata(&self, call: &mut Call, command: &Bytes) -> Result<FlightBody, Failure> {
        let command = decode_command(command)?;
        let query = self.executor.running.start(call.query_id, call);
        let lease = self.executor.lease(call, None).await?;
        let work = move |lease: &mut Lease| encode(&metadata::answer(lease, command)?);
        let (_, frames) = blocking(&query, lease, work).await?;
        Ok(whole_body(frames))
    }
}

fn encode(batch: &RecordBatch) -> Result<Vec<crate::stream::frame::Frame>, Failure> {
    let (mut encoder, schema) = BatchEncoder::new(&batch.schema());
    let mut frames = vec![schema];
    encoder
        .encode(batch, &mut frames)
        .map_err(|error| Failure::new(FailureKind::Internal, format!("metadata could not be encoded: {error}")))?;
    Ok(frames)
}

/// The Flight SQL command of a descriptor.
pub(super) fn command(descriptor: &FlightDescriptor) -> Result<Command, Failure> {
    if descriptor.r#type() != DescriptorType::Cmd {
        let message = "this server speaks Flight SQL: the descriptor must hold a command, not a path";
        return Err(Failure::new(FailureKind::InvalidRequest, message));
    }
    decode_command(&descriptor.cmd)
}

fn decode_command(bytes: &Bytes) -> Result<Command, Failure> {
    let malformed = || Failure::new(FailureKind::InvalidRequest, "the command is not a Flight SQL command");
    let any = Any::decode(bytes.clone()).map_err(|_| malformed())?;
    Command::try_from(any).map_err(|_| malformed())
}

/// Says why a command cannot be planned.
pub(super) fn refuse(command: &Command) -> Failure {
    match command {
        Command::CommandStatementSubstraitPlan(_) | Command::ActionCreatePreparedSubstraitPlanRequest(_) => {
            Failure::new(FailureKind::Unsupported, "Substrait plans are not supported; send SQL")
        }
        Command::Unknown(any) if any.type_url.is_empty() => {
            Failure::new(FailureKind::InvalidRequest, "the command is not a Flight SQL command")
        }
        other => {
            let name = other.type_url().rsplit('.').next().unwrap_or_default().to_owned();
            Failure::new(FailureKind::InvalidRequest, format!("the command {name} does not belong here"))
        }
    }
}

/// The flight info of a statement, which tells its id, and its size where a gateway estimated that.
pub(super) fn statement_info(call: &Call, descriptor: FlightDescriptor, planned: Planned) -> FlightInfo {
    let size = StatementSize { query_id: call.query_id.to_vec(), estimate: call.estimate.clone() };
    FlightInfo { app_metadata: size.encode_to_vec().into(), ..flight_info(descriptor, planned) }
}

fn flight_info(descriptor: FlightDescriptor, planned: Planned) -> FlightInfo {
    let (schema, endpoint, total_records) = match planned {
        Planned::Rows { schema, ticket } => {
            // No location: the result is fetched over the connection that asked.
            let endpoint = FlightEndpoint { ticket: Some(Ticket { ticket }), ..FlightEndpoint::default() };
            (schema, vec![endpoint], -1)
        }
        Planned::Done { rows_changed } => (Arc::new(Schema::empty()), Vec::new(), rows_changed),
    };
    FlightInfo {
        schema: schema_bytes(&schema),
        flight_descriptor: Some(descriptor),
        endpoint,
        total_records,
        total_bytes: -1,
        ordered: true,
        app_metadata: Bytes::new(),
    }
}
