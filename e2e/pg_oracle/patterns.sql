@s = 'abc' ¦ 'ABC' ¦ '' ¦ 'a%c' ¦ E'a\nb' ¦ 'a_c' ¦ null
@o = like ¦ ilike
@p = 'abc' ¦ 'a%' ¦ '%b%' ¦ '_b_' ¦ '%' ¦ '' ¦ 'a\%c' ¦ 'A%' ¦ null
select $s $o $p

@s = 'abc' ¦ 'ABC' ¦ ''
@o = not like ¦ not ilike ¦ ~~ ¦ !~~ ¦ ~~* ¦ !~~*
select $s $o 'a%'

@s = 'a%c' ¦ 'a#c'
@p = a#%c ¦ a##c ¦ a%
@e = # ¦
select $s like '$p' escape '$e'

@s = 'abc' ¦ 'ABC' ¦ '' ¦ 'a%c' ¦ E'a\nb'
@o = ~ ¦ ~* ¦ !~
@p = 'b' ¦ '^a' ¦ 'c$' ¦ '^b$' ¦ '[a-c]+' ¦ 'a.c' ¦ 'a|x' ¦ '(b)(c)' ¦ 'B' ¦ '\w+' ¦ '^$' ¦ '(' ¦ '\d'
select $s $o $p

@s = 'abc' ¦ 'ABC' ¦ '' ¦ 'a%c'
@o = similar to ¦ not similar to
@p = 'abc' ¦ 'a%' ¦ '(b|a)%' ¦ 'a_c' ¦ '[a-c]*' ¦ 'abc|x' ¦ 'b'
select $s $o $p

@s = 'foobarbaz' ¦ 'aaa' ¦ ''
@p = 'b..' ¦ 'a' ¦ '(o)(b)?' ¦ 'x' ¦ '^'
select regexp_replace($s, $p, '#')
select regexp_replace($s, $p, '[\&]', 'g')
select regexp_match($s, $p)
select regexp_matches($s, $p, 'g')
select regexp_split_to_array($s, $p)
select regexp_count($s, $p)
select regexp_substr($s, $p)
select regexp_instr($s, $p)
select regexp_like($s, $p)
select substring($s from $p)
