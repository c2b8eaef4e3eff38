//! `COPY` to and from the client.

mod options;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::plan::{Plan, split};
use super::run::{Answer, Bounds, cancelled, failed, watched};
use super::{Session, Stop};
use crate::decode::{CopyColumn, CopyDecoder, CopyError};
use crate::encode::{CopyEncoder, Format, PgType};
use crate::error::PgError;
use crate::flight::{Outcome, Target};
use crate::message::Request;
use crate::stream::FLUSH_BYTES;
use crate::translate::{Columns, Command, Copy, CopyFormat, CopyPlace, CopySource};
use options::Marks;

/// Batches that wait for the gateway.
const BATCHES_AHEAD: usize = 2;

impl Session {
    /// Copies; `None` where no client takes part, which is DuckDB's to do.
    pub(super) async fn copy(&mut self, plan: &Arc<Plan>, bounds: &Bounds) -> Result<Option<Answer>, Stop> {
        let Command::Copy(copy) = &plan.command else { return Ok(None) };
        match (&copy.place, copy.is_from) {
            (CopyPlace::Client, false) => self.copy_out(plan, copy, bounds).await.map(Some),
            (CopyPlace::Client, true) => self.copy_in(plan, copy, bounds).await.map(Some),
            (CopyPlace::File(_), _) => Ok(None),
            (CopyPlace::Program(_), _) => {
                let message = "COPY cannot run a program on the server";
                Err(PgError::new("0A000", message).with_hint("Use COPY TO STDOUT, or psql's \\copy.").into())
            }
        }
    }

    async fn copy_out(&mut self, plan: &Arc<Plan>, copy: &Copy, bounds: &Bounds) -> Result<Answer, Stop> {
        let marks = Marks::new(copy)?;
        let query = match &copy.source {
            CopySource::Query(range) => self.copied_query(plan, range.clone(), bounds).await?,
            CopySource::Table { name, columns } => {
                self.check_columns(copy, name, columns, bounds).await?;
                let sql = format!("SELECT {} FROM {}", list(columns).unwrap_or_else(|| "*".to_owned()), path(name));
                Plan::new(&sql, 0..sql.len(), &self.settings)?
            }
        };
        let Outcome::Rows(mut rows) = self.send(&query, None, bounds).await? else {
            return Err(PgError::new("0A000", "COPY query must return rows").into());
        };
        if query.bare {
            rows = rows.without_columns();
        }
        // Clients read a binary copy by the types that a description of the query tells.
        let schema = query.told(rows.schema.clone());
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let format = marks.out(copy, &names)?;
        let wire = if copy.format == CopyFormat::Binary { Format::Binary } else { Format::Text };
        self.stream.reply.copy(b'H', wire, names.len());
        let mut encoder = CopyEncoder::new(schema.clone(), format, self.settings.text.clone());
        let mut count = 0;
        while let Some(batch) = watched(&mut self.stream, bounds, rows.next()).await?.map_err(failed(&query))? {
            let mut at = 0;
            while at < batch.num_rows() {
                let buffer = &mut self.stream.reply.buffer;
                at = encoder.encode(&batch, at..batch.num_rows(), buffer, FLUSH_BYTES).map_err(PgError::from)?;
                self.stream.flush_if_large().await?;
                if bounds.is_cancelled() {
                    return Err(cancelled().into());
                }
            }
            count += batch.num_rows() as u64;
        }
        encoder.finish(&mut self.stream.reply.buffer).map_err(PgError::from)?;
        self.stream.reply.bare(b'c');
        Ok(Answer::Done(format!("COPY {count}")))
    }

    /// The one statement inside the parentheses, which must give rows before it may change anything.
    async fn copied_query(&mut self, plan: &Plan, range: Range<usize>, bounds: &Bounds) -> Result<Plan, Stop> {
        let text = &plan.source[range.clone()];
        let syntax = |near: &str| PgError::new("42601", format!("syntax error at or near \"{near}\""));
        if split(text, &self.settings)?.len() != 1 {
            return Err(syntax(if text.contains(';') { ";" } else { ")" }).into());
        }
        let query = plan.inner(range, &self.settings)?;
        match query.command {
            Command::Select => Ok(query),
            Command::CreateTableAs if query.selects_into() => {
                Err(PgError::new("0A000", "COPY (SELECT INTO) is not supported").into())
            }
            Command::Insert | Command::Update | Command::Delete | Command::Merge => {
                let described = watched(&mut self.stream, bounds, self.flight.describe(&query.sql)).await?;
                match described.map_err(failed(&query))?.rows {
                    Some(_) => Ok(query),
                    None => Err(PgError::new("0A000", "COPY query must have a RETURNING clause").into()),
                }
            }
            _ => Err(syntax(text.split_whitespace().next().unwrap_or(")")).into()),
        }
    }

