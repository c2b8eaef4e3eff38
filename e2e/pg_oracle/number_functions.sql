@f = abs ¦ sign ¦ ceil ¦ ceiling ¦ floor ¦ round ¦ trunc ¦ sqrt ¦ exp ¦ ln ¦ log ¦ log10 ¦ cbrt ¦ degrees ¦ radians
@a = 0 ¦ 1 ¦ -1 ¦ 2.5 ¦ -2.5 ¦ 0.5 ¦ 3.5 ¦ 1.5::float8 ¦ 2.5::float8 ¦ -0.5::float8
select $f($a)

@f = sin ¦ cos ¦ tan ¦ cot ¦ asin ¦ acos ¦ atan ¦ sinh ¦ cosh ¦ tanh ¦ sind ¦ cosd ¦ tand
@a = 0 ¦ 1 ¦ -1 ¦ 0.5 ¦ 2 ¦ 30
select $f($a)

@a = 123.456 ¦ -123.456 ¦ 0.5 ¦ 149.5 ¦ 1e20
@n = 0 ¦ 1 ¦ 2 ¦ -1 ¦ -2 ¦ 5
select round($a, $n)
select trunc($a, $n)

@a = 12 ¦ -12 ¦ 0
@b = 18 ¦ 5 ¦ 0
select gcd($a, $b)
select lcm($a, $b)
select atan2($a, $b)

@a = 0 ¦ 1 ¦ 5 ¦ 20 ¦ 25 ¦ -1
select factorial($a)

@a = -1 ¦ 0 ¦ 3.5 ¦ 10 ¦ 11
@n = 1 ¦ 5
select width_bucket($a, 0, 10, $n)

@a = 2 ¦ 10 ¦ 0
@b = 8 ¦ 100 ¦ 1
select log($a, $b)

@a = 1.500 ¦ 0 ¦ 10.0 ¦ 1e-5
select scale($a)
select min_scale($a)
select trim_scale($a)
