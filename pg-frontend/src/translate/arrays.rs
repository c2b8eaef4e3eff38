//! Array constants that an INSERT writes as text.
//!
//! `INSERT INTO t VALUES ('{1,2}')` is an array where the column is one, and a text or a document where it is not. The
//! text of the statement does not tell, so the constants are only found here; who knows the columns has them rewritten.

use std::ops::Range;

use super::lexer::{Kind, Lexer};
use super::parser::Parser;
use super::{Options, literal};

/// The constants of an INSERT for DuckDB that could be arrays.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrays {
    /// A query for the columns that are written, in their order.
    pub columns: String,
    /// Which column, where in the statement, and the constant as DuckDB writes a list.
    pub constants: Vec<(usize, Range<usize>, String)>,
}

/// Finds them; `None` when there are none, or the statement is of another form than `INSERT INTO t (…) VALUES (…), …`.
pub fn arrays(sql: &str) -> Option<Arrays> {
    if !sql.contains("'{") {
        return None;
    }
    let mut lexer = Lexer::new(sql, true);
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token().ok()? {
        tokens.push(token);
    }
    let options = Options::default();
    let mut parser = Parser::new(sql, tokens, &options);
    if !parser.eat_all(&["insert", "into"]) || !parser.name_at(parser.at) {
        return None;
    }
    let table = parser.start();
    parser.at += 1;
    while parser.mark(".") && parser.name_at(parser.at + 1) {
        parser.at += 2;
    }
    let table = &sql[table..parser.previous_end()];
    let mut columns = "*";
    if parser.mark("(") {
        let from = parser.tokens[parser.at].end;
        parser.at = parser.behind_brackets();
        columns = &sql[from..parser.tokens[parser.at - 1].start];
    }
    if !parser.eat("values") {
        return None;
    }
    let columns = format!("SELECT {columns} FROM {table} LIMIT 0");
    let mut constants = Vec::new();
    while parser.mark("(") {
        row(&mut parser, &mut constants);
        if !parser.eat_mark(",") {
            break;
        }
    }
    (!constants.is_empty()).then_some(Arrays { columns, constants })
}

/// Reads one row of VALUES.
fn row(parser: &mut Parser<'_>, constants: &mut Vec<(usize, Range<usize>, String)>) {
    let behind = parser.behind_brackets();
    let (mut column, mut depth) = (0, 0_usize);
    for at in parser.at..behind {
        match (parser.kind(at), parser.text(at)) {
            (Some(Kind::Mark), "(" | "[") => depth += 1,
            (Some(Kind::Mark), ")" | "]") => depth = depth.saturating_sub(1),
            (Some(Kind::Mark), ",") if depth == 1 => column += 1,
            (Some(Kind::Text(_)), text) if depth == 1 && text.starts_with("'{") => {
                let is_alone = [at - 1, at + 1].iter().all(|&beside| parser.kind(beside) == Some(Kind::Mark));
                let token = parser.tokens[at];
                let list = literal::value(parser.sql, token).and_then(|value| literal::array(&value, false));
                if let Some(list) = list.filter(|_| is_alone) {
                    constants.push((column, token.start..token.end, list));
                }
            }
            _ => {}
        }
    }
    parser.at = behind;
}
