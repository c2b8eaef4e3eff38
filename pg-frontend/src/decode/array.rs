//! Array literals: `{1,NULL,"a b"}`, `{{1,2},{3,4}}`, `[0:1]={5,6}`.
//!
//! Bounds other than 1 are read and forgotten: DuckDB's lists have none.

use super::DecodeError;
use super::scalar::is_space;

const MAX_DIMENSIONS: usize = 6;

/// The elements of an array, the last dimension fastest. Text or binary, as they came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Elements {
    /// Lengths, none for an empty array.
    pub(crate) dimensions: Vec<usize>,
    pub(crate) values: Vec<Option<Vec<u8>>>,
    pub(crate) is_binary: bool,
}

/// Reads a literal.
pub(crate) fn parse(text: &str) -> Result<Elements, DecodeError> {
    let mut parser = Parser { text: text.as_bytes(), at: 0, elements: Elements::default(), counts: Vec::new() };
    match parser.whole() {
        Some(()) => Ok(parser.elements),
        None => Err(DecodeError::Array(text.into())),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    elements: Elements,
    /// Items so far in each open brace.
    counts: Vec<usize>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn whole(&mut self) -> Option<()> {
        self.skip_space();
        self.bounds()?;
        (self.peek()? == b'{').then_some(())?;
        // How deep elements lie is known from the first one.
        let mut depth = None;
        let mut expect_item = true;
        loop {
            self.skip_space();
            match self.peek()? {
                b'{' if expect_item => {
                    self.at += 1;
                    self.counts.push(0);
                    (self.counts.len() <= MAX_DIMENSIONS && depth.is_none_or(|depth| self.counts.len() <= depth))
                        .then_some(())?;
                    self.skip_space();
                    if self.peek()? == b'}' {
                        expect_item = false;
                        // Only the whole array may be empty.
                        (self.counts.len() == 1).then_some(())?;
                    }
                }
                b'}' if !expect_item => {
                    self.at += 1;
                    self.close(&mut depth)?;
                    if self.counts.is_empty() {
                        self.skip_space();
                        return (self.at == self.text.len()).then_some(());
                    }
                }
                b',' if !expect_item => {
                    self.at += 1;
                    expect_item = true;
                }
                _ if expect_item => {
                    (depth.get_or_insert(self.counts.len()) == &self.counts.len()).then_some(())?;
                    let value = self.item()?;
                    self.elements.values.push(value);
                    *self.counts.last_mut()? += 1;
                    expect_item = false;
                }
                _ => return None,
            }
        }
    }

    /// Closes a brace; all braces of one depth must hold the same number.
    fn close(&mut self, depth: &mut Option<usize>) -> Option<()> {
        let count = self.counts.pop()?;
        let level = self.counts.len();
        if let Some(outer) = self.counts.last_mut() {
            *outer += 1;
        }
        let Some(depth) = *depth else { return Some(()) };
        self.elements.dimensions.resize(depth, 0);
        let known = self.elements.dimensions.get_mut(level)?;
        (*known == 0 || *known == count).then(|| *known = count)
    }

    /// Explicit bounds in front: `[1:2][0:3]=`.
    fn bounds(&mut self) -> Option<()> {
        if self.peek() != Some(b'[') {
            return Some(());
        }
        let length = self.text[self.at..].iter().position(|byte| *byte == b'=')?;
        let bounds = std::str::from_utf8(&self.text[self.at..self.at + length]).ok()?.trim_end();
        for bound in bounds.strip_prefix('[')?.strip_suffix(']')?.split("][") {
            let (lower, upper) = bound.split_once(':').unwrap_or(("1", bound));
            (lower.parse::<i32>().ok()? <= upper.parse::<i32>().ok()?).then_some(())?;
        }
        self.at += length + 1;
        self.skip_space();
        Some(())
    }

    /// One element, quoted or not.
    fn item(&mut self) -> Option<Option<Vec<u8>>> {
        let mut value = Vec::new();
        if self.peek()? == b'"' {
            self.at += 1;
            loop {
                let byte = self.peek()?;
                self.at += 1;
                match byte {
                    b'"' => break,
                    b'\\' => {
                        value.push(self.peek()?);
                        self.at += 1;
                    }
                    _ => value.push(byte),
                }
            }
            self.skip_space();
            return matches!(self.peek()?, b',' | b'}').then_some(Some(value));
        }
        // Space at the end does not count, unless it is escaped.
        let (mut kept, mut escaped) = (0, false);
        loop {
            let byte = self.peek()?;
            match byte {
                b',' | b'}' => break,
                b'{' | b'"' => return None,
                b'\\' => {
                    self.at += 1;
                    value.push(self.peek()?);
                    escaped = true;
                    kept = value.len();
                }
                _ => {
                    value.push(byte);
                    if !is_space(byte) {
                        kept = value.len();
                    }
                }
            }
            self.at += 1;
        }
        value.truncate(kept);
        if value.is_empty() {
            return None;
        }
        Some((escaped || !value.eq_ignore_ascii_case(b"NULL")).then_some(value))
    }
}
