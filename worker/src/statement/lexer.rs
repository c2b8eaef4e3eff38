//! Cuts SQL into the tokens DuckDB's scanner cuts it into.
//!
//! Whatever reads a statement before DuckDB does must agree with it on where strings, comments
//! and names begin and end; a disagreement is a way round the policy. So this follows the rules of
//! DuckDB's own scanner (`third_party/libpg_query/scan.l`) to the byte, its oddities included:
//! nested comments, strings that continue on the next line, operators that stop before a comment,
//! and the typographic spaces its parser turns into plain ones before it scans.

use super::spaces;

/// The longest run of operator characters that is scanned. DuckDB's scanner looks at a run again and again (3 kB of
/// `+-+-…` take it 20 seconds, 12 kB half an hour, and nothing interrupts it), so it must not see longer ones.
const MAX_OPERATOR_BYTES: usize = 32;

/// The longest run of operator characters that may hold the start of a comment, for the same reason; room for a
/// banner of stars.
const MAX_COMMENT_MARK_BYTES: usize = 1024;

/// What a token is; its text is read from the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// White space, or typographic spaces that DuckDB reads as white space.
    Space,
    /// `-- to the end of the line`, or `/* … */`.
    Comment,
    /// A name or keyword without quotes.
    Word,
    /// `"name"`.
    QuotedName,
    /// `'text'`, with the parts that continue it on later lines.
    Text,
    /// `E'…'`, `B'…'`, `X'…'`: a string whose value is not what is written.
    CodedText,
    /// `$$text$$` or `$tag$text$tag$`.
    DollarText,
    Number,
    /// `?`, `?1` or `$1`; `$name` is a [`TokenKind::Symbol`] `$` and a name.
    Parameter,
    /// An operator or a punctuation mark.
    Symbol,
    /// A string, name or comment that does not end, an empty name, `U&'…'`: DuckDB refuses the text. Also a run of
    /// operator characters that it must not see.
    Broken,
}

/// A piece of the text; the tokens of a text follow each other without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// Byte offset of the first byte.
    pub(crate) start: usize,
    /// Byte offset after the last byte.
    pub(crate) end: usize,
}

impl Token {
    /// Whether the parser never sees it.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.kind, TokenKind::Space | TokenKind::Comment)
    }
}

/// The tokens of `sql`, in order and without gaps.
pub(crate) fn tokens(sql: &str) -> impl Iterator<Item = Token> {
    let scanner = Scanner { bytes: sql.as_bytes(), spaces: spaces::typographic(sql.as_bytes()) };
    let mut start = 0;
    std::iter::from_fn(move || {
        let (kind, end) = (start < scanner.bytes.len()).then(|| scanner.token(start))?;
        let token = Token { kind, start, end };
        start = end;
        Some(token)
    })
}

struct Scanner<'a> {
    bytes: &'a [u8],
    /// Spans of the typographic spaces that count as white space, ascending.
    spaces: Vec<(usize, usize)>,
}

