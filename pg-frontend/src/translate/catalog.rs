//! Columns of PostgreSQL's catalogs whose types DuckDB does not have.
//!
//! `oid`, `name`, `"char"` and their kin are numbers and texts in DuckDB, but clients decide by the type how they read a
//! value, and some compare it. A column of a catalog is known by its name alone, because no two catalogs disagree about
//! one; a label that a select list gives to such a column is remembered, at whatever depth, until another item takes the
//! same label for something else. Two kinds of columns also need care in expressions: the text of a `regproc` is the
//! function's name, and an `int2vector` counts from 0.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::effects::Signal;
use super::expression::{Label, Operand, Shape};
use super::parser::Parser;

/// Schema, column, OID of the type, type modifier: made by tools/pg_catalog.py.
const COLUMNS: &str = include_str!("catalog_columns.txt");

/// OID of a type and its modifier.
pub type ColumnType = (u32, i32);

const REGPROC: u32 = 24;
const TEXT: u32 = 25;
const VECTORS: [u32; 2] = [22, 30];

/// What is known of the columns of a statement that reads a catalog.
#[derive(Debug, Default)]
pub(super) struct CatalogColumns {
    /// Labels that select lists gave, and to what.
    labels: HashMap<String, Vec<Source>>,
    /// The items of the statement's own select list, those of all branches of a union in one.
    items: Vec<Vec<Source>>,
    /// The item that comes next, and whether there is a `*` among them.
    next: usize,
    /// The ends of the `*` among the items of all lists.
    stars: Vec<usize>,
    has_star: bool,
    /// Labels of the statement's own select list: nothing further in can mean them.
    own_labels: HashMap<String, Vec<Source>>,
    /// The type of the first item of the select list that was read last.
    first_type: Option<ColumnType>,
    reads_information_schema: bool,
    reads_catalog: bool,
}

/// Steps from name to name until the search for a type is given up.
const MAX_STEPS: usize = 500;

/// The way from a name to its type.
#[derive(Default)]
struct Walk<'a> {
    path: Vec<&'a str>,
    steps: usize,
}

/// What an item of a select list is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A column, of a catalog or of a select list further in.
    Column(String),
    /// A value of this type.
    Told(ColumnType),
    /// A constant without a type, NULL mostly: it takes the type of the column that it is united with, else text.
    Open,
    /// Anything else: of the type that DuckDB says.
    Plain,
}

/// The types of the columns of a statement's rows, where they are not what DuckDB's types say.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub struct ColumnTypes {
    /// By the places of the columns, where the select list tells their number.
    places: Option<Vec<Option<ColumnType>>>,
    /// By their names; none where select lists disagree.
    labels: HashMap<String, Option<ColumnType>>,
    schemas: Vec<&'static str>,
}

impl ColumnTypes {
    /// The type of a column by its place and its name, of so many columns.
    pub fn of(&self, place: usize, name: &str, count: usize) -> Option<ColumnType> {
        if let Some(places) = self.places.as_ref().filter(|places| places.len() == count) {
            return places[place];
        }
        match self.labels.get(name) {
            Some(known) => *known,
            None => self.schemas.iter().find_map(|schema| column_type(schema, name)),
        }
    }

    /// Whether all types are DuckDB's own.
    pub fn is_empty(&self) -> bool {
        self.places.is_none() && self.schemas.is_empty()
    }
}

fn column_type(schema: &str, name: &str) -> Option<ColumnType> {
    type Columns = HashMap<(&'static str, &'static str), ColumnType>;
    static KNOWN: OnceLock<Columns> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let line = |line: &'static str| {
            let mut fields = line.split('\t');
            let (schema, name) = (fields.next()?, fields.next()?);
            Some(((schema, name), (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)))
        };
        COLUMNS.lines().filter_map(line).collect()
    });
    known.get(&(schema, name)).copied()
}

/// Whether a statement may read a catalog; all others do not pay for it.
pub(super) fn may_read_catalog(sql: &str) -> bool {
    const WORDS: &[&str] =
        &["pg_", "PG_", "information_schema", "INFORMATION_SCHEMA", "::reg", "::oid", "::name", "current_schema"];
    WORDS.iter().any(|word| sql.contains(word))
}

impl CatalogColumns {
    /// Notes a table that the statement names.
    pub fn table(&mut self, schema: &str, table: &str) {
        self.reads_information_schema |= schema == "information_schema";
        self.reads_catalog |= schema == "pg_catalog" || schema.is_empty() && table.starts_with("pg_");
    }

