//! DataFusion's plan as operators with rows and bytes, the way that DuckDB would run it.
//!
//! Each step of the plan is walked from the relations up, with what is known of every column: how many different values it has, and how
//! wide they are. Conditions keep parts of the rows (`selectivity`), inner joins that stand together are ordered anew (`inner`), groups are as many
//! as their keys have values together (`groups`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion_common::{DFSchema, JoinType};
use datafusion_expr::logical_plan::{Distinct, FetchType, Join, TableScan, Window};
use datafusion_expr::{Expr, LogicalPlan};
use tavana_wire::statistics::RelationKind;

use super::groups::{expression, group};
use super::memory::{Kind, Operator};
use super::planner::Source;
use super::scan::{Scanned, scan};
use super::selectivity::{self, Columns, column_of};
use super::tables::{Column, width};

/// A step of a plan: what it does, and the columns that it gives, in the order of its schema.
pub(super) struct Step {
    pub(super) operator: Operator,
    pub(super) columns: Vec<Column>,
    /// Rows before conditions, where it is a relation with some.
    pub(super) base_rows: f64,
}

/// A scan, for people and in sum.
pub(super) struct ScanNote {
    pub(super) scanned: Scanned,
    pub(super) text: String,
}

/// A walk through one plan.
#[derive(Default)]
pub(super) struct Walk {
    /// By the place in FROM: what stands in WITH and is used twice is read once.
    pub(super) scans: BTreeMap<String, ScanNote>,
    /// Blocks that are read, by the table: DuckDB reads one once, and finds it in memory the next time.
    blocks: HashMap<Vec<String>, (HashSet<u32>, f64)>,
    /// What could not be told.
    pub(super) unknown: BTreeSet<String>,
    /// Relations that were numbered.
    owners: usize,
}

/// The columns of a step by their names.
pub(super) struct Named<'a> {
    pub(super) schema: &'a DFSchema,
    pub(super) columns: &'a [Column],
}

impl Columns for Named<'_> {
    fn column(&self, column: &datafusion_common::Column) -> Option<&Column> {
        self.columns.get(self.schema.maybe_index_of_column(column)?)
    }
}

/// Bytes of a text in its row; one that is longer than fits in them has the rest elsewhere.
const INLINE: f64 = 16.0;
/// Rows of a recursive query for each row that it begins with.
const RECURSION: f64 = 10.0;
/// Items of a list that is taken apart.
const UNNESTED: f64 = 5.0;
/// How much larger what is read of a file is in memory for a while.
const DECODED: f64 = 2.5;
/// What reading a table of DuckDB's own takes for each thread.
const TABLE_BUFFER: f64 = 256.0 * 1024.0;

impl Walk {
    pub(super) fn step(&mut self, plan: &LogicalPlan) -> Step {
        let mut step = self.alone(plan);
        for below in subqueries(plan) {
            // It gives one value, ahead of the rest.
            let (rows, width) = (step.operator.rows, step.operator.width);
            let value = Operator::new(Kind::Stream, 1.0, 8.0, vec![self.step(&below).operator]);
            step.operator = Operator::new(Kind::LoopJoin, rows, width, vec![step.operator, value]);
        }
        step
    }

