-- name: u01
select l_partkey, sum(l_quantity), count(*) from lineitem where l_shipdate >= date '1997-01-01' group by l_partkey
-- name: u02
select o_custkey, max(o_totalprice), min(o_orderdate) from orders group by o_custkey having count(*) > 20
-- name: u03
select c_name, c_phone, o_orderkey, o_totalprice from customer join orders on c_custkey = o_custkey where c_mktsegment = 'MACHINERY' and o_orderstatus = 'F'
-- name: u04
select l_orderkey, l_linenumber, l_comment from lineitem where l_discount = 0.05 order by l_comment
-- name: u05
select p_brand, p_container, avg(l_extendedprice), stddev(l_discount) from lineitem join part on l_partkey = p_partkey group by all order by 1, 2
-- name: u06
select count(*) from (select l_suppkey, l_partkey from lineitem group by 1, 2 having sum(l_quantity) > 100)
-- name: u07
select s_name, count(distinct l_orderkey) from supplier, lineitem where s_suppkey = l_suppkey and l_returnflag = 'R' group by s_name
-- name: u08
select o_orderpriority, l_shipmode, count(*) from orders, lineitem where o_orderkey = l_orderkey and o_orderdate < date '1993-06-01' group by 1, 2
-- name: u09
select c_custkey, o_orderkey, row_number() over (partition by c_custkey order by o_totalprice desc) as place from customer, orders where c_custkey = o_custkey
-- name: u10
select distinct l_partkey, l_suppkey, l_shipmode from lineitem where l_tax > 0.04
-- name: u11
with best as (select l_orderkey, sum(l_extendedprice) as total from lineitem group by l_orderkey) select o_orderdate, avg(total) from orders join best on o_orderkey = l_orderkey group by o_orderdate
-- name: u12
select n_name, s_name, ps_supplycost, p_name from partsupp, supplier, nation, part where ps_suppkey = s_suppkey and s_nationkey = n_nationkey and ps_partkey = p_partkey and p_size < 25 order by ps_supplycost
-- name: u13
select * from lineitem where l_shipdate between date '1995-03-01' and date '1995-03-14'
-- name: u14
select o_clerk, string_agg(o_orderkey::varchar, ',') from orders group by o_clerk
-- name: u15
select * from orders where o_comment like '%special%' order by o_totalprice desc limit 1000
-- name: u16
select count(*) from lineitem a, lineitem b where a.l_orderkey = b.l_orderkey and a.l_linenumber = 1 and b.l_linenumber = 2
