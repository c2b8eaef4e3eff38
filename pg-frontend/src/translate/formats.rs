//! The patterns of `to_char`, `to_date` and `to_timestamp`, as DuckDB's.
//!
//! DuckDB's `strftime` and `format` want constant patterns, so a pattern that is a constant is turned
//! here; another is left to fail loudly.

/// Words of PostgreSQL's patterns, the longest of a beginning first, and what DuckDB calls them.
const FIELDS: &[(&str, &str)] = &[
    ("YYYY", "%Y"),
    ("IYYY", "%G"),
    ("YY", "%y"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("SSSS", ""),
    ("SS", "%S"),
    ("MS", "%g"),
    ("US", "%f"),
    ("MONTH", ""),
    ("Month", "%B"),
    ("Mon", "%b"),
    ("MON", ""),
    ("MM", "%m"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("ID", "%u"),
    ("IW", "%V"),
    ("DAY", ""),
    ("Day", "%A"),
    ("DY", ""),
    ("Dy", "%a"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("TZH", ""),
    ("TZM", ""),
    ("TZ", "%Z"),
    ("OF", "%z"),
    ("Q", ""),
    ("WW", ""),
    ("W", ""),
    ("D", ""),
    ("J", ""),
    ("CC", ""),
];

/// A pattern of dates and times; `None` where it holds something DuckDB cannot write.
pub(super) fn time(pattern: &str) -> Option<String> {
    let mut result = String::with_capacity(pattern.len() + 8);
    let (mut at, mut fields, mut fill) = (0, 0, true);
    while let Some(symbol) = pattern[at..].chars().next() {
        let rest = &pattern[at..];
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            result.push_str(&quoted[..end].replace('%', "%%"));
            at += end + 2;
        } else if rest.starts_with("FM") || rest.starts_with("fm") {
            fill = false;
            at += 2;
        } else if let Some((word, duckdb)) = field(rest) {
            (!duckdb.is_empty()).then_some(())?;
            // Full names are padded to nine places.
            (!(fill && matches!(*duckdb, "%B" | "%A"))).then_some(())?;
            let bare = !fill && matches!(*duckdb, "%m" | "%d" | "%H" | "%I" | "%M" | "%S" | "%j");
            result.push_str(&if bare { duckdb.replace('%', "%-") } else { (*duckdb).to_owned() });
            fields += 1;
            fill = true;
            at += word.len();
        } else {
            (!symbol.is_ascii_alphabetic() || symbol == 'T').then_some(())?;
            result.push_str(if symbol == '%' { "%%" } else { &rest[..symbol.len_utf8()] });
            at += symbol.len_utf8();
        }
    }
    (fields > 0).then_some(result)
}

fn field(rest: &str) -> Option<&'static (&'static str, &'static str)> {
    FIELDS.iter().find(|(word, _)| rest.starts_with(word)).or_else(|| {
        // `yyyy-mm-dd` is as good; names in lower case are another spelling of the value.
        FIELDS.iter().find(|(word, duckdb)| {
            rest.get(..word.len()).is_some_and(|start| start == word.to_ascii_lowercase())
                && !matches!(*duckdb, "%B" | "%b" | "%A" | "%a" | "%p" | "%Z")
        })
    })
}

/// A pattern of a number such as `FM999,990.00`, as the further arguments of the macro `to_char_number`: the digits before
/// the point, how many of them are always written, the places behind it, how many of those are always written, whether
/// nothing is padded, and the form of the sign. `None` for what that macro cannot do.
pub(super) fn number(pattern: &str) -> Option<String> {
    let upper = pattern.to_ascii_uppercase();
    let (rest, bare) = upper.strip_prefix("FM").map_or((upper.as_str(), false), |rest| (rest, true));
    let mut sign = "";
    let mut digits = rest;
    for (mark, before, behind) in [
        ("SG", "SG", "SGE"),
        ("S", "S", "SE"),
        ("MI", "MI", "MIE"),
        ("PL", "PL", "PLE"),
        ("PR", "", "PR"),
        ("L", "L", ""),
        ("B", "B", ""),
    ] {
        if let Some(rest) = digits.strip_prefix(mark).filter(|_| !before.is_empty()) {
            (sign, digits) = (before, rest);
            break;
        }
        if let Some(rest) = digits.strip_suffix(mark).filter(|_| !behind.is_empty()) {
            (sign, digits) = (behind, rest);
            break;
        }
    }
    let known = |byte: u8| matches!(byte, b'0' | b'9' | b',' | b'.' | b'D' | b'G');
    (!digits.is_empty() && digits.bytes().all(known)).then_some(())?;
    let digits = digits.replace('D', ".").replace('G', ",");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    (!fraction.contains(['.', ',']) && fraction.len() <= 10).then_some(())?;
    // From the first zero on digits are always written; behind the point, up to the last one.
    let zeros = whole.find('0').map_or(0, |first| whole[first..].bytes().filter(|&byte| byte != b',').count());
    let least = if bare { fraction.rfind('0').map_or(0, |last| last + 1) } else { fraction.len() };
    let point = digits.contains('.');
    Some(format!("'{whole}', {zeros}, {}, {least}, {point}, {bare}, '{sign}'", fraction.len()))
}

/// A part of a text for `format`.
pub(super) enum Piece {
    Literal(String),
    /// An argument, how it is written, and its width; a negative one pads behind.
    Argument(usize, char, i32),
}

impl Piece {
    pub fn argument(&self) -> Option<usize> {
        if let Piece::Argument(index, ..) = self { Some(*index) } else { None }
    }

    pub fn literal(&self) -> &str {
        if let Piece::Literal(text) = self { text } else { "" }
    }

    /// The piece in a pattern of DuckDB's `format`.
    pub fn pattern(&self) -> String {
        match self {
            Piece::Literal(text) => text.replace('{', "{{").replace('}', "}}"),
            Piece::Argument(..) => "{}".to_owned(),
        }
    }

    /// What goes around the argument.
    pub fn call(&self) -> (String, String) {
        let Piece::Argument(_, kind, width) = self else { return Default::default() };
        let (open, close) = match kind {
            'I' => ("pgc.quote_ident((", ")::VARCHAR)"),
            'L' => ("pgc.quote_nullable(", ")"),
            _ => ("pgc.format_s(", ")"),
        };
        match width {
            0 => (open.to_owned(), close.to_owned()),
            1.. => (format!("pgc.pad_left({open}"), format!("{close}, {width})")),
            _ => (format!("pgc.pad_right({open}"), format!("{close}, {})", -width)),
        }
    }
}

/// The pieces of a text for `format`, which has so many arguments; or PostgreSQL's message about it.
pub(super) fn text(text: &str, arguments: usize) -> Result<Vec<Piece>, String> {
    let mut pieces = vec![Piece::Literal(String::new())];
    let (mut rest, mut next) = (text, 0);
    while let Some(at) = rest.find('%') {
        append(&mut pieces, &rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            append(&mut pieces, "%");
            rest = behind;
            continue;
        }
        let number = |text: &str| {
            let length = text.bytes().take_while(u8::is_ascii_digit).count();
            (text[..length].parse::<usize>().ok(), length)
        };
        if let (Some(position), length) = number(rest)
            && rest[length..].starts_with('$')
        {
            next = position.checked_sub(1).ok_or("format specifies argument 0, but arguments are numbered from 1")?;
            rest = &rest[length + 1..];
        }
        let left = rest.starts_with('-');
        rest = rest.trim_start_matches('-');
        let (width, length) = number(rest);
        rest = &rest[length..];
        let width = width.and_then(|width| i32::try_from(width).ok()).unwrap_or(0);
        let kind = rest.chars().next().ok_or("unterminated format() type specifier")?;
        if !matches!(kind, 's' | 'I' | 'L') {
            return Err(format!("unrecognized format() type specifier \"{kind}\""));
        }
        if next >= arguments {
            return Err("too few arguments for format()".to_owned());
        }
        pieces.push(Piece::Argument(next, kind, if left { -width } else { width }));
        next += 1;
        rest = &rest[1..];
    }
    append(&mut pieces, rest);
    Ok(pieces)
}

fn append(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Literal(last)) => last.push_str(text),
        _ => pieces.push(Piece::Literal(text.to_owned())),
    }
}

