//! String constants and array texts: what they say, and how DuckDB must be told.
//!
//! DuckDB reads `'…'`, `$$…$$` and a part of `E'…'`; `U&'…'`, `B'…'`, `X'…'`, `\u0041` and continued
//! strings it refuses or misreads. These are decoded here and written again as plain constants.

use super::lexer::{Kind, Text, Token};

/// The value of a string constant; `None` where PostgreSQL would refuse it.
pub(super) fn value(sql: &str, token: Token) -> Option<String> {
    let Kind::Text(form) = token.kind else { return None };
    let source = &sql[token.start..token.end];
    if form == Text::Dollar {
        let tag = source[1..].find('$')? + 2;
        return Some(source[tag..source.len() - tag].to_owned());
    }
    let body = join(&source[source.find('\'')?..], form == Text::Escape);
    match form {
        Text::Escape => unescape(&body),
        Text::Unicode => unicode(&body, '\\'),
        _ => Some(body.replace("''", "'")),
    }
}

/// The inside of a quoted string, its continuations joined; doubled quotes stay.
fn join(quoted: &str, escapes: bool) -> String {
    let mut body = String::with_capacity(quoted.len());
    let bytes = quoted.as_bytes();
    let mut part = 1;
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => {
                body.push_str(&quoted[part..at]);
                match quoted[at + 1..].find(['\n', '\r']).and_then(|_| quoted[at + 1..].find('\'')) {
                    Some(next) => {
                        part = at + 1 + next + 1;
                        at = part;
                    }
                    None => return body,
                }
            }
            _ => at += 1,
        }
    }
    body
}

