//! The query in a statement that writes.
//!
//! What an INSERT, UPDATE, DELETE, MERGE or COPY reads and keeps is what a query would that gives the rows it writes, or finds the rows it
//! changes: with the columns that it needs for that, and no others. So such a statement is taken as that query, and with it goes what
//! becomes of the rows ([`Sink`]).

use datafusion_sql::sqlparser::ast::{
    Assignment, AssignmentTarget, CopySource, CopyTarget, Expr, FromTable, Insert, Merge, MergeAction, MergeClauseKind,
    MergeInsertKind, ObjectName, OnConflict, OnConflictAction, OnInsert, Query, SqliteOnConflict, Statement,
    TableFactor, TableObject, Update, UpdateTableFromKind,
};
use datafusion_sql::sqlparser::parser::ParserError;

use super::tokens::{Token, TokenKind, tokens};

/// What becomes of the rows of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Sink {
    /// They go to the client.
    Client,
    /// They go into a table that is there, or a new one.
    Table,
    /// They go into a table that is gone with its session, and has no file.
    Temporary,
    /// They go into files, in pieces of some rows each.
    Pieces,
    /// They go into files line by line, or into many files at once.
    Lines,
    /// They tell which rows of a table are deleted.
    Delete,
    /// They are new values of these columns of rows; of MERGE, or of INSERT where keys are there already, new rows as well.
    Update { columns: Vec<String>, brings_rows: bool },
    /// The statement has no query.
    #[default]
    Nothing,
}

/// A statement as a query.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) query: Option<Query>,
    pub(super) sink: Sink,
    /// The table that is written to.
    pub(super) target: Option<ObjectName>,
}

/// The query of a statement, and what becomes of its rows.
///
/// # Errors
/// When the query that it amounts to cannot be parsed.
pub(super) fn query_of(
    statement: Statement,
    parse: &impl Fn(String) -> Result<Query, ParserError>,
) -> Result<Written, ParserError> {
    let (text, sink, target) = match statement {
        Statement::Query(query) => {
            return Ok(Written { query: Some(*query), sink: Sink::Client, target: None });
        }
        Statement::Explain { statement, .. } => return query_of(*statement, parse),
        Statement::Insert(insert) => return Ok(of_insert(insert)),
        Statement::CreateTable(table) => {
            let sink = if table.temporary { Sink::Temporary } else { Sink::Table };
            return Ok(Written { query: table.query.map(|query| *query), sink, target: None });
        }
        Statement::Copy {
            to: false,
            target: CopyTarget::File { filename },
            source: CopySource::Table { table_name, .. },
            ..
        } => (format!("SELECT * FROM '{}'", filename.replace('\'', "''")), Sink::Table, Some(table_name)),
        Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = delete.from;
            let target = tables.first().and_then(|table| name_of(&table.relation));
            let mut from: Vec<String> = tables.iter().map(ToString::to_string).collect();
            from.extend(delete.using.into_iter().flatten().map(|table| table.to_string()));
            let text = format!("SELECT 1 FROM {}{}", from.join(", "), condition(delete.selection.as_ref()));
            (text, Sink::Delete, target)
        }
        Statement::Update(update) => {
            let sink = Sink::Update { columns: columns(&update.assignments), brings_rows: false };
            (of_update(&update), sink, name_of(&update.table.relation))
        }
        Statement::Merge(merge) => {
            let (text, sink) = of_merge(&merge);
            (text, sink, name_of(&merge.table))
        }
        _ => return Ok(Written::default()),
    };
    Ok(Written { query: Some(parse(text)?), sink, target })
}

fn of_insert(insert: Insert) -> Written {
    let target = match insert.table {
        TableObject::TableName(name) => Some(name),
        _ => None,
    };
    let replaces = insert.replace_into || matches!(insert.or, Some(SqliteOnConflict::Replace));
    let sink = match insert.on {
        Some(OnInsert::OnConflict(OnConflict { action: OnConflictAction::DoUpdate(update), .. })) => {
            Sink::Update { columns: columns(&update.assignments), brings_rows: true }
        }
        _ if replaces => Sink::Update { columns: Vec::new(), brings_rows: true },
        _ => Sink::Table,
    };
    let query = insert.source.map(|query| *query);
    Written { sink: if query.is_some() { sink } else { Sink::Nothing }, query, target }
}

fn name_of(factor: &TableFactor) -> Option<ObjectName> {
    match factor {
        TableFactor::Table { name, .. } => Some(name.clone()),
        _ => None,
    }
}

