@f = sum ¦ avg ¦ min ¦ max ¦ count ¦ stddev ¦ stddev_pop ¦ stddev_samp ¦ variance ¦ var_pop ¦ var_samp
@v = (1),(2),(3) ¦ (1),(null),(1) ¦ (null::int) ¦ (1.5),(2.25) ¦ (1e10::float8),(2.5) ¦ (5::int2),(6) ¦ (9223372036854775807),(1)
select $f(x) from (values $v) t(x)

@f = sum ¦ avg ¦ min ¦ max ¦ count ¦ stddev ¦ stddev_pop ¦ stddev_samp ¦ variance ¦ var_pop ¦ var_samp ¦ array_agg ¦ json_agg ¦ every
@v = (1),(2)
select $f(x) from (values $v) t(x) where false

@f = sum ¦ avg ¦ count ¦ array_agg
@v = (1),(2),(3) ¦ (1),(null),(1) ¦ (null::int) ¦ (1.5),(2.25)
select $f(distinct x) from (values $v) t(x)

@f = min ¦ max ¦ count
@v = ('b'),('a'),(null) ¦ ('x'),('x') ¦ (null::text) ¦ (date '2024-01-01'),(date 'infinity') ¦ (interval '1 day'),(interval '25 hours') ¦ (timestamp '2024-01-01'),(null) ¦ (time '12:00'),(time '11:00') ¦ ('NaN'::float8),(1)
select $f(x) from (values $v) t(x)

@f = bool_and ¦ bool_or ¦ every
@v = (true),(false) ¦ (true),(null) ¦ (null::bool)
select $f(x) from (values $v) t(x)

@f = bit_and ¦ bit_or ¦ bit_xor
@v = (5),(3) ¦ (null::int),(6)
select $f(x) from (values $v) t(x)

@f = sum ¦ avg
@v = (interval '1 day'),(interval '2 hours') ¦ (1::float4),(2) ¦ ('NaN'::numeric),(1) ¦ ('a') ¦ (true)
select $f(x) from (values $v) t(x)

@d = , ¦
@o =  ¦ order by x ¦ order by x desc
@v = ('b'),('a'),(null) ¦ ('x'),('x') ¦ (null::text)
select string_agg(x, '$d' $o) from (values $v) t(x)

@o =  ¦ desc ¦ nulls first ¦ desc nulls last
@v = (2),(null),(1) ¦ ('b'),('a'),(null)
select array_agg(x order by x $o) from (values $v) t(x)

@f = percentile_cont ¦ percentile_disc
@p = 0 ¦ 0.5 ¦ 0.9 ¦ 1 ¦ array[0.25,0.75]
@o =  ¦ desc
select $f($p) within group (order by x $o) from (values (1),(2),(3),(4)) t(x)

select mode() within group (order by x) from (values (1),(2),(2)) t(x)
select rank(2) within group (order by x) from (values (1),(3)) t(x)

@f = corr ¦ covar_pop ¦ covar_samp ¦ regr_slope ¦ regr_intercept ¦ regr_r2 ¦ regr_count ¦ regr_avgx
select $f(y, x) from (values (1.0::float8,2.0::float8),(2,4),(3,7)) t(x,y)

@f = count(*) ¦ sum(x) ¦ array_agg(x) ¦ max(x)
select $f filter (where x > 1) from (values (1),(2),(3)) t(x)

@f = count(*) ¦ sum(x) ¦ avg(x) ¦ min(x)
@g = g ¦ 1 ¦ rollup(g) ¦ cube(g) ¦ grouping sets ((g),())
@n =  ¦ desc ¦ nulls first
select g, $f from (values ('a',1),('b',2),('a',3),(null,4)) t(g,x) group by $g order by 1 $n, 2

select g, count(*) from (values ('a'),('b'),('a')) t(g) group by g having count(*) > 1
select count(*), count(x), count(distinct x) from (values (1),(null),(1)) t(x)
select sum(x) + 1 from (values (1)) t(x)
select grouping(g), g, sum(x) from (values ('a',1)) t(g,x) group by rollup(g) order by 1, 2
select x from (values (1)) t(x) group by y
select x, count(*) from (values (1)) t(x)
select sum(sum(x)) from (values (1)) t(x)
select count() from (values (1)) t(x)
