-- What every session of the differential test has before its first statement; one statement a line.
create temp table numbers (i int not null, s smallint, b bigint, n numeric(10,2), r real, d double precision)
insert into numbers values (1, 10, 100, 1.25, 1.5, 2.5), (2, -20, 9000000000, -99999999.99, -0.5, 1e100), (3, null, null, null, null, null)
create temp table people (id int primary key, name varchar(20), born date, boss int, tags text[])
insert into people values (1, 'Ada', '1815-12-10', null, array['math', 'poems']), (2, 'Bob', '1990-02-28', 1, array[]::text[]), (3, 'cyd', null, 1, null), (4, 'Dee', '2001-07-04', 2, array['x'])
create temp table events (at timestamp, "At Zone" timestamptz, span interval, ok boolean, doc json)
insert into events values ('2024-02-29 12:00:00', '2024-02-29 12:00:00+00', '1 day', true, '{"k": 1}'), (null, null, null, null, null)
