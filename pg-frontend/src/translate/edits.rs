//! Edits of source spans, and the way back from a place in the result to the place in the source.
//!
//! The parser finds constructs from the inside out, so wrappings of one place arrive innermost first.
//! Three kinds of edits keep that right without a tree: what closes at a place stands before what opens
//! there; closings come in the order of their making, openings in the reverse order. A replacement of a
//! span hides the edits inside it.

use std::borrow::Cow;

/// From bytes of the translated text to bytes of the client's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetMap {
    /// Where a piece starts in the output, where in the input, and whether it was copied.
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    output: usize,
    input: usize,
    copied: bool,
}

impl OffsetMap {
    /// The byte of the input that the byte `output` of the translated text stands for. Inserted text
    /// stands for the place where it was inserted.
    pub fn source(&self, output: usize) -> usize {
        let index = self.pieces.partition_point(|piece| piece.output <= output);
        match index.checked_sub(1).map(|last| self.pieces[last]) {
            None => output,
            Some(piece) if piece.copied => piece.input + (output - piece.output),
            Some(piece) => piece.input,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Close,
    Open,
    Replace,
    /// A replacement that gives way to another of the same span.
    Constant,
}

#[derive(Debug)]
struct Edit {
    start: usize,
    end: usize,
    place: Place,
    text: Cow<'static, str>,
}

/// The edits of one statement.
#[derive(Debug, Default)]
pub(super) struct Edits {
    list: Vec<Edit>,
}

impl Edits {
    /// Inserts before what starts at `at`, outside of what was opened there before.
    pub fn open(&mut self, at: usize, text: impl Into<Cow<'static, str>>) {
        self.list.push(Edit { start: at, end: at, place: Place::Open, text: text.into() });
    }

    /// Inserts behind what ends at `at`, outside of what was closed there before.
    pub fn close(&mut self, at: usize, text: impl Into<Cow<'static, str>>) {
        self.list.push(Edit { start: at, end: at, place: Place::Close, text: text.into() });
    }

    /// Replaces the bytes from `start` to `end`.
    pub fn replace(&mut self, start: usize, end: usize, text: impl Into<Cow<'static, str>>) {
        self.list.push(Edit { start, end, place: Place::Replace, text: text.into() });
    }

    /// Whether something is edited between two places.
    pub fn touch(&self, start: usize, end: usize) -> bool {
        self.list.iter().any(|edit| edit.start < end && start < edit.end || start <= edit.start && edit.end <= end)
    }

    /// Replaces the bytes from `start` to `end` unless an edit made before does.
    pub fn replace_unless_replaced(&mut self, start: usize, end: usize, text: String) {
        self.list.push(Edit { start, end, place: Place::Constant, text: text.into() });
    }

    /// The edited text and its map.
    pub fn apply(self, sql: &str) -> (Cow<'_, str>, OffsetMap) {
        if self.list.is_empty() {
            return (Cow::Borrowed(sql), OffsetMap::default());
        }
        let mut order: Vec<usize> = (0..self.list.len()).collect();
        order.sort_by_key(|&index| {
            let edit = &self.list[index];
            let sequence = match edit.place {
                Place::Close => index,
                Place::Open => usize::MAX - index,
                Place::Replace | Place::Constant => usize::MAX - index,
            };
            // Of replacements that start together the widest and then the latest hides the others.
            let width = if edit.place >= Place::Replace { usize::MAX - edit.end } else { 0 };
            (edit.start, edit.place, width, sequence)
        });
        let mut text = String::with_capacity(sql.len() + self.list.len() * 16);
        let mut pieces = vec![Piece { output: 0, input: 0, copied: true }];
        let mut done = 0;
        for edit in order.into_iter().map(|index| &self.list[index]) {
            if edit.start < done {
                continue;
            }
            text.push_str(&sql[done..edit.start]);
            pieces.push(Piece { output: text.len(), input: edit.start, copied: false });
            text.push_str(&edit.text);
            done = edit.end;
            pieces.push(Piece { output: text.len(), input: done, copied: true });
        }
        text.push_str(&sql[done..]);
        (Cow::Owned(text), OffsetMap { pieces })
    }
}
