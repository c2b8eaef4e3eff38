select 't'::bool
select 'true'::bool
select 'YES'::bool
select 'on'::bool
select '0'::bool
select 'f'::bool
select 'n'::bool
select 'off'::bool
select '2'::bool
select 'tru'::bool
select ' true '::bool
select ''::bool
select '0'::int2
select '-0'::int2
select '+5'::int2
select ' 12 '::int2
select '32767'::int2
select '32768'::int2
select '1.5'::int2
select 'x'::int2
select ''::int2
select '1e2'::int2
select '0'::int4
select '2147483647'::int4
select '2147483648'::int4
select '-2147483648'::int4
select '1_000'::int4
select '0x10'::int4
select '1.0'::int4
select '--1'::int4
select '1 2'::int4
select '9223372036854775807'::int8
select '9223372036854775808'::int8
select '-9223372036854775808'::int8
select '5 '::int8
select 'a5'::int8
select '0'::numeric
select '-0.0'::numeric
select '1.10'::numeric
select '1e5'::numeric
select '1E-5'::numeric
select '.5'::numeric
select '5.'::numeric
select 'NaN'::numeric
select 'Infinity'::numeric
select '1,5'::numeric
select '1e-20'::numeric
select 'x'::numeric
select '1.005'::numeric(5,2)
select '-1.005'::numeric(5,2)
select '999.99'::numeric(5,2)
select '999.995'::numeric(5,2)
select '1000'::numeric(5,2)
select '0.001'::numeric(5,2)
select 'NaN'::numeric(5,2)
select '0'::float4
select '-0'::float4
select '1.1'::float4
select '16777217'::float4
select '3.5e38'::float4
select '1e-50'::float4
select 'nan'::float4
select 'inf'::float4
select '-Infinity'::float4
select '1e'::float4
select '0'::float8
select '-0'::float8
select '0.1'::float8
select '1e22'::float8
select '1e15'::float8
select '123456789012345678'::float8
select '1e400'::float8
select '1e-400'::float8
select 'NaN'::float8
select 'Inf'::float8
select 'x'::float8
select ''::text
select 'a'::text
select ' a '::text
select 'ä'::text
select '\x41'::text
select ''::varchar(3)
select 'abc'::varchar(3)
select 'abcd'::varchar(3)
select 'abc   '::varchar(3)
select 'äöüß'::varchar(3)
select ''::char(3)
select 'a'::char(3)
select 'abc'::char(3)
select 'abcd'::char(3)
select 'ab '::char(3)
select '2024-02-29'::date
select '2023-02-29'::date
select '20240102'::date
select '2024-1-2'::date
select 'Jan 5, 2024'::date
select '5 January 2024'::date
select '01/02/2024'::date
select 'infinity'::date
select '-infinity'::date
select 'epoch'::date
select '0001-01-01'::date
select '0044-03-15 BC'::date
select '9999-12-31'::date
select '2024-13-01'::date
select 'x'::date
select ''::date
select '00:00'::time
select '12:34:56'::time
select '12:34:56.789012'::time
select '24:00:00'::time
select '24:00:01'::time
select '04:05 PM'::time
select '040506'::time
select 'allballs'::time
select '25:00'::time
select '12:34:56+02'::timetz
select '12:34:56.5-08:30'::timetz
select '04:05:06 UTC'::timetz
select '00:00:00+15:59'::timetz
select '2024-02-29 12:34:56'::timestamp
select '2024-02-29T12:34:56.123456'::timestamp
select '2024-02-29'::timestamp
select '1999-12-31 23:59:59.9999999'::timestamp
select 'infinity'::timestamp
select '-infinity'::timestamp
select 'epoch'::timestamp
select '2024-02-29 24:00:00'::timestamp
select '2024-02-29 25:00'::timestamp
select '2024-01-01 00:00:00+02'::timestamp
select '0044-03-15 10:00:00 BC'::timestamp
select 'Sat Feb 03 04:05:06 2024'::timestamp
select 'x'::timestamp
select '2024-02-29 12:34:56+00'::timestamptz
select '2024-02-29 12:34:56+05:30'::timestamptz
select '2024-02-29 12:34:56 Europe/Berlin'::timestamptz
select '2024-07-01 12:00:00 America/New_York'::timestamptz
select '2024-02-29 12:34:56Z'::timestamptz
select 'infinity'::timestamptz
select '2024-02-29 12:00 PST'::timestamptz
select '1 day'::interval
select '-1 day'::interval
select '1 year 2 mons 3 days 04:05:06.789'::interval
select '1 week'::interval
select '1.5 days'::interval
select '1.5 months'::interval
select 'P1Y2M3DT4H5M6S'::interval
select 'P0001-02-03T04:05:06'::interval
select '1-2'::interval
select '3 4:05:06'::interval
select '1 day ago'::interval
select '00:00:00.000001'::interval
select '-00:01'::interval
select '1 century'::interval
select '1 hour -5 minutes'::interval
select '@ 1 minute'::interval
select '13 months'::interval
select '36 hours'::interval
select 'x'::interval
select ''::interval
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid
select '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}'::uuid
select 'a0eebc99'::uuid
select ''::uuid
select '{}'::json
select '[1, 2]'::json
select '{"a" :  1,"a":2}'::json
select 'null'::json
select '"x"'::json
select '1.50'::json
select '{a:1}'::json
select ''::json
select '[1,]'::json
select '{}'::jsonb
select '[1, 2]'::jsonb
select '{"a" :  1,"a":2}'::jsonb
select 'null'::jsonb
select '"x"'::jsonb
select '1.50'::jsonb
select '{a:1}'::jsonb
select '{"b":1,"aa":2,"a":3}'::jsonb
select '1e3'::jsonb
select '\xdeadbeef'::bytea
select '\x'::bytea
select 'abc'::bytea
select '\000\001'::bytea
select '\\'::bytea
select '\xd'::bytea
select '\xzz'::bytea
select '101'::bit(3)
select '1010'::bit(3)
select '1'::bit(3)
select '12'::bit(3)
select '{}'::int4[]
select '{1,2,3}'::int4[]
select '{1,NULL,3}'::int4[]
select '{{1,2},{3,4}}'::int4[]
select '{1,2'::int4[]
select '[0:1]={1,2}'::int4[]
select '{ 1 , 2 }'::int4[]
select '{a}'::int4[]
select '{}'::text[]
select '{a,b}'::text[]
select '{"a b","c,d"}'::text[]
select '{"",NULL,"NULL"}'::text[]
select '{"a\"b"}'::text[]
select '{a b}'::text[]
select '{1.5,NaN}'::float8[]
select '{1,2e300}'::float8[]
select '{2024-01-01,NULL}'::date[]
select '0'::oid
select '4294967295'::oid
select '-1'::oid
select 'x'::oid
select null::bool
select null::int2
select null::int4
select null::int8
select null::numeric
select null::numeric(5,2)
select null::float4
select null::float8
select null::text
select null::varchar(3)
select null::char(3)
select null::date
select null::time
select null::timetz
select null::timestamp
select null::timestamptz
select null::interval
select null::uuid
select null::json
select null::jsonb
select null::bytea
select null::bit(3)
select null::int4[]
select null::text[]
select null::float8[]
select null::date[]
select null::oid

