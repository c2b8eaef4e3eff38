-- How a column is called that nobody named, and which type it has.

@e = 1 ¦ -1 ¦ 1.5 ¦ 'x' ¦ null ¦ true ¦ 1 + 1 ¦ 'a' || 'b' ¦ not true ¦ 1 = 1 ¦ 1::int8 ¦ '1'::text ¦ cast(1 as numeric) ¦ cast('1' as varchar(3)) ¦ 1::int::text ¦ (1) ¦ ((1::int8)) ¦ -(1::int8)
select $e

@e = array[1] ¦ (array[1,2])[1] ¦ row(1,2) ¦ case when true then 1 end ¦ case when true then 1 else 2 end ¦ coalesce(1, 2) ¦ nullif(1, 2) ¦ greatest(1, 2) ¦ least(1, 2) ¦ exists (select 1) ¦ (select 1) ¦ (select 2 as two) ¦ array(select 1) ¦ 1 in (1) ¦ 1 between 0 and 2 ¦ 1 is null ¦ 'a' like 'b'
select $e

@e = date '2024-01-01' ¦ timestamp '2024-01-01' ¦ interval '1 day' ¦ time '12:00' ¦ lower('A') ¦ upper('a') ¦ length('a') ¦ abs(-1) ¦ round(1.5) ¦ extract(year from date '2024-01-01') ¦ date_part('year', date '2024-01-01') ¦ date_trunc('day', timestamp '2024-01-01') ¦ substring('abc' from 2) ¦ position('b' in 'abc') ¦ trim(' a ') ¦ ltrim(' a') ¦ overlay('abc' placing 'x' from 1)
select $e

@e = count(*) ¦ count(i) ¦ sum(i) ¦ avg(i) ¦ min(i) ¦ max(i) ¦ max(i) + 1 ¦ count(distinct i) ¦ array_agg(i) ¦ string_agg(i::text, ',') ¦ bool_and(i > 0) ¦ count(*) filter (where i > 1) ¦ coalesce(sum(i), 0) ¦ sum(i)::int ¦ sum(s) ¦ sum(b) ¦ sum(n) ¦ sum(r) ¦ sum(d) ¦ avg(s) ¦ avg(b) ¦ avg(n) ¦ avg(r) ¦ avg(d) ¦ min(n) ¦ max(r) ¦ stddev(i) ¦ variance(d) ¦ bit_or(i)
select $e from numbers

@e = row_number() over () ¦ rank() over (order by i) ¦ sum(i) over () ¦ lag(i) over (order by i) ¦ ntile(2) over (order by i)
select $e from numbers where i = 1

select i, s, b, n, r, d from numbers order by i
select * from numbers order by i
select numbers.* from numbers order by i
select n.i, n.i + 1 from numbers n order by 1
select N.I from numbers N order by 1
select I as "I" from numbers order by 1
select i as Mixed from numbers order by 1
select i "Mixed" from numbers order by 1
select i mixed from numbers order by 1
select i + s, i * b, i * n, i + r, i + d, n * n, n / 3, b / 7, r * 2, d * 2, s + s from numbers order by i
select n + 1, n + 1.5, n::int, n::float8, round(n), round(n, 1), trunc(n), abs(n), -n from numbers order by i
select i / 2, i % 2, i / 2.0, i ^ 2, sqrt(i) from numbers order by i
select id, name, born, boss, tags from people order by id
select name || '!', upper(name), length(name), left(name, 1), name like 'A%' from people order by id
select born + 1, born - 1, born - date '1800-01-01', extract(year from born), age(timestamp '2024-01-01', born) from people order by id
select tags[1], array_length(tags, 1), 'x' = any(tags), tags || 'new'::text, unnest(tags) from people order by id, 5
select * from events order by at
select at + span, at - interval '1 hour', at::date, at::time, "At Zone" at time zone 'UTC', doc -> 'k', doc ->> 'k', ok and true from events order by at
select 1 as a, 2 as a
select 'x' as "a b", 1 as "select", 2 as "Ä"
select 1 as aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhh
select current_date = now()::date, current_timestamp = now(), localtimestamp is not null
select
values (1, 'a'), (2, 'b')
values (1), (2.5)
values (null), (1)
table numbers order by i
select u.* from unnest(array[1,2]) u
select u from unnest(array[1,2]) u(x)
select * from unnest(array[1,2], array['a']) u
select * from unnest(array['a','b']) with ordinality
select * from generate_series(1, 2) with ordinality as g(x, n)
select g from generate_series(1, 2) g
select generate_series(1, 2)
select unnest(array[1,2]), unnest(array['a','b'])
