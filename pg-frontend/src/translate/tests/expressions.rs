//! Expressions: operators, casts, constants, column names.

use super::check;

#[test]
fn expressions_mean_what_they_mean_in_postgresql() {
    check(&[
        ("select 'abc'::bytea", r#"select 'abc'::blob AS "bytea""#),
        (r#"select '\xDEAD'::bytea"#, r#"select '\xDE\xAD'::blob AS "bytea""#),
        ("select 'x'::name", r#"select 'x'::varchar AS "name""#),
        ("select 1::oid", r#"select 1::bigint AS "oid""#),
        ("select 'x'::bpchar", r#"select 'x'::varchar AS "bpchar""#),
        ("select '10:00+02'::timetz", r#"select '10:00:00+02'::timetz AS "timetz""#),
        ("select '101'::varbit", r#"select '101'::bit AS "varbit""#),
        ("select '1.1.1.1'::inet", r#"select '1.1.1.1'::varchar AS "inet""#),
        ("select '1'::double precision", r#"select '1'::float8 AS "float8""#),
        (r#"select '{"a":1}'::json->'a'->>'b'"#, r#"select (('{"a":1}'::json->'a')->>'b') AS "?column?""#),
        (
            "select array[1,2] @> array[1], array[1] <@ array[1,2], array[1] && array[1]",
            r#"select array[1,2] @> array[1] AS "?column?", array[1] <@ array[1,2] AS "?column?", array[1] && array[1] AS "?column?""#,
        ),
        ("select 'a' ^@ 'b'", r#"select 'a' ^@ 'b' AS "?column?""#),
        ("select '{}'::int[]", r#"select []::int4[] AS "int4""#),
        ("select (1,2)", r#"select (1,2) AS "row""#),
        (
            "select interval '1' hour, interval '1 hour' * 2, interval '1-2'",
            r#"select interval '1' hour AS "interval", interval '1 hour' * 2 AS "?column?", interval '14 months 0 days 0 microseconds' AS "interval""#,
        ),
        ("select interval '90' minute", r#"select interval '90' minute AS "interval""#),
        ("select interval '2 years 3 mons'", r#"select interval '27 months 0 days 0 microseconds' AS "interval""#),
        (
            "select 'a' ilike 'A', 'a' not ilike 'A'",
            r#"select 'a' ilike 'A' AS "?column?", 'a' not ilike 'A' AS "?column?""#,
        ),
        (
            "select 1 isnull, 1 notnull, 1 is not null",
            r#"select 1 isnull AS "?column?", 1 notnull AS "?column?", 1 is not null AS "?column?""#,
        ),
        (
            "select 1 between 0 and 2, 1 between symmetric 2 and 0",
            r#"select 1 between 0 and 2 AS "?column?", pgc.between_symmetric(1 , 2 , 0) AS "?column?""#,
        ),
        (
            "select true is true, true is not unknown, true is unknown",
            r#"select true is true AS "?column?", true is not unknown AS "?column?", true is unknown AS "?column?""#,
        ),
        (r#"select 1 as "a b", 2 b"#, r#"select 1 as "a b", 2 AS b"#),
        (
            "select date '2020-01-01' + 1, date '2020-01-02' - date '2020-01-01', timestamp '2020-01-02' - timestamp '2020-01-01', date '2020-01-01' + interval '1 day'",
            r#"select date '2020-01-01' + 1 AS "?column?", date '2020-01-02' - date '2020-01-01' AS "?column?", timestamp '2020-01-02' - timestamp '2020-01-01' AS "?column?", date '2020-01-01' + interval '1 day' AS "?column?""#,
        ),
        ("select 'a' || 1, 1 || 'a'", r#"select 'a' || 1 AS "?column?", 1 || 'a' AS "?column?""#),
        ("select 1::text || null", r#"select 1::text || null AS "?column?""#),
        ("select .5, 5., 1e3", r#"select .5 AS "?column?", 5. AS "?column?", 1e3 AS "?column?""#),
        (
            "select timestamp '2020-01-01' at time zone 'UTC'",
            r#"select timestamp '2020-01-01' at time zone 'UTC' AS "timezone""#,
        ),
        ("select 1 union select 2 order by 1", r#"select 1 AS "?column?" union select 2 AS "?column?" order by 1"#),
        (
            "select 1, 2 union all select 3, 4",
            r#"select 1 AS "?column?", 2 AS "?column?" union all select 3 AS "?column?", 4 AS "?column?""#,
        ),
        ("select * from (values (1,'a')) v", "select * from (values (1,'a')) v(column1, column2)"),
        (
            "select column1 from (values (1),(2)) v order by 1",
            "select column1 from (values (1),(2)) v(column1) order by 1",
        ),
        (r#"select 1 name, 2 value, 3 type, 4 "Year""#, r#"select 1 AS name, 2 AS value, 3 AS type, 4 "Year""#),
        (
            r#"select interval '1 day', date '2020-01-01', timestamp '2020-01-01 00:00:00', '{"a":1}'::json, 1::bigint, '1'::int4, int '5', bool 't'"#,
            r#"select interval '1 day' AS "interval", date '2020-01-01' AS "date", timestamp '2020-01-01 00:00:00' AS "timestamp", '{"a":1}'::json AS "json", 1::bigint AS "int8", '1'::int4 AS "int4", int '5' AS "int4", bool 't' AS "bool""#,
        ),
        (
            "select 'abc' similar to 'a%', 'abc' similar to '(b|c)%', 'a.c' similar to 'a.c', 'abc' similar to 'a.c'",
            r#"select pgc.similar_to('abc' , 'a%') AS "?column?", pgc.similar_to('abc' , '(b|c)%') AS "?column?", pgc.similar_to('a.c' , 'a.c') AS "?column?", pgc.similar_to('abc' , 'a.c') AS "?column?""#,
        ),
        (
            r#"select 'a_b' like 'a\_b', 'axb' like 'a\_b', 'a%' like 'a!%' escape '!'"#,
            r#"select 'a_b' like 'a\_b' ESCAPE '\' AS "?column?", 'axb' like 'a\_b' ESCAPE '\' AS "?column?", 'a%' like 'a!%' escape '!' AS "?column?""#,
        ),
        (
            "select B'101', X'1F', b'101'::text",
            r#"select CAST('101' AS BIT) AS "?column?", CAST('00011111' AS BIT) AS "?column?", CAST('101' AS BIT)::text AS "text""#,
        ),
        (
            "select timestamp '2020-01-01 12:00' at time zone 'UTC', timestamptz '2020-01-01 12:00+00' at time zone 'Europe/Berlin'",
            r#"select timestamp '2020-01-01 12:00' at time zone 'UTC' AS "timezone", timestamptz '2020-01-01 12:00:00+00' at time zone 'Europe/Berlin' AS "timezone""#,
        ),
        (
            r#"select 1::oid, 'x'::name, 'a'::"char", '1'::"text", 'abc'::pg_catalog.text, 5::pg_catalog.int4"#,
            r#"select 1::bigint AS "oid", 'x'::varchar AS "name", 'a'::varchar AS "char", '1'::text AS "text", 'abc'::text AS "text", 5::int4 AS "int4""#,
        ),
        (
            "select array[1,2]||3, array[1,2]||array[3], 0||array[1], array[1,2] = array[1,2], array[[1,2],[3,4]]",
            r#"select array[1,2]||[3] AS "?column?", array[1,2]||array[3] AS "?column?", [0]||array[1] AS "?column?", array[1,2] = array[1,2] AS "?column?", array[[1,2],[3,4]] AS "array""#,
        ),
        (
            "select exists (select 1), not exists (select 1 where false)",
            r#"select exists (select 1) AS "exists", not exists (select 1 where false) AS "?column?""#,
        ),
        ("select id from public.t order by id", "select id from main.t order by id"),
        (
            "select ((1+2)*3)/2, 7/-2, -7/2, -7%3, 2*3/4",
            r#"select ((1+2)*3)/2 AS "?column?", 7/-2 AS "?column?", -7/2 AS "?column?", -7%3 AS "?column?", 2*3/4 AS "?column?""#,
        ),
        ("select 1 <> 2, 1 != 2, 1 >= 1", r#"select 1 <> 2 AS "?column?", 1 != 2 AS "?column?", 1 >= 1 AS "?column?""#),
        (
            "select interval '1 day' / 2, interval '1 hour' * 1.5",
            r#"select pgc.interval_div(interval '1 day' , 2) AS "?column?", interval '1 hour' * 1.5 AS "?column?""#,
        ),
        ("select 'x' where 'b' > 'a' and 'B' < 'a'", r#"select 'x' AS "?column?" where 'b' > 'a' and 'B' < 'a'"#),
        (
            r#"SELECT "public"."o"."id" AS "id", "public"."o"."n" AS "n" FROM "public"."o" LIMIT 2000"#,
            r#"SELECT main."o"."id" AS "id", main."o"."n" AS "n" FROM main."o" LIMIT 2000"#,
        ),
        (
            r#"SELECT "source"."n" AS "n", SUM("source"."c") AS "sum" FROM (SELECT "public"."o"."n" AS "n", "public"."o"."c" AS "c" FROM "public"."o") AS "source" GROUP BY "source"."n" ORDER BY "source"."n" ASC"#,
            r#"SELECT "source"."n" AS "n", SUM("source"."c") AS "sum" FROM (SELECT main."o"."n" AS "n", main."o"."c" AS "c" FROM main."o") AS "source" GROUP BY "source"."n" ORDER BY "source"."n" ASC"#,
        ),
        (
            r#"SELECT DATE_TRUNC('month', CAST("public"."o"."at" AS timestamp)) AS "at", COUNT(*) AS "count" FROM "public"."o" GROUP BY DATE_TRUNC('month', CAST("public"."o"."at" AS timestamp)) ORDER BY DATE_TRUNC('month', CAST("public"."o"."at" AS timestamp)) ASC"#,
            r#"SELECT DATE_TRUNC('month', CAST(main."o"."at" AS timestamp)) AS "at", COUNT(*) AS "count" FROM main."o" GROUP BY DATE_TRUNC('month', CAST(main."o"."at" AS timestamp)) ORDER BY DATE_TRUNC('month', CAST(main."o"."at" AS timestamp)) ASC"#,
        ),
        (
            r#"SELECT CAST("public"."o"."at" AS date) AS d, CAST(SUM("public"."o"."c") AS float) / CASE WHEN COUNT(*) = 0 THEN NULL ELSE COUNT(*) END AS r FROM "public"."o" GROUP BY CAST("public"."o"."at" AS date) ORDER BY d"#,
            r#"SELECT CAST(main."o"."at" AS date) AS d, pgc.div(CAST(SUM(main."o"."c") AS float8) , CASE WHEN COUNT(*) = 0 THEN NULL ELSE COUNT(*) END) AS r FROM main."o" GROUP BY CAST(main."o"."at" AS date) ORDER BY d"#,
        ),
        (
            r#"SELECT SUM(1) AS "cnt:ok", MIN("o"."id") AS "x" FROM "public"."o" "o" HAVING (COUNT(1) > 0)"#,
            r#"SELECT pgc.sum_out(SUM(1), 1) AS "cnt:ok", MIN("o"."id") AS "x" FROM main."o" "o" HAVING (COUNT(1) > 0)"#,
        ),
        (
            "select 5 / 2, 5 / 2.0, -5 / 2, 5.0 / 2, 5::float / 2, 5::numeric / 3",
            r#"select pgc.quotient_out(5 / 2, 5, 2) AS "?column?", pgc.quotient_out(5 / 2.0, 5, 2.0) AS "?column?", -5 / 2 AS "?column?", pgc.quotient_out(5.0 / 2, 5.0, 2) AS "?column?", 5::float8 / 2 AS "?column?", 5::decimal(1,0) / 3 AS "?column?""#,
        ),
        ("select 1/3::numeric", r#"select 1/3::decimal(1,0) AS "?column?""#),
        (
            "select 'a' = 'a ', 'A' < 'a', 'a' || null",
            r#"select 'a' = 'a ' AS "?column?", 'A' < 'a' AS "?column?", 'a' || null AS "?column?""#,
        ),
        (
            "select date '2020-01-31' + interval '1 month', date '2020-03-01' - 1, date '2020-03-01' - interval '1 day'",
            r#"select date '2020-01-31' + interval '1 month' AS "?column?", date '2020-03-01' - 1 AS "?column?", date '2020-03-01' - interval '1 day' AS "?column?""#,
        ),
        (
            "select '2020-01-01'::date::timestamp, '2020-01-01 10:00'::timestamp::date, '10:00'::time",
            r#"select '2020-01-01'::date::timestamp AS "timestamp", '2020-01-01 10:00'::timestamp::date AS "date", '10:00'::time AS "time""#,
        ),
        (
            "select '12:30:00'::interval, interval '1 year 2 months', '1 mon'::interval",
            r#"select '0 months 0 days 45000000000 microseconds'::interval AS "interval", interval '1 year 2 months' AS "interval", '1 months 0 days 0 microseconds'::interval AS "interval""#,
        ),
        ("select 1 where true and not false or null", r#"select 1 AS "?column?" where true and not false or null"#),
        (
            "select not true = false, not 1 = 2 and true",
            r#"select not true = false AS "?column?", not 1 = 2 and true AS "?column?""#,
        ),
        (
            "select 10 - 3 - 2, 100 / 10 / 2, 2 * 3 % 4, 1 - -1",
            r#"select 10 - 3 - 2 AS "?column?", 100 / 10 / 2 AS "?column?", 2 * 3 % 4 AS "?column?", 1 - -1 AS "?column?""#,
        ),
        (
            "select 1 = 1 is true, null is null = true, 1 in (1,2) = true",
            r#"select 1 = 1 is true AS "?column?", null is null = true AS "?column?", 1 in (1,2) = true AS "?column?""#,
        ),
        (
            r#"select 'abc' like 'a%' and 'x' not like 'y%', 'abc' like '_b_' escape '\'"#,
            r#"select 'abc' like 'a%' and 'x' not like 'y%' AS "?column?", 'abc' like '_b_' escape '\' AS "?column?""#,
        ),
        (
            "select x from (select 1 as x) y where x::text ~ '^[0-9]+$' and x/1 = 1",
            "select x from (select 1 as x) y where pgc.regex_match(pgc.text_of(x) , '^[0-9]+$') and x/1 = 1",
        ),
        ("select 0.0 / 1", r#"select pgc.quotient_out(0.0 / 1, 0.0, 1) AS "?column?""#),
        (
            "select 12345678901234567890::numeric, '0.00000001'::numeric, 1e3::numeric",
            r#"select 12345678901234567890::decimal(20,0) AS "numeric", '0.00000001'::decimal(9,8) AS "numeric", pgc.numeric_in(1e3) AS "numeric""#,
        ),
        (
            "select v || c, n * 2, d / 2, f / 3 > 0.8, arr[1] + arr[2], ta[1] || ta[2] from z",
            r#"select v || c AS "?column?", n * 2 AS "?column?", pgc.quotient_out(d / 2, d, 2) AS "?column?", f / 3 > 0.8 AS "?column?", arr[1] + arr[2] AS "?column?", ta[1] || ta[2] AS "?column?" from z"#,
        ),
        (
            "select j -> 'k' -> 2 ->> 'q', j -> 'k' -> 0, jb ->> 'k', jb -> 'k', j #> '{k,2,q}', j #>> array['k','1'] from z",
            r#"select (((j -> 'k') -> 2) ->> 'q') AS "?column?", ((j -> 'k') -> 0) AS "?column?", (jb ->> 'k') AS "?column?", (jb -> 'k') AS "?column?", pgc.json_path(j , ['k', '2', 'q']) AS "?column?", pgc.json_path_text(j , array['k','1']) AS "?column?" from z"#,
        ),
        (
            "select id from z where jb ->> 'k' = 'v' and (j -> 'k' ->> 0)::int = 1",
            "select id from z where (jb ->> 'k') = 'v' and (((j -> 'k') ->> 0))::int = 1",
        ),
        (
            "select id from z where jb ->> 'k' in ('v', 'w') and jb ->> 'k' like 'v%'",
            "select id from z where (jb ->> 'k') in ('v', 'w') and (jb ->> 'k') like 'v%'",
        ),
        (
            "select id from z where jb ->> 'k' is not null and not jb ->> 'k' = 'x'",
            "select id from z where (jb ->> 'k') is not null and not (jb ->> 'k') = 'x'",
        ),
        (
            "select case when jb ->> 'k' = 'v' then 1 else 0 end from z",
            r#"select case when (jb ->> 'k') = 'v' then 1 else 0 end AS "case" from z"#,
        ),
        (
            "select bo, not bo, bo::int, bo::text, bo is true, bo is not false from z",
            r#"select bo, not bo AS "?column?", bo::int AS "bo", pgc.text_of(bo) AS "bo", bo is true AS "?column?", bo is not false AS "?column?" from z"#,
        ),
        (
            "select u, u::text = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' from z",
            r#"select u, pgc.text_of(u) = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' AS "?column?" from z"#,
        ),
        (
            r#"select id + 1 as next, id * 2 double, id "Quoted" from z"#,
            r#"select id + 1 as next, id * 2 AS double, id "Quoted" from z"#,
        ),
        (
            "select (id), (id + 1), ((id)), -(id), (id)::text from z",
            r#"select (id) AS "id", (id + 1) AS "?column?", ((id)) AS "id", -(id) AS "?column?", pgc.text_of((id)) AS "id" from z"#,
        ),
        (
            "select t1.id from z t1 left join z t2 on t1.id = t2.id and t2.v ~ 'q' where t2.id is null",
            "select t1.id from z t1 left join z t2 on t1.id = t2.id and pgc.regex_match(t2.v , 'q') where t2.id is null",
        ),
        (
            "select t1.id from z t1 where exists (select 1 from z t2 where t2.id = t1.id and t2.d / t1.f < 1)",
            "select t1.id from z t1 where exists (select 1 from z t2 where t2.id = t1.id and pgc.div(t2.d , t1.f) < 1)",
        ),
        (r#"select 'a' as "A", 'b' as B, 'c' as "select""#, r#"select 'a' as "A", 'b' as b, 'c' as "select""#),
        (
            r#"select $$it's$$, $tag$a $$ b$tag$, 'it''s', E'it\'s\\', E'\x41\101\u0041\U00000041', U&'d\0061t\+000061', U&'d!0061' uescape '!'"#,
            r#"select $$it's$$ AS "?column?", $tag$a $$ b$tag$ AS "?column?", 'it''s' AS "?column?", 'it''s\' AS "?column?", 'AAAA' AS "?column?", 'data' AS "?column?", 'da' AS "?column?""#,
        ),
        (
            "select -1::int, -1.5::numeric, - 5 % 3, +3, - (-3), 2 - -2, @ -3",
            r#"select -1::int AS "?column?", -1.5::decimal(2,1) AS "?column?", - 5 % 3 AS "?column?", +3 AS "?column?", - (-3) AS "?column?", 2 - -2 AS "?column?", abs( -3) AS "?column?""#,
        ),
        (
            "select not 1 > 2 and 3 > 2 or false, 1 < 2 and 2 < 3, 1 between 0 and 2 and true",
            r#"select not 1 > 2 and 3 > 2 or false AS "?column?", 1 < 2 and 2 < 3 AS "?column?", 1 between 0 and 2 and true AS "?column?""#,
        ),
        (
            "select 'a' || 'b' = 'ab', 'a' || 1 + 2, 5 & 3 + 1, 1 << 2 + 1, 5 # 1 + 1, 2 | 1 & 3",
            r#"select 'a' || 'b' = 'ab' AS "?column?", 'a' || 1 + 2 AS "?column?", 5 & 3 + 1 AS "?column?", 1 << 2 + 1 AS "?column?", xor(5 , 1 + 1) AS "?column?", 2 | 1 & 3 AS "?column?""#,
        ),
        (
            "select 'x' like 'x' || '%', 'ab' like 'a' || '_', 'a' not ilike 'B' and true",
            r#"select 'x' like 'x' || '%' ESCAPE '\' AS "?column?", 'ab' like 'a' || '_' ESCAPE '\' AS "?column?", 'a' not ilike 'B' and true AS "?column?""#,
        ),
        (
            "select '2020-01-01'::date - 1, '2020-01-01'::date + 1 > '2020-01-01', date '2020-01-01' < '2020-02-01'",
            r#"select '2020-01-01'::date - 1 AS "?column?", '2020-01-01'::date + 1 > '2020-01-01' AS "?column?", date '2020-01-01' < '2020-02-01' AS "?column?""#,
        ),
        (
            "select interval '1-2' year to month, interval '3 4:05' day to minute, interval 'P1DT2H'",
            r#"select interval '1 years 2 months'  AS "interval", interval '3 days 4:05:00'  AS "interval", interval '0 months 1 days 7200000000 microseconds' AS "interval""#,
        ),
        (
            "select 1.0 / 3 > 0.333, 7.0 / 2, 10 / 4.0, 1e0 / 3 < 0.34",
            r#"select 1.0 / 3 > 0.333 AS "?column?", pgc.quotient_out(7.0 / 2, 7.0, 2) AS "?column?", pgc.quotient_out(10 / 4.0, 10, 4.0) AS "?column?", 1e0 / 3 < 0.34 AS "?column?""#,
        ),
        (
            "select 9223372036854775807, 2147483648, 1.5e3, .5, 5., 1e-3 < 0.01",
            r#"select 9223372036854775807 AS "?column?", 2147483648 AS "?column?", 1.5e3 AS "?column?", .5 AS "?column?", 5. AS "?column?", 1e-3 < 0.01 AS "?column?""#,
        ),
        (
            "select 1 / 2.0 = 0.5, 4 / 2 = 2, 5 / 2 * 2.0",
            r#"select 1 / 2.0 = 0.5 AS "?column?", 4 / 2 = 2 AS "?column?", 5 / 2 * 2.0 AS "?column?""#,
        ),
        (
            "select 100 * 1 / 3, 100 * (1 / 3), 1 / 3.0 * 100 > 33",
            r#"select 100 * 1 / 3 AS "?column?", 100 * (1 / 3) AS "?column?", 1 / 3.0 * 100 > 33 AS "?column?""#,
        ),
        (
            "select 'ok'::mood, 'sad'::mood < 'ok'::mood",
            r#"select 'ok'::mood AS "mood", 'sad'::mood < 'ok'::mood AS "?column?""#,
        ),
        (
            r#"select a || '{"z":3}'::jsonb, a - 'k', t || (a->>'k') from jj"#,
            r#"select pgc.json_concat(a , '{"z":3}'::json) AS "?column?", pgc.json_delete(a , 'k') AS "?column?", t || ((a->>'k')) AS "?column?" from jj"#,
        ),
        ("select Name from (select 'x' as Name) q", "select Name from (select 'x' as name) q"),
        (
            r#"select x.Type from (select 1 as Type, 2 as "Value") x"#,
            r#"select x.Type from (select 1 as type, 2 as "Value") x"#,
        ),
        (
            "select Name, kw.type, at from kw where at is not null order by at",
            r#"select Name, kw.type, "at" from kw where "at" is not null order by "at""#,
        ),
        (
            "SELECT CASE WHEN flag THEN amount / 2 ELSE amount / id END AS x FROM e1 ORDER BY id",
            "SELECT CASE WHEN flag THEN amount / 2 ELSE pgc.div(amount , id) END AS x FROM e1 ORDER BY id",
        ),
        (
            "SELECT amount / NULLIF(id - 1, 0) FROM e1 ORDER BY id",
            r#"SELECT amount / NULLIF(id - 1, 0) AS "?column?" FROM e1 ORDER BY id"#,
        ),
        (
            "SELECT ts::date AS day, ts::time, ts + '1 day'::interval, ts - '2020-01-01'::timestamp FROM e1 WHERE id = 1",
            r#"SELECT ts::date AS day, ts::time AS "ts", ts + '1 day'::interval AS "?column?", ts - '2020-01-01'::timestamp AS "?column?" FROM e1 WHERE id = 1"#,
        ),
        (
            "SELECT * FROM e1 WHERE id = ANY('{1,2}'::integer[]) ORDER BY id",
            "SELECT * FROM e1 WHERE id = ANY(['1', '2']::int4[]) ORDER BY id",
        ),
        ("SELECT * FROM e1 WHERE NOT (id = ANY('{1,2}'))", "SELECT * FROM e1 WHERE NOT (id = ANY([1, 2]))"),
        (
            "SELECT id FROM e1 WHERE name SIMILAR TO '[ab]+' ORDER BY id",
            "SELECT id FROM e1 WHERE pgc.similar_to(name , '[ab]+') ORDER BY id",
        ),
        (
            "SELECT id FROM e1 WHERE name ~ '^[a-b]$' AND name !~* 'B' ORDER BY id",
            "SELECT id FROM e1 WHERE pgc.regex_match(name , '^[a-b]$') AND pgc.regex_not_match_ci(name , 'B') ORDER BY id",
        ),
        (
            "SELECT id, amount::text, amount::varchar, amount::int8, flag::text, flag::int FROM e1 ORDER BY id",
            r#"SELECT id, pgc.text_of(amount) AS "amount", pgc.text_of(amount) AS "amount", amount::int8 AS "amount", pgc.text_of(flag) AS "flag", flag::int AS "flag" FROM e1 ORDER BY id"#,
        ),
        (
            "SELECT 'true'::boolean, 'no'::boolean, 'on'::bool, 1::boolean, 0::bool",
            r#"SELECT 'true'::boolean AS "bool", 'false'::boolean AS "bool", 'true'::bool AS "bool", 1::boolean AS "bool", 0::bool AS "bool""#,
        ),
        (
            r#"SELECT ('{"a":{"b":1}}'::jsonb -> 'a' ->> 'b')::int + 1"#,
            r#"SELECT ((('{"a":{"b":1}}'::json -> 'a') ->> 'b'))::int + 1 AS "?column?""#,
        ),
        (
            r#"SELECT '{"tags":["x","y"]}'::jsonb -> 'tags' ? 'x', '{"a":1,"b":2}'::jsonb ?| array['c','b'], '{"a":1}'::jsonb ?& array['a']"#,
            r#"SELECT pgc.json_has_key(('{"tags":["x","y"]}'::json -> 'tags') , 'x') AS "?column?", pgc.json_has_any('{"a":1,"b":2}'::json , array['c','b']) AS "?column?", pgc.json_has_all('{"a":1}'::json , array['a']) AS "?column?""#,
        ),
        (
            r#"SELECT '[1,2,3]'::jsonb @> '[1,3]', '{"a":{"b":1}}'::jsonb @> '{"a":{}}', '{"a":1}'::jsonb <@ '{"a":1,"b":2}'"#,
            r#"SELECT pgc.json_contains('[1,2,3]'::json , '[1,3]') AS "?column?", pgc.json_contains('{"a":{"b":1}}'::json , '{"a":{}}') AS "?column?", pgc.json_contained('{"a":1}'::json , '{"a":1,"b":2}') AS "?column?""#,
        ),
    ]);
}
