//! Functions whose pattern is a constant: regular expressions, `to_char` and its kin, `format`.
//!
//! DuckDB wants to be told which group of a regular expression it shall take, and knows other patterns; both are found
//! out from the constant (`formats.rs`). Where a value is needed several times its text is written again, if it is the
//! same in both dialects.

use super::TranslateError;
use super::expression::{Operand, Shape};
use super::formats;
use super::literal;
use super::parser::Parser;
use crate::encode::{PgType, Scalar};

impl Parser<'_> {
    /// `\\&` stands for the whole match, which DuckDB calls group 0.
    pub fn whole_match(&mut self, replacement: Option<&Operand>) {
        if let Some(Operand { shape: Shape::Text(index), .. }) = replacement
            && let Some(value) = literal::value(self.sql, self.tokens[*index])
            && value.contains("\\&")
        {
            self.replace(*index, index + 1, literal::quote(&value.replace("\\&", "\\0")));
        }
    }

    /// A function of a regular expression, whose groups DuckDB wants to be told.
    pub fn captured(&mut self, first: usize, last: usize, arguments: &[Operand], call: &'static str) {
        if self.all_groups(first, arguments, call) {
            return;
        }
        self.replace(first, last + 1, call);
        if let Some(Operand { shape: Shape::Text(index), end, .. }) = arguments.get(1) {
            let pattern = literal::value(self.sql, self.tokens[*index]).unwrap_or_default();
            self.edits.close(*end, if formats::captures(&pattern) > 0 { ", 1" } else { ", 0" });
        }
    }

    /// A match with several groups, as a list of all of them: DuckDB gives one group at a time.
    pub fn all_groups(&mut self, first: usize, arguments: &[Operand], call: &str) -> bool {
        let [text, pattern, flags @ ..] = arguments else { return false };
        let Shape::Text(index) = pattern.shape else { return false };
        let regex = literal::value(self.sql, self.tokens[index]).unwrap_or_default();
        let groups = formats::captures(&regex);
        let start = self.tokens[first].start;
        let end = arguments.last().map_or(start, |last| last.end);
        if groups < 2 || self.edits.touch(text.start, text.end) || call == "pgc.regexp_part" {
            return false;
        }
        let flags = flags.first().map(|flags| self.sql[flags.start..flags.end].trim_matches('\'').to_owned());
        let all = flags.as_ref().is_some_and(|flags| flags.contains('g'));
        let options = flags.unwrap_or_default().replace('g', "");
        let (text, regex) = (&self.sql[text.start..text.end], literal::quote(&format!("(?s{options}){regex}")));
        let each = |function: &str| {
            let groups = (1..=groups).map(|group| format!("{function}({text}, {regex}, {group})"));
            groups.collect::<Vec<_>>().join(", ")
        };
        let rows = call == "pgc.regexp_rows";
        let list = match (rows, all) {
            (true, true) => {
                let row = (1..=groups).map(|group| format!("z[{group}]")).collect::<Vec<_>>().join(", ");
                format!("list_transform(list_zip({}), lambda z: [{row}])", each("regexp_extract_all"))
            }
            (true, false) => {
                format!("CASE WHEN regexp_matches({text}, {regex}) THEN [[{}]] END", each("regexp_extract"))
            }
            (false, _) => format!("CASE WHEN regexp_matches({text}, {regex}) THEN [{}] END", each("regexp_extract")),
        };
        self.edits.replace(start, end, format!("({list}"));
        true
    }

    /// `to_char`, `to_date` and `to_timestamp` with a constant pattern.
    pub fn formatted(&mut self, first: usize, last: usize, name: &str, arguments: &[Operand], end: usize) {
        let Operand { shape: Shape::Text(index), .. } = arguments[1] else { return };
        let Some(pattern) = literal::value(self.sql, self.tokens[index]) else { return };
        if let Some(format) = formats::number(&pattern).filter(|_| name == "to_char") {
            self.replace(first, last + 1, "pgc.to_char_number");
            self.replace(index, index + 1, format);
            return;
        }
        let value = &arguments[0];
        if name == "to_char"
            && formats::time(&pattern).is_none()
            && !self.edits.touch(value.start, value.end)
            && let Some(text) = formats::time_pieces(&pattern, &self.sql[value.start..value.end])
        {
            self.edits.replace(self.tokens[first].start, end, text);
            return;
        }
        let Some(time) = formats::time(&pattern) else { return };
        self.replace(index, index + 1, literal::quote(&time));
        self.replace(first, last + 1, if name == "to_char" { "strftime" } else { "strptime" });
        match name {
            "to_date" => self.edits.close(end, "::date"),
            "to_timestamp" => self.edits.close(end, "::timestamptz"),
            _ => {}
        }
    }

    /// `format(text, …)` of a constant text becomes a concatenation.
    pub fn format(&mut self, first: usize, last: usize, arguments: &[Operand], end: usize) {
        let Some((Operand { shape: Shape::Text(index), start, .. }, values)) = arguments.split_first() else { return };
        let Some(text) = literal::value(self.sql, self.tokens[*index]) else { return };
        let pieces = match formats::text(&text, values.len()) {
            Ok(pieces) => pieces,
            Err(message) => {
                self.error.get_or_insert(TranslateError::Value { message, state: "22023", position: *start });
                return;
            }
        };
        let in_order = pieces.iter().filter_map(|piece| piece.argument()).eq(0..values.len());
        if in_order {
            self.replace(first, last + 1, "format");
            let pattern: String = pieces.iter().map(formats::Piece::pattern).collect();
            self.replace(*index, index + 1, literal::quote(&pattern));
            for (piece, value) in pieces.iter().filter(|piece| piece.argument().is_some()).zip(values) {
                let (open, close) = piece.call();
                self.edits.open(value.start, open);
                self.edits.close(value.end, close);
            }
        } else if !self.edits.touch(*start, end) {
            let parts = pieces.iter().map(|piece| match piece.argument() {
                Some(argument) => {
                    let (open, close) = piece.call();
                    let value = &values[argument];
                    format!("{open}{}{close}", &self.sql[value.start..value.end])
                }
                None => literal::quote(piece.literal()),
            });
            let call = format!("concat({})", parts.collect::<Vec<_>>().join(", "));
            self.edits.replace(self.tokens[first].start, end, call);
        }
    }

    /// Values that are put together as texts.
    pub fn texts(&mut self, arguments: &[Operand]) {
        for argument in arguments {
            if argument.known == Some(PgType::scalar(Scalar::Bool)) {
                self.edits.open(argument.start, "left((");
                self.edits.close(argument.end, ")::VARCHAR, 1)");
            } else if (argument.shape == Shape::Array || argument.known.is_some_and(|known| known.dimensions > 0))
                && self.may_dispatch(argument)
            {
                self.edits.open(argument.start, "pgc.text_of(");
                self.edits.close(argument.end, ")");
            }
        }
    }
}
