@f = century ¦ decade ¦ year ¦ quarter ¦ month ¦ week ¦ day ¦ hour ¦ minute ¦ second ¦ milliseconds ¦ microseconds ¦ millennium ¦ x
@s = 2024-02-29 12:34:56.789 ¦ 2000-01-01 00:00:00 ¦ 1999-12-31 23:59:59.999999 ¦ 0099-06-15 01:02:03
select date_trunc('$f', timestamp '$s')

@f = century ¦ decade ¦ year ¦ quarter ¦ month ¦ week ¦ day ¦ hour ¦ minute ¦ second ¦ milliseconds ¦ microseconds
@s = date '2024-05-17' ¦ interval '1 year 14 mons 40 days 30:31:32.5' ¦ timestamptz '2024-05-17 12:34:56+02'
select date_trunc('$f', $s)

@f = century ¦ decade ¦ year ¦ quarter ¦ month ¦ week ¦ day ¦ hour ¦ minute ¦ second ¦ milliseconds ¦ microseconds ¦ dow ¦ isodow ¦ doy ¦ isoyear ¦ epoch ¦ millennium ¦ julian
@s = 2024-02-29 12:34:56.789 ¦ 2000-01-01 00:00:00
select extract($f from timestamp '$s')
select date_part('$f', timestamp '$s')

@f = century ¦ decade ¦ year ¦ quarter ¦ month ¦ week ¦ day ¦ hour ¦ minute ¦ second ¦ milliseconds ¦ microseconds ¦ dow ¦ isodow ¦ doy ¦ isoyear ¦ epoch ¦ millennium ¦ julian
@s = date '2024-12-30' ¦ interval '1 year 2 mons 3 days 04:05:06.7'
select extract($f from $s)

@f = hour ¦ minute ¦ second ¦ epoch ¦ timezone
@s = time '12:34:56.7' ¦ timestamptz '2024-01-01 12:00+02'
select extract($f from $s)

@d = date '2024-02-29' ¦ date '1999-12-31' ¦ date 'infinity' ¦ date '0001-01-01'
@o = + ¦ -
@n = 0 ¦ 1 ¦ 366 ¦ interval '1 month' ¦ interval '25 hours' ¦ date '2024-01-31'
select $d $o $n

@s = timestamp '2024-01-31 10:00' ¦ timestamp 'infinity' ¦ timestamptz '2024-03-31 01:30+01'
@o = + ¦ -
@i = interval '1 month' ¦ interval '-1 day' ¦ interval '1 year 1 second' ¦ interval '36 hours'
select $s $o $i

@s = timestamp '2024-01-31 10:00' ¦ timestamp 'infinity' ¦ timestamptz '2024-03-31 01:30+01'
@t = timestamp '2023-12-31' ¦ timestamp '2024-01-31 09:59:59.999999'
select $s - $t

@i = interval '1 month' ¦ interval '-1 day' ¦ interval '1 year 1 second' ¦ interval '36 hours'
@o = + ¦ - ¦ < ¦ = ¦ >=
@j = interval '1 month' ¦ interval '-1 day' ¦ interval '1 year 1 second' ¦ interval '36 hours' ¦ interval '30 days'
select $i $o $j

@i = interval '1 month' ¦ interval '-1 day' ¦ interval '1 year 1 second' ¦ interval '36 hours'
@o = * ¦ /
@n = 2 ¦ 0.5 ¦ -1 ¦ 3 ¦ 0
select $i $o $n

@i = interval '1 month' ¦ interval '-1 day' ¦ interval '1 year 1 second' ¦ interval '36 hours' ¦ interval '65 days 49 hours' ¦ interval '-35 days 1 hour'
select -$i
select $i::text
select justify_days($i)
select justify_hours($i)
select justify_interval($i)

@a = 2024-03-31 ¦ 2024-02-29 12:00 ¦ 2000-01-01
@b = 2024-02-29 ¦ 1999-12-31 23:00 ¦ 2024-03-01
select age(timestamp '$a', timestamp '$b')

