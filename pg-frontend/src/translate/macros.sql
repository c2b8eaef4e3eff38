-- Functions and operators of PostgreSQL that DuckDB lacks or does otherwise, as macros of the database
-- `pgc`. One statement a paragraph; to be run with `USE pgc` in a database made with STORAGE_VERSION
-- 'v1.4.0' or newer and attached as `pgc`. `//` divides as `/` does for a session with
-- integer_division, whatever the session that makes the file has.

CREATE OR REPLACE MACRO div(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a // b END;

CREATE OR REPLACE MACRO rem(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a % b END;

CREATE OR REPLACE MACRO interval_div(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE to_microseconds(((epoch_us(a)) // b)::BIGINT) END;

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

CREATE OR REPLACE MACRO json_path(a, b VARCHAR[]) AS json_extract(a, '/' || array_to_string(b, '/')),
    (a, b VARCHAR) AS json_extract(a, '/' || replace(trim(b, '{}'), ',', '/'));

CREATE OR REPLACE MACRO json_path_text(a, b VARCHAR[]) AS json_extract_string(a, '/' || array_to_string(b, '/')),
    (a, b VARCHAR) AS json_extract_string(a, '/' || replace(trim(b, '{}'), ',', '/'));

CREATE OR REPLACE MACRO json_has_key(a, b) AS CASE WHEN json_type(a) = 'ARRAY' THEN json_contains(a, to_json(b)) ELSE json_exists(a, '/' || b) END;

CREATE OR REPLACE MACRO json_has_any(a, b) AS len(list_filter(b, lambda k: list_contains(json_keys(a), k))) > 0;

CREATE OR REPLACE MACRO json_has_all(a, b) AS len(list_filter(b, lambda k: NOT list_contains(json_keys(a), k))) = 0;

CREATE OR REPLACE MACRO json_contains(a, b) AS system.main.json_contains(a::JSON, b::JSON);

CREATE OR REPLACE MACRO json_contained(a, b) AS system.main.json_contains(b::JSON, a::JSON);

CREATE OR REPLACE MACRO json_concat(a, b) AS json_merge_patch(a, b);

CREATE OR REPLACE MACRO json_elements(a) AS json_extract(a, '$[*]');

CREATE OR REPLACE MACRO json_elements_text(a) AS json_extract_string(a, '$[*]');

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

CREATE OR REPLACE MACRO quote_ident(a) AS CASE WHEN regexp_full_match(a, '[a-z_][a-z0-9_$]*') THEN a ELSE '"' || replace(a, '"', '""') || '"' END;

CREATE OR REPLACE MACRO quote_literal(a) AS '''' || replace(a::VARCHAR, '''', '''''') || '''';

CREATE OR REPLACE MACRO quote_nullable(a) AS coalesce('''' || replace(a::VARCHAR, '''', '''''') || '''', 'NULL');

CREATE OR REPLACE MACRO format_s(a) AS coalesce(a::VARCHAR, '');

CREATE OR REPLACE MACRO regexp_count(a, b) AS len(regexp_extract_all(a, b));

CREATE OR REPLACE MACRO regexp_substr(a, b) AS CASE WHEN system.main.regexp_matches(a, b, 's') THEN regexp_extract(a, b) END;

CREATE OR REPLACE MACRO pg_cardinality(a) AS CASE WHEN a IS NOT NULL THEN len(flatten([a])) END;

CREATE OR REPLACE MACRO pg_to_hex(a) AS lower(system.main.to_hex(a));

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

CREATE OR REPLACE MACRO justify_days(a) AS to_months(datepart('month', a) + 12 * datepart('year', a) + datepart('day', a) // 30) + to_days((datepart('day', a) % 30)::INTEGER) + (a - to_months(datepart('month', a) + 12 * datepart('year', a)) - to_days(datepart('day', a)::INTEGER));

CREATE OR REPLACE MACRO justify_hours(a) AS to_months((datepart('month', a) + 12 * datepart('year', a))::INTEGER) + to_days((datepart('day', a) + datepart('hour', a) // 24)::INTEGER) + to_hours(datepart('hour', a) % 24) + to_minutes(datepart('minute', a)) + to_microseconds(datepart('microsecond', a));

CREATE OR REPLACE MACRO justify_interval(a) AS to_months((datepart('month', a) + 12 * datepart('year', a))::INTEGER) + to_days((datepart('day', a) + datepart('hour', a) // 24)::INTEGER) + to_hours(datepart('hour', a) % 24) + to_minutes(datepart('minute', a)) + to_microseconds(datepart('microsecond', a));

CREATE OR REPLACE MACRO make_interval(years := 0, months := 0, weeks := 0, days := 0, hours := 0, mins := 0, secs := 0) AS to_years(years) + to_months(months) + to_weeks(weeks) + to_days(days) + to_hours(hours) + to_minutes(mins) + to_microseconds((secs * 1000000)::BIGINT);

CREATE OR REPLACE MACRO to_number(a, b) AS replace(replace(a, ',', ''), '$', '')::DECIMAL(38, 10);

CREATE OR REPLACE MACRO pg_substring(a, b) AS system.main.substr(a, greatest(b, 1)),
    (a, b, c) AS CASE WHEN c < 0 THEN error('negative substring length not allowed') ELSE system.main.substr(a, greatest(b, 1), greatest(b + c - greatest(b, 1), 0)) END;

CREATE OR REPLACE MACRO pg_substr(a, b) AS system.main.substr(a, greatest(b, 1)),
    (a, b, c) AS CASE WHEN c < 0 THEN error('negative substring length not allowed') ELSE system.main.substr(a, greatest(b, 1), greatest(b + c - greatest(b, 1), 0)) END;

-- `g` is the group to take, which the translation knows.
CREATE OR REPLACE MACRO regexp_part(a, b, g) AS CASE WHEN system.main.regexp_matches(a, b, 's') THEN regexp_extract(a, b, g) END;

CREATE OR REPLACE MACRO regexp_match(a, b, g) AS CASE WHEN system.main.regexp_matches(a, b, 's') THEN [regexp_extract(a, b, g, 's')] END,
    (a, b, g, f) AS CASE WHEN system.main.regexp_matches(a, '(?s' || replace(f, 'g', '') || ')' || b) THEN [regexp_extract(a, '(?s' || replace(f, 'g', '') || ')' || b, g)] END;

CREATE OR REPLACE MACRO regexp_rows(a, b, g) AS CASE WHEN system.main.regexp_matches(a, b, 's') THEN [[regexp_extract(a, b, g, 's')]] END,
    (a, b, g, f) AS list_transform(regexp_extract_all(a, '(?s' || replace(f, 'g', '') || ')' || b, g), lambda m: [m]);

CREATE OR REPLACE MACRO pad_left(a, n) AS CASE WHEN length(a) < n THEN lpad(a, n, ' ') ELSE a END;

CREATE OR REPLACE MACRO pg_array_to_string(a, b, c) AS array_to_string(list_transform(a, lambda x: coalesce(x::VARCHAR, c)), b);

CREATE OR REPLACE MACRO json_delete(a, b) AS json_merge_patch(a, json_object(b::VARCHAR, NULL));
