@a = '0'::int2 ¦ '7'::int2 ¦ '-3'::int2 ¦ '32767'::int2 ¦ '-32768'::int2
@b = '0'::int2 ¦ '7'::int2 ¦ '-3'::int2 ¦ '32767'::int2 ¦ '-32768'::int2
@o = + ¦ - ¦ * ¦ / ¦ %
select $a $o $b

@a = '0'::int4 ¦ '7'::int4 ¦ '-3'::int4 ¦ '2147483647'::int4 ¦ '-2147483648'::int4
@b = '0'::int4 ¦ '7'::int4 ¦ '-3'::int4 ¦ '2147483647'::int4 ¦ '-2147483648'::int4
@o = + ¦ - ¦ * ¦ / ¦ %
select $a $o $b

@a = '0'::int8 ¦ '7'::int8 ¦ '-3'::int8 ¦ '9223372036854775807'::int8 ¦ '-9223372036854775808'::int8
@b = '0'::int8 ¦ '7'::int8 ¦ '-3'::int8 ¦ '9223372036854775807'::int8 ¦ '-9223372036854775808'::int8
@o = + ¦ - ¦ * ¦ / ¦ %
select $a $o $b

@a = '0'::numeric ¦ '1.50'::numeric ¦ '-2.5'::numeric ¦ '0.001'::numeric ¦ '12345678901234567890.12345'::numeric
@b = '0'::numeric ¦ '1.50'::numeric ¦ '-2.5'::numeric ¦ '0.001'::numeric ¦ '12345678901234567890.12345'::numeric
@o = + ¦ - ¦ * ¦ / ¦ %
select $a $o $b

@a = '0'::float4 ¦ '1.5'::float4 ¦ '-2.5'::float4 ¦ '3.4e38'::float4
@b = '0'::float4 ¦ '1.5'::float4 ¦ '-2.5'::float4 ¦ '3.4e38'::float4
@o = + ¦ - ¦ * ¦ /
select $a $o $b

@a = '0'::float8 ¦ '1.5'::float8 ¦ '-2.5'::float8 ¦ '1e308'::float8 ¦ 'NaN'::float8 ¦ '-Infinity'::float8
@b = '0'::float8 ¦ '1.5'::float8 ¦ '-2.5'::float8 ¦ '1e308'::float8 ¦ 'NaN'::float8 ¦ '-Infinity'::float8
@o = + ¦ - ¦ * ¦ /
select $a $o $b

@a = 7::int2 ¦ 9::int4 ¦ 8::int8 ¦ 6::numeric ¦ 5::float4 ¦ 3::float8
@b = 2::int2 ¦ 2::int4 ¦ 2::int8 ¦ 2::numeric ¦ 2::float4 ¦ 2::float8
@o = + ¦ - ¦ * ¦ /
select $a $o $b

@a = 7::int2 ¦ 9::int4 ¦ 8::int8 ¦ 6::numeric ¦ 5::float4 ¦ 3::float8
@o = + ¦ - ¦ * ¦ /
select $a $o null

@a = 7 ¦ -7 ¦ 7.5 ¦ -7.5 ¦ 0
@b = 2 ¦ -2 ¦ 2.5 ¦ 0
select $a % $b
select mod($a, $b)
select div($a, $b)

@a = 2 ¦ -2 ¦ 0 ¦ 2.5 ¦ 1e10::float8
@b = 0 ¦ 3 ¦ -1 ¦ 0.5 ¦ 1000
select $a ^ $b
select power($a, $b)

@a = 5 ¦ -5 ¦ 0 ¦ 255::int8
@b = 1 ¦ 3
@o = & ¦ | ¦ #
select $a $o $b

@a = 5 ¦ -5 ¦ 1::int8
@b = 0 ¦ 1 ¦ 31 ¦ 40
@o = << ¦ >>
select $a $o $b

@a = 5 ¦ (-5) ¦ 2.50 ¦ 1e3::float8
@o = - ¦ + ¦ @ ¦ ~ ¦ |/ ¦ ||/
select $o $a
