-- name: insert1
insert into empty_lines from lineitem
-- name: insert2
insert into keyed select o_orderkey + 10000000, o_comment, o_totalprice from orders
-- name: insert3
insert into keyed values (-1, 'one', 1), (-2, 'two', 2), (-3, 'three', 3)
-- name: insert4
insert into orders from '$parquet/orders.parquet' order by o_totalprice
-- name: insert5
insert into keyed from changes on conflict (id) do update set note = excluded.note
-- name: create1
create table made as from lineitem
-- name: create2
create table made as select l_partkey, sum(l_quantity) as quantity, count(*) as lines from lineitem group by l_partkey
-- name: create3
create or replace table made as from '$parquet/lineitem.parquet'
-- name: create4
create temp table made as select o_orderkey, o_comment from orders
-- name: update1
update orders set o_totalprice = o_totalprice * 1.1
-- name: update2
update lineitem set l_tax = 0 where l_shipmode = 'AIR'
-- name: update3
update keyed set note = upper(note) where id % 10 = 0
-- name: update4
update customer set c_acctbal = s.total from (select o_custkey, sum(o_totalprice) as total from orders group by 1) s where s.o_custkey = c_custkey
-- name: delete1
delete from lineitem where l_shipdate < date '1995-01-01'
-- name: delete2
delete from orders where o_orderkey in (select l_orderkey from lineitem where l_quantity = 50)
-- name: delete3
delete from keyed where id < 1000000
-- name: merge1
merge into keyed k using changes c on k.id = c.id when matched then update set note = c.note, amount = c.amount when not matched then insert values (c.id, c.note, c.amount)
-- name: merge2
merge into orders o using (select l_orderkey, sum(l_extendedprice) as total from lineitem group by 1) s on o.o_orderkey = s.l_orderkey when matched then update set o_totalprice = s.total
-- name: merge3
merge into customer c using (select * from '$parquet/customer.parquet' where c_nationkey = 3) n on c.c_custkey = n.c_custkey when matched then delete
-- name: copy1
copy lineitem to '$out/lineitem.parquet'
-- name: copy2
copy (select o_orderkey, o_comment, o_totalprice from orders where o_orderstatus = 'F') to '$out/orders.csv'
-- name: copy3
copy orders to '$out/orders' (format parquet, partition_by (o_orderstatus))
-- name: copy4
copy orders from '$parquet/orders.parquet'
