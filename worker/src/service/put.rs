//! `DoPut`: updates, bound parameters, bulk ingest.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{Command, DoPutPreparedStatementResult, DoPutUpdateResult};
use arrow_flight::{FlightData, PutResult};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use prost::Message as _;
use tavana_wire::{Failure, FailureKind};
use tonic::Streaming;

use super::Shared;
use super::info::{command, refuse};
use crate::caller::Call;
use crate::execute::parameters::Parameters;

/// Bytes of parameters that one call may bind; larger data is ingested.
const MAX_PARAMETER_BYTES: usize = 256 * 1024 * 1024;

impl Shared {
    /// Takes a stream and does what its first message says.
    pub(super) async fn put(
        &self,
        call: &mut Call,
        mut stream: Streaming<FlightData>,
    ) -> Result<Vec<PutResult>, Failure> {
        let first = stream.message().await.map_err(broken)?;
        let first = first.ok_or_else(|| Failure::new(FailureKind::InvalidRequest, "the stream is empty"))?;
        let descriptor = first.flight_descriptor.clone().ok_or_else(|| {
            Failure::new(FailureKind::InvalidRequest, "the first message of the stream has no descriptor")
        })?;
        match command(&descriptor)? {
            Command::CommandStatementUpdate(update) => {
                self.executor.join_transaction(call, update.transaction_id.as_ref())?;
                let rows = self.executor.update(call, &update.query, None).await?;
                Ok(vec![updated(rows)])
            }
            Command::CommandPreparedStatementUpdate(update) => {
                let prepared = self.prepared(call, &update.prepared_statement_handle)?;
                let parameters = parameters(first, stream).await?;
                let rows = self.executor.update(call, &prepared.sql, parameters).await?;
                Ok(vec![updated(rows)])
            }
            Command::CommandPreparedStatementQuery(query) => {
                let prepared = self.prepared(call, &query.prepared_statement_handle)?;
                if let Some(parameters) = parameters(first, stream).await? {
                    self.bound.bind(&prepared, parameters);
                }
                let handle = Some(query.prepared_statement_handle);
                let result = DoPutPreparedStatementResult { prepared_statement_handle: handle };
                Ok(vec![PutResult { app_metadata: result.encode_to_vec().into() }])
            }
            Command::CommandStatementIngest(ingest) => {
                self.executor.join_transaction(call, ingest.transaction_id.as_ref())?;
                let (schema, batches) = batches(first, stream).await?;
                let rows = self.executor.ingest(call, ingest, schema, batches).await?;
                Ok(vec![updated(rows)])
            }
            other => Err(refuse(&other)),
        }
    }
}

fn updated(rows: i64) -> PutResult {
    PutResult { app_metadata: DoPutUpdateResult { record_count: rows }.encode_to_vec().into() }
}

/// All parameters of a stream; `None` when it brings no columns.
async fn parameters(first: FlightData, stream: Streaming<FlightData>) -> Result<Option<Parameters>, Failure> {
    if first.data_header.is_empty() {
        return Ok(None);
    }
    let (schema, mut batches) = batches(first, stream).await?;
    let mut parameters = Parameters { schema, batches: Vec::new() };
    let mut bytes = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        if bytes > MAX_PARAMETER_BYTES {
            let message = format!(
                "more than {MAX_PARAMETER_BYTES} bytes of parameters in one call; bind fewer rows a call, or ingest them"
            );
            return Err(Failure::new(FailureKind::LimitExceeded, message));
        }
        parameters.batches.push(batch);
    }
    Ok((!parameters.schema.fields().is_empty()).then_some(parameters))
}

/// The schema and the batches of a stream whose first message has been read.
async fn batches(
    first: FlightData,
    stream: Streaming<FlightData>,
) -> Result<(SchemaRef, impl Stream<Item = Result<RecordBatch, Failure>> + Unpin), Failure> {
    let messages =
        futures::stream::iter([Ok(first)]).chain(stream.map_err(|status| FlightError::Tonic(Box::new(status))));
    let messages = messages.map(|message| message.and_then(within_bounds));
    let mut batches = FlightRecordBatchStream::new_from_flight_data(messages);
    // The schema is known once the first batch, or the end, was seen.
    let head = batches.next().await.transpose().map_err(malformed)?;
    let schema = match (&head, batches.schema()) {
        (Some(batch), _) => batch.schema(),
        (None, Some(schema)) => Arc::clone(schema),
        (None, None) => Arc::new(Schema::empty()),
    };
    let rest = batches.map(|batch| batch.map_err(malformed));
    Ok((schema, futures::stream::iter(head.map(Ok)).chain(rest)))
}

/// Refuses a message whose buffers lie outside its body: the decoder of `arrow` panics on them.
fn within_bounds(message: FlightData) -> Result<FlightData, FlightError> {
    let outside = || FlightError::DecodeError("a buffer lies outside its message".to_owned());
    if message.data_header.is_empty() {
        return Ok(message);
    }
    let header = arrow::ipc::root_as_message(&message.data_header)
        .map_err(|error| FlightError::DecodeError(format!("the message header is malformed: {error}")))?;
    let dictionary = header.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let Some(batch) = header.header_as_record_batch().or(dictionary) else { return Ok(message) };
    let body = message.data_body.len() as u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let (offset, length) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length()));
        let (Ok(offset), Ok(length)) = (offset, length) else { return Err(outside()) };
        if offset.checked_add(length).is_none_or(|end| end > body) {
            return Err(outside());
        }
    }
    let nodes_fit = batch.nodes().into_iter().flatten().all(|node| node.length() >= 0 && node.null_count() >= 0);
    if batch.length() < 0 || !nodes_fit { Err(outside()) } else { Ok(message) }
}

fn malformed(error: FlightError) -> Failure {
    match error {
        FlightError::Tonic(status) => broken(*status),
        error => Failure::new(FailureKind::InvalidRequest, format!("the data is not valid Arrow: {error}")),
    }
}

fn broken(status: tonic::Status) -> Failure {
    let kind = match status.code() {
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => FailureKind::LimitExceeded,
        tonic::Code::InvalidArgument | tonic::Code::Internal => FailureKind::InvalidRequest,
        _ => FailureKind::Cancelled,
    };
    Failure::new(kind, format!("the client's stream broke: {}", status.message()))
}
