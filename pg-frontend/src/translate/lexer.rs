//! PostgreSQL's tokens as spans of the source.
//!
//! DuckDB's lexer comes from an old PostgreSQL and has since gone its own way, so a text can mean one
//! thing to the client and another to DuckDB, silently (`0x1F` is `0 AS x1F`, `b'101'` a text). Every
//! decision of the translation therefore rests on the tokens PostgreSQL would see: its string forms, its
//! rule for where an operator ends, nested comments, dollar quotes. The lexer is an iterator that
//! allocates nothing; a string that goes on in another line is one token, as PostgreSQL has it.

use super::TranslateError;

/// How a string constant is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// `'…'` taken literally.
    Plain,
    /// `E'…'`, or `'…'` with `standard_conforming_strings` off.
    Escape,
    /// `U&'…'`
    Unicode,
    /// `B'…'`
    Bits,
    /// `X'…'`
    Hex,
    /// `N'…'`
    National,
    /// `$tag$…$tag$`
    Dollar,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An unquoted name or keyword.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A name as `U&"…"`.
    UnicodeQuoted,
    /// A number of any form.
    Number,
    /// A string constant.
    Text(Text),
    /// `$1`
    Parameter,
    /// An operator by PostgreSQL's rules.
    Operator,
    /// `::`
    Cast,
    /// One of `( ) [ ] , ; . :`, or `:=`, `..`; or a character that PostgreSQL does not know.
    Mark,
}

/// A token: its kind and its bytes in the source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// An iterator over the tokens of a text.
pub(super) struct Lexer<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    at: usize,
    standard_conforming_strings: bool,
}

const OPERATOR: &[u8] = b"+-*/<>=~!@#%^&|`?";

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

