//! Columns of PostgreSQL's catalogs whose types DuckDB does not have.
//!
//! `oid`, `name`, `"char"` and their kin are numbers and texts in DuckDB, but clients decide by the type how they read a
//! value, and some compare it. A column of a catalog is known by its name alone, because no two catalogs disagree about
//! one; a label that a select list gives to such a column is remembered, at whatever depth, until another item takes the
//! same label for something else. Two kinds of columns also need care in expressions: the text of a `regproc` is the
//! function's name, and an `int2vector` counts from 0.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::expression::{Label, Operand, Shape};
use super::parser::Parser;

/// Schema, column, OID of the type, type modifier: made by tools/pg_catalog.py.
const COLUMNS: &str = include_str!("catalog_columns.txt");

/// OID of a type and its modifier.
pub type ColumnType = (u32, i32);

const REGPROC: u32 = 24;
const VECTORS: [u32; 2] = [22, 30];

/// What is known of the columns of a statement that reads a catalog.
#[derive(Debug, Default)]
pub(super) struct CatalogColumns {
    /// Labels that a select list gave; none where two disagree.
    labels: HashMap<String, Option<ColumnType>>,
    /// The items of the statement's own select list, those of all branches of a union in one.
    items: Vec<Item>,
    /// The item that comes next, and whether there is a `*` among them.
    next: usize,
    has_star: bool,
    reads_information_schema: bool,
    reads_catalog: bool,
}

/// What an item of a select list says of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    /// Nothing: a constant takes the type of the column it is united with.
    Open,
    /// DuckDB's own type.
    Plain,
    Told(ColumnType),
}

impl Item {
    fn united(self, other: Self) -> Self {
        match (self, other) {
            (Self::Open, known) | (known, Self::Open) => known,
            (one, other) if one == other => one,
            _ => Self::Plain,
        }
    }
}

/// The types of the columns of a statement's rows, where they are not what DuckDB's types say.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub struct ColumnTypes {
    /// By the places of the columns, where the select list tells their number.
    places: Option<Vec<Option<ColumnType>>>,
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
    const WORDS: &[&str] = &["pg_", "PG_", "information_schema", "INFORMATION_SCHEMA", "::reg", "::oid", "::name"];
    WORDS.iter().any(|word| sql.contains(word))
}

impl CatalogColumns {
    /// Notes a table that the statement names.
    pub fn table(&mut self, schema: &str, table: &str) {
        self.reads_information_schema |= schema == "information_schema";
        self.reads_catalog |= schema == "pg_catalog" || schema.is_empty() && table.starts_with("pg_");
    }

    fn of(&self, name: &str) -> Option<ColumnType> {
        match self.labels.get(name) {
            Some(known) => *known,
            None => of_any_catalog(name),
        }
    }

    /// A select list of the statement itself begins.
    pub fn begin_list(&mut self) {
        self.next = 0;
    }

    pub fn star(&mut self) {
        self.has_star = true;
    }

    pub fn types(self) -> ColumnTypes {
        let schemas = [("pg_catalog", self.reads_catalog), ("information_schema", self.reads_information_schema)];
        let schemas: Vec<_> = schemas.into_iter().filter(|(_, reads)| *reads).map(|(schema, _)| schema).collect();
        let told = |item: &Item| if let Item::Told(found) = item { Some(*found) } else { None };
        let items: Vec<_> = self.items.iter().map(told).collect();
        let places = (!self.has_star && items.iter().any(Option::is_some)).then_some(items);
        ColumnTypes { places, labels: self.labels, schemas }
    }
}

fn of_any_catalog(name: &str) -> Option<ColumnType> {
    column_type("pg_catalog", name).or_else(|| column_type("information_schema", name))
}

impl Parser<'_> {
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
        let source = &self.sql[operand.start..operand.end.max(operand.start)];
        let is_open = matches!(operand.shape, Shape::Text(_)) || source.eq_ignore_ascii_case("null");
        let is_own = self.depth == 0;
        let Some(catalog) = &mut self.catalog else { return };
        let found = match (&operand.label, &operand.shape) {
            (_, Shape::Object(name)) => object_type(name),
            (_, Shape::Catalog(oid)) => Some((*oid, -1)),
            (Label::Column(name), _) => catalog.of(name),
            _ => None,
        };
        let item = match (found, is_open) {
            (_, true) => Item::Open,
            (Some(found), _) => Item::Told(found),
            (None, _) => Item::Plain,
        };
        if is_own {
            match catalog.items.get_mut(catalog.next) {
                Some(known) => *known = known.united(item),
                None => catalog.items.push(item),
            }
            catalog.next += 1;
        }
        let own = match &operand.label {
            Label::Column(name) | Label::Weak(name) | Label::Strong(name) => Some(name.as_str()),
            Label::Unknown => None,
        };
        let Some(label) = alias.or(own).filter(|_| !is_open) else { return };
        match catalog.labels.get_mut(label) {
            Some(known) if *known == found => {}
            Some(known) => *known = None,
            None => {
                catalog.labels.insert(label.to_owned(), found);
            }
        }
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
