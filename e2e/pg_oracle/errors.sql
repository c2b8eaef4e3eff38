-- Each statement has an error; what counts is its SQLSTATE.

@s = selekt 1 ¦ select from where ¦ select 1 from ¦ select (1 ¦ select 1) ¦ select 'open ¦ select "open ¦ select 1 + ¦ insert into ¦ select * from numbers where ¦ select $$open ¦ /* open ¦ select 1 2 ¦ ) ¦ select 1;; select ¦ create table ¦ drop ¦ select case when true then 1
$s

@s = nope ¦ numbers.nope ¦ nope.i ¦ "I" ¦ i + nope ¦ max(nope) ¦ nope() ¦ nope(i) ¦ abs('a', 'b') ¦ length(1) ¦ sum() ¦ i::nope ¦ n.i ¦ public.nope(1) ¦ lower(i, i)
select $s from numbers

@t = no_such_table ¦ no_such_schema.t ¦ public.no_such_table ¦ "Numbers" ¦ pg_catalog.nope ¦ information_schema.nope ¦ no_such_function() ¦ a.b.c.d
select * from $t

@e = 1 / 0 ¦ 1 % 0 ¦ 1.5 / 0 ¦ 1.5 % 0 ¦ 1::float8 / 0 ¦ mod(1, 0) ¦ div(1, 0) ¦ 0.0 / 0.0 ¦ 2147483647 + 1 ¦ -2147483648 - 1 ¦ 2147483647 * 2 ¦ 9223372036854775807 + 1 ¦ 32767::int2 + 1::int2 ¦ abs(-2147483648) ¦ 1e308::float8 * 10 ¦ exp(1000) ¦ exp(1000::float8) ¦ ln(0) ¦ ln(-1) ¦ log(0) ¦ sqrt(-1) ¦ power(0, -1) ¦ power(-1, 0.5) ¦ acos(2) ¦ factorial(-1)
select $e

@e = 'a'::int ¦ ''::int ¦ '1.5'::int ¦ 'x'::numeric ¦ 'x'::float8 ¦ 'x'::bool ¦ 'x'::date ¦ '2024-13-01'::date ¦ '2024-02-30'::date ¦ '25:00'::time ¦ 'x'::timestamp ¦ 'x'::interval ¦ 'x'::uuid ¦ '{'::json ¦ '{'::jsonb ¦ '{1'::int[] ¦ '{a}'::int[] ¦ '300000'::int2 ¦ 1e10::int ¦ 'NaN'::float8::int ¦ 1000::numeric(2,0) ¦ '\xz'::bytea ¦ true::date ¦ date '2024-01-01'::int ¦ '1'::text + 1 ¦ true + 1 ¦ 1 || 2 ¦ 1 = 'a' ¦ 1 = true ¦ 'a' + 'b' ¦ date '2024-01-01' + date '2024-01-01' ¦ not 1 ¦ 1 and true ¦ -'a' ¦ -'a'::text
select $e

@e = array[1, 'a'] ¦ array[1, true] ¦ case when 1 then 2 end ¦ case when true then 1 else 'a' end ¦ coalesce(1, 'a') ¦ (select 1, 2) ¦ (select i from numbers) ¦ 1 in (select 1, 2) ¦ row(1, 2) = row(1) ¦ (1, 2) in (select 1) ¦ greatest(1, 'a') ¦ nullif(1, 'a') ¦ substring('abc', 1, -1) ¦ left('a') ¦ chr(-1) ¦ repeat('a') ¦ 'a' ~ '(' ¦ 'a' like 'a\' ¦ to_char(1) ¦ to_date('x', 'YYYY') ¦ to_timestamp('2024-13-01', 'YYYY-MM-DD') ¦ extract(nope from date '2024-01-01') ¦ date_trunc('nope', timestamp '2024-01-01') ¦ make_date(2024, 13, 1) ¦ decode('zz', 'hex') ¦ encode('a', 'nope') ¦ format('%d', 1) ¦ format('%s') ¦ timestamp '2024-01-01' at time zone 'Nope'
select $e

select i from numbers group by s
select i, count(*) from numbers
select count(*) from numbers where count(*) > 1
select sum(count(*)) from numbers
select i from numbers having i > 1
select count(i) over (order by sum(i)) from numbers
select i from numbers where row_number() over () = 1
select row_number() from numbers
select i from numbers order by 2
select i from numbers order by 0
select i from numbers order by nope
select i from numbers group by 2
select distinct i from numbers order by s
select 1 union select 1, 2
select 1 union select 'a'
select 1 union select true
select i from numbers limit 'a'
select i from numbers limit -1
select i from numbers offset -1
select i from numbers limit i
select * from numbers, numbers
select i from numbers a, numbers b
select * from numbers join people on i
select * from numbers join people using (nope)
select * from (select 1)
select * from (values (1), (1, 2)) t
select * from (values (1)) t(a, b)
with w as (select 1) select * from v
with recursive r as (select n + 1 from r) select * from r
select * from numbers as of nope
select $1
select $1 + 1
select 1 where 1
select 1 where 'a'
select 1 where null
select 1 limit 1 limit 1
select *
select *, 1
select numbers from no_such_table
select a.* from numbers
select 1 as
select pg_no_such_function()
select 99999999999999999999::int8
select 99999999999999999999
select 1_000
select 0x1F
select 0b101
select 1e
select 1a
select b'101', x'1F'
select b'102'
select U&'\00e4', U&'\zz'
select E'\xff'
select E'\u00e4', E'\n'
begin; select 1/0
