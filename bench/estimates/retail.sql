-- name: r01
select c.customer_id, c.first_name, sum(r.amount) from returns r, customers c, dates d where r.customer_id = c.customer_id and r.date_id = d.date_id and d.year = 2021 group by all having sum(r.amount) > 100 order by 3 desc limit 100
-- name: r02
select d.week, sum(case when d.weekday = 'Sunday' then s.price end) sun, sum(case when d.weekday = 'Monday' then s.price end) mon from sales s, dates d where s.date_id = d.date_id group by d.week order by d.week
-- name: r03
select d.year, i.brand, sum(s.price * s.quantity) total from dates d, sales s, items i where d.date_id = s.date_id and s.item_id = i.item_id and i.category = 'category 3' and d.month = 11 group by d.year, i.brand order by total desc limit 100
-- name: r04
with yearly as (select s.customer_id, s.year, sum(s.price * s.quantity) total from sales s group by s.customer_id, s.year) select a.customer_id, a.total, b.total from yearly a join yearly b on a.customer_id = b.customer_id and a.year = 2020 and b.year = 2021 and b.total > a.total order by 1 limit 100
-- name: r05
select st.state, i.category, sum(s.price) from sales s join stores st using (store_id) join items i using (item_id) group by rollup (st.state, i.category)
-- name: r06
select c.country_id, count(*) from sales s, customers c, items i where s.customer_id = c.customer_id and s.item_id = i.item_id and i.price > 1.2 * (select avg(j.price) from items j where j.category = i.category) and s.year = 2022 group by 1 having count(*) > 10
-- name: r07
select i.item_id, avg(s.quantity), avg(s.price), avg(s.tax) from sales s, items i, promotions p where s.item_id = i.item_id and s.promotion_id = p.promotion_id and p.is_email group by i.item_id order by 1 limit 100
-- name: r08
select count(*) from sales where quantity between 10 and 20 and price > 150
-- name: r09
select ticket, customer_id, item_id, price from sales where year = 2023 order by price desc
-- name: r10
select * from sales order by ticket
-- name: r11
select customer_id, count(distinct item_id) from sales group by customer_id
-- name: r12
select i.category, i.name, sum(s.price) total, sum(s.price) * 100 / sum(sum(s.price)) over (partition by i.category) as part from sales s, items i, dates d where s.item_id = i.item_id and s.date_id = d.date_id and d.day between date '2021-02-01' and date '2021-03-01' group by i.category, i.name order by 1, 4
-- name: r13
select customer_id, day, sum(total) over (partition by customer_id order by day) from (select s.customer_id, d.day, sum(s.price) total from sales s join dates d using (date_id) where s.year = 2020 group by all)
-- name: r14
select s.item_id, s.customer_id, s.ticket, r.amount from sales s left join returns r on s.ticket = r.ticket
-- name: r15
select s.item_id, sum(s.quantity), sum(r.quantity) from sales s join returns r on s.ticket = r.ticket and s.item_id = r.item_id group by s.item_id
-- name: r16
select count(distinct ticket), sum(price) from sales s where exists (select * from returns r where r.ticket = s.ticket)
-- name: r17
select i.item_id, i.description, st.state, stddev(s.quantity), avg(s.quantity) from sales s, items i, stores st where s.item_id = i.item_id and s.store_id = st.store_id group by all order by 1, 3 limit 100
-- name: r18
select w.item_id, min(w.on_hand), max(w.on_hand), median(w.on_hand) from inventory w group by w.item_id
-- name: r19
select i.brand, st.state, c.country_id, sum(s.price) from sales s, items i, customers c, stores st, dates d where s.item_id = i.item_id and s.customer_id = c.customer_id and s.store_id = st.store_id and s.date_id = d.date_id and d.month = 12 and d.year = 2022 group by all
-- name: r20
select item_id, customer_id, count(*) n from sales group by item_id, customer_id
-- name: r21
select item_id, store_id, sum(quantity) q from sales where year in (2021, 2022) group by item_id, store_id order by q desc limit 10
-- name: r22
select i.name, i.brand, i.category, avg(w.on_hand) from inventory w, dates d, items i where w.date_id = d.date_id and w.item_id = i.item_id group by rollup (i.name, i.brand, i.category)
-- name: r23
select customer_id, list(ticket) from sales where year = 2022 group by customer_id
-- name: r24
select c.first_name, c.last_name, c.email, sum(s.price) from customers c join sales s using (customer_id) group by all
-- name: r25
select s.ticket, c.email, i.description from sales s join customers c using (customer_id) join items i using (item_id) where s.quantity = 7
-- name: r26
select customer_id from sales where year = 2021 intersect select customer_id from returns
-- name: r27
select item_id, price from sales where year = 2020 union select item_id, price from sales where year = 2021
-- name: r28
select avg(price), count(price), count(distinct price) from sales where quantity between 0 and 25
-- name: r29
select c.name, count(*) from customers k join countries c using (country_id) where k.birth_year between 1980 and 1990 group by c.name
-- name: r30
select email, description from customers c join items i on c.customer_id = i.item_id * 4 order by email
-- name: r31
select max(ticket), min(day) from sales join dates using (date_id) where day >= date '2023-06-01'
-- name: r32
select distinct customer_id, store_id from sales
