//! What the server says of itself: every code of Flight SQL's `SqlInfo`.
//!
//! Drivers decide by these what they try at all, so each is true of DuckDB behind Tavana; the lists of
//! keywords and functions are read from DuckDB.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::SqlInfo as Code;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use tavana_wire::{Failure, FailureKind};

use crate::engine::{self, Connection};

pub(super) fn schema() -> SchemaRef {
    Arc::new(SqlInfoDataBuilder::schema().clone())
}

pub(super) fn answer(connection: &Connection, codes: &[u32]) -> Result<RecordBatch, Failure> {
    let data = data(connection)?;
    data.record_batch(codes.iter().copied())
        .map_err(|error| Failure::new(FailureKind::Internal, format!("SqlInfo could not be built: {error}")))
}

fn data(connection: &Connection) -> Result<SqlInfoData, Failure> {
    let mut info = SqlInfoDataBuilder::new();
    server(&mut info);
    language(&mut info, connection)?;
    support(&mut info);
    limits(&mut info);
    info.build().map_err(|error| Failure::new(FailureKind::Internal, format!("SqlInfo could not be built: {error}")))
}

fn server(info: &mut SqlInfoDataBuilder) {
    info.append(Code::FlightSqlServerName, "Tavana");
    info.append(
        Code::FlightSqlServerVersion,
        format!("{} (DuckDB {})", env!("CARGO_PKG_VERSION"), engine::version()).as_str(),
    );
    info.append(Code::FlightSqlServerArrowVersion, "1.3");
    info.append(Code::FlightSqlServerReadOnly, false);
    info.append(Code::FlightSqlServerSql, true);
    info.append(Code::FlightSqlServerSubstrait, false);
    // 1: transactions, no savepoints.
    info.append(Code::FlightSqlServerTransaction, 1i32);
    info.append(Code::FlightSqlServerCancel, true);
    info.append(Code::FlightSqlServerBulkIngestion, true);
    info.append(Code::FlightSqlServerIngestTransactionsSupported, true);
    info.append(Code::FlightSqlServerStatementTimeout, 0i32);
    info.append(Code::FlightSqlServerTransactionTimeout, 0i32);
}

fn language(info: &mut SqlInfoDataBuilder, connection: &Connection) -> Result<(), Failure> {
    info.append(Code::SqlDdlCatalog, true);
    info.append(Code::SqlDdlSchema, true);
    info.append(Code::SqlDdlTable, true);
    // 1: unquoted names match whatever their case is.
    info.append(Code::SqlIdentifierCase, 1i64);
    info.append(Code::SqlIdentifierQuoteChar, "\"");
    info.append(Code::SqlQuotedIdentifierCase, 1i64);
    info.append(Code::SqlAllTablesAreSelectable, true);
    // 3: nulls sort last in both directions.
    info.append(Code::SqlNullOrdering, 3i64);
    info.append(
        Code::SqlKeywords,
        names(
            connection,
            "SELECT DISTINCT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved' ORDER BY 1",
        )?,
    );
    info.append(Code::SqlNumericFunctions, functions(connection, &["%INT%", "%DOUBLE%", "%FLOAT%", "%DECIMAL%"])?);
    info.append(Code::SqlStringFunctions, functions(connection, &["VARCHAR"])?);
    info.append(Code::SqlSystemFunctions, names(connection, "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name IN ('current_catalog', 'current_database', 'current_schema', 'current_schemas', 'current_setting', 'current_user', 'session_user', 'user', 'version') ORDER BY 1")?);
    info.append(Code::SqlDatetimeFunctions, functions(connection, &["%DATE%", "%TIME%", "INTERVAL"])?);
    info.append(Code::SqlSearchStringEscape, "\\");
    info.append(Code::SqlExtraNameCharacters, "");
    info.append(Code::SqlSupportsColumnAliasing, true);
    info.append(Code::SqlNullPlusNullIsNull, true);
    info.append(Code::SqlSupportsConvert, BTreeMap::<i32, Vec<i32>>::new());
    info.append(Code::SqlSupportsTableCorrelationNames, true);
    info.append(Code::SqlSupportsDifferentTableCorrelationNames, false);
    info.append(Code::SqlSupportsExpressionsInOrderBy, true);
    info.append(Code::SqlSupportsOrderByUnrelated, true);
    // Bit 0: by columns not selected; bit 1: by more columns than selected.
    info.append(Code::SqlSupportedGroupBy, 0b11i32);
    info.append(Code::SqlSupportsLikeEscapeClause, true);
    info.append(Code::SqlSupportsNonNullableColumns, true);
    Ok(())
}

