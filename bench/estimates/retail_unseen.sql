-- name: u01
select store_id, year, sum(price * quantity) from sales group by store_id, year order by 3 desc
-- name: u02
select c.customer_id, c.email, count(*) from customers c left join sales s on s.customer_id = c.customer_id and s.year = 2020 group by all
-- name: u03
select i.category, count(distinct s.customer_id) from sales s join items i on s.item_id = i.item_id group by i.category
-- name: u04
select ticket, rank() over (partition by store_id order by price desc) from sales where quantity > 90
-- name: u05
select d.month, sum(r.amount), count(*) from returns r join dates d on r.date_id = d.date_id where d.year >= 2021 group by d.month
-- name: u06
select s.ticket, s.price, c.first_name, c.last_name from sales s, customers c where s.customer_id = c.customer_id and c.country_id = 7 order by s.price
-- name: u07
select item_id, date_id, sum(quantity), sum(tax) from sales group by item_id, date_id
-- name: u08
select distinct store_id, promotion_id from sales
-- name: u09
select a.item_id, b.item_id, count(*) from returns a join returns b on a.customer_id = b.customer_id and a.item_id < b.item_id group by 1, 2 order by 3 desc limit 50
-- name: u10
select year, quantile_cont(price, 0.9), median(tax) from sales group by year
-- name: u11
select count(*) from sales s where s.year = 2019 and not exists (select * from returns r where r.ticket = s.ticket)
-- name: u12
select ticket, item_id, price, tax from sales where date_id between 900 and 950 order by price, tax
-- name: u13
select i.brand, d.year, d.month, sum(s.price) from sales s, items i, dates d where s.item_id = i.item_id and s.date_id = d.date_id group by cube (i.brand, d.year, d.month)
-- name: u14
select customer_id, item_id from sales where year = 2023 except select customer_id, item_id from returns
-- name: u15
select i.description, w.on_hand from items i join inventory w on w.item_id = i.item_id where w.date_id < 300
-- name: u16
select s.customer_id, arg_max(s.item_id, s.price), max(s.price) from sales s group by s.customer_id
