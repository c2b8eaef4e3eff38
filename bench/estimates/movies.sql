-- name: m01
select min(mc.note), min(t.title), min(t.production_year) from company_type ct, info_type it, movie_companies mc, movie_rating mr, title t where ct.kind = 'company type 1' and it.info = 'info 100' and mc.note like '%(worldwide)%' and ct.id = mc.company_type_id and t.id = mc.movie_id and t.id = mr.movie_id and mc.movie_id = mr.movie_id and it.id = mr.info_type_id
-- name: m02
select min(t.title) from company_name cn, keyword k, movie_companies mc, movie_keyword mk, title t where cn.country_code = '[aa]' and k.keyword like 'keyword-a%' and cn.id = mc.company_id and mc.movie_id = t.id and t.id = mk.movie_id and mk.keyword_id = k.id and mc.movie_id = mk.movie_id
-- name: m03
select min(t.title) from keyword k, movie_info mi, movie_keyword mk, title t where k.keyword like '%ab%' and mi.info in ('info text 1', 'info text 2', 'info text 3') and t.production_year > 2005 and t.id = mi.movie_id and t.id = mk.movie_id and mk.movie_id = mi.movie_id and k.id = mk.keyword_id
-- name: m04
select min(mr.info), min(t.title) from info_type it, keyword k, movie_rating mr, movie_keyword mk, title t where it.info = 'info 99' and k.keyword like '%f0%' and mr.info > '5.0' and t.production_year > 2005 and t.id = mr.movie_id and t.id = mk.movie_id and mk.movie_id = mr.movie_id and k.id = mk.keyword_id and it.id = mr.info_type_id
-- name: m05
select min(n.name), min(t.title) from cast_info ci, keyword k, movie_keyword mk, name n, title t where k.keyword like 'keyword-0%' and n.name like 'a%' and t.production_year > 2010 and k.id = mk.keyword_id and t.id = mk.movie_id and t.id = ci.movie_id and ci.movie_id = mk.movie_id and n.id = ci.person_id
-- name: m06
select n.name, count(*) from cast_info ci, name n, title t, role_type rt where n.id = ci.person_id and t.id = ci.movie_id and rt.id = ci.role_id and rt.role = 'role 1' group by n.name order by 2 desc limit 20
-- name: m07
select t.production_year, count(distinct ci.person_id) from cast_info ci, title t where t.id = ci.movie_id group by t.production_year
-- name: m08
select ci.person_id, count(*) as roles, max(t.production_year) from cast_info ci join title t on t.id = ci.movie_id group by ci.person_id
-- name: m09
select k.keyword, count(*) from movie_keyword mk join keyword k on k.id = mk.keyword_id join movie_info mi on mi.movie_id = mk.movie_id where mi.info_type_id = 3 group by k.keyword
-- name: m10
select cn.name, ct.kind, count(*) from movie_companies mc join company_name cn on cn.id = mc.company_id join company_type ct on ct.id = mc.company_type_id group by all order by 3 desc limit 100
-- name: m11
select a.person_id, count(*) from cast_info a join cast_info b on a.movie_id = b.movie_id and a.person_id < b.person_id where a.role_id = 11 and b.role_id = 11 group by a.person_id
-- name: m12
select * from title t join movie_info mi on mi.movie_id = t.id where mi.info_type_id < 20 and t.kind_id = 2 order by t.title
-- name: m13
select t.id, string_agg(k.keyword, ', ') from title t join movie_keyword mk on mk.movie_id = t.id join keyword k on k.id = mk.keyword_id group by t.id
-- name: m14
select count(*) from title where id not in (select movie_id from movie_info where info_type_id = 5)
-- name: m15
select count(*) from title t where exists (select * from cast_info ci where ci.movie_id = t.id and ci.note is not null) and not exists (select * from movie_rating r where r.movie_id = t.id)
-- name: m16
select n.id, n.name, row_number() over (partition by n.gender order by n.name) from name n
-- name: m17
select movie_id, info_type_id, info, rank() over (partition by movie_id order by info) r from movie_info qualify r <= 2
-- name: m18
select min(n.name), min(t.title) from cast_info ci, company_name cn, movie_companies mc, name n, role_type rt, title t where ci.note is not null and cn.country_code = '[ab]' and n.gender = 'f' and rt.role = 'role 0' and t.production_year between 2005 and 2009 and ci.movie_id = t.id and t.id = mc.movie_id and ci.movie_id = mc.movie_id and mc.company_id = cn.id and ci.role_id = rt.id and n.id = ci.person_id
-- name: m19
select distinct info from movie_info
-- name: m20
select distinct note from cast_info