impl<'a> Lexer<'a> {
    /// A lexer at the start of `sql`.
    pub fn new(sql: &'a str, standard_conforming_strings: bool) -> Self {
        Lexer { sql, bytes: sql.as_bytes(), at: 0, standard_conforming_strings }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The next token, or `None` at the end.
    pub fn token(&mut self) -> Result<Option<Token>, TranslateError> {
        self.skip_space()?;
        let start = self.at;
        let Some(&byte) = self.bytes.get(start) else { return Ok(None) };
        let kind = match byte {
            b'\'' => {
                let form = if self.standard_conforming_strings { Text::Plain } else { Text::Escape };
                self.text(start, start, form)?
            }
            b'"' => {
                self.quoted(start, start)?;
                Kind::Quoted
            }
            b'$' => self.dollar(start)?,
            b':' if self.byte(start + 1) == b':' => {
                self.at += 2;
                Kind::Cast
            }
            b':' if self.byte(start + 1) == b'=' => {
                self.at += 2;
                Kind::Mark
            }
            b'.' if self.byte(start + 1) == b'.' => {
                self.at += 2;
                Kind::Mark
            }
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(start + 1).is_ascii_digit() => self.number(),
            _ if OPERATOR.contains(&byte) => {
                self.operator();
                Kind::Operator
            }
            _ if is_word_start(byte) => self.word(start)?,
            _ => {
                self.at += 1;
                Kind::Mark
            }
        };
        Ok(Some(Token { kind, start, end: self.at }))
    }

    fn skip_space(&mut self) -> Result<(), TranslateError> {
        loop {
            let byte = self.byte(self.at);
            if is_space(byte) {
                self.at += 1;
            } else if byte == b'-' && self.byte(self.at + 1) == b'-' {
                while self.at < self.bytes.len() && !matches!(self.bytes[self.at], b'\n' | b'\r') {
                    self.at += 1;
                }
            } else if byte == b'/' && self.byte(self.at + 1) == b'*' {
                self.block_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn block_comment(&mut self) -> Result<(), TranslateError> {
        let start = self.at;
        let mut depth = 1_usize;
        self.at += 2;
        while depth > 0 {
            match (self.byte(self.at), self.byte(self.at + 1)) {
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                }
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                _ if self.at >= self.bytes.len() => {
                    return Err(TranslateError::Unterminated { what: "/* comment", position: start });
                }
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    fn word(&mut self, start: usize) -> Result<Kind, TranslateError> {
        let next = self.byte(start + 1);
        if next == b'\'' {
            let form = match self.bytes[start] | 0x20 {
                b'e' => Some(Text::Escape),
                b'b' => Some(Text::Bits),
                b'x' => Some(Text::Hex),
                b'n' => Some(Text::National),
                _ => None,
            };
            if let Some(form) = form {
                return self.text(start, start + 1, form);
            }
        }
        if next == b'&' && self.bytes[start] | 0x20 == b'u' {
            match self.byte(start + 2) {
                b'\'' => return self.text(start, start + 2, Text::Unicode),
                b'"' => {
                    self.quoted(start, start + 2)?;
                    return Ok(Kind::UnicodeQuoted);
                }
                _ => {}
            }
        }
        while is_word(self.byte(self.at)) {
            self.at += 1;
        }
        Ok(Kind::Word)
    }

    fn quoted(&mut self, start: usize, quote: usize) -> Result<(), TranslateError> {
        self.at = quote + 1;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(TranslateError::Unterminated { what: "quoted identifier", position: start }),
                Some(b'"') if self.byte(self.at + 1) == b'"' => self.at += 2,
                Some(b'"') => break,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        if self.at == quote + 2 {
            return Err(TranslateError::EmptyIdentifier { position: start });
        }
        Ok(())
    }

    fn text(&mut self, start: usize, quote: usize, form: Text) -> Result<Kind, TranslateError> {
        self.at = quote + 1;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(TranslateError::Unterminated { what: "quoted string", position: start }),
                Some(b'\\') if form == Text::Escape => self.at += 2,
                Some(b'\'') if self.byte(self.at + 1) == b'\'' => self.at += 2,
                Some(b'\'') => {
                    self.at += 1;
                    if !self.continues() {
                        break;
                    }
                }
                Some(_) => self.at += 1,
            }
        }
        // An escape may have jumped over the end or into a character; the text is then unterminated.
        if self.at > self.bytes.len() || !self.sql.is_char_boundary(self.at) {
            return Err(TranslateError::Unterminated { what: "quoted string", position: start });
        }
        Ok(Kind::Text(form))
    }

    /// Whether the string goes on behind a line break; then stands behind the new opening quote.
    fn continues(&mut self) -> bool {
        let mut at = self.at;
        let mut line_break = false;
        loop {
            match self.byte(at) {
                b'\n' | b'\r' => {
                    line_break = true;
                    at += 1;
                }
                byte if is_space(byte) => at += 1,
                b'-' if line_break && self.byte(at + 1) == b'-' => {
                    while at < self.bytes.len() && !matches!(self.bytes[at], b'\n' | b'\r') {
                        at += 1;
                    }
                }
                b'\'' if line_break => {
                    self.at = at + 1;
                    return true;
                }
                _ => return false,
            }
        }
    }

    fn dollar(&mut self, start: usize) -> Result<Kind, TranslateError> {
        let mut at = start + 1;
        if self.byte(at).is_ascii_digit() {
            while self.byte(at).is_ascii_digit() {
                at += 1;
            }
            self.at = at;
            return Ok(Kind::Parameter);
        }
        if is_word_start(self.byte(at)) {
            while is_word(self.byte(at)) && self.byte(at) != b'$' {
                at += 1;
            }
        }
        if self.byte(at) != b'$' {
            self.at = start + 1;
            return Ok(Kind::Mark);
        }
        let tag = &self.sql[start..=at];
        match self.sql[at + 1..].find(tag) {
            Some(found) => {
                self.at = at + 1 + found + tag.len();
                Ok(Kind::Text(Text::Dollar))
            }
            None => Err(TranslateError::Unterminated { what: "dollar-quoted string", position: start }),
        }
    }

    fn digits(&mut self, is_digit: fn(u8) -> bool) {
        while is_digit(self.byte(self.at)) || (self.byte(self.at) == b'_' && is_digit(self.byte(self.at + 1))) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Kind {
        let radix: Option<fn(u8) -> bool> = match (self.byte(self.at), self.byte(self.at + 1) | 0x20) {
            (b'0', b'x') => Some(|byte| byte.is_ascii_hexdigit()),
            (b'0', b'o') => Some(|byte| matches!(byte, b'0'..=b'7')),
            (b'0', b'b') => Some(|byte| matches!(byte, b'0' | b'1')),
            _ => None,
        };
        if let Some(is_digit) = radix
            && is_digit(self.byte(self.at + 2))
        {
            self.at += 2;
            self.digits(is_digit);
            return Kind::Number;
        }
        let is_digit: fn(u8) -> bool = |byte| byte.is_ascii_digit();
        self.digits(is_digit);
        if self.byte(self.at) == b'.' && self.byte(self.at + 1) != b'.' {
            self.at += 1;
            self.digits(is_digit);
        }
        if self.byte(self.at) | 0x20 == b'e' {
            let sign = usize::from(matches!(self.byte(self.at + 1), b'+' | b'-'));
            if self.byte(self.at + 1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                self.digits(is_digit);
            }
        }
        Kind::Number
    }

    /// An operator ends before a comment, and before a trailing `+` or `-` unless it holds a character
    /// that SQL's own operators do not have.
    fn operator(&mut self) {
        let start = self.at;
        let mut end = start;
        while end < self.bytes.len() && OPERATOR.contains(&self.bytes[end]) {
            if end > start && matches!((self.bytes[end], self.byte(end + 1)), (b'-', b'-') | (b'/', b'*')) {
                break;
            }
            end += 1;
        }
        let exotic = self.bytes[start..end].iter().any(|byte| b"~!@#%^&|`?".contains(byte));
        while !exotic && end - start > 1 && matches!(self.bytes[end - 1], b'+' | b'-') {
            end -= 1;
        }
        self.at = end;
    }
}
