//! Statements that the gateway has a part in: `EXPLAIN ESTIMATE`, `KILL`, and queries of the tables about statements.
//!
//! They run on a worker like all others. The gateway gives what only it knows: the estimate, the end of a statement that waits,
//! the rows.

mod kill;
mod overview;
mod status;

use tavana_wire::QueryId;

use crate::estimate::tokens::{Token, TokenKind, tokens};
pub(crate) use kill::kill;
pub(crate) use overview::overview;
pub(crate) use status::status;

/// The tables whose rows the gateway has.
const TABLES: [&str; 3] = ["queries", "queue", "workers"];
/// The database in which they are.
const DATABASE: &str = "tavana";

/// What a gateway has to do with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Give the estimate of this statement.
    Estimate(&'a str),
    /// End the statement of this id.
    Kill(QueryId),
    /// Give the rows of the tables about statements.
    Rows,
}

impl<'a> Part<'a> {
    /// The gateway's part in a statement; `None` where it has none.
    pub(crate) fn of(sql: &'a str) -> Option<Self> {
        let mut words = tokens(sql);
        let (first, second, third) = (words.next()?, words.next()?, words.next());
        if first.is("explain") && second.is("estimate") {
            return Some(Self::Estimate(from(sql, &third?)));
        }
        if first.is("kill") {
            return id(&second).map(Self::Kill);
        }
        let all: Vec<Token<'_>> = tokens(sql).collect();
        let names_table = |pair: &[Token<'_>]| TABLES.contains(&pair[1].name().as_str()) && pair[0].is_symbol(".");
        let named = all.iter().any(|token| token.name() == DATABASE) && all.windows(2).any(names_table);
        named.then_some(Self::Rows)
    }
}

/// `sql` from one of its tokens on.
fn from<'a>(sql: &'a str, token: &Token<'_>) -> &'a str {
    let at = token.text.as_ptr().addr() - sql.as_ptr().addr();
    sql.get(at..).unwrap_or_default()
}

/// The id in a string.
fn id(token: &Token<'_>) -> Option<QueryId> {
    (token.kind == TokenKind::Text).then(|| token.text.trim_matches('\'').replace('-', "").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_part_is_known_by_the_words() {
        let check = |sql: &str, expected: Option<Part<'_>>| assert_eq!(Part::of(sql), expected, "{sql}");
        let id = QueryId::random();
        check("explain /* x */ Estimate select 1", Some(Part::Estimate("select 1")));
        check("explain select 1", None);
        check(&format!("kill '{id}'"), Some(Part::Kill(id)));
        check("kill 'x'", None);
        check("select * from tavana.queries", Some(Part::Rows));
        check("select * from \"tavana\".main.queue q", Some(Part::Rows));
        check("show tavana.queue", Some(Part::Rows));
        check("use tavana", None);
        check("select 'tavana.queue'", None);
        check("select tavana from x.queries", Some(Part::Rows));
        check("select 1", None);
        check("", None);
    }
}
