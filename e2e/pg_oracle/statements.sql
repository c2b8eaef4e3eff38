-- transaction
-- Statements with effects: each runs in a transaction of its own, which is rolled back.

insert into numbers (i) values (4)
insert into numbers (i) values (4), (5) returning i
insert into numbers (i, n) values (4, 1.005) returning *
insert into numbers (i, n) values (4, 1.005) returning n + 1, i as key
insert into numbers values (4) returning s is null
insert into numbers select id from people order by id returning i
insert into numbers (i, s) values (4, 40000)
insert into numbers (i, n) values (4, 100000000)
insert into numbers (i) values (null)
insert into numbers (s) values (1)
insert into numbers (i, i) values (1, 2)
insert into numbers (i, nope) values (1, 2)
insert into numbers (i, s) values (1)
insert into numbers (i) values (1, 2)
insert into numbers (i) values ('x')
insert into numbers (i) values ('7') returning i
insert into numbers (i, d) values (8, 'NaN') returning d
insert into people (id) values (1)
insert into people (id) values (1) on conflict do nothing
insert into people (id, name) values (1, 'New') on conflict (id) do update set name = excluded.name returning id, name
insert into people (id, name) values (9, 'a name of more than twenty characters')
insert into people (id, name) values (9, 'trailing blanks are cut    ') returning name
insert into people (id, born) values (9, '2024-02-30')
insert into people (id, tags) values (9, '{a,NULL,"b c"}') returning tags
insert into people (id, tags) values (9, array['x', null]) returning tags
insert into no_such_table values (1)
insert into people default values
update numbers set s = 1
update numbers set s = 1 where i > 99
update numbers set s = s + 1 where i = 1 returning i, s
update numbers set s = 32767 where i = 1 returning s + 1
update numbers set s = b where i = 2
update numbers set i = null where i = 1
update numbers set nope = 1
update numbers set n = n / 3 where i = 1 returning n
update numbers set (s, b) = (5, 6) where i = 1 returning s, b
update people set name = p2.name from people p2 where p2.id = people.boss and people.id = 4 returning people.id, people.name
update people set id = 2 where id = 1
delete from numbers
delete from numbers where i = 1
delete from numbers where i = 1 returning *
delete from numbers using people where people.id = numbers.i and people.name = 'Ada'
delete from no_such_table
truncate numbers
create table made (a int)
create table made (a int, a text)
create table made (a no_such_type)
create table numbers (a int)
create table if not exists made (a int)
create table made as select 1 as a, 'x' as b
create table made (a int primary key, b text not null default 'x', c numeric(8,3) check (c > 0))
create table made (a serial primary key, b text)
create table made (a bigint generated always as identity, b text)
create table made (a int, b int generated always as (a * 2) stored)
create table made (a int references people (id))
create table made (a varchar(10), b char(2), c timestamp(3), d timestamptz, e jsonb, f uuid, g bytea, h int[], i text[][])
create temp table made (a int)
create temp table made (a int) on commit drop
create temporary table made on commit preserve rows as select 1 as a
create unlogged table made (a int)
create table made (like people)
create view made as select i from numbers
create or replace temp view made as select 1 as x
create view made as select nope from numbers
create schema made
create schema if not exists made
create schema public
create sequence made
create index made on numbers (i)
create unique index made on numbers using btree (i)
create index concurrently made on numbers (i)
create type made as enum ('a', 'b')
create function made() returns int language sql as 'select 1'
drop table numbers
drop table if exists no_such_table
drop table no_such_table
drop table people, numbers
drop view no_such_view
drop view numbers
drop schema no_such_schema
drop index no_such_index
drop sequence if exists no_such_sequence
alter table numbers add column extra int
alter table numbers add column extra int default 5 not null
alter table numbers add column i int
alter table numbers drop column s
alter table numbers drop column nope
alter table numbers drop column if exists nope
alter table numbers rename column s to t
alter table numbers rename to renamed
alter table numbers alter column s type bigint
alter table numbers alter column s set default 5
alter table numbers alter column s set not null
alter table numbers alter column i drop not null
alter table no_such_table add column a int
comment on table numbers is 'digits'
set datestyle = 'ISO, MDY'
set extra_float_digits = 0
set search_path = public
set search_path to public, pg_catalog
set timezone = 'Europe/Berlin'
set time zone 'America/New_York'
set time zone interval '+02:00' hour to minute
set timezone = 'Mars/Phobos'
set local timezone = 'UTC'
set session statement_timeout = 5000
set statement_timeout to '5s'
set statement_timeout = 'x'
set no_such_setting = 1
set my.setting = 'x'
set names 'utf8'
set client_encoding = 'utf8'
set application_name = 'it'
set standard_conforming_strings = on
set transaction isolation level serializable
set transaction read only
set session characteristics as transaction isolation level read committed
set constraints all deferred
set role none
reset timezone
reset all
reset no_such_setting
show timezone
show statement_timeout
show standard_conforming_strings
show client_encoding
show server_encoding
show datestyle
show intervalstyle
show transaction isolation level
show transaction_isolation
show max_identifier_length
show integer_datetimes
show no_such_setting
show search_path
select set_config('my.setting', 'x', true)
select current_setting('timezone')
select current_setting('no.such.setting', true)
select current_setting('no_such_setting')
select set_config('extra_float_digits', '0', false)
explain select 1 where nope
prepare p as select 1
prepare q (int) as select $1 + 1
execute no_such_plan
deallocate no_such_plan
deallocate all
declare c cursor for select i from numbers order by i
declare c cursor with hold for select 1
declare c scroll cursor for select 1
declare c no scroll cursor without hold for select 1
fetch from no_such_cursor
move 1 from no_such_cursor
close no_such_cursor
close all
listen channel
notify channel
notify channel, 'payload'
unlisten channel
unlisten *
lock table people in access share mode
lock people
savepoint s
release savepoint no_such_savepoint
rollback to savepoint no_such_savepoint
analyze
analyze numbers
select * from people where id = 1 for update
select * from people where id = 1 for share
select * from people order by id for update skip locked
select i into made from numbers
with w as (insert into numbers (i) values (4) returning i) select i from w
with w as (delete from numbers where i = 1 returning i) select count(*) from w
merge into people p using numbers n on p.id = n.i when matched then update set name = 'm'
do $$ begin null; end $$
call no_such_procedure()
grant select on people to public
