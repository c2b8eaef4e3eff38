//! Which statement it is, by its first words, and which reader takes it from there.

use super::TranslateError;
use super::command::Command;
use super::lexer::{Kind, Text};
use super::literal;
use super::parser::Parser;

impl Parser<'_> {
    /// Reads the statement; gives what it is and whether DuckDB will run (an edited form of) its text.
    pub fn statement(&mut self) -> Result<(Command, bool), TranslateError> {
        if self.tokens.is_empty() {
            return Ok((Command::Empty, false));
        }
        let word = self.keyword(0);
        let word = word.as_str();
        if let Some(command) = self.query_statement(word) {
            return Ok((command, true));
        }
        self.at = 1;
        if word == "copy" {
            return Ok((self.copy()?, false));
        }
        if self.shows_queue() {
            return Ok((Command::Select, true));
        }
        if let Some(command) = self.session_command(word) {
            return Ok((command?, false));
        }
        let command = match word {
            "create" => self.create()?,
            "drop" => self.drop()?,
            "alter" => self.alter()?,
            "truncate" => self.truncate()?,
            "comment" => self.comment()?,
            "explain" => self.explain(),
            "vacuum" | "analyze" | "analyse" => self.vacuum(word),
            "grant" | "revoke" => {
                let what = "privileges are not kept in the database; give users their role in the server's users file";
                self.at = 0;
                return Err(self.unsupported(what));
            }
            "lock" => self.ignore("LOCK TABLE"),
            "reindex" => self.ignore("REINDEX"),
            "cluster" => self.ignore("CLUSTER"),
            "security" => self.ignore("SECURITY LABEL"),
            "reassign" => self.ignore("REASSIGN OWNED"),
            "load" => Command::Definition("LOAD"),
            "pivot" | "unpivot" | "summarize" | "describe" | "pragma" => Command::Select,
            "checkpoint" => Command::Definition("CHECKPOINT"),
            "kill" => Command::Definition("KILL"),
            "call" => {
                self.body(true);
                Command::Definition("CALL")
            }
            "do" => return Err(self.unsupported("DO needs a procedural language, and there is none; send plain SQL")),
            _ => Command::Other,
        };
        Ok((command, true))
    }

    /// `SHOW tavana.queue` is a table of the worker's, not a setting.
    fn shows_queue(&self) -> bool {
        let is_name = |at: usize, name: &str| self.identifier(at) == name;
        self.tokens.len() == 4
            && self.keyword_is(0, "show")
            && is_name(1, "tavana")
            && self.mark_at(2, ".")
            && is_name(3, "queue")
    }

    fn ignore(&mut self, tag: &'static str) -> Command {
        self.ignored = true;
        Command::Definition(tag)
    }

    /// A statement that is read as clauses from its first word on.
    fn query_statement(&mut self, word: &str) -> Option<Command> {
        let mut command = match word {
            // FROM first is DuckDB's own.
            "select" | "values" | "table" | "from" => Command::Select,
            "insert" => Command::Insert,
            "update" => Command::Update,
            "delete" => Command::Delete,
            "merge" => Command::Merge,
            "with" => self.behind_common_tables(),
            "" if self.query_at(0) => Command::Select,
            _ => return None,
        };
        self.body(true);
        // A parenthesis too many is DuckDB's to complain about.
        if self.selects_into {
            command = Command::CreateTableAs;
        }
        Some(command)
    }

    /// What follows WITH, at the outermost level.
    fn behind_common_tables(&self) -> Command {
        let mut depth = 0_usize;
        for at in 0..self.tokens.len() {
            if self.mark_at(at, "(") {
                depth += 1;
            } else if self.mark_at(at, ")") {
                depth = depth.saturating_sub(1);
            } else if depth == 0 {
                match self.keyword(at).as_str() {
                    "select" | "values" => return Command::Select,
                    "insert" => return Command::Insert,
                    "update" => return Command::Update,
                    "delete" => return Command::Delete,
                    "merge" => return Command::Merge,
                    _ => {}
                }
            }
        }
        Command::Select
    }

    /// DuckDB's EXPLAIN knows ANALYZE and a format, and nothing else that can be asked.
    fn explain(&mut self) -> Command {
        if self.keyword_is(self.at, "estimate") && self.at + 1 < self.tokens.len() {
            // Tavana's own: how big the statement is thought to be, as rows.
            self.at += 1;
            self.body(false);
            return Command::Select;
        }
        let from = self.at;
        let (mut analyze, mut json) = (false, false);
        if self.mark("(") && !self.query_at(self.at) {
            let behind = self.behind_brackets();
            for at in self.at..behind {
                match self.keyword(at).as_str() {
                    "analyze" => analyze = !matches!(self.keyword(at + 1).as_str(), "false" | "off"),
                    "format" => json = self.keyword_is(at + 1, "json"),
                    _ => {}
                }
            }
            self.at = behind;
        } else {
            loop {
                if self.eat("analyze") || self.eat("analyse") {
                    analyze = true;
                } else if !self.eat("verbose") {
                    break;
                }
            }
        }
        if self.at > from {
            let text = match (analyze, json) {
                (true, false) => "ANALYZE",
                (true, true) => "(ANALYZE, FORMAT json)",
                (false, true) => "(FORMAT json)",
                (false, false) => "",
            };
            self.replace(from, self.at, text);
        }
        let inner = self.keyword(self.at);
        if matches!(inner.as_str(), "create" | "declare" | "execute") {
            return Command::Explain { analyze };
        }
        self.body(false);
        Command::Explain { analyze }
    }

    fn vacuum(&mut self, word: &str) -> Command {
        let analyzes = word != "vacuum" || (1..self.tokens.len()).any(|at| self.keyword_is(at, "analyze"));
        let end = self.tokens.len();
        if end > 1 || word == "analyse" {
            self.replace(0, end, if analyzes { "ANALYZE" } else { "VACUUM" });
        }
        Command::Definition(if word == "vacuum" { "VACUUM" } else { "ANALYZE" })
    }

    /// Constants and names in forms DuckDB does not read. They are found by their tokens alone; where a
    /// cast has already replaced a constant, that edit hides this one.
    pub fn constants(&mut self) {
        let mut edits = std::mem::take(&mut self.edits);
        for at in 0..self.tokens.len() {
            let token = self.tokens[at];
            let source = &self.sql[token.start..token.end];
            let text = match token.kind {
                Kind::Text(Text::Plain) if !source.contains(['\n', '\r']) => None,
                Kind::Text(Text::Dollar) => None,
                Kind::Text(Text::Bits) => literal::value(self.sql, token).map(|bits| format!("CAST('{bits}' AS BIT)")),
                Kind::Text(Text::Hex) => literal::value(self.sql, token)
                    .and_then(|digits| literal::hex_bits(&digits))
                    .map(|bits| format!("CAST('{bits}' AS BIT)")),
                Kind::Text(_) => {
                    literal::value(self.sql, token).map(|value| literal::quote(&value)).filter(|text| text != source)
                }
                Kind::UnicodeQuoted => Some(literal::quote_name(&self.identifier(at))),
                Kind::Number => whole_number(source),
                _ => None,
            };
            if let Some(text) = text {
                edits.replace_unless_replaced(token.start, token.end, text);
            }
        }
        self.edits = edits;
    }
}

/// `0x1F`, `0o17`, `0b11` in decimal.
fn whole_number(source: &str) -> Option<String> {
    let radix = match source.as_bytes() {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => return None,
    };
    u128::from_str_radix(&source[2..].replace('_', ""), radix).ok().map(|number| number.to_string())
}
