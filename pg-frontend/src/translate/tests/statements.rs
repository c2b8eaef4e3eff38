//! Queries over tables, changes of data, definitions.

use super::*;

#[test]
fn statements_mean_what_they_mean_in_postgresql() {
    check(&[
        (
            "select extract(epoch from timestamp '2020-01-01'), extract(dow from date '2020-01-01'), extract('year' from date '2020-01-01'), extract(isodow from now())",
            r#"select pgc.extract_epoch( timestamp '2020-01-01') AS "extract", extract(dow from date '2020-01-01') AS "extract", extract('year' from date '2020-01-01') AS "extract", extract(isodow from now()) AS "extract""#,
        ),
        (
            "create table t (id serial primary key, name text, price numeric(10,2), qty int, ts timestamp, d date, tags text[], j jsonb, f float8, b bool)",
            r#"create table t (id integer DEFAULT nextval('"t_id_seq"') NOT NULL primary key, name text, price decimal(10,2), qty int, ts timestamp, d date, tags text[], j json, f float8, b bool)"#,
        ),
        (
            r#"insert into t (name, price, qty, ts, d, tags, j, f, b) values ('apple', 1.50, 3, '2020-01-01 10:00:00', '2020-01-01', '{a,b}'::text[], '{"a":1,"b":{"c":"x"}}', 1.5, true), ('Banana', 2.25, 0, '2020-02-01 12:30:00', '2020-02-01', array['c'], '{"a":2}', 2.5, false), (null, null, null, null, null, null, null, null, null)"#,
            r#"insert into t (name, price, qty, ts, d, tags, j, f, b) values ('apple', 1.50, 3, '2020-01-01 10:00:00', '2020-01-01', ['a', 'b']::text[], '{"a":1,"b":{"c":"x"}}', 1.5, true), ('Banana', 2.25, 0, '2020-02-01 12:30:00', '2020-02-01', array['c'], '{"a":2}', 2.5, false), (null, null, null, null, null, null, null, null, null)"#,
        ),
        (
            "select count(*), count(name), sum(qty), avg(price), max(d), min(ts) from t",
            r#"select count(*) AS "count", count(name) AS "count", pgc.sum_out(sum(qty), qty) AS "sum", pgc.avg_out(avg(price), sum(price), count(price), price) AS "avg", max(d) AS "max", min(ts) AS "min" from t"#,
        ),
        (
            "select name ~ 'a' , name ~* '^B', name !~ 'x', name !~* 'B' from t where name is not null order by id",
            r#"select pgc.regex_match(name , 'a') AS "?column?" , pgc.regex_match_ci(name , '^B') AS "?column?", pgc.regex_not_match(name , 'x') AS "?column?", pgc.regex_not_match_ci(name , 'B') AS "?column?" from t where name is not null order by id"#,
        ),
        (
            "select qty/2, price/2, f/2, qty % 2 from t order by id",
            r#"select pgc.quotient_out(qty/2, qty, 2) AS "?column?", pgc.quotient_out(price/2, price, 2) AS "?column?", pgc.quotient_out(f/2, f, 2) AS "?column?", qty % 2 AS "?column?" from t order by id"#,
        ),
        ("explain estimate select name::varchar(2) from t", "explain estimate select left(name::varchar, 2) from t"),
        ("select 10/nullif(qty,0) from t order by id", r#"select 10/nullif(qty,0) AS "?column?" from t order by id"#),
        ("select name || '-' || id from t order by id", r#"select name || '-' || id AS "?column?" from t order by id"#),
        (
            "select name::varchar(2), name::char(8), qty::text, price::int, f::int from t order by id",
            r#"select left(name::varchar, 2) AS "name", rpad(name::varchar, 8, ' ') AS "name", pgc.text_of(qty) AS "qty", price::int AS "price", f::int AS "f" from t order by id"#,
        ),
        (
            "select round(f), round(price), round(price,1), ceil(f), trunc(price,1) from t order by id",
            r#"select pgc.pg_round(f) AS "round", pgc.pg_round(price) AS "round", round(price,1) AS "round", ceil(f) AS "ceil", pgc.pg_trunc(price,1) AS "trunc" from t order by id"#,
        ),
        (
            "select j->'a', j->>'a', j->'b'->>'c', j #>> '{b,c}', j #> '{b}', j ? 'a' from t order by id",
            r#"select (j->'a') AS "?column?", (j->>'a') AS "?column?", ((j->'b')->>'c') AS "?column?", pgc.json_path_text(j , ['b', 'c']) AS "?column?", pgc.json_path(j , ['b']) AS "?column?", pgc.json_has_key(j , 'a') AS "?column?" from t order by id"#,
        ),
        (
            r#"select id from t where j->>'a' = '1' and j @> '{"a":1}'"#,
            r#"select id from t where (j->>'a') = '1' and pgc.json_contains(j , '{"a":1}')"#,
        ),
        ("select id from t where (j->>'a')::int > 1", "select id from t where ((j->>'a'))::int > 1"),
        (
            "select tags[1], tags[1:2], array_length(tags,1), cardinality(tags) from t order by id",
            r#"select tags[1] AS "tags", tags[1:2] AS "tags", pgc.pg_array_length(tags,1) AS "array_length", pgc.pg_cardinality(tags) AS "cardinality" from t order by id"#,
        ),
        ("select id from t where id = any('{1,2}')", "select id from t where id = any([1, 2])"),
        (
            "select id from t where id = any('{1,2}'::int[]) order by id",
            "select id from t where id = any(['1', '2']::int4[]) order by id",
        ),
        (
            "select id from t where tags && '{a,z}' or tags @> array['c'] order by id",
            "select id from t where tags && ['a', 'z'] or tags @> array['c'] order by id",
        ),
        ("select unnest(tags) from t where id=1", r#"select unnest(tags) AS "unnest" from t where id=1"#),
        (
            "select date_trunc('month', ts), extract(year from ts), extract(month from d), date_part('day', ts), to_char(ts,'YYYY-MM-DD HH24:MI:SS') from t order by id",
            r#"select date_trunc('month', ts) AS "date_trunc", extract(year from ts) AS "extract", extract(month from d) AS "extract", date_part('day', ts) AS "date_part", strftime(ts,'%Y-%m-%d %H:%M:%S') AS "to_char" from t order by id"#,
        ),
        (
            "select d + 1, d - date '2019-12-31', ts + interval '1 day', ts - interval '2 hours', d + interval '1 month' from t order by id",
            r#"select d + 1 AS "?column?", d - date '2019-12-31' AS "?column?", ts + interval '1 day' AS "?column?", ts - interval '2 hours' AS "?column?", d + interval '1 month' AS "?column?" from t order by id"#,
        ),
        (
            "select e.value::text from t, jsonb_array_elements('[1,2]') e where id=1",
            r#"select pgc.text_of(e.value) AS "value" from t, unnest(pgc.json_elements('[1,2]')) e(value) where id=1"#,
        ),
        (
            "select case when qty > 1 then 'many' else 'few' end, case qty when 3 then name end from t order by id",
            r#"select case when qty > 1 then 'many' else 'few' end AS "case", case qty when 3 then name end AS "case" from t order by id"#,
        ),
        (
            "select coalesce(name,'none'), nullif(qty,0), greatest(qty,1), least(qty,1) from t order by id",
            r#"select coalesce(name,'none') AS "coalesce", nullif(qty,0) AS "nullif", greatest(qty,1) AS "greatest", least(qty,1) AS "least" from t order by id"#,
        ),
        (
            "select (select max(id) from t), exists(select 1 from t), array(select id from t order by id), id from t order by id limit 1",
            r#"select (select max(id) from t) AS "max", exists(select 1 from t) AS "exists", array(select id from t order by id) AS "array", id from t order by id limit 1"#,
        ),
        (
            "select -qty, +qty, not b, qty is null, name like 'a%', name ilike 'b%', qty between 1 and 5, b and true from t order by id",
            r#"select -qty AS "?column?", +qty AS "?column?", not b AS "?column?", qty is null AS "?column?", name like 'a%' AS "?column?", name ilike 'b%' AS "?column?", qty between 1 and 5 AS "?column?", b and true AS "?column?" from t order by id"#,
        ),
        ("select id from t order by id for update", "select id from t order by id"),
        ("select * from (select count(*) from t) s", r#"select * from (select count(*) AS "count" from t) s"#),
        ("select count from (select count(*) from t) s", r#"select count from (select count(*) AS "count" from t) s"#),
        (
            "with x as (select count(*), max(id) from t) select count, max from x",
            r#"with x as (select count(*) AS "count", max(id) AS "max" from t) select count, max from x"#,
        ),
        (
            "with x as (select 1), y(a) as (select 2) select * from x, y",
            r#"with x as (select 1 AS "?column?"), y(a) as (select 2) select * from x, y"#,
        ),
        ("values (1,'a'),(2,'b')", r#"SELECT * FROM (values (1,'a'),(2,'b')) AS "*VALUES*"(column1, column2)"#),
        (
            "insert into t (name) values ('zed') returning id, upper(name), id+1",
            r#"insert into t (name) values ('zed') returning id, upper(name) AS "upper", id+1 AS "?column?""#,
        ),
        (
            r#"select name as "Name", price Price, qty AS Qty from t order by id limit 1"#,
            r#"select name as "Name", price AS price, qty AS qty from t order by id limit 1"#,
        ),
        (
            "select string_agg(name, ',' order by name), array_agg(id order by id), bool_and(b), bool_or(b), every(b) from t",
            r#"select string_agg(name, ',' order by name) AS "string_agg", array_agg(id order by id) AS "array_agg", bool_and(b) AS "bool_and", bool_or(b) AS "bool_or", bool_and(b) AS "every" from t"#,
        ),
        (
            "select count(*) filter (where qty > 0), sum(qty) over (order by id), row_number() over (partition by b order by id), rank() over w from t group by id, qty, b window w as (order by id) order by id",
            r#"select count(*) filter (where qty > 0) AS "count", pgc.sum_out(sum(qty) over (order by id), qty) AS "sum", row_number() over (partition by b order by id) AS "row_number", rank() over w AS "rank" from t group by id, qty, b window w as (order by id) order by id"#,
        ),
        (
            "select percentile_cont(0.5) within group (order by qty), mode() within group (order by qty) from t",
            r#"select percentile_cont(0.5) within group (order by qty) AS "percentile_cont", mode() within group (order by qty) AS "mode" from t"#,
        ),
        (
            "select extract(epoch from timestamp '2020-01-01'), extract(dow from date '2020-01-05'), date_trunc('day', timestamp '2020-01-01 10:00'), make_date(2020,1,2)",
            r#"select pgc.extract_epoch( timestamp '2020-01-01') AS "extract", extract(dow from date '2020-01-05') AS "extract", date_trunc('day', timestamp '2020-01-01 10:00') AS "date_trunc", pgc.pg_make_date(2020,1,2) AS "make_date""#,
        ),
        (
            "select grouping(b), b, count(*) from t group by rollup(b) order by 1,2",
            r#"select grouping(b) AS "grouping", b, count(*) AS "count" from t group by rollup(b) order by 1,2"#,
        ),
        (
            "select count(distinct qty), sum(distinct qty) from t",
            r#"select count(distinct qty) AS "count", pgc.sum_out(sum(distinct qty), qty) AS "sum" from t"#,
        ),
        (
            "select lower(name) from t group by lower(name) order by lower(name)",
            r#"select lower(name) AS "lower" from t group by lower(name) order by lower(name)"#,
        ),
        (
            "create view v as select count(*), max(id) as m from t",
            r#"create view v as select count(*) AS "count", max(id) as m from t"#,
        ),
        (
            "create table ctas as select id, count(*) from t group by id",
            r#"create table ctas as select id, count(*) AS "count" from t group by id"#,
        ),
        ("select id as a into into_t from t", "CREATE TABLE into_t AS select id as a from t"),
        ("create temp table tmp (a int) on commit preserve rows", "create temp table tmp (a int)"),
        ("create unlogged table unl (a int) with (fillfactor=70)", "create table unl (a int)"),
        ("create index concurrently idx on t using btree (name varchar_pattern_ops)", "create index idx on t (name )"),
        ("create unique index on unl (a)", r#"create unique index "unl_a_idx" on unl (a)"#),
        ("truncate table unl restart identity cascade", "truncate table unl"),
        (
            "alter table unl add column b varchar(10) default 'x', add column c int",
            "alter table unl add column b varchar default 'x'",
        ),
        (
            r#"create table ident (id bigint generated always as identity primary key, v text collate "C" not null default 'a'::text, c timestamp(3) without time zone default now(), n numeric, x int references t(id) on delete cascade)"#,
            r#"create table ident (id bigint DEFAULT nextval('"ident_id_seq"') NOT NULL primary key, v text not null default 'a'::text, c timestamp_ms default now(), n decimal(38,10), x int references t(id) )"#,
        ),
        (
            "create table s.x (id serial, a int[] default '{}'::int[], b jsonb not null default '{}'::jsonb)",
            r#"create table s.x (id integer DEFAULT nextval('"s"."x_id_seq"') NOT NULL, a int4[] default []::int4[], b json not null default '{}'::json)"#,
        ),
        (
            "insert into s.x (a) values ('{1,2}'::int[]) returning id, b",
            "insert into s.x (a) values (['1', '2']::int4[]) returning id, b",
        ),
        ("drop table s.x, into_t", "drop table s.x"),
        ("create table lk (like t)", "create table lk AS SELECT * FROM t WITH NO DATA"),
        ("create sequence sq start with 5 increment by 1 cache 1", "create sequence sq start with 5 increment by 1"),
        ("vacuum analyze t", "ANALYZE"),
        ("analyze t", "ANALYZE"),
        (r#"select id from t where name = E'du\x70' order by id"#, "select id from t where name = 'dup' order by id"),
        ("select (t).name from t order by id limit 1", r#"select (t).name AS "name" from t order by id limit 1"#),
        (
            "select coalesce(sum(qty),0)/count(*) from t",
            r#"select pgc.div(coalesce(sum(qty),0),count(*)) AS "?column?" from t"#,
        ),
        (
            "select json_build_object('id', id, 'name', name) from t order by id limit 1",
            r#"select json_object('id', id, 'name', name) AS "json_build_object" from t order by id limit 1"#,
        ),
        ("select sum(f/qty) from t where qty > 0", r#"select sum(pgc.div(f,qty)) AS "sum" from t where qty > 0"#),
        (
            "select left(name, 2) from t order by id limit 1",
            r#"select left(name, 2) AS "left" from t order by id limit 1"#,
        ),
        (
            "select name, sum(qty) from t group by name having sum(qty) / count(*) > 1 order by 1",
            r#"select name, pgc.sum_out(sum(qty), qty) AS "sum" from t group by name having pgc.div(sum(qty) , count(*)) > 1 order by 1"#,
        ),
        (
            "create table o (id int primary key, c int, n varchar(20), a numeric, at timestamptz default now())",
            r#"create table o (id int primary key, c int, n varchar CHECK (20 >= character_length(rtrim("n"))), a decimal(38,10), "at" timestamptz default now())"#,
        ),
        (
            r#"SELECT TO_CHAR("at", 'YYYY-MM') FROM o ORDER BY id"#,
            r#"SELECT strftime("at", '%Y-%m') AS "to_char" FROM o ORDER BY id"#,
        ),
        (
            "select * from (select *, row_number() over (partition by n order by at desc) rn from o) t where rn = 1 order by id",
            r#"select * from (select *, row_number() over (partition by n order by "at" desc) AS rn from o) t where rn = 1 order by id"#,
        ),
        (
            r#"SELECT EXTRACT(YEAR FROM "at")::int AS y, EXTRACT(QUARTER FROM "at") q FROM o ORDER BY id"#,
            r#"SELECT EXTRACT(YEAR FROM "at")::int AS y, EXTRACT(QUARTER FROM "at") AS q FROM o ORDER BY id"#,
        ),
        (
            "SELECT n, c::float / (SELECT sum(c) FROM o) * 100 AS pct FROM o ORDER BY n",
            "SELECT n, pgc.div(c::float8 , (SELECT sum(c) FROM o)) * 100 AS pct FROM o ORDER BY n",
        ),
        (
            "SELECT coalesce(n, '') || ' (' || c || ')' FROM o ORDER BY id",
            r#"SELECT coalesce(n, '') || ' (' || c || ')' AS "?column?" FROM o ORDER BY id"#,
        ),
        (
            "select a::numeric(10,4), a::text, a::int, (a*100)::bigint, round(a,1) from o order by id",
            r#"select a::decimal(10,4) AS "a", pgc.text_of(a) AS "a", a::int AS "a", (a*100)::bigint AS "int8", round(a,1) AS "round" from o order by id"#,
        ),
        (
            "with recursive t(n) as (values (1) union all select n+1 from t where n < 5) select sum(n) from t",
            r#"with recursive t(n) as (values (1) union all select n+1 from t where n < 5) select pgc.sum_out(sum(n), n) AS "sum" from t"#,
        ),
        (
            "select id from o where at > now() - interval '100 years' and at::date = date '2020-01-01'",
            r#"select id from o where "at" > now() - interval '100 years' and "at"::date = date '2020-01-01'"#,
        ),
        (
            "select id from o where at >= '2020-01-01'::timestamptz and at < ('2020-01-01'::date + interval '1 day') order by id",
            r#"select id from o where "at" >= '2020-01-01'::timestamptz and "at" < ('2020-01-01'::date + interval '1 day') order by id"#,
        ),
        (
            "select id from o where n like any (array['x%', 'z%'])",
            "select id from o where pgc.like_any(n , (array['x%', 'z%']))",
        ),
        (
            "select id from o where c between 5 and 15 and n similar to '(x|z)'",
            "select id from o where c between 5 and 15 and pgc.similar_to(n , '(x|z)')",
        ),
        (
            "select max(c) - min(c) as spread, stddev_pop(c), count(distinct n) from o",
            r#"select max(c) - min(c) as spread, stddev_pop(c) AS "stddev_pop", count(distinct n) AS "count" from o"#,
        ),
        (
            "select n, string_agg(id::text, ',' order by id desc) from o group by n order by n",
            r#"select n, string_agg(pgc.text_of(id), ',' order by id desc) AS "string_agg" from o group by n order by n"#,
        ),
        (
            "select array_agg(distinct n order by n) from o",
            r#"select array_agg(distinct n order by n) AS "array_agg" from o"#,
        ),
        (
            "select id, lag(c) over (order by id), lead(c, 1, 0) over w, first_value(c) over w, ntile(2) over w, sum(c) over (order by id rows between unbounded preceding and current row) from o window w as (order by id) order by id",
            r#"select id, lag(c) over (order by id) AS "lag", lead(c, 1, 0) over w AS "lead", first_value(c) over w AS "first_value", ntile(2) over w AS "ntile", pgc.sum_out(sum(c) over (order by id rows between unbounded preceding and current row), c) AS "sum" from o window w as (order by id) order by id"#,
        ),
        (
            "(select id from o order by id limit 1) union (select 2) order by 1",
            r#"(select id from o order by id limit 1) union (select 2 AS "?column?") order by 1"#,
        ),
        ("select id from o except select 1", r#"select id from o except select 1 AS "?column?""#),
        (
            "select exists(select 1 from o where id=1) as e, (select n from o where id = 1)",
            r#"select exists(select 1 from o where id=1) as e, (select n from o where id = 1) AS "n""#,
        ),
        (
            "select sum(case when c > 15 then 1 else 0 end) as hi, avg(c)::numeric(10,2) from o",
            r#"select pgc.sum_out(sum(case when c > 15 then 1 else 0 end), case when c > 15 then 1 else 0 end) as hi, avg(c)::decimal(10,2) AS "avg" from o"#,
        ),
        ("select min(n), max(at)::date from o", r#"select min(n) AS "min", max("at")::date AS "max" from o"#),
        (
            "create table z (id int primary key, v varchar(3), c char(3), n numeric, d double precision, f float, arr int[], ta text[], j json, jb jsonb, b bytea, bo boolean, tz timestamptz, ti time, iv interval, u uuid)",
            r#"create table z (id int primary key, v varchar CHECK (3 >= character_length(rtrim("v"))), c varchar CHECK (3 >= char_length(rtrim("c"))), n decimal(38,10), d float8, f float8, arr int4[], ta text[], j json, jb json, b bytea, bo boolean, tz timestamptz, ti time, iv interval, u uuid)"#,
        ),
        (
            "select extract(hour from ti), extract(epoch from iv), date_part('day', iv), iv * 2, iv + interval '1 hour' = interval '25 hours' from z",
            r#"select extract(hour from ti) AS "extract", pgc.extract_epoch( iv) AS "extract", date_part('day', iv) AS "date_part", iv * 2 AS "?column?", iv + interval '1 hour' = interval '25 hours' AS "?column?" from z"#,
        ),
        (
            "insert into z (id, v) select 2, 'q' returning id, v || '!'",
            r#"insert into z (id, v) select 2 AS "?column?", 'q' AS "?column?" returning id, v || '!' AS "?column?""#,
        ),
        (
            "delete from z where id in (2, 3) and v is distinct from 'q/1' returning id / 1",
            r#"delete from z where id in (2, 3) and v is distinct from 'q/1' returning id / 1 AS "?column?""#,
        ),
        (
            "select extract(isodow from date '2020-01-05'), extract(doy from date '2020-02-01'), extract(week from date '2020-01-05'), extract(century from date '2020-01-05'), extract(milliseconds from time '10:00:01.5')",
            r#"select extract(isodow from date '2020-01-05') AS "extract", extract(doy from date '2020-02-01') AS "extract", extract(week from date '2020-01-05') AS "extract", extract(century from date '2020-01-05') AS "extract", pgc.extract_millisecond( time '10:00:01.5') AS "extract""#,
        ),
        (r#"create table "MixedCase" ("Id" int, Name text)"#, r#"create table "MixedCase" ("Id" int, name text)"#),
        (
            "create table def (a int default 7 / 2, b text default 'x' || 'y', c timestamp default now(), d varchar default 'a'::character varying, e int check (e / 1 > 0), primary key (a), unique (b))",
            "create table def (a int default 7 / 2, b text default 'x' || 'y', c timestamp default now(), d varchar default 'a'::varchar, e int check (e / 1 > 0), primary key (a), unique (b))",
        ),
        (
            "create view vv as select id / 1 as q, v ~ 'a' from z where id = 1",
            r#"create view vv as select pgc.quotient_out(id / 1, id, 1) as q, pgc.regex_match(v , 'a') AS "?column?" from z where id = 1"#,
        ),
        ("create table t2 (like z including all)", "create table t2 AS SELECT * FROM z WITH NO DATA"),
        ("alter table t2 add column extra jsonb default '{}'", "alter table t2 add column extra json default '{}'"),
        (
            "alter table t2 alter column n set default 1.5, alter column n drop not null",
            "alter table t2 alter column n set default 1.5",
        ),
        ("drop table t3, copy_of, empty_of", "drop table t3"),
        (
            "create index on z (lower(v), id desc nulls last) where id > 0",
            r#"create index "z_lower_id_idx" on z (lower(v), id )"#,
        ),
        (
            "create unique index concurrently if not exists zi on z using btree (id asc)",
            "create unique index zi on z (id )",
        ),
        ("drop index concurrently if exists zi", "drop index zi"),
        ("truncate table only z", "truncate table z"),
        (
            "create table jj (id int generated by default as identity, a jsonb, t text)",
            r#"create table jj (id int DEFAULT nextval('"jj_id_seq"') NOT NULL, a json, t text)"#,
        ),
        (
            r#"insert into jj (id, a, t) overriding system value values (7, '{"k":1,"m":2}', 'x')"#,
            r#"insert into jj (id, a, t) values (7, '{"k":1,"m":2}', 'x')"#,
        ),
        ("create sequence public.sq2", "create sequence main.sq2"),
        (
            "create table dd (id int default nextval('public.sq2'::regclass), n text)",
            "create table dd (id int default nextval('main.sq2'), n text)",
        ),
        (
            r#"create table kw (Name text, Type int, "Value" int, At date)"#,
            r#"create table kw (name text, type int, "Value" int, "at" date)"#,
        ),
        (
            "insert into kw (name, type, at) values ('a', 1, '2020-01-01')",
            r#"insert into kw (name, type, "at") values ('a', 1, '2020-01-01')"#,
        ),
        ("with Q(Name) as (select 1) select * from Q", "with Q(name) as (select 1) select * from Q"),
        (
            "create table e1 (id int, name text, ts timestamp, amount numeric(12,2), flag boolean)",
            "create table e1 (id int, name text, ts timestamp, amount decimal(12,2), flag boolean)",
        ),
        (
            "WITH a AS (SELECT id, lower(name) FROM e1), b AS (SELECT * FROM a WHERE lower = 'a') SELECT b.lower, count(*) OVER () FROM b",
            r#"WITH a AS (SELECT id, lower(name) AS "lower" FROM e1), b AS (SELECT * FROM a WHERE lower = 'a') SELECT b.lower, count(*) OVER () AS "count" FROM b"#,
        ),
        (
            "INSERT INTO e1 (id, name) SELECT g, 'n' || g FROM generate_series(10, 12) AS g RETURNING id, name",
            r#"INSERT INTO e1 (id, name) SELECT g, 'n' || g AS "?column?" FROM generate_series(10, 12) AS g("g") RETURNING id, name"#,
        ),
        (
            "CREATE TABLE e2 AS SELECT id, name::varchar(1), amount / 3 AS third, count(*) OVER () FROM e1",
            r#"CREATE TABLE e2 AS SELECT id, left(name::varchar, 1) AS "name", pgc.quotient_out(amount / 3, amount, 3) AS third, count(*) OVER () AS "count" FROM e1"#,
        ),
        (
            "CREATE TABLE e3 (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, created timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP, n double precision, CONSTRAINT pos CHECK (n / 2 >= 0), tags varchar(20)[] NOT NULL DEFAULT ARRAY[]::varchar[], meta jsonb DEFAULT '{}'::jsonb)",
            "CREATE TABLE e3 (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, created timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP, n float8, CONSTRAINT pos CHECK (n / 2 >= 0), tags varchar[] NOT NULL DEFAULT ARRAY[]::varchar[], meta json DEFAULT '{}'::json)",
        ),
        (
            "ALTER TABLE e3 ADD COLUMN extra character varying(10) DEFAULT 'x'::character varying, OWNER TO postgres",
            "ALTER TABLE e3 ADD COLUMN extra varchar DEFAULT 'x'::varchar",
        ),
    ]);
}

#[test]
fn what_both_dialects_share_stays_as_it_is() {
    check_untouched(&[
        "select * from t order by id",
        "select id, name, price, qty from t order by price desc",
        "select name from t order by name",
        "select id from t where 'a' = any(tags)",
        "select id from t where id in (1,2) order by id",
        "select id, unnest(tags) as tag from t where tags is not null order by 1,2",
        "select * from generate_series(1,3) as s(n) order by n desc",
        "select a.id, b.name from t a join t b on a.id = b.id where a.name like '%a%' order by a.id",
        "select t.* from t where id = 1",
        "select distinct on (b) b, name from t order by b, name",
        "select id from t order by id fetch first 1 rows only",
        "select id from t order by id limit 1 offset 1",
        "update t set qty = qty + 1 where id = 1 returning *",
        "update t set price = price / 2 where id = 1 returning price",
        "delete from t where name = 'zed' returning name",
        "insert into t (id,name) values (1,'dup') on conflict (id) do update set name = excluded.name returning name",
        "insert into t (id,name) values (1,'dup2') on conflict do nothing",
        "select Name, T.Qty from T order by ID limit 1",
        "select a.x, b.y from (select 1 as x) a cross join lateral (select a.x + 1 as y) b",
        "select id, name from t where (id, name) in ((1,'dup')) ",
        "select * from v",
        "alter table unl owner to postgres",
        "select * from unl",
        "insert into ident (v) values ('q') returning id, v",
        "drop schema s cascade",
        "drop view v",
        "select j from t order by id",
        "insert into o values (1,10,'x',1.5,'2020-01-01 00:00:00+00'),(2,20,'y',2.25,'2020-01-02 00:00:00+00')",
        "SELECT o.id AS o_id, o.n AS o_n FROM o WHERE o.id = 1 LIMIT 1",
        "SELECT count(*) AS count_1 FROM (SELECT o.id AS o_id FROM o) AS anon_1",
        r#"SELECT "o"."id", "o"."n" FROM "o" WHERE "o"."n" ILIKE '%x%' ORDER BY "o"."id" ASC LIMIT 21"#,
        r#"SELECT 1 AS "a" FROM "o" WHERE "o"."id" = 1 LIMIT 1"#,
        "select id, case when c > 15 then 'high' when c > 5 then 'mid' else 'low' end as bucket from o order by id",
        r#"insert into o (id, c) values (3, 30) returning "id", "c""#,
        "update o as x set c = x.c + 1 from (select 3 as id) y where x.id = y.id returning x.id, x.c",
        "delete from o using (select 3 as id) y where o.id = y.id returning o.id",
        "with ins as (select 5 as q) select q from ins",
        "select id from o where n in ('x','y') and not (c = 20) order by id",
        "select id from o where n not like 'x%'",
        "select id from o where (n ilike 'X%' or n is null) and c <> 0",
        "select id from o union all select id from o order by 1 limit 3",
        "select * from o natural join (select 1 as id) x",
        "select o.id from o left outer join o p using (id) where p.id is not null order by o.id",
        "select o.id, x.m from o, lateral (select max(c) as m from o p where p.id <= o.id) x order by 1",
        "select (select n from o where id = 1) || '!' as bang",
        "select * from generate_series(1, 10, 3) as t(i)",
        "select * from o order by c desc nulls last, n asc nulls first limit 1 offset 0",
        r#"select id as "Some Id", n "Name" from o order by "Some Id" limit 1"#,
        "select distinct n from o order by n",
        "select distinct c/10 as dec from o order by dec",
        "select all id from o order by 1",
        r#"insert into z values (1, 'abc', 'ab', 1.2345, 1.5, 2.5, array[1,2], array['x','y'], '{"k":[1,2,{"q":"w"}]}', '{"k": "v"}', 'abc', true, '2020-01-01 00:00:00+00', '10:00:00', '1 day', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')"#,
        "select id from z where 1 = any(arr) and 3 <> all(arr) and arr @> array[1] and arr && array[2,9] and array[1] <@ arr",
        "select id from z where id = any(array[1,2]) and v = any(array['abc']) and id in (select unnest(arr) from z)",
        "select a.x, a.o from z, unnest(arr) with ordinality as a(x, o) order by 2",
        "select z.* from z where z.id = 1 limit 1",
        "select z from (select 1 as z) q",
        "select * from (select id, v from z) as q(a, b)",
        "select a, b from (values (1, 'x'), (2, 'y')) as q(a, b) order by a desc",
        "insert into z (id, v, n) values (3, 'r', 7 / 2) on conflict (id) do update set v = excluded.v || 'x', n = z.n / 1 returning *",
        "update z set (v, n) = ('m', 5), d = d / 2 where id = 3 returning v, n",
        "update z set v = default where id = 3",
        "merge into z using (select 9 as id, 'new' as v) s on z.id = s.id when matched then update set v = s.v when not matched then insert (id, v) values (s.id, s.v)",
        "select v from z where id = 9",
        r#"select 1 as "one""quote", 2 as "two words""#,
        "select s.n from generate_series(1, 2) as s(n), generate_series(1, 2) as q(n) order by 1",
        r#"insert into "MixedCase" values (1, 'x')"#,
        r#"select "Id", NAME from "MixedCase""#,
        r#"select * from "MixedCase""#,
        "insert into def (e) values (5) returning a, b, d",
        "select * from vv",
        "create table copy_of as table z",
        "create table empty_of as select * from z with no data",
        "alter table t2 rename column extra to extra2",
        "alter table t2 alter column v type text using v::text",
        "alter table t2 drop column extra2",
        "alter table t2 rename to t3",
        "create type mood as enum ('sad', 'ok')",
        "create table sc.t (a int)",
        "drop schema sc cascade",
        "insert into dd (n) values ('a') returning id",
        "select * from kw",
        "insert into e1 values (1, 'a', '2020-01-01', 10.5, true), (2, 'b', '2020-02-01', 20, false), (3, null, null, null, null)",
        "SELECT Id, Name FROM e1 WHERE Id = 1 AND NAME = 'a'",
        "select id, /* c */ name /* d */ from e1 where id = 1 -- x",
        "SELECT * FROM e1 WHERE (name, id) IN (SELECT name, id FROM e1 WHERE id < 3) ORDER BY 1 DESC",
        "SELECT * FROM e1 WHERE name IS NOT DISTINCT FROM NULL",
        "SELECT * FROM e1 WHERE name = ANY(ARRAY['a','b']::text[]) ORDER BY id",
        "SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS t (num, letter) WHERE num % 2 = 0",
        "SELECT DISTINCT ON (flag) flag, id FROM e1 ORDER BY flag, id DESC",
        "SELECT id FROM e1 ORDER BY CASE WHEN name IS NULL THEN 1 ELSE 0 END, name DESC",
        "SELECT id FROM e1 ORDER BY amount DESC NULLS LAST LIMIT 2",
        "UPDATE e1 SET name = upper(name), amount = amount / 2 WHERE id = 1 RETURNING id, name, amount",
        "DELETE FROM e1 WHERE id = 3 RETURNING *",
        "SELECT name, count FROM e2 ORDER BY id",
        "INSERT INTO e3 (n) VALUES (4) RETURNING n, tags, meta",
        "SELECT extra FROM e3",
    ]);
}

#[test]
fn what_takes_several_statements_says_so() {
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        (
            "create table s.t (id serial primary key, b text)",
            r#"create table s.t (id integer DEFAULT nextval('"s"."t_id_seq"') NOT NULL primary key, b text)"#,
            &[r#"CREATE SEQUENCE IF NOT EXISTS "s"."t_id_seq""#],
            &[],
        ),
        (
            "create temp table t (id bigint generated always as identity (start 1))",
            r#"create temp table t (id bigint DEFAULT nextval('"t_id_seq"') NOT NULL)"#,
            &[r#"CREATE TEMP SEQUENCE IF NOT EXISTS "t_id_seq""#],
            &[],
        ),
        ("drop table if exists a, public.b cascade", "drop table a cascade", &[], &["drop table main.b cascade"]),
        ("truncate a, b restart identity", "truncate a", &[], &["truncate b"]),
        (
            "alter table only a add column b varchar(3), alter c type jsonb, owner to x",
            "alter table a add column b varchar",
            &[],
            &["alter table a alter c type json"],
        ),
    ];
    for (sql, expected, before, after) in cases {
        let translated = translate(sql, &Options::default()).unwrap();
        assert_eq!(&translated.sql, expected, "of {sql}");
        assert_eq!(&translated.before, before, "before {sql}");
        assert_eq!(&translated.after, after, "after {sql}");
    }
}

#[test]
fn what_is_put_up_with_is_told() {
    let missing = |kind, names: &[&str]| {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Some(Excuse::Missing { kind, names })
    };
    let there = |kind, name: &str| Some(Excuse::There { kind, name: name.to_owned() });
    for (sql, excuse) in [
        ("drop table if exists a, s.\"B\" cascade", missing("table", &["a", "B"])),
        ("drop index concurrently if exists i", missing("index", &["i"])),
        ("drop schema s", None),
        ("create table if not exists s.t (a int)", there("relation", "t")),
        ("create temp table if not exists t as select 1", there("relation", "t")),
        ("create schema if not exists s", there("schema", "s")),
        ("create table t (a int)", None),
    ] {
        assert_eq!(translate(sql, &Options::default()).unwrap().excuse, excuse, "of {sql}");
    }
}

#[test]
fn an_empty_select_list_is_told() {
    for (sql, bare) in [
        ("select", true),
        ("select from t where a > 1", true),
        ("select from t union all select", true),
        ("select 1 where exists (select)", false),
        ("with x as (select) select a from x", false),
        ("insert into t select from x", false),
    ] {
        assert_eq!(translate(sql, &Options::default()).unwrap().bare, bare, "of {sql}");
    }
}

#[test]
fn what_means_nothing_here_is_answered_only() {
    for sql in [
        "alter table t owner to me",
        "alter table t set (fillfactor = 70)",
        "alter sequence s owned by t.id",
        "lock table t",
        "create extension if not exists pgcrypto",
        "comment on database x is 'y'",
        "alter table t disable trigger all",
        "reindex table t",
    ] {
        assert!(translate(sql, &Options::default()).unwrap().ignored, "{sql}");
    }
    assert!(!translate("alter table t add b int", &Options::default()).unwrap().ignored);
}

#[test]
fn what_a_whole_item_is_decides_its_type() {
    check(&[
        (
            "select avg(c), avg(c) + 1, sum(c), (select sum(c) from u) from t",
            r#"select pgc.avg_out(avg(c), sum(c), count(c), c) AS "avg", avg(c) + 1 AS "?column?", pgc.sum_out(sum(c), c) AS "sum", (select sum(c) from u) AS "sum" from t"#,
        ),
        ("select key, value from json_each('{}'::json)", "select key, value from pgc.pg_json_each('{}'::json)"),
        ("select 1 as a from t where a.b::text = '1'", "select 1 as a from t where pgc.text_of(a.b) = '1'"),
        ("select a / 2.0 from t", r#"select pgc.quotient_out(a / 2.0, a, 2.0) AS "?column?" from t"#),
        // GROUP BY must find the expression again.
        ("select a / 2.0 from t group by a / 2.0", r#"select a / 2.0 AS "?column?" from t group by a / 2.0"#),
        // DuckDB chooses no macro by the type of a column of an outer query, nor by that of a parameter.
        ("select (select t.a::numeric) from t", r#"select (select t.a::decimal(38,10)) AS "a" from t"#),
        ("select $1::text", r#"select $1::text AS "text""#),
        // Nor by that of an aggregate, nor by that of a table beside a function.
        ("select count(*)::text from t", r#"select count(*)::text AS "count" from t"#),
        ("select 1 as a from t, f(t.x::text)", "select 1 as a from t, f(t.x::text)"),
    ]);
}

#[test]
fn columns_are_known_by_their_form() {
    let known = |sql: &str, count: usize| -> Vec<String> {
        let results = translate(sql, &Options::default()).unwrap().results;
        (0..count)
            .map(|index| match results.of(index, count) {
                Known::Column => "column".to_owned(),
                Known::Expression => "expression".to_owned(),
                Known::Quotient => "quotient".to_owned(),
                Known::Type(known) => format!("{} {}", known.oid(), known.typmod),
            })
            .collect()
    };
    assert_eq!(known("select a, length(a), 1.5, 'x'::varchar(3) from t", 4), ["column", "23 -1", "1700 -1", "1043 7"]);
    // A star is as many columns as are left.
    assert_eq!(known("select 1, t.*, null from t", 4), ["23 -1", "column", "column", "25 -1"]);
    assert_eq!(known("select 1 union select 2.5", 1), ["expression"]);
    assert_eq!(known("insert into t select 1, 2 returning a, a + 1", 2), ["column", "expression"]);
    // More columns than items: nothing is known of any.
    assert_eq!(known("select 1", 2), ["column", "column"]);
}

#[test]
fn constants_that_could_be_arrays_are_found() {
    let found = |sql| arrays(sql).map(|found| (found.columns, found.constants));
    let sql = "insert into s.t (a, \"B\") values (1, '{1,NULL}'), (f(2, '{x}'), '{\"a b\"}')";
    let (columns, constants) = found(sql).unwrap();
    assert_eq!(columns, "SELECT a, \"B\" FROM s.t LIMIT 0");
    let constants: Vec<(usize, &str, &str)> =
        constants.iter().map(|(column, range, list)| (*column, &sql[range.clone()], list.as_str())).collect();
    assert_eq!(constants, [(1, "'{1,NULL}'", "['1', NULL]"), (1, "'{\"a b\"}'", "['a b']")]);
    for sql in [
        "insert into t values ('a')",
        "insert into t values ('{1}'::int[])",
        "insert into t values ('{\"k\": [1]')",
        "insert into t select '{1}'",
        "update t set a = '{1}'",
    ] {
        assert_eq!(found(sql), None, "of {sql}");
    }
}

#[test]
fn what_a_lake_can_do_without_is_known() {
    let spare = |sql: &str| translate(sql, &Options::default()).unwrap().spare;
    assert_eq!(spare("create table t (a varchar(3))"), Some(Spare::Lengths));
    assert_eq!(spare("create temp table t (a varchar(3))"), None);
    assert_eq!(spare("create table t (a varchar)"), None);
    assert_eq!(spare("create index i on t (a)"), Some(Spare::Index));
    assert_eq!(spare("create unique index i on t (a)"), None);
    let without = Options { checks_lengths: false, ..Options::default() };
    let translated = translate("create table t (a varchar(3))", &without).unwrap();
    assert!(!translated.sql.contains("CHECK"), "{}", translated.sql);
}