@t = time '23:30' ¦ time '00:00:00' ¦ time '12:34:56.789'
@o = + ¦ -
@i = interval '1 hour' ¦ interval '1 day 30 minutes' ¦ time '01:00'
select $t $o $i

@t = time '23:30' ¦ time '00:00:00' ¦ time '12:34:56.789'
select date '2024-02-29' + $t

@s = timestamp '2024-07-01 12:00' ¦ timestamptz '2024-01-01 12:00+00'
@z = UTC ¦ Europe/Berlin ¦ America/New_York ¦ Asia/Kolkata ¦ +02 ¦ x
select $s at time zone '$z'

@s = 2024-02-29 12:34:56.789 ¦ 1999-01-03 00:05:09
@f = YYYY-MM-DD ¦ YYYY-MM-DD HH24:MI:SS.MS ¦ HH12:MI:SS AM ¦ Day, DD Mon YYYY ¦ FMDay, FMDD FMMonth YYYY ¦ DDD ¦ D ¦ ID ¦ IW ¦ IYYY-IW-ID ¦ Q ¦ CC ¦ J ¦ US ¦ SSSS ¦ YY ¦ Y,YYY ¦ MON ¦ mon ¦ dy ¦ DAY ¦ RM ¦ DDth ¦ FMDDth ¦ p.m. ¦ "quoted YYYY" YYYY ¦ HH24h MI ¦ FMMM/FMDD/YY ¦ TZ ¦ WW ¦ W ¦
select to_char(timestamp '$s', '$f')

@f = YYYY-MM-DD ¦ YYYY-MM-DD HH24:MI:SS.MS ¦ HH12:MI:SS AM ¦ Day, DD Mon YYYY ¦ FMDay, FMDD FMMonth YYYY ¦ DDD
select to_char(date '2024-12-01', '$f')

@f = HH24:MI:SS ¦ HH12:MI ¦ DD HH ¦ SSSS
select to_char(interval '1 day 15:02:12', '$f')

@d = 2024-02-29 ¦ 29 Feb 2024 ¦ 20240229 ¦ 2024
@f = YYYY-MM-DD ¦ DD Mon YYYY ¦ YYYYMMDD ¦ YYYY
select to_date('$d', '$f')

@d = 2024-02-29 12:34:56 ¦ 2024-02-29
@f = YYYY-MM-DD HH24:MI:SS ¦ YYYY-MM-DD
select to_timestamp('$d', '$f')

@n = 0 ¦ 1700000000.5 ¦ -1 ¦ 1e9
select to_timestamp($n)

@y = 2024 ¦ 0 ¦ -44
@m = 2 ¦ 13
@d = 29 ¦ 30
select make_date($y, $m, $d)

select make_time(1, 2, 3.5)
select make_time(25, 0, 0)
select make_timestamp(2024, 2, 29, 12, 34, 56.789)
select make_interval(1, 2, 3, 4, 5, 6, 7.5)
select make_interval(days => 10)
select make_timestamptz(2024, 2, 29, 12, 0, 0, 'UTC')

@a = date '2024-01-01', date '2024-02-01' ¦ date '2024-01-01', interval '1 day'
@b = date '2024-01-15', date '2024-03-01' ¦ date '2024-02-01', date '2024-03-01'
select ($a) overlaps ($b)

@i = 15 minutes ¦ 1 day ¦ 1 month
@s = 2024-02-29 12:34:56.789 ¦ 2000-01-01 00:00:00
select date_bin('$i', timestamp '$s', timestamp '2000-01-01')

@n = 1 ¦ 3
@i = 1 day ¦ 12 hours ¦ -1 day
select generate_series(timestamp '2024-01-01', '2024-01-0$n', '$i')

@a = date '2024-01-01' ¦ timestamp '2024-01-01 00:00:01'
@o = < ¦ = ¦ > ¦ <>
@b = date '2024-01-01' ¦ timestamp '2024-01-01' ¦ '2024-01-02'
select $a $o $b
