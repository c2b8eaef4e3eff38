//! What a statement reads, and the statement as a planner can take it.
//!
//! DuckDB names what is read in more forms than a planner knows: tables in up to three parts, files in quotes, calls with options. Each place
//! in FROM gets a name of its own, `#0`, `#1` and so on, so that a planner meets nothing but plain names, and what is read at a place is told
//! apart from other places that read the same. Of a statement that writes, the query in it is planned (`writes`).

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, Select, SelectFlavor, SelectItem,
    TableAlias, TableFactor, UnaryOperator, Value, VisitMut, VisitorMut, WildcardAdditionalOptions,
};
use datafusion_sql::sqlparser::dialect::DuckDbDialect;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use prost::Message;
use tavana_wire::statistics::{Argument, ArgumentValue, Reference, Relation, TableFunction, TableName, TextList};

use super::tokens::tokens;
use super::writes::{self, Sink, Written};

/// How deep a statement may be nested: sqlparser needs up to a hundred KiB of stack a level.
const MAX_DEPTH: usize = 60;

/// A statement as a planner takes it.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) query: Option<Query>,
    pub(super) sink: Sink,
    /// What each place in FROM reads; [`place_name`] tells the place. `None` where it cannot be told.
    pub(super) places: Vec<Option<Relation>>,
    /// Which of the places is the table that is written to: the last, behind those in FROM.
    pub(super) target: Option<usize>,
}

/// A key of what places read, whatever their order; `None` where nothing is read.
pub(super) fn key(places: &[Option<Relation>]) -> Option<u64> {
    let read: BTreeSet<Vec<u8>> = places.iter().flatten().map(Message::encode_to_vec).collect();
    let mut hasher = DefaultHasher::new();
    read.hash(&mut hasher);
    (!read.is_empty()).then(|| hasher.finish())
}

/// The name of a place in FROM.
pub(super) fn place_name(place: usize) -> String {
    format!("#{place}")
}

/// The place that a name stands for.
pub(super) fn place_of(name: &str) -> Option<usize> {
    name.strip_prefix('#')?.parse().ok()
}

/// Parses a text; places are numbered from `first_place` on.
///
/// # Errors
/// When the parser does not understand it.
pub(super) fn parse(sql: &str, first_place: usize) -> Result<Vec<Parsed>, ParserError> {
    let read = |sql: &str| {
        let parser = Parser::new(&DuckDbDialect).with_recursion_limit(MAX_DEPTH).try_with_sql(sql);
        parser.and_then(|mut parser| parser.parse_statements())
    };
    // The parser knows `FROM t`, but nothing behind it.
    let begins_with_from = || tokens(sql).next().is_some_and(|token| token.is("from"));
    let written = match writes::copied(sql) {
        Some((text, sink)) => vec![Written { query: Some(query(text)?), sink, target: None }],
        None => {
            let again = |error| if begins_with_from() { read(&format!("SELECT * {sql}")) } else { Err(error) };
            let statements = read(sql).or_else(again)?.into_iter();
            statements.map(|statement| writes::query_of(statement, &query)).collect::<Result<_, _>>()?
        }
    };
    let mut next = first_place;
    let parsed = written.into_iter().map(|written| {
        let parsed = Parsed::new(written, next);
        next += parsed.places.len();
        parsed
    });
    Ok(parsed.collect())
}

impl Parsed {
    fn new(written: Written, first: usize) -> Self {
        let Written { query, sink, target } = written;
        let mut parsed = Self { query, sink, places: Vec::new(), target: None };
        if let Some(query) = &mut parsed.query {
            let mut finder = Finder { first, places: Vec::new(), defined: defined(query) };
            let _ = query.visit(&mut finder);
            parsed.places = finder.places;
        }
        if let Some(target) = target.filter(|_| parsed.query.is_some()) {
            parsed.target = Some(parsed.places.len());
            let reference = Reference::Name(TableName { parts: parts(&target) });
            parsed.places.push(Some(Relation { reference: Some(reference) }));
        }
        parsed
    }
}

