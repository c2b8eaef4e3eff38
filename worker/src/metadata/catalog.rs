//! Catalogs, schemas and tables.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables};
use tavana_wire::Failure;

use super::{Conditions, fields, internal, rows};
use crate::engine::{Connection, quoted};
use crate::execute::plan::schema_bytes;

/// What tables are called; JDBC's own names, which tools look for.
const TABLE_TYPES: [&str; 3] = ["LOCAL TEMPORARY", "TABLE", "VIEW"];

pub(super) fn catalogs_schema() -> SchemaRef {
    fields(vec![Field::new("catalog_name", DataType::Utf8, false)])
}

pub(super) fn schemas_schema() -> SchemaRef {
    fields(vec![Field::new("catalog_name", DataType::Utf8, true), Field::new("db_schema_name", DataType::Utf8, false)])
}

pub(super) fn tables_schema(include_schema: bool) -> SchemaRef {
    let mut columns = vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("table_type", DataType::Utf8, false),
    ];
    if include_schema {
        columns.push(Field::new("table_schema", DataType::Binary, false));
    }
    fields(columns)
}

pub(super) fn table_types_schema() -> SchemaRef {
    fields(vec![Field::new("table_type", DataType::Utf8, false)])
}

/// Every attached database, and `temp` where the session has something in it.
const CATALOGS: &str = "
    SELECT database_name FROM duckdb_databases()
    WHERE NOT internal AND database_name NOT IN ('pgc', 'pgc_rows') OR (database_name = 'temp'
        AND (EXISTS (FROM duckdb_tables() WHERE temporary) OR EXISTS (FROM duckdb_views() WHERE temporary AND NOT internal)))
    ORDER BY 1";

pub(super) fn catalogs(connection: &Connection) -> Result<RecordBatch, Failure> {
    rows(connection, CATALOGS, &[], catalogs_schema())
}

pub(super) fn schemas(connection: &Connection, request: &CommandGetDbSchemas) -> Result<RecordBatch, Failure> {
    let mut conditions = Conditions::default();
    conditions.equal("database_name", request.catalog.as_deref());
    conditions.like("schema_name", request.db_schema_filter_pattern.as_deref());
    let sql = format!(
        "SELECT database_name, schema_name FROM duckdb_schemas()
         WHERE database_name IN ({CATALOGS}) AND (database_name <> 'temp' OR schema_name = 'main') AND {}
         ORDER BY 1, 2",
        conditions.sql()
    );
    rows(connection, &sql, &conditions.parameters, schemas_schema())
}

pub(super) fn table_types() -> Result<RecordBatch, Failure> {
    let types: ArrayRef = Arc::new(StringArray::from_iter_values(TABLE_TYPES));
    RecordBatch::try_new(table_types_schema(), vec![types]).map_err(internal)
}

pub(super) fn tables(connection: &Connection, request: &CommandGetTables) -> Result<RecordBatch, Failure> {
    let mut conditions = Conditions::default();
    conditions.equal("catalog", request.catalog.as_deref());
    conditions.like("schema", request.db_schema_filter_pattern.as_deref());
    conditions.like("name", request.table_name_filter_pattern.as_deref());
    if !request.table_types.is_empty() {
        let places = vec!["?"; request.table_types.len()].join(", ");
        conditions.clauses.push(format!("type IN ({places})"));
        conditions.parameters.extend(request.table_types.iter().map(String::as_str));
    }
    let sql = format!(
        "SELECT catalog, schema, name, type FROM (
            SELECT database_name AS catalog, schema_name AS schema, table_name AS name,
                   if(temporary, 'LOCAL TEMPORARY', 'TABLE') AS type
            FROM duckdb_tables() WHERE NOT internal AND database_name NOT IN ('pgc', 'pgc_rows')
            UNION ALL
            SELECT database_name, schema_name, view_name, 'VIEW' FROM duckdb_views() WHERE NOT internal AND database_name NOT IN ('pgc', 'pgc_rows'))
         WHERE {} ORDER BY type, catalog, schema, name",
        conditions.sql()
    );
    let found = rows(connection, &sql, &conditions.parameters, tables_schema(false))?;
    if !request.include_schema {
        return Ok(found);
    }
    let details = Columns::read(connection)?;
    let column = |index: usize| found.column(index).as_string::<i32>();
    let schemas: Result<Vec<Vec<u8>>, Failure> = (0..found.num_rows())
        .map(|row| {
            let name =
                TableName { catalog: column(0).value(row), schema: column(1).value(row), table: column(2).value(row) };
            table_schema(connection, &name, &details)
        })
        .collect();
    let mut columns = found.columns().to_vec();
    columns.push(Arc::new(BinaryArray::from_iter_values(schemas?)));
    RecordBatch::try_new(tables_schema(true), columns).map_err(internal)
}

