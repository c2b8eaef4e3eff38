//! Primary and foreign keys.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetExportedKeys, CommandGetImportedKeys, CommandGetPrimaryKeys,
};
use tavana_wire::Failure;

use super::{Conditions, fields, rows};
use crate::engine::Connection;

/// A rule that refuses an update or delete which would leave a foreign key without its row: DuckDB knows no other.
const NO_ACTION: u8 = 3;

pub(super) fn primary_schema() -> SchemaRef {
    fields(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_name", DataType::Utf8, true),
        Field::new("key_sequence", DataType::Int32, false),
    ])
}

pub(super) fn foreign_schema() -> SchemaRef {
    fields(vec![
        Field::new("pk_catalog_name", DataType::Utf8, true),
        Field::new("pk_db_schema_name", DataType::Utf8, true),
        Field::new("pk_table_name", DataType::Utf8, false),
        Field::new("pk_column_name", DataType::Utf8, false),
        Field::new("fk_catalog_name", DataType::Utf8, true),
        Field::new("fk_db_schema_name", DataType::Utf8, true),
        Field::new("fk_table_name", DataType::Utf8, false),
        Field::new("fk_column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("fk_key_name", DataType::Utf8, true),
        Field::new("pk_key_name", DataType::Utf8, true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ])
}

pub(super) fn primary(connection: &Connection, request: &CommandGetPrimaryKeys) -> Result<RecordBatch, Failure> {
    let mut conditions = Conditions::default();
    conditions.equal("database_name", request.catalog.as_deref());
    conditions.equal("schema_name", request.db_schema.as_deref());
    conditions.equal("table_name", Some(&request.table));
    let sql = format!(
        "SELECT database_name, schema_name, table_name, column_name, constraint_name, key_sequence
         FROM (SELECT *, unnest(constraint_column_names) AS column_name,
                      generate_subscripts(constraint_column_names, 1) AS key_sequence
               FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' AND database_name NOT IN ('pgc', 'pgc_rows'))
         WHERE {} ORDER BY database_name, schema_name, table_name, constraint_name, key_sequence",
        conditions.sql()
    );
    rows(connection, &sql, &conditions.parameters, primary_schema())
}

pub(super) fn imported(connection: &Connection, request: &CommandGetImportedKeys) -> Result<RecordBatch, Failure> {
    let mut conditions = Conditions::default();
    conditions.equal("fk_catalog", request.catalog.as_deref());
    conditions.equal("fk_schema", request.db_schema.as_deref());
    conditions.equal("fk_table", Some(&request.table));
    foreign(connection, &conditions)
}

pub(super) fn exported(connection: &Connection, request: &CommandGetExportedKeys) -> Result<RecordBatch, Failure> {
    let mut conditions = Conditions::default();
    conditions.equal("pk_catalog", request.catalog.as_deref());
    conditions.equal("pk_schema", request.db_schema.as_deref());
    conditions.equal("pk_table", Some(&request.table));
    foreign(connection, &conditions)
}

pub(super) fn cross(connection: &Connection, request: &CommandGetCrossReference) -> Result<RecordBatch, Failure> {
    let mut conditions = Conditions::default();
    conditions.equal("pk_catalog", request.pk_catalog.as_deref());
    conditions.equal("pk_schema", request.pk_db_schema.as_deref());
    conditions.equal("pk_table", Some(&request.pk_table));
    conditions.equal("fk_catalog", request.fk_catalog.as_deref());
    conditions.equal("fk_schema", request.fk_db_schema.as_deref());
    conditions.equal("fk_table", Some(&request.fk_table));
    foreign(connection, &conditions)
}

/// Foreign keys; in DuckDB both tables are in one schema, and the referenced key is primary or unique.
fn foreign(connection: &Connection, conditions: &Conditions<'_>) -> Result<RecordBatch, Failure> {
    let sql = format!(
        "WITH keys AS (
            SELECT database_name AS catalog, schema_name AS schema, table_name AS name, constraint_name,
                   constraint_type, constraint_column_names AS columns, referenced_table, referenced_column_names
            FROM duckdb_constraints()
            WHERE constraint_type IN ('FOREIGN KEY', 'PRIMARY KEY', 'UNIQUE') AND database_name NOT IN ('pgc', 'pgc_rows')),
         links AS (
            SELECT f.catalog AS pk_catalog, f.schema AS pk_schema, f.referenced_table AS pk_table,
                   unnest(f.referenced_column_names) AS pk_column,
                   f.catalog AS fk_catalog, f.schema AS fk_schema, f.name AS fk_table, unnest(f.columns) AS fk_column,
                   generate_subscripts(f.columns, 1) AS key_sequence, f.constraint_name AS fk_key,
                   p.constraint_name AS pk_key
            FROM keys f LEFT JOIN keys p
              ON p.catalog = f.catalog AND p.schema = f.schema AND p.name = f.referenced_table
                 AND p.columns = f.referenced_column_names AND p.constraint_type <> 'FOREIGN KEY'
            WHERE f.constraint_type = 'FOREIGN KEY')
         SELECT pk_catalog, pk_schema, pk_table, pk_column, fk_catalog, fk_schema, fk_table, fk_column,
                key_sequence, fk_key, pk_key, {NO_ACTION}, {NO_ACTION}
         FROM links WHERE {} ORDER BY pk_catalog, pk_schema, pk_table, pk_key, fk_table, key_sequence",
        conditions.sql()
    );
    rows(connection, &sql, &conditions.parameters, foreign_schema())
}
