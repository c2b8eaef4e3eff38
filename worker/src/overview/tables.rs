//! The columns of the tables about statements: their names, kinds and values, in one place each. docs/tables.md explains them.

use std::collections::HashMap;

use tavana_wire::capacity::Capacity;
use tavana_wire::estimate::{Actual, Estimate};
use tavana_wire::status::{Overview, QueryRow, QueryState, QueueRow, WorkerRow};

use crate::engine::{Cell, CellKind, Connection, EngineError, Tables};
use CellKind::{Bool, Double, Integer, Text, Timestamp};

/// The tables, and the function behind each.
pub(crate) const VIEWS: [(&str, &str); 3] =
    [("queries", "tavana_queries"), ("queue", "tavana_queue"), ("workers", "tavana_workers")];

/// A column: its name, what it holds, and where that is found.
type Column<R> = (&'static str, CellKind, fn(&R) -> Cell);

const QUERIES: &[Column<QueryRow>] = &[
    ("query_id", Text, |row| id(&row.query_id)),
    ("principal", Text, |row| text(&row.principal)),
    ("session_id", Text, |row| id(&row.session_id)),
    ("protocol", Text, |row| text(&row.protocol)),
    ("state", Text, |row| text(state(row.state()))),
    ("outcome", Text, |row| text(&row.outcome)),
    ("class", Text, |row| text(&row.class)),
    ("sql", Text, |row| text(&row.sql)),
    ("fingerprint", Text, |row| estimated(row, |estimate| id(&estimate.fingerprint))),
    ("arrived_at", Timestamp, |row| Cell::Timestamp(row.arrived_us)),
    ("started_at", Timestamp, |row| time(row.started_us)),
    ("ended_at", Timestamp, |row| time(row.ended_us)),
    ("waited_ms", Double, |row| millis(row.waited_us)),
    ("run_ms", Double, |row| measured(row, |actual| millis(actual.run_us))),
    ("permit", Text, |row| text(&row.permit)),
    ("worker", Text, |row| text(&row.worker)),
    ("grant_bytes", Integer, |row| integer(row.grant_bytes)),
    ("estimated_scan_bytes", Integer, |row| estimated(row, |estimate| integer(estimate.scan_bytes))),
    ("estimated_rows", Integer, |row| estimated(row, |estimate| integer(estimate.rows))),
    ("estimated_output_bytes", Integer, |row| estimated(row, |estimate| integer(estimate.output_bytes))),
    ("estimated_peak_memory_bytes", Integer, |row| {
        estimated(row, |estimate| integer(Some(estimate.peak_memory_bytes)))
    }),
    ("estimate_confidence", Double, |row| estimated(row, |estimate| Cell::Double(estimate.confidence))),
    ("estimate_source", Text, |row| estimated(row, |estimate| text(estimate.source().label()))),
    ("rows", Integer, |row| measured(row, |actual| integer(Some(actual.rows)))),
    ("output_bytes", Integer, |row| measured(row, |actual| integer(Some(actual.output_bytes)))),
    ("peak_memory_bytes", Integer, |row| measured(row, |actual| integer(actual.peak_memory_bytes))),
    ("spilled_bytes", Integer, |row| measured(row, |actual| integer(actual.spilled_bytes))),
    ("relayed_bytes", Integer, |row| integer(Some(row.relayed_bytes))),
    ("gib_seconds", Double, |row| row.gib_seconds().map_or(Cell::Null, Cell::Double)),
    ("cost", Double, |row| row.cost.map_or(Cell::Null, Cell::Double)),
];

const QUEUE: &[Column<QueueRow>] = &[
    ("position", Integer, |row| integer(Some(row.position))),
    ("query_id", Text, |row| id(&row.query_id)),
    ("principal", Text, |row| text(&row.principal)),
    ("state", Text, |row| text(&row.state)),
    ("waited_ms", Double, |row| millis(row.waited_us)),
    ("expected_wait_ms", Integer, |row| integer(row.expected_wait_ms)),
    ("need_bytes", Integer, |row| integer(Some(row.need_bytes))),
    ("because", Text, |row| text(&row.because)),
    ("sql", Text, |row| text(&row.sql)),
];

const WORKERS: &[Column<WorkerRow>] = &[
    ("name", Text, |row| text(&row.name)),
    ("worker_id", Text, |row| id(&row.worker_id)),
    ("state", Text, |row| text(&row.state)),
    ("calls", Integer, |row| integer(Some(row.calls))),
    ("memory_bytes", Integer, |row| has(row, |capacity| integer(Some(capacity.memory_bytes)))),
    ("granted_bytes", Integer, |row| has(row, |capacity| integer(Some(capacity.granted_bytes)))),
    ("slots", Integer, |row| has(row, |capacity| Cell::Integer(capacity.slots.into()))),
    ("grants", Integer, |row| has(row, |capacity| Cell::Integer(capacity.grants.into()))),
    ("used_bytes", Integer, |row| has(row, |capacity| integer(Some(capacity.used_bytes)))),
    ("anonymous_bytes", Integer, |row| has(row, |capacity| integer(Some(capacity.anonymous_bytes)))),
    ("spilled_bytes", Integer, |row| has(row, |capacity| integer(Some(capacity.spilled_bytes)))),
    ("spill_limit_bytes", Integer, |row| has(row, |capacity| integer(Some(capacity.spill_limit_bytes)))),
    ("process_limit_bytes", Integer, |row| has(row, |capacity| integer(Some(capacity.process_limit_bytes)))),
    ("draining", Bool, |row| has(row, |capacity| Cell::Bool(capacity.draining))),
];

/// Registers the functions.
pub(super) fn register(connection: &Connection) -> Result<(), EngineError> {
    connection.add_table_function(VIEWS[0].1, named(QUERIES))?;
    connection.add_table_function(VIEWS[1].1, named(QUEUE))?;
    connection.add_table_function(VIEWS[2].1, named(WORKERS))
}

/// The rows as the functions give them.
pub(super) fn rows(overview: &Overview) -> Tables {
    HashMap::from([
        (VIEWS[0].1, cells(QUERIES, &overview.queries)),
        (VIEWS[1].1, cells(QUEUE, &overview.queue)),
        (VIEWS[2].1, cells(WORKERS, &overview.workers)),
    ])
}

fn named<R>(columns: &[Column<R>]) -> Vec<(&'static str, CellKind)> {
    columns.iter().map(|(name, kind, _)| (*name, *kind)).collect()
}

fn cells<R>(columns: &[Column<R>], rows: &[R]) -> Vec<Vec<Cell>> {
    rows.iter().map(|row| columns.iter().map(|(_, _, of)| of(row)).collect()).collect()
}

/// Text; an empty one is none.
fn text(text: &str) -> Cell {
    if text.is_empty() { Cell::Null } else { Cell::Text(text.to_owned()) }
}

/// An id as hexadecimal digits.
fn id(bytes: &[u8]) -> Cell {
    text(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn integer(value: Option<u64>) -> Cell {
    value.map_or(Cell::Null, |value| Cell::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn millis(us: u64) -> Cell {
    Cell::Double(us as f64 / 1000.0)
}

fn time(us: Option<i64>) -> Cell {
    us.map_or(Cell::Null, Cell::Timestamp)
}

fn estimated(row: &QueryRow, of: impl FnOnce(&Estimate) -> Cell) -> Cell {
    row.estimate.as_ref().map_or(Cell::Null, of)
}

fn measured(row: &QueryRow, of: impl FnOnce(&Actual) -> Cell) -> Cell {
    row.actual.as_ref().map_or(Cell::Null, of)
}

fn has(row: &WorkerRow, of: impl FnOnce(&Capacity) -> Cell) -> Cell {
    row.capacity.as_ref().map_or(Cell::Null, of)
}

fn state(state: QueryState) -> &'static str {
    match state {
        QueryState::Unknown => "unknown",
        QueryState::Queued => "queued",
        QueryState::Running => "running",
        QueryState::Finished => "finished",
        QueryState::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCS: &str = include_str!("../../../docs/tables.md");

    #[test]
    fn every_column_is_explained() {
        let columns = [("queries", named(QUERIES)), ("queue", named(QUEUE)), ("workers", named(WORKERS))];
        for (table, columns) in columns {
            let heading = format!("\n## `tavana.{table}`\n");
            let section = DOCS.split_once(&heading).unwrap_or_else(|| panic!("{table} is not explained")).1;
            let section = section.split("\n## ").next().unwrap();
            let rows = section.lines().filter(|line| line.starts_with("| `"));
            let explained: Vec<&str> = rows.map(|line| line.split('`').nth(1).unwrap()).collect();
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            assert_eq!(explained, names, "{table}");
        }
    }

    #[test]
    fn a_value_is_of_the_kind_of_its_column() {
        let full = Overview {
            queries: vec![QueryRow {
                query_id: vec![1; 16],
                session_id: vec![2; 16],
                principal: "ada".to_owned(),
                protocol: "flight".to_owned(),
                sql: "SELECT 1".to_owned(),
                class: "read".to_owned(),
                outcome: "ok".to_owned(),
                worker: "w".to_owned(),
                permit: "fifo".to_owned(),
                estimate: Some(Estimate {
                    scan_bytes: Some(1),
                    rows: Some(1),
                    output_bytes: Some(1),
                    fingerprint: vec![3; 16],
                    ..Estimate::default()
                }),
                actual: Some(Actual { peak_memory_bytes: Some(u64::MAX), spilled_bytes: Some(0), ..Actual::default() }),
                started_us: Some(1),
                ended_us: Some(2),
                grant_bytes: Some(3),
                cost: Some(0.1),
                ..QueryRow::default()
            }],
            queue: vec![QueueRow {
                query_id: vec![1; 16],
                principal: "ada".to_owned(),
                state: "waiting".to_owned(),
                expected_wait_ms: Some(1),
                because: "of this".to_owned(),
                sql: "SELECT 1".to_owned(),
                ..QueueRow::default()
            }],
            workers: vec![WorkerRow {
                name: "w".to_owned(),
                worker_id: vec![1; 16],
                state: "up".to_owned(),
                capacity: Some(Capacity::default()),
                calls: 1,
            }],
            ..Overview::default()
        };
        let kinds = [named(QUERIES), named(QUEUE), named(WORKERS)];
        for ((_, function), columns) in VIEWS.into_iter().zip(kinds) {
            let tables = rows(&full);
            for ((name, kind), cell) in columns.iter().zip(&tables[function][0]) {
                let is_of_kind = matches!(
                    (kind, cell),
                    (Text, Cell::Text(_))
                        | (Integer, Cell::Integer(_))
                        | (Double, Cell::Double(_))
                        | (Bool, Cell::Bool(_))
                        | (Timestamp, Cell::Timestamp(_))
                );
                assert!(is_of_kind, "{function} {name}: {cell:?}");
            }
        }
    }
}