    /// A step without the queries in its expressions.
    fn alone(&mut self, plan: &LogicalPlan) -> Step {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Projection(projection) => {
                let input = self.step(&projection.input);
                let columns = named(&projection.input, &input.columns);
                let columns =
                    projection.expr.iter().map(|expr| expression(expr, &columns, input.operator.rows)).collect();
                stream(input, columns, None)
            }
            LogicalPlan::Filter(filter) => {
                let input = self.step(&filter.input);
                let kept = selectivity::part(&filter.predicate, &named(&filter.input, &input.columns));
                let rows = input.operator.rows * kept;
                let columns = capped(input.columns.clone(), rows);
                stream(input, columns, Some(rows))
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let step = self.step(input);
                let columns = step.columns.clone();
                group(step, columns, 0.0, 0.0, 1.0)
            }
            LogicalPlan::Distinct(Distinct::On(on)) => {
                let step = self.step(&on.input);
                let named = named(&on.input, &step.columns);
                let columns = on.select_expr.iter().map(|expr| expression(expr, &named, step.operator.rows)).collect();
                group(step, columns, 0.0, 0.0, 1.0)
            }
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Sort(sort) => {
                let input = self.step(&sort.input);
                let (rows, width) = (input.operator.rows, input.operator.width);
                let (kind, rows) = match sort.fetch {
                    Some(fetch) => (Kind::Top, rows.min(fetch as f64)),
                    None => (Kind::Sort, rows),
                };
                Step { operator: Operator::new(kind, rows, width, vec![input.operator]), ..input }
            }
            LogicalPlan::Limit(limit) => {
                let input = self.step(&limit.input);
                let fetch = match limit.get_fetch_type() {
                    Ok(FetchType::Literal(Some(fetch))) => fetch as f64,
                    _ => f64::MAX,
                };
                let rows = input.operator.rows.min(fetch);
                let columns = capped(input.columns.clone(), rows);
                stream(input, columns, Some(rows))
            }
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner => self.inner(plan),
            LogicalPlan::Join(join) => self.outer(join),
            LogicalPlan::SubqueryAlias(alias) => self.step(&alias.input),
            LogicalPlan::Subquery(subquery) => self.step(&subquery.subquery),
            LogicalPlan::Repartition(repartition) => self.step(&repartition.input),
            other => self.rare(other),
        }
    }

    /// A step of the kinds that most plans do not have.
    fn rare(&mut self, plan: &LogicalPlan) -> Step {
        match plan {
            LogicalPlan::Union(union) => {
                let steps: Vec<Step> = union.inputs.iter().map(|input| self.step(input)).collect();
                united(steps, Kind::Union, 1.0)
            }
            LogicalPlan::RecursiveQuery(query) => {
                let steps = vec![self.step(&query.static_term), self.step(&query.recursive_term)];
                self.unknown.insert("how often a recursive query goes round".to_owned());
                united(steps, Kind::Keep, RECURSION)
            }
            LogicalPlan::EmptyRelation(empty) => self.nothing(plan, f64::from(u8::from(empty.produce_one_row))),
            LogicalPlan::Values(values) => self.nothing(plan, values.values.len() as f64),
            LogicalPlan::Unnest(unnest) => {
                self.unknown.insert("how long lists are".to_owned());
                let input = self.step(&unnest.input);
                let rows = input.operator.rows * UNNESTED;
                stream(input, unknown_columns(plan), Some(rows))
            }
            other => match other.inputs().first() {
                Some(input) => self.step(input),
                None => self.nothing(plan, 1.0),
            },
        }
    }

    fn nothing(&self, plan: &LogicalPlan, rows: f64) -> Step {
        let columns = capped(unknown_columns(plan), rows);
        let operator = Operator::new(Kind::Stream, rows, total_width(&columns), Vec::new());
        Step { operator, columns, base_rows: rows }
    }

    fn scan(&mut self, scan: &TableScan) -> Step {
        let fields = scan.projected_schema.fields().len();
        let Some(source) = scan.source.downcast_ref::<Source>() else {
            // What a recursive query has found in its last round.
            let columns = vec![Column { width: 16.0, ..Column::default() }; fields];
            let operator = Operator::new(Kind::Stream, 1000.0, total_width(&columns), Vec::new());
            return Step { operator, columns, base_rows: 1000.0 };
        };
        let table = &source.table;
        let given: Vec<usize> = match &scan.projection {
            Some(projection) => projection.clone(),
            None => (0..table.columns.len()).collect(),
        };
        let mut used: BTreeSet<usize> = given.iter().copied().collect();
        let named = scan.filters.iter().flat_map(|filter| filter.column_refs());
        used.extend(named.filter_map(|column| table.schema.index_of(&column.name).ok()));
        let scanned = self::scan(table, &used, &scan.filters);
        let rows = scan.fetch.map_or(scanned.rows, |fetch| scanned.rows.min(fetch as f64));
        let columns: Vec<Column> = given.iter().filter_map(|&at| table.columns.get(at).cloned()).collect();
        let columns = self.owned(capped(columns, rows), rows);
        let pieces: usize = table.told.files.iter().map(|file| file.row_groups.len()).sum();
        let buffer_bytes = match table.kind {
            RelationKind::Table => TABLE_BUFFER,
            _ => scanned.bytes / (pieces as f64 * scanned.read_part).max(1.0) * DECODED,
        };
        let operator = Operator::new(
            Kind::Scan { buffer_bytes: buffer_bytes.min(512e6), read_rows: table.rows * scanned.read_part },
            rows,
            total_width(&columns),
            Vec::new(),
        );
        let operator = operator.with_heap(has_heap(&columns));
        self.note(scan, source, scanned, used.len());
        Step { operator, columns, base_rows: table.rows }
    }

    /// Bytes that all scans read together.
    pub(super) fn scanned_bytes(&self) -> f64 {
        let apart = self.scans.values().filter(|note| note.scanned.blocks.is_empty()).map(|note| note.scanned.bytes);
        let in_blocks = self.blocks.values().map(|(blocks, bytes)| blocks.len() as f64 * bytes);
        apart.sum::<f64>() + in_blocks.sum::<f64>()
    }

    /// Columns of a new relation of so many rows.
    pub(super) fn owned(&mut self, mut columns: Vec<Column>, rows: f64) -> Vec<Column> {
        self.owners += 1;
        columns.iter_mut().for_each(|column| column.owner = Some((self.owners, rows)));
        columns
    }

    fn note(&mut self, scan: &TableScan, source: &Source, scanned: Scanned, used: usize) {
        let table = &source.table;
        let what = match (table.told.name.last(), table.told.file_count) {
            (Some(name), 0) => format!("table {name}"),
            (Some(name), files) => format!("table {name} ({})", counted(files as f64 * scanned.files_part, files)),
            (None, files) => counted(files as f64 * scanned.files_part, files),
        };
        let columns = table.columns.len();
        let (read, stored) = (bytes_text(scanned.bytes), bytes_text(scanned.stored_bytes));
        let text = format!("reads {} of {columns} columns of {what}, {read} of {stored}", used.min(columns));
        if !scanned.blocks.is_empty() {
            let known = self.blocks.entry(table.told.name.clone()).or_default();
            known.0.extend(&scanned.blocks);
            // With those left out that were not looked at.
            known.1 = scanned.bytes / scanned.blocks.len() as f64;
        }
        // With other conditions it is read once more.
        let filters: Vec<String> = scan.filters.iter().map(ToString::to_string).collect();
        let place = format!("{}{}", scan.table_name.table(), filters.join("&"));
        let is_larger = self.scans.get(&place).is_none_or(|known| known.scanned.bytes < scanned.bytes);
        if is_larger {
            self.scans.insert(place, ScanNote { scanned, text });
        }
        if table.told.is_sampled {
            self.unknown.insert("what stands in files that were not looked at".to_owned());
        }
        if table.told.rows.is_none() {
            self.unknown.insert("how many rows there are".to_owned());
        }
    }

    fn window(&mut self, window: &Window) -> Step {
        let input = self.step(&window.input);
        let given = window.schema.fields().len() - input.columns.len().min(window.schema.fields().len());
        let mut columns = input.columns.clone();
        columns.extend(std::iter::repeat_n(Column { width: 8.0, ..Column::default() }, given));
        // Without an order or parts it streams.
        let streams = window.window_expr.iter().all(|expr| match expr.clone().unalias() {
            Expr::WindowFunction(function) => {
                function.params.partition_by.is_empty() && function.params.order_by.is_empty()
            }
            _ => false,
        });
        let kind = if streams { Kind::Stream } else { Kind::Window };
        let operator = Operator::new(kind, input.operator.rows, total_width(&columns), vec![input.operator]);
        Step { operator, columns, base_rows: input.base_rows }
    }

    /// A join that keeps rows without a match, or only tells whether there is one.
    fn outer(&mut self, join: &Join) -> Step {
        let (left, right) = (self.step(&join.left), self.step(&join.right));
        let (left_rows, right_rows) = (left.operator.rows, right.operator.rows);
        let (by_left, by_right) = (named(&join.left, &left.columns), named(&join.right, &right.columns));
        let values = |expr: &Expr, columns: &Named<'_>, rows: f64| {
            column_of(expr).and_then(|column| columns.column(column)).and_then(|column| column.domain).unwrap_or(rows)
        };
        let keys: Vec<(f64, f64)> = join
            .on
            .iter()
            .map(|(l, r)| (values(l, &by_left, left.base_rows), values(r, &by_right, right.base_rows)))
            .collect();
        let most = keys.iter().map(|(l, r)| l.max(*r)).product::<f64>();
        let most = most.min(left.base_rows.max(right.base_rows)).max(1.0);
        let matches = if keys.is_empty() { left_rows * right_rows } else { left_rows * right_rows / most };
        let both = Both { left: by_left, right: by_right };
        let matches = matches * join.filter.as_ref().map_or(1.0, |filter| selectivity::part(filter, &both));
        // Those rows have a match whose value is among those of the other side.
        let matched = |of: &[(f64, f64)], rows: f64, swap: bool| match of.first() {
            None => 1.0,
            Some(&(l, r)) => {
                let (own, other) = if swap { (r, l) } else { (l, r) };
                (other.min(rows) / own.max(1.0)).min(1.0)
            }
        };
        let narrowed = if join.filter.is_some() { 0.5 } else { 1.0 };
        let semi_left = left_rows * matched(&keys, right_rows, false) * narrowed;
        let semi_right = right_rows * matched(&keys, left_rows, true) * narrowed;
        let rows = match join.join_type {
            JoinType::Inner => matches,
            JoinType::Left => matches.max(left_rows),
            JoinType::Right => matches.max(right_rows),
            JoinType::Full => matches.max(left_rows + right_rows),
            JoinType::LeftSemi => semi_left,
            JoinType::RightSemi => semi_right,
            JoinType::LeftAnti => (left_rows - semi_left).max(left_rows * 0.05),
            JoinType::RightAnti => (right_rows - semi_right).max(right_rows * 0.05),
            JoinType::LeftMark => left_rows,
            JoinType::RightMark => right_rows,
        };
        let mark = || Column { width: 1.0, distinct: Some(2.0), domain: Some(2.0), ..Column::default() };
        let columns: Vec<Column> = match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => left.columns,
            JoinType::RightSemi | JoinType::RightAnti => right.columns,
            JoinType::LeftMark => left.columns.into_iter().chain([mark()]).collect(),
            JoinType::RightMark => right.columns.into_iter().chain([mark()]).collect(),
            _ => left.columns.into_iter().chain(right.columns).collect(),
        };
        let columns = capped(columns, rows);
        let operator = super::joins::pair(left.operator, right.operator, rows, total_width(&columns), !keys.is_empty());
        let operator = operator.with_heap(has_heap(&columns));
        Step { operator, columns, base_rows: rows }
    }
}

