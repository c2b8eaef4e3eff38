@o = union ¦ union all ¦ intersect ¦ intersect all ¦ except ¦ except all
@n =  ¦ desc ¦ nulls first ¦ desc nulls last
select x from (values (1),(2),(2),(null)) t(x) $o select x from (values (2),(3),(null)) t(x) order by 1 $n

@a = 1 ¦ 1.5 ¦ '1' ¦ null ¦ true ¦ date '2024-01-01'
@b = 2 ¦ 2.5::float8 ¦ '2' ¦ null ¦ '2024-01-01'
select $a union select $b order by 1

@v = (2),(null),(1) ¦ ('b'),(null),('a'),('B') ¦ (true),(null),(false) ¦ ('NaN'::float8),(1),('Infinity'),(null) ¦ (date '2024-01-01'),(null),('-infinity')
@n =  ¦ desc ¦ nulls first ¦ desc nulls last ¦ limit 1 ¦ desc limit 2 offset 1 ¦ fetch first 1 row only ¦ using >
select x from (values $v) t(x) order by x $n

@j =  ¦ inner ¦ left ¦ right ¦ full
select * from (values (1,'a'),(2,'b'),(3,null)) l(i,s) $j join (values (1,'x'),(1,'y'),(4,'z')) r(i,t) on l.i = r.i order by l.i, r.t, r.i

@j =  ¦ left ¦ right ¦ full
select * from (values (1,'a'),(2,'b'),(3,null)) l(i,s) $j join (values (1,'x'),(1,'y'),(4,'z')) r(i,t) using (i) order by 1, 3

select * from (values (1)) a(x) cross join (values (2)) b(y)
select * from (values (1)) a(x) natural join (values (1)) b(x)
select * from (values (1),(2)) a(x), lateral (select x * 10) b(y) order by 1
select * from (values (1),(2)) a(x) left join lateral (select y from (values (1)) v(y) where y = x) b on true order by 1

@a = 1 ¦ 2::int8 ¦ 1.0 ¦ 1::float8 ¦ null ¦ '1' ¦ true ¦ 'NaN'::float8
@o = = ¦ <> ¦ < ¦ >= ¦ is distinct from ¦ is not distinct from
@b = 1 ¦ 2::int8 ¦ 1.0 ¦ 1::float8 ¦ null
select $a $o $b

@a = true ¦ false ¦ null::bool
@o = and ¦ or ¦ = ¦ <> ¦ is distinct from
@b = true ¦ false ¦ null
select $a $o $b

@a = true ¦ false ¦ null::bool
@t = true ¦ not true ¦ false ¦ not false ¦ unknown ¦ not unknown ¦ null ¦ not null
select $a is $t

@a = true ¦ false ¦ null
select not $a

@a = 1 ¦ null ¦ 2.5 ¦ '1'
@o = in (1, 2) ¦ not in (1, 2) ¦ in (1, null) ¦ not in (2, null) ¦ between 0 and 2 ¦ not between 2 and 3 ¦ between symmetric 3 and 0 ¦ in (select 1) ¦ = any (select 1) ¦ > all (select 0) ¦ is null ¦ isnull ¦ notnull
select $a $o

@a = 2 ¦ null ¦ 'x'
@o = = ¦ < ¦ <> ¦ is distinct from
@b = 3 ¦ null
select row(1, $a) $o row(1, $b)

@f = coalesce ¦ nullif ¦ greatest ¦ least
@a = 1 ¦ null ¦ 'a' ¦ 2.5 ¦ date '2024-01-01'
@b = 1 ¦ 2.5 ¦ null ¦ 'b'
select $f($a, $b)

@c = true ¦ false ¦ null
@a = 1 ¦ 'a' ¦ null
@b = 2.5 ¦ 'b' ¦ null
select case when $c then $a else $b end

@a = 1 ¦ 2 ¦ 3 ¦ null
@e =  ¦ else 'many'
select case $a when 1 then 'one' when 2 then 'two' $e end

@a = 1 ¦ 3 ¦ 1::int8 ¦ 0.5
@b = 3 ¦ 1
@s =  ¦ , 2 ¦ , -1 ¦ , 0
select * from generate_series($a, $b$s)

@f = generate_series(1, i) ¦ unnest(array[i, i * 2]) ¦ cast(i as text)
select i, s from generate_series(1, 3) i, $f s order by 1, 2

@a =  ¦ all
@n = 1 ¦ 5
@f = count(*) ¦ sum(n) ¦ max(n)
with recursive r(n) as (select 1 union $a select n + 1 from r where n < $n) select $f from r

@d =  ¦ on (x)
select distinct $d x from (values (2),(1),(2),(null)) t(x) order by x

@n =  ¦ (a,b) ¦ (a) ¦ (a,b,c)
select * from (values (1,2),(3,4)) t$n order by 1

@l = 0 ¦ 2 ¦ null ¦ all ¦ -1
@o = 0 ¦ 1 ¦ 9 ¦ -1
select x from (values (1),(2),(3)) t(x) order by x limit $l offset $o
