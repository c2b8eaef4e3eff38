//! Cuts SQL into tokens, as DuckDB does.
//!
//! What a statement is, and which statements are alike, is asked of every text, also of those that no parser here understands. So it is
//! asked of tokens: where strings, names and comments begin and end follows DuckDB's scanner, nested comments and strings with a tag
//! between dollars among them.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name or keyword without quotes.
    Word,
    /// `"name"`.
    Quoted,
    /// A string of any form.
    Text,
    Number,
    /// `?`, `?1`, `$1` or `$name`.
    Parameter,
    /// One character, or a pair such as `::`.
    Symbol,
    /// A string, name or comment that does not end.
    Broken,
}

/// A piece of a text that is neither space nor comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'a str,
}

impl Token<'_> {
    /// Whether it is this keyword, given in lower case.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    pub(crate) fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    /// The name it is, in lower case and without quotes; empty when it is none.
    pub(crate) fn name(&self) -> String {
        match self.kind {
            TokenKind::Word => self.text.to_lowercase(),
            TokenKind::Quoted => {
                self.text.trim_start_matches('"').trim_end_matches('"').replace("\"\"", "\"").to_lowercase()
            }
            _ => String::new(),
        }
    }
}

/// The tokens of `sql`, without spaces and comments.
pub(crate) fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = &sql[at..];
            let first = rest.chars().next()?;
            if is_space(first) {
                at += first.len_utf8();
            } else if rest.starts_with("--") {
                at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let Some(length) = comment_length(rest) else {
                    at = sql.len();
                    return Some(Token { kind: TokenKind::Broken, text: rest });
                };
                at += length;
            } else {
                let (kind, length) = cut(rest, first);
                at += length;
                return Some(Token { kind, text: &rest[..length] });
            }
        }
    })
}

/// DuckDB reads typographic spaces as plain ones.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// The length of the comment at the start of `rest`, which may have others in it.
fn comment_length(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (2, 1_usize);
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (b'*', Some(b'/')) if depth == 1 => return Some(at + 2),
            (b'*', Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    None
}

/// The kind and length of the token at the start of `rest`, whose first character is `first`.
fn cut(rest: &str, first: char) -> (TokenKind, usize) {
    let bytes = rest.as_bytes();
    let broken = (TokenKind::Broken, rest.len());
    let text = |open, escapes| quoted(bytes, open, b'\'', escapes).map_or(broken, |end| (TokenKind::Text, end));
    match first {
        '\'' => text(1, false),
        '"' => quoted(bytes, 1, b'"', false).map_or(broken, |end| (TokenKind::Quoted, end)),
        'e' | 'E' if bytes.get(1) == Some(&b'\'') => text(2, true),
        'b' | 'B' | 'x' | 'X' if bytes.get(1) == Some(&b'\'') => text(2, false),
        '$' => dollar(rest),
        '?' => (TokenKind::Parameter, 1 + count(&bytes[1..], u8::is_ascii_digit)),
        '0'..='9' => (TokenKind::Number, number(bytes)),
        '.' if bytes.get(1).is_some_and(u8::is_ascii_digit) => (TokenKind::Number, number(bytes)),
        _ if is_name_start(first) => (TokenKind::Word, name_length(rest)),
        _ if ["::", ":=", "->", "=>", "||", "<=", ">=", "<>", "!="].iter().any(|pair| rest.starts_with(pair)) => {
            (TokenKind::Symbol, 2)
        }
        _ => (TokenKind::Symbol, first.len_utf8()),
    }
}

/// The end of what `quote` closes; a doubled quote does not.
fn quoted(bytes: &[u8], mut at: usize, quote: u8, escapes: bool) -> Option<usize> {
    while at < bytes.len() {
        match bytes[at] {
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return Some(at + 1),
            b'\\' if escapes => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// `$1`, `$name`, `$$text$$`, `$tag$text$tag$` or a lone `$`.
fn dollar(rest: &str) -> (TokenKind, usize) {
    let after = &rest[1..];
    let digits = count(after.as_bytes(), u8::is_ascii_digit);
    if digits > 0 {
        return (TokenKind::Parameter, 1 + digits);
    }
    let tag = match after.chars().next() {
        Some(first) if is_name_start(first) => {
            after.find(|c: char| !is_name_start(c) && !c.is_ascii_digit()).unwrap_or(after.len())
        }
        _ => 0,
    };
    if !after[tag..].starts_with('$') {
        return if tag > 0 { (TokenKind::Parameter, 1 + tag) } else { (TokenKind::Symbol, 1) };
    }
    let (mark, body) = rest.split_at(tag + 2);
    match body.find(mark) {
        Some(end) => (TokenKind::Text, mark.len() + end + mark.len()),
        None => (TokenKind::Broken, rest.len()),
    }
}

fn number(bytes: &[u8]) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'_';
    let mut end = count(bytes, is_part);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1) != Some(&b'.') {
        end += 1 + count(&bytes[end + 1..], is_part);
    }
    if bytes.get(end).is_some_and(|byte| byte | 0x20 == b'e') {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let digits = count(&bytes[(end + 1 + sign).min(bytes.len())..], u8::is_ascii_digit);
        end += if digits > 0 { 1 + sign + digits } else { 0 };
    }
    end
}

fn count(bytes: &[u8], test: impl Fn(&u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| test(byte)).count()
}

fn name_length(rest: &str) -> usize {
    let is_part = |c: char| is_name_start(c) || c.is_ascii_digit() || c == '$';
    rest.find(|c: char| !is_part(c)).unwrap_or(rest.len())
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || (!character.is_ascii() && !is_space(character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_cut_as_duckdb_cuts_them() {
        fn check(sql: &str, expected: &str) {
            let mark = |token: Token<'_>| if token.kind == TokenKind::Broken { "!" } else { "" };
            let pieces: Vec<String> = tokens(sql).map(|token| format!("{}{}", token.text, mark(token))).collect();
            assert_eq!(pieces.join("|"), expected, "{sql}");
        }
        check("select a.b,1", "select|a|.|b|,|1");
        check("größe $é ? ?12 $1 $x", "größe|$é|?|?12|$1|$x");
        check("1_000 .5 1. 1..2 1e5 1e-5 1e 5a", "1_000|.5|1.|1|.|.2|1e5|1e-5|1|e|5|a");
        check("'it''s' e'\\'' x'a' \"a\"\"b\"", "'it''s'|e'\\''|x'a'|\"a\"\"b\"");
        check("$$a$$ $t$ $$ $u$ $t$ $t$x", "$$a$$|$t$ $$ $u$ $t$|$t$x!");
        check("/* /* */ */a/**/b --c\rd", "a|b|d");
        check("'a", "'a!");
        check("a /* /* */", "a|/* /* */!");
        check("a\u{a0}b\u{3000}(1)  ", "a|b|(|1|)");
    }

    proptest! {
        #[test]
        fn any_text_is_cut(sql in "([-a-eExXuU&'\"$?0-9 \\n/*+<>=.:;()\\\\_ü\u{a0}]|\\$t\\$|--|/\\*|\\*/|''|\\PC)*") {
            let total: usize = tokens(&sql).map(|token| token.text.len()).sum();
            prop_assert!(total <= sql.len());
        }
    }
}
