-- Beside TPC-H's tables: one with a key, and rows that are partly new to it.
create table keyed (id bigint primary key, note varchar, amount decimal(15, 2));
insert into keyed select o_orderkey, o_comment, o_totalprice from orders where o_orderkey % 3 <> 0;
create table changes as
    select o_orderkey::bigint as id, 'changed ' || o_comment as note, o_totalprice + 1 as amount
    from orders where o_orderkey % 7 = 0;
create table empty_lines as from lineitem limit 0;