/// The columns that get new values.
fn columns(assignments: &[Assignment]) -> Vec<String> {
    let names = assignments.iter().flat_map(|assignment| match &assignment.target {
        AssignmentTarget::ColumnName(name) => vec![name.clone()],
        AssignmentTarget::Tuple(names) => names.clone(),
    });
    names.filter_map(|name| Some(name.0.last()?.as_ident()?.value.to_lowercase())).collect()
}

fn condition(selection: Option<&Expr>) -> String {
    selection.map(|selection| format!(" WHERE {selection}")).unwrap_or_default()
}

fn of_update(update: &Update) -> String {
    let mut from = vec![update.table.to_string()];
    if let Some(UpdateTableFromKind::BeforeSet(more) | UpdateTableFromKind::AfterSet(more)) = &update.from {
        from.extend(more.iter().map(ToString::to_string));
    }
    let values = numbered(values(&update.assignments));
    format!("SELECT {values} FROM {}{}", from.join(", "), condition(update.selection.as_ref()))
}

/// The new values, as items of a SELECT.
fn values(assignments: &[Assignment]) -> Vec<String> {
    assignments.iter().map(|assignment| format!("({})", assignment.value)).collect()
}

/// Items with names of their own, since the planner wants no two of the same.
fn numbered(items: Vec<String>) -> String {
    let named =
        items.iter().enumerate().map(|(at, item)| if item == "*" { item.clone() } else { format!("{item} AS _{at}") });
    named.collect::<Vec<_>>().join(", ")
}

/// A MERGE joins what it merges with the table, and keeps rows without a match for the clauses about them.
fn of_merge(merge: &Merge) -> (String, Sink) {
    let mut items = Vec::new();
    let (mut keeps_source, mut keeps_table, mut brings_rows, mut changed) = (false, false, false, Vec::new());
    for clause in &merge.clauses {
        match clause.clause_kind {
            MergeClauseKind::Matched => {}
            MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => keeps_source = true,
            MergeClauseKind::NotMatchedBySource => keeps_table = true,
        }
        items.extend(clause.predicate.iter().map(|predicate| format!("({predicate})")));
        match &clause.action {
            MergeAction::Delete { .. } => {}
            MergeAction::Update(update) => {
                items.extend(values(&update.assignments));
                changed.extend(columns(&update.assignments));
            }
            MergeAction::Insert(insert) => {
                brings_rows = true;
                match &insert.kind {
                    MergeInsertKind::Values(rows) => {
                        let rows = rows.rows.iter().flat_map(|row| row.iter());
                        items.extend(rows.map(|value| format!("({value})")));
                    }
                    MergeInsertKind::Row => items.push("*".to_owned()),
                }
            }
        }
    }
    let sink = match (brings_rows, changed.is_empty()) {
        (false, true) => Sink::Delete,
        (true, true) => Sink::Table,
        _ => Sink::Update { columns: changed, brings_rows },
    };
    if items.is_empty() {
        items.push("1".to_owned());
    }
    let join = match (keeps_source, keeps_table) {
        (false, false) => "JOIN",
        (true, false) => "LEFT JOIN",
        (false, true) => "RIGHT JOIN",
        (true, true) => "FULL JOIN",
    };
    let (source, table) = (&merge.source, &merge.table);
    (format!("SELECT {} FROM {source} {join} {table} ON {}", numbered(items), merge.on), sink)
}

/// The query of `COPY … TO`, told from tokens: the parser knows few of the options that DuckDB has.
pub(super) fn copied(sql: &str) -> Option<(String, Sink)> {
    let all: Vec<Token<'_>> = tokens(sql).collect();
    let (first, rest) = all.split_first()?;
    let to = outside(rest).find(|&at| rest[at].is_any(&["to", "from"]))?;
    let is_one = rest.iter().position(|token| token.is_symbol(";")).is_none_or(|end| end + 1 == rest.len());
    if !first.is("copy") || !rest[to].is("to") || !is_one {
        return None;
    }
    let (source, target) = rest.split_at(to);
    let (begin, end) = (source.first()?.text, source.last()?.text);
    // Both are parts of the text.
    let place = |text: &str| text.as_ptr() as usize - sql.as_ptr() as usize;
    let source_text = &sql[place(begin)..place(end) + end.len()];
    let text = match source_text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(query) => query.to_owned(),
        // Behind the name there may be columns.
        None => {
            let columns = source.iter().position(|token| token.is_symbol("("));
            match columns {
                Some(at) => {
                    let name = &sql[place(begin)..place(source[at].text)];
                    format!("SELECT {} FROM {name}", sql[place(source[at].text)..place(end)].trim_start_matches('('))
                }
                None => format!("SELECT * FROM {source_text}"),
            }
        }
    };
    let is_parquet = target.iter().any(|token| {
        let text = token.text.trim_matches('\'').to_lowercase();
        text == "parquet" || (token.kind == TokenKind::Text && text.ends_with(".parquet"))
    });
    let is_one_file = !target.iter().any(|token| token.is("partition_by"));
    Some((text, if is_parquet && is_one_file { Sink::Pieces } else { Sink::Lines }))
}

