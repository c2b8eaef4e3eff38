//! Typographic spaces, which DuckDB reads as plain ones.
//!
//! Before it scans a text DuckDB replaces spaces such as U+00A0 outside of strings and comments. Its search
//! for them is cruder than its scanner (it does not know `/* */` and backslashes), so it is
//! repeated here as it is (`Parser::StripUnicodeSpaces`), not as it should be.

/// The byte spans of the typographic spaces that DuckDB replaces, ascending.
pub(super) fn typographic(sql: &[u8]) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    // The last two bytes are never looked at, as in DuckDB.
    let last = sql.len().saturating_sub(2);
    let mut at = 0;
    while at < last {
        match sql[at] {
            b'"' | b'\'' => at = quoted_end(sql, at),
            b'$' if sql[at + 1] == b'$' || is_tag_start(sql[at + 1]) => at = dollar_end(sql, at),
            b'-' if sql[at + 1] == b'-' => at = line_end(sql, at),
            _ => {
                if let Some(length) = space_length(&sql[at..]) {
                    spans.push((at, at + length));
                }
                at += 1;
            }
        }
    }
    spans
}

/// The length of the typographic space at the start of `sql`, which is three bytes long at least.
fn space_length(sql: &[u8]) -> Option<usize> {
    match sql {
        [0xC2, 0xA0, ..] => Some(2),
        [0xE2, 0x80, 0x80..=0x8B | 0xAF, ..]
        | [0xE2, 0x81, 0x9F | 0xA0, ..]
        | [0xE3, 0x80, 0x80, ..]
        | [0xEF, 0xBB, 0xBF, ..] => Some(3),
        _ => None,
    }
}

/// Where the search goes on after the quote at `open`.
fn quoted_end(sql: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at + 1 < sql.len() {
        match (sql[at] == sql[open], sql[at + 1] == sql[open]) {
            (true, true) => at += 2,
            (true, false) => return at + 1,
            _ => at += 1,
        }
    }
    sql.len()
}

/// Where the search goes on after the `$` at `open`.
fn dollar_end(sql: &[u8], open: usize) -> usize {
    let last = sql.len() - 2;
    let Some(close) = (open + 1..last).find(|&at| !(is_tag_start(sql[at]) || sql[at].is_ascii_digit())) else {
        return sql.len();
    };
    if sql[close] != b'$' {
        return close;
    }
    let tag = &sql[open..=close];
    // DuckDB looks for the closing tag from the opening one's last `$` on.
    (close..last).find(|&at| sql[at..].starts_with(tag)).map_or(sql.len(), |at| at + tag.len() - 1)
}

fn line_end(sql: &[u8], from: usize) -> usize {
    (from..sql.len()).find(|&at| matches!(sql[at], b'\n' | b'\r')).unwrap_or(sql.len())
}

fn is_tag_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}