/// A pattern of dates and times with words that `strftime` does not have, as a concatenation of calls for `value`.
pub(super) fn time_pieces(pattern: &str, value: &str) -> Option<String> {
    // Longer words first; `#` stands for the value.
    const PIECES: &[(&str, &str, &str)] = &[
        ("MONTH", "rpad(upper(monthname(#)), 9, ' ')", "upper(monthname(#))"),
        ("Month", "rpad(monthname(#), 9, ' ')", "monthname(#)"),
        ("month", "rpad(lower(monthname(#)), 9, ' ')", "lower(monthname(#))"),
        ("MON", "upper(strftime(#, '%b'))", "upper(strftime(#, '%b'))"),
        ("mon", "lower(strftime(#, '%b'))", "lower(strftime(#, '%b'))"),
        ("DAY", "rpad(upper(dayname(#)), 9, ' ')", "upper(dayname(#))"),
        ("Day", "rpad(dayname(#), 9, ' ')", "dayname(#)"),
        ("day", "rpad(lower(dayname(#)), 9, ' ')", "lower(dayname(#))"),
        ("DY", "upper(strftime(#, '%a'))", "upper(strftime(#, '%a'))"),
        ("dy", "lower(strftime(#, '%a'))", "lower(strftime(#, '%a'))"),
        (
            "p.m.",
            "CASE WHEN hour(#) < 12 THEN 'a.m.' ELSE 'p.m.' END",
            "CASE WHEN hour(#) < 12 THEN 'a.m.' ELSE 'p.m.' END",
        ),
        (
            "a.m.",
            "CASE WHEN hour(#) < 12 THEN 'a.m.' ELSE 'p.m.' END",
            "CASE WHEN hour(#) < 12 THEN 'a.m.' ELSE 'p.m.' END",
        ),
        ("am", "lower(strftime(#, '%p'))", "lower(strftime(#, '%p'))"),
        ("pm", "lower(strftime(#, '%p'))", "lower(strftime(#, '%p'))"),
        ("Y,YYY", "format('{:,}', year(#))", "format('{:,}', year(#))"),
        (
            "SSSS",
            "(hour(#) * 3600 + minute(#) * 60 + second(#))::VARCHAR",
            "(hour(#) * 3600 + minute(#) * 60 + second(#))::VARCHAR",
        ),
        ("CC", "lpad(((year(#) + 99) // 100)::VARCHAR, 2, '0')", "((year(#) + 99) // 100)::VARCHAR"),
        ("WW", "lpad(((dayofyear(#) - 1) // 7 + 1)::VARCHAR, 2, '0')", "((dayofyear(#) - 1) // 7 + 1)::VARCHAR"),
        ("Q", "quarter(#)::VARCHAR", "quarter(#)::VARCHAR"),
        ("J", "julian(#::DATE)::BIGINT::VARCHAR", "julian(#::DATE)::BIGINT::VARCHAR"),
    ];
    const SHORT: &[(&str, &str)] = &[("W", "((day(#) - 1) // 7 + 1)::VARCHAR"), ("D", "(dayofweek(#) + 1)::VARCHAR")];
    let mut parts = Vec::new();
    let (mut rest, mut plain) = (pattern, String::new());
    while !rest.is_empty() {
        let (bare, word) = rest.strip_prefix("FM").map_or((false, rest), |word| (true, word));
        let known = field(word).filter(|(_, duckdb)| !duckdb.is_empty() && !matches!(*duckdb, "%B" | "%A"));
        let piece = PIECES
            .iter()
            .find(|(name, ..)| word.starts_with(name))
            .map(|(name, padded, short)| (*name, if bare { *short } else { *padded }));
        let short = || SHORT.iter().find(|(name, _)| word.starts_with(name)).copied();
        // `MON` is a word of its own, `MM` is none of these.
        let piece = piece.filter(|(name, _)| known.is_none_or(|(other, _)| other.len() < name.len()));
        let piece = piece.or_else(|| if known.is_none() { short() } else { None });
        let Some((name, sql)) = piece else {
            let length = known.map_or_else(
                || rest.chars().next().map_or(1, char::len_utf8),
                |(name, _)| name.len() + if bare { 2 } else { 0 },
            );
            plain.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        };
        if !plain.is_empty() {
            parts.push(plain_piece(&std::mem::take(&mut plain), value)?);
        }
        parts.push(sql.replace('#', value));
        rest = &word[name.len()..];
    }
    if !plain.is_empty() {
        parts.push(plain_piece(&plain, value)?);
    }
    (parts.len() > 1 || pattern.len() < 8).then(|| format!("({})", parts.join(" || ")))
}

/// The part of a pattern that `strftime` can write, or that is only marks.
fn plain_piece(pattern: &str, value: &str) -> Option<String> {
    if pattern.bytes().all(|byte| !byte.is_ascii_alphanumeric() && byte != b'"') {
        return Some(super::literal::quote(pattern));
    }
    Some(format!("strftime({value}, {})", super::literal::quote(&time(pattern)?)))
}

/// How many groups of a regular expression capture something.
pub(super) fn captures(pattern: &str) -> usize {
    let bytes = pattern.as_bytes();
    let (mut at, mut class, mut groups) = (0, false, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' => class = true,
            b']' => class = false,
            b'(' if !class && bytes.get(at + 1) != Some(&b'?') => groups += 1,
            _ => {}
        }
        at += 1;
    }
    groups
}
