//! Statements that need no translation, told by one pass of the lexer.
//!
//! A SELECT of plain columns with comparisons behind FROM means the same in both dialects; so does an
//! INSERT of constants. Everything else (a function, a cast, an alias without AS, another operator)
//! goes the long way. The pass allocates nothing.

use super::TranslateError;
use super::command::Command;
use super::lexer::{Kind, Lexer, Text, Token};
use super::names::is_duckdb_keyword;
use super::parameter;
use super::parser::Keyword;

/// What the tokens so far say.
struct Pass<'a> {
    sql: &'a str,
    command: Command,
    /// In the select list constants have labels; behind it they are harmless.
    in_list: bool,
    /// Whether the token before could end an expression, so that a name would be an alias.
    value: bool,
    after_as: bool,
}

/// The kind of a statement that can stay as it is, and its highest parameter.
pub(super) fn plain(sql: &str, lexer: &mut Lexer<'_>) -> Result<Option<(Command, u16)>, TranslateError> {
    let Some(first) = lexer.token()? else { return Ok(Some((Command::Empty, 0))) };
    let command = match Keyword::new(&sql[first.start..first.end]).as_str() {
        "select" => Command::Select,
        "insert" => Command::Insert,
        "update" => Command::Update,
        "delete" => Command::Delete,
        _ => return Ok(None),
    };
    let in_list = command == Command::Select;
    let mut pass = Pass { sql, command, in_list, value: false, after_as: false };
    let mut parameters = 0;
    while let Some(token) = lexer.token()? {
        if token.kind == Kind::Parameter {
            parameters = parameters.max(parameter(sql, token)?);
        }
        if !pass.takes(token) {
            return Ok(None);
        }
    }
    Ok((!pass.in_list).then_some((pass.command, parameters)))
}

impl Pass<'_> {
    /// Whether the token means the same in both dialects where it stands.
    fn takes(&mut self, token: Token) -> bool {
        let text = &self.sql[token.start..token.end];
        match token.kind {
            Kind::Word => self.takes_word(text),
            Kind::Quoted => {
                let alias = self.in_list && self.value && !self.after_as;
                self.ends_value(
                    !alias
                        && !matches!(text, "\"public\"" | "\"pg_catalog\"" | "\"information_schema\"" | "\"tavana\""),
                )
            }
            Kind::Parameter => self.ends_value(!self.in_list),
            Kind::Number => {
                let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                self.ends_value(!self.in_list && decimal)
            }
            Kind::Text(Text::Plain) => {
                // Behind a word it is a constant of a type.
                let typed = self.value;
                self.ends_value(!self.in_list && !typed && !text.contains(['\n', '\r', '\\']))
            }
            Kind::Operator => {
                self.value = text == "*" && self.in_list;
                text == "*" || (!self.in_list && matches!(text, "=" | "<" | ">" | "<=" | ">=" | "<>" | "!="))
            }
            Kind::Mark => self.takes_mark(text),
            _ => false,
        }
    }

    fn ends_value(&mut self, fine: bool) -> bool {
        self.value = true;
        self.after_as = false;
        fine
    }

    fn takes_word(&mut self, text: &str) -> bool {
        let keyword = Keyword::new(text);
        let word = keyword.as_str();
        if is_structure(word) {
            // A list of nothing.
            if word == "from" && self.in_list && !self.value {
                return false;
            }
            self.in_list &= word != "from";
            self.value = false;
            self.after_as = word == "as";
            // An expression in the list has a label.
            let list = matches!(word, "as" | "distinct" | "from");
            return (list || !self.in_list) && !(self.command == Command::Select && matches!(word, "into" | "values"));
        }
        let alias = self.in_list && self.value && !self.after_as;
        let folded = !self.in_list || !text.bytes().any(|byte| byte.is_ascii_uppercase());
        self.ends_value(folded && !alias && !is_trigger(word) && !is_duckdb_keyword(word))
    }

    fn takes_mark(&mut self, text: &str) -> bool {
        let fine = match text {
            "," | "." => true,
            // A parenthesis behind a name is a call, unless it is the list of an INSERT's columns.
            "(" => (self.command == Command::Insert || !self.value) && !self.in_list,
            ")" => return self.ends_value(!self.in_list),
            _ => false,
        };
        self.value = false;
        fine
    }
}

/// The keywords between which plain statements live.
fn is_structure(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "and", "as", "asc", "between", "by", "desc", "distinct", "from", "group", "having", "in", "inner", "into",
        "is", "join", "left", "limit", "not", "null", "offset", "on", "or", "order", "right", "set", "true", "false",
        "values", "where",
    ];
    WORDS.contains(&word)
}

/// Words that may need an edit wherever they stand.
fn is_trigger(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "all",
        "any",
        "array",
        "at",
        "case",
        "cast",
        "collate",
        "conflict",
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "except",
        "exists",
        "extract",
        "fetch",
        "for",
        "ilike",
        "information_schema",
        "intersect",
        "like",
        "localtime",
        "localtimestamp",
        "operator",
        "overlaps",
        "overriding",
        "pg_catalog",
        "pg_temp",
        "public",
        "returning",
        "select",
        "session_user",
        "similar",
        "some",
        "tablesample",
        "tavana",
        "union",
        "user",
        "window",
        "with",
    ];
    WORDS.contains(&word)
}
