@d = {"a": 1, "b": {"c": [10, 20, null]}, "d": "x"} ¦ [1, "two", {"three": 3}, null] ¦ "text"
@k = 'a' ¦ 'b' ¦ 'zz' ¦ 0 ¦ 1 ¦ -1 ¦ 9
select '$d'::json -> $k
select '$d'::json ->> $k

@d = {"a": 1, "b": {"c": [10, 20, null]}, "d": "x"} ¦ [1, "two", {"three": 3}, null]
@p = {b,c} ¦ {b,c,0} ¦ {2,three} ¦ {} ¦ {x}
select '$d'::json #> '$p'
select '$d'::json #>> '$p'
select json_extract_path_text('$d', 'b', 'c')

@d = {"a": 1, "b": {"c": [10, 20, null]}, "d": "x"} ¦ [1, "two", {"three": 3}, null] ¦ "text" ¦ 17 ¦ null ¦ {}
select json_typeof('$d')
select '$d'::json::text
select json_array_length('$d')
select json_strip_nulls('$d')

@d = {"a": 1, "b": {"c": [10, 20, null]}, "d": "x"} ¦ [1, "two", {"three": 3}, null] ¦ "text" ¦ {} ¦ []
select * from json_each('$d')
select * from json_each_text('$d')
select json_object_keys('$d')
select * from json_array_elements('$d')
select * from json_array_elements_text('$d')

select json_build_object('a', 1, 'b', null, 'c', array[1,2])
select json_build_array(1, 'a', null, true)
select json_build_object('a')
select json_object('{a,1,b,2}')
select json_agg(x) from (values (1),(null),(3)) t(x)
select json_object_agg(k, v) from (values ('a',1),('b',2)) t(k, v)
select to_json('a"b'::text)
select to_json(1.50)
select to_json(true)
select to_json(null::int)
select to_json(date '2024-01-01')
select to_json(timestamp '2024-01-01 12:00')
select to_json(array[1,2])
select to_json(row(1,'a'))

@d = {"a": 1, "b": {"c": [10, 20, null]}, "d": "x"} ¦ [1, "two", {"three": 3}, null] ¦ "text"
@k = 'a' ¦ 'b' ¦ 'zz' ¦ 0 ¦ 1 ¦ -1 ¦ 9
select '$d'::jsonb -> $k
select '$d'::jsonb ->> $k

@d = {"a": 1, "b": {"c": [10, 20, null]}, "d": "x"} ¦ [1, "two", {"three": 3}, null]
@p = {b,c} ¦ {b,c,0} ¦ {2,three} ¦ {} ¦ {x}
select '$d'::jsonb #> '$p'
select '$d'::jsonb #>> '$p'
select jsonb_extract_path_text('$d', 'b', 'c')

@d = {"a": 1, "b": {"c": [10, 20, null]}, "d": "x"} ¦ [1, "two", {"three": 3}, null] ¦ "text" ¦ 17 ¦ null ¦ {}
select jsonb_typeof('$d')
select '$d'::jsonb::text
select jsonb_array_length('$d')
select jsonb_strip_nulls('$d')

@d = {"a": 1, "b": {"c": [10, 20, null]}, "d": "x"} ¦ [1, "two", {"three": 3}, null] ¦ "text" ¦ {} ¦ []
select * from jsonb_each('$d')
select * from jsonb_each_text('$d')
select jsonb_object_keys('$d')
select * from jsonb_array_elements('$d')
select * from jsonb_array_elements_text('$d')

select jsonb_build_object('a', 1, 'b', null, 'c', array[1,2])
select jsonb_build_array(1, 'a', null, true)
select jsonb_build_object('a')
select jsonb_object('{a,1,b,2}')
select jsonb_agg(x) from (values (1),(null),(3)) t(x)
select jsonb_object_agg(k, v) from (values ('a',1),('b',2)) t(k, v)
select to_jsonb('a"b'::text)
select to_jsonb(1.50)
select to_jsonb(true)
select to_jsonb(null::int)
select to_jsonb(date '2024-01-01')
select to_jsonb(timestamp '2024-01-01 12:00')
select to_jsonb(array[1,2])
select to_jsonb(row(1,'a'))

@d = {"a":1,"b":[1,2]} ¦ [1,2,3] ¦ "a"
@o = @> ¦ <@ ¦ = ¦ ||
@e = {"a":1} ¦ [1] ¦ "a" ¦ {}
select '$d'::jsonb $o '$e'

@d = {"a":1,"b":2} ¦ ["a","c"]
@o = ? ¦ -
@k = 'a' ¦ 'z'
select '$d'::jsonb $o $k

@d = {"a":1,"b":2} ¦ ["a","c"]
@o = ?| ¦ ?& ¦ -
select '$d'::jsonb $o array['a','b']

@p = {a,b} ¦ {a,c} ¦ {x} ¦ {}
select jsonb_set('{"a":{"b":1}}', '$p', '9')

@p = $.a ¦ $.a[*] ¦ $.a[*] ? (@ > 1) ¦ $.z
select jsonb_path_query('{"a":[1,2,3]}', '$p')

select jsonb_pretty('{"a":[1,{"b":2}]}')
select jsonb_insert('[1,2]', '{0}', '9')
select '{"a":1}'::jsonb - 'a'
select '[1,2,3]'::jsonb - 1
select row_to_json(t) from (select 1 as a, 'x' as b) t
select row_to_json(row(1,'x'))
select json_agg(t) from (select 1 as a, null as b) t
select ('{"a":"5"}'::json ->> 'a')::int + 1
select '{"a":{"b":"c"}}'::json -> 'a' ->> 'b'
select jsonb '{"a":1}' = jsonb '{"a":1.0}'
select * from json_to_recordset('[{"a":1,"b":"x"},{"a":2}]') as t(a int, b text)
select * from jsonb_to_record('{"a":1,"b":"x"}') as t(a int, b text)