    /// The type of a column, through as many select lists as gave it this name.
    fn of(&self, name: &str) -> Option<ColumnType> {
        self.followed(name, &mut Walk::default())
    }

    fn followed<'a>(&'a self, name: &'a str, walk: &mut Walk<'a>) -> Option<ColumnType> {
        walk.steps += 1;
        if walk.steps > MAX_STEPS {
            return None;
        }
        walk.path.push(name);
        let mut found: Vec<Option<ColumnType>> = Vec::new();
        for source in self.labels.get(name).map_or(&[][..], Vec::as_slice) {
            // A list that passes the column on under its name says nothing.
            let is_same = matches!(source, Source::Column(from) if walk.path.contains(&from.as_str()));
            if !is_same && *source != Source::Open {
                found.push(self.source_type(source, walk));
            }
        }
        walk.path.pop();
        let is_open = self.labels.get(name).is_some_and(|sources| sources.iter().all(|source| *source == Source::Open));
        match found.split_first() {
            None if is_open => Some((TEXT, -1)),
            None => self.of_catalogs(name),
            Some((first, rest)) => first.filter(|_| rest.iter().all(|other| other == first)),
        }
    }

    fn of_catalogs(&self, name: &str) -> Option<ColumnType> {
        match (self.reads_catalog, self.reads_information_schema) {
            (false, true) => column_type("information_schema", name).or_else(|| column_type("pg_catalog", name)),
            _ => of_any_catalog(name),
        }
    }

    fn source_type<'a>(&'a self, source: &'a Source, walk: &mut Walk<'a>) -> Option<ColumnType> {
        match source {
            Source::Column(name) => self.followed(name, walk),
            Source::Told(told) => Some(*told),
            Source::Open | Source::Plain => None,
        }
    }

    /// A select list begins; gives what is to be told at its end.
    pub fn begin_list(&mut self) -> usize {
        std::mem::take(&mut self.next)
    }

    /// The type of the first item of the list that is read, or was read last.
    pub fn first_type(&self) -> Option<ColumnType> {
        self.first_type
    }

    /// The list ends that began with this.
    pub fn end_list(&mut self, first_type: Option<ColumnType>, outer: usize) {
        (self.first_type, self.next) = (first_type, outer);
    }

    /// A `*` that ends here stands in a select list.
    pub fn star(&mut self, end: usize, is_own: bool) {
        self.has_star |= is_own;
        self.stars.push(end);
    }

    /// The ends of the `*` that must not show what PostgreSQL hides.
    pub fn catalog_stars(&mut self) -> Vec<usize> {
        if self.reads_catalog { std::mem::take(&mut self.stars) } else { Vec::new() }
    }

    pub fn types(self) -> ColumnTypes {
        let schemas = [("pg_catalog", self.reads_catalog), ("information_schema", self.reads_information_schema)];
        let schemas: Vec<_> = schemas.into_iter().filter(|(_, reads)| *reads).map(|(schema, _)| schema).collect();
        let told = |sources: &Vec<Source>| {
            if sources.iter().all(|source| *source == Source::Open) {
                return Some((TEXT, -1));
            }
            let typed = sources.iter().filter(|source| **source != Source::Open);
            let mut found = typed.map(|source| self.source_type(source, &mut Walk::default()));
            let first = found.next().flatten();
            first.filter(|_| found.all(|other| other == first))
        };
        let items: Vec<_> = self.items.iter().map(told).collect();
        let places = (!self.has_star && items.iter().any(Option::is_some)).then_some(items);
        let mut labels: HashMap<_, _> = self.labels.keys().map(|label| (label.clone(), self.of(label))).collect();
        labels.extend(self.own_labels.iter().map(|(label, sources)| (label.clone(), told(sources))));
        ColumnTypes { places, labels, schemas }
    }
}

fn of_any_catalog(name: &str) -> Option<ColumnType> {
    column_type("pg_catalog", name).or_else(|| column_type("information_schema", name))
}

