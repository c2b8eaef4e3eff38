//! Functions: names, argument forms, sets, formats.

use super::check;

#[test]
fn functions_mean_what_they_mean_in_postgresql() {
    check(&[
        ("select to_char(1,'9')", r#"select pgc.to_char_number(1,'9', 0, 0, 0, false, false, '') AS "to_char""#),
        (
            "select sum(1) filter (where true), array_agg(1 order by 1), string_agg('a',',' order by 1)",
            r#"select pgc.sum_out(sum(1) filter (where true), 1) AS "sum", array_agg(1 order by 1) AS "array_agg", string_agg('a',',' order by 1) AS "string_agg""#,
        ),
        ("select '101'::bit(3)", r#"select '101'::bit AS "bit""#),
        (
            r#"select 1::int4, 1::int8, 1::int2, 1::float4, 1::float8, 'a'::character varying(3), 'a'::char, 'a'::character(3), true::bool, 'x'::"char""#,
            r#"select 1::int4 AS "int4", 1::int8 AS "int8", 1::int2 AS "int2", 1::float4 AS "float4", 1::float8 AS "float8", left('a'::varchar, 3) AS "varchar", rpad('a'::varchar, 1, ' ') AS "bpchar", rpad('a'::varchar, 3, ' ') AS "bpchar", true::bool AS "bool", 'x'::varchar AS "char""#,
        ),
        (
            "select 1 = any(array[1,2]), 1 <> all(array[1,2])",
            r#"select 1 = any(array[1,2]) AS "?column?", 1 <> all(array[1,2]) AS "?column?""#,
        ),
        (
            "select 1 in (select 1), 1 = any(select 1)",
            r#"select 1 in (select 1) AS "?column?", 1 = any(select 1) AS "?column?""#,
        ),
        ("select array(select 1)", r#"select array(select 1) AS "array""#),
        ("select row(1,2)", r#"select row(1,2) AS "row""#),
        (
            "select chr(65), ascii('a'), md5('a'), left('abc',2), lpad('a',3,'x'), initcap('ab cd'), split_part('a,b',',',1), translate('abc','ab','xy'), regexp_replace('abc','b','x'), strpos('abc','c'), repeat('a',3), reverse('abc')",
            r#"select pgc.pg_chr(65) AS "chr", ascii('a') AS "ascii", md5('a') AS "md5", left('abc',2) AS "left", pgc.pg_lpad('a',3,'x') AS "lpad", pgc.initcap('ab cd') AS "initcap", pgc.pg_split_part('a,b',',',1) AS "split_part", translate('abc','ab','xy') AS "translate", regexp_replace('abc','b','x') AS "regexp_replace", strpos('abc','c') AS "strpos", repeat('a',3) AS "repeat", reverse('abc') AS "reverse""#,
        ),
        ("select initcap('ab')", r#"select pgc.initcap('ab') AS "initcap""#),
        (
            "select date_trunc('day', timestamp '2020-01-01 10:00'), date_part('year', date '2020-01-01'), age(date '2020-01-01', date '2019-01-01'), make_date(2020,1,1)",
            r#"select date_trunc('day', timestamp '2020-01-01 10:00') AS "date_trunc", date_part('year', date '2020-01-01') AS "date_part", age(date '2020-01-01', date '2019-01-01') AS "age", pgc.pg_make_date(2020,1,1) AS "make_date""#,
        ),
        (
            "select substr('hello',-1,3), substring('hello', -1, 3), substring('hello' from -1 for 3), substring('hello' from 'l+')",
            r#"select pgc.pg_substr('hello',-1,3) AS "substr", pgc.pg_substring('hello', -1, 3) AS "substring", pgc.pg_substring('hello' , -1 , 3) AS "substring", pgc.regexp_part('hello' , 'l+', 0) AS "substring""#,
        ),
        (
            "select greatest(1,2), least(1,2), nullif(1,2)",
            r#"select greatest(1,2) AS "greatest", least(1,2) AS "least", nullif(1,2) AS "nullif""#,
        ),
        (
            "select string_to_array('a,b',','), unnest(array[1,2]), array_length(array[1,2],1), cardinality(array[1,2]), array_position(array[1,2],2), array_append(array[1],2), array_to_string(array[1,2],',')",
            r#"select pgc.pg_string_to_array('a,b',',') AS "string_to_array", unnest(array[1,2]) AS "unnest", pgc.pg_array_length(array[1,2],1) AS "array_length", pgc.pg_cardinality(array[1,2]) AS "cardinality", array_position(array[1,2],2) AS "array_position", array_append(array[1],2) AS "array_append", array_to_string(array[1,2],',') AS "array_to_string""#,
        ),
        (
            "select random() < 2, ceil(1.5), floor(1.5), trunc(1.57,1), sign(-2), mod(5,3), power(2,3), sqrt(4), exp(0), ln(1), log(100), pi(), div(7,2), abs(-1), cbrt(27), degrees(1), width_bucket(1,0,2,2)",
            r#"select random() < 2 AS "?column?", ceil(1.5) AS "ceil", floor(1.5) AS "floor", pgc.pg_trunc(1.57,1) AS "trunc", sign(-2) AS "sign", pgc.pg_mod(5,3) AS "mod", pgc.pg_power(2,3) AS "power", sqrt(4) AS "sqrt", pgc.pg_exp(0) AS "exp", ln(1) AS "ln", log(100) AS "log", pi() AS "pi", pgc.whole_div(7,2) AS "div", abs(-1) AS "abs", cbrt(27) AS "cbrt", degrees(1) AS "degrees", pgc.width_bucket(1,0,2,2) AS "width_bucket""#,
        ),
        (
            "select format('%s-%s', 1, 2), concat(1,'a',null), concat_ws(',',1,2), quote_literal('a'), quote_ident('a b')",
            r#"select format('{}-{}', pgc.format_s(1), pgc.format_s(2)) AS "format", concat(1,'a',null) AS "concat", concat_ws(',',1,2) AS "concat_ws", pgc.quote_literal('a') AS "quote_literal", pgc.quote_ident('a b') AS "quote_ident""#,
        ),
        (
            "select regexp_match('abc','b'), regexp_matches('abc','b'), regexp_split_to_array('a,b',','), regexp_split_to_table('a,b',',')",
            r#"select pgc.regexp_match('abc','b', 0) AS "regexp_match", unnest(pgc.regexp_rows('abc','b', 0)) AS "regexp_matches", regexp_split_to_array('a,b',',') AS "regexp_split_to_array", unnest(regexp_split_to_array('a,b',',')) AS "regexp_split_to_table""#,
        ),
        ("select pg_typeof(1)", r#"select pg_typeof(1) AS "pg_typeof""#),
        ("select to_date('2020-01-01','YYYY-MM-DD')", r#"select strptime('2020-01-01','%Y-%m-%d')::date AS "to_date""#),
        (
            "select to_timestamp(0), to_timestamp('2020','YYYY')",
            r#"select to_timestamp(0) AS "to_timestamp", strptime('2020','%Y')::timestamptz AS "to_timestamp""#,
        ),
        ("select to_number('12','99')", r#"select pgc.to_number('12','99') AS "to_number""#),
        (
            "select position('a' in 'ba'), char_length('abc'), octet_length('abc'), bit_length('a'), character_length('ab')",
            r#"select position('a' in 'ba') AS "position", char_length('abc') AS "char_length", pgc.pg_octet_length('abc') AS "octet_length", pgc.bit_length('a') AS "bit_length", character_length('ab') AS "character_length""#,
        ),
        ("select 1 where 1 = any('{1,2}')", r#"select 1 AS "?column?" where 1 = any([1, 2])"#),
        (
            "select sum(x) over (partition by x order by x rows between unbounded preceding and current row) from (values (1)) t(x)",
            r#"select pgc.sum_out(sum(x) over (partition by x order by x rows between unbounded preceding and current row), x) AS "sum" from (values (1)) t(x)"#,
        ),
        (
            "select sum(x) over w from (values (1)) t(x) window w as (order by x)",
            r#"select pgc.sum_out(sum(x) over w, x) AS "sum" from (values (1)) t(x) window w as (order by x)"#,
        ),
        (
            "select 1.23456::numeric, '1.50'::numeric, '1.23456789'::numeric(10,3), cast(1.5 as numeric)",
            r#"select 1.23456::decimal(6,5) AS "numeric", '1.50'::decimal(3,2) AS "numeric", '1.23456789'::decimal(10,3) AS "numeric", cast(1.5 as decimal(2,1)) AS "numeric""#,
        ),
        (
            "select age(timestamp '2020-03-01', timestamp '2020-01-01')",
            r#"select age(timestamp '2020-03-01', timestamp '2020-01-01') AS "age""#,
        ),
        (
            "select generate_series(1,3), 'x'",
            r#"select unnest(generate_series(1,3)) AS "generate_series", 'x' AS "?column?""#,
        ),
        ("select g from generate_series(1,3) g", r#"select g from generate_series(1,3) g("g")"#),
        (
            "select g.g + 1 as x from generate_series(1,3) as g",
            r#"select g.g + 1 as x from generate_series(1,3) as g("g")"#,
        ),
        (
            "select g::date from generate_series(timestamp '2020-01-01', '2020-01-03', interval '1 day') g",
            r#"select g::date AS "g" from generate_series(timestamp '2020-01-01', '2020-01-03'::timestamp, interval '1 day') g("g")"#,
        ),
        (
            "select * from unnest(array[1,2]) with ordinality u",
            r#"select * from unnest(array[1,2]) with ordinality u("u", ordinality)"#,
        ),
        (
            "select x.value from json_array_elements('[1,2]'::json) x",
            "select x.value from unnest(pgc.json_elements('[1,2]'::json)) x(value)",
        ),
        (
            r#"select * from jsonb_array_elements_text('["a","b"]') as e"#,
            r#"select * from unnest(pgc.json_elements_text('["a","b"]')) as e(value)"#,
        ),
        (
            r#"select '\xDEADBEEF'::bytea, 'abc'::bytea, E'\\000\\001'::bytea, encode('abc'::bytea,'hex'), decode('616263','hex')"#,
            r#"select '\xDE\xAD\xBE\xEF'::blob AS "bytea", 'abc'::blob AS "bytea", '\x00\x01'::blob AS "bytea", pgc.pg_encode('abc'::blob,'hex') AS "encode", pgc.pg_decode('616263','hex') AS "decode""#,
        ),
        (
            "select substring('hello',2,3), substr('hello',-1,3), substring('hello' from 2), substring('foobar' from 'o(.)b'), substring('foobar' from 'o.b'), overlay('Txxxxas' placing 'hom' from 2 for 4), position('l' in 'hello'), trim(both 'x' from 'xax'), ltrim('xa','x'), btrim('xax','x')",
            r#"select pgc.pg_substring('hello',2,3) AS "substring", pgc.pg_substr('hello',-1,3) AS "substr", pgc.pg_substring('hello' , 2) AS "substring", pgc.regexp_part('foobar' , 'o(.)b', 1) AS "substring", pgc.regexp_part('foobar' , 'o.b', 0) AS "substring", pgc.overlay('Txxxxas' , 'hom' , 2 , 4) AS "overlay", position('l' in 'hello') AS "position", trim(both 'x' from 'xax') AS "btrim", ltrim('xa','x') AS "ltrim", pgc.btrim('xax','x') AS "btrim""#,
        ),
        (
            "select initcap('hello world'), lpad('a',3,'x'), rpad('a',3,'x'), left('abc',-1), right('abc',2), reverse('abc'), repeat('ab',2), split_part('a,b,c',',',2), translate('abc','ab','xy'), strpos('abc','c'), chr(65), ascii('A'), md5('a'), to_hex(255), quote_ident('a b'), quote_literal('it''s')",
            r#"select pgc.initcap('hello world') AS "initcap", pgc.pg_lpad('a',3,'x') AS "lpad", pgc.pg_rpad('a',3,'x') AS "rpad", left('abc',-1) AS "left", right('abc',2) AS "right", reverse('abc') AS "reverse", repeat('ab',2) AS "repeat", pgc.pg_split_part('a,b,c',',',2) AS "split_part", translate('abc','ab','xy') AS "translate", strpos('abc','c') AS "strpos", pgc.pg_chr(65) AS "chr", ascii('A') AS "ascii", md5('a') AS "md5", pgc.pg_to_hex(255) AS "to_hex", pgc.quote_ident('a b') AS "quote_ident", pgc.quote_literal('it''s') AS "quote_literal""#,
        ),
        (
            "select regexp_replace('foobar','o','x'), regexp_replace('foobar','o','x','g'), regexp_match('foobar','o(.)b'), regexp_split_to_array('a b',' '), array_to_string(array[1,2],','), string_to_array('a,b',',')",
            r#"select regexp_replace('foobar','o','x') AS "regexp_replace", regexp_replace('foobar','o','x','g') AS "regexp_replace", pgc.regexp_match('foobar','o(.)b', 1) AS "regexp_match", regexp_split_to_array('a b',' ') AS "regexp_split_to_array", array_to_string(array[1,2],',') AS "array_to_string", pgc.pg_string_to_array('a,b',',') AS "string_to_array""#,
        ),
        (
            "select format('%s is %s', 'a', 1), format('%I = %L', 'a b', 'c''d'), concat('a', 1, null), concat_ws(',', 'a', null, 'b')",
            r#"select format('{} is {}', pgc.format_s('a'), pgc.format_s(1)) AS "format", format('{} = {}', pgc.quote_ident(('a b')::VARCHAR), pgc.quote_nullable('c''d')) AS "format", concat('a', 1, null) AS "concat", concat_ws(',', 'a', null, 'b') AS "concat_ws""#,
        ),
        (
            "select abs(-1), @ -5, |/ 25.0, 2^3, 2^3^2, 5 # 3, 5 & 3, 5 | 3, ~5, 1 << 3, 17 % 5, mod(17,5), div(7,2), sign(-2.5), power(2,3), sqrt(4), cbrt(27), pi(), exp(0.0), ln(1.0), log(100.0), degrees(pi())",
            r#"select abs(-1) AS "abs", abs( -5) AS "?column?", sqrt( 25.0) AS "?column?", pgc.pg_power(2,3) AS "?column?", pgc.pg_power(pgc.pg_power(2,3),2) AS "?column?", xor(5 , 3) AS "?column?", 5 & 3 AS "?column?", 5 | 3 AS "?column?", ~5 AS "?column?", 1 << 3 AS "?column?", 17 % 5 AS "?column?", pgc.pg_mod(17,5) AS "mod", pgc.whole_div(7,2) AS "div", sign(-2.5) AS "sign", pgc.pg_power(2,3) AS "power", sqrt(4) AS "sqrt", cbrt(27) AS "cbrt", pi() AS "pi", pgc.pg_exp(0.0) AS "exp", ln(1.0) AS "ln", log(100.0) AS "log", degrees(pi()) AS "degrees""#,
        ),
        (
            "select to_char(1234.5,'999,990.00'), to_char(5,'000'), to_char(1234.5,'FM999,990.00'), to_char(date '2020-01-05','DD/MM/YYYY'), to_char(timestamp '2020-01-05 15:04:05','HH12:MI AM'), to_date('05/01/2020','DD/MM/YYYY'), to_timestamp('2020-01-05 10:00','YYYY-MM-DD HH24:MI')",
            r#"select pgc.to_char_number(1234.5,'999,990', 1, 2, 2, true, false, '') AS "to_char", pgc.to_char_number(5,'000', 3, 0, 0, false, false, '') AS "to_char", pgc.to_char_number(1234.5,'999,990', 1, 2, 2, true, true, '') AS "to_char", strftime(date '2020-01-05','%d/%m/%Y') AS "to_char", strftime(timestamp '2020-01-05 15:04:05','%I:%M %p') AS "to_char", strptime('05/01/2020','%d/%m/%Y')::date AS "to_date", strptime('2020-01-05 10:00','%Y-%m-%d %H:%M')::timestamptz AS "to_timestamp""#,
        ),
        (
            r#"select 'a' collate "C", 'a' collate pg_catalog."default", 1 operator(pg_catalog.+) 2, 'abc' operator(pg_catalog.~) '^a'"#,
            r#"select 'a' AS "?column?" , 'a' AS "?column?" , 1 + 2 AS "?column?", pgc.regex_match('abc' , '^a') AS "?column?""#,
        ),
        (
            r#"select '{1,2,3}'::int[], '{a,"b c",NULL}'::text[], '{}'::int[], '{{1,2},{3,4}}'::int[][], array_append(array[1],2), array_position(array['a','b'],'b'), array_remove(array[1,2,1],1), array_upper(array[1,2],1)"#,
            r#"select ['1', '2', '3']::int4[] AS "int4", ['a', 'b c', NULL]::text[] AS "text", []::int4[] AS "int4", [['1', '2'], ['3', '4']]::int4[][] AS "int4", array_append(array[1],2) AS "array_append", array_position(array['a','b'],'b') AS "array_position", pgc.array_remove(array[1,2,1],1) AS "array_remove", pgc.array_upper(array[1,2],1) AS "array_upper""#,
        ),
        (
            "select 1 is distinct from null, null is not distinct from null, 3 between symmetric 5 and 1, (1,2) = (1,2), 1 in (select 1), 5 > all(array[1,2]), 'ab' like any(array['a%','c'])",
            r#"select 1 is distinct from null AS "?column?", null is not distinct from null AS "?column?", pgc.between_symmetric(3 , 5 , 1) AS "?column?", (1,2) = (1,2) AS "?column?", 1 in (select 1) AS "?column?", 5 > all(array[1,2]) AS "?column?", pgc.like_any('ab' ,(array['a%','c'])) AS "?column?""#,
        ),
        (
            "select cast('2020-01-01' as date), cast('1' as integer), cast(1 as varchar(3)), cast('abcdef' as char(3)), cast(1.5 as int), cast('yes' as boolean), 'on'::bool",
            r#"select cast('2020-01-01' as date) AS "date", cast('1' as integer) AS "int4", left(cast(1 as varchar), 3) AS "varchar", rpad(cast('abcdef' as varchar), 3, ' ') AS "bpchar", cast(1.5 as int) AS "int4", cast('true' as boolean) AS "bool", 'true'::bool AS "bool""#,
        ),
        (
            "select now() is not null, current_timestamp(3) is not null, localtimestamp is not null, clock_timestamp() is not null",
            r#"select now() is not null AS "?column?", current_timestamp is not null AS "?column?", localtimestamp is not null AS "?column?", now() is not null AS "?column?""#,
        ),
        (
            "select count(*), sum(count) from ctas",
            r#"select count(*) AS "count", pgc.sum_out(sum(count), count) AS "sum" from ctas"#,
        ),
        ("select count(a) from into_t", r#"select count(a) AS "count" from into_t"#),
        (
            "select nextval('sq'), nextval('sq'::regclass)",
            r#"select nextval('sq') AS "nextval", nextval('sq') AS "nextval""#,
        ),
        (
            "select 7 % 3, mod(-7, 3), -7 % 3",
            r#"select 7 % 3 AS "?column?", pgc.pg_mod(-7, 3) AS "mod", -7 % 3 AS "?column?""#,
        ),
        (
            "select null::int, null::text is null, coalesce(null, 1)",
            r#"select null::int AS "int4", null::text is null AS "?column?", coalesce(null, 1) AS "coalesce""#,
        ),
        (
            "select timestamp '2020-01-02' - timestamp '2020-01-01', age(timestamp '2020-03-01', timestamp '2019-01-15')",
            r#"select timestamp '2020-01-02' - timestamp '2020-01-01' AS "?column?", age(timestamp '2020-03-01', timestamp '2019-01-15') AS "age""#,
        ),
        (
            "select extract(day from interval '3 days 4 hours'), extract(hour from interval '3 days 4 hours')",
            r#"select extract(day from interval '3 days 4 hours') AS "extract", extract(hour from interval '3 days 4 hours') AS "extract""#,
        ),
        (
            "select make_timestamp(2020,1,2,3,4,5.5), date_part('hour', timestamp '2020-01-01 10:00')",
            r#"select make_timestamp(2020,1,2,3,4,5.5) AS "make_timestamp", date_part('hour', timestamp '2020-01-01 10:00') AS "date_part""#,
        ),
        (
            "select to_char(now(), 'YYYY') is not null, to_char(1.5, 'FM990.00'), to_char(125, '999'), to_char(-1.5, '9.9'), to_char(1234567,'9,999,999')",
            r#"select strftime(now(), '%Y') is not null AS "?column?", pgc.to_char_number(1.5, '990', 1, 2, 2, true, true, '') AS "to_char", pgc.to_char_number(125, '999', 0, 0, 0, false, false, '') AS "to_char", pgc.to_char_number(-1.5, '9', 0, 1, 1, true, false, '') AS "to_char", pgc.to_char_number(1234567,'9,999,999', 0, 0, 0, false, false, '') AS "to_char""#,
        ),
        (
            "select to_timestamp(1577836800), to_date('20200105','YYYYMMDD')",
            r#"select to_timestamp(1577836800) AS "to_timestamp", strptime('20200105','%Y%m%d')::date AS "to_date""#,
        ),
        (
            "select position('b' in 'abc'), strpos('abc', 'b'), left('abc', 2), right('abc', 1), substr('abc', 2), replace('abc','b','x')",
            r#"select position('b' in 'abc') AS "position", strpos('abc', 'b') AS "strpos", left('abc', 2) AS "left", right('abc', 1) AS "right", pgc.pg_substr('abc', 2) AS "substr", replace('abc','b','x') AS "replace""#,
        ),
        (
            "select array[1,2,3] @> array[2], array[1,2] && array[2,3], 2 = any(array[1,2]), array_length(array[1,2,3],1), (array[1,2,3])[2]",
            r#"select array[1,2,3] @> array[2] AS "?column?", array[1,2] && array[2,3] AS "?column?", 2 = any(array[1,2]) AS "?column?", pgc.pg_array_length(array[1,2,3],1) AS "array_length", (array[1,2,3])[2] AS "array""#,
        ),
        (
            "select array_cat(array[1],array[2]), array_prepend(0, array[1]), array_to_string(array['a',null,'b'], ',', '*'), unnest(array['a','b'])",
            r#"select array_cat(array[1],array[2]) AS "array_cat", array_prepend(0, array[1]) AS "array_prepend", pgc.pg_array_to_string(array['a',null,'b'], ',', '*') AS "array_to_string", unnest(array['a','b']) AS "unnest""#,
        ),
        (
            r#"select '{"a":{"b":[1,2]}}'::jsonb #>> '{a,b,0}', '{"a":1}'::jsonb ? 'a', '{"a":1}'::jsonb @> '{"a":1}', jsonb_array_length('[1,2]'), jsonb_typeof('{"a":1}'::jsonb), '[1,2]'::jsonb -> 0, '{"a":null}'::json ->> 'a'"#,
            r#"select pgc.json_path_text('{"a":{"b":[1,2]}}'::json , ['a', 'b', '0']) AS "?column?", pgc.json_has_key('{"a":1}'::json , 'a') AS "?column?", pgc.json_contains('{"a":1}'::json , '{"a":1}') AS "?column?", pgc.json_length('[1,2]') AS "jsonb_array_length", pgc.jsonb_typeof('{"a":1}'::json) AS "jsonb_typeof", ('[1,2]'::json -> 0) AS "?column?", ('{"a":null}'::json ->> 'a') AS "?column?""#,
        ),
        (
            "select jsonb_build_object('a', 1, 'b', array[1,2]), json_agg(x) from (values (1),(2)) t(x)",
            r#"select json_object('a', 1, 'b', array[1,2]) AS "jsonb_build_object", json_group_array(x) AS "json_agg" from (values (1),(2)) t(x)"#,
        ),
        (
            r#"select jsonb_object_keys('{"a":1,"b":2}'::jsonb)"#,
            r#"select unnest(pgc.json_keys_of('{"a":1,"b":2}'::json)) AS "jsonb_object_keys""#,
        ),
        (
            "select gen_random_uuid() is not null, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
            r#"select gen_random_uuid() is not null AS "?column?", 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS "uuid""#,
        ),
        (
            "select i, i*i from generate_series(1,3) i",
            r#"select i, i*i AS "?column?" from generate_series(1,3) i("i")"#,
        ),
        (
            "select d::date from generate_series('2020-01-01'::timestamp, '2020-01-03'::timestamp, '1 day') d",
            r#"select d::date AS "d" from generate_series('2020-01-01'::timestamp, '2020-01-03'::timestamp, '1 day'::interval) d("d")"#,
        ),
        (
            "select date(ts) from (select timestamp '2020-01-01 10:00' as ts) q",
            r#"select date(ts) AS "date" from (select timestamp '2020-01-01 10:00' as ts) q"#,
        ),
        (
            "select count(*) from generate_series(1,100) where random() < 2",
            r#"select count(*) AS "count" from generate_series(1,100) where random() < 2"#,
        ),
        (
            "select cast(null as varchar(10)), cast('1,2' as text), cast(1 as boolean), 't'::boolean, 'f'::bool",
            r#"select left(cast(null as varchar), 10) AS "varchar", cast('1,2' as text) AS "text", cast(1 as boolean) AS "bool", 't'::boolean AS "bool", 'f'::bool AS "bool""#,
        ),
        (
            "select 1::bit(3), b'1' || b'0'",
            r#"select 1::bit AS "bit", CAST('1' AS BIT) || CAST('0' AS BIT) AS "?column?""#,
        ),
        (
            "select 'a'::char = 'a', 'abc'::character varying(2), 'x'::bpchar",
            r#"select rpad('a'::varchar, 1, ' ') = 'a' AS "?column?", left('abc'::varchar, 2) AS "varchar", 'x'::varchar AS "bpchar""#,
        ),
        (
            "select trim('  a '), trim(leading 'x' from 'xxa'), rtrim('a  '), trim(trailing from 'a  ')",
            r#"select trim('  a ') AS "btrim", trim(leading 'x' from 'xxa') AS "ltrim", rtrim('a  ') AS "rtrim", trim(trailing from 'a  ') AS "rtrim""#,
        ),
        (
            "select overlay('abcdef' placing 'zz' from 2), substring('abcdef' for 2), substring('abcdef' from 2 for 3)",
            r#"select pgc.overlay('abcdef' , 'zz' , 2) AS "overlay", pgc.pg_substring('abcdef' , 1, 2) AS "substring", pgc.pg_substring('abcdef' , 2 , 3) AS "substring""#,
        ),
        (
            "select greatest(1, null, 3), least(1, null), num_nulls(1, null)",
            r#"select greatest(1, null, 3) AS "greatest", least(1, null) AS "least", pgc.num_nulls(1, null) AS "num_nulls""#,
        ),
        ("select 1 group by () having count(*) >= 0", r#"select 1 AS "?column?" group by () having count(*) >= 0"#),
        (
            "select array(select generate_series(1,3))",
            r#"select array(select unnest(generate_series(1,3))) AS "array""#,
        ),
        (
            "select ceil(5/2), ceil(5/2.0), floor(-1.5), trunc(-1.7), round(2.5), round(3.5), round(-2.5), round(2.5::float8), round(3.5::float8)",
            r#"select ceil(5/2) AS "ceil", ceil(5/2.0) AS "ceil", floor(-1.5) AS "floor", trunc(-1.7) AS "trunc", pgc.pg_round(2.5) AS "round", pgc.pg_round(3.5) AS "round", pgc.pg_round(-2.5) AS "round", pgc.pg_round(2.5::float8) AS "round", pgc.pg_round(3.5::float8) AS "round""#,
        ),
        (
            "select x / nullif(y,0) from (values (1,0)) t(x,y)",
            r#"select x / nullif(y,0) AS "?column?" from (values (1,0)) t(x,y)"#,
        ),
        (
            "select (1.0/3)::numeric(10,4), 1/3.0::numeric(10,4)",
            r#"select (1.0/3)::decimal(10,4) AS "numeric", pgc.div(1,3.0::decimal(10,4)) AS "?column?""#,
        ),
        (
            "select x::numeric from (values (1.25::float8)) t(x)",
            r#"select pgc.numeric_in(x) AS "x" from (values (1.25::float8)) t(x)"#,
        ),
        (
            "select x::numeric from (values ('1.25')) t(x)",
            r#"select pgc.numeric_in(x) AS "x" from (values ('1.25')) t(x)"#,
        ),
        ("select x::numeric from (values (125)) t(x)", r#"select pgc.numeric_in(x) AS "x" from (values (125)) t(x)"#),
        (
            "select x::numeric * 2 from (values (1.25)) t(x)",
            r#"select pgc.numeric_in(x) * 2 AS "?column?" from (values (1.25)) t(x)"#,
        ),
        (
            "select coalesce(jb ->> 'nope', 'none') || '!' from z",
            r#"select coalesce((jb ->> 'nope'), 'none') || '!' AS "?column?" from z"#,
        ),
        ("select unnest(arr), unnest(ta) from z", r#"select unnest(arr) AS "unnest", unnest(ta) AS "unnest" from z"#),
        (
            "select x from z cross join unnest(ta) as x order by 1",
            r#"select x from z cross join unnest(ta) as x("x") order by 1"#,
        ),
        (
            "select array_length(arr, 1), arr || array[4] , array_append(arr, 5) from z",
            r#"select pgc.pg_array_length(arr, 1) AS "array_length", arr || array[4] AS "?column?" , array_append(arr, 5) AS "array_append" from z"#,
        ),
        (
            "select (select array_agg(x order by x desc) from unnest(arr) x) from z",
            r#"select (select array_agg(x order by x desc) from unnest(arr) x("x")) AS "array_agg" from z"#,
        ),
        (
            "select tz at time zone 'UTC', (tz at time zone 'UTC')::date, date_trunc('day', tz at time zone 'UTC') from z",
            r#"select tz at time zone 'UTC' AS "timezone", (tz at time zone 'UTC')::date AS "timezone", date_trunc('day', tz at time zone 'UTC') AS "date_trunc" from z"#,
        ),
        (
            r#"select to_char(tz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') from z"#,
            r#"select strftime(tz at time zone 'UTC', '%Y-%m-%dT%H:%M:%S') AS "to_char" from z"#,
        ),
        (
            "select n::numeric(10,2), n::int, n::text, d::numeric(5,1), d::int, f::int, (d*f)::numeric(10,3) from z",
            r#"select n::decimal(10,2) AS "n", n::int AS "n", pgc.text_of(n) AS "n", d::decimal(5,1) AS "d", d::int AS "d", f::int AS "f", (d*f)::decimal(10,3) AS "numeric" from z"#,
        ),
        (
            "select round(n, 2), round(d), round(f), trunc(n), trunc(d), ceil(n), floor(n), abs(-n), sign(n) from z",
            r#"select round(n, 2) AS "round", pgc.pg_round(d) AS "round", pgc.pg_round(f) AS "round", trunc(n) AS "trunc", trunc(d) AS "trunc", ceil(n) AS "ceil", floor(n) AS "floor", abs(-n) AS "abs", sign(n) AS "sign" from z"#,
        ),
        (
            "select length(c), v::char(5) || '|', upper(v), v like 'ab_', v ~ '^a.c$', v similar to 'a_c' from z",
            r#"select length(c) AS "length", rpad(v::varchar, 5, ' ') || '|' AS "?column?", upper(v) AS "upper", v like 'ab_' AS "?column?", pgc.regex_match(v , '^a.c$') AS "?column?", pgc.similar_to(v , 'a_c') AS "?column?" from z"#,
        ),
        (
            "select b, encode(b, 'hex'), octet_length(b) from z",
            r#"select b, pgc.pg_encode(b, 'hex') AS "encode", pgc.pg_octet_length(b) AS "octet_length" from z"#,
        ),
        (
            "select count(*), count(distinct v), max(n), sum(d), avg(d) from z",
            r#"select count(*) AS "count", count(distinct v) AS "count", max(n) AS "max", pgc.sum_out(sum(d), d) AS "sum", pgc.avg_out(avg(d), sum(d), count(d), d) AS "avg" from z"#,
        ),
        (
            "select id is null, id = 1 or id = 2, (id, v) = (1, 'abc'), row(id, v) = row(1, 'abc') from z",
            r#"select id is null AS "?column?", id = 1 or id = 2 AS "?column?", (id, v) = (1, 'abc') AS "?column?", row(id, v) = row(1, 'abc') AS "?column?" from z"#,
        ),
        (
            "select v, sum(d) / sum(f) as r from z group by v having sum(f) / 2 > 1 order by sum(d) / sum(f)",
            "select v, pgc.div(sum(d) , sum(f)) as r from z group by v having sum(f) / 2 > 1 order by pgc.div(sum(d) , sum(f))",
        ),
        (
            "select sum(d) filter (where id / 1 = 1) over (partition by id / 1 order by id / 1) from z",
            r#"select pgc.sum_out(sum(d) filter (where id / 1 = 1) over (partition by id / 1 order by id / 1), d) AS "sum" from z"#,
        ),
        (
            "select max(id) from z group by v order by max(id)",
            r#"select max(id) AS "max" from z group by v order by max(id)"#,
        ),
        (
            "select cast(1 as text) || cast(2.50 as varchar), cast('1' as int) + 1, cast(array[1] as text[])",
            r#"select cast(1 as text) || cast(2.50 as varchar) AS "?column?", cast('1' as int) + 1 AS "?column?", cast(array[1] as text[]) AS "array""#,
        ),
        (
            "select date_trunc('week', timestamp '2020-01-05'), date_trunc('quarter', timestamp '2020-05-05'), date_bin('15 minutes', timestamp '2020-01-01 10:17', timestamp '2020-01-01')",
            r#"select date_trunc('week', timestamp '2020-01-05') AS "date_trunc", date_trunc('quarter', timestamp '2020-05-05') AS "date_trunc", pgc.date_bin('15 minutes', timestamp '2020-01-01 10:17', timestamp '2020-01-01') AS "date_bin""#,
        ),
        (
            "select nullif('', ''), nullif(1, 2), coalesce(null, null, 3), greatest('a', 'b'), least(1.5, 2)",
            r#"select nullif('', '') AS "nullif", nullif(1, 2) AS "nullif", coalesce(null, null, 3) AS "coalesce", greatest('a', 'b') AS "greatest", least(1.5, 2) AS "least""#,
        ),
        (
            "select exists(select), 1 as a where exists (select from z)",
            r#"select exists(select NULL) AS "exists", 1 as a where exists (select NULL from z)"#,
        ),
        (
            "select string_agg(distinct v, ',' order by v), array_agg(v order by id desc) filter (where v is not null) from z",
            r#"select string_agg(distinct v, ',' order by v) AS "string_agg", array_agg(v order by id desc) filter (where v is not null) AS "array_agg" from z"#,
        ),
        (
            "select percentile_disc(0.5) within group (order by id), percentile_cont(array[0.25,0.75]) within group (order by id) from z",
            r#"select percentile_disc(0.5) within group (order by id) AS "percentile_disc", percentile_cont(array[0.25,0.75]) within group (order by id) AS "percentile_cont" from z"#,
        ),
        (
            "select lag(id, 1, 0) over (order by id), dense_rank() over (order by v), percent_rank() over (order by id), cume_dist() over (order by id), nth_value(id, 1) over (order by id rows between unbounded preceding and unbounded following) from z order by id",
            r#"select lag(id, 1, 0) over (order by id) AS "lag", dense_rank() over (order by v) AS "dense_rank", percent_rank() over (order by id) AS "percent_rank", cume_dist() over (order by id) AS "cume_dist", nth_value(id, 1) over (order by id rows between unbounded preceding and unbounded following) AS "nth_value" from z order by id"#,
        ),
        (
            "select generate_series(1, 3) as n order by n desc",
            "select unnest(generate_series(1, 3)) as n order by n desc",
        ),
        (
            "select generate_series('2020-01-01'::date, '2020-01-03'::date, '1 day')::date",
            r#"select unnest(generate_series('2020-01-01'::date, '2020-01-03'::date, '1 day'::interval))::date AS "generate_series""#,
        ),
        (
            "select date_trunc('month', d)::date, count(*) from generate_series('2020-01-01'::date, '2020-02-15'::date, '1 day'::interval) d group by 1 order by 1",
            r#"select date_trunc('month', d)::date AS "date_trunc", count(*) AS "count" from generate_series('2020-01-01'::date, '2020-02-15'::date, '1 day'::interval) d("d") group by 1 order by 1"#,
        ),
        (
            "select n, n % 2 = 0 as even from generate_series(1, 4) as n where n % 2 = 0",
            r#"select n, n % 2 = 0 as even from generate_series(1, 4) as n("n") where n % 2 = 0"#,
        ),
        (
            "select regexp_matches('a1b2', '[0-9]', 'g')",
            r#"select unnest(pgc.regexp_rows('a1b2', '[0-9]', 0, 'g')) AS "regexp_matches""#,
        ),
        (
            "select regexp_split_to_table('a,b', ',') as part",
            "select unnest(regexp_split_to_array('a,b', ',')) as part",
        ),
        (
            "select * from regexp_split_to_table('a b', ' ') w",
            r#"select * from unnest(regexp_split_to_array('a b', ' ')) w("w")"#,
        ),
        (
            "select * from string_to_table('a,b', ',') as s",
            r#"select * from unnest(pgc.pg_string_to_array('a,b', ',')) as s("s")"#,
        ),
        (
            r#"select * from json_array_elements('[1,{"a":2}]') as e(v)"#,
            r#"select * from unnest(pgc.json_elements('[1,{"a":2}]')) as e(v)"#,
        ),
        (
            r#"select e.value ->> 'a' as a from json_array_elements('[{"a":1},{"a":2}]'::json) e"#,
            r#"select (e.value ->> 'a') as a from unnest(pgc.json_elements('[{"a":1},{"a":2}]'::json)) e(value)"#,
        ),
        (
            r#"select * from jsonb_object_keys('{"x":1}') k"#,
            r#"select * from unnest(pgc.json_keys_of('{"x":1}')) k("k")"#,
        ),
        (
            "select format('Hello %s, %%', 'x'), format('%s', null), format('plain')",
            r#"select format('Hello {}, %', pgc.format_s('x')) AS "format", format('{}', pgc.format_s(null)) AS "format", format('plain') AS "format""#,
        ),
        (
            "select lpad('7', 3, '0'), to_char(7, '000'), to_char(1234.5678, '9,999.99'), to_char(0.5, '990.0'), to_char(12, 'FM999')",
            r#"select pgc.pg_lpad('7', 3, '0') AS "lpad", pgc.to_char_number(7, '000', 3, 0, 0, false, false, '') AS "to_char", pgc.to_char_number(1234.5678, '9,999', 0, 2, 2, true, false, '') AS "to_char", pgc.to_char_number(0.5, '990', 1, 1, 1, true, false, '') AS "to_char", pgc.to_char_number(12, '999', 0, 0, 0, false, true, '') AS "to_char""#,
        ),
        (
            "select substring('abc' from 2), substring('abc', 0, 2), substr('abc', -5), substr('abc', 2, 100), substring('abc' from 10)",
            r#"select pgc.pg_substring('abc' , 2) AS "substring", pgc.pg_substring('abc', 0, 2) AS "substring", pgc.pg_substr('abc', -5) AS "substr", pgc.pg_substr('abc', 2, 100) AS "substr", pgc.pg_substring('abc' , 10) AS "substring""#,
        ),
        (
            "select left('abc', 5), right('abc', -1), split_part('a.b.c', '.', -1), initcap('o''neil mc-donald'), repeat('x', 0), reverse('añb')",
            r#"select left('abc', 5) AS "left", right('abc', -1) AS "right", pgc.pg_split_part('a.b.c', '.', -1) AS "split_part", pgc.initcap('o''neil mc-donald') AS "initcap", repeat('x', 0) AS "repeat", reverse('añb') AS "reverse""#,
        ),
        (
            "select trim('xxaxx', 'x'), trim(both from ' a '), ltrim('  a'), btrim('  a  '), trim(trailing 'x' from 'axx')",
            r#"select trim('xxaxx', 'x') AS "btrim", trim(both from ' a ') AS "btrim", ltrim('  a') AS "ltrim", pgc.btrim('  a  ') AS "btrim", trim(trailing 'x' from 'axx') AS "rtrim""#,
        ),
        (
            "select position('' in 'a'), strpos('abc', 'z'), ascii(''), chr(8364), md5(''), length('')",
            r#"select position('' in 'a') AS "position", strpos('abc', 'z') AS "strpos", ascii('') AS "ascii", pgc.pg_chr(8364) AS "chr", md5('') AS "md5", length('') AS "length""#,
        ),
        (
            "select width_bucket(5.35, 0.024, 10.06, 5), gcd(12, 18), lcm(4, 6), factorial(5), mod(7.5, 2), cbrt(8), atan2(1, 1) > 0",
            r#"select pgc.width_bucket(5.35, 0.024, 10.06, 5) AS "width_bucket", gcd(12, 18) AS "gcd", lcm(4, 6) AS "lcm", factorial(5) AS "factorial", pgc.pg_mod(7.5, 2) AS "mod", cbrt(8) AS "cbrt", atan2(1, 1) > 0 AS "?column?""#,
        ),
        ("select count(*) from empty_of", r#"select count(*) AS "count" from empty_of"#),
        ("select count(*) from z", r#"select count(*) AS "count" from z"#),
        ("select nextval('public.sq2')", r#"select nextval('main.sq2') AS "nextval""#),
        ("select count(*) -- trailing", r#"select count(*) AS "count" -- trailing"#),
        (
            "SELECT sum(CASE WHEN flag THEN 1 ELSE 0 END)::float / count(*) FROM e1",
            r#"SELECT pgc.div(sum(CASE WHEN flag THEN 1 ELSE 0 END)::float8 , count(*)) AS "?column?" FROM e1"#,
        ),
        (
            "SELECT (amount * 100 / sum(amount) over ())::numeric(5,1) FROM e1 ORDER BY id",
            r#"SELECT (pgc.div(amount * 100 , sum(amount) over ()))::decimal(5,1) AS "numeric" FROM e1 ORDER BY id"#,
        ),
        (
            "SELECT name, count(*) * 100.0 / sum(count(*)) over () AS pct FROM e1 GROUP BY name ORDER BY name",
            "SELECT name, pgc.div(count(*) * 100.0 , sum(count(*)) over ()) AS pct FROM e1 GROUP BY name ORDER BY name",
        ),
        (
            "SELECT date_part('year', ts)::int AS y, to_char(ts, 'Mon YYYY') AS m FROM e1 ORDER BY ts",
            "SELECT date_part('year', ts)::int AS y, strftime(ts, '%b %Y') AS m FROM e1 ORDER BY ts",
        ),
        (
            "SELECT 1::smallint, 1::int2 + 1::int8, 1.5::real, 1.5::double precision, '1'::numeric(5), 3.7::int, 2.5::int, 3.5::int, -2.5::int, 2.5::float8::int",
            r#"SELECT 1::smallint AS "int2", 1::int2 + 1::int8 AS "?column?", 1.5::real AS "float4", 1.5::float8 AS "float8", '1'::decimal(5,0) AS "numeric", 3.7::int AS "int4", 2.5::int AS "int4", 3.5::int AS "int4", -2.5::int AS "?column?", 2.5::float8::int AS "int4""#,
        ),
        (
            r#"SELECT 'abc'::bytea = '\x616263'::bytea, '\x'::bytea, length('\x6162'::text)"#,
            r#"SELECT 'abc'::blob = 'abc'::blob AS "?column?", ''::blob AS "bytea", length('\x6162'::text) AS "length""#,
        ),
        (
            "SELECT a.id FROM e1 AS a LEFT JOIN (SELECT id, max(ts) FROM e1 GROUP BY id) AS b ON b.id = a.id AND b.max IS NOT NULL WHERE b.id IS NULL",
            r#"SELECT a.id FROM e1 AS a LEFT JOIN (SELECT id, max(ts) AS "max" FROM e1 GROUP BY id) AS b ON b.id = a.id AND b.max IS NOT NULL WHERE b.id IS NULL"#,
        ),
        (
            "SELECT x.count FROM (SELECT count(*), name FROM e1 GROUP BY name) x ORDER BY x.name",
            r#"SELECT x.count FROM (SELECT count(*) AS "count", name FROM e1 GROUP BY name) x ORDER BY x.name"#,
        ),
        (
            "SELECT string_agg(name, ', ' ORDER BY name DESC), array_to_string(array_agg(id ORDER BY id), '-') FROM e1",
            r#"SELECT string_agg(name, ', ' ORDER BY name DESC) AS "string_agg", array_to_string(array_agg(id ORDER BY id), '-') AS "array_to_string" FROM e1"#,
        ),
        (
            "SELECT json_build_object('id', id, 'ok', flag) ->> 'ok' FROM e1 WHERE id = 1",
            r#"SELECT (json_object('id', id, 'ok', flag) ->> 'ok') AS "?column?" FROM e1 WHERE id = 1"#,
        ),
        (
            "SELECT jsonb_build_object('a', 1) || jsonb_build_object('b', 2)",
            r#"SELECT pgc.json_concat(json_object('a', 1) , json_object('b', 2)) AS "?column?""#,
        ),
        (
            "SELECT to_jsonb('x'::text), to_json(array[1,2]), json_build_array(1, 'a', null)",
            r#"SELECT to_json('x'::text) AS "to_jsonb", to_json(array[1,2]) AS "to_json", json_array(1, 'a', null) AS "json_build_array""#,
        ),
        (
            r#"SELECT elem ->> 'id' AS i FROM jsonb_array_elements('[{"id":1},{"id":2}]'::jsonb) AS elem WHERE (elem ->> 'id')::int > 1"#,
            r#"SELECT (elem ->> 'id') AS i FROM unnest(pgc.json_elements('[{"id":1},{"id":2}]'::json)) AS elem("elem") WHERE ((elem ->> 'id'))::int > 1"#,
        ),
        (
            "SELECT count(*) FROM e1 TABLESAMPLE BERNOULLI (100)",
            r#"SELECT count(*) AS "count" FROM e1 TABLESAMPLE BERNOULLI (100 PERCENT)"#,
        ),
    ]);
}
