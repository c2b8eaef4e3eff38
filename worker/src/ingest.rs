//! Bulk ingest: a stream of batches into a table, all or nothing.
//!
//! The batches go through a short channel to one blocking thread that appends them inside a transaction, the
//! session's own if one is open. Whatever breaks (a bad batch, a full disk, a client that goes) rolls back what this ingest did.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use futures::{Stream, StreamExt as _};
use tavana_wire::{Failure, FailureKind, Role};
use tokio::sync::mpsc;

use crate::caller::Call;
use crate::engine::{Appender, Connection, quoted, sql_type};
use crate::execute::Executor;
use crate::execute::blocking::blocking;
use crate::session::Lease;

/// Batches that wait for DuckDB; a client further ahead waits itself.
const BATCHES_AHEAD: usize = 4;

/// What the `INSERT` of an ingest calls the rows that arrive.
const SOURCE: &str = "tavana_ingested_rows";

/// The catalog of temporary tables.
const TEMPORARY: &str = "temp";

/// What the blocking thread is sent.
enum Input {
    Batch(RecordBatch),
    End,
}

/// Where the rows go and how the table comes to be.
struct Target {
    catalog: String,
    schema: String,
    table: String,
    columns: SchemaRef,
    if_missing: TableNotExistOption,
    if_exists: TableExistsOption,
}

impl Executor {
    /// Ingests the batches of a stream; gives the number of rows.
    ///
    /// # Errors
    /// What the client's stream or DuckDB says; nothing of this ingest stays then.
    pub(crate) async fn ingest(
        &self,
        call: &mut Call,
        command: CommandStatementIngest,
        columns: SchemaRef,
        mut batches: impl Stream<Item = Result<RecordBatch, Failure>> + Unpin,
    ) -> Result<i64, Failure> {
        if call.role() < Role::User {
            return Err(Failure::new(FailureKind::PermissionDenied, "the role reader may not write"));
        }
        let lease = if command.temporary {
            self.pin(call, "a temporary table lives in its session")?.lease().await
        } else {
            self.lease(call, None).await?
        };
        let in_transaction = lease.session().is_some_and(|session| session.in_transaction());
        let query = self.running.start(call.query_id, &call.session.principal);
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let work = move |lease: &mut Lease| write(lease, &command, columns, in_transaction, receiver);
        let feed = async {
            while let Some(batch) = batches.next().await {
                // A writer that is gone has failed, and tells why itself.
                if sender.send(Input::Batch(batch?)).await.is_err() {
                    return Ok(());
                }
            }
            let _ = sender.send(Input::End).await;
            Ok(())
        };
        let writing = blocking(&query, lease, work);
        tokio::pin!(writing);
        let fed = tokio::select! {
            fed = feed => fed,
            written = &mut writing => return written.map(|(_, rows)| rows),
        };
        // Without an end in the channel the writer rolls back.
        drop(sender);
        let written = writing.await.map(|(_, rows)| rows);
        fed.and(written)
    }
}

fn write(
    lease: &mut Lease,
    command: &CommandStatementIngest,
    columns: SchemaRef,
    in_transaction: bool,
    receiver: mpsc::Receiver<Input>,
) -> Result<i64, Failure> {
    if !in_transaction {
        lease.connection().execute("BEGIN TRANSACTION")?;
    }
    let outcome = Target::resolve(lease.connection(), command, columns)
        .and_then(|target| target.write(lease.connection(), receiver));
    if !in_transaction {
        let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = lease.connection().execute(end);
        if ended.is_err() {
            lease.taint();
        }
        if outcome.is_ok() {
            ended?;
        }
    }
    lease.catalog_changed();
    outcome
}

