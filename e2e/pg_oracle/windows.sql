@f = row_number() ¦ rank() ¦ dense_rank() ¦ percent_rank() ¦ cume_dist() ¦ ntile(2) ¦ lag(x) ¦ lead(x) ¦ lag(x, 2, -1) ¦ first_value(x) ¦ last_value(x) ¦ nth_value(x, 2) ¦ sum(x) ¦ avg(x) ¦ count(*) ¦ count(x) ¦ min(x) ¦ max(x)
@w = order by x, g ¦ partition by g order by x ¦ partition by g order by x desc
select g, x, $f over ($w) from (values ('a',1),('a',3),('a',3),('b',2),('b',null)) t(g,x) order by g, x, 3

@f = sum(x) ¦ count(*) ¦ array_agg(x) ¦ first_value(x)
@r = rows between 1 preceding and 1 following ¦ rows unbounded preceding ¦ range between unbounded preceding and current row ¦ groups between 1 preceding and current row ¦ rows between unbounded preceding and unbounded following exclude current row ¦ range between 1 preceding and 1 following
select g, x, $f over (order by x $r) from (values ('a',1),('a',3),('a',3),('b',2),('b',null)) t(g,x) where x is not null order by g, x, 3

@f = sum(x) ¦ avg(x) ¦ count(*)
select x, $f over w from (values ('a',1),('a',3),('a',3),('b',2),('b',null)) t(g,x) window w as (partition by g) order by x, 2
