//! Cuts a text into its statements.
//!
//! Preparing a text of several statements would run all but the last, so each is handed to DuckDB by itself. A
//! statement ends at a `;` outside of strings, names and comments; DuckDB's grammar has no other use for it.

use super::lexer::{TokenKind, tokens};

/// The statements of `sql` without the white space and comments around them; empty ones are left out.
pub(crate) fn split(sql: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let mut span: Option<(usize, usize)> = None;
    for token in tokens(sql) {
        let is_end = token.kind == TokenKind::Symbol && &sql[token.start..token.end] == ";";
        if is_end {
            statements.extend(span.take());
        } else if !token.is_blank() {
            span = Some((span.map_or(token.start, |(start, _)| start), token.end));
        }
    }
    statements.extend(span);
    statements.into_iter().map(|(start, end)| &sql[start..end]).collect()
}
