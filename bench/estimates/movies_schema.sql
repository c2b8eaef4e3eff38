-- A snowflake of titles, people and what is between them, with a few of all things very frequent.
create table kind_type as select range::int as id, 'kind ' || range as kind from range(7);
create table info_type as select range::int as id, 'info ' || range as info from range(113);
create table role_type as select range::int as id, 'role ' || range as role from range(12);
create table company_type as select range::int as id, 'company type ' || range as kind from range(4);
create table title as
    select range::int as id, 'The ' || md5(range::varchar)[1:(4 + range % 20)] as title,
        floor(pow(random(), 2) * 7)::int as kind_id,
        case when random() < 0.95 then 2020 - floor(pow(random(), 3) * 130)::int end as production_year
    from range(500000);
create table name as
    select range::int as id, md5(range::varchar)[1:8] || ', ' || md5((range * 7)::varchar)[1:6] as name,
        case when random() < 0.6 then 'm' when random() < 0.8 then 'f' end as gender
    from range(800000);
create table company_name as
    select range::int as id, 'company ' || range as name,
        '[' || chr(97 + floor(pow(random(), 3) * 20)::int) || chr(97 + (range % 5)::int) || ']' as country_code
    from range(60000);
create table keyword as select range::int as id, 'keyword-' || md5(range::varchar)[1:10] as keyword from range(40000);
create table cast_info as
    select range::int as id, floor(pow(random(), 2) * 800000)::int as person_id,
        floor(pow(random(), 1.5) * 500000)::int as movie_id, floor(pow(random(), 2) * 12)::int as role_id,
        case when random() < 0.3 then '(as ' || md5(range::varchar)[1:12] || ')' end as note
    from range(4000000);
create table movie_companies as
    select range::int as id, floor(pow(random(), 1.5) * 500000)::int as movie_id,
        floor(pow(random(), 3) * 60000)::int as company_id, floor(pow(random(), 2) * 4)::int as company_type_id,
        case when random() < 0.5 then '(' || (1950 + (random() * 70)::int) || ') (worldwide)' end as note
    from range(600000);
create table movie_keyword as
    select range::int as id, floor(pow(random(), 1.5) * 500000)::int as movie_id,
        floor(pow(random(), 3) * 40000)::int as keyword_id
    from range(1000000);
create table movie_info as
    select range::int as id, floor(pow(random(), 1.5) * 500000)::int as movie_id,
        floor(pow(random(), 2) * 113)::int as info_type_id, 'info text ' || (range % 20000) as info,
        case when random() < 0.1 then md5(range::varchar) end as note
    from range(2500000);
create table movie_rating as
    select range::int as id, (range * 3)::int as movie_id, (99 + range % 3)::int as info_type_id,
        round(10 * pow(random(), 0.6), 1)::varchar as info
    from range(160000);
