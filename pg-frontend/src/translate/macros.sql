-- Functions and operators of PostgreSQL that DuckDB lacks or does otherwise, as macros of the database
-- `pgc`. One statement a paragraph; to be run with `USE pgc` in a database made with STORAGE_VERSION
-- 'v1.4.0' or newer and attached as `pgc`. `//` divides as `/` does for a session with
-- integer_division, whatever the session that makes the file has.

CREATE OR REPLACE MACRO div(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a // b END;

CREATE OR REPLACE MACRO rem(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a % b END;

-- A dot matches a line break in PostgreSQL.
CREATE OR REPLACE MACRO regex_match(a, b) AS system.main.regexp_matches(a, b, 's');

CREATE OR REPLACE MACRO regex_not_match(a, b) AS NOT system.main.regexp_matches(a, b, 's');

CREATE OR REPLACE MACRO regex_match_ci(a, b) AS system.main.regexp_matches(a, b, 'is');

CREATE OR REPLACE MACRO regex_not_match_ci(a, b) AS NOT system.main.regexp_matches(a, b, 'is');

CREATE OR REPLACE MACRO regex_any(a, b) AS len(list_filter(b, lambda p: system.main.regexp_matches(a, p, 's'))) > 0;

CREATE OR REPLACE MACRO regex_all(a, b) AS len(list_filter(b, lambda p: NOT system.main.regexp_matches(a, p, 's'))) = 0;

CREATE OR REPLACE MACRO regex_ci_any(a, b) AS len(list_filter(b, lambda p: system.main.regexp_matches(a, p, 'is'))) > 0;

CREATE OR REPLACE MACRO regex_ci_all(a, b) AS len(list_filter(b, lambda p: NOT system.main.regexp_matches(a, p, 'is'))) = 0;

CREATE OR REPLACE MACRO like_any(a, b) AS len(list_filter(b, lambda p: like_escape(a, p, '\'))) > 0;

CREATE OR REPLACE MACRO like_all(a, b) AS len(list_filter(b, lambda p: NOT like_escape(a, p, '\'))) = 0;

CREATE OR REPLACE MACRO ilike_any(a, b) AS len(list_filter(b, lambda p: ilike_escape(a, p, '\'))) > 0;

CREATE OR REPLACE MACRO ilike_all(a, b) AS len(list_filter(b, lambda p: NOT ilike_escape(a, p, '\'))) = 0;

CREATE OR REPLACE MACRO not_like_any(a, b) AS len(list_filter(b, lambda p: NOT like_escape(a, p, '\'))) > 0;

CREATE OR REPLACE MACRO not_like_all(a, b) AS len(list_filter(b, lambda p: like_escape(a, p, '\'))) = 0;

CREATE OR REPLACE MACRO not_ilike_any(a, b) AS len(list_filter(b, lambda p: NOT ilike_escape(a, p, '\'))) > 0;

CREATE OR REPLACE MACRO not_ilike_all(a, b) AS len(list_filter(b, lambda p: ilike_escape(a, p, '\'))) = 0;

-- A pattern of SIMILAR TO is a regular expression whose `%` and `_` are LIKE's; `.`, `^` and `$` are themselves.
CREATE OR REPLACE MACRO similar_to(a, b) AS regexp_full_match(a, replace(replace(regexp_replace(regexp_replace(b, '([.^$])', '\\\1', 'g'), '\\\\([%_])', '[\1]', 'g'), '%', '(?s:.*)'), '_', '(?s:.)')),
    (a, b, e) AS regexp_full_match(a, replace(replace(regexp_replace(replace(b, e, '\'), '([.^$])', '\\\1', 'g'), '%', '(?s:.*)'), '_', '(?s:.)'));

CREATE OR REPLACE MACRO between_symmetric(a, b, c) AS a BETWEEN least(b, c) AND greatest(b, c);

CREATE OR REPLACE MACRO json_has_key(a, b) AS CASE WHEN json_type(a) = 'ARRAY' THEN json_contains(a, to_json(b)) ELSE json_exists(a, '/' || b) END;

CREATE OR REPLACE MACRO json_extract_path(a, b) AS json_extract(a, '/' || b),
    (a, b, c) AS json_extract(a, '/' || b || '/' || c),
    (a, b, c, d) AS json_extract(a, '/' || b || '/' || c || '/' || d);

CREATE OR REPLACE MACRO json_extract_path_text(a, b) AS json_extract_string(a, '/' || b),
    (a, b, c) AS json_extract_string(a, '/' || b || '/' || c),
    (a, b, c, d) AS json_extract_string(a, '/' || b || '/' || c || '/' || d);

CREATE OR REPLACE MACRO jsonb_extract_path(a, b) AS json_extract(a, '/' || b),
    (a, b, c) AS json_extract(a, '/' || b || '/' || c),
    (a, b, c, d) AS json_extract(a, '/' || b || '/' || c || '/' || d);

CREATE OR REPLACE MACRO jsonb_extract_path_text(a, b) AS json_extract_string(a, '/' || b),
    (a, b, c) AS json_extract_string(a, '/' || b || '/' || c),
    (a, b, c, d) AS json_extract_string(a, '/' || b || '/' || c || '/' || d);

CREATE OR REPLACE MACRO json_typeof(a) AS CASE json_type(a) WHEN 'VARCHAR' THEN 'string' WHEN 'UBIGINT' THEN 'number' WHEN 'BIGINT' THEN 'number' WHEN 'DOUBLE' THEN 'number' ELSE lower(json_type(a)) END;

CREATE OR REPLACE MACRO jsonb_typeof(a) AS CASE json_type(a) WHEN 'VARCHAR' THEN 'string' WHEN 'UBIGINT' THEN 'number' WHEN 'BIGINT' THEN 'number' WHEN 'DOUBLE' THEN 'number' ELSE lower(json_type(a)) END;

-- Of the types that a number can have: integers keep no places, decimals keep theirs, texts get ten.
CREATE OR REPLACE MACRO numeric_in(a VARCHAR) AS a::DECIMAL(38, 10), (a) AS coalesce(a, NULL::DECIMAL(1, 0));

CREATE OR REPLACE MACRO bytea_in(a VARCHAR) AS CASE WHEN starts_with(a, '\x') THEN unhex(system.main.substr(a, 3)) ELSE system.main.encode(a) END, (a BLOB) AS a;

-- Floats round half to even, numerics away from zero.
CREATE OR REPLACE MACRO pg_round(a BIGINT) AS a::DOUBLE, (a DOUBLE) AS round_even(a, 0), (a DECIMAL(38, 10)) AS system.main.round(a);

CREATE OR REPLACE MACRO pg_trunc(a, n) AS CASE WHEN a < 0 THEN -floor(-a * power(10, n)) ELSE floor(a * power(10, n)) END / power(10, n);

CREATE OR REPLACE MACRO overlay(a, b, c) AS system.main.substr(a, 1, c - 1) || b || system.main.substr(a, c + length(b)),
    (a, b, c, d) AS system.main.substr(a, 1, c - 1) || b || system.main.substr(a, c + d);

CREATE OR REPLACE MACRO btrim(a) AS trim(a), (a, b) AS trim(a, b);

CREATE OR REPLACE MACRO initcap(a) AS array_to_string(list_transform(regexp_extract_all(lower(a), '[a-z0-9\x{80}-\x{10ffff}]+|[^a-z0-9\x{80}-\x{10ffff}]+'), lambda w: upper(w[1]) || w[2:]), '');

CREATE OR REPLACE MACRO pg_octet_length(a VARCHAR) AS strlen(a), (a BLOB) AS system.main.octet_length(a);

CREATE OR REPLACE MACRO bit_length(a VARCHAR) AS strlen(a) * 8, (a BLOB) AS system.main.octet_length(a) * 8;

CREATE OR REPLACE MACRO pg_encode(a BLOB, b) AS CASE lower(b) WHEN 'hex' THEN lower(hex(a)) WHEN 'base64' THEN to_base64(a) ELSE decode(a) END;

CREATE OR REPLACE MACRO pg_decode(a VARCHAR, b) AS CASE lower(b) WHEN 'hex' THEN unhex(a) WHEN 'base64' THEN from_base64(a) ELSE system.main.encode(a) END;

CREATE OR REPLACE MACRO convert_from(a, b) AS system.main.decode(a);

CREATE OR REPLACE MACRO convert_to(a, b) AS system.main.encode(a);

CREATE OR REPLACE MACRO pg_sha256(a VARCHAR) AS unhex(system.main.sha256(a)), (a BLOB) AS unhex(system.main.sha256(a));

CREATE OR REPLACE MACRO quote_literal(a) AS '''' || replace(a::VARCHAR, '''', '''''') || '''';

CREATE OR REPLACE MACRO quote_nullable(a) AS coalesce('''' || replace(a::VARCHAR, '''', '''''') || '''', 'NULL');

CREATE OR REPLACE MACRO format_s(a) AS coalesce(a::VARCHAR, '');

CREATE OR REPLACE MACRO regexp_count(a, b) AS len(regexp_extract_all(a, b));

CREATE OR REPLACE MACRO regexp_substr(a, b) AS CASE WHEN system.main.regexp_matches(a, b, 's') THEN regexp_extract(a, b) END;

CREATE OR REPLACE MACRO pg_cardinality(a) AS CASE WHEN a IS NOT NULL THEN len(flatten([a])) END;

CREATE OR REPLACE MACRO array_lower(a, n) AS CASE WHEN len(a) > 0 AND n = 1 THEN 1 END;

CREATE OR REPLACE MACRO array_upper(a, n) AS CASE WHEN len(a) > 0 AND n = 1 THEN len(a)::INTEGER END;

CREATE OR REPLACE MACRO array_ndims(a) AS CASE WHEN len(a) > 0 THEN 1 END;

CREATE OR REPLACE MACRO array_dims(a) AS CASE WHEN len(a) > 0 THEN '[1:' || len(a) || ']' END;

CREATE OR REPLACE MACRO array_remove(a, b) AS list_filter(a, lambda x: x IS DISTINCT FROM b);

CREATE OR REPLACE MACRO array_replace(a, b, c) AS list_transform(a, lambda x: CASE WHEN x IS NOT DISTINCT FROM b THEN c ELSE x END);

CREATE OR REPLACE MACRO array_fill(a, b) AS list_transform(range(b[1]), lambda x: a);

CREATE OR REPLACE MACRO trim_array(a, n) AS a[1:len(a) - n];

CREATE OR REPLACE MACRO generate_subscripts(a, n) AS generate_series(1, len(a));

CREATE OR REPLACE MACRO num_nulls(a) AS (a IS NULL)::INTEGER, (a, b) AS (a IS NULL)::INTEGER + (b IS NULL)::INTEGER, (a, b, c) AS (a IS NULL)::INTEGER + (b IS NULL)::INTEGER + (c IS NULL)::INTEGER;

CREATE OR REPLACE MACRO num_nonnulls(a) AS (a IS NOT NULL)::INTEGER, (a, b) AS (a IS NOT NULL)::INTEGER + (b IS NOT NULL)::INTEGER, (a, b, c) AS (a IS NOT NULL)::INTEGER + (b IS NOT NULL)::INTEGER + (c IS NOT NULL)::INTEGER;

CREATE OR REPLACE MACRO width_bucket(a, b, c, n) AS CASE WHEN a < b THEN 0 WHEN a >= c THEN n + 1 ELSE floor((a - b)::DOUBLE * n // (c - b))::INTEGER + 1 END;

CREATE OR REPLACE MACRO date_bin(a, b, c) AS time_bucket(a, b, c);

CREATE OR REPLACE MACRO make_interval(years := 0, months := 0, weeks := 0, days := 0, hours := 0, mins := 0, secs := 0) AS to_years(years) + to_months(months) + to_weeks(weeks) + to_days(days) + to_hours(hours) + to_minutes(mins) + to_microseconds((secs * 1000000)::BIGINT);

CREATE OR REPLACE MACRO to_number(a, b) AS replace(replace(a, ',', ''), '$', '')::DECIMAL(38, 10);

-- `g` is the group to take, which the translation knows.
CREATE OR REPLACE MACRO regexp_part(a, b, g) AS CASE WHEN system.main.regexp_matches(a, b, 's') THEN regexp_extract(a, b, g) END;

CREATE OR REPLACE MACRO regexp_match(a, b, g) AS CASE WHEN system.main.regexp_matches(a, b, 's') THEN [regexp_extract(a, b, g, 's')] END,
    (a, b, g, f) AS CASE WHEN system.main.regexp_matches(a, '(?s' || replace(f, 'g', '') || ')' || b) THEN [regexp_extract(a, '(?s' || replace(f, 'g', '') || ')' || b, g)] END;

CREATE OR REPLACE MACRO regexp_rows(a, b, g) AS CASE WHEN system.main.regexp_matches(a, b, 's') THEN [[regexp_extract(a, b, g, 's')]] END,
    (a, b, g, f) AS list_transform(regexp_extract_all(a, '(?s' || replace(f, 'g', '') || ')' || b, g), lambda m: [m]);

CREATE OR REPLACE MACRO pad_left(a, n) AS CASE WHEN length(a) < n THEN lpad(a, n, ' ') ELSE a END;

CREATE OR REPLACE MACRO pg_array_to_string(a, b, c) AS array_to_string(list_transform(a, lambda x: coalesce(x::VARCHAR, c)), b);

-- Months, days and microseconds of an interval, which PostgreSQL keeps apart.
CREATE OR REPLACE MACRO interval_months(a) AS (datepart('year', a) * 12 + datepart('month', a))::INTEGER;

CREATE OR REPLACE MACRO interval_micros(a) AS datepart('hour', a) * 3600000000 + datepart('minute', a) * 60000000 + datepart('microsecond', a);

CREATE OR REPLACE MACRO months_left(a, b) AS system.main.round((pgc.interval_months(a)::DOUBLE / b::DOUBLE - system.main.trunc(pgc.interval_months(a)::DOUBLE / b::DOUBLE)) * 30, 6);

-- What is left of the months becomes days, what is left of the days becomes time.
CREATE OR REPLACE MACRO interval_div(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE
    to_months(system.main.trunc(pgc.interval_months(a)::DOUBLE / b::DOUBLE)::INTEGER)
    + to_days((system.main.trunc(datepart('day', a)::DOUBLE / b::DOUBLE) + system.main.trunc(pgc.months_left(a, b)))::INTEGER)
    + to_microseconds(system.main.round((datepart('day', a)::DOUBLE / b::DOUBLE - system.main.trunc(datepart('day', a)::DOUBLE / b::DOUBLE)
        + pgc.months_left(a, b) - system.main.trunc(pgc.months_left(a, b))) * 86400000000 + pgc.interval_micros(a)::DOUBLE / b::DOUBLE)::BIGINT) END;

-- `c` units of `of` each, brought to one sign with `more` of the unit above.
CREATE OR REPLACE MACRO carried(more, c, per) AS CASE WHEN more + c // per > 0 AND c % per < 0 THEN more + c // per - 1 WHEN more + c // per < 0 AND c % per > 0 THEN more + c // per + 1 ELSE more + c // per END;

CREATE OR REPLACE MACRO justify_days(a) AS to_months(pgc.carried(pgc.interval_months(a), datepart('day', a), 30)::INTEGER)
    + to_days((datepart('day', a) + (pgc.interval_months(a) - pgc.carried(pgc.interval_months(a), datepart('day', a), 30)) * 30)::INTEGER)
    + to_microseconds(pgc.interval_micros(a));

CREATE OR REPLACE MACRO justify_hours(a) AS to_months(pgc.interval_months(a))
    + to_days(pgc.carried(datepart('day', a), pgc.interval_micros(a), 86400000000)::INTEGER)
    + to_microseconds(pgc.interval_micros(a) + (datepart('day', a) - pgc.carried(datepart('day', a), pgc.interval_micros(a), 86400000000)) * 86400000000);

CREATE OR REPLACE MACRO justify_interval(a) AS pgc.justify_days(pgc.justify_hours(a));

CREATE OR REPLACE MACRO time_minus(a, b) AS to_microseconds(epoch_us(a) - epoch_us(b));

-- Seconds have a fraction.
CREATE OR REPLACE MACRO extract_second(a) AS datepart('microsecond', a) * 0.000001;

CREATE OR REPLACE MACRO extract_millisecond(a) AS datepart('microsecond', a) * 0.001;

CREATE OR REPLACE MACRO extract_epoch(a) AS epoch_us(a) * 0.000001;

CREATE OR REPLACE MACRO extract_interval_epoch(a) AS (datepart('year', a) * 31557600000000 + datepart('month', a) * 2592000000000 + datepart('day', a) * 86400000000 + pgc.interval_micros(a)) * 0.000001;

CREATE OR REPLACE MACRO part_second(f, a) AS datepart('microsecond', a) / 1000000::DOUBLE;

CREATE OR REPLACE MACRO part_millisecond(f, a) AS datepart('microsecond', a) / 1000::DOUBLE;

CREATE OR REPLACE MACRO "overlaps"(a, b, c, d) AS CASE WHEN least(a, b) = least(c, d) THEN true ELSE least(a, b) < greatest(c, d) AND least(c, d) < greatest(a, b) OR least(a, b) = greatest(a, b) AND least(c, d) <= a AND a < greatest(c, d) OR least(c, d) = greatest(c, d) AND least(a, b) <= c AND c < greatest(a, b) END;

-- The sum of an aggregate's call in PostgreSQL's type; `a` is the argument, of which only the type counts.
CREATE OR REPLACE MACRO sum_out(s, a INTEGER) AS s::BIGINT, (s, a SMALLINT) AS s::BIGINT, (s, a FLOAT) AS s::FLOAT, (s, a BIGINT) AS s, (s, a HUGEINT) AS s, (s, a DOUBLE) AS s, (s, a DECIMAL) AS s, (s, a) AS s;

CREATE OR REPLACE MACRO quotient_20(s, c) AS CASE WHEN c > 0 THEN (s // c)::DECIMAL(18, 0)::DECIMAL(38, 20) + ((2 * (s % c) * 100000000000000000000::HUGEINT + sign(s) * c) // (2 * c))::DECIMAL(21, 0)::DECIMAL(38, 0) * 0.00000000000000000001::DECIMAL(20, 20) END;

CREATE OR REPLACE MACRO quotient_18(s, c) AS CASE WHEN c > 0 THEN (s // c)::DECIMAL(20, 0)::DECIMAL(38, 18) + ((2 * (s % c) * 1000000000000000000::HUGEINT + sign(s) * c) // (2 * c))::DECIMAL(20, 0) * 0.000000000000000001::DECIMAL(18, 18) END;

CREATE OR REPLACE MACRO quotient_16(s, c) AS CASE WHEN c > 0 THEN (s // c)::DECIMAL(22, 0)::DECIMAL(38, 16) + ((2 * (s % c) * 10000000000000000::HUGEINT + sign(s) * c) // (2 * c))::DECIMAL(18, 0) * 0.0000000000000001::DECIMAL(16, 16) END;

-- An average as exact as PostgreSQL's, from the sum and the count.
CREATE OR REPLACE MACRO avg_out(v, s, c, a INTEGER) AS pgc.quotient_20(s, c), (v, s, c, a SMALLINT) AS pgc.quotient_20(s, c), (v, s, c, a BIGINT) AS pgc.quotient_18(s, c),
    (v, s, c, a HUGEINT) AS v, (v, s, c, a DECIMAL) AS pgc.quotient_16((s * 10000000000::DECIMAL(11, 0))::HUGEINT, c * 10000000000::HUGEINT), (v, s, c, a DOUBLE) AS v, (v, s, c, a FLOAT) AS v, (v, s, c, a) AS v;

CREATE OR REPLACE MACRO array_element(e) AS CASE WHEN e = '' OR lower(e) = 'null' OR system.main.regexp_matches(e, '[\s"\\{},]') THEN '"' || replace(replace(e, '\', '\\'), '"', '\"') || '"' ELSE e END;

CREATE OR REPLACE MACRO array_text(a) AS '{' || array_to_string(list_transform(a, lambda e: CASE WHEN e IS NULL THEN 'NULL' ELSE pgc.array_element(e::VARCHAR) END), ',') || '}';

-- The text of a value where DuckDB writes another.
CREATE OR REPLACE MACRO text_of(a DOUBLE) AS regexp_replace(a::VARCHAR, '\.0$', ''), (a FLOAT) AS regexp_replace(a::VARCHAR, '\.0$', ''), (a BLOB) AS '\x' || lower(hex(a)),
    (a INTERVAL) AS regexp_replace(replace(regexp_replace(a::VARCHAR, '(-1) (year|month|day)\b', '\1 \2s', 'g'), 'month', 'mon'), '(-[0-9]+ [a-z]+) ([0-9][0-9]:)', '\1 +\2'),
    (a VARCHAR[]) AS pgc.array_text(a), (a INTEGER[]) AS pgc.array_text(a), (a BIGINT[]) AS pgc.array_text(a), (a SMALLINT[]) AS pgc.array_text(a), (a DOUBLE[]) AS pgc.array_text(a), (a DATE[]) AS pgc.array_text(a), (a TIMESTAMP[]) AS pgc.array_text(a), (a BOOLEAN[]) AS pgc.array_text(list_transform(a, lambda e: left(e::VARCHAR, 1))), (a INTEGER[][]) AS '{' || array_to_string(list_transform(a, lambda e: pgc.array_text(e)), ',') || '}',
    (a DECIMAL) AS CASE WHEN typeof(a) = 'DECIMAL(38,10)' THEN regexp_replace(a::VARCHAR, '\.?0+$', '') ELSE a::VARCHAR END,
    (a TINYINT) AS a::VARCHAR, (a SMALLINT) AS a::VARCHAR, (a INTEGER) AS a::VARCHAR, (a BIGINT) AS a::VARCHAR, (a HUGEINT) AS a::VARCHAR, (a UBIGINT) AS a::VARCHAR, (a UINTEGER) AS a::VARCHAR, (a VARCHAR) AS a::VARCHAR, (a) AS a::VARCHAR;

-- An element that is NULL is in no array.
CREATE OR REPLACE MACRO pg_array_length(a, n) AS CASE WHEN n = 1 AND len(a) > 0 THEN len(a)::INTEGER END;

CREATE OR REPLACE MACRO array_positions(a, b) AS CASE WHEN a IS NOT NULL THEN list_transform(list_filter(range(1, len(a) + 1), lambda i: a[i] IS NOT DISTINCT FROM b), lambda i: i::INTEGER) END;

CREATE OR REPLACE MACRO pg_string_to_array(a, b) AS CASE WHEN a = '' THEN [] WHEN b IS NULL THEN regexp_extract_all(a, '(?s).') WHEN b = '' THEN [a] ELSE string_split(a, b) END,
    (a, b, c) AS list_transform(CASE WHEN a = '' THEN [] WHEN b IS NULL THEN regexp_extract_all(a, '(?s).') WHEN b = '' THEN [a] ELSE string_split(a, b) END, lambda e: nullif(e, c));

CREATE OR REPLACE MACRO pg_lpad(a, n) AS CASE WHEN n <= 0 THEN '' ELSE lpad(a, n, ' ') END, (a, n, f) AS CASE WHEN n <= 0 THEN '' WHEN f = '' THEN system.main.substr(a, 1, n) ELSE lpad(a, n, f) END;

CREATE OR REPLACE MACRO pg_rpad(a, n) AS CASE WHEN n <= 0 THEN '' ELSE rpad(a, n, ' ') END, (a, n, f) AS CASE WHEN n <= 0 THEN '' WHEN f = '' THEN system.main.substr(a, 1, n) ELSE rpad(a, n, f) END;

CREATE OR REPLACE MACRO pg_substring(a, b) AS system.main.substr(a, greatest(b, 1)),
    (a, b, c) AS CASE WHEN c < 0 THEN error('negative substring length not allowed') ELSE system.main.substr(a, greatest(b, 1), greatest(b::BIGINT + c - greatest(b, 1), 0)) END;

CREATE OR REPLACE MACRO pg_substr(a, b) AS system.main.substr(a, greatest(b, 1)),
    (a, b, c) AS CASE WHEN c < 0 THEN error('negative substring length not allowed') ELSE system.main.substr(a, greatest(b, 1), greatest(b::BIGINT + c - greatest(b, 1), 0)) END;

-- An int4 has eight digits at most.
CREATE OR REPLACE MACRO pg_to_hex(a) AS lower(system.main.to_hex(CASE WHEN a < 0 AND typeof(a) IN ('INTEGER', 'SMALLINT') THEN a::BIGINT + 4294967296 ELSE a::BIGINT END));

CREATE OR REPLACE MACRO pg_chr(a) AS CASE WHEN a = 0 THEN error('null character not permitted') ELSE system.main.chr(a::INTEGER) END;

CREATE OR REPLACE MACRO pg_mod(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a % b END;

-- The whole part of a quotient.
CREATE OR REPLACE MACRO whole_div(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE system.main.trunc(a // b) END;

CREATE OR REPLACE MACRO scale(a) AS length(split_part(a::VARCHAR, '.', 2));

CREATE OR REPLACE MACRO min_scale(a) AS length(rtrim(split_part(a::VARCHAR, '.', 2), '0'));

CREATE OR REPLACE MACRO trim_scale(a) AS a::DECIMAL(38, 10);

CREATE OR REPLACE MACRO sind(a) AS CASE WHEN a::DOUBLE % 30 = 0 THEN system.main.round(sin(radians(a)) * 2) / 2 ELSE sin(radians(a)) END;

CREATE OR REPLACE MACRO cosd(a) AS CASE WHEN a::DOUBLE % 60 = 0 THEN system.main.round(cos(radians(a)) * 2) / 2 ELSE cos(radians(a)) END;

CREATE OR REPLACE MACRO tand(a) AS CASE WHEN a::DOUBLE % 45 = 0 THEN system.main.round(tan(radians(a))) ELSE tan(radians(a)) END;

CREATE OR REPLACE MACRO pg_cot(a) AS CASE WHEN a = 0 THEN 'Infinity'::DOUBLE ELSE 1 / tan(a::DOUBLE) END;

CREATE OR REPLACE MACRO regexp_instr(a, b) AS CASE WHEN system.main.regexp_matches(a, b, 's') THEN length(regexp_extract(a, '(?s)^(.*?)(?:' || b || ')', 1)) + 1 WHEN a IS NOT NULL AND b IS NOT NULL THEN 0 END;

CREATE OR REPLACE MACRO get_byte(a, n) AS ('0x' || system.main.substr(hex(a), n * 2 + 1, 2))::INTEGER;

CREATE OR REPLACE MACRO bytes_substr(a, b) AS unhex(system.main.substr(hex(a), greatest(b, 1) * 2 - 1)), (a, b, c) AS unhex(system.main.substr(hex(a), greatest(b, 1) * 2 - 1, greatest(b + c - greatest(b, 1), 0) * 2));

-- JSON. A key in a pointer.
CREATE OR REPLACE MACRO json_pointer(k) AS '/' || replace(replace(k, '~', '~0'), '/', '~1');

CREATE OR REPLACE MACRO json_path(a, b VARCHAR[]) AS CASE WHEN len(b) = 0 THEN a::JSON ELSE json_extract(a, '/' || array_to_string(b, '/')) END,
    (a, b VARCHAR) AS CASE WHEN b = '{}' THEN a::JSON ELSE json_extract(a, '/' || replace(trim(b, '{}'), ',', '/')) END;

CREATE OR REPLACE MACRO json_path_text(a, b VARCHAR[]) AS CASE WHEN len(b) = 0 THEN a::VARCHAR ELSE json_extract_string(a, '/' || array_to_string(b, '/')) END,
    (a, b VARCHAR) AS CASE WHEN b = '{}' THEN a::VARCHAR ELSE json_extract_string(a, '/' || replace(trim(b, '{}'), ',', '/')) END;

CREATE OR REPLACE MACRO json_member(a, k) AS to_json(k)::VARCHAR || ':' || coalesce(json_extract(a, pgc.json_pointer(k))::VARCHAR, 'null');

CREATE OR REPLACE MACRO json_items(a) AS CASE WHEN json_type(a) = 'ARRAY' THEN json_extract(a, '$[*]') ELSE [a::JSON] END;

-- The members of the right object count; anything but two objects becomes an array.
CREATE OR REPLACE MACRO json_concat(a, b) AS CASE WHEN json_type(a) = 'OBJECT' AND json_type(b) = 'OBJECT' THEN ('{' || array_to_string(list_concat(list_transform(list_filter(json_keys(a), lambda k: NOT list_contains(json_keys(b), k)), lambda k: pgc.json_member(a, k)), list_transform(json_keys(b), lambda k: pgc.json_member(b, k))), ',') || '}')::JSON
    WHEN a IS NOT NULL AND b IS NOT NULL THEN to_json(list_concat(pgc.json_items(a), pgc.json_items(b))) END;

CREATE OR REPLACE MACRO json_delete_item(a, n) AS CASE json_type(a) WHEN 'ARRAY' THEN to_json(list_concat(json_extract(a, '$[*]')[1:CASE WHEN n < 0 THEN json_array_length(a)::BIGINT + n ELSE n END], json_extract(a, '$[*]')[CASE WHEN n < 0 THEN greatest(json_array_length(a)::BIGINT + n, -1) ELSE n END + 2:])) ELSE error('cannot delete from object using integer index') END;

-- A value in objects within objects: a patch that first puts a number there, so that the value takes the place of what was there.
CREATE OR REPLACE MACRO json_patch_of(p, v) AS list_reduce(list_prepend(v::VARCHAR, list_transform(list_reverse(p), lambda k: to_json(k)::VARCHAR)), lambda x, k: '{' || k || ':' || x || '}');

CREATE OR REPLACE MACRO jsonb_set_at(a, p, v, c) AS CASE WHEN len(p) = 0 THEN a::JSON
    WHEN json_type(json_extract(a, '$' || array_to_string(list_transform(p[:-2], lambda k: '."' || k || '"'), ''))) = 'ARRAY' OR len(list_filter(range(1, len(p)), lambda i: json_type(json_extract(a, '$' || array_to_string(list_transform(p[:i - 1], lambda k: '."' || k || '"'), ''))) <> 'OBJECT')) > 0 OR json_type(v) = 'NULL'
    THEN error('jsonb_set is supported for values that are not null, in objects')
    WHEN NOT json_exists(a, '$' || array_to_string(list_transform(p[:-2], lambda k: '."' || k || '"'), '')) OR NOT c AND NOT json_exists(a, '$' || array_to_string(list_transform(p, lambda k: '."' || k || '"'), '')) THEN a::JSON
    ELSE json_merge_patch(json_merge_patch(a, pgc.json_patch_of(p, '0')::JSON), pgc.json_patch_of(p, v)::JSON) END;

CREATE OR REPLACE MACRO jsonb_set(a, p, v) AS pgc.jsonb_set_at(a, p, v, true), (a, p, v, c) AS pgc.jsonb_set_at(a, p, v, c);

-- Containment goes by the structure from the top; three levels are compared, what lies deeper as DuckDB does.
CREATE OR REPLACE MACRO json_contains_leaf(a, b) AS CASE WHEN json_type(b) IN ('OBJECT', 'ARRAY') THEN json_type(a) = json_type(b) AND system.main.json_contains(a::JSON, b::JSON) ELSE a::JSON = b::JSON END;

CREATE OR REPLACE MACRO json_contains_inner(a, b) AS CASE json_type(b)
    WHEN 'OBJECT' THEN json_type(a) = 'OBJECT' AND len(list_filter(json_keys(b), lambda k: NOT coalesce(pgc.json_contains_leaf(json_extract(a, pgc.json_pointer(k)), json_extract(b, pgc.json_pointer(k))), false))) = 0
    WHEN 'ARRAY' THEN json_type(a) = 'ARRAY' AND len(list_filter(json_extract(b, '$[*]'), lambda e: len(list_filter(json_extract(a, '$[*]'), lambda f: coalesce(pgc.json_contains_leaf(f, e), false))) = 0)) = 0
    ELSE a::JSON = b::JSON END;

CREATE OR REPLACE MACRO json_contains(a, b) AS CASE json_type(b)
    WHEN 'OBJECT' THEN json_type(a) = 'OBJECT' AND len(list_filter(json_keys(b), lambda k: NOT coalesce(pgc.json_contains_inner(json_extract(a, pgc.json_pointer(k)), json_extract(b, pgc.json_pointer(k))), false))) = 0
    WHEN 'ARRAY' THEN json_type(a) = 'ARRAY' AND len(list_filter(json_extract(b, '$[*]'), lambda e: len(list_filter(json_extract(a, '$[*]'), lambda f: coalesce(pgc.json_contains_inner(f, e), false))) = 0)) = 0
    ELSE CASE WHEN json_type(a) = 'ARRAY' THEN len(list_filter(json_extract(a, '$[*]'), lambda f: f = b::JSON)) > 0 ELSE a::JSON = b::JSON END END;

CREATE OR REPLACE MACRO json_contained(a, b) AS pgc.json_contains(b, a);

-- The keys of an object, the texts of an array.
CREATE OR REPLACE MACRO json_names(a) AS CASE WHEN json_type(a) = 'ARRAY' THEN list_transform(list_filter(json_extract(a, '$[*]'), lambda e: json_type(e) = 'VARCHAR'), lambda e: json_extract_string(e, '$')) ELSE json_keys(a) END;

CREATE OR REPLACE MACRO json_has_any(a, b) AS len(list_filter(b, lambda k: list_contains(pgc.json_names(a), k))) > 0;

CREATE OR REPLACE MACRO json_has_all(a, b) AS len(list_filter(b, lambda k: NOT list_contains(pgc.json_names(a), k))) = 0;

CREATE OR REPLACE MACRO json_delete_all(a, b) AS CASE json_type(a) WHEN 'OBJECT' THEN ('{' || array_to_string(list_transform(list_filter(json_keys(a), lambda k: NOT list_contains(b, k)), lambda k: pgc.json_member(a, k)), ',') || '}')::JSON
    WHEN 'ARRAY' THEN to_json(list_filter(json_extract(a, '$[*]'), lambda e: json_type(e) <> 'VARCHAR' OR NOT list_contains(b, json_extract_string(e, '$')))) ELSE error('cannot delete from scalar')::JSON END;

CREATE OR REPLACE MACRO json_delete(a, b) AS pgc.json_delete_all(a, [b::VARCHAR]);

CREATE OR REPLACE MACRO pad_right(a, n) AS CASE WHEN length(a) < n THEN rpad(a, n, ' ') ELSE a END;

-- Numbers in a pattern: `t` has the places before the point.
CREATE OR REPLACE MACRO number_digits(a, n) AS system.main.round(abs(a)::DECIMAL(38, 10), n)::VARCHAR;

CREATE OR REPLACE MACRO number_grouped(d, t) AS array_to_string(list_transform(range(1, length(t) + 1), lambda i: CASE WHEN t[i] <> ',' THEN d[length(replace(left(t, i), ',', ''))] WHEN trim(left(d, length(replace(left(t, i), ',', '')))) = '' THEN ' ' ELSE ',' END), '');

CREATE OR REPLACE MACRO number_body(w, f, t, zeros, n, least, point) AS CASE WHEN length(w) > length(replace(t, ',', '')) THEN regexp_replace(t, '[09]', '#', 'g') || CASE WHEN point THEN '.' ELSE '' END || repeat('#', n)
    ELSE pgc.number_grouped(lpad(lpad(w, greatest(length(w), zeros)::INTEGER, '0'), length(replace(t, ',', ''))::INTEGER, ' '), t) || CASE WHEN point THEN '.' ELSE '' END || left(f, least) || rtrim(system.main.substr(f, least + 1), '0') END;

CREATE OR REPLACE MACRO number_signed(b, negative, width, bare, sign) AS CASE
    WHEN sign IN ('SE', 'SGE') THEN CASE WHEN bare THEN b ELSE lpad(b, width, ' ') END || CASE WHEN negative THEN '-' ELSE '+' END
    WHEN sign = 'S' THEN CASE WHEN bare THEN '' ELSE repeat(' ', width - length(b)) END || CASE WHEN negative THEN '-' ELSE '+' END || b
    WHEN sign = 'SG' THEN CASE WHEN negative THEN '-' ELSE '+' END || CASE WHEN bare THEN b ELSE lpad(b, width, ' ') END
    WHEN sign = 'MI' THEN CASE WHEN negative THEN '-' WHEN bare THEN '' ELSE ' ' END || CASE WHEN bare THEN b ELSE lpad(b, width, ' ') END
    WHEN sign = 'MIE' THEN CASE WHEN bare THEN b ELSE lpad(b, width, ' ') END || CASE WHEN negative THEN '-' WHEN bare THEN '' ELSE ' ' END
    WHEN sign = 'PR' THEN CASE WHEN bare AND negative THEN '<' || b || '>' WHEN bare THEN b ELSE lpad(CASE WHEN negative THEN '<' || b || '>' ELSE ' ' || b || ' ' END, width + 2, ' ') END
    ELSE CASE WHEN sign = 'PL' THEN CASE WHEN NOT negative THEN '+' WHEN bare THEN '' ELSE ' ' END WHEN sign = 'L' AND NOT bare THEN ' ' ELSE '' END
        || CASE WHEN bare THEN '' ELSE repeat(' ', width - length(b)) END || CASE WHEN negative THEN '-' WHEN bare THEN '' ELSE ' ' END || b
        || CASE WHEN sign = 'PLE' THEN CASE WHEN negative THEN ' ' ELSE '+' END ELSE '' END END;

CREATE OR REPLACE MACRO to_char_number(a, t, zeros, n, least, point, bare, sign) AS pgc.number_signed(
    ltrim(pgc.number_body(CASE WHEN n > 0 AND split_part(pgc.number_digits(a, n), '.', 1) = '0' THEN '' ELSE split_part(pgc.number_digits(a, n), '.', 1) END,
        split_part(pgc.number_digits(a, n), '.', 2), t, zeros, n, least, point)), a < 0, (length(t) + CASE WHEN point THEN 1 ELSE 0 END + n)::INTEGER, bare, sign);

CREATE OR REPLACE MACRO json_as_array(a, what) AS CASE WHEN json_type(a) <> 'ARRAY' THEN error('cannot ' || what || ' a JSON value that is no array')::JSON ELSE a::JSON END;

CREATE OR REPLACE MACRO json_object_of(a, what) AS CASE WHEN json_type(a) <> 'OBJECT' THEN error('cannot ' || what || ' a JSON value that is no object')::JSON ELSE a::JSON END;

CREATE OR REPLACE MACRO json_elements(a) AS json_extract(pgc.json_as_array(a, 'extract elements from'), '$[*]');

CREATE OR REPLACE MACRO json_elements_text(a) AS json_extract_string(pgc.json_as_array(a, 'extract elements from'), '$[*]');

CREATE OR REPLACE MACRO json_keys_of(a) AS json_keys(pgc.json_object_of(a, 'take the keys of'));

CREATE OR REPLACE MACRO json_length(a) AS json_array_length(pgc.json_as_array(a, 'get the length of'));

CREATE OR REPLACE MACRO pg_json_each(a) AS TABLE SELECT key, value FROM system.main.json_each(pgc.json_object_of(a, 'deconstruct'));

CREATE OR REPLACE MACRO json_each_text(a) AS TABLE SELECT key, value ->> '$' AS value FROM system.main.json_each(pgc.json_object_of(a, 'deconstruct'));

CREATE OR REPLACE MACRO quote_ident(a) AS CASE WHEN regexp_full_match(a::VARCHAR, '[a-z_][a-z0-9_$]*') THEN a::VARCHAR ELSE '"' || replace(a::VARCHAR, '"', '""') || '"' END;

CREATE OR REPLACE MACRO pg_split_part(a, b, n) AS CASE WHEN n = 0 THEN error('field position must not be zero') WHEN b = '' THEN CASE WHEN n IN (1, -1) THEN a ELSE '' END ELSE split_part(a, b, n) END;

-- A result beyond the largest float is an error, unless an argument was infinite.
CREATE OR REPLACE MACRO float_checked(x, fine) AS CASE WHEN isinf(x) AND NOT fine THEN error('value out of range: overflow') ELSE x END;

CREATE OR REPLACE MACRO pg_power(a, b) AS CASE WHEN a = 0 AND b < 0 THEN error('zero raised to a negative power is undefined')
    WHEN a < 0 AND b <> floor(b) THEN error('a negative number raised to a non-integer power yields a complex result')
    ELSE pgc.float_checked(power(a, b), isinf(a::DOUBLE) OR isinf(b::DOUBLE)) END;

CREATE OR REPLACE MACRO pg_exp(a) AS pgc.float_checked(exp(a), isinf(a::DOUBLE));

-- There is no year 0, and before it is counted backwards.
CREATE OR REPLACE MACRO pg_make_date(y, m, d) AS CASE WHEN y = 0 THEN error('date field value out of range: 0') ELSE make_date((y + CASE WHEN y < 0 THEN 1 ELSE 0 END)::BIGINT, m::BIGINT, d::BIGINT) END;

CREATE OR REPLACE MACRO numeric_quotient(a, b) AS CASE WHEN b = 0 THEN error('division by zero')
    WHEN abs(b) < 100000000000 THEN pgc.quotient_16(abs((a * 10000000000::DECIMAL(11, 0))::HUGEINT), abs((b * 10000000000::DECIMAL(11, 0))::HUGEINT)) * (sign(a) * sign(b))::DECIMAL(1, 0)
    ELSE (a::DOUBLE / b::DOUBLE)::DECIMAL(38, 16) END;

-- A quotient `q` of `a` and `b` as exact as PostgreSQL's, where both are numeric.
CREATE OR REPLACE MACRO quotient_out(q, a DECIMAL, b DECIMAL) AS pgc.numeric_quotient(a, b), (q, a DECIMAL, b INTEGER) AS pgc.numeric_quotient(a, b), (q, a DECIMAL, b BIGINT) AS pgc.numeric_quotient(a, b), (q, a DECIMAL, b SMALLINT) AS pgc.numeric_quotient(a, b),
    (q, a INTEGER, b DECIMAL) AS pgc.numeric_quotient(a, b), (q, a BIGINT, b DECIMAL) AS pgc.numeric_quotient(a, b), (q, a SMALLINT, b DECIMAL) AS pgc.numeric_quotient(a, b),
    (q, a INTEGER, b INTEGER) AS q, (q, a BIGINT, b BIGINT) AS q, (q, a INTEGER, b BIGINT) AS q, (q, a BIGINT, b INTEGER) AS q, (q, a SMALLINT, b SMALLINT) AS q, (q, a DOUBLE, b DOUBLE) AS q, (q, a FLOAT, b FLOAT) AS q,
    (q, a DOUBLE, b DECIMAL) AS q, (q, a DECIMAL, b DOUBLE) AS q, (q, a FLOAT, b DECIMAL) AS q, (q, a DECIMAL, b FLOAT) AS q, (q, a HUGEINT, b HUGEINT) AS q, (q, a UBIGINT, b UBIGINT) AS q, (q, a UBIGINT, b BIGINT) AS q, (q, a BIGINT, b UBIGINT) AS q, (q, a, b) AS q;