fn unescape(body: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body.chars().peekable();
    let mut buffer = [0; 4];
    while let Some(symbol) = rest.next() {
        if symbol == '\'' {
            rest.next_if_eq(&'\'');
        }
        if symbol != '\\' {
            bytes.extend_from_slice(symbol.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        match rest.next()? {
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            first @ '0'..='7' => {
                let mut number = first.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|next| next.is_digit(8)) else { break };
                    number = number * 8 + digit.to_digit(8)?;
                }
                bytes.push(u8::try_from(number & 0xff).ok()?);
            }
            'x' if rest.peek().is_some_and(char::is_ascii_hexdigit) => {
                bytes.push(u8::try_from(hex(&mut rest, 1, 2)?).ok()?);
            }
            kind @ ('u' | 'U') => {
                let length = if kind == 'u' { 4 } else { 8 };
                let unit = hex(&mut rest, length, length)?;
                let symbol = if (0xd800..0xdc00).contains(&unit) {
                    (rest.next()? == '\\' && matches!(rest.next()?, 'u' | 'U')).then_some(())?;
                    surrogates(unit, hex(&mut rest, 4, 4)?)?
                } else {
                    char::from_u32(unit)?
                };
                bytes.extend_from_slice(symbol.encode_utf8(&mut buffer).as_bytes());
            }
            other => bytes.extend_from_slice(other.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    (!bytes.contains(&0)).then_some(())?;
    String::from_utf8(bytes).ok()
}

fn hex(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, least: usize, most: usize) -> Option<u32> {
    let mut number = 0_u32;
    for index in 0..most {
        match rest.next_if(char::is_ascii_hexdigit) {
            Some(digit) => number = number.checked_mul(16)? + digit.to_digit(16)?,
            None if index < least => return None,
            None => break,
        }
    }
    Some(number)
}

fn surrogates(high: u32, low: u32) -> Option<char> {
    (0xdc00..0xe000).contains(&low).then_some(())?;
    char::from_u32(0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff))
}

/// The value of the inside of `U&'…'` or `U&"…"`.
pub(super) fn unicode(body: &str, escape: char) -> Option<String> {
    let mut text = String::with_capacity(body.len());
    let mut rest = body.chars().peekable();
    while let Some(symbol) = rest.next() {
        if symbol == '\'' {
            rest.next_if_eq(&'\'');
        }
        if symbol != escape {
            text.push(symbol);
        } else if rest.next_if_eq(&escape).is_some() {
            text.push(escape);
        } else {
            let unit = code_point(&mut rest)?;
            if (0xd800..0xdc00).contains(&unit) {
                (rest.next()? == escape).then_some(())?;
                text.push(surrogates(unit, code_point(&mut rest)?)?);
            } else {
                text.push(char::from_u32(unit).filter(|&symbol| symbol != '\0')?);
            }
        }
    }
    Some(text)
}

fn code_point(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<u32> {
    let length = if rest.next_if_eq(&'+').is_some() { 6 } else { 4 };
    hex(rest, length, length)
}

/// A plain string constant.
pub(super) fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A name in double quotes.
pub(super) fn quote_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The digits of `X'…'` as bits; `None` for anything but hexadecimal digits.
pub(super) fn hex_bits(value: &str) -> Option<String> {
    value.chars().map(|digit| digit.to_digit(16).map(|digit| format!("{digit:04b}"))).collect()
}

/// The text of a `bytea` constant as the text of a DuckDB BLOB constant.
pub(super) fn blob(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    if let Some(digits) = value.strip_prefix("\\x") {
        let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        for pair in digits.chunks(2) {
            bytes.push(u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()?);
        }
    } else {
        let source = value.as_bytes();
        let mut at = 0;
        while at < source.len() {
            if source[at] != b'\\' {
                bytes.push(source[at]);
                at += 1;
            } else if source.get(at + 1) == Some(&b'\\') {
                bytes.push(b'\\');
                at += 2;
            } else {
                bytes.push(u8::from_str_radix(value.get(at + 1..at + 4)?, 8).ok()?);
                at += 4;
            }
        }
    }
    let mut text = String::with_capacity(bytes.len() * 4);
    for byte in bytes {
        match byte {
            b'\'' | b'\\' | 0..=31 | 127.. => text.push_str(&format!("\\x{byte:02X}")),
            _ => text.push(char::from(byte)),
        }
    }
    Some(text)
}

/// The text `{1,"b c",NULL}` as the list `['1', 'b c', NULL]`; numbers are left bare with `bare_numbers`.
pub(super) fn array(value: &str, bare_numbers: bool) -> Option<String> {
    let mut list = String::with_capacity(value.len() * 2);
    let mut rest = value.trim().chars().peekable();
    array_level(&mut rest, bare_numbers, &mut list, 0)?;
    rest.next().is_none().then_some(list)
}

fn array_level(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    bare_numbers: bool,
    list: &mut String,
    depth: usize,
) -> Option<()> {
    (rest.next()? == '{' && depth < 6).then_some(())?;
    list.push('[');
    skip_blanks(rest);
    if rest.next_if_eq(&'}').is_some() {
        list.push(']');
        return Some(());
    }
    loop {
        skip_blanks(rest);
        if rest.peek() == Some(&'{') {
            array_level(rest, bare_numbers, list, depth + 1)?;
        } else {
            let (element, quoted) = element(rest)?;
            if !quoted && element.eq_ignore_ascii_case("null") {
                list.push_str("NULL");
            } else if bare_numbers && !quoted && is_number(&element) {
                list.push_str(&element);
            } else {
                list.push_str(&quote(&element));
            }
        }
        skip_blanks(rest);
        match rest.next()? {
            ',' => list.push_str(", "),
            '}' => break,
            _ => return None,
        }
    }
    list.push(']');
    Some(())
}

fn skip_blanks(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next_if(|symbol| symbol.is_ascii_whitespace()).is_some() {}
}

fn element(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<(String, bool)> {
    let mut text = String::new();
    if rest.next_if_eq(&'"').is_some() {
        loop {
            match rest.next()? {
                '"' => return Some((text, true)),
                '\\' => text.push(rest.next()?),
                symbol => text.push(symbol),
            }
        }
    }
    while let Some(symbol) = rest.next_if(|symbol| !matches!(symbol, ',' | '}' | '{' | '"')) {
        text.push(if symbol == '\\' { rest.next()? } else { symbol });
    }
    let trimmed = text.trim_end();
    (!trimmed.is_empty()).then(|| (trimmed.to_owned(), false))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|&byte| byte == b'.').count() < 2
        && digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
}
