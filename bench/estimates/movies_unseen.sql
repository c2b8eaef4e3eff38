-- name: u01
select t.kind_id, count(*), avg(t.production_year) from title t join movie_companies mc on mc.movie_id = t.id where mc.note is null group by t.kind_id
-- name: u02
select min(t.title), min(mi.info) from title t, movie_info mi, movie_rating mr, info_type it where t.id = mi.movie_id and t.id = mr.movie_id and mi.info_type_id = it.id and it.info = 'info 20' and mr.info > '8.0'
-- name: u03
select ci.movie_id, count(distinct ci.role_id) from cast_info ci group by ci.movie_id having count(*) > 5
-- name: u04
select n.name, t.title from name n, cast_info ci, title t where n.id = ci.person_id and t.id = ci.movie_id and t.production_year = 2019 and ci.role_id = 2
-- name: u05
select k.keyword, count(distinct mk.movie_id) from keyword k join movie_keyword mk on mk.keyword_id = k.id group by k.keyword order by 2 desc
-- name: u06
select mi.info, count(*) from movie_info mi where mi.note is not null group by mi.info
-- name: u07
select cn.country_code, t.production_year, count(*) from company_name cn, movie_companies mc, title t where cn.id = mc.company_id and t.id = mc.movie_id group by all
-- name: u08
select * from cast_info where note like '%abc%'
-- name: u09
select ci.person_id, list(t.title order by t.production_year) from cast_info ci join title t on t.id = ci.movie_id where ci.role_id >= 8 group by ci.person_id
-- name: u10
select t.id, t.title, c.n, i.n from title t left join (select movie_id, count(*) n from cast_info group by movie_id) c on c.movie_id = t.id left join (select movie_id, count(*) n from movie_info group by movie_id) i on i.movie_id = t.id
-- name: u11
select note from movie_info where note is not null order by note
-- name: u12
select count(*) from cast_info a join cast_info b on a.person_id = b.person_id and a.movie_id <> b.movie_id where a.role_id = 10 and b.role_id = 11
-- name: u13
select min(n.name) from name n, cast_info ci, movie_info mi, movie_keyword mk, keyword k, title t where n.id = ci.person_id and ci.movie_id = t.id and mi.movie_id = t.id and mk.movie_id = t.id and mk.keyword_id = k.id and k.keyword like 'keyword-ab%' and mi.info_type_id = 1 and n.gender = 'm'
-- name: u14
select movie_id, info, lag(info) over (partition by info_type_id order by id) from movie_info
