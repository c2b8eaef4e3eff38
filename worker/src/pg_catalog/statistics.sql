-- What happens now. The frontend, which knows its sessions, gives their list instead of the views' variable, a list of
-- structs with the fields below; without it a session sees itself.
CREATE MACRO pgc.stat_activity(_sessions) AS TABLE
SELECT 16384::BIGINT AS datid, pgc.main.current_database() AS datname, s.pid, NULL::INTEGER AS leader_pid, 10::BIGINT AS usesysid, s.usename,
    s.application_name, s.client_addr, NULL::VARCHAR AS client_hostname, s.client_port, s.backend_start, s.xact_start, s.query_start,
    s.state_change, CASE WHEN s.state LIKE 'idle%' THEN 'Client' END AS wait_event_type,
    CASE WHEN s.state LIKE 'idle%' THEN 'ClientRead' END AS wait_event, s.state, NULL::BIGINT AS backend_xid,
    NULL::BIGINT AS backend_xmin, NULL::BIGINT AS query_id, s.query, 'client backend' AS backend_type
FROM (SELECT unnest(coalesce(CAST(_sessions AS STRUCT(pid INTEGER, usename VARCHAR, application_name VARCHAR,
    client_addr VARCHAR, client_port INTEGER, backend_start TIMESTAMPTZ, xact_start TIMESTAMPTZ, query_start TIMESTAMPTZ,
    state_change TIMESTAMPTZ, state VARCHAR, query VARCHAR)[]),
    [{'pid': pgc.main.pg_backend_pid(), 'usename': pgc.main.current_user(), 'application_name': '',
    'client_addr': NULL, 'client_port': NULL, 'backend_start': now(), 'xact_start': now(), 'query_start': now(), 'state_change': now(),
    'state': 'active', 'query': ''}])) AS s);
CREATE VIEW pgc.pg_stat_activity AS FROM pgc.main.stat_activity(NULL);

CREATE VIEW pgc.pg_stat_database AS
SELECT oid AS datid, datname, CASE oid WHEN 16384 THEN 1 ELSE 0 END AS numbackends, 0::BIGINT AS xact_commit, 0::BIGINT AS xact_rollback,
    0::BIGINT AS blks_read, 0::BIGINT AS blks_hit, 0::BIGINT AS tup_returned, 0::BIGINT AS tup_fetched, 0::BIGINT AS tup_inserted,
    0::BIGINT AS tup_updated, 0::BIGINT AS tup_deleted, 0::BIGINT AS conflicts, 0::BIGINT AS temp_files, 0::BIGINT AS temp_bytes,
    0::BIGINT AS deadlocks, NULL::BIGINT AS checksum_failures, NULL::TIMESTAMPTZ AS checksum_last_failure, 0::DOUBLE AS blk_read_time,
    0::DOUBLE AS blk_write_time, 0::DOUBLE AS session_time, 0::DOUBLE AS active_time, 0::DOUBLE AS idle_in_transaction_time,
    0::BIGINT AS sessions, 0::BIGINT AS sessions_abandoned, 0::BIGINT AS sessions_fatal, 0::BIGINT AS sessions_killed,
    NULL::TIMESTAMPTZ AS stats_reset
FROM pgc.pg_database;

CREATE VIEW pgc.pg_stat_all_tables AS
SELECT pgc.fixed.relation_oid(nspname, relname) AS relid, nspname AS schemaname, relname, 0::BIGINT AS seq_scan, 0::BIGINT AS seq_tup_read,
    0::BIGINT AS idx_scan, 0::BIGINT AS idx_tup_fetch, 0::BIGINT AS n_tup_ins, 0::BIGINT AS n_tup_upd, 0::BIGINT AS n_tup_del,
    0::BIGINT AS n_tup_hot_upd, greatest(tuples, 0)::BIGINT AS n_live_tup, 0::BIGINT AS n_dead_tup, 0::BIGINT AS n_mod_since_analyze,
    0::BIGINT AS n_ins_since_vacuum, NULL::TIMESTAMPTZ AS last_vacuum, NULL::TIMESTAMPTZ AS last_autovacuum,
    NULL::TIMESTAMPTZ AS last_analyze, NULL::TIMESTAMPTZ AS last_autoanalyze, 0::BIGINT AS vacuum_count, 0::BIGINT AS autovacuum_count,
    0::BIGINT AS analyze_count, 0::BIGINT AS autoanalyze_count
FROM pgc.now.relation WHERE relkind = 'r';
CREATE VIEW pgc.pg_stat_user_tables AS FROM pgc.pg_stat_all_tables;

CREATE VIEW pgc.pg_statio_all_tables AS
SELECT relid, schemaname, relname, 0::BIGINT AS heap_blks_read, 0::BIGINT AS heap_blks_hit, 0::BIGINT AS idx_blks_read,
    0::BIGINT AS idx_blks_hit, 0::BIGINT AS toast_blks_read, 0::BIGINT AS toast_blks_hit, 0::BIGINT AS tidx_blks_read,
    0::BIGINT AS tidx_blks_hit
FROM pgc.pg_stat_all_tables;
CREATE VIEW pgc.pg_statio_user_tables AS FROM pgc.pg_statio_all_tables;

CREATE VIEW pgc.pg_stat_all_indexes AS
SELECT pgc.fixed.relation_oid(nspname, relname) AS relid, pgc.fixed.relation_oid(nspname, indname) AS indexrelid, nspname AS schemaname,
    relname, indname AS indexrelname, 0::BIGINT AS idx_scan, 0::BIGINT AS idx_tup_read, 0::BIGINT AS idx_tup_fetch
FROM pgc.live.index;
CREATE VIEW pgc.pg_stat_user_indexes AS FROM pgc.pg_stat_all_indexes;
