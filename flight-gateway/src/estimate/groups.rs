//! Groups, and how many there are.
//!
//! There are as many groups as their keys have values together, as far as there are rows to have them; keys of one relation have no more
//! values together than it has rows. What an expression has as values is told from the columns in it.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion_expr::expr::{AggregateFunction, GroupingSet};
use datafusion_expr::logical_plan::Aggregate;
use datafusion_expr::{Expr, ExprSchemable as _};

use super::functions;
use super::memory::{Kind, Operator};
use super::operators::{Named, Step, Walk, capped, has_heap, named, total_width};
use super::selectivity::{Columns as _, column_of};
use super::tables::{Column, width};

impl Walk {
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Step {
        let input = self.step(&aggregate.input);
        let named = named(&aggregate.input, &input.columns);
        let rows = input.operator.rows;
        let (keys, sets) = grouping(&aggregate.group_expr);
        let mut columns: Vec<Column> = keys.iter().map(|expr| expression(expr, &named, rows)).collect();
        let mut state = 0.0;
        let mut kept = 0.0;
        let mut distinct: Vec<Operator> = Vec::new();
        for expr in &aggregate.aggr_expr {
            let Some(function) = aggregate_of(expr) else { continue };
            let given: Vec<Column> = function.params.args.iter().map(|arg| expression(arg, &named, rows)).collect();
            let bytes = total_width(&given);
            if functions::is_holistic(function.func.name()) {
                kept += bytes;
            }
            state += match function.func.name() {
                "count" | "count_star" => 8.0,
                // Texts lie beside their state.
                "min" | "max" | "first" | "any_value" => bytes.max(8.0),
                _ => 24.0,
            };
            if function.params.distinct && !matches!(function.func.name(), "min" | "max") {
                let pairs: Vec<Column> = columns.iter().cloned().chain(given).collect();
                let count = group_count(&pairs, rows, 1.0);
                let kind = Kind::Group { row_bytes: total_width(&pairs), kept_bytes: 0.0 };
                distinct.push(Operator::new(kind, count, total_width(&pairs), vec![input.operator.clone()]));
            }
        }
        let types = aggregate.schema.fields().iter().skip(columns.len());
        let results: Vec<Column> =
            types.map(|field| Column { width: width(field.data_type(), None), ..Column::default() }).collect();
        let mut step = group(input, std::mem::take(&mut columns), state, kept, sets);
        if let Some(largest) = distinct.into_iter().max_by(|a, b| a.rows.total_cmp(&b.rows)) {
            // Different values are found first, in a table that stands until its rows are grouped.
            step.operator.inputs = vec![largest];
        }
        step.columns.extend(results);
        step.columns = self.owned(step.columns, step.operator.rows);
        step.operator.width = total_width(&step.columns);
        if keys.is_empty() {
            step.operator.rows = 1.0;
        }
        step.base_rows = step.operator.rows;
        step
    }
}

/// Groups by all of `columns`, in so many sets of them.
pub(super) fn group(input: Step, columns: Vec<Column>, state: f64, kept: f64, sets: f64) -> Step {
    let rows = group_count(&columns, input.operator.rows, sets);
    let row_bytes = total_width(&columns) + state;
    let columns: Vec<Column> = capped(columns, rows)
        .into_iter()
        .map(|column| Column { domain: column.distinct.or(column.domain), ..column })
        .collect();
    let kind = Kind::Group { row_bytes, kept_bytes: kept };
    let operator = Operator::new(kind, rows, total_width(&columns), vec![input.operator]);
    Step { operator: operator.with_heap(has_heap(&columns)), columns, base_rows: rows }
}