/// The plans of queries in a step's own expressions that no join has taken the place of.
fn subqueries(plan: &LogicalPlan) -> Vec<Arc<LogicalPlan>> {
    let mut found = Vec::new();
    for expr in plan.expressions() {
        let gather = |expr: &Expr| {
            match expr {
                Expr::ScalarSubquery(subquery) => found.push(Arc::clone(&subquery.subquery)),
                Expr::InSubquery(within) => found.push(Arc::clone(&within.subquery.subquery)),
                Expr::Exists(exists) => found.push(Arc::clone(&exists.subquery.subquery)),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        };
        // Nothing in it fails.
        let _ = expr.apply(gather);
    }
    found
}

/// The columns of both sides of a join.
struct Both<'a> {
    left: Named<'a>,
    right: Named<'a>,
}

impl Columns for Both<'_> {
    fn column(&self, column: &datafusion_common::Column) -> Option<&Column> {
        self.left.column(column).or_else(|| self.right.column(column))
    }
}

pub(super) fn named<'a>(plan: &'a LogicalPlan, columns: &'a [Column]) -> Named<'a> {
    Named { schema: plan.schema(), columns }
}

fn unknown_columns(plan: &LogicalPlan) -> Vec<Column> {
    let column = |kind: &DataType| Column { width: width(kind, None), ..Column::default() };
    plan.schema().fields().iter().map(|field| column(field.data_type())).collect()
}