impl Target {
    fn resolve(connection: &Connection, command: &CommandStatementIngest, columns: SchemaRef) -> Result<Self, Failure> {
        let invalid = |message: &str| Failure::new(FailureKind::InvalidRequest, message);
        if command.table.is_empty() {
            return Err(invalid("the table to ingest into has no name"));
        }
        if columns.fields().is_empty() {
            return Err(invalid("the data to ingest has no columns"));
        }
        let named = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        if command.temporary && (named(&command.catalog).is_some() || named(&command.schema).is_some()) {
            return Err(invalid("a temporary table has no catalog and no schema; leave them out"));
        }
        let options = command.table_definition_options.unwrap_or_default();
        let (catalog, schema) = if command.temporary {
            (TEMPORARY.to_owned(), "main".to_owned())
        } else {
            let catalog = match named(&command.catalog) {
                Some(catalog) => catalog,
                None => current(connection, "current_database()")?,
            };
            let schema = match named(&command.schema) {
                Some(schema) => schema,
                None if named(&command.catalog).is_some() => "main".to_owned(),
                None => current(connection, "current_schema()")?,
            };
            (catalog, schema)
        };
        Ok(Self {
            catalog,
            schema,
            table: command.table.clone(),
            columns,
            if_missing: options.if_not_exist(),
            if_exists: options.if_exists(),
        })
    }

    fn write(&self, connection: &Connection, mut receiver: mpsc::Receiver<Input>) -> Result<i64, Failure> {
        self.make_table(connection)?;
        let names: Vec<String> = self.columns.fields().iter().map(|field| quoted(field.name())).collect();
        let names = names.join(", ");
        let insert = format!("INSERT INTO {} ({names}) SELECT {names} FROM {SOURCE}", self.path());
        // Wrong columns are told before the first row, and even without one.
        connection.prepare(&format!("INSERT INTO {} ({names}) SELECT {}", self.path(), self.nulls()))?;
        let mut appender = Appender::open(connection, &insert, SOURCE, &self.columns)?;
        let mut rows = 0;
        loop {
            match receiver.blocking_recv() {
                Some(Input::Batch(batch)) => {
                    appender.append(&batch)?;
                    rows += i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
                }
                Some(Input::End) => break,
                None => return Err(Failure::new(FailureKind::Cancelled, "the client ended the ingest before its end")),
            }
        }
        appender.finish()?;
        Ok(rows)
    }

    /// Creates, replaces or finds the table, as the client asked.
    fn make_table(&self, connection: &Connection) -> Result<(), Failure> {
        let path = self.path();
        let exists = connection.prepare(&format!("FROM {path} LIMIT 0")).is_ok();
        let create = match (exists, self.if_exists, self.if_missing) {
            (true, TableExistsOption::Append, _) => return Ok(()),
            (true, TableExistsOption::Replace, _) => "CREATE OR REPLACE TABLE",
            (true, TableExistsOption::Fail | TableExistsOption::Unspecified, _) => {
                let message = format!("Catalog Error: Table with name \"{}\" already exists!", self.table);
                return Err(Failure::new(FailureKind::AlreadyExists, message));
            }
            (false, _, TableNotExistOption::Create) => "CREATE TABLE",
            (false, _, TableNotExistOption::Fail | TableNotExistOption::Unspecified) => {
                let message = format!("Catalog Error: Table with name {} does not exist!", self.table);
                return Err(Failure::new(FailureKind::NotFound, message));
            }
        };
        let columns: Result<Vec<String>, Failure> = self
            .columns
            .fields()
            .iter()
            .map(|field| Ok(format!("{} {}", quoted(field.name()), sql_type(field.data_type())?)))
            .collect();
        let (create, path) = if self.catalog == TEMPORARY {
            // DuckDB takes no catalog for a temporary table.
            (create.replace("TABLE", "TEMPORARY TABLE"), quoted(&self.table))
        } else {
            (create.to_owned(), path)
        };
        connection.execute(&format!("{create} {path} ({})", columns?.join(", ")))?;
        Ok(())
    }

    /// As many nulls as there are columns.
    fn nulls(&self) -> String {
        vec!["NULL"; self.columns.fields().len()].join(", ")
    }

    fn path(&self) -> String {
        format!("{}.{}.{}", quoted(&self.catalog), quoted(&self.schema), quoted(&self.table))
    }
}

fn current(connection: &Connection, function: &str) -> Result<String, Failure> {
    use arrow::array::AsArray as _;
    let batches = connection.query(&format!("SELECT {function}"), &[])?;
    let name = batches.first().map(|batch| batch.column(0).as_string::<i32>().value(0).to_owned());
    name.ok_or_else(|| Failure::new(FailureKind::Internal, "DuckDB told no current catalog"))
}
