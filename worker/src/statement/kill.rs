//! `KILL '<query id>'`, which DuckDB does not know.

use tavana_wire::QueryId;

use super::{Statement, TokenKind, unquoted};

/// A `KILL` that is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("KILL takes the id of one statement in quotes, as tavana.queries shows it: KILL '<query id>'")]
pub(crate) struct KillError;

impl Statement<'_> {
    /// The statement that this one ends, if it is a `KILL`.
    pub(crate) fn kill(&self) -> Option<Result<QueryId, KillError>> {
        if !self.is_keyword(0, "kill") {
            return None;
        }
        let target = match (self.tokens.len(), self.kind_at(1)) {
            (2, Some(TokenKind::Text)) => unquoted(self.token_text(1)).parse().ok(),
            _ => None,
        };
        Some(target.ok_or(KillError))
    }

    /// The query that stands for `SHOW tavana.queue`, which DuckDB would answer with the table's columns.
    pub(crate) fn shows_queue(&self) -> Option<&'static str> {
        let name = |at: usize, wanted: &str| self.name(at).is_some_and(|name| name == wanted);
        let shows = self.tokens.len() == 4
            && self.is_keyword(0, "show")
            && name(1, "tavana")
            && self.is_symbol(2, ".")
            && name(3, "queue");
        shows.then_some("FROM tavana.main.queue ORDER BY position")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kill_is_read_by_its_tokens() {
        let id = QueryId::random();
        let check = |sql: &str, target: Option<Result<QueryId, KillError>>| {
            assert_eq!(Statement::read(sql).kill(), target, "{sql}");
        };
        check(&format!("kill /* it */ '{id}'"), Some(Ok(id)));
        check("KILL", Some(Err(KillError)));
        check("KILL 'x'", Some(Err(KillError)));
        check(&format!("KILL \"{id}\""), Some(Err(KillError)));
        check(&format!("KILL '{id}' now"), Some(Err(KillError)));
        check(&format!("SELECT 'KILL {id}'"), None);
    }

    #[test]
    fn only_the_queue_is_shown() {
        let check = |sql: &str, shows: bool| {
            assert_eq!(Statement::read(sql).shows_queue().is_some(), shows, "{sql}");
        };
        check("show tavana.queue", true);
        check("SHOW \"tavana\" . Queue", true);
        check("SHOW tavana.queries", false);
        check("SHOW tavana.queue.x", false);
        check("SELECT 1 -- SHOW tavana.queue", false);
    }
}
