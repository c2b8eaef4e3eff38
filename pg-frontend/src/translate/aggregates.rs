//! Aggregates and quotients that are a whole item of a select list.
//!
//! DuckDB sums integers to a hugeint, and its averages and its quotients of decimals are floats. Nothing is lost by that
//! inside of an expression; told to a client they would be of another type and have other digits. So an item that is
//! nothing else is put into a macro that finds the type by its arguments, which are written a second time: only where
//! their text is the same in both dialects.

use super::expression::Operand;
use super::parser::Parser;
use crate::encode::Scalar;

/// A call, by the bytes of its parts.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub name: String,
    pub start: usize,
    pub end: usize,
    /// The only argument.
    pub argument: Option<(usize, usize)>,
}

/// Whether a side of a division may be a numeric.
fn is_divided(operand: &Operand) -> bool {
    operand.known.is_none_or(|known| {
        known.dimensions == 0 && matches!(known.scalar, Scalar::Numeric | Scalar::Int4 | Scalar::Int8)
    })
}

impl Parser<'_> {
    /// Gives a quotient that is a whole item its digits in PostgreSQL, where DuckDB would divide decimals as floats.
    pub fn division(&mut self, operand: &Operand) -> bool {
        let Some((left, right)) = self.quotient.take() else { return false };
        let whole = left.start == operand.start && right.end == operand.end;
        let simple =
            !self.edits.touch(left.start + 1, left.end) && !self.edits.touch(right.start, right.end.max(1) - 1);
        let copied = |operand: &Operand| &self.sql[operand.start..operand.end];
        let plain = |text: &str| !text.contains(['(', '\'', '$', '"', '[', '/', '*', '+', '-']) && !text.contains("::");
        let fine = plain(copied(&left)) && plain(copied(&right)) && is_divided(&left) && is_divided(&right);
        // A clause may repeat the item, and must find it as it stands there.
        let repeats =
            |at: usize| matches!(self.keyword(at).as_str(), "distinct" | "group" | "union" | "intersect" | "except");
        if !whole || !simple || !fine || (0..self.tokens.len()).any(repeats) {
            return false;
        }
        let close = format!(", {}, {})", copied(&left), copied(&right));
        self.edits.open(operand.start, "pgc.quotient_out(");
        self.edits.close(operand.end, close);
        true
    }

    /// Gives a sum or an average that is a whole item its type in PostgreSQL; `true` for an average. Inside of other
    /// expressions both stay as wide as DuckDB makes them.
    pub fn aggregate(&mut self, operand: &Operand) -> bool {
        let Some(call) = self.call.take().filter(|call| (call.start, call.end) == (operand.start, operand.end)) else {
            return false;
        };
        let Some((from, to)) = call.argument.filter(|_| matches!(call.name.as_str(), "sum" | "avg")) else {
            return false;
        };
        let (argument, text) = (&self.sql[from..to], &self.sql[call.start..call.end]);
        // The argument is written twice, so it must be the same in both dialects; of an aggregate there is no type to find.
        let plain = text.to_ascii_lowercase().starts_with(&call.name) && !argument.contains(['(', '\'', '$', '"']);
        if !plain || self.edits.touch(call.start, call.end) {
            return false;
        }
        if call.name == "sum" {
            self.edits.open(call.start, "pgc.sum_out(");
            self.edits.close(call.end, format!(", {argument})"));
            return false;
        }
        let rest = &text[call.name.len()..];
        self.edits.open(call.start, "pgc.avg_out(");
        self.edits.close(call.end, format!(", sum{rest}, count{rest}, {argument})"));
        true
    }

    /// PostgreSQL finds distinct values by sorting them, and so they come sorted.
    pub fn distinct_in_order(&mut self, arguments: &[Operand], end: usize) {
        if let [only] = arguments
            && !self.edits.touch(only.start, only.end)
            && self.sql[only.end..end].trim() == ")"
        {
            self.edits.close(only.end, format!(" ORDER BY {}", &self.sql[only.start..only.end]));
        }
    }
}
