//! Functions and pragmas that statements may not call, each with its reason.
//!
//! Locking an instance does not stop functions that change it, show what others do, or run text that no policy saw.
//! Every table function, table macro and pragma of DuckDB 1.5.5 was looked at, and every scalar function it calls volatile.
//! `functions-1.5.5.txt` lists them all, `extension-functions-1.5.5.txt` those of the extensions that are shipped; a test fails on a name that is neither refused nor reviewed, so
//! a new version of DuckDB brings a review.

/// Who may call a function that not everybody may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calls {
    /// Nobody.
    Never,
    /// Whoever may read any file anyway: it runs text that the policy does not see.
    Trusted,
    /// Administrators.
    Admins,
    /// Those who may write.
    Writers,
}

const LOGS: &str = "logs hold the statements of everybody; the worker writes its own (--log-level)";
const PROFILES: &str = "profiles are written to files of the worker; use EXPLAIN ANALYZE";
const HIDES: &str = "it runs a text that is not seen when the statement is checked; write that query instead";
const INNER: &str = "it is for programs that embed DuckDB";
const CHECKPOINTS: &str =
    "a checkpoint holds up everybody's writes; an administrator may write CHECKPOINT as a statement";
const OTHERS_FILES: &str = "it shows which files and storage other sessions use; ask an administrator";
const OTHER_DATABASES: &str = "it opens databases and files past the places that the server allows; ask for a catalog of the type postgres or ducklake";
const PAST_THE_PLACES: &str =
    "it reads files past the places that the server allows; ask for a catalog of the type delta or files";
const MAINTAINS: &str = "it maintains a catalog for everybody; ask an administrator";
const COMPACTS: &str = "two that maintain a catalog at once would leave rows twice; run `tavana maintain`, or give the catalog a schedule ([catalog.NAME.maintenance])";
const CHANGES: &str = "it changes a table, and the role reader only reads";
const GENERATES: &str = "it makes tables, and the role reader only reads";

