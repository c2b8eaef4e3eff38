//! Statements inside statements, and what the first words say a statement is.
//!
//! DuckDB answers `Explain` and `Prepare` for these whatever they explain or prepare, and gives no kind at
//! all where it expands one statement into several. What they hold is then told by its leading words.

use super::{Statement, StatementKind, TokenKind};

/// The words a query starts with.
const QUERY_WORDS: &[&str] = &[
    "select",
    "from",
    "values",
    "table",
    "with",
    "pivot",
    "pivot_wider",
    "pivot_longer",
    "unpivot",
    "describe",
    "desc",
    "show",
    "summarize",
];

impl<'a> Statement<'a> {
    /// What an `EXPLAIN` explains or a `PREPARE` prepares.
    pub(super) fn body(&self) -> Option<Statement<'a>> {
        let start = match self.keyword(0)?.as_str() {
            "explain" => self.explained_at(),
            "prepare" => (1..self.tokens.len()).find(|&index| self.is_keyword(index, "as"))? + 1,
            _ => return None,
        };
        let tokens = self.tokens.get(start..).filter(|tokens| !tokens.is_empty())?.to_vec();
        Some(Statement { text: self.text, tokens })
    }

    /// The query of a `CREATE VIEW`: what follows the first `AS` outside of parentheses.
    pub(crate) fn view_query(&self) -> Option<&'a str> {
        let mut depth = 0_usize;
        let at = (0..self.tokens.len()).find(|&index| {
            depth += usize::from(self.is_symbol(index, "("));
            depth = depth.saturating_sub(usize::from(self.is_symbol(index, ")")));
            depth == 0 && self.is_keyword(index, "as")
        })?;
        let text = self.text.get(self.tokens.get(at)?.end..)?.trim();
        Some(text.strip_suffix(';').unwrap_or(text))
    }

    /// Whether it is an `EXPLAIN` that runs what it explains.
    pub(super) fn analyzes(&self) -> bool {
        self.is_keyword(0, "explain")
            && (1..self.explained_at())
                .any(|index| self.name(index).is_some_and(|name| name == "analyze" || name == "analyse"))
    }

    /// Where in an `EXPLAIN` the explained statement starts.
    fn explained_at(&self) -> usize {
        let mut at = 1;
        if self.estimates() {
            return 2;
        }
        while ["analyze", "analyse", "verbose"].iter().any(|word| self.is_keyword(at, word)) {
            at += 1;
        }
        // Options stand in parentheses, and so may a query.
        let opens_query = || {
            self.is_symbol(at + 1, "(") || self.keyword(at + 1).is_some_and(|word| QUERY_WORDS.contains(&word.as_str()))
        };
        if at == 1 && self.is_symbol(at, "(") && !opens_query() {
            return self.closing(at).map_or(self.tokens.len(), |close| close + 1);
        }
        at
    }

    /// The index of the parenthesis that closes the one at `open`.
    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for index in open..self.tokens.len() {
            if self.is_symbol(index, "(") {
                depth += 1;
            } else if self.is_symbol(index, ")") {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(index);
                }
            }
        }
        None
    }

    /// What the leading words say the statement is; `Invalid` for words that start none.
    pub(crate) fn leading_kind(&self) -> StatementKind {
        if self.is_symbol(0, "(") {
            return StatementKind::Select;
        }
        let Some(first) = self.keyword(0) else {
            return StatementKind::Invalid;
        };
        match first.as_str() {
            "with" => self.kind_after_with(),
            word if QUERY_WORDS.contains(&word) => StatementKind::Select,
            "insert" => StatementKind::Insert,
            "update" if self.is_keyword(1, "extensions") => StatementKind::UpdateExtensions,
            "update" => StatementKind::Update,
            "delete" | "truncate" => StatementKind::Delete,
            "merge" => StatementKind::MergeInto,
            "create" => StatementKind::Create,
            "drop" | "deallocate" => StatementKind::Drop,
            "alter" | "comment" => StatementKind::Alter,
            "copy" if self.is_keyword(1, "from") => StatementKind::CopyDatabase,
            "copy" => StatementKind::Copy,
            "export" | "import" => StatementKind::Export,
            "call" | "checkpoint" => StatementKind::Call,
            "force" if self.is_keyword(1, "checkpoint") => StatementKind::Call,
            "vacuum" | "analyze" | "analyse" => StatementKind::Vacuum,
            "attach" => StatementKind::Attach,
            "detach" => StatementKind::Detach,
            "load" | "install" | "force" => StatementKind::Load,
            "set" | "reset" | "use" => StatementKind::Set,
            "pragma" => StatementKind::Pragma,
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" => StatementKind::Transaction,
            "prepare" => StatementKind::Prepare,
            "execute" => StatementKind::Execute,
            "explain" => StatementKind::Explain,
            _ => StatementKind::Invalid,
        }
    }

    /// `WITH` may lead a query or a write; the verb stands outside of all parentheses.
    fn kind_after_with(&self) -> StatementKind {
        let mut index = 1;
        while let Some(kind) = self.kind_at(index) {
            if self.is_symbol(index, "(") {
                match self.closing(index) {
                    Some(close) => index = close,
                    None => return StatementKind::Invalid,
                }
            }
            if kind == TokenKind::Word {
                match self.token_text(index).to_ascii_lowercase().as_str() {
                    "insert" => return StatementKind::Insert,
                    "update" => return StatementKind::Update,
                    "delete" => return StatementKind::Delete,
                    "merge" => return StatementKind::MergeInto,
                    _ => {}
                }
            }
            index += 1;
        }
        StatementKind::Select
    }
}
