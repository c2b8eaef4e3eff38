@a = array[1,2,3] ¦ array[3,null,1] ¦ '{}'::int[] ¦ array[[1,2],[3,4]] ¦ null::int[]
select $a
select $a::text
select array_length($a, 1)
select array_length($a, 2)
select cardinality($a)
select array_ndims($a)
select array_dims($a)
select array_upper($a, 1)
select array_lower($a, 1)
select array_to_string($a, ',')
select array_to_string($a, ',', '*')
select array_append($a, 9)
select array_prepend(9, $a)
select array_cat($a, array[8,9])
select array_remove($a, 1)
select array_replace($a, 1, 7)
select array_position($a, 1)
select array_positions($a, 1)
select unnest($a)
select ($a)[1]
select ($a)[0]
select ($a)[9]
select ($a)[1:2]
select ($a)[2:]
select ($a)[:1]
select ($a)[1][2]
select 1 = any($a)
select 1 <> all($a)
select 2 > any($a)
select $a is null
select array_to_json($a)
select to_json($a)
select trim_array($a, 1)
select array_agg(x order by x) from unnest($a) t(x)

@a = array[1,2,3] ¦ array[3,null,1] ¦ '{}'::int[] ¦ array[[1,2],[3,4]] ¦ null::int[]
@o = || ¦ = ¦ <> ¦ < ¦ >= ¦ @> ¦ <@ ¦ &&
@b = array[1] ¦ array[1,2,3] ¦ '{}'::int[]
select $a $o $b

select array['a','b']
select array['a',null]
select array[1.5,2]
select array[true,false]
select array[date '2024-01-01']
select array[]::text[]
select array[]
select array[1,'x']
select array[1,2.5]
select array(select 1 union all select 2 order by 1)
select string_to_array('a,b,,c', ',')
select string_to_array('abc', null)
select string_to_array('a,b', ',', 'b')
select string_to_array('', ',')
select array_fill(7, array[3])
select array_fill(0, array[2,2])
select 3 = any('{1,2,3}')
select 'a' = any('{a,b}')
select array['a b','c"d','e\f','','null']
select array[array[1],array[2]] || array[3]
select array[1,2] || 3
select 0 || array[1,2]
select array[1,2] || null
select array_agg(x) from (values (1),(2)) t(x)
select array[1::int2]
select array[1::int8]
select array[1::numeric]
select array[1.5::float4]
select array['x'::varchar]
select array[interval '1 day']
select array['2024-01-01 12:00'::timestamp]
select array['2024-01-01 12:00+00'::timestamptz]
select array['\x01'::bytea]
select array['{"a":1}'::json]
select array['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid]
select array['12:00'::time]
select generate_subscripts(array[5,6,7], 1)