/// How many groups the keys make: as many as they have values together, as far as there are rows to have them.
fn group_count(keys: &[Column], rows: f64, sets: f64) -> f64 {
    let met = |values: f64| values * (1.0 - (-rows / values.max(1.0)).exp());
    // A key of which nothing is known tells half of the rows apart, on a scale of orders of magnitude.
    let unknown = rows.max(1.0).powf(0.75);
    // Columns of one relation have no more values together than it has rows.
    let mut owners: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    let mut all = 1.0_f64;
    for key in keys {
        let values = met(key.distinct.unwrap_or(unknown)).max(1.0);
        match key.owner {
            Some((owner, rows)) => {
                let known = owners.entry(owner).or_insert((1.0, rows.max(1.0)));
                *known = (known.0 * values, known.1.min(rows.max(1.0)));
            }
            None => all *= values,
        }
    }
    all *= owners.values().map(|(values, rows)| values.min(*rows)).product::<f64>();
    (met(all.min(1e15)).max(1.0) * sets).min(rows.max(1.0) * sets)
}

/// The keys of a grouping, and how many sets of them there are.
fn grouping(exprs: &[Expr]) -> (Vec<Expr>, f64) {
    match exprs {
        [Expr::GroupingSet(set)] => {
            let keys: Vec<Expr> = set.distinct_expr().into_iter().cloned().collect();
            let sets = match set {
                // The most groups are in the set of all keys; the others add a part to it.
                GroupingSet::Rollup(_) => 1.5,
                GroupingSet::Cube(_) => 2.0,
                GroupingSet::GroupingSets(sets) => sets.len() as f64 * 0.75,
            };
            (keys, sets.max(1.0))
        }
        _ => (exprs.to_vec(), 1.0),
    }
}

fn aggregate_of(expr: &Expr) -> Option<&AggregateFunction> {
    match expr {
        Expr::AggregateFunction(function) => Some(function),
        Expr::Alias(alias) => aggregate_of(&alias.expr),
        _ => None,
    }
}

/// What is known of an expression's values.
pub(super) fn expression(expr: &Expr, columns: &Named<'_>, rows: f64) -> Column {
    if let Some(column) = column_of(expr).and_then(|column| columns.column(column)) {
        return column.clone();
    }
    let kind = expr.get_type(columns.schema).unwrap_or(DataType::Utf8);
    let refs = expr.column_refs();
    let known: Vec<&Column> = refs.iter().filter_map(|column| columns.column(column)).collect();
    let distinct = match values_of(expr) {
        Some(values) => Some(values),
        None if refs.is_empty() => Some(1.0),
        None => known.iter().map(|column| column.distinct).product::<Option<f64>>(),
    };
    let distinct = distinct.map(|distinct| distinct.min(rows.max(1.0)));
    let text = known.iter().map(|column| column.width).fold(0.0, f64::max);
    let width = if kind.is_primitive() { width(&kind, None) } else { text.max(width(&kind, None)) };
    Column { width, distinct, domain: distinct, ..Column::default() }
}

/// How many values an expression can have, whatever it is about.
fn values_of(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Alias(alias) => values_of(&alias.expr),
        Expr::Cast(cast) => values_of(&cast.expr),
        Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::Like(_) | Expr::InList(_) | Expr::Not(_) => Some(2.0),
        Expr::Case(case) => Some(case.when_then_expr.len() as f64 + 1.0)
            .filter(|_| case.when_then_expr.iter().all(|(_, then)| matches!(**then, Expr::Literal(..)))),
        Expr::ScalarFunction(function) => {
            let part = match (function.func.name(), function.args.first()) {
                ("date_part" | "datepart", Some(Expr::Literal(part, _))) => part.to_string().to_lowercase(),
                (name, _) => name.to_owned(),
            };
            Some(match part.as_str() {
                "year" => 30.0,
                "month" | "monthname" => 12.0,
                "quarter" => 4.0,
                "week" => 53.0,
                "day" => 31.0,
                "dayname" | "dayofweek" | "isodow" | "dow" => 7.0,
                "hour" => 24.0,
                "minute" | "second" => 60.0,
                _ => return None,
            })
        }
        _ => None,
    }
}