@a = 'true'::bool ¦ 'false'::bool
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '1'::int2 ¦ '-32768'::int2
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '0'::int4 ¦ '65536'::int4
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '1'::int8 ¦ '4294967296'::int8
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '1.5'::numeric ¦ '-2.5'::numeric ¦ '99999'::numeric
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '1.5'::float4 ¦ '0.1'::float4
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '2.5'::float8 ¦ '1e10'::float8
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '1'::text ¦ 't'::text ¦ '2024-02-29'::text ¦ 'abc'::text
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '12.5'::varchar ¦ '12:30:00'::varchar
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = 'ab'::char(4)
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '2024-02-29'::date
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '12:34:56'::time
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '2024-02-29 12:34:56.5'::timestamp
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '2024-02-29 12:34:56+02'::timestamptz
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '1 day 02:03:04'::interval
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '{"a": 1}'::json
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '17'::jsonb
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '\x6162'::bytea
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '{1,2}'::int4[]
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = '{3,4}'::text[]
@t = bool ¦ int2 ¦ int4 ¦ int8 ¦ numeric ¦ float8 ¦ text ¦ varchar ¦ date ¦ time ¦ timestamp ¦ timestamptz ¦ interval ¦ uuid ¦ json ¦ jsonb ¦ bytea ¦ int4[] ¦ text[] ¦ varchar(2) ¦ numeric(4,1)
select $a::$t

@a = 1.5 ¦ 2.5 ¦ '7' ¦ true ¦ null
@t = int ¦ text ¦ numeric(3,1) ¦ bool
select cast($a as $t)

@a = 32768 ¦ 2147483648 ¦ 1e400 ¦ -0.5 ¦ 0.5 ¦ 1.5
@t = int2 ¦ int4 ¦ int8 ¦ float4
select $a::$t
