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

/// A pattern of a number: DuckDB's format, the width to pad to, and whether zeros at the end go.
pub(super) struct NumberFormat {
    pub format: String,
    pub width: usize,
    pub trims: bool,
}

/// A pattern of digits such as `FM999,990.00`; `None` for all others.
pub(super) fn number(pattern: &str) -> Option<NumberFormat> {
    let (digits, fill) =
        pattern.strip_prefix("FM").or(pattern.strip_prefix("fm")).map_or((pattern, true), |rest| (rest, false));
    let known = |byte: u8| matches!(byte, b'0' | b'9' | b',' | b'.' | b'D' | b'G');
    (!digits.is_empty() && digits.bytes().all(known)).then_some(())?;
    let digits = digits.replace('D', ".").replace('G', ",");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    (!fraction.contains(['.', ','])).then_some(())?;
    let comma = if whole.contains(',') { "," } else { "" };
    // From the first zero on digits are always written.
    let zeros = whole.find('0').map_or(0, |first| whole[first..].bytes().filter(|&byte| byte != b',').count());
    let places = fraction.len();
    let least = if zeros > 1 && comma.is_empty() {
        let width = zeros + if places > 0 { places + 1 } else { 0 };
        format!("0{width}")
    } else {
        String::new()
    };
    let format = format!("{{:{least}{comma}.{places}f}}");
    Some(NumberFormat {
        format,
        width: if fill { digits.len() + 1 } else { 0 },
        trims: !fill && fraction.contains('9'),
    })
}

/// Whether a regular expression captures something.
pub(super) fn captures(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    let (mut at, mut class) = (0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' => class = true,
            b']' => class = false,
            b'(' if !class && bytes.get(at + 1) != Some(&b'?') => return true,
            _ => {}
        }
        at += 1;
    }
    false
}