impl Parser<'_> {
    /// A call whose answer the session knows: `pg_backend_pid()`, `current_setting('name')`. The parenthesis is next.
    pub fn session_call(&mut self, first: usize, start: usize) -> Option<Operand> {
        let open = self.at;
        let is_plain = open == first + 1 || open == first + 3 && self.keyword_is(first, "pg_catalog");
        let name = self.identifier(open - 1);
        let text = match name.as_str() {
            _ if !is_plain => return None,
            "set_config" => {
                self.config(open);
                return None;
            }
            "pg_cancel_backend" => return self.signal(Signal::Cancel, first, name),
            "pg_terminate_backend" => return self.signal(Signal::Terminate, first, name),
            "pg_backend_pid" if self.mark_at(open + 1, ")") => self.options.process.to_string(),
            "current_setting" => {
                let wanted = super::literal::value(self.sql, *self.tokens.get(open + 1)?)?;
                let may_miss = self.mark_at(open + 2, ",") && self.keyword_is(open + 3, "true");
                let closed = self.mark_at(open + 2, ")") || self.mark_at(open + 2, ",");
                // Settings of extensions, and of nobody in particular, have a dot.
                let is_ours =
                    crate::settings::is_known(&wanted) || wanted.contains('.') && !wanted.contains(['\'', '?']);
                (closed && is_ours).then_some(())?;
                self.asks_session = true;
                let mark = if may_miss { "?" } else { "" };
                format!("CAST({}{}{mark}') AS VARCHAR)", crate::activity::SETTING, wanted.to_ascii_lowercase())
            }
            _ => return None,
        };
        let behind = self.behind_brackets();
        self.replace(first, behind, text);
        self.at = behind;
        Some(Operand::new(start, self.previous_end(), Label::Strong(name)))
    }

    /// A catalog whose rows the session knows, at the tokens from `first` to here, becomes a call with them.
    pub fn session_table(&mut self, first: usize) -> bool {
        let (last, catalog) = (self.at - 1, self.keyword_is(first, "pg_catalog"));
        if self.catalog.is_none() || last != first && !(catalog && last == first + 2) {
            return false;
        }
        let name = self.identifier(last);
        let (call, rows) = match name.as_str() {
            "pg_stat_activity" => ("stat_activity", crate::activity::ACTIVITY),
            "pg_settings" => ("settings_of", crate::activity::SETTINGS),
            _ => return false,
        };
        self.asks_session = true;
        self.catalog.iter_mut().for_each(|catalog| catalog.table("pg_catalog", &name));
        self.replace(first, last + 1, format!("pgc.{call}({rows})"));
        true
    }

    /// Keeps `tableoid` and `xmin`, which every table of PostgreSQL has and a `*` does not show, out of those of catalogs.
    pub fn hide_columns(&mut self) {
        for end in self.catalog.as_mut().map(CatalogColumns::catalog_stars).unwrap_or_default() {
            self.edits.close(end, " NOT SIMILAR TO 'tableoid|xmin'");
        }
    }

    /// The shape of a subquery that was just read: that of its first column.
    pub fn subquery_shape(&self) -> Shape {
        match self.catalog.as_ref().and_then(CatalogColumns::first_type) {
            Some((oid, _)) => Shape::Catalog(oid),
            None => Shape::Other,
        }
    }

    /// The shape of a call whose type is that of its first argument, a column, or the array of that; the parenthesis
    /// opens at this token.
    pub fn call_shape(&self, open: usize) -> Option<Shape> {
        const GIVES_NAME: [&str; 5] =
            ["pg_get_userbyid", "pg_encoding_to_char", "current_schema", "current_database", "pg_client_encoding"];
        let catalog = self.catalog.as_ref()?;
        let name = self.identifier(open.checked_sub(1)?);
        if GIVES_NAME.contains(&name.as_str()) {
            return Some(Shape::Catalog(19));
        }
        let mut at = open + 1;
        while self.mark_at(at + 1, ".") {
            at += 2;
        }
        self.name_at(at).then_some(())?;
        let (oid, _) = of_any_catalog(&self.identifier(at)).or_else(|| catalog.of(&self.identifier(at)))?;
        let ends = self.mark_at(at + 1, ")") || self.mark_at(at + 1, ",") || self.keyword_is(at + 1, "order");
        let oid = match (name.as_str(), oid) {
            ("array_agg", 26) => 1028,
            ("array_agg", 19) => 1003,
            ("array_agg", 18) => 1002,
            ("min" | "max", 26) | ("coalesce" | "nullif", 18 | 19 | 26) => oid,
            _ => return None,
        };
        ends.then_some(Shape::Catalog(oid))
    }

    /// Notes a `*` of a select list, which ends with the token before.
    pub fn catalog_star(&mut self) {
        let (end, is_own) = (self.previous_end(), self.depth == 0);
        self.catalog.iter_mut().for_each(|catalog| catalog.star(end, is_own));
    }

    /// The shape of a column.
    pub fn column_shape(&self, name: &str) -> Shape {
        let Some(catalog) = &self.catalog else { return Shape::Other };
        // The name of a catalog's column is one even when a label has it too.
        match of_any_catalog(name).or_else(|| catalog.of(name)) {
            Some((oid, _)) if oid == REGPROC || VECTORS.contains(&oid) => Shape::Catalog(oid),
            _ => Shape::Other,
        }
    }

    /// Notes an item of a select list, and the alias that stands behind it.
    pub fn catalog_item(&mut self, operand: &Operand, alias: Option<&str>) {
        let is_open = self.is_open(operand);
        let is_own = self.depth == 0;
        let Some(catalog) = &mut self.catalog else { return };
        let source = match (&operand.label, &operand.shape) {
            _ if is_open => Source::Open,
            (_, Shape::Object(name)) => object_type(name).map_or(Source::Plain, Source::Told),
            (Label::Column(name), _) => Source::Column(name.clone()),
            (_, Shape::Catalog(oid)) => Source::Told((*oid, -1)),
            _ => Source::Plain,
        };
        if is_own {
            if catalog.items.len() <= catalog.next {
                catalog.items.push(Vec::new());
            }
            catalog.items[catalog.next].push(source.clone());
        }
        if catalog.next == 0 {
            catalog.first_type = catalog.source_type(&source, &mut Walk::default());
        }
        catalog.next += 1;
        let own = match &operand.label {
            Label::Column(name) | Label::Weak(name) | Label::Strong(name) => Some(name.as_str()),
            Label::Unknown => None,
        };
        if let Some(label) = alias.or(own) {
            let labels = if is_own { &mut catalog.own_labels } else { &mut catalog.labels };
            labels.entry(label.to_owned()).or_default().push(source);
        }
    }

    /// The type of an operand, if it is one of the catalogs'.
    pub fn catalog_type(&self, operand: &Operand) -> Option<u32> {
        match (&operand.shape, &operand.label) {
            (Shape::Catalog(oid), _) => Some(*oid),
            (Shape::Other, Label::Column(name)) => self.catalog.as_ref()?.of(name).map(|(oid, _)| oid),
            _ => None,
        }
    }

    /// Whether the type of an operand is that of what it meets.
    pub fn is_open(&self, operand: &Operand) -> bool {
        let source = &self.sql[operand.start..operand.end];
        matches!(operand.shape, Shape::Text(_)) || source.eq_ignore_ascii_case("null")
    }

    /// The item of a select list that clients see: a `regproc` is shown by its name.
    pub fn shown_item(&mut self, operand: Operand) -> Operand {
        if self.depth == 0 && operand.shape == Shape::Catalog(REGPROC) {
            self.edits.open(operand.start, "pgc.regproc_out(");
            self.edits.close(operand.end, ")");
            if let Label::Column(name) = operand.label {
                return Operand { label: Label::Strong(name), ..operand };
            }
        }
        operand
    }

    /// The place in a vector, which counts from 0 where DuckDB's lists count from 1.
    pub fn vector_place(&mut self, vector: &Operand, place: &Operand) {
        if matches!(vector.shape, Shape::Catalog(oid) if VECTORS.contains(&oid)) {
            self.edits.open(place.start, "(");
            self.edits.close(place.end, ") + 1");
        }
    }

    /// The text of a column that is more than DuckDB's.
    pub fn catalog_text(&mut self, operand: Operand) -> Operand {
        let Shape::Catalog(oid) = operand.shape else { return operand };
        let (open, close) = match oid {
            REGPROC => ("pgc.regproc_out(", ")"),
            _ if VECTORS.contains(&oid) => ("array_to_string(", ", ' ')"),
            _ => return operand,
        };
        self.edits.open(operand.start, open);
        self.edits.close(operand.end, close);
        Operand { shape: Shape::Other, ..operand }
    }
}

fn object_type(name: &str) -> Option<ColumnType> {
    let oid = match name {
        "regproc" => REGPROC,
        "regprocedure" => 2202,
        "regoper" => 2203,
        "regoperator" => 2204,
        "regclass" => 2205,
        "regtype" => 2206,
        "regnamespace" => 4089,
        "regrole" => 4096,
        _ => return None,
    };
    Some((oid, -1))
}