impl Scanner<'_> {
    /// The byte at `at`, as DuckDB sees it: 0 past the end.
    fn at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The end of the white space character at `at`, if there is one.
    fn space(&self, at: usize) -> Option<usize> {
        if at < self.bytes.len() && matches!(self.at(at), b' ' | b'\t' | b'\n' | b'\r' | b'\x0c') {
            return Some(at + 1);
        }
        let index = self.spaces.binary_search_by_key(&at, |&(start, _)| start).ok()?;
        Some(self.spaces[index].1)
    }

    /// The first position from `from` on whose byte does not satisfy `test`.
    fn skip(&self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        (from..self.bytes.len()).find(|&at| !test(self.at(at)) || self.space(at).is_some()).unwrap_or(self.bytes.len())
    }

    /// The kind and the end of the token that starts at `start`.
    fn token(&self, start: usize) -> (TokenKind, usize) {
        if self.space(start).is_some() {
            return (TokenKind::Space, self.spaces_end(start));
        }
        let (byte, next) = (self.at(start), self.at(start + 1));
        match byte {
            b'-' if next == b'-' => (TokenKind::Comment, self.line_end(start)),
            b'/' if next == b'*' => self.comment(start),
            b'\'' => self.text(TokenKind::Text, start + 1, false),
            b'"' => self.quoted(start + 1),
            b'e' | b'E' if next == b'\'' => self.text(TokenKind::CodedText, start + 2, true),
            b'b' | b'B' | b'x' | b'X' if next == b'\'' => self.bits(start + 2),
            // DuckDB scans `U&'…'` and `U&"…"`, but has no way to read them.
            b'u' | b'U' if next == b'&' && matches!(self.at(start + 2), b'\'' | b'"') => {
                (TokenKind::Broken, self.bytes.len())
            }
            b'$' => self.dollar(start),
            b'?' => (TokenKind::Parameter, self.digits(start + 1, |byte| byte.is_ascii_digit())),
            b'0'..=b'9' => (TokenKind::Number, self.number(start)),
            b'.' if next.is_ascii_digit() => (TokenKind::Number, self.number(start)),
            _ if is_name_start(byte) => (TokenKind::Word, self.skip(start, is_name_part)),
            _ if is_operator(byte) => self.operator(start),
            b':' if matches!(next, b':' | b'=') => (TokenKind::Symbol, start + 2),
            b'.' if next == b'.' => (TokenKind::Symbol, start + 2),
            _ => (TokenKind::Symbol, start + 1),
        }
    }

    fn spaces_end(&self, mut at: usize) -> usize {
        while let Some(end) = self.space(at) {
            at = end;
        }
        at
    }

    fn line_end(&self, from: usize) -> usize {
        (from..self.bytes.len()).find(|&at| matches!(self.at(at), b'\n' | b'\r')).unwrap_or(self.bytes.len())
    }

    /// `/* … */`, nested.
    fn comment(&self, start: usize) -> (TokenKind, usize) {
        let (mut at, mut depth) = (start + 2, 1);
        if self.mark_is_too_long(start) {
            return (TokenKind::Broken, self.bytes.len());
        }
        while at < self.bytes.len() {
            match (self.at(at), self.at(at + 1)) {
                (b'/', b'*') if self.mark_is_too_long(at) => break,
                (b'/', b'*') => (depth, at) = (depth + 1, at + 2),
                (b'*', b'/') if depth == 1 => return (TokenKind::Comment, at + 2),
                (b'*', b'/') => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
        }
        (TokenKind::Broken, self.bytes.len())
    }

    /// Whether the operator characters from the start of a comment on are too many.
    fn mark_is_too_long(&self, start: usize) -> bool {
        let run = self.bytes[start..].iter().take(MAX_COMMENT_MARK_BYTES + 1);
        run.take_while(|&&byte| is_operator(byte)).count() > MAX_COMMENT_MARK_BYTES
    }

    /// The rest of a string whose opening quote ends at `at`; `escapes` when a backslash takes the next byte.
    fn text(&self, kind: TokenKind, mut at: usize, escapes: bool) -> (TokenKind, usize) {
        while at < self.bytes.len() {
            match self.at(at) {
                b'\'' if self.at(at + 1) == b'\'' => at += 2,
                b'\'' => match self.continued(at + 1) {
                    Some(next) => at = next,
                    None => return (kind, at + 1),
                },
                b'\\' if escapes => at = (at + 2).min(self.bytes.len()),
                _ => at += 1,
            }
        }
        (TokenKind::Broken, self.bytes.len())
    }

    /// `B'…'` and `X'…'`, which know no doubled quote.
    fn bits(&self, mut at: usize) -> (TokenKind, usize) {
        while at < self.bytes.len() {
            match self.at(at) {
                b'\'' => match self.continued(at + 1) {
                    Some(next) => at = next,
                    None => return (TokenKind::CodedText, at + 1),
                },
                _ => at += 1,
            }
        }
        (TokenKind::Broken, self.bytes.len())
    }

    /// Where a string goes on whose quote closed just before `at`: after a quote on a later line.
    fn continued(&self, mut at: usize) -> Option<usize> {
        let mut new_line = false;
        loop {
            if let Some(end) = self.space(at) {
                new_line |= matches!(self.at(at), b'\n' | b'\r');
                at = end;
            } else if self.at(at) == b'-' && self.at(at + 1) == b'-' {
                at = self.line_end(at);
            } else {
                return (new_line && self.at(at) == b'\'').then_some(at + 1);
            }
        }
    }

    /// The rest of a quoted name whose opening quote ends at `open`.
    fn quoted(&self, open: usize) -> (TokenKind, usize) {
        let mut at = open;
        while at < self.bytes.len() {
            match self.at(at) {
                b'"' if self.at(at + 1) == b'"' => at += 2,
                b'"' if at == open => return (TokenKind::Broken, at + 1),
                b'"' => return (TokenKind::QuotedName, at + 1),
                _ => at += 1,
            }
        }
        (TokenKind::Broken, self.bytes.len())
    }

    /// `$1`, `$$…$$`, `$tag$…$tag$`, or a lone `$`.
    fn dollar(&self, start: usize) -> (TokenKind, usize) {
        if self.at(start + 1).is_ascii_digit() {
            return (TokenKind::Parameter, self.digits(start + 1, |byte| byte.is_ascii_digit()));
        }
        let tag_end = match self.at(start + 1) {
            byte if is_name_start(byte) => self.skip(start + 1, |byte| is_name_start(byte) || byte.is_ascii_digit()),
            _ => start + 1,
        };
        if self.at(tag_end) != b'$' {
            return (TokenKind::Symbol, start + 1);
        }
        let (tag, body) = self.bytes.split_at(tag_end + 1);
        let tag = &tag[start..];
        match body.windows(tag.len()).position(|window| window == tag) {
            Some(at) => (TokenKind::DollarText, tag_end + 1 + at + tag.len()),
            None => (TokenKind::Broken, self.bytes.len()),
        }
    }

    fn digits(&self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        let mut at = from;
        while test(self.at(at)) || (at > from && self.at(at) == b'_' && test(self.at(at + 1))) {
            at += 1;
        }
        at
    }

    /// The end of a number: `1_000`, `1.5`, `.5`, `1e-5`.
    fn number(&self, start: usize) -> usize {
        let is_digit = |byte: u8| byte.is_ascii_digit();
        let mut end = self.digits(start, is_digit);
        if self.at(end) == b'.' && (end == start || self.at(end + 1) != b'.') {
            end = self.digits(end + 1, is_digit);
        }
        if self.at(end) | 0x20 == b'e' {
            let sign = usize::from(matches!(self.at(end + 1), b'+' | b'-'));
            if is_digit(self.at(end + 1 + sign)) {
                end = self.digits(end + 1 + sign, is_digit);
            }
        }
        end
    }

    /// A run of operator characters, cut where DuckDB's scanner cuts it.
    fn operator(&self, start: usize) -> (TokenKind, usize) {
        let run = &self.bytes[start..self.skip(start, is_operator)];
        let comment = run.windows(2).position(|pair| pair == b"/*" || pair == b"--");
        let mut length = comment.unwrap_or(run.len());
        if length > MAX_OPERATOR_BYTES {
            return (TokenKind::Broken, self.bytes.len());
        }
        // A trailing + or - belongs to the operand, unless the operator could not be standard SQL.
        while length > 1
            && matches!(run[length - 1], b'+' | b'-')
            && !run[..length - 1].iter().any(|byte| b"~!@^&|`%".contains(byte))
        {
            length -= 1;
        }
        (TokenKind::Symbol, start + length)
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_name_part(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_operator(byte: u8) -> bool {
    b"~!@^&|`+-*/%<>=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tokens that are not blank, separated by a bar; a broken one ends in `!`.
    fn cut(sql: &str) -> String {
        let pieces = tokens(sql).filter(|token| !token.is_blank());
        let text = |token: Token| {
            let mark = if token.kind == TokenKind::Broken { "!" } else { "" };
            format!("{}{mark}", &sql[token.start..token.end])
        };
        pieces.map(text).collect::<Vec<_>>().join("|")
    }

    /// Each was compared with the scanner of DuckDB 1.5.5.
    #[test]
    fn texts_are_cut_as_duckdb_cuts_them() {
        fn check(sql: &str, expected: &str) {
            assert_eq!(cut(sql), expected, "{sql}");
        }
        check("select a.b,1", "select|a|.|b|,|1");
        check("größe $é _1 a$b", "größe|$|é|_1|a$b");
        check("1_000 1__0 1_ .5 1. 1..2 1.5..2", "1_000|1|__0|1|_|.5|1.|1|..|2|1.5|..|2");
        check("1e5 1e1_0 1e 1e+ 1.e-5 0x1F 5a", "1e5|1e1_0|1|e|1|e|+|1.e-5|0|x1F|5|a");
        check("? ?12 $1 $12a ?? $1_0 $x", "?|?12|$1|$12|a|?|?|$1_0|$|x");
        check("a::b :: : := :- -> ->> => ... **", "a|::|b|::|:|:=|:|-|->|->>|=>|..|.|**");
        check("a<-1 a@-1 a=-1 +- <-- x", "a|<|-|1|a|@-|1|a|=|-|1|+|-|<");
        check("a */* x */ b //* x */ c", "a|*|b|/|c");
        check("a->?|b", "a|->|?|||b");
        check("{'a': 1}[1] #1 \\ `", "{|'a'|:|1|}|[|1|]|#|1|\\|`");
        check("'it''s' '\\' n'x' e'\\'' E'\\\\' x'a' B'1'", "'it''s'|'\\'|n|'x'|e'\\''|E'\\\\'|x'a'|B'1'");
        check("'a' 'b' 'a'\n'b' 'a' --\n'b'", "'a'|'b'|'a'\n'b'|'a' --\n'b'");
        check("\"a\"\"b\" \"ü\"", "\"a\"\"b\"|\"ü\"");
        check("$$a$$ $t$ $$ $u$ $t$ $t$x", "$$a$$|$t$ $$ $u$ $t$|$t$x!");
        check("a--b\r c--d", "a|c");
        check("/* /* */ */a/**/b", "a|b");
        check("'a", "'a!");
        check("\"a", "\"a!");
        check("a /* /* */", "a|/* /* */!");
        check("\"\"", "\"\"!");
        check("a U&\"b\"", "a|U&\"b\"!");
        check("a\u{a0}b\u{3000}(1)  ", "a|b|(|1|)");
        check("'\u{a0}' \"a\u{a0}\" a -- '\u{a0}\n\u{a0} b  ", "'\u{a0}'|\"a\u{a0}\"|a|b");
        // DuckDB takes the quote in the comment for the start of a string, and what follows for a name.
        check("a /* ' */\u{a0}b  ", "a|\u{a0}b");
        check("a\u{b}b", "a|\u{b}|b");
    }

    proptest! {
        #[test]
        fn tokens_are_the_text(sql in "([-a-eExXuU&'\"$?0-9 \\n/*+<>=.:;()\\\\_ü\u{a0}]|\\$t\\$|--|/\\*|\\*/|'')*") {
            let mut end = 0;
            for token in tokens(&sql) {
                prop_assert_eq!(token.start, end);
                prop_assert!(token.end > token.start);
                prop_assert!(sql.is_char_boundary(token.end));
                end = token.end;
            }
            prop_assert_eq!(end, sql.len());
        }

        #[test]
        fn any_text_is_read_without_a_panic(sql in "(select|from|set|use|explain|prepare|copy|create|pragma|with|as|[(),;.=?$'\" ]|\\PC)*") {
            let statement = crate::statement::Statement::read(&sql);
            let policy = crate::statement::Policy { trusted: false, endpoints: Vec::new(), given: Vec::new(), lakes: Vec::new() };
            let _ = policy.check(&statement, crate::statement::StatementKind::Multi, tavana_wire::Role::User);
            let _ = (statement.setting(), statement.transaction(), statement.needs_session(), statement.has_returning());
            let _ = statement.with_parameter_types(&["INTEGER".to_owned()]);
            let _ = crate::statement::split(&sql);
        }
    }
}