/// The query of a text that is one, as SQL.
fn query(sql: String) -> Result<Query, ParserError> {
    let mut parser = Parser::new(&DuckDbDialect).with_recursion_limit(MAX_DEPTH).try_with_sql(&sql)?;
    parser.parse_query().map(|query| *query)
}

/// The names that a query defines itself, in lower case.
fn defined(query: &mut Query) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl VisitorMut for Names {
        type Break = ();
        fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
            let tables = query.with.iter().flat_map(|with| &with.cte_tables);
            self.0.extend(tables.map(|table| table.alias.name.value.to_lowercase()));
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(BTreeSet::new());
    let _ = query.visit(&mut names);
    names.0
}

/// Finds what is read, and renames it.
struct Finder {
    first: usize,
    places: Vec<Option<Relation>>,
    defined: BTreeSet<String>,
}

impl VisitorMut for Finder {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.flavor == SelectFlavor::FromFirstNoSelect {
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
            select.flavor = SelectFlavor::Standard;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args, .. } = factor {
            let parts = parts(name);
            let is_defined = matches!(parts.as_slice(), [one] if self.defined.contains(&one.to_lowercase()));
            if !is_defined || args.is_some() {
                let reference = match args.take() {
                    None => Some(Reference::Name(TableName { parts: parts.clone() })),
                    Some(args) => call(&parts, &args.args).map(Reference::Call),
                };
                alias.get_or_insert_with(|| alias_of(&parts));
                *name = ObjectName::from(vec![Ident::with_quote('"', place_name(self.first + self.places.len()))]);
                self.places.push(reference.map(|reference| Relation { reference: Some(reference) }));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(value) = without_looks(expr) {
            *expr = value;
        }
        ControlFlow::Continue(())
    }
}

/// The value in a call of the PostgreSQL frontend's that only changes how a value looks. Some name a column beside it, for its type, and so
/// would not be understood where rows are grouped.
fn without_looks(expr: &Expr) -> Option<Expr> {
    let Expr::Function(function) = expr else { return None };
    let [schema, name]: [String; 2] = parts(&function.name).try_into().ok()?;
    if schema != "pgc" || !name.ends_with("_out") {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.first()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    }
}

fn parts(name: &ObjectName) -> Vec<String> {
    name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.clone()).collect()
}

/// The name by which columns call a relation that has no alias: the last part, of a file without its folders and ending.
fn alias_of(parts: &[String]) -> TableAlias {
    let last = parts.last().map(String::as_str).unwrap_or_default();
    let name = last.rsplit(['/', '\\']).next().unwrap_or(last);
    let name = if parts.len() == 1 { name.split('.').next().unwrap_or(name) } else { name };
    // Names without quotes are compared in lower case by the planner.
    TableAlias { explicit: true, name: Ident::with_quote('"', name.to_lowercase()), columns: Vec::new(), at: None }
}

/// A call whose arguments are constants.
fn call(parts: &[String], args: &[FunctionArg]) -> Option<TableFunction> {
    let argument = |arg: &FunctionArg| {
        let (name, arg) = match arg {
            FunctionArg::Unnamed(arg) => (String::new(), arg),
            FunctionArg::Named { name, arg, .. } => (name.value.to_lowercase(), arg),
            FunctionArg::ExprNamed { name, arg, .. } => (name.to_string().to_lowercase(), arg),
        };
        let FunctionArgExpr::Expr(value) = arg else { return None };
        Some(Argument { name, value: Some(constant(value)?) })
    };
    let arguments = args.iter().map(argument).collect::<Option<Vec<_>>>()?;
    Some(TableFunction { function: parts.last()?.to_lowercase(), arguments })
}

