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
            default: None,
            freeze: false,
            condition: None,
        };
        if self.eat("using") && !self.keyword_is(self.at, "delimiters") {
            return Err(self.unexpected());
        }
        self.eat("with");
        if self.eat_mark("(") {
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

    /// A value that means yes when it is left out.
    fn copy_switch(&mut self) -> Result<bool, TranslateError> {
        if self.mark(",") || self.mark(")") {
            return Ok(true);
        }
        let position = self.start();
        let value = self.copy_text()?;
        match value.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            _ => Err(TranslateError::Option { what: "a Boolean value is needed here: true or false", position }),
        }
    }

    fn copy_format(&mut self) -> Result<CopyFormat, TranslateError> {
        let position = self.start();
        match self.copy_text()?.to_ascii_lowercase().as_str() {
            "text" => Ok(CopyFormat::Text),
            "csv" => Ok(CopyFormat::Csv),
            "binary" => Ok(CopyFormat::Binary),
            _ => Err(TranslateError::Option { what: "COPY format not recognized: use text, csv or binary", position }),
        }
    }

    fn copy_options(&mut self, copy: &mut Copy) -> Result<(), TranslateError> {
        while !self.eat_mark(")") {
            let position = self.start();
            let option = self.expect_name()?;
            match option.as_str() {
                "format" => copy.format = self.copy_format()?,
                "delimiter" => copy.delimiter = Some(self.copy_text()?),
                "null" => copy.null = Some(self.copy_text()?),
                "default" => copy.default = Some(self.copy_text()?),
                "quote" => copy.quote = Some(self.copy_text()?),
                "escape" => copy.escape = Some(self.copy_text()?),
                "encoding" => copy.encoding = Some(self.copy_text()?),
                "freeze" => copy.freeze = self.copy_switch()?,
                "header" if self.eat("match") => copy.header = CopyHeader::Match,
                "header" => copy.header = if self.copy_switch()? { CopyHeader::Yes } else { CopyHeader::No },
                "force_quote" => copy.force_quote = self.copy_columns()?,
                "force_null" => copy.force_null = self.copy_columns()?,
                "force_not_null" => copy.force_not_null = self.copy_columns()?,
                _ => return Err(TranslateError::Option { what: "COPY has no such option", position }),
            }
            if !self.eat_mark(",") && !self.mark(")") {
                return Err(self.unexpected());
            }
        }
        Ok(())
    }

    fn copy_columns(&mut self) -> Result<Columns, TranslateError> {
        if self.operator_at(self.at, "*") {
            self.at += 1;
            return Ok(Columns::All);
        }
        self.column_names().map(Columns::Some)
    }

    fn old_copy_options(&mut self, copy: &mut Copy) -> Result<(), TranslateError> {
        while !self.at_end() && !self.keyword_is(self.at, "where") {
            let word = self.keyword(self.at);
            self.at += 1;
            match word.as_str() {
                "binary" => copy.format = CopyFormat::Binary,
                "csv" => copy.format = CopyFormat::Csv,
                "freeze" => copy.freeze = true,
                "header" => copy.header = CopyHeader::Yes,
                "delimiter" | "delimiters" => copy.delimiter = Some(self.old_copy_text()?),
                "null" => copy.null = Some(self.old_copy_text()?),
                "quote" => copy.quote = Some(self.old_copy_text()?),
                "escape" => copy.escape = Some(self.old_copy_text()?),
                "encoding" => copy.encoding = Some(self.old_copy_text()?),
                "force" if self.eat("quote") => copy.force_quote = self.copy_columns()?,
                "force" if self.eat_all(&["not", "null"]) => copy.force_not_null = self.copy_columns()?,
                "force" if self.eat("null") => copy.force_null = self.copy_columns()?,
                _ => {
                    self.at -= 1;
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