struct TableName<'a> {
    catalog: &'a str,
    schema: &'a str,
    table: &'a str,
}

/// The Arrow schema of a table, with Flight SQL's column metadata, as an IPC message.
fn table_schema(connection: &Connection, name: &TableName<'_>, details: &Columns) -> Result<Vec<u8>, Failure> {
    let path = format!("{}.{}.{}", quoted(name.catalog), quoted(name.schema), quoted(name.table));
    // A view whose tables are gone has no columns any more; it must not hide the others.
    let arrow = connection.prepare(&format!("FROM {path} LIMIT 0")).and_then(|prepared| prepared.schema());
    let arrow = arrow.ok().flatten().unwrap_or_else(|| Arc::new(Schema::empty()));
    let columns: Vec<Field> = arrow.fields().iter().map(|field| details.describe(name, field)).collect();
    Ok(schema_bytes(&fields(columns)).to_vec())
}

/// What DuckDB's catalog says of columns, beyond their Arrow types.
struct Columns(HashMap<[String; 4], ColumnDetails>);

struct ColumnDetails {
    type_name: String,
    nullable: bool,
    precision: Option<i32>,
    scale: Option<i32>,
    has_default: bool,
}

impl Columns {
    fn read(connection: &Connection) -> Result<Self, Failure> {
        let sql = "SELECT database_name, schema_name, table_name, column_name, data_type, is_nullable,
                          numeric_precision, numeric_scale, coalesce(column_default, '') LIKE 'nextval(%'
                   FROM duckdb_columns() WHERE NOT internal AND database_name NOT IN ('pgc', 'pgc_rows')";
        let mut columns = HashMap::new();
        for batch in connection.query(sql, &[])? {
            let text = |index: usize, row: usize| batch.column(index).as_string::<i32>().value(row).to_owned();
            let number = |index: usize, row: usize| {
                let column = batch.column(index).as_primitive::<Int32Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            for row in 0..batch.num_rows() {
                let details = ColumnDetails {
                    type_name: text(4, row),
                    nullable: batch.column(5).as_boolean().value(row),
                    precision: number(6, row),
                    scale: number(7, row),
                    has_default: batch.column(8).as_boolean().value(row),
                };
                columns.insert([text(0, row), text(1, row), text(2, row), text(3, row)], details);
            }
        }
        Ok(Self(columns))
    }

    fn describe(&self, table: &TableName<'_>, field: &Field) -> Field {
        let key = [table.catalog, table.schema, table.table, field.name()].map(str::to_owned);
        let mut metadata = field.metadata().clone();
        let mut note = |name: &str, value: String| {
            metadata.insert(format!("ARROW:FLIGHT:SQL:{name}"), value);
        };
        note("CATALOG_NAME", table.catalog.to_owned());
        note("SCHEMA_NAME", table.schema.to_owned());
        note("TABLE_NAME", table.table.to_owned());
        let mut nullable = true;
        if let Some(details) = self.0.get(&key) {
            nullable = details.nullable;
            note("TYPE_NAME", details.type_name.clone());
            note("IS_AUTO_INCREMENT", u8::from(details.has_default).to_string());
            for (name, value) in [("PRECISION", details.precision), ("SCALE", details.scale)] {
                if let Some(value) = value {
                    note(name, value.to_string());
                }
            }
        }
        note("IS_CASE_SENSITIVE", u8::from(matches!(field.data_type(), DataType::Utf8)).to_string());
        note("IS_READ_ONLY", "0".to_owned());
        note("IS_SEARCHABLE", "1".to_owned());
        field.clone().with_nullable(nullable).with_metadata(metadata)
    }
}