fn support(info: &mut SqlInfoDataBuilder) {
    // Bits: minimum, core and extended grammar of ODBC.
    info.append(Code::SqlSupportedGrammar, 0b11i32);
    info.append(Code::SqlAnsi92SupportedLevel, 0b1i32);
    info.append(Code::SqlSupportsIntegrityEnhancementFacility, true);
    // 2: full outer joins.
    info.append(Code::SqlOuterJoinsSupportLevel, 2i64);
    info.append(Code::SqlSchemaTerm, "schema");
    info.append(Code::SqlProcedureTerm, "");
    info.append(Code::SqlCatalogTerm, "database");
    info.append(Code::SqlCatalogAtStart, true);
    // Bits: in procedure calls, in index definitions, in privilege definitions.
    info.append(Code::SqlSchemasSupportedActions, 0b010i32);
    info.append(Code::SqlCatalogsSupportedActions, 0b010i32);
    info.append(Code::SqlSupportedPositionedCommands, 0i32);
    info.append(Code::SqlSelectForUpdateSupported, false);
    info.append(Code::SqlStoredProceduresSupported, false);
    // Bits: in comparisons, exists, in, quantified.
    info.append(Code::SqlSupportedSubqueries, 0b1111i32);
    info.append(Code::SqlCorrelatedSubqueriesSupported, true);
    // Bits: union, union all.
    info.append(Code::SqlSupportedUnions, 0b11i32);
}

fn limits(info: &mut SqlInfoDataBuilder) {
    // 0: no limit, or none that is known.
    for code in [
        Code::SqlMaxBinaryLiteralLength,
        Code::SqlMaxCharLiteralLength,
        Code::SqlMaxColumnNameLength,
        Code::SqlMaxColumnsInGroupBy,
        Code::SqlMaxColumnsInIndex,
        Code::SqlMaxColumnsInOrderBy,
        Code::SqlMaxColumnsInSelect,
        Code::SqlMaxColumnsInTable,
        Code::SqlMaxConnections,
        Code::SqlMaxCursorNameLength,
        Code::SqlMaxIndexLength,
        Code::SqlDbSchemaNameLength,
        Code::SqlMaxProcedureNameLength,
        Code::SqlMaxCatalogNameLength,
        Code::SqlMaxRowSize,
        Code::SqlMaxStatementLength,
        Code::SqlMaxStatements,
        Code::SqlMaxTableNameLength,
        Code::SqlMaxTablesInSelect,
        Code::SqlMaxUsernameLength,
    ] {
        info.append(code, 0i64);
    }
    info.append(Code::SqlMaxRowSizeIncludesBlobs, true);
    // 3: DuckDB's transactions read from a snapshot; serializable is the closest that Flight SQL has to name it.
    info.append(Code::SqlDefaultTransactionIsolation, 3i64);
    info.append(Code::SqlTransactionsSupported, true);
    info.append(Code::SqlSupportedTransactionsIsolationLevels, 1i32 << 3);
    info.append(Code::SqlDataDefinitionCausesTransactionCommit, false);
    info.append(Code::SqlDataDefinitionsInTransactionsIgnored, false);
    // Bits: unspecified, forward only, scroll insensitive, scroll sensitive.
    info.append(Code::SqlSupportedResultSetTypes, 1i32 << 1);
    for code in [
        Code::SqlSupportedConcurrenciesForResultSetUnspecified,
        Code::SqlSupportedConcurrenciesForResultSetScrollSensitive,
        Code::SqlSupportedConcurrenciesForResultSetScrollInsensitive,
    ] {
        info.append(code, 0i32);
    }
    // Bits: unspecified, read only, updatable.
    info.append(Code::SqlSupportedConcurrenciesForResultSetForwardOnly, 1i32 << 1);
    info.append(Code::SqlBatchUpdatesSupported, true);
    info.append(Code::SqlSavepointsSupported, false);
    info.append(Code::SqlNamedParametersSupported, true);
    info.append(Code::SqlLocatorsUpdateCopy, false);
    info.append(Code::SqlStoredFunctionsUsingCallSyntaxSupported, true);
}

/// Scalar functions whose first parameter is of one of these types.
fn functions(connection: &Connection, types: &[&str]) -> Result<Vec<String>, Failure> {
    let wanted = vec!["parameter_types[1] LIKE ?"; types.len()].join(" OR ");
    let sql = format!(
        "SELECT DISTINCT function_name FROM duckdb_functions()
         WHERE function_type = 'scalar' AND regexp_full_match(function_name, '[a-z][a-z0-9_]*')
           AND NOT starts_with(function_name, '__') AND ({wanted}) ORDER BY 1"
    );
    let batches = connection.query(&sql, types)?;
    Ok(texts(&batches))
}

fn names(connection: &Connection, sql: &str) -> Result<Vec<String>, Failure> {
    Ok(texts(&connection.query(sql, &[])?))
}

fn texts(batches: &[RecordBatch]) -> Vec<String> {
    let column = |batch: &RecordBatch| {
        let values = batch.column(0).as_string::<i32>().clone();
        (0..values.len()).map(move |row| values.value(row).to_owned()).collect::<Vec<_>>()
    };
    batches.iter().flat_map(column).collect()
}

use arrow::array::Array as _;
