//! Where a statement's parameters stand.

use std::ops::Range;

use super::lexer::{Kind, Lexer};

/// The places of `$1`, `$2` … in a statement for DuckDB, with their numbers.
pub fn parameter_places(sql: &str) -> Vec<(Range<usize>, u16)> {
    // DuckDB reads backslashes as themselves.
    let mut lexer = Lexer::new(sql, true);
    let mut places = Vec::new();
    while let Ok(Some(token)) = lexer.token() {
        if token.kind == Kind::Parameter
            && let Ok(number) = sql[token.start + 1..token.end].parse()
        {
            places.push((token.start..token.end, number));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parameters_are_found() {
        let sql = "select $1, '$2', $a$ $3 $a$, \"$4\", $12::int -- $5";
        assert_eq!(parameter_places(sql), [(7..9, 1), (35..38, 12)]);
    }
}
