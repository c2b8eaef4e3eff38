//! COPY, in the syntax of today and in the two that old clients still write.
//!
//! `COPY t FROM STDIN WITH (FORMAT csv, HEADER)`, `COPY t FROM STDIN WITH CSV HEADER DELIMITER ';'` and
//! `COPY BINARY t FROM STDIN USING DELIMITERS ';'` give the same data. Values are only read here; the
//! part of the frontend that copies judges their combinations.

use super::TranslateError;
use super::command::{Columns, Command, Copy, CopyFormat, CopyHeader, CopyPlace, CopySource};
use super::lexer::Kind;
use super::literal;
use super::parser::Parser;

/// An option by its name, and where it stands.
struct Named {
    name: String,
    position: usize,
}

impl Named {
    fn wrong(&self, what: &str) -> TranslateError {
        TranslateError::Option { what: format!("{}{what}", self.name), position: self.position }
    }

    /// Refuses an option that was given before.
    fn only_once(&self, seen: &mut Vec<String>) -> Result<(), TranslateError> {
        if seen.contains(&self.name) {
            let what = "conflicting or redundant options".to_owned();
            return Err(TranslateError::Option { what, position: self.position });
        }
        seen.push(self.name.clone());
        Ok(())
    }
}

impl Parser<'_> {
    /// COPY behind its first word.
    pub fn copy(&mut self) -> Result<Command, TranslateError> {
        let mut format = CopyFormat::Text;
        if self.keyword_is(self.at, "binary") && self.name_at(self.at + 1) && !self.is_direction(self.at + 1) {
            self.at += 1;
            format = CopyFormat::Binary;
        }
        let source = self.copy_source()?;
        let is_from = self.eat("from");
        if !is_from && !self.eat("to") {
            return Err(self.unexpected());
        }
        let place = self.copy_place()?;
        let mut copy = Copy {
            source,
            is_from,
            place,
            format,
            delimiter: None,
            null: None,
            header: CopyHeader::No,
            quote: None,
            escape: None,
            force_quote: Columns::None,
            force_null: Columns::None,
            force_not_null: Columns::None,
            encoding: None,
            freeze: false,
            condition: None,
        };
        if self.eat("using") && !self.keyword_is(self.at, "delimiters") {
            return Err(self.unexpected());
        }
        self.eat("with");
        if matches!(copy.place, CopyPlace::File(_)) {
            // DuckDB copies files, in more formats and with more options than PostgreSQL: it judges them.
            self.at = self.tokens.len();
        } else if self.eat_mark("(") {
            self.copy_options(&mut copy)?;
        } else {
            self.old_copy_options(&mut copy)?;
        }
        if is_from && self.eat("where") && !self.at_end() {
            let start = self.start();
            self.at = self.tokens.len();
            copy.condition = Some(start..self.previous_end());
        }
        if !self.at_end() {
            return Err(self.unexpected());
        }
        Ok(Command::Copy(Box::new(copy)))
    }

    fn is_direction(&self, at: usize) -> bool {
        self.keyword_is(at, "from") || self.keyword_is(at, "to")
    }

    fn copy_source(&mut self) -> Result<CopySource, TranslateError> {
        if self.mark("(") {
            let behind = self.behind_brackets();
            let start = self.tokens[self.at].end;
            if !self.mark_at(behind - 1, ")") {
                return Err(self.unexpected());
            }
            self.at = behind;
            return Ok(CopySource::Query(start..self.tokens[behind - 1].start));
        }
        let mut name = vec![self.expect_name()?];
        while self.eat_mark(".") {
            name.push(self.expect_name()?);
        }
        let columns = if self.mark("(") { self.column_names()? } else { Vec::new() };
        Ok(CopySource::Table { name, columns })
    }

    fn column_names(&mut self) -> Result<Vec<String>, TranslateError> {
        let mut names = Vec::new();
        let parenthesis = self.eat_mark("(");
        loop {
            names.push(self.expect_name()?);
            if !self.eat_mark(",") {
                break;
            }
        }
        if parenthesis && !self.eat_mark(")") {
            return Err(self.unexpected());
        }
        Ok(names)
    }

    fn copy_place(&mut self) -> Result<CopyPlace, TranslateError> {
        if self.eat("stdin") || self.eat("stdout") {
            return Ok(CopyPlace::Client);
        }
        let program = self.eat("program");
        let name = self.copy_text()?;
        Ok(if program { CopyPlace::Program(name) } else { CopyPlace::File(name) })
    }

    fn copy_text(&mut self) -> Result<String, TranslateError> {
        let value = match self.kind(self.at) {
            Some(Kind::Text(_)) => literal::value(self.sql, self.tokens[self.at]),
            Some(Kind::Word | Kind::Quoted | Kind::UnicodeQuoted) => Some(self.identifier(self.at)),
            Some(Kind::Number) => Some(self.text(self.at).to_owned()),
            _ => None,
        };
        let value = value.ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(value)
    }

    /// The value that an option needs.
    fn copy_value(&mut self, option: &Named) -> Result<String, TranslateError> {
        if self.mark(",") || self.mark(")") {
            return Err(option.wrong(" requires a parameter"));
        }
        self.copy_text()
    }

    /// A value that means yes when it is left out.
    fn copy_switch(&mut self, option: &Named, need: &str) -> Result<bool, TranslateError> {
        if self.mark(",") || self.mark(")") {
            return Ok(true);
        }
        match self.copy_text()?.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            _ => Err(option.wrong(need)),
        }
    }

    fn copy_header(&mut self, option: &Named) -> Result<CopyHeader, TranslateError> {
        let is_text = matches!(self.kind(self.at), Some(Kind::Text(_) | Kind::Word));
        if is_text && self.copy_text_is("match") {
            self.at += 1;
            return Ok(CopyHeader::Match);
        }
        let is_on = self.copy_switch(option, " requires a Boolean value or \"match\"")?;
        Ok(if is_on { CopyHeader::Yes } else { CopyHeader::No })
    }

    fn copy_text_is(&mut self, wanted: &str) -> bool {
        let at = self.at;
        let text = self.copy_text();
        self.at = at;
        text.is_ok_and(|text| text.eq_ignore_ascii_case(wanted))
    }

    fn copy_format(&mut self, option: &Named) -> Result<CopyFormat, TranslateError> {
        match self.copy_value(option)?.as_str() {
            "text" => Ok(CopyFormat::Text),
            "csv" => Ok(CopyFormat::Csv),
            "binary" => Ok(CopyFormat::Binary),
            other => Err(TranslateError::Argument {
                what: format!("COPY format \"{other}\" not recognized"),
                position: option.position,
            }),
        }
    }

    fn copy_options(&mut self, copy: &mut Copy) -> Result<(), TranslateError> {
        let mut seen = Vec::new();
        loop {
            let position = self.start();
            let option = Named { name: self.expect_name()?, position };
            option.only_once(&mut seen)?;
            match option.name.as_str() {
                "format" => copy.format = self.copy_format(&option)?,
                "delimiter" => copy.delimiter = Some(self.copy_value(&option)?),
                "null" => copy.null = Some(self.copy_value(&option)?),
                "quote" => copy.quote = Some(self.copy_value(&option)?),
                "escape" => copy.escape = Some(self.copy_value(&option)?),
                "encoding" => copy.encoding = Some(self.copy_value(&option)?),
                "freeze" => copy.freeze = self.copy_switch(&option, " requires a Boolean value")?,
                "header" => copy.header = self.copy_header(&option)?,
                "force_quote" => copy.force_quote = self.copy_columns(&option, true)?,
                "force_null" => copy.force_null = self.copy_columns(&option, false)?,
                "force_not_null" => copy.force_not_null = self.copy_columns(&option, false)?,
                name => {
                    let what = format!("option \"{name}\" not recognized");
                    return Err(TranslateError::Option { what, position });
                }
            }
            if self.eat_mark(")") {
                return Ok(());
            }
            if !self.eat_mark(",") {
                return Err(self.unexpected());
            }
        }
    }

    /// A list of columns, or where that is allowed all of them.
    fn copy_columns(&mut self, option: &Named, all: bool) -> Result<Columns, TranslateError> {
        if all && self.operator_at(self.at, "*") {
            self.at += 1;
            return Ok(Columns::All);
        }
        if !self.mark("(") {
            let what = format!("argument to option \"{}\" must be a list of column names", option.name);
            return Err(TranslateError::Argument { what, position: option.position });
        }
        self.column_names().map(Columns::Some)
    }

    fn old_copy_options(&mut self, copy: &mut Copy) -> Result<(), TranslateError> {
        let mut seen = if copy.format == CopyFormat::Binary { vec!["format".to_owned()] } else { Vec::new() };
        while !self.at_end() && !self.keyword_is(self.at, "where") {
            let (position, first) = (self.start(), self.at);
            let word = self.keyword(self.at);
            self.at += 1;
            let name = match word.as_str() {
                "binary" | "csv" => "format",
                "delimiters" => "delimiter",
                "force" if self.eat("quote") => "force_quote",
                "force" if self.eat_all(&["not", "null"]) => "force_not_null",
                "force" if self.eat("null") => "force_null",
                other => other,
            };
            Named { name: name.to_owned(), position }.only_once(&mut seen)?;
            match name {
                "format" => copy.format = if word.as_str() == "csv" { CopyFormat::Csv } else { CopyFormat::Binary },
                "freeze" => copy.freeze = true,
                "header" => copy.header = CopyHeader::Yes,
                "delimiter" => copy.delimiter = Some(self.old_copy_text()?),
                "null" => copy.null = Some(self.old_copy_text()?),
                "quote" => copy.quote = Some(self.old_copy_text()?),
                "escape" => copy.escape = Some(self.old_copy_text()?),
                "encoding" => copy.encoding = Some(self.old_copy_text()?),
                "force_quote" if self.operator_at(self.at, "*") => {
                    self.at += 1;
                    copy.force_quote = Columns::All;
                }
                "force_quote" => copy.force_quote = Columns::Some(self.column_names()?),
                "force_not_null" => copy.force_not_null = Columns::Some(self.column_names()?),
                "force_null" => copy.force_null = Columns::Some(self.column_names()?),
                _ => {
                    self.at = first;
                    return Err(self.unexpected());
                }
            }
        }
        Ok(())
    }

    fn old_copy_text(&mut self) -> Result<String, TranslateError> {
        self.eat("as");
        self.copy_text()
    }
}
