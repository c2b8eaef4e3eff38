//! Flight SQL's metadata: catalogs, tables, keys, types, and what the server can do.
//!
//! Every answer is one record batch of the schema that Flight SQL prescribes: clients read only the first batch of
//! some. Names come from DuckDB's own catalog functions on the session's connection, so that its temporary tables are there.

pub(crate) mod catalog;
pub(crate) mod keys;
pub(crate) mod sql_info;
pub(crate) mod type_info;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_empty_array};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::sql::Command;
use tavana_wire::{Failure, FailureKind};

use crate::engine::Connection;
use crate::session::Lease;

/// Whether a command asks for metadata.
pub(crate) fn is_metadata(command: &Command) -> bool {
    schema(command).is_some()
}

/// The schema of a metadata answer; `None` for commands that ask for none.
pub(crate) fn schema(command: &Command) -> Option<SchemaRef> {
    Some(match command {
        Command::CommandGetCatalogs(_) => catalog::catalogs_schema(),
        Command::CommandGetDbSchemas(_) => catalog::schemas_schema(),
        Command::CommandGetTables(request) => catalog::tables_schema(request.include_schema),
        Command::CommandGetTableTypes(_) => catalog::table_types_schema(),
        Command::CommandGetPrimaryKeys(_) => keys::primary_schema(),
        Command::CommandGetImportedKeys(_)
        | Command::CommandGetExportedKeys(_)
        | Command::CommandGetCrossReference(_) => keys::foreign_schema(),
        Command::CommandGetSqlInfo(_) => sql_info::schema(),
        Command::CommandGetXdbcTypeInfo(_) => type_info::schema(),
        _ => return None,
    })
}

/// The answer to a metadata command. Blocks.
///
/// # Errors
/// `InvalidRequest` for commands that ask for no metadata; what DuckDB says.
pub(crate) fn answer(lease: &mut Lease, command: Command) -> Result<RecordBatch, Failure> {
    match command {
        Command::CommandGetCatalogs(_) => catalog::catalogs(lease.connection()),
        Command::CommandGetDbSchemas(request) => catalog::schemas(lease.connection(), &request),
        Command::CommandGetTables(request) => catalog::tables(lease.connection(), &request),
        Command::CommandGetTableTypes(_) => catalog::table_types(),
        Command::CommandGetPrimaryKeys(request) => keys::primary(lease.connection(), &request),
        Command::CommandGetImportedKeys(request) => keys::imported(lease.connection(), &request),
        Command::CommandGetExportedKeys(request) => keys::exported(lease.connection(), &request),
        Command::CommandGetCrossReference(request) => keys::cross(lease.connection(), &request),
        Command::CommandGetSqlInfo(request) => sql_info::answer(lease.connection(), &request.info),
        Command::CommandGetXdbcTypeInfo(request) => type_info::answer(request.data_type),
        _ => Err(Failure::new(FailureKind::InvalidRequest, "this command asks for no metadata")),
    }
}

/// Runs a query of ours and gives its rows the types and the nullability that Flight SQL prescribes.
fn rows(connection: &Connection, sql: &str, parameters: &[&str], schema: SchemaRef) -> Result<RecordBatch, Failure> {
    let batches = connection.query(sql, parameters)?;
    let Some(first) = batches.first() else { return Ok(RecordBatch::new_empty(schema)) };
    let joined = concat_batches(&first.schema(), &batches).map_err(internal)?;
    shaped(&joined, schema)
}

/// The columns of a batch, cast to a schema.
fn shaped(batch: &RecordBatch, schema: SchemaRef) -> Result<RecordBatch, Failure> {
    let columns: Result<Vec<ArrayRef>, _> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if batch.num_rows() == 0 { Ok(new_empty_array(field.data_type())) } else { cast(column, field.data_type()) }
        })
        .collect();
    RecordBatch::try_new(schema, columns.map_err(internal)?).map_err(internal)
}

fn internal(error: arrow::error::ArrowError) -> Failure {
    Failure::new(FailureKind::Internal, format!("metadata could not be built: {error}"))
}

fn fields(fields: Vec<arrow::datatypes::Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

/// Conditions of a `WHERE`, with their parameters.
#[derive(Default)]
struct Conditions<'a> {
    clauses: Vec<String>,
    parameters: Vec<&'a str>,
}

impl<'a> Conditions<'a> {
    /// The column must be this, if anything is asked.
    fn equal(&mut self, column: &str, value: Option<&'a str>) {
        if let Some(value) = value {
            self.clauses.push(format!("{column} = ?"));
            self.parameters.push(value);
        }
    }

    /// The column must match this `LIKE` pattern with `\` as escape, if anything is asked.
    fn like(&mut self, column: &str, pattern: Option<&'a str>) {
        if let Some(pattern) = pattern {
            self.clauses.push(format!("{column} LIKE ? ESCAPE '\\'"));
            self.parameters.push(pattern);
        }
    }

    fn sql(&self) -> String {
        if self.clauses.is_empty() { "true".to_owned() } else { self.clauses.join(" AND ") }
    }
}
