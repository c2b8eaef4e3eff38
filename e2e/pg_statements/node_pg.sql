select version()
--;
select * from customers where id='1'
--;
select typname, oid, typarray from pg_type where typname = 'mood' order by oid
