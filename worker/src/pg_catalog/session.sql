-- Functions about the session, the server, rights and sizes.

-- Rights: everybody reads; a user whose role is `reader` does nothing else.
CREATE MACRO pgc.fixed.may(_right) AS coalesce(getvariable('pg_role')::VARCHAR, 'user') <> 'reader'
    OR regexp_full_match(upper(_right), '(SELECT|USAGE|CONNECT|EXECUTE|TEMP|TEMPORARY|MEMBER|SET)( WITH GRANT OPTION)?');
CREATE OR REPLACE MACRO pgc.has_table_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_schema_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_database_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_sequence_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_function_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_language_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_type_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_tablespace_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_server_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_foreign_data_wrapper_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_any_column_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_column_privilege(_what, _column, _right) AS pgc.fixed.may(_right), (_user, _what, _column, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.has_parameter_privilege(_what, _right) AS pgc.fixed.may(_right), (_user, _what, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.pg_has_role(_role, _right) AS pgc.fixed.may(_right), (_user, _role, _right) AS pgc.fixed.may(_right);
CREATE OR REPLACE MACRO pgc.row_security_active(_table) AS false;
CREATE OR REPLACE MACRO pgc.acldefault(_kind, _owner) AS NULL::VARCHAR[];
CREATE OR REPLACE MACRO pgc.aclexplode(_acl) AS
    unnest([]::STRUCT(grantor BIGINT, grantee BIGINT, privilege_type VARCHAR, is_grantable BOOLEAN)[]);

-- Settings: those of the session, then what a fresh server has.
CREATE MACRO pgc.fixed.session_setting(_name) AS CAST(getvariable('pg_settings') AS MAP(VARCHAR, VARCHAR))[lower(_name)];
CREATE MACRO pgc.fixed.setting(_name) AS coalesce(pgc.fixed.session_setting(_name),
    (SELECT min(shown) FROM pgc.fixed.pg_settings WHERE lower(name) = lower(_name)));
CREATE OR REPLACE MACRO pgc.current_setting(_name) AS
        coalesce(pgc.fixed.setting(_name), error('unrecognized configuration parameter "' || _name || '"')::VARCHAR),
    (_name, _missing_ok) AS pgc.fixed.setting(_name);
CREATE OR REPLACE MACRO pgc.set_config(_name, _value, _local) AS _value::VARCHAR;

-- The server and its session.
CREATE OR REPLACE MACRO pgc.version() AS
    'PostgreSQL ' || pgc.fixed.setting('server_version') || ' (Tavana, on DuckDB ' || system.main.version() || ')';
CREATE OR REPLACE MACRO pgc.pg_backend_pid() AS coalesce(getvariable('pg_backend')::INTEGER, 1);
CREATE OR REPLACE MACRO pgc.pg_postmaster_start_time() AS coalesce(getvariable('pg_started')::TIMESTAMPTZ, now());
CREATE OR REPLACE MACRO pgc.pg_conf_load_time() AS pgc.main.pg_postmaster_start_time();
CREATE OR REPLACE MACRO pgc.pg_is_in_recovery() AS false;
CREATE OR REPLACE MACRO pgc.pg_is_wal_replay_paused() AS false;
CREATE OR REPLACE MACRO pgc.pg_last_wal_receive_lsn() AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_last_wal_replay_lsn() AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_last_xact_replay_timestamp() AS NULL::TIMESTAMPTZ;
CREATE OR REPLACE MACRO pgc.pg_export_snapshot() AS '00000003-00000001-1';
CREATE OR REPLACE MACRO pgc.pg_my_temp_schema() AS 0::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_is_other_temp_schema(_oid) AS false;
CREATE OR REPLACE MACRO pgc.pg_jit_available() AS false;
CREATE OR REPLACE MACRO pgc.pg_blocking_pids(_pid) AS []::INTEGER[];
CREATE OR REPLACE MACRO pgc.pg_stat_get_numscans(_oid) AS 0::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_stat_get_tuples_returned(_oid) AS 0::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_stat_get_tuples_fetched(_oid) AS 0::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_notify(_channel, _payload) AS '';
CREATE OR REPLACE MACRO pgc.pg_encoding_to_char(_code) AS CASE _code WHEN 6 THEN 'UTF8' WHEN 0 THEN 'SQL_ASCII' WHEN 8 THEN 'LATIN1' ELSE '' END;
CREATE OR REPLACE MACRO pgc.pg_char_to_encoding(_name) AS
    CASE replace(lower(_name), '-', '') WHEN 'utf8' THEN 6 WHEN 'unicode' THEN 6 WHEN 'sql_ascii' THEN 0 WHEN 'latin1' THEN 8 ELSE -1 END;
CREATE OR REPLACE MACRO pgc.pg_client_encoding() AS 'UTF8';
CREATE OR REPLACE MACRO pgc.getdatabaseencoding() AS 'UTF8';
CREATE OR REPLACE MACRO pgc.pg_tablespace_location(_oid) AS '';
CREATE OR REPLACE MACRO pgc.pg_tablespace_databases(_oid) AS NULL::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_collation_actual_version(_oid) AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_filenode_relation(_space, _node) AS NULL::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_relation_filenode(_rel) AS 0::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_sequence_last_value(_oid) AS (
    SELECT min(last_value) FROM pgc.now.sequence WHERE pgc.fixed.relation_oid(nspname, relname) = _oid);
CREATE OR REPLACE MACRO pgc.pg_sequence_parameters(_oid) AS NULL;
CREATE OR REPLACE MACRO pgc.inet_server_addr() AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.inet_server_port() AS NULL::INTEGER;
CREATE OR REPLACE MACRO pgc.inet_client_addr() AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.inet_client_port() AS NULL::INTEGER;
CREATE OR REPLACE MACRO pgc.txid_current_if_assigned() AS NULL::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_current_xact_id_if_assigned() AS NULL::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_current_xact_id() AS txid_current()::BIGINT;
CREATE OR REPLACE MACRO pgc.bpchar(_text) AS _text::VARCHAR;
CREATE OR REPLACE MACRO pgc.mxid_age(_id) AS 0;
CREATE OR REPLACE MACRO pgc.pg_advisory_lock(_key) AS '', (_high, _low) AS '';
CREATE OR REPLACE MACRO pgc.pg_advisory_unlock(_key) AS true, (_high, _low) AS true;
CREATE OR REPLACE MACRO pgc.pg_try_advisory_lock(_key) AS true, (_high, _low) AS true;
CREATE OR REPLACE MACRO pgc.pg_advisory_unlock_all() AS '';
CREATE OR REPLACE MACRO pgc.pg_advisory_xact_lock(_key) AS '', (_high, _low) AS '';
CREATE OR REPLACE MACRO pgc.pg_index_has_property(_index, _property) AS _property IN ('clusterable', 'index_scan', 'bitmap_scan', 'backward_scan');
CREATE OR REPLACE MACRO pgc.pg_index_column_has_property(_index, _place, _property) AS _property IN ('asc', 'orderable', 'nulls_last', 'search_array', 'search_nulls', 'returnable');
CREATE OR REPLACE MACRO pgc.pg_indexam_has_property(_am, _property) AS _property <> 'can_exclude';

-- Sizes. DuckDB tells the size of a database; a table's is a guess from its rows and columns.
CREATE OR REPLACE MACRO pgc.pg_size_pretty(_bytes) AS CASE
    WHEN _bytes IS NULL THEN NULL WHEN abs(_bytes) < 10240 THEN _bytes::BIGINT::VARCHAR || ' bytes'
    WHEN abs(_bytes) < 10485248 THEN round(_bytes / 1024.0)::BIGINT::VARCHAR || ' kB'
    WHEN abs(_bytes) < 10736893952 THEN round(_bytes / 1048576.0)::BIGINT::VARCHAR || ' MB'
    WHEN abs(_bytes) < 10994579406848 THEN round(_bytes / 1073741824.0)::BIGINT::VARCHAR || ' GB'
    ELSE round(_bytes / 1099511627776.0)::BIGINT::VARCHAR || ' TB' END;
-- It changes with every row, so it is never read from the kept rows.
CREATE VIEW pgc.live.sized AS
SELECT k.key, k.nspname, greatest(r.tuples, 0) * r.natts * 8 AS size
FROM pgc.live.any_key k JOIN pgc.now.relation r ON k.oid = pgc.fixed.relation_oid(r.nspname, r.relname);
CREATE OR REPLACE MACRO pgc.pg_relation_size(_rel) AS coalesce((SELECT min(size) FROM pgc.live.sized
        WHERE key = _rel::VARCHAR AND (nspname IS NULL OR pgc.fixed.visible(nspname))), 0)::BIGINT,
    (_rel, _fork) AS CASE _fork WHEN 'main' THEN coalesce((SELECT min(size) FROM pgc.live.sized
        WHERE key = _rel::VARCHAR AND (nspname IS NULL OR pgc.fixed.visible(nspname))), 0) ELSE 0 END::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_table_size(_rel) AS pgc.main.pg_relation_size(_rel);
CREATE OR REPLACE MACRO pgc.pg_total_relation_size(_rel) AS pgc.main.pg_relation_size(_rel);
CREATE OR REPLACE MACRO pgc.pg_indexes_size(_rel) AS 0::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_database_size(_db) AS
    coalesce((SELECT sum(block_size * total_blocks) FROM pragma_database_size() WHERE database_name = system.main.current_database()), 0)::BIGINT;
CREATE OR REPLACE MACRO pgc.pg_tablespace_size(_space) AS pgc.main.pg_database_size(_space);

-- What else catalog queries call.
CREATE OR REPLACE MACRO pgc._pg_expandarray(_list) AS unnest(list_transform(_list, lambda entry, place: {'x': entry, 'n': place::INTEGER}));
CREATE OR REPLACE MACRO pgc.information_schema__pg_expandarray(_list) AS pgc.main._pg_expandarray(_list);
CREATE OR REPLACE MACRO pgc.clock_timestamp() AS get_current_timestamp();
CREATE OR REPLACE MACRO pgc.statement_timestamp() AS now();
CREATE OR REPLACE MACRO pgc.parse_ident(_written) AS pgc.fixed.name_parts(_written);
