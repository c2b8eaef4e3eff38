-- The user's objects, read from DuckDB's own functions: one view a kind, in PostgreSQL's terms.
-- Only the database of the session and its temporary objects are shown, as in PostgreSQL.

-- Columns that were declared with a length.
CREATE VIEW pgc.now.measured AS
SELECT database_name, schema_name, table_name, constraint_column_names[1] AS column_name,
    min(CASE mark.kind WHEN 'char' THEN 1042 ELSE 1043 END) AS type, min(mark.length::INTEGER) AS length
FROM (SELECT *, pgc.fixed.length_mark(expression) AS mark FROM duckdb_constraints() WHERE constraint_type = 'CHECK')
WHERE mark.kind <> '' GROUP BY ALL;

CREATE VIEW pgc.now.relation AS
SELECT pgc.fixed.schema_name(database_name, schema_name) AS nspname, table_name AS relname, 'r' AS relkind,
    comment, column_count AS natts, estimated_size AS tuples, index_count > 0 AS indexed,
    check_constraint_count - coalesce(m.columns, 0) AS checks, temporary, false AS keyed
FROM duckdb_tables() t LEFT JOIN (SELECT database_name, schema_name, table_name, count(*) AS columns FROM pgc.now.measured GROUP BY ALL) m
    USING (database_name, schema_name, table_name)
WHERE pgc.fixed.shown(database_name) AND NOT internal AND NOT (temporary AND starts_with(table_name, 'pgc_'))
UNION ALL
SELECT pgc.fixed.schema_name(database_name, schema_name), view_name, 'v', comment, column_count, -1, false, 0, temporary, false
FROM duckdb_views() WHERE pgc.fixed.shown(database_name) AND NOT internal;
CREATE TEMP TABLE pgc_relation AS FROM pgc.now.relation LIMIT 0;
CREATE VIEW pgc.live.relation AS FROM query_table(pgc.fixed.base('relation'));

CREATE VIEW pgc.now.sequence AS
SELECT pgc.fixed.schema_name(database_name, schema_name) AS nspname, sequence_name AS relname, comment, temporary, start_value,
    min_value, max_value, increment_by, cycle, last_value
FROM duckdb_sequences() WHERE pgc.fixed.shown(database_name);
CREATE TEMP TABLE pgc_sequence AS FROM pgc.now.sequence LIMIT 0;
CREATE VIEW pgc.live.sequence AS FROM query_table(pgc.fixed.base('sequence'));