/// Functions that are refused, with who may call them all the same, and the reason.
pub(super) const REFUSED: &[(&str, Calls, &str)] = &[
    ("enable_logging", Calls::Never, LOGS),
    ("disable_logging", Calls::Never, LOGS),
    ("truncate_duckdb_logs", Calls::Never, LOGS),
    ("write_log", Calls::Never, LOGS),
    ("duckdb_logs", Calls::Never, LOGS),
    ("duckdb_logs_parsed", Calls::Never, LOGS),
    ("duckdb_log_contexts", Calls::Never, LOGS),
    ("enable_profiling", Calls::Never, PROFILES),
    ("disable_profiling", Calls::Never, PROFILES),
    ("query", Calls::Trusted, HIDES),
    ("query_table", Calls::Trusted, HIDES),
    ("json_execute_serialized_sql", Calls::Trusted, HIDES),
    ("arrow_scan", Calls::Never, INNER),
    ("arrow_scan_dumb", Calls::Never, INNER),
    ("pandas_scan", Calls::Never, INNER),
    ("python_map_function", Calls::Never, INNER),
    ("seq_scan", Calls::Never, INNER),
    ("checkpoint", Calls::Never, CHECKPOINTS),
    ("force_checkpoint", Calls::Never, CHECKPOINTS),
    ("duckdb_external_file_cache", Calls::Admins, OTHERS_FILES),
    ("which_secret", Calls::Admins, OTHERS_FILES),
    ("load_aws_credentials", Calls::Never, "credentials of stores come with the server's configuration"),
    ("postgres_attach", Calls::Never, OTHER_DATABASES),
    ("postgres_configure_pool", Calls::Never, OTHER_DATABASES),
    ("postgres_execute", Calls::Trusted, OTHER_DATABASES),
    ("postgres_query", Calls::Trusted, OTHER_DATABASES),
    ("postgres_scan", Calls::Trusted, OTHER_DATABASES),
    ("postgres_scan_pushdown", Calls::Trusted, OTHER_DATABASES),
    ("read_postgres_binary", Calls::Trusted, OTHER_DATABASES),
    ("sqlite_attach", Calls::Never, OTHER_DATABASES),
    ("sqlite_query", Calls::Trusted, OTHER_DATABASES),
    ("sqlite_scan", Calls::Trusted, OTHER_DATABASES),
    ("delta_domain_metadata", Calls::Trusted, PAST_THE_PLACES),
    ("delta_filter_pushdown_log", Calls::Trusted, PAST_THE_PLACES),
    ("delta_filter_pushdown_log_tpcds", Calls::Trusted, PAST_THE_PLACES),
    ("delta_get_transaction_version", Calls::Trusted, PAST_THE_PLACES),
    ("delta_list_files", Calls::Trusted, PAST_THE_PLACES),
    ("delta_scan", Calls::Trusted, PAST_THE_PLACES),
    ("delta_set_transaction_version", Calls::Never, PAST_THE_PLACES),
    ("copy_dir", Calls::Never, PAST_THE_PLACES),
    ("st_read", Calls::Trusted, PAST_THE_PLACES),
    ("st_read_meta", Calls::Trusted, PAST_THE_PLACES),
    ("ducklake_add_data_files", Calls::Admins, MAINTAINS),
    ("ducklake_cleanup_old_files", Calls::Never, COMPACTS),
    ("ducklake_commit", Calls::Admins, MAINTAINS),
    ("ducklake_delete_orphaned_files", Calls::Never, COMPACTS),
    ("ducklake_expire_snapshots", Calls::Never, COMPACTS),
    ("ducklake_flush_inlined_data", Calls::Never, COMPACTS),
    ("ducklake_merge_adjacent_files", Calls::Never, COMPACTS),
    ("ducklake_rewrite_data_files", Calls::Never, COMPACTS),
    ("ducklake_set_option", Calls::Admins, MAINTAINS),
    // The same as functions of each catalog.
    ("add_data_files", Calls::Admins, MAINTAINS),
    ("cleanup_old_files", Calls::Never, COMPACTS),
    ("delete_orphaned_files", Calls::Never, COMPACTS),
    ("expire_snapshots", Calls::Never, COMPACTS),
    ("flush_inlined_data", Calls::Never, COMPACTS),
    ("merge_adjacent_files", Calls::Never, COMPACTS),
    ("rewrite_data_files", Calls::Never, COMPACTS),
    ("set_option", Calls::Admins, MAINTAINS),
    ("iceberg_to_ducklake", Calls::Admins, MAINTAINS),
    ("set_iceberg_schema_properties", Calls::Admins, MAINTAINS),
    ("set_iceberg_table_properties", Calls::Admins, MAINTAINS),
    ("remove_iceberg_schema_properties", Calls::Admins, MAINTAINS),
    ("remove_iceberg_table_properties", Calls::Admins, MAINTAINS),
    ("ducklake_set_commit_message", Calls::Writers, CHANGES),
    ("set_commit_message", Calls::Writers, CHANGES),
    ("create_fts_index", Calls::Writers, CHANGES),
    ("drop_fts_index", Calls::Writers, CHANGES),
    ("nextval", Calls::Writers, "it changes the sequence, and the role reader only reads"),
    ("dbgen", Calls::Writers, GENERATES),
    ("dsdgen", Calls::Writers, GENERATES),
];

/// Tables and views of the same names as functions that are refused: these need no parentheses to be read.
pub(super) const REFUSED_VIEWS: &[&str] = &["duckdb_logs"];

/// The pragmas that may be called. All others change the instance, or the connection behind the session's back.
pub(super) const PRAGMAS: &[&str] = &[
    "collations",
    "create_fts_index",
    "database_list",
    "database_size",
    "drop_fts_index",
    "functions",
    "metadata_info",
    "platform",
    "show",
    "show_databases",
    "show_tables",
    "show_tables_expanded",
    "storage_info",
    "table_info",
    "tpcds",
    "tpch",
    "user_agent",
    "version",
];

