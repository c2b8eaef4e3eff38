//! Parameters, found and given a type.
//!
//! DuckDB numbers each `?` as its parser happens to come by it, which is not always the order they are written in
//! (`? AT TIME ZONE ?`, `trim(? FROM ?)`, `sum(? ORDER BY ?) FILTER (WHERE ?)`, `MAP {?: ?, ?: ?}`), while
//! clients bind them as written. So each is replaced by its number, and where its type is known by a cast to it.

use super::{Statement, TokenKind};

/// One use of a parameter.
struct Parameter {
    start: usize,
    end: usize,
    /// From 1, as DuckDB counts: a `?` takes the number after the highest before it.
    number: usize,
    is_named: bool,
    /// Whether only a bare parameter may stand here.
    is_bare: bool,
    /// Whether a cast may stand here in parentheses only.
    needs_parentheses: bool,
}

impl Statement<'_> {
    /// The text with each parameter in a cast to its type, and each `?` written as the number it has in the text.
    ///
    /// `types` holds the SQL types of parameters 1, 2, …; one that is missing or empty casts nothing, so
    /// without types this only numbers the parameters.
    pub(crate) fn with_parameter_types(&self, types: &[String]) -> String {
        let parameters = self.parameters();
        // DuckDB refuses a mix of names and numbers; let it tell that of the text as it was written.
        let has_names = parameters.iter().any(|parameter| parameter.is_named);
        let mut edited = String::with_capacity(self.text.len() + 24 * parameters.len());
        let mut copied = 0;
        for parameter in parameters {
            let (before, written) = (&self.text[copied..parameter.start], &self.text[parameter.start..parameter.end]);
            edited.push_str(before);
            copied = parameter.end;
            // `LIMIT?` must not become `LIMIT$1`, which is a name.
            if edited.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == '$') {
                edited.push(' ');
            }
            let plain = if has_names { written.to_owned() } else { format!("${}", parameter.number) };
            match types.get(parameter.number - 1).filter(|kind| !kind.is_empty() && !parameter.is_bare) {
                Some(kind) if parameter.needs_parentheses => edited.push_str(&format!("(CAST({plain} AS {kind}))")),
                Some(kind) => edited.push_str(&format!("CAST({plain} AS {kind})")),
                None => edited.push_str(&plain),
            }
            // Nor `?1` become another number by what follows.
            if self.text[copied..].starts_with(|next: char| next.is_alphanumeric() || next == '_') {
                edited.push(' ');
            }
        }
        edited.push_str(&self.text[copied..]);
        edited
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut names: Vec<String> = Vec::new();
        let mut count = 0usize;
        let mut parameters = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            let (next, number, is_named) = if token.kind == TokenKind::Parameter {
                // DuckDB reads digits up to an underscore, and 0 as if none were given.
                let digits = self.token_text(index)[1..].split('_').next().unwrap_or_default();
                let number = digits
                    .bytes()
                    .fold(0usize, |number, digit| number.saturating_mul(10).saturating_add((digit - b'0').into()));
                (index + 1, if number == 0 { count.saturating_add(1) } else { number }, false)
            } else if let Some(name) = self.name(index + 1).filter(|_| self.is_symbol(index, "$")) {
                let known = names.iter().position(|known| *known == name);
                let number = known.unwrap_or(names.len()) + 1;
                if known.is_none() {
                    names.push(name);
                }
                (index + 2, number, true)
            } else {
                continue;
            };
            count = count.max(number);
            let is_bare = self.is_file_name(index);
            let after_interval = index > 0 && self.is_keyword(index - 1, "interval");
            let needs_parentheses = after_interval || self.is_symbol(next, "[") || self.is_symbol(next, ".");
            let (start, end) = (token.start, self.tokens[next - 1].end);
            parameters.push(Parameter { start, end, number, is_named, is_bare, needs_parentheses });
        }
        parameters
    }

    /// Whether the token is the file name of a `COPY`, which may be a parameter but no expression without parentheses.
    fn is_file_name(&self, index: usize) -> bool {
        let after = |word| index > 0 && self.is_keyword(index - 1, word);
        // The body is a copy of all tokens: looked at last, and only for the few that stand in such a place.
        (after("to") || after("from"))
            && (self.is_keyword(0, "copy") || self.body().is_some_and(|body| body.is_keyword(0, "copy")))
    }
}
