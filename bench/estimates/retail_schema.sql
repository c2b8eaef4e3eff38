-- A star of sales with skewed keys. Cubes of a random number favour the low keys.
create table dates as
    select range::int as date_id, date '2019-01-01' + range::int as day, year(day)::int as year, month(day)::int as month,
        dayname(day) as weekday, week(day)::int as week
    from range(1826);
create table items as
    select range::int as item_id, 'item number ' || range as name, 'brand ' || (range % 500) as brand,
        'category ' || floor(pow(random(), 2) * 30)::int as category, round(random() * 200, 2)::decimal(9, 2) as price,
        md5(range::varchar) || md5((range + 1)::varchar) as description
    from range(50000);
create table customers as
    select range::int as customer_id, 'name' || range as first_name, 'surname' || (range % 5000) as last_name,
        1930 + (random() * 75)::int as birth_year, floor(pow(random(), 3) * 200)::int as country_id,
        md5(range::varchar) || '@example.org' as email
    from range(200000);
create table stores as
    select range::int as store_id, 'store ' || range as name, 'state ' || (range % 40) as state,
        (random() * 9000)::int as floor_space
    from range(400);
create table promotions as
    select range::int as promotion_id, 'promotion ' || range as name, range % 3 = 0 as is_email from range(300);
create table countries as select range::int as country_id, 'country ' || range as name from range(200);
create table sales as
    select date_id, floor(pow(random(), 3) * 50000)::int as item_id,
        floor(pow(random(), 2) * 200000)::int as customer_id, floor(pow(random(), 2) * 400)::int as store_id,
        case when random() < 0.3 then floor(random() * 300)::int end as promotion_id, ticket,
        1 + (random() * 99)::int as quantity, round(random() * 200, 2)::decimal(9, 2) as price,
        round(random() * 20, 2)::decimal(9, 2) as tax, (2019 + date_id // 365)::int as year
    from (select floor(pow(random(), 0.7) * 1826)::int as date_id, range as ticket from range(4000000))
    order by date_id;
create table returns as
    select date_id + (random() * 30)::int as date_id, item_id, customer_id, ticket,
        1 + (random() * sales.quantity)::int as quantity, price * 0.9 as amount, 'reason ' || (random() * 30)::int as reason
    from sales where random() < 0.08;
create table inventory as
    select (range // 5000)::int * 7 as date_id, (range % 5000)::int * 10 as item_id, (random() * 1000)::int as on_hand
    from range(1300000);
