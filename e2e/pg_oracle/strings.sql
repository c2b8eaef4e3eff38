@f = length ¦ char_length ¦ octet_length ¦ bit_length ¦ upper ¦ lower ¦ initcap ¦ reverse ¦ ascii ¦ md5 ¦ quote_ident ¦ quote_literal ¦ quote_nullable ¦ trim ¦ btrim ¦ ltrim ¦ rtrim
@s = '' ¦ 'a' ¦ 'Hello World' ¦ 'äöü ß' ¦ '  pad  ' ¦ 'it''s' ¦ E'tab\tline\n' ¦ null
select $f($s)

@s = 'hello' ¦ 'äöü' ¦ ''
@n = 0 ¦ 2 ¦ -2 ¦ 10 ¦ -10
select left($s, $n)
select right($s, $n)
select substr($s, $n)
select repeat($s, $n)

@s = 'hello' ¦ 'äöü'
@n = -1 ¦ 0 ¦ 2 ¦ 9
@m = 0 ¦ 1 ¦ 3 ¦ -1 ¦ 2147483647
select substr($s, $n, $m)
select substring($s from $n for $m)

@s = 'abc' ¦ ''
@n = 0 ¦ 2 ¦ 6 ¦ -1
@p = 'xy' ¦ ''
select lpad($s, $n)
select rpad($s, $n)
select lpad($s, $n, $p)
select rpad($s, $n, $p)

@d = ',' ¦ 'b,' ¦ ''
@n = 1 ¦ 2 ¦ 3 ¦ 9 ¦ -1 ¦ 0
select split_part('a,b,,d', $d, $n)

@a = 'l' ¦ 'lo' ¦ '' ¦ 'ü' ¦ 'L'
@s = 'hello' ¦ 'grün' ¦ ''
select position($a in $s)
select strpos($s, $a)
select starts_with($s, $a)
select replace($s, $a, 'Z')

@s = '12345' ¦ 'ääb'
@a = '143' ¦ 'ä' ¦ ''
@b = 'ax' ¦ ''
select translate($s, $a, $b)

@w = leading ¦ trailing ¦ both ¦
@c = x ¦ ax ¦ xyz
select trim($w '$c' from 'xxabcxx')

@n = 1 ¦ 3 ¦ 7
@m =  ¦ for 0 ¦ for 4
select overlay('abcdef' placing 'ZZ' from $n $m)

@a = 'a' ¦ 1 ¦ 1.50 ¦ true ¦ null ¦ '{1}'::int[] ¦ date '2024-01-01'
@b = 'b' ¦ null::text ¦ 2
select $a || $b

@a = 'a' ¦ 1 ¦ true ¦ null ¦ 1.50 ¦ array[1,2] ¦ date '2024-01-01'
@b = 'b' ¦ 2 ¦ ''
select concat($a, $b)
select concat_ws('-', $a, null, $b)

@n = 65 ¦ 228 ¦ 8364 ¦ 128512 ¦ 0 ¦ -1
select chr($n)

@b = '\xdeadbeef'::bytea ¦ 'abc'::bytea ¦ ''::bytea
@f = 'hex' ¦ 'base64' ¦ 'escape' ¦ 'x'
select encode($b, $f)

@b = 'deadBEEF' ¦ 'YWJj' ¦ 'zz' ¦ ''
@f = 'hex' ¦ 'base64' ¦ 'escape'
select decode($b, $f)

@n = 0 ¦ 255 ¦ -1 ¦ 255::int8 ¦ -1::int8
select to_hex($n)

@f = %s ¦ [%5s] ¦ [%-5s] ¦ %I ¦ %L ¦ %%%s ¦ %1$s %1$s ¦ %2$s
@a = 'a b' ¦ 12 ¦ null ¦ 1.50, true
select format('$f', $a)

@s = 'a' ¦ 'B' ¦ 'ä' ¦ 'a '
@t = 'a' ¦ 'b' ¦ 'Z' ¦ ''
select $s < $t
select $s = $t
select $s >= $t

@b = '\xdeadbeef'::bytea ¦ ''::bytea
select length($b)
select $b || '\x01'::bytea
select md5($b)
select sha256($b)
select $b::text
select substr($b, 2, 2)
select $b = '\xde'::bytea
select $b > '\xde'::bytea
select get_byte($b, 1)
