//! Where lines end.
//!
//! A line ends with LF, CR LF or CR, whichever ends the first one; the others are errors from then on. In text a backslash
//! takes the next byte's meaning away, in CSV quotes do. The search goes on where it stopped when more bytes come.

use super::{CopyInput, CopyProblem};
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    Unknown,
    Lf,
    Cr,
    CrLf,
}

/// A line that was found.
pub(super) struct Line {
    pub(super) content: Range<usize>,
    pub(super) next: usize,
    /// Line ends inside of quotes.
    pub(super) inner_lines: u64,
}

/// The search for ends of lines.
pub(super) struct Lines {
    /// Quote of CSV, and its escape where that is another byte: a doubled quote ends and begins again.
    csv: Option<(u8, Option<u8>)>,
    end: LineEnd,
    /// Up to here the line was searched.
    searched: usize,
    in_quotes: bool,
    /// The last byte was an escape that takes the next one's meaning away.
    escaped: bool,
    inner_lines: u64,
}

impl Lines {
    pub(super) fn new(input: &CopyInput) -> Self {
        let csv = match input {
            CopyInput::Csv { quote, escape, .. } => Some((*quote, Some(*escape).filter(|escape| escape != quote))),
            CopyInput::Text { .. } | CopyInput::Binary => None,
        };
        Self { csv, end: LineEnd::Unknown, searched: 0, in_quotes: false, escaped: false, inner_lines: 0 }
    }

    /// The first bytes were dropped.
    pub(super) fn forget(&mut self, bytes: usize) {
        self.searched = self.searched.saturating_sub(bytes);
    }

    /// The line that begins at `start`, if its end is there.
    pub(super) fn find(&mut self, bytes: &[u8], start: usize, at_end: bool) -> Result<Option<Line>, CopyProblem> {
        let mut at = self.searched.max(start);
        while let Some(byte) = bytes.get(at).copied() {
            if self.is_inside(byte) {
                at += 1;
                continue;
            }
            match byte {
                b'\n' => {
                    self.turn_to(LineEnd::Lf)?;
                    return Ok(Some(self.line(start..at, at + 1)));
                }
                b'\r' if matches!(self.end, LineEnd::Unknown | LineEnd::CrLf) => match bytes.get(at + 1) {
                    Some(b'\n') => {
                        self.end = LineEnd::CrLf;
                        return Ok(Some(self.line(start..at, at + 2)));
                    }
                    None if !at_end => {
                        self.searched = at;
                        return Ok(None);
                    }
                    _ => {
                        self.turn_to(LineEnd::Cr)?;
                        return Ok(Some(self.line(start..at, at + 1)));
                    }
                },
                b'\r' => {
                    self.turn_to(LineEnd::Cr)?;
                    return Ok(Some(self.line(start..at, at + 1)));
                }
                _ => at += 1,
            }
        }
        self.searched = at;
        if at_end && at > start {
            return Ok(Some(self.line(start..at, at)));
        }
        Ok(None)
    }

    /// Whether a byte belongs to the line whatever it is.
    #[inline]
    fn is_inside(&mut self, byte: u8) -> bool {
        let Some((quote, escape)) = self.csv else {
            if self.escaped {
                self.escaped = false;
                return true;
            }
            self.escaped = byte == b'\\';
            return !matches!(byte, b'\n' | b'\r');
        };
        if self.in_quotes && Some(byte) == escape {
            self.escaped = !self.escaped;
        }
        if byte == quote && !self.escaped {
            self.in_quotes = !self.in_quotes;
        }
        if Some(byte) != escape {
            self.escaped = false;
        }
        // PostgreSQL counts like this too, so line feeds in the first line's quotes are not: it does not know yet what ends lines.
        let ends = if self.end == LineEnd::Lf { b'\n' } else { b'\r' };
        self.inner_lines += u64::from(self.in_quotes && byte == ends);
        self.in_quotes || !matches!(byte, b'\n' | b'\r')
    }

    fn turn_to(&mut self, found: LineEnd) -> Result<(), CopyProblem> {
        let how = if self.csv.is_some() { "unquoted" } else { "literal" };
        match (self.end, found) {
            (LineEnd::Unknown, _) => self.end = found,
            (known, found) if known == found => {}
            (_, LineEnd::Lf) => return Err(CopyProblem::LineEnd(how, "newline")),
            _ => return Err(CopyProblem::LineEnd(how, "carriage return")),
        }
        Ok(())
    }

    fn line(&mut self, content: Range<usize>, next: usize) -> Line {
        let inner_lines = std::mem::take(&mut self.inner_lines);
        (self.searched, self.in_quotes, self.escaped) = (next, false, false);
        Line { content, next, inner_lines }
    }
}