/// The entry of the function of this lower-case name, if it is refused.
pub(super) fn refused(name: &str) -> Option<&'static (&'static str, Calls, &'static str)> {
    REFUSED.iter().find(|(refused, ..)| *refused == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The functions of a DuckDB, as the query at the head of the file lists them.
    const LISTED: &str = include_str!("functions-1.5.5.txt");

    /// Functions that were looked at and may be called: they read tables, files the instance allows, or the catalog.
    const REVIEWED: &str = "
        duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints duckdb_coordinate_systems
        duckdb_databases duckdb_dependencies duckdb_extensions duckdb_functions duckdb_indexes
        duckdb_keywords duckdb_memory duckdb_optimizers duckdb_prepared_statements duckdb_profiling_settings
        duckdb_schemas duckdb_secret_types duckdb_secrets duckdb_sequences duckdb_settings duckdb_table_sample
        duckdb_tables duckdb_temporary_files duckdb_types duckdb_variables duckdb_views generate_series glob histogram
        histogram_values icu_calendar_names json_each json_tree parquet_bloom_probe parquet_file_metadata
        parquet_full_metadata parquet_kv_metadata parquet_metadata parquet_scan parquet_schema pg_timezone_names
        pragma_collations pragma_database_size pragma_metadata_info pragma_platform pragma_show pragma_storage_info
        pragma_table_info pragma_user_agent pragma_version range read_blob read_csv read_csv_auto read_duckdb read_json
        read_json_auto read_json_objects read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects
        read_parquet read_text repeat repeat_row sniff_csv summary test_all_types test_vector_types unnest
        current_connection_id current_query current_query_id current_transaction_id currval error gen_random_uuid random
        setseed sleep_ms stats uuid uuidv4 uuidv7
        read_avro iceberg_column_stats iceberg_load_table_response iceberg_metadata iceberg_partition_stats iceberg_scan
        iceberg_schema_properties iceberg_snapshots iceberg_table_properties iceberg_verify_equality_deletes
        ducklake_current_snapshot ducklake_last_committed_snapshot ducklake_list_files ducklake_options ducklake_scan
        ducklake_settings ducklake_snapshots ducklake_table_deletions ducklake_table_info ducklake_table_insertions
        ducklake_table_changes pg_clear_cache st_drivers st_generatepoints st_readosm st_readshp pragma_rtree_index_info
        rtree_index_dump rtree_index_scan shapefile_meta read_xlsx tpch_answers tpch_queries";

    /// Those of the extensions that are shipped, listed in the same way.
    const OF_EXTENSIONS: &str = include_str!("extension-functions-1.5.5.txt");

    fn listed() -> Vec<(&'static str, &'static str)> {
        LISTED
            .lines()
            .chain(OF_EXTENSIONS.lines())
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(' '))
            .collect()
    }

    #[test]
    fn every_function_is_refused_or_was_reviewed() {
        let reviewed: Vec<&str> = REVIEWED.split_whitespace().collect();
        let unknown: Vec<_> = listed()
            .into_iter()
            .filter(|&(kind, name)| kind != "pragma" && refused(name).is_none() && !reviewed.contains(&name))
            .collect();
        assert!(unknown.is_empty(), "look at these functions, then refuse them or mark them reviewed: {unknown:?}");
    }

    #[test]
    fn what_is_named_exists() {
        let listed = listed();
        let exists = |name: &str| listed.iter().any(|(_, listed)| *listed == name);
        let names =
            REFUSED.iter().map(|(name, ..)| *name).chain(PRAGMAS.iter().copied()).chain(REVIEWED.split_whitespace());
        let gone: Vec<&str> = names.filter(|name| !exists(name)).collect();
        assert!(gone.is_empty(), "no such functions: {gone:?}");
    }
}