/// There are no more different values than rows.
pub(super) fn capped(mut columns: Vec<Column>, rows: f64) -> Vec<Column> {
    for column in &mut columns {
        column.distinct = column.distinct.map(|distinct| distinct.min(rows.max(1.0)));
    }
    columns
}

/// Whether some of the columns are texts that lie beside their rows.
pub(super) fn has_heap(columns: &[Column]) -> bool {
    columns.iter().any(|column| is_apart(column.width))
}

/// Whether values of this width are texts that are too long for their rows.
pub(super) fn is_apart(width: f64) -> bool {
    width > INLINE
}

pub(super) fn total_width(columns: &[Column]) -> f64 {
    columns.iter().map(|column| column.width).sum()
}

/// A step that gives rows as they come.
fn stream(input: Step, columns: Vec<Column>, rows: Option<f64>) -> Step {
    let rows = rows.unwrap_or(input.operator.rows);
    let operator = Operator::new(Kind::Stream, rows, total_width(&columns), vec![input.operator]);
    Step { operator: operator.with_heap(has_heap(&columns)), columns, base_rows: input.base_rows }
}

fn united(steps: Vec<Step>, kind: Kind, times: f64) -> Step {
    let rows = steps.iter().map(|step| step.operator.rows).sum::<f64>() * times;
    let mut columns = steps.first().map(|step| step.columns.clone()).unwrap_or_default();
    for (at, column) in columns.iter_mut().enumerate() {
        let sum = |value: fn(&Column) -> Option<f64>| {
            steps.iter().map(|step| value(step.columns.get(at)?)).sum::<Option<f64>>()
        };
        (column.distinct, column.domain) = (sum(|c| c.distinct), sum(|c| c.domain));
        // They are no columns of the first relation any more, which has fewer rows.
        column.owner = None;
    }
    let operators = steps.into_iter().map(|step| step.operator).collect();
    let operator = Operator::new(kind, rows, total_width(&columns), operators).with_heap(has_heap(&columns));
    Step { operator, columns, base_rows: rows }
}

fn counted(read: f64, all: u64) -> String {
    let read = (read.round() as u64).min(all);
    match (read, all) {
        (1, 1) => "1 file".to_owned(),
        (read, all) if read == all => format!("{all} files"),
        (read, all) => format!("{read} of {all} files"),
    }
}

/// Bytes for people.
pub(super) fn bytes_text(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024.0 {
        return format!("{bytes:.0} bytes");
    }
    let (mut amount, mut unit) = (bytes / 1024.0, 0);
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        (amount, unit) = (amount / 1024.0, unit + 1);
    }
    format!("{amount:.1} {}", UNITS[unit])
}