fn constant(value: &Expr) -> Option<ArgumentValue> {
    match value {
        Expr::Value(value) => Some(match &value.value {
            Value::Boolean(value) => ArgumentValue::Bool(*value),
            Value::Number(digits, _) => match digits.parse() {
                Ok(whole) => ArgumentValue::Int(whole),
                Err(_) => ArgumentValue::Double(digits.parse().ok()?),
            },
            text => ArgumentValue::Text(text.clone().into_string()?),
        }),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Some(match constant(expr)? {
            ArgumentValue::Int(value) => ArgumentValue::Int(value.checked_neg()?),
            ArgumentValue::Double(value) => ArgumentValue::Double(-value),
            _ => return None,
        }),
        Expr::Array(array) => {
            let text = |item: &Expr| match constant(item)? {
                ArgumentValue::Text(text) => Some(text),
                _ => None,
            };
            Some(ArgumentValue::Texts(TextList { values: array.elem.iter().map(text).collect::<Option<_>>()? }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sql: &str) -> Vec<String> {
        let show = |relation: &Option<Relation>| match relation.as_ref().and_then(|r| r.reference.as_ref()) {
            Some(Reference::Name(name)) => name.parts.join("|"),
            Some(Reference::Call(call)) => {
                let values = call.arguments.iter().map(|argument| match &argument.value {
                    Some(ArgumentValue::Text(text)) => format!("{}'{text}'", argument.name),
                    Some(ArgumentValue::Texts(list)) => format!("{}{:?}", argument.name, list.values),
                    Some(ArgumentValue::Bool(value)) => format!("{}={value}", argument.name),
                    Some(ArgumentValue::Int(value)) => format!("{}{value}", argument.name),
                    _ => "?".to_owned(),
                });
                format!("{}({})", call.function, values.collect::<Vec<_>>().join(","))
            }
            None => "unknown".to_owned(),
        };
        parse(sql, 0).unwrap().iter().flat_map(|parsed| parsed.places.iter().map(show).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn the_same_relations_have_one_key() {
        let of = |sql: &str| key(&parse(sql, 0).unwrap().into_iter().flat_map(|one| one.places).collect::<Vec<_>>());
        assert_eq!(of("from t, u where t.i = 1"), of("select max(u.j) from u join t on true join t v on true"));
        assert_ne!(of("from t"), of("from u"));
        assert_eq!(of("select 1"), None);
    }

    #[test]
    fn relations_are_found_in_every_form() {
        fn check(sql: &str, expected: &[&str]) {
            assert_eq!(shown(sql), expected, "{sql}");
        }
        check("select * from t", &["t"]);
        check("from a.b.\"C d\"", &["a|b|C d"]);
        check("from 'x/y.parquet' f where f.i = 1", &["x/y.parquet"]);
        check("select * from t, u join v on true, (select * from w) x", &["t", "u", "v", "w"]);
        check("with c as (select * from t) select * from c, C d, u", &["t", "u"]);
        check("select * from t where i in (select i from u) and exists (from v)", &["t", "u", "v"]);
        check(
            "from read_parquet('a/*.parquet', hive_partitioning = true)",
            &["read_parquet('a/*.parquet',hive_partitioning=true)"],
        );
        check("from read_csv(['a', 'b'], skip := 2)", &["read_csv([\"a\", \"b\"],skip2)"]);
        check("from read_parquet('a' || 'b')", &["unknown"]);
        check("select 1; select * from t", &["t"]);
        check("insert into a select * from b", &["b", "a"]);
        check("create table a as select * from b", &["b"]);
        check("copy a to 'b.csv'", &["a"]);
        check("copy (select * from b) to 'b.csv'", &["b"]);
        check("delete from a where i in (select i from b)", &["a", "b", "a"]);
        check("update a set i = 1 where i = 2", &["a", "a"]);
        check("update a set i = b.i from b where a.j = b.j", &["a", "b", "a"]);
        check("merge into a using b on a.i = b.i when matched then delete", &["b", "a", "a"]);
        check("drop table t", &[]);
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(parse(&format!("select {}1{}", "(".repeat(5000), ")".repeat(5000)), 0).is_err());
    }
}
