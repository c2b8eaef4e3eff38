//! The binary format: a signature, rows of counted fields, a trailer.

use super::{CopyDecoder, CopyError, CopyProblem};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, length of what else there is.
const HEADER: usize = 19;

/// What was read so far.
#[derive(Default)]
pub(super) struct State {
    is_started: bool,
}

impl CopyDecoder {
    /// Reads the header or a row if it is there whole. `false` says that there is no more for now.
    pub(super) fn read_tuple(&mut self, pending: &[u8], at_end: bool) -> Result<bool, CopyError> {
        let bytes = &pending[self.start..];
        if !self.tuples.is_started {
            return match header(bytes).map_err(|problem| self.error(problem, String::new()))? {
                Some(length) => {
                    self.start += length;
                    self.tuples.is_started = true;
                    Ok(true)
                }
                None if at_end => Err(self.error(CopyProblem::Signature, String::new())),
                None => Ok(false),
            };
        }
        let place = |line: u64| format!(", line {line}");
        if self.done {
            return match bytes.is_empty() {
                true => Ok(false),
                false => Err(self.error(CopyProblem::AfterEnd, place(self.line))),
            };
        }
        let Some((count, _)) = bytes.split_first_chunk() else {
            return match at_end && !bytes.is_empty() {
                true => Err(self.error(CopyProblem::UnexpectedEnd, place(self.line + 1))),
                false => Ok(false),
            };
        };
        match i16::from_be_bytes(*count) {
            -1 => {
                self.start += 2;
                self.done = true;
                Ok(true)
            }
            count if usize::try_from(count) != Ok(self.columns.len()) => {
                let problem = CopyProblem::FieldCount(count, self.columns.len());
                Err(self.error(problem, place(self.line + 1)))
            }
            _ => match row(bytes, self.columns.len()).map_err(|problem| self.error(problem, place(self.line + 1)))? {
                Some(length) => {
                    self.line += 1;
                    self.read_values(&bytes[2..length])?;
                    self.start += length;
                    self.rows += 1;
                    Ok(true)
                }
                None if at_end => Err(self.error(CopyProblem::UnexpectedEnd, place(self.line + 1))),
                None => Ok(false),
            },
        }
    }

    fn read_values(&mut self, mut bytes: &[u8]) -> Result<(), CopyError> {
        for position in 0..self.builders.len() {
            // The lengths were checked when the row was measured.
            let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(()) };
            bytes = rest;
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                self.builders[position].push_null();
                continue;
            };
            let Some((value, rest)) = bytes.split_at_checked(length) else { return Ok(()) };
            bytes = rest;
            if let Err(error) = self.builders[position].push_binary(value) {
                let place = format!(", line {}, column {}", self.line, self.columns[position].name);
                return Err(self.error(error.into(), place));
            }
        }
        Ok(())
    }
}

/// The length of the header, once it is there.
fn header(bytes: &[u8]) -> Result<Option<usize>, CopyProblem> {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes[..known] != SIGNATURE[..known] {
        return Err(CopyProblem::Signature);
    }
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (flags, extension) = (word(11), word(15));
    if flags & (1 << 16) != 0 {
        return Err(CopyProblem::Oids);
    }
    if flags >> 17 != 0 {
        return Err(CopyProblem::Flags);
    }
    let length = usize::try_from(extension as i32).map_err(|_| CopyProblem::HeaderLength)?;
    Ok((bytes.len() >= HEADER + length).then_some(HEADER + length))
}

/// The length of a row with its count, once it is there.
fn row(bytes: &[u8], columns: usize) -> Result<Option<usize>, CopyProblem> {
    let mut length = 2_usize;
    for _ in 0..columns {
        let Some(size) = bytes.get(length..length + 4) else { return Ok(None) };
        let size = i32::from_be_bytes([size[0], size[1], size[2], size[3]]);
        if size < -1 {
            return Err(CopyProblem::FieldSize);
        }
        length += 4 + usize::try_from(size).unwrap_or(0);
    }
    Ok((length <= bytes.len()).then_some(length))
}
