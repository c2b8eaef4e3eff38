//! The table that an ingest writes to, and how it comes to be.

use arrow::datatypes::SchemaRef;
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use tavana_wire::{Failure, FailureKind};

use crate::engine::{Connection, quoted, sql_type};
use crate::statement::is_own_database;

/// The catalog of temporary tables.
pub(super) const TEMPORARY: &str = "temp";

/// Where the rows go and how the table comes to be.
pub(super) struct Target {
    catalog: String,
    schema: String,
    table: String,
    columns: SchemaRef,
    if_missing: TableNotExistOption,
    if_exists: TableExistsOption,
}

impl Target {
    pub(super) fn resolve(
        connection: &Connection,
        command: &CommandStatementIngest,
        columns: SchemaRef,
    ) -> Result<Self, Failure> {
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
        if let Some(catalog) = named(&command.catalog).filter(|catalog| is_own_database(catalog)) {
            let message = format!("the database {catalog} holds rows of the server's own; it can be read only");
            return Err(Failure::new(FailureKind::PermissionDenied, message));
        }
        let options = command.table_definition_options.unwrap_or_default();
        let (catalog, schema) = if command.temporary {
            (TEMPORARY.to_owned(), "main".to_owned())
        } else {
            let catalog = match named(&command.catalog) {
                Some(catalog) => catalog,
                None => current(connection, "system.main.current_database()")?,
            };
            let schema = match named(&command.schema) {
                Some(schema) => schema,
                None if named(&command.catalog).is_some() => "main".to_owned(),
                None => current(connection, "system.main.current_schema()")?,
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

    /// Creates, replaces or finds the table, as the client asked.
    ///
    /// # Errors
    /// When it is there and must not be, or the other way round, or a type has no name in SQL.
    pub(super) fn make_table(&self, connection: &Connection) -> Result<(), Failure> {
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
    pub(super) fn nulls(&self) -> String {
        vec!["NULL"; self.columns.fields().len()].join(", ")
    }

    /// Inserts all columns of `source`, a table or a query in parentheses, in their order.
    pub(super) fn insert_from(&self, source: &str) -> String {
        let names: Vec<String> = self.columns.fields().iter().map(|field| quoted(field.name())).collect();
        format!("INSERT INTO {} ({}) FROM {source}", self.path(), names.join(", "))
    }

    pub(super) fn columns(&self) -> &SchemaRef {
        &self.columns
    }

    pub(super) fn catalog(&self) -> &str {
        &self.catalog
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
