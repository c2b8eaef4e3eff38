//! JSON as `jsonb` prints it: a blank behind `:` and `,`, each key once, short keys first, numbers without exponent.
//!
//! DuckDB keeps JSON as the text it came as. Text that is no JSON is left as it is.

use crate::decode::numeric;
use std::collections::BTreeMap;

/// Deeper values stay as they were written.
const DEPTH: usize = 200;

/// The normal form; `None` for what is no JSON.
pub(super) fn normal(text: &[u8]) -> Option<String> {
    let mut reader = Reader { text: std::str::from_utf8(text).ok()?, at: 0 };
    let mut out = String::with_capacity(text.len() + 16);
    reader.value(&mut out, 0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(out)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over a mark behind any blanks.
    fn eat(&mut self, mark: u8) -> bool {
        self.blanks();
        let found = self.next() == Some(mark);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, out: &mut String, depth: usize) -> Option<()> {
        (depth < DEPTH).then_some(())?;
        self.blanks();
        match self.next()? {
            b'{' => self.object(out, depth),
            b'[' => self.array(out, depth),
            b'"' => {
                out.push_str(&plain_escapes(self.string()?));
                Some(())
            }
            _ => self.word(out),
        }
    }

    fn object(&mut self, out: &mut String, depth: usize) -> Option<()> {
        self.at += 1;
        // Keys in the order of jsonb: by length, then by bytes. The last of equal keys counts.
        let mut members = BTreeMap::new();
        if !self.eat(b'}') {
            loop {
                self.blanks();
                let key = plain_escapes(self.string()?);
                self.eat(b':').then_some(())?;
                let mut value = String::new();
                self.value(&mut value, depth + 1)?;
                members.insert((key.len(), key), value);
                if !self.eat(b',') {
                    break;
                }
            }
            self.eat(b'}').then_some(())?;
        }
        out.push('{');
        for (place, ((_, key), value)) in members.iter().enumerate() {
            out.push_str(if place > 0 { ", " } else { "" });
            out.push_str(key);
            out.push_str(": ");
            out.push_str(value);
        }
        out.push('}');
        Some(())
    }

    fn array(&mut self, out: &mut String, depth: usize) -> Option<()> {
        self.at += 1;
        out.push('[');
        if !self.eat(b']') {
            loop {
                self.value(out, depth + 1)?;
                if !self.eat(b',') {
                    break;
                }
                out.push_str(", ");
            }
            self.eat(b']').then_some(())?;
        }
        out.push(']');
        Some(())
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        (self.next()? == b'"').then_some(())?;
        self.at += 1;
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start..self.at)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self, out: &mut String) -> Option<()> {
        let start = self.at;
        while matches!(self.next(), Some(b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.')) {
            self.at += 1;
        }
        let word = self.text.get(start..self.at)?;
        match word {
            "true" | "false" | "null" => out.push_str(word),
            _ if word.contains(['e', 'E']) => out.push_str(&numeric::parse(word).ok()?.text()),
            _ if word.starts_with(|first: char| first.is_ascii_digit() || first == '-') => out.push_str(word),
            _ => return None,
        }
        Some(())
    }
}

/// A string whose `\u` escapes are characters where a character can stand as it is.
fn plain_escapes(string: &str) -> String {
    if !string.contains("\\u") && !string.contains("\\/") {
        return string.to_owned();
    }
    let mut out = String::with_capacity(string.len());
    let mut rest = string;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let unit =
            escape.get(2..6).filter(|_| escape.starts_with("\\u")).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let symbol = unit.and_then(char::from_u32).filter(|&symbol| symbol >= ' ' && symbol != '"' && symbol != '\\');
        let length = match (symbol, escape.starts_with("\\/")) {
            (Some(symbol), _) => {
                out.push(symbol);
                6
            }
            (None, true) => {
                out.push('/');
                2
            }
            (None, false) => {
                out.push_str(&escape[..2.min(escape.len())]);
                2
            }
        };
        rest = escape.get(length..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn forms_of_jsonb() {
        let check =
            |text: &str, expected: &str| assert_eq!(normal(text.as_bytes()).as_deref(), Some(expected), "{text}");
        check(r#"{"b":1,"aa":2,"a":3}"#, r#"{"a": 3, "b": 1, "aa": 2}"#);
        check(r#" {"a" :  1,"a":2}"#, r#"{"a": 2}"#);
        check("[1,\"x\", {} , [ ],null]", r#"[1, "x", {}, [], null]"#);
        check("1e3", "1000");
        check("1.50", "1.50");
        check(r#""\u00e4\n\/""#, r#""ä\n/""#);
        assert_eq!(normal(b"[1,"), None);
        assert_eq!(normal(b"nothing"), None);
    }
}