    /// The columns of a table.
    async fn columns_of(&mut self, name: &[String], bounds: &Bounds) -> Result<SchemaRef, Stop> {
        let sql = format!("SELECT * FROM {} LIMIT 0", path(name));
        let look = Plan::new(&sql, 0..sql.len(), &self.settings)?;
        let described = watched(&mut self.stream, bounds, self.flight.describe(&look.sql)).await?;
        Ok(described.map_err(failed(&look))?.rows.unwrap_or_else(|| Arc::new(Schema::empty())))
    }

    /// Checks the columns that a statement names. Those of the table are asked for only where a name in an option might
    /// be none of them.
    async fn check_columns(
        &mut self,
        copy: &Copy,
        name: &[String],
        columns: &[String],
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        if columns.is_empty() && copy.force_quote == Columns::None {
            return Ok(());
        }
        if matches!(copy.force_quote, Columns::Some(_)) {
            let schema = self.columns_of(name, bounds).await?;
            let table = name.last().map_or("", String::as_str);
            chosen(&schema, columns, table)?;
            check_options(copy, &schema, table)?;
        }
        only_once(columns)?;
        Ok(())
    }

    async fn copy_in(&mut self, plan: &Arc<Plan>, copy: &Copy, bounds: &Bounds) -> Result<Answer, Stop> {
        let CopySource::Table { name, columns } = &copy.source else {
            return Err(PgError::new("42601", "syntax error at or near \"from\"").into());
        };
        if self.is_read_only() {
            return Err(PgError::new("25006", "cannot execute COPY FROM in a read-only transaction").into());
        }
        if copy.condition.is_some() {
            let message = "COPY FROM with a WHERE clause is not supported";
            return Err(PgError::new("0A000", message)
                .with_hint("Copy into a temporary table and select from it.")
                .into());
        }
        let all = self.columns_of(name, bounds).await?;
        only_once(columns)?;
        let table = name.last().map_or("", String::as_str);
        let schema = chosen(&all, columns, table)?;
        let marks = Marks::new(copy)?;
        check_options(copy, &all, table)?;
        let input = marks.input(copy, &schema)?;
        let temporary = match &name[..] {
            [table] => self.flight.describe(&format!("FROM temp.main.{} LIMIT 0", identifier(table))).await.is_ok(),
            _ => false,
        };
        let target = target(name, temporary);
        let wire = if copy.format == CopyFormat::Binary { Format::Binary } else { Format::Text };
        self.stream.reply.copy(b'G', wire, schema.fields().len());
        self.stream.flush().await?;
        let copied: Vec<CopyColumn> = schema
            .fields()
            .iter()
            .map(|field| CopyColumn { name: field.name().clone(), pg_type: PgType::from_field(field) })
            .collect();
        let decoder = CopyDecoder::new(&target.table, copied, input, self.settings.text.clone());
        let rows = self.upload(plan, decoder, target, bounds).await?;
        Ok(Answer::Done(format!("COPY {rows}")))
    }

    /// Reads the client's rows and hands them on as they come.
    async fn upload(
        &mut self,
        plan: &Arc<Plan>,
        mut decoder: CopyDecoder,
        target: Target,
        bounds: &Bounds,
    ) -> Result<i64, Stop> {
        // The first batch tells the schema; with it the upload begins.
        let mut first = Vec::new();
        let mut ended = None;
        while first.is_empty() && ended.is_none() {
            match next_chunk(&mut self.stream, self.limits.message_bytes).await? {
                Chunk::Data(bytes) => match decoder.push(&bytes) {
                    Ok(batches) => first = batches,
                    // What the client still sends of it is passed over.
                    Err(error) => return Err(copy_error(error).into()),
                },
                Chunk::End => ended = Some(()),
                Chunk::Failed(reason) => return Err(copy_failed(&reason).into()),
            }
        }
        let mut decoder = Some(decoder);
        if ended.is_some()
            && let Some(decoder) = decoder.take()
        {
            first = decoder.finish().map_err(copy_error)?;
        }
        let Some(schema) = first.first().map(RecordBatch::schema) else { return Ok(0) };
        let (sender, receiver) = mpsc::channel::<Result<RecordBatch, FlightError>>(BATCHES_AHEAD);
        let ingest = self.flight.ingest(target, schema, ReceiverStream::new(receiver));
        tokio::pin!(ingest);
        let fed = {
            let stream = &mut self.stream;
            let limit = self.limits.message_bytes;
            let feed = async {
                let mut waiting = first;
                loop {
                    for batch in waiting.drain(..) {
                        if sender.send(Ok(batch)).await.is_err() {
                            // The gateway has failed and tells why.
                            return Ok::<_, Stop>(Fed::Refused);
                        }
                    }
                    let Some(reading) = &mut decoder else { return Ok(Fed::Whole) };
                    match next_chunk(stream, limit).await? {
                        Chunk::Data(bytes) => match reading.push(&bytes) {
                            Ok(batches) => waiting = batches,
                            Err(error) => return Ok(Fed::Broken(copy_error(error))),
                        },
                        Chunk::Failed(reason) => return Ok(Fed::Broken(copy_failed(&reason))),
                        Chunk::End => match decoder.take().map(CopyDecoder::finish) {
                            Some(Ok(batches)) => waiting = batches,
                            Some(Err(error)) => return Ok(Fed::Broken(copy_error(error))),
                            None => return Ok(Fed::Whole),
                        },
                    }
                }
            };
            tokio::pin!(feed);
            tokio::select! {
                fed = &mut feed => fed,
                outcome = &mut ingest => match outcome {
                    Err(status) => return Err(failed(plan)(status)),
                    Ok(_) => return Err(PgError::new("XX000", "the upload ended before its rows").into()),
                },
                () = bounds.cancelled() => {
                    return Err(cancelled().into());
                }
            }
        };
        match fed? {
            Fed::Whole | Fed::Refused => {
                drop(sender);
                ingest.await.map_err(failed(plan))
            }
            // The upload is given up with its sender still open, so that it is not taken for whole: nothing of it stays.
            Fed::Broken(error) => Err(error.into()),
        }
    }
}

