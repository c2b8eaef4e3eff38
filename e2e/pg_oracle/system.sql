-- What clients ask a server about itself; only what is the same in every database.

@e = current_database() ¦ current_catalog ¦ current_schema ¦ current_schema() ¦ current_user = session_user ¦ user = current_user ¦ pg_backend_pid() > 0 ¦ version() like 'PostgreSQL %' ¦ now() is not null ¦ pg_is_in_recovery() ¦ txid_current() > 0 ¦ inet_server_port() > 0 ¦ clock_timestamp() >= now() ¦ statement_timestamp() is not null ¦ transaction_timestamp() = now() ¦ pg_postmaster_start_time() < now() ¦ pg_typeof(now()) ¦ current_role = current_user
select $e

@t = int ¦ int4 ¦ bigint ¦ smallint ¦ text ¦ varchar ¦ character varying(3) ¦ char(2) ¦ numeric ¦ numeric(5,2) ¦ decimal ¦ real ¦ double precision ¦ float ¦ float(10) ¦ boolean ¦ date ¦ time ¦ timetz ¦ timestamp ¦ timestamp(3) ¦ timestamptz ¦ timestamp with time zone ¦ time without time zone ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int[] ¦ text[] ¦ integer array ¦ oid ¦ name ¦ "char" ¦ regclass ¦ regtype ¦ bit(3) ¦ varbit ¦ money ¦ xml ¦ inet ¦ point ¦ nope
select null::$t
select pg_typeof(null::$t)
select '$t'::regtype

@o = 16 ¦ 17 ¦ 18 ¦ 19 ¦ 20 ¦ 21 ¦ 23 ¦ 25 ¦ 26 ¦ 114 ¦ 700 ¦ 701 ¦ 1000 ¦ 1007 ¦ 1009 ¦ 1042 ¦ 1043 ¦ 1082 ¦ 1083 ¦ 1114 ¦ 1184 ¦ 1186 ¦ 1231 ¦ 1266 ¦ 1560 ¦ 1700 ¦ 2205 ¦ 2950 ¦ 3802 ¦ 0 ¦ 99999999
select format_type($o, null)
select $o::regtype
select typname, typlen, typtype, typcategory, typelem, typarray, typinput::text from pg_type where oid = $o

@m = -1 ¦ 14 ¦ 327686 ¦ null ¦ 4
select format_type(1043, $m), format_type(1700, $m), format_type(1114, $m), format_type(1042, $m)

@n = pg_class ¦ pg_catalog.pg_type ¦ no_such_table ¦ "pg_class" ¦ 1259
select '$n'::regclass
select to_regclass('$n')

select oid, typname from pg_type where typname in ('int4', 'text', 'bool') order by oid
select nspname from pg_namespace where nspname in ('pg_catalog', 'public', 'information_schema') order by 1
select relname, relkind from pg_class where relname in ('pg_class', 'pg_attribute') order by 1
select attname, atttypid, attnum, attnotnull from pg_attribute where attrelid = 'numbers'::regclass and attnum > 0 order by attnum
select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'people'::regclass and attnum > 0 order by attnum
select contype, conkey from pg_constraint where conrelid = 'people'::regclass
select indisprimary, indisunique, indkey::text from pg_index where indrelid = 'people'::regclass
select datname, datallowconn from pg_database where datname = current_database()
select amname from pg_am where amname in ('heap', 'btree') order by 1
select collname from pg_collation where collname in ('C', 'default') order by 1
select name, setting from pg_settings where name in ('standard_conforming_strings', 'server_encoding', 'integer_datetimes') order by 1
select proname from pg_proc where proname = 'now'
select column_name, data_type, is_nullable, character_maximum_length, numeric_precision, numeric_scale from information_schema.columns where table_name = 'numbers' order by ordinal_position
select column_name, data_type, udt_name from information_schema.columns where table_name = 'people' order by ordinal_position
select table_type from information_schema.tables where table_name = 'people'
select pg_get_expr(null, 0), pg_get_userbyid(10) is not null, obj_description(0, 'pg_class'), col_description(0, 0), shobj_description(0, 'pg_database')
select pg_table_is_visible('numbers'::regclass), pg_type_is_visible(23), pg_function_is_visible(1299)
select has_table_privilege('numbers', 'select'), has_schema_privilege('public', 'usage'), has_database_privilege(current_database(), 'connect')
select pg_encoding_to_char(6), pg_client_encoding(), getdatabaseencoding()
select quote_ident('a b'), quote_literal('it''s'), quote_nullable(null)
select current_setting('server_version_num')::int >= 150000, current_setting('server_version') ~ '^\d+'
select pg_size_pretty(0::bigint), pg_size_pretty(10240::bigint), pg_size_pretty(123456789::numeric)
select pg_column_size(1), pg_column_size('abc'::text)
select array_to_string(current_schemas(false), ',')
select array_to_string(current_schemas(true), ',') like '%pg_catalog%'
select pg_sleep(0)
select pg_cancel_backend(0)
select pg_notify('a', 'b')
select pg_advisory_lock(1), pg_advisory_unlock(1), pg_try_advisory_lock(2)
select txid_current_if_assigned() is null
select pg_get_viewdef(0), pg_get_indexdef(0), pg_get_constraintdef(0)
select md5(''), hashtext('a') is not null, gen_random_uuid() is not null
select random() between 0 and 1, setseed(0.5)
select num_nulls(1, null), num_nonnulls(1, null)
select int4(1.6), int8('7'::text::int), float8(1), text(5), varchar('x'), bool('t')
select int4eq(1, 1), texteq('a', 'b'), int4pl(1, 2)