/// The places of tokens that are in no parentheses.
fn outside<'a>(all: &'a [Token<'_>]) -> impl Iterator<Item = usize> + 'a {
    let mut depth = 0_usize;
    all.iter().enumerate().filter_map(move |(at, token)| {
        match token.text {
            "(" if token.kind == TokenKind::Symbol => depth += 1,
            ")" if token.kind == TokenKind::Symbol => depth = depth.saturating_sub(1),
            _ => return (depth == 0).then_some(at),
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use datafusion_sql::sqlparser::dialect::DuckDbDialect;
    use datafusion_sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn statements_that_write_are_queries() {
        let update = |columns: &[&str], brings_rows| Sink::Update {
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            brings_rows,
        };
        fn check(sql: &str, query: &str, sink: Sink) {
            let parse = |sql: String| Parser::new(&DuckDbDialect).try_with_sql(&sql)?.parse_query().map(|query| *query);
            let found = match copied(sql) {
                Some((text, sink)) => (Some(parse(text).unwrap()), sink),
                None => {
                    let statement = Parser::parse_sql(&DuckDbDialect, sql).unwrap().remove(0);
                    let written = query_of(statement, &parse).unwrap();
                    (written.query, written.sink)
                }
            };
            let expected = (!query.is_empty()).then(|| parse(query.to_owned()).unwrap().to_string());
            assert_eq!((found.0.map(|query| query.to_string()), found.1), (expected, sink), "{sql}");
        }
        check("select 1", "select 1", Sink::Client);
        check("insert into t select i from u", "select i from u", Sink::Table);
        check("insert into t values (1)", "values (1)", Sink::Table);
        check("create or replace table t as select i from u", "select i from u", Sink::Table);
        check("create temp table t as select i from u", "select i from u", Sink::Temporary);
        check("create table t (i int)", "", Sink::Table);
        check(
            "insert into t select i from u on conflict (i) do update set s = 'a'",
            "select i from u",
            update(&["s"], true),
        );
        check("insert or replace into t select 1", "select 1", update(&[], true));
        check("copy t from 'a''b.csv'", "select * from 'a''b.csv'", Sink::Table);
        check("copy t to 'a.csv'", "select * from t", Sink::Lines);
        check("copy a.t (i, \"to\") to 'a.parquet'", "select i, \"to\" from a.t", Sink::Pieces);
        check(
            "COPY (select * from t where s = ')') TO 'a' (format parquet, partition_by (i));",
            "select * from t where s = ')'",
            Sink::Lines,
        );
        check("copy (from t) to 'a.zst' (format csv, compression zstd)", "from t", Sink::Lines);
        check("delete from t where i = 1", "select 1 from t where i = 1", Sink::Delete);
        check("delete from t using u where t.i = u.i", "select 1 from t, u where t.i = u.i", Sink::Delete);
        check(
            "update t set i = i + 1, s = 'a' where j",
            "select (i + 1) as _0, ('a') as _1 from t where j",
            update(&["i", "s"], false),
        );
        check(
            "update t set i = u.i from u where t.j = u.j",
            "select (u.i) as _0 from t, u where t.j = u.j",
            update(&["i"], false),
        );
        let merge = "merge into t using u on t.i = u.i";
        check(&format!("{merge} when matched then delete"), "select 1 as _0 from u join t on t.i = u.i", Sink::Delete);
        check(
            &format!(
                "{merge} when matched and u.j then update set s = u.s when not matched then insert values (u.i, u.s)"
            ),
            "select (u.j) as _0, (u.s) as _1, (u.i) as _2, (u.s) as _3 from u left join t on t.i = u.i",
            update(&["s"], true),
        );
        check(
            &format!("{merge} when not matched by source then delete"),
            "select 1 as _0 from u right join t on t.i = u.i",
            Sink::Delete,
        );
        check("drop table t", "", Sink::Nothing);
    }
}