/// How the feeding of an upload ended.
enum Fed {
    Whole,
    Refused,
    /// With an error.
    Broken(PgError),
}

enum Chunk {
    Data(bytes::Bytes),
    End,
    Failed(String),
}

/// The next piece of a copy.
async fn next_chunk(stream: &mut crate::stream::Stream, limit: usize) -> Result<Chunk, Stop> {
    loop {
        let (kind, body) = stream.next(limit).await?;
        match Request::read(kind, body).map_err(crate::stream::StreamError::from)? {
            Request::CopyData(bytes) => return Ok(Chunk::Data(bytes)),
            Request::CopyDone => return Ok(Chunk::End),
            Request::CopyFail(reason) => return Ok(Chunk::Failed(reason)),
            // Drivers send these behind Execute without waiting; a copy passes over them.
            Request::Flush | Request::Sync => {}
            Request::Terminate => return Err(crate::stream::StreamError::Gone.into()),
            _ => return Err(PgError::fatal("08P01", "unexpected message type during COPY from stdin").into()),
        }
    }
}

fn copy_error(error: CopyError) -> PgError {
    PgError { context: Some(error.context.clone()), ..PgError::new(error.sqlstate(), error.problem.to_string()) }
}

fn copy_failed(reason: &str) -> PgError {
    PgError::new("57014", format!("COPY from stdin failed: {reason}"))
}

/// Refuses a column that is named twice.
fn only_once(columns: &[String]) -> Result<(), PgError> {
    for (at, column) in columns.iter().enumerate() {
        if columns[..at].contains(column) {
            return Err(PgError::new("42701", format!("column \"{column}\" specified more than once")));
        }
    }
    Ok(())
}

/// The chosen columns of a table, all of them without a choice. Names are compared as DuckDB does, whatever their case.
fn chosen(all: &SchemaRef, columns: &[String], table: &str) -> Result<SchemaRef, PgError> {
    if columns.is_empty() {
        return Ok(Arc::clone(all));
    }
    let field = |column: &String| find(all, column).ok_or_else(|| no_column(column, table));
    let fields = columns.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

/// Refuses options that name columns which the table does not have.
fn check_options(copy: &Copy, all: &SchemaRef, table: &str) -> Result<(), PgError> {
    for columns in [&copy.force_quote, &copy.force_not_null, &copy.force_null] {
        let Columns::Some(columns) = columns else { continue };
        if let Some(unknown) = columns.iter().find(|column| find(all, column).is_none()) {
            return Err(no_column(unknown, table));
        }
    }
    Ok(())
}

fn find(schema: &SchemaRef, column: &str) -> Option<FieldRef> {
    schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(column)).cloned()
}

fn no_column(column: &str, table: &str) -> PgError {
    PgError::new("42703", format!("column \"{column}\" of relation \"{table}\" does not exist"))
}

/// A name with its qualifiers.
fn path(name: &[String]) -> String {
    name.iter().map(|part| identifier(part)).collect::<Vec<_>>().join(".")
}

fn list(columns: &[String]) -> Option<String> {
    (!columns.is_empty()).then(|| columns.iter().map(|column| identifier(column)).collect::<Vec<_>>().join(", "))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Where the rows of a table of this name go.
fn target(name: &[String], temporary: bool) -> Target {
    let schema = |schema: &String| Some(if schema == "public" { "main".to_owned() } else { schema.clone() });
    match name {
        [table] => Target { table: table.clone(), temporary, ..Target::default() },
        [first, table] => Target { schema: schema(first), table: table.clone(), ..Target::default() },
        [catalog, second, table] => {
            Target { catalog: Some(catalog.clone()), schema: schema(second), table: table.clone(), temporary: false }
        }
        _ => Target::default(),
    }
}
