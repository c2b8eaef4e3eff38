//! The commands on which the frontend acts itself: transactions, settings, prepared statements,
//! cursors, notifications.
//!
//! They never reach DuckDB as text, so they are parsed completely, and what is wrong with them is told
//! here.

use std::ops::Range;

use super::TranslateError;
use super::command::{Command, Direction, Discard, Isolation, SetValue, TransactionMode};
use super::lexer::Kind;
use super::literal;
use super::parser::Parser;

type Parsed = Result<Command, TranslateError>;

impl Parser<'_> {
    /// A complaint about the next token.
    pub fn unexpected(&self) -> TranslateError {
        TranslateError::Syntax { near: self.text(self.at).to_owned(), position: self.start() }
    }

    /// The name that must be next.
    pub fn expect_name(&mut self) -> Result<String, TranslateError> {
        if !self.name_at(self.at) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(self.identifier(self.at - 1))
    }

    /// Everything from the next token to the end of the statement.
    fn rest(&mut self) -> Result<Range<usize>, TranslateError> {
        if self.at_end() {
            return Err(self.unexpected());
        }
        let start = self.start();
        self.at = self.tokens.len();
        Ok(start..self.previous_end())
    }

    fn done(&self, command: Command) -> Parsed {
        if self.at_end() { Ok(command) } else { Err(self.unexpected()) }
    }

    /// A session command behind its first word; `None` when it is none.
    pub fn session_command(&mut self, word: &str) -> Option<Parsed> {
        Some(match word {
            "begin" | "start" => self.begin(word),
            "commit" | "end" | "rollback" | "abort" => self.finish(word),
            "savepoint" => self.expect_name().and_then(|name| self.done(Command::Savepoint(name))),
            "release" => {
                self.eat("savepoint");
                self.expect_name().and_then(|name| self.done(Command::Release(name)))
            }
            "set" => self.set(),
            "show" => self.show(),
            "reset" => self.reset(),
            "discard" => self.discard(),
            "prepare" if !self.keyword_is(self.at, "transaction") => self.prepare(),
            "execute" => self.execute(),
            "deallocate" => {
                self.eat("prepare");
                self.name_or_all().and_then(|name| self.done(Command::Deallocate(name)))
            }
            "declare" => self.declare(),
            "fetch" => self.fetch(false),
            "move" => self.fetch(true),
            "close" => self.name_or_all().and_then(|name| self.done(Command::CloseCursor(name))),
            "listen" => self.expect_name().and_then(|name| self.done(Command::Listen(name))),
            "unlisten" => {
                let name = if self.operator_at(self.at, "*") {
                    self.at += 1;
                    Ok(None)
                } else {
                    self.expect_name().map(Some)
                };
                name.and_then(|name| self.done(Command::Unlisten(name)))
            }
            "notify" => self.notify(),
            _ => return None,
        })
    }

    fn name_or_all(&mut self) -> Result<Option<String>, TranslateError> {
        if self.eat("all") { Ok(None) } else { self.expect_name().map(Some) }
    }

    fn begin(&mut self, word: &str) -> Parsed {
        if !self.eat("transaction") {
            if word == "start" {
                return Err(self.unexpected());
            }
            self.eat("work");
        }
        let mode = self.transaction_mode()?;
        self.done(Command::Begin(mode))
    }

    fn transaction_mode(&mut self) -> Result<TransactionMode, TranslateError> {
        let mut mode = TransactionMode::default();
        while !self.at_end() {
            if self.eat_all(&["isolation", "level"]) {
                mode.isolation = Some(if self.eat("serializable") {
                    Isolation::Serializable
                } else if self.eat_all(&["repeatable", "read"]) {
                    Isolation::RepeatableRead
                } else if self.eat_all(&["read", "committed"]) {
                    Isolation::ReadCommitted
                } else if self.eat_all(&["read", "uncommitted"]) {
                    Isolation::ReadUncommitted
                } else {
                    return Err(self.unexpected());
                });
            } else if self.eat_all(&["read", "only"]) {
                mode.read_only = Some(true);
            } else if self.eat_all(&["read", "write"]) {
                mode.read_only = Some(false);
            } else if self.eat("deferrable") {
                mode.deferrable = Some(true);
            } else if self.eat_all(&["not", "deferrable"]) {
                mode.deferrable = Some(false);
            } else {
                return Err(self.unexpected());
            }
            self.eat_mark(",");
        }
        Ok(mode)
    }

    fn finish(&mut self, word: &str) -> Parsed {
        let commits = matches!(word, "commit" | "end");
        if self.keyword_is(self.at, "prepared") {
            return Err(TranslateError::Unsupported {
                what: "two-phase commit is not supported; use COMMIT or ROLLBACK".to_owned(),
                position: self.start(),
            });
        }
        if !self.eat("work") {
            self.eat("transaction");
        }
        if word == "rollback" && self.eat("to") {
            self.eat("savepoint");
            let name = self.expect_name()?;
            return self.done(Command::RollbackTo(name));
        }
        let mut chain = false;
        if self.eat("and") {
            chain = !self.eat("no");
            if !self.eat("chain") {
                return Err(self.unexpected());
            }
        }
        self.done(if commits { Command::Commit { chain } } else { Command::Rollback { chain } })
    }

    fn set(&mut self) -> Parsed {
        let local = self.eat("local");
        if !local
            && self.keyword_is(self.at, "session")
            && !self.operator_at(self.at + 1, "=")
            && !self.keyword_is(self.at + 1, "to")
        {
            self.at += 1;
            if self.eat_all(&["characteristics", "as", "transaction"]) {
                let mode = self.transaction_mode()?;
                return Ok(Command::SetTransaction { session: true, mode });
            }
        }
        if self.eat("transaction") {
            if self.eat("snapshot") {
                let what = "SET TRANSACTION SNAPSHOT is not supported; leave it out".to_owned();
                return Err(TranslateError::Unsupported { what, position: self.start() });
            }
            let mode = self.transaction_mode()?;
            return Ok(Command::SetTransaction { session: false, mode });
        }
        if self.eat("constraints") {
            self.at = self.tokens.len();
            return Ok(Command::Definition("SET CONSTRAINTS"));
        }
        let name = if self.eat_all(&["time", "zone"]) {
            "timezone".to_owned()
        } else if self.eat("names") {
            "client_encoding".to_owned()
        } else if self.eat("role") {
            "role".to_owned()
        } else if self.eat("schema") {
            "search_path".to_owned()
        } else if self.eat("authorization") {
            "session_authorization".to_owned()
        } else {
            let name = self.setting_name()?;
            if !self.eat("to") && !self.operator_at(self.at, "=") {
                return Err(self.unexpected());
            }
            self.at += usize::from(self.operator_at(self.at, "="));
            name
        };
        let value = self.set_value(&name)?;
        self.done(Command::Set { name, value, local })
    }

    /// `name` or `extension.name`, in lower case as settings are compared.
    fn setting_name(&mut self) -> Result<String, TranslateError> {
        let mut name = self.expect_name()?;
        while self.eat_mark(".") {
            name.push('.');
            name.push_str(&self.expect_name()?);
        }
        name.make_ascii_lowercase();
        Ok(name)
    }

    fn set_value(&mut self, name: &str) -> Result<SetValue, TranslateError> {
        if self.eat("default") || (self.at_end() && name == "client_encoding") {
            return Ok(SetValue::Default);
        }
        if name == "timezone" && self.eat("local") {
            return Ok(SetValue::Default);
        }
        if name == "timezone" && self.eat("interval") {
            let value = self.value()?;
            self.interval_fields();
            return Ok(SetValue::List(vec![value]));
        }
        let mut list = vec![self.value()?];
        while self.eat_mark(",") {
            list.push(self.value()?);
        }
        Ok(SetValue::List(list))
    }

    /// A constant, a signed number or a word.
    fn value(&mut self) -> Result<String, TranslateError> {
        let sign = if self.operator_at(self.at, "-") { "-" } else { "" };
        self.at += usize::from(matches!(self.text(self.at), "-" | "+"));
        let value = match self.kind(self.at) {
            Some(Kind::Text(_)) => literal::value(self.sql, self.tokens[self.at]).ok_or_else(|| self.unexpected())?,
            Some(Kind::Number) => format!("{sign}{}", self.text(self.at)),
            Some(Kind::Word | Kind::Quoted | Kind::UnicodeQuoted) => self.identifier(self.at),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(value)
    }

    fn show(&mut self) -> Parsed {
        let name = if self.eat("all") {
            None
        } else if self.eat_all(&["time", "zone"]) {
            Some("timezone".to_owned())
        } else if self.eat_all(&["transaction", "isolation", "level"]) {
            Some("transaction_isolation".to_owned())
        } else if self.eat_all(&["session", "authorization"]) {
            Some("session_authorization".to_owned())
        } else {
            Some(self.setting_name()?)
        };
        self.done(Command::Show(name))
    }

    fn reset(&mut self) -> Parsed {
        let name = if self.eat("all") {
            None
        } else if self.eat_all(&["time", "zone"]) {
            Some("timezone".to_owned())
        } else if self.eat_all(&["session", "authorization"]) {
            Some("session_authorization".to_owned())
        } else {
            Some(self.setting_name()?)
        };
        self.done(Command::Reset(name))
    }

    fn discard(&mut self) -> Parsed {
        let what = match self.keyword(self.at).as_str() {
            "all" => Discard::All,
            "plans" => Discard::Plans,
            "sequences" => Discard::Sequences,
            "temp" | "temporary" => Discard::Temporary,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        self.done(Command::Discard(what))
    }

    fn prepare(&mut self) -> Parsed {
        let name = self.expect_name()?;
        let mut types = Vec::new();
        if self.eat_mark("(") {
            loop {
                let read = self.type_name().ok_or_else(|| self.unexpected())?;
                types.push(self.sql[read.start..read.end].to_owned());
                if !self.eat_mark(",") {
                    break;
                }
            }
            if !self.eat_mark(")") {
                return Err(self.unexpected());
            }
        }
        if !self.eat("as") {
            return Err(self.unexpected());
        }
        Ok(Command::Prepare { name, types, body: self.rest()? })
    }

    fn execute(&mut self) -> Parsed {
        let name = self.expect_name()?;
        let mut arguments = Vec::new();
        if self.eat_mark("(") {
            while !self.mark(")") {
                let start = self.start();
                let operand = self.expression(0).ok_or_else(|| self.unexpected())?;
                arguments.push(start..operand.end);
                if !self.eat_mark(",") && !self.mark(")") {
                    return Err(self.unexpected());
                }
            }
            self.at += 1;
        }
        self.done(Command::Execute { name, arguments })
    }

    fn declare(&mut self) -> Parsed {
        let name = self.expect_name()?;
        let (mut hold, mut scroll, mut binary) = (false, None, false);
        loop {
            if self.eat("binary") {
                binary = true;
            } else if self.eat_all(&["no", "scroll"]) {
                scroll = Some(false);
            } else if self.eat("scroll") {
                scroll = Some(true);
            } else if !self.eat("insensitive") && !self.eat("asensitive") {
                break;
            }
        }
        if !self.eat("cursor") {
            return Err(self.unexpected());
        }
        if self.eat_all(&["with", "hold"]) {
            hold = true;
        } else {
            self.eat_all(&["without", "hold"]);
        }
        if !self.eat("for") {
            return Err(self.unexpected());
        }
        Ok(Command::DeclareCursor { name, hold, scroll, binary, query: self.rest()? })
    }

    fn fetch(&mut self, is_move: bool) -> Parsed {
        let word = self.keyword(self.at);
        self.at += 1;
        // `FETCH next` without FROM may also be a cursor of that name.
        let alone = self.at_end();
        let direction = match word.as_str() {
            _ if alone => None,
            "next" => Some(Direction::Forward(1)),
            "prior" => Some(Direction::Backward(1)),
            "first" => Some(Direction::Absolute(1)),
            "last" => Some(Direction::Absolute(-1)),
            "absolute" => Some(Direction::Absolute(self.count()?)),
            "relative" => Some(Direction::Relative(self.count()?)),
            "all" => Some(Direction::ForwardAll),
            "forward" if self.eat("all") => Some(Direction::ForwardAll),
            "forward" => Some(Direction::Forward(self.count_or_one()?)),
            "backward" if self.eat("all") => Some(Direction::BackwardAll),
            "backward" => Some(Direction::Backward(self.count_or_one()?)),
            _ => None,
        };
        let direction = match direction {
            Some(direction) => direction,
            None => {
                self.at -= 1;
                Direction::Forward(self.count_or_one()?)
            }
        };
        if !self.eat("from") {
            self.eat("in");
        }
        let cursor = self.expect_name()?;
        self.done(Command::Fetch { cursor, direction, is_move })
    }

    fn count_or_one(&mut self) -> Result<i64, TranslateError> {
        let number = self.kind(self.at) == Some(Kind::Number) || matches!(self.text(self.at), "-" | "+");
        if number { self.count() } else { Ok(1) }
    }

    fn count(&mut self) -> Result<i64, TranslateError> {
        let negative = self.operator_at(self.at, "-");
        self.at += usize::from(matches!(self.text(self.at), "-" | "+"));
        let count: i64 = self.text(self.at).parse().map_err(|_| self.unexpected())?;
        self.at += 1;
        Ok(if negative { -count } else { count })
    }

    fn notify(&mut self) -> Parsed {
        let channel = self.expect_name()?;
        let payload = if self.eat_mark(",") { self.value()? } else { String::new() };
        self.done(Command::Notify { channel, payload })
    }
}
