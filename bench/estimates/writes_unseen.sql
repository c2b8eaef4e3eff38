-- name: u01
insert into partsupp select * from partsupp where ps_availqty > 3000
-- name: u02
insert into keyed select -id, note, amount from changes
-- name: u03
create table made as select l_orderkey, l_comment, l_shipdate from '$parquet/lineitem.parquet' where l_shipdate > date '1996-01-01'
-- name: u04
create table made as select c_name, o_orderkey, o_totalprice, o_comment from customer join orders on c_custkey = o_custkey order by o_totalprice
-- name: u05
update lineitem set l_comment = 'none' where l_quantity < 10
-- name: u06
update orders set o_clerk = c_name from customer where c_custkey = o_custkey and c_nationkey < 5
-- name: u07
delete from lineitem using orders where l_orderkey = o_orderkey and o_orderdate < date '1993-01-01'
-- name: u08
delete from partsupp
-- name: u09
merge into partsupp p using (select * from '$parquet/partsupp.parquet' where ps_availqty < 5000) n on p.ps_partkey = n.ps_partkey and p.ps_suppkey = n.ps_suppkey when matched and n.ps_availqty < 100 then delete when matched then update set ps_availqty = n.ps_availqty
-- name: u10
merge into keyed k using (select o_orderkey as id, o_comment as note, o_totalprice as amount from orders) c on k.id = c.id when not matched then insert values (c.id, c.note, c.amount)
-- name: u11
copy (select l_partkey, sum(l_quantity) from lineitem group by 1 order by 2) to '$out/parts.parquet'
-- name: u12
copy partsupp to '$out/partsupp.csv'