-- Two enums with the same labels: the first has the number that columns show.
CREATE VIEW pgc.now.enum AS
WITH labelled AS (
    SELECT pgc.fixed.schema_name(database_name, schema_name) AS nspname, type_name AS typname, labels, comment,
        'ENUM(' || array_to_string(list_transform(labels, lambda label: '''' || replace(label, '''', '''''') || ''''), ', ')
            || ')' AS kind
    FROM duckdb_types() WHERE NOT internal AND pgc.fixed.shown(database_name) AND logical_type = 'ENUM'
)
SELECT *, CASE WHEN row_number() OVER (PARTITION BY kind ORDER BY nspname, typname) = 1
    THEN pgc.fixed.object_oid('enum', kind) ELSE pgc.fixed.object_oid('type', nspname || '.' || typname) END AS oid
FROM labelled;
CREATE TEMP TABLE pgc_enum AS FROM pgc.now.enum LIMIT 0;
CREATE VIEW pgc.live.enum AS FROM query_table(pgc.fixed.base('enum'));

CREATE VIEW pgc.now.field AS
SELECT pgc.fixed.schema_name(c.database_name, c.schema_name) AS nspname, c.table_name AS relname, c.column_name AS attname,
    c.column_index AS attnum, c.data_type AS kind, coalesce(m.type, CASE WHEN suffix(c.data_type, ']') THEN k.array_of ELSE k.element END,
        pgc.fixed.enum_oid(c.data_type)) AS type,
    CASE WHEN suffix(c.data_type, ']') THEN -1 WHEN starts_with(c.data_type, 'ENUM') THEN 4 ELSE k.length END AS length,
    NOT c.is_nullable AS required, c.column_default AS preset, c.comment,
    coalesce(m.length + 4, pgc.fixed.type_modifier(c.data_type)) AS modifier, e.typname AS enum_name
FROM duckdb_columns() c LEFT JOIN (SELECT kind, min(typname) AS typname FROM pgc.now.enum GROUP BY ALL) e ON e.kind = c.data_type LEFT JOIN pgc.fixed.kind k ON k.stem = pgc.fixed.type_stem(c.data_type)
    LEFT JOIN pgc.now.measured m ON m.database_name = c.database_name AND m.schema_name = c.schema_name
        AND m.table_name = c.table_name AND m.column_name = c.column_name
WHERE pgc.fixed.shown(c.database_name) AND NOT c.internal AND NOT (c.database_name = 'temp' AND starts_with(c.table_name, 'pgc_'));
CREATE TEMP TABLE pgc_field AS FROM pgc.now.field LIMIT 0;
CREATE VIEW pgc.live.field AS FROM query_table(pgc.fixed.base('field'));

CREATE VIEW pgc.now.fields AS
SELECT nspname, relname, list(attname ORDER BY attnum) AS names, list(type ORDER BY attnum) AS types
FROM pgc.live.field GROUP BY ALL;
CREATE TEMP TABLE pgc_fields AS FROM pgc.now.fields LIMIT 0;
CREATE VIEW pgc.live.fields AS FROM query_table(pgc.fixed.derived('fields'));

-- DuckDB keeps no name that the user gave to a constraint, so they get the ones PostgreSQL makes up.
CREATE VIEW pgc.now.rule AS
WITH made AS (
    SELECT pgc.fixed.schema_name(database_name, schema_name) AS nspname, table_name AS relname,
        CASE constraint_type WHEN 'PRIMARY KEY' THEN 'p' WHEN 'UNIQUE' THEN 'u' WHEN 'FOREIGN KEY' THEN 'f' ELSE 'c' END AS contype,
        CASE constraint_type WHEN 'PRIMARY KEY' THEN table_name || '_pkey'
            WHEN 'UNIQUE' THEN table_name || '_' || array_to_string(constraint_column_names, '_') || '_key'
            WHEN 'FOREIGN KEY' THEN table_name || '_' || array_to_string(constraint_column_names, '_') || '_fkey'
            ELSE constraint_name END AS wanted,
        constraint_index, list_transform(constraint_column_indexes, lambda place: (place + 1)::SMALLINT) AS conkey,
        constraint_column_names AS names, expression, referenced_table, referenced_column_names
    FROM duckdb_constraints()
    WHERE pgc.fixed.shown(database_name) AND constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY', 'CHECK')
        AND NOT pgc.fixed.is_length_mark(expression)
), counted AS (
    SELECT *, row_number() OVER (PARTITION BY nspname, wanted ORDER BY relname, constraint_index) AS nth FROM made
)
SELECT * EXCLUDE (wanted, nth, constraint_index), wanted || CASE WHEN nth > 1 THEN (nth - 1)::VARCHAR ELSE '' END AS conname
FROM counted;
CREATE TEMP TABLE pgc_rule AS FROM pgc.now.rule LIMIT 0;
CREATE VIEW pgc.live.rule AS FROM query_table(pgc.fixed.base('rule'));

CREATE VIEW pgc.live.reference AS
SELECT f.nspname, f.relname, f.conname, t.conkey AS confkey, t.conname AS target
FROM pgc.live.rule f JOIN pgc.live.rule t
    ON t.nspname = f.nspname AND t.relname = f.referenced_table AND t.names = f.referenced_column_names
WHERE f.contype = 'f' AND t.contype IN ('p', 'u');

CREATE VIEW pgc.now.created_index AS
SELECT pgc.fixed.schema_name(database_name, schema_name) AS nspname, table_name AS relname, index_name AS indname, comment,
    is_unique, string_split(expressions[2:-2], ', ') AS written
FROM duckdb_indexes() WHERE pgc.fixed.shown(database_name);
CREATE TEMP TABLE pgc_created_index AS FROM pgc.now.created_index LIMIT 0;
CREATE VIEW pgc.live.created_index AS FROM query_table(pgc.fixed.base('created_index'));

CREATE VIEW pgc.now.index AS
SELECT nspname, relname, conname AS indname, NULL::VARCHAR AS comment, true AS is_unique, contype = 'p' AS is_primary,
    true AS of_rule, names, conkey AS keys
FROM pgc.live.rule WHERE contype IN ('p', 'u')
UNION ALL
SELECT i.nspname, i.relname, i.indname, i.comment, i.is_unique, false, false,
    list_transform(i.written, lambda part: CASE WHEN starts_with(part, '''') THEN trim(part, '''') ELSE trim(part, '"') END),
    list_transform(i.written, lambda part: coalesce(list_position(f.names, trim(part, '"')), 0)::SMALLINT)
FROM pgc.live.created_index i JOIN pgc.live.fields f USING (nspname, relname);
CREATE TEMP TABLE pgc_index AS FROM pgc.now.index LIMIT 0;
CREATE VIEW pgc.live.index AS FROM query_table(pgc.fixed.derived('index'));

-- Names only, for lookups: cheaper than the whole of pg_class.
CREATE VIEW pgc.live.name AS
SELECT nspname, relname FROM pgc.live.relation
UNION ALL SELECT nspname, relname FROM pgc.live.sequence
UNION ALL SELECT nspname, conname FROM pgc.live.rule WHERE contype IN ('p', 'u')
UNION ALL SELECT nspname, indname FROM pgc.live.created_index;

CREATE VIEW pgc.now.schema AS
SELECT DISTINCT pgc.fixed.schema_name(database_name, schema_name) AS nspname, max(comment) AS comment
FROM duckdb_schemas()
WHERE database_name = system.main.current_database() AND schema_name NOT IN ('information_schema', 'pg_catalog') GROUP BY ALL;
CREATE TEMP TABLE pgc_schema AS FROM pgc.now.schema LIMIT 0;
CREATE VIEW pgc.live.schema AS FROM query_table(pgc.fixed.base('schema'));

CREATE VIEW pgc.now.view_text AS
SELECT pgc.fixed.schema_name(database_name, schema_name) AS nspname, view_name AS relname,
    ' ' || regexp_replace(sql, '^CREATE (TEMP )?VIEW .*? AS ', '') AS definition
FROM duckdb_views() WHERE pgc.fixed.shown(database_name) AND NOT internal;
CREATE TEMP TABLE pgc_view_text AS FROM pgc.now.view_text LIMIT 0;
CREATE VIEW pgc.live.view_text AS FROM query_table(pgc.fixed.base('view_text'));

CREATE VIEW pgc.now.macro AS
SELECT pgc.fixed.schema_name(database_name, schema_name) AS nspname, function_name AS proname, function_type, parameters,
    macro_definition, function_oid
FROM duckdb_functions() WHERE NOT internal AND pgc.fixed.shown(database_name);
CREATE TEMP TABLE pgc_macro AS FROM pgc.now.macro LIMIT 0;
CREATE VIEW pgc.live.macro AS FROM query_table(pgc.fixed.base('macro'));
